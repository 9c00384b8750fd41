"""`launch.py control`: faces of an age and a gender."""

from __future__ import annotations

from pathlib import Path

import click

from core.generators import Device
from core.progress import OnStep
from core.weights import WeightStore
from studio.commands.frame import Report, generator_option, verb, workspace_option
from studio.model_cache import ModelCache
from studio.workflows.controlling import ControlRequest, control_to_folder


def _amounts(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, float], ...]:
    """'smile=1.5' -> ('smile', 1.5)."""
    found = []
    for value in values:
        name, _, amount = value.rpartition("=")
        try:
            found.append((name.strip(), float(amount)))
        except ValueError:
            name = ""
        if not name.strip():
            raise click.BadParameter(
                f"'{value}' is no name with an amount. Write for example smile=1.5."
            )
    return tuple(found)


@click.command()
@click.option("--age", type=float, metavar="YEARS", help="1 to 80. [default: as drawn]")
@click.option("--gender", type=click.Choice(["female", "male"]), help="[default: as drawn]")
@click.option(
    "--direction",
    "directions",
    multiple=True,
    callback=_amounts,
    metavar="NAME=AMOUNT",
    help="A slider that ships or one of your own, or a file of one; may be given several times.",
)
@click.option(
    "--latents",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Steer the faces of this .npz or .npy, such as those of photos, instead of drawn ones.",
)
@click.option("--count", type=int, help="How many faces. [default: 1, or all of --latents]")
@click.option(
    "--psi",
    type=float,
    help="Truncation; 1 is none. [default: 0.7, or 1 with --latents]",
)
@click.option(
    "--mixing",
    type=float,
    default=0.0,
    show_default=True,
    help="0 to 1: how much of the mean face of that age and gender is mixed in; less diverse.",
)
@click.option("--size", type=int, metavar="PX", help="Of the pictures. [default: the generator's]")
@click.option("--masks/--no-masks", default=True, show_default=True, help="Masks, too.")
@click.option(
    "--skip-missed", is_flag=True, help="Leave out faces that are not within half a year."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for images/, masks/, latents.npz and control.csv; made if missing.",
)
@workspace_option("Where a promoted segmenter and your own sliders are looked for.")
@generator_option
@verb
def control(
    *,
    on_step: OnStep,
    out: Path,
    workspace: Path,
    seed: int | None,
    device: Device,
    **options: object,
) -> Report:
    """Make faces of an age and a gender, measured and corrected until they are.

    The faces are those of --seed and the seeds after it (0 by default), steered. Example:

        python launch.py control --age 62 --gender female --direction smile=1.5 --out women

        python launch.py control --latents me.npz --direction smile=1.5 --out me-smiling
    """
    request = ControlRequest(first_seed=seed or 0, **options)  # type: ignore[arg-type]
    models = ModelCache(WeightStore(), device)
    figures = control_to_folder(request, out, models, workspace.resolve(), on_step)
    told = [
        f"{figures['count']} faces in {out / 'images'}: {figures['seconds']:.1f} s, "
        f"{figures['faces_per_second']:.2f} faces/s ({figures['runtime']}).",
        f"{figures['reached']} of them within tolerance"
        + (f", {figures['tried']} seeds tried." if figures["tried"] > figures["count"] else "."),
    ]
    if "mean_age_error" in figures:
        told.append(f"Mean age error {figures['mean_age_error']:.2f} years by the estimator.")
    if "gender_accuracy" in figures:
        told.append(f"Gender as asked: {100 * figures['gender_accuracy']:.1f} %.")
    return Report("\n".join(told), figures)
