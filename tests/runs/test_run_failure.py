"""What a failed run says: memory that ran out is told as such, wherever it ran out."""

import pytest
import torch

from playground.errors import ModelError
from playground.runs.failure import failure


def caught(function) -> Exception:
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_more_than_torch_can_allocate_is_out_of_memory():
    told = failure(caught(lambda: torch.empty(10**15)))
    assert told.code == "runs.out_of_memory"
    assert "smaller batch" in told.message


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to"),
    ],
)
def test_every_kind_of_memory_is_known(error):
    assert failure(error).code == "runs.out_of_memory"


def test_a_model_that_did_not_fit_into_the_memory_is_not_called_unreadable():
    def load():
        try:
            torch.empty(10**15)
        except RuntimeError as error:
            raise ModelError("It cannot be read.", code="model.unreadable") from error

    assert failure(caught(load)).code == "runs.out_of_memory"


def test_other_errors_are_told_as_they_are():
    sentence = ModelError("There is no folder.", code="model.no_folder", model="x")
    assert failure(sentence) is sentence
    bug = failure(ValueError("out of memory of the plot"))
    assert (bug.code, bug.message) == ("runs.crashed", "ValueError: out of memory of the plot")
