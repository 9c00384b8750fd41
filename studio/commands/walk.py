"""`launch.py walk`: a video from face to face."""

from __future__ import annotations

from pathlib import Path

import click

from core.generators import Device, Noise
from core.progress import OnStep
from core.seeds import parse_seeds
from core.weights import WeightStore
from studio.commands.frame import Report, face_options, generator_option, precision_option, verb
from studio.model_cache import ModelCache
from studio.workflows import WalkRequest, walk_to_file


@click.command()
@click.option("--seeds", required=True, metavar="LIST", help="Two or more, such as 6000,6100,6500.")
@click.option(
    "--steps",
    type=click.IntRange(1, 10_000),
    default=60,
    show_default=True,
    help="Frames from one seed to the next.",
)
@click.option(
    "--space",
    type=click.Choice(["w", "z"]),
    default="w",
    show_default=True,
    help="Straight lines in w, or arcs on the sphere of z.",
)
@click.option("--loop", is_flag=True, help="Return to the first face at the end.")
@click.option(
    "--size", type=int, default=512, show_default=True, metavar="PX", help="Of the video."
)
@click.option(
    "--fps",
    type=click.IntRange(1, 120),
    default=30,
    show_default=True,
    help="Frames per second; a .gif takes up to 50.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="A .mp4 (H.264) or .gif file.",
)
@face_options
@generator_option
@precision_option
@verb
def walk(
    *,
    on_step: OnStep,
    seeds: str,
    noise: str,
    out: Path,
    seed: int | None,
    device: Device,
    **options: object,
) -> Report:
    """Walk through the faces of some seeds. Example:

    python launch.py walk --seeds 6000,6100,6500 --steps 60 --out walk.mp4
    """
    request = WalkRequest(
        seeds=tuple(parse_seeds(seeds)),
        noise=Noise.parse(noise, seed),
        device=device,
        **options,  # type: ignore[arg-type]
    )
    figures = walk_to_file(request, out, ModelCache(WeightStore()), on_step)
    return Report(
        f"{figures['frames']} frames in {out}: {figures['seconds']:.1f} s, "
        f"{figures['frames_per_second']:.1f} frames/s ({figures['runtime']}).",
        figures,
    )
