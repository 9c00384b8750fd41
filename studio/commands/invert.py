"""`launch.py invert`: people's own photos as latents of a generator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.generators import Device
from core.inversion.frame import Correction
from core.progress import OnStep
from core.weights import WeightStore
from studio.commands.frame import Report, generator_option, verb
from studio.commands.framing import correction_options, face_option, photos_argument
from studio.model_cache import ModelCache
from studio.workflows.inverting import OURS, SEMANTIC, InvertRequest, invert_to_folder

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@photos_argument
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for aligned/, first/, images/, latents/ and latents.npz; made if missing.",
)
@face_option
@click.option(
    "--steps",
    type=click.IntRange(0, 100_000),
    metavar="N",
    help="Of the search; 0 keeps the encoder's first answer. [default: what took under a minute]",
)
@click.option(
    "--tune",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    metavar="N",
    help="Steps that the generator itself then learns, for full likeness; 300 are usual.",
)
@click.option(
    "--settings",
    type=click.Choice([OURS, SEMANTIC]),
    default=OURS,
    show_default=True,
    help="Of the search: ours, or those of SemanticStyleGAN's authors (400 steps from the mean "
    "face, for any generator).",
)
@click.option(
    "--lpips",
    type=(_FILE, _FILE),
    metavar="VGG LINEAR",
    help="Compare by LPIPS, too, by the authors' settings by it alone: torchvision's "
    "vgg16-397923af.pth, and lpips/weights/v0.1/vgg.pth of the package lpips.",
)
@correction_options
@generator_option
@verb
def invert(
    *,
    on_step: OnStep,
    photos: tuple[Path, ...],
    out: Path,
    face: int | None,
    steps: int | None,
    tune: int,
    settings: str,
    lpips: tuple[Path, Path] | None,
    shift: tuple[float, float],
    turn: float,
    zoom: float,
    generator: str | None,
    device: Device,
) -> Report:
    """Find the latents that look like the face of each photo. Example:

        python launch.py invert me.jpg --out me

    Ctrl-C stops the search or the tuning and keeps the best so far. The latents serve other
    verbs, too:

        python launch.py control --latents me/latents.npz --age 60 --out older
    """
    correction = Correction(*shift, turn, zoom)
    request = InvertRequest(
        photos, face, steps, tune, generator, correction, settings=settings, lpips=lpips
    )
    figures = invert_to_folder(request, out, ModelCache(WeightStore(), device), on_step)
    lines = [_told(made, face) for made in figures["inverted"]]
    if settings == SEMANTIC and lpips is None:
        lines.append(
            "The settings of SemanticStyleGAN compare by LPIPS; without its weights (--lpips) "
            "Faceloom's own distance stood in for it."
        )
    return Report("\n".join(lines), figures)


def _told(made: dict[str, Any], asked: int | None) -> str:
    first, result, count = made["first"], made["result"], len(made["faces"])
    words = [
        f"{result['file']}: face {made['face']} of {count} in {made['photo']}; at 256 px "
        f"{result['psnr']:.1f} dB, SSIM {result['ssim']:.2f} (at first {first['psnr']:.1f} dB, "
        f"{first['ssim']:.2f}), {result['seconds']:.0f} s."
    ]
    if tuned := made.get("tuned"):
        words.append(
            f"Tuned: {tuned['file']}, {tuned['psnr']:.1f} dB, SSIM {tuned['ssim']:.2f}, "
            f"{tuned['seconds']:.0f} s. To use this generator: python launch.py weights add "
            f"{tuned['difference']} --name me, then --generator me."
        )
    if count > 1 and asked is None:
        words.append(f"The largest face was taken; choose another of the {count} with --face.")
    return " ".join([*words, *made["notes"]])
