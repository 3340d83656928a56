"""Sharing a machine: what a process does with its memory and its batches."""

import platform
import subprocess
import sys

import pytest

from playground.processors import batch_rows

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
