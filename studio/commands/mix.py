"""`launch.py mix`: parts of one face in others."""

from __future__ import annotations

from pathlib import Path

import click

from core.generators import Device
from core.progress import OnStep
from core.regions import PARTS, SOFTNESS
from core.weights import WeightStore
from studio.commands.frame import Report, generator_option, verb, workspace_option
from studio.model_cache import ModelCache
from studio.workflows.taking import TakeRequest, take_to_folder


@click.command()
@click.option("--seeds", metavar="SEEDS", help="The faces that get them, such as 3 or 0-7.")
@click.option(
    "--latents",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The faces of this .npz or .npy instead, such as those of photos.",
)
@click.option(
    "--take",
    required=True,
    metavar="PARTS",
    help=f"Of {', '.join(PARTS)}. Where parts have codes of their own, also how far: hair=0.5, "
    "or shape and texture apart: hair=0.5:1.",
)
@click.option(
    "--from",
    "source",
    required=True,
    metavar="SEED|FILE",
    help="The face that they are taken from; of a latents file, such as invert makes of a photo, "
    "the first one.",
)
@click.option("--psi", type=float, default=0.7, show_default=True, help="Truncation of seeds.")
@click.option(
    "--softness",
    type=float,
    default=SOFTNESS,
    show_default=True,
    help="0 to 1: how wide the borders of blended parts are.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for images/, masks/, latents.npz, source.npz and mix.yaml; made if missing.",
)
@workspace_option("Where a promoted segmenter is looked for; nothing is written there.")
@generator_option
@verb
def mix(
    *,
    on_step: OnStep,
    out: Path,
    workspace: Path,
    seed: int | None,
    device: Device,
    **options: object,
) -> Report:
    """Put parts of one face into others; the rest stays as it was. Example:

    python launch.py mix --seeds 20 --take glasses,hair --from 26 --out mixed
    """
    if seed is not None and options["seeds"] is None and options["latents"] is None:
        options["seeds"] = str(seed)
    request = TakeRequest(**options)  # type: ignore[arg-type]
    models = ModelCache(WeightStore(), device)
    figures = take_to_folder(request, out, models, workspace.resolve(), on_step)
    told = [f"{figures['count']} faces in {out / 'images'}: {figures['seconds']:.1f} s."]
    return Report("\n".join([*told, *figures["notes"]]), figures)
