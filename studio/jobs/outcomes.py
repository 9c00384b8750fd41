"""How a job ended, in words that people can act on."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from dataclasses import dataclass

from annotations import AnnotationError
from annotations.records import JobState
from core.errors import Cancelled, CoreError

OUT_OF_MEMORY = (
    "Out of memory. A smaller batch size needs less; so does closing other programs. "
    "What was reached is kept."
)


@dataclass(frozen=True)
class Failure:
    """What is kept of an exception: the state it means, a sentence, where it happened."""

    state: JobState
    error: str
    traceback: str


def failure_of(error: BaseException) -> Failure:
    """Of whatever the work raised."""
    if isinstance(error, Cancelled):
        return Failure(JobState.CANCELLED, "", "")
    where = "".join(traceback.format_exception(error))
    return Failure(JobState.FAILED, _explained(error), where)


def _explained(error: BaseException) -> str:
    if isinstance(error, CoreError | AnnotationError):
        return str(error)
    chain = list(_causes(error))
    if any(_is_out_of_memory(each) for each in chain):
        return OUT_OF_MEMORY
    if any(_is_full_disk(each) for each in chain):
        return (
            f"The disk is full ({getattr(error, 'filename', None) or 'while writing'}). What was "
            "written before is whole. Free some space, then press Resume."
        )
    for each in chain:
        if isinstance(each, CoreError | AnnotationError):
            return str(each)
    said = " ".join(str(error).split())[:300]
    return f"This is a fault in Faceloom ({type(error).__name__}: {said}). The log has the details."


def _is_full_disk(error: BaseException) -> bool:
    """Writers in other languages say it in words."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return "No space left on device" in str(error)


def _is_out_of_memory(error: BaseException) -> bool:
    """torch, which is not loaded for this, has a class for the GPU and words for the CPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and ("t allocate memory" in said or "bad_alloc" in said)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
