"""What a run that has failed says of the error that ended it."""

from playground.errors import PlaygroundError, RunError

# How torch words it for processors (two systems), for CUDA's libraries, and for Apple's chips; it
# has a class only for CUDA's own allocator, with the third of these in its messages.
_NO_MEMORY = (
    *("can't allocate memory", "not enough memory", "out of memory"),
    *("CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"),
)


def failure(error: Exception) -> PlaygroundError:
    """The sentence for people: ``error`` itself where it is one and has no deeper reason.

    Memory that ran out is told as such even where it is the cause of another error, as of a model
    that could not be read.
    """
    cause: BaseException | None = error
    while cause is not None:
        if _is_of_memory(cause):
            return RunError(
                "The memory was not enough for this run. Start again with a smaller batch, with "
                "shorter texts or fewer tokens in the template, or with a smaller model.",
                code="runs.out_of_memory",
            )
        cause = cause.__cause__
    if isinstance(error, PlaygroundError):
        return error
    reason = f"{type(error).__name__}: {error}"
    return RunError(reason, code="runs.crashed", error=reason)


def _is_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)
    )
