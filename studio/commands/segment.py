"""`launch.py segment`: masks for the faces of a latents file."""

from __future__ import annotations

from pathlib import Path

import click

from core.generators import Device
from core.progress import OnStep
from core.weights import WeightStore
from studio.commands.frame import Report, generator_option, verb, workspace_option
from studio.model_cache import ModelCache
from studio.workflows.segmenting import SegmentRequest, segment_to_folder


@click.command()
@click.option(
    "--latents",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="A latents file, .npz or .npy.",
)
@click.option(
    "--segmenter",
    metavar="NAME|PATH",
    help="A registered one or a file. [default: the one in force in the workspace]",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for masks/ and images/; made if missing.",
)
@click.option("--size", type=int, metavar="PX", help="Of both. [default: the segmenter's]")
@click.option("--force", is_flag=True, help="Take latents of another generator that fit.")
@workspace_option("Where a promoted segmenter is looked for; nothing is written there.")
@generator_option
@verb
def segment(
    *,
    on_step: OnStep,
    out: Path,
    workspace: Path,
    device: Device,
    **options: object,
) -> Report:
    """Make a mask, and the picture beside it, for every face of a latents file. Example:

    python launch.py segment --latents faces/latents.npz --out masks
    """
    request = SegmentRequest(**options)  # type: ignore[arg-type]
    models = ModelCache(WeightStore(), device)
    figures = segment_to_folder(request, out, models, workspace.resolve(), on_step)
    return Report(
        f"{figures['count']} masks of {figures['size']} px in {out / 'masks'}, pictures in "
        f"{out / 'images'}: {figures['seconds']:.1f} s, {figures['faces_per_second']:.1f} "
        f"faces/s ({figures['model']}, {figures['runtime']}).",
        figures,
    )
