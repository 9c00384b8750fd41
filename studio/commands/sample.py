"""`launch.py sample`: seeds to pictures and latents in a folder."""

from __future__ import annotations

from pathlib import Path

import click

from core.generators import Device, Noise
from core.progress import OnStep
from core.seeds import parse_seeds
from core.weights import WeightStore
from studio.commands.frame import Report, face_options, generator_option, precision_option, verb
from studio.model_cache import ModelCache
from studio.workflows import SampleRequest, sample_to_folder


@click.command()
@click.option("--seeds", required=True, metavar="LIST", help="Such as 0-15 or 3,7,100-120.")
@click.option("--cutoff", type=int, metavar="N", help="Truncate the first N layers only.")
@click.option("--size", type=int, metavar="PX", help="Of the pictures. [default: the generator's]")
@click.option(
    "--min-quality",
    type=click.FloatRange(0, 100),
    default=0.0,
    show_default=True,
    help="Leave out faces that score less (0 to 100, the percentage of faces that look worse).",
)
@click.option("--sort", is_flag=True, help="Put the latents in order of quality, best first.")
@click.option(
    "--parts",
    default="",
    metavar="LIST",
    help="Draw these parts alone, such as hair,face: of generators that know parts.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for images/, latents/ and latents.npz; made if missing.",
)
@face_options
@generator_option
@precision_option
@verb
def sample(
    *,
    on_step: OnStep,
    seeds: str,
    noise: str,
    out: Path,
    seed: int | None,
    device: Device,
    parts: str,
    **options: object,
) -> Report:
    """Make one face for each seed.

    The same seeds give the same files. Example:

        python launch.py sample --seeds 0-15 --out faces
    """
    request = SampleRequest(
        seeds=tuple(parse_seeds(seeds)),
        noise=Noise.parse(noise, seed),
        device=device,
        parts=tuple(part.strip() for part in parts.split(",") if part.strip()),
        **options,  # type: ignore[arg-type]
    )
    figures = sample_to_folder(request, out, ModelCache(WeightStore()), on_step)
    dropped = (
        f" ({figures['dropped']} below the asked quality left out)" if figures["dropped"] else ""
    )
    return Report(
        f"{figures['count']} faces in {out / 'images'}{dropped}, latents in {out / 'latents.npz'}: "
        f"{figures['seconds']:.1f} s, {figures['faces_per_second']:.1f} faces/s "
        f"({figures['runtime']}).",
        figures,
    )
