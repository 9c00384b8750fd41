"""The verbs of `launch.py`, one module each, imported only when used.

Each module holds a click command or group of its own name.
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

DEFAULT_VERB = "studio"
VERBS = {
    "studio": "Open the studio in the browser; the default.",
    "sample": "Make faces from seeds: pictures and latents.",
    "walk": "Make a video that walks through the faces of some seeds.",
    "control": "Make faces of an age and a gender.",
    "mix": "Put parts of one face into others: hair, eyes, clothes and more.",
    "segment": "Make masks for the faces of a latents file.",
    "align": "Bring faces of your own photos into the frame that generators know.",
    "invert": "Find the latents that look like the faces of your own photos.",
    "export": "Make a labelled dataset from a recipe, or verify one.",
    "weights": "List, get, verify, add or remove the weights of generators.",
    "masks": "Import, export or check masks.",
    "people": "Say who may come into a studio that runs with --auth.",
    "train": "Train what Faceloom ships or you need.",
    "evaluate": "Judge what was trained, on painted faces.",
    "bench": "Measure speed here, and that no save is ever lost.",
}


class Verbs(click.Group):
    """Finds a verb's module by its name, so that --help does not load torch."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for param in self.get_params(ctx) for name in param.opts}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = [DEFAULT_VERB, *args]
        with _wrong_use_in_one_line():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        with _wrong_use_in_one_line():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command = getattr(importlib.import_module(f"studio.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@contextmanager
def _wrong_use_in_one_line() -> Iterator[None]:
    """Leave out the usage that click prints above the error; say how to see it instead."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        hint = f" See: {error.ctx.command_path} --help" if error.ctx else ""
        raise click.UsageError(error.format_message() + hint) from error


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="faceloom", message="Faceloom %(version)s")
def launch() -> None:
    """Turn a pre-trained face generator into a controlled, pixel-labelled face dataset."""


def main() -> None:
    """Run the command line. Termination by the system is treated as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(launch(prog_name="launch.py"))
