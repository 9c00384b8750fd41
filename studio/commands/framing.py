"""What verbs that take people's photos share: which photos, which face, corrections by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from core.inversion.frame import MOST_SHIFT, MOST_TURN, ZOOMS

Command = Callable[..., Any]


def photos_argument(command: Command) -> Command:
    return click.argument(
        "photos",
        nargs=-1,
        required=True,
        metavar="PHOTO...",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
    )(command)


def face_option(command: Command) -> Command:
    return click.option(
        "--face",
        type=click.IntRange(min=1),
        metavar="N",
        help="Which face of a photo, 1 the largest. [default: 1]",
    )(command)


def correction_options(command: Command) -> Command:
    """--shift, --turn and --zoom: of the frame that was found."""
    options = [
        click.option(
            "--shift",
            type=click.FloatRange(-MOST_SHIFT, MOST_SHIFT),
            nargs=2,
            default=(0.0, 0.0),
            metavar="X Y",
            help="By hand: show what lies more to the right and further down, in parts of the "
            "side.",
        ),
        click.option(
            "--turn",
            type=click.FloatRange(-MOST_TURN, MOST_TURN),
            default=0.0,
            metavar="DEGREES",
            help="By hand: turn what is shown clockwise.",
        ),
        click.option(
            "--zoom",
            type=click.FloatRange(*ZOOMS),
            default=1.0,
            metavar="FACTOR",
            help=f"By hand: {ZOOMS[0]:g} to {ZOOMS[1]:g}; above 1 the face gets larger.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command
