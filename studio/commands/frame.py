"""What every verb shares: options, progress, the JSON line, errors and exit codes."""

from __future__ import annotations

import functools
import inspect
import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from core.errors import Cancelled, CoreError, InvalidRequestError
from core.progress import Step

FAILED, WRONG_USE = 1, 2
LOG_PACE = 5.0  # s


@dataclass(frozen=True)
class Report:
    """What a verb did: a sentence or table for people, figures for `--json`."""

    text: str
    figures: dict[str, Any] = field(default_factory=dict)


class Progress:
    """An `on_step` that shows a bar with the time left on standard error.

    In a file, where nothing is overwritten, it is written every LOG_PACE seconds.
    """

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._written = 0.0

    def __call__(self, step: Step) -> None:
        is_new = self._bar is None or self._bar.total != (step.total or None)
        now = time.monotonic()
        is_due = is_new or step.done == step.total or now - self._written >= LOG_PACE
        if not (is_due or sys.stderr.isatty()):
            return
        self._written = now
        if self._bar is None or is_new:
            self.close()
            self._bar = tqdm(
                desc=step.doing,
                total=step.total or None,
                unit=f" {step.unit}",
                file=sys.stderr,
                dynamic_ncols=True,
            )
        self._bar.set_description_str(step.doing, refresh=False)
        self._bar.update(step.done - self._bar.n)
        self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def verb(run: Callable[..., Report]) -> Callable[..., None]:
    """Turn `run(on_step=..., **options) -> Report` into the body of a click command.

    Adds the options that every verb takes: --json, --debug, --seed and --device; `run` gets
    the last two if it names them as parameters. A CoreError or AnnotationError becomes one
    line on standard error and exit code 1, or 2 where the request itself was wrong; with
    --debug its traceback is shown.
    """
    named = inspect.signature(run).parameters

    @click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error, and log more.")
    @click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where to compute, if anything is; auto takes the fastest here.",
    )
    @click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        help="Of what is drawn at random beyond --seeds, if anything is.",
    )
    @functools.wraps(run)
    def body(*, as_json: bool, debug: bool, **options: Any) -> None:  # noqa: ANN401 - click's
        for shared in ("seed", "device"):
            if shared not in named:
                del options[shared]
        logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING)
        progress = Progress()
        try:
            report = run(on_step=progress, **options)
        except (KeyboardInterrupt, Exception) as error:
            progress.close()
            if debug or isinstance(error, click.ClickException):
                raise
            message, code = _explained(error)
            click.echo(message, err=True)
            raise SystemExit(code) from error
        progress.close()
        click.echo(json.dumps(report.figures) if as_json else report.text)

    return body


def _explained(error: BaseException) -> tuple[str, int]:
    """The one line a person reads, and the exit code."""
    from annotations import errors as annotations  # the database's packages: not for --help

    message = " ".join(str(error).split())
    if isinstance(error, KeyboardInterrupt | Cancelled):
        return "Stopped. What was finished before is whole.", FAILED
    wrong_use = (InvalidRequestError, annotations.BadRequestError, annotations.NotFoundError)
    if isinstance(error, wrong_use):
        return f"Error: {message}", WRONG_USE
    if isinstance(error, CoreError | annotations.AnnotationError):
        return f"Error: {message}", FAILED
    if isinstance(error, MemoryError):
        return "Error: Out of memory. Ask for fewer or smaller faces at once.", FAILED
    return f"Error: {type(error).__name__}: {message}. Run again with --debug for details.", FAILED


def workspace_option(help_text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--workspace DIR; help_text: what the verb looks for there."""
    return click.option(
        "--workspace",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("workspace"),
        show_default=True,
        metavar="DIR",
        help=help_text,
    )


def generator_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--generator",
        metavar="NAME",
        default=None,
        help="Which generator; see `weights list`. [default: the one that ships]",
    )(command)


def face_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--psi, --noise and --class: what fixes a face beside its seed."""
    options = [
        click.option(
            "--psi",
            type=float,
            default=0.7,
            show_default=True,
            help="Truncation, -2 to 2; 1 is none.",
        ),
        click.option(
            "--noise",
            default="off",
            show_default=True,
            metavar="MODE",
            help="off, fixed, fixed:SEED, random, random:SEED or baked.",
        ),
        click.option("--class", "class_index", type=int, help="Class of a conditional generator."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def precision_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--precision",
        type=click.Choice(["auto", "f32", "bf16", "f16"]),
        default="auto",
        show_default=True,
        help="Arithmetic of the network; auto is the fastest here.",
    )(command)
