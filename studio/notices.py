"""What people read when something goes wrong: the only place where errors meet the page."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from annotations import AnnotationError
from core.errors import Cancelled, CoreError

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def raises_notices(callback: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Turn what a callback raises into a notice at the edge of the page.

    A CoreError or AnnotationError keeps its message; a stop is a mild notice; anything else
    is logged and told without its insides.
    """

    @functools.wraps(callback)
    def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return callback(*args, **kwargs)
        except Exception as error:
            raise as_notice(error) from error

    return guarded


def tells(
    where: Callable[[Exception], Any],
) -> Callable[[Callable[Arguments, Iterator[Any]]], Callable[Arguments, Iterator[Any]]]:
    """For streaming callbacks: say an error beside what it is about, not at the page's edge.

    where: the error (its text is fit to show) -> the updates that show it there.
    """

    def decorate(
        callback: Callable[Arguments, Iterator[Any]],
    ) -> Callable[Arguments, Iterator[Any]]:
        @functools.wraps(callback)
        def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Iterator[Any]:
            try:
                yield from callback(*args, **kwargs)
            except (CoreError, AnnotationError) as error:
                yield where(error)
            except Exception as error:
                yield where(RuntimeError(as_notice(error).message))

        return guarded

    return decorate


def as_notice(error: Exception) -> gr.Error:
    """The notice for an error; one of neither kind is a fault of ours and is logged."""
    if isinstance(error, gr.Error):
        return error
    if isinstance(error, Cancelled):
        return gr.Error("Stopped.", title="Stopped", duration=4, print_exception=False)
    if isinstance(error, CoreError | AnnotationError):
        return gr.Error(str(error), title="That did not work", duration=12, print_exception=False)
    if isinstance(error, MemoryError):
        text = "Out of memory. Ask for fewer or smaller faces at once."
        return gr.Error(text, title="That did not work", duration=12, print_exception=False)
    log.error("A callback failed", exc_info=error)
    text = f"This is a fault in Faceloom ({type(error).__name__}). The terminal shows the details."
    return gr.Error(text, title="That did not work", duration=12, print_exception=False)
