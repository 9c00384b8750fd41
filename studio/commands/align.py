"""`launch.py align`: faces of people's own photos, in the frame that generators know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.inversion.alignment import SIZES
from core.inversion.frame import Correction
from core.progress import OnStep
from core.weights import WeightStore
from studio.commands.frame import Report, verb
from studio.commands.framing import correction_options, face_option, photos_argument
from studio.workflows.aligning import AlignRequest, align_to_folder


@click.command()
@photos_argument
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for <name of the photo>.png; made if missing.",
)
@face_option
@click.option(
    "--size",
    type=click.IntRange(*SIZES),
    default=SIZES[1],
    show_default=True,
    metavar="PX",
    help=f"Of the pictures, {SIZES[0]} to {SIZES[1]} px.",
)
@correction_options
@verb
def align(
    *,
    on_step: OnStep,
    photos: tuple[Path, ...],
    out: Path,
    face: int | None,
    size: int,
    shift: tuple[float, float],
    turn: float,
    zoom: float,
) -> Report:
    """Bring a face of each photo into FFHQ's frame, upright and of one size. Example:

    python launch.py align me.jpg --out aligned
    """
    request = AlignRequest(photos, face, size, Correction(*shift, turn, zoom))
    figures = align_to_folder(request, out, WeightStore(), on_step)
    return Report("\n".join(_told(made, face) for made in figures["aligned"]), figures)


def _told(made: dict[str, Any], asked: int | None) -> str:
    frame, count = made["frame"], len(made["faces"])
    words = [
        f"{made['file']}: face {made['face']} of {count} in {made['photo']}, "
        f"{frame['side']:.0f} px wide there, leaning {frame['angle']:.1f} degrees, "
        f"{100 * made['padding']:.0f} % made up."
    ]
    if count > 1 and asked is None:
        words.append(f"The largest face was taken; choose another of the {count} with --face.")
    return " ".join([*words, *made["notes"]])
