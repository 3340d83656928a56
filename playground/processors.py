"""How torch shares the processors with its neighbours.

A torch thread that waits for another spins by default. The page's process and a training worker
then take the cores from each other while doing nothing: on two cores a step of 20 ms was measured
at seconds. Threads that sleep while they wait cost little when alone and nothing when not.
"""

import contextlib
import ctypes
import gc
import os
import sys

# Up to this size a step is fastest on one core: handing out pieces takes longer than computing
# them, and the other cores are free for the page. Measured with 5 M parameters on two cores:
# 58 ms a step on one, 65 on two.
SMALL = 30_000_000


# Prompts of like length that are computed together, by where. Small batches suit a processor: one
# fills its core, and what it works on stays in the cache. Without padding they may be larger.
_CPU_BATCH, _PACKED_BATCH, _ACCELERATOR_BATCH = 16, 32, 256


# For the environment of a process that shares its machine, before it imports torch.
SLEEPING_THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}


def settle_threads(parameters: int) -> None:
    """Lets torch compute on one core for a small model, on all of them for a larger one.

    Where this process was given a share of the machine, OMP_NUM_THREADS, that is all of them.
    """
    import torch

    share = os.environ.get("OMP_NUM_THREADS", "")
    cores = int(share) if share.isdecimal() and int(share) else os.cpu_count() or 1
    torch.set_num_threads(1 if parameters <= SMALL else cores)


def keep_freed_memory() -> None:
    """Has this process keep what it frees, for the next step to take; with the GNU library only.

    What a training step needs is hundreds of megabytes in a few pieces. By default such pieces go
    back to the system and come anew, which took a third of the time (measured on two cores).
    """
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # as malloc.h names them, after M_
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(trim_threshold, 2**31 - 1)
        library.mallopt(top_pad, 2**26)
        library.mallopt(mmap_max, 0)


def give_back_memory() -> None:
    """Frees what this process has no use for any more, and gives it to the system.

    The GNU library keeps what is freed for its next taking, PyTorch what it had of an accelerator.
    """
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def batch_rows(device_type: str, *, packed: bool = False) -> int:
    """How many prompts to compute together without gradients on a ``"cpu"``, ``"cuda"``, …

    ``packed`` says that they are read end to end, without padding.
    """
    if device_type != "cpu":
        return _ACCELERATOR_BATCH
    return _PACKED_BATCH if packed else _CPU_BATCH
