"""What the figures were measured on."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import torch

from tests.benchmarks.timing import digits

SIZE = 1024
REPEATS = 15
PACKAGES = ("torch", "transformers", "tokenizers", "gradio")


def describe() -> dict[str, str]:
    """Processor, load, threads, versions and the rate of matrix products."""
    rates = [
        f"{digits(matrix_rate(dtype))} in {name}"
        for dtype, name in ((torch.float32, "float32"), (torch.bfloat16, "bfloat16"))
    ]
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "load": f"{os.getloadavg()[0]:.1f} in the last minute, before the first measurement",
        "torch threads": f"{torch.get_num_threads()}, {_waiting()}",
        "GFLOP/s": f"{', '.join(rates)} (products of {SIZE} × {SIZE} matrices)",
        "versions": ", ".join(
            [
                f"Python {platform.python_version()}",
                *(f"{name} {version(name)}" for name in PACKAGES),
            ]
        ),
    }


def _waiting() -> str:
    """How threads wait for each other, which matters most where others want the cores too."""
    policy = os.environ.get("OMP_WAIT_POLICY")
    return f"OMP_WAIT_POLICY {policy}" if policy else "which spin while they wait"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def matrix_rate(dtype: torch.dtype) -> float:
    """Billions of multiplications and additions a second, at the best of some repeats."""
    left, right = torch.randn(SIZE, SIZE).to(dtype), torch.randn(SIZE, SIZE).to(dtype)
    fastest = float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        left @ right
        fastest = min(fastest, time.perf_counter() - began)
    return 2 * SIZE**3 / fastest / 1e9
