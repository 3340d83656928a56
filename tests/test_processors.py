"""Sharing a machine: what a process does with its memory and its batches."""

import platform
import subprocess
import sys

import pytest
import torch

from playground.processors import SMALL, batch_rows, settle_threads

FAULTS = """
import resource
from playground.processors import keep_freed_memory

if {kept}:
    keep_freed_memory()
for _ in range(2):
    bytearray(2**26)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    bytearray(2**26)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU library can be told")
def test_freed_memory_is_kept_for_the_next_step() -> None:
    def faults(kept: bool) -> int:
        script = FAULTS.format(kept=kept)
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert faults(kept=True) < faults(kept=False) / 10


def test_an_accelerator_reads_more_at_a_time() -> None:
    assert batch_rows("cpu") < batch_rows("cuda") == batch_rows("mps")


@pytest.mark.parametrize(
    ("parameters", "share", "threads"), [(SMALL, "3", 1), (SMALL + 1, "3", 3), (SMALL + 1, "", 5)]
)
def test_a_large_model_is_computed_on_the_share_of_the_cores_that_was_given(
    monkeypatch: pytest.MonkeyPatch, parameters: int, share: str, threads: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", share)
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    before = torch.get_num_threads()
    try:
        settle_threads(parameters)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
