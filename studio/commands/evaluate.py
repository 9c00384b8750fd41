"""`launch.py evaluate`: how good what was trained is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.generators import Device
from core.progress import OnStep
from core.weights import WeightStore
from studio.commands.control_table import control_table
from studio.commands.direction_table import direction_table
from studio.commands.frame import Report, generator_option, verb, workspace_option
from studio.commands.influence_table import influence_table
from studio.commands.inversion_table import inversion_table
from studio.model_cache import ModelCache
from studio.workflows.control_evaluation import WAYS, evaluate_control
from studio.workflows.direction_evaluation import FIRST_SEED, evaluate_directions
from studio.workflows.encoder_evaluation import evaluate_encoder
from studio.workflows.inversion_evaluation import FIRST_SEED as FIRST_FACE
from studio.workflows.inversion_evaluation import InversionTrial, evaluate_inversion
from studio.workflows.layer_evaluation import evaluate_layers
from studio.workflows.segmenting import STARTER, evaluate_segmenter


@click.group()
def evaluate() -> None:
    """Judge what was trained."""


@evaluate.command("segmenter")
@click.option(
    "--segmenter",
    metavar="NAME|PATH",
    help="A registered one or a file. [default: the one in force in the workspace]",
)
@click.option(
    "--dataset",
    default=STARTER,
    show_default=True,
    metavar="NAME",
    help="starter, or a project of the workspace, of which all finished faces count.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Which faces of the starter pack.",
)
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also write a page with the confusions and every face there.",
)
@workspace_option("Where projects and a promoted segmenter are.")
@verb
def segmenter_evaluation(
    *,
    on_step: OnStep,
    segmenter: str | None,
    dataset: str,
    split: str,
    report: Path | None,
    workspace: Path,
    device: Device,
) -> Report:
    """F1 and IoU of each class on painted faces, and their means without the background."""
    figures = evaluate_segmenter(
        ModelCache(WeightStore(), device),
        workspace.resolve(),
        segmenter,
        dataset,
        split,
        report,
        on_step,
    )
    return Report(_table(figures), figures)


@evaluate.command("control")
@click.option("--faces", type=int, default=1000, show_default=True, help="Orders to fill.")
@click.option("--psi", type=float, default=0.7, show_default=True, help="Of the drawn faces.")
@click.option(
    "--mixing", type=float, default=0.0, show_default=True, help="Before the closed loop, 0 to 1."
)
@click.option(
    "--way",
    "ways",
    multiple=True,
    type=click.Choice(WAYS),
    help="May be repeated. [default: all four]",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also keep each way's faces and judgements there; a run that was cut off goes on.",
)
@generator_option
@verb
def control_evaluation(
    *,
    on_step: OnStep,
    faces: int,
    psi: float,
    mixing: float,
    ways: tuple[str, ...],
    out: Path | None,
    generator: str | None,
    seed: int | None,
    device: Device,
) -> Report:
    """Age error, gender and diversity of random faces, encoder, style mixing and closed loop.

    The estimator that steers judges them, and a second one that does not; a face embedding tells
    how different faces are. The last two are fetched at first (290 MB); without them their
    columns are left out. --seed draws the orders and the faces.
    """
    figures = evaluate_control(
        ModelCache(WeightStore(), device),
        generator,
        faces,
        psi,
        mixing,
        seed or 0,
        out,
        ways or WAYS,
        on_step,
    )
    return Report(control_table(figures), figures)


@evaluate.command("directions")
@click.option(
    "--direction",
    "names",
    multiple=True,
    metavar="NAME",
    help="A slider, your own ones too; may be repeated. [default: all]",
)
@click.option("--faces", type=int, default=40, show_default=True, help="Unseen ones to move.")
@click.option("--psi", type=float, default=0.7, show_default=True, help="Of these faces.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also write a contact sheet of each there: four faces, -3 to +3 units.",
)
@workspace_option("Where your own sliders are.")
@generator_option
@verb
def direction_evaluation(
    *,
    on_step: OnStep,
    names: tuple[str, ...],
    faces: int,
    psi: float,
    out: Path | None,
    workspace: Path,
    generator: str | None,
    seed: int | None,
    device: Device,
) -> Report:
    """Effect, leakage, range and change of identity of each slider.

    All of them per unit, in standard deviations of random faces; identity as a share of the
    distance of two different people, by a face embedding (fetched at first, 100 MB). --seed is
    that of the first face.
    """
    figures = evaluate_directions(
        ModelCache(WeightStore(), device),
        generator,
        workspace,
        names,
        faces,
        psi,
        FIRST_SEED if seed is None else seed,
        out,
        on_step,
    )
    return Report(direction_table(figures), figures)


@evaluate.command("encoder")
@click.option("--faces", type=int, default=120, show_default=True, help="Orders to fill.")
@click.option(
    "--learned-from",
    type=int,
    default=20_000,
    show_default=True,
    help="Faces that the attribute model tells age and gender of.",
)
@click.option("--guided-steps", type=int, help="Of training with all three losses. [default: 150]")
@generator_option
@verb
def encoder_evaluation(
    *,
    on_step: OnStep,
    faces: int,
    learned_from: int,
    guided_steps: int | None,
    generator: str | None,
    seed: int | None,
    device: Device,
) -> Report:
    """Age error and gender of the attribute encoder by its losses: the thesis's table 9.

    Trains one encoder by the loss on w alone and one by all three, and looks at their pictures.
    """
    figures = evaluate_encoder(
        ModelCache(WeightStore(), device),
        generator,
        faces,
        learned_from,
        guided_steps,
        seed or 0,
        on_step,
    )
    rows = [f"{'losses':18} {'mean':>7} {'median':>7} {'gender %':>9} {'training':>9}"]
    rows += [
        f"{loss:18} {told['age_error']:7.2f} {told['median_age_error']:7.2f} "
        f"{100 * told['gender']:9.1f} {told['seconds']:7.0f} s"
        for loss, told in figures["losses"].items()
    ]
    return Report("\n".join(rows), figures)


@evaluate.command("layers")
@click.option("--faces", type=int, default=128, show_default=True, help="Pairs to compare.")
@click.option("--psi", type=float, default=0.7, show_default=True, help="Of these faces.")
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), help="Also draw it into this PNG."
)
@generator_option
@verb
def layer_evaluation(
    *,
    on_step: OnStep,
    faces: int,
    psi: float,
    plot: Path | None,
    generator: str | None,
    seed: int | None,
    device: Device,
) -> Report:
    """Which layers of w carry which attribute, for any generator.

    Without a segmenter for it: age and gender alone.
    """
    models = ModelCache(WeightStore(), device)
    figures = evaluate_layers(models, generator, faces, psi, plot, on_step)
    return Report(influence_table(figures), figures)


@evaluate.command("inversion")
@click.option("--faces", type=int, default=50, show_default=True, help="Generated ones.")
@click.option(
    "--photo",
    "photos",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A photo, too; may be repeated.",
)
@click.option("--psi", type=float, default=0.8, show_default=True, help="Of the generated faces.")
@click.option("--steps", type=click.IntRange(min=1), help="Of the search. [default: as invert]")
@click.option("--tune", type=click.IntRange(0), default=0, show_default=True, help="Steps, too.")
@click.option(
    "--plain",
    type=int,
    default=2,
    show_default=True,
    help="How many faces are also searched as StyleGAN2's projector does; that takes long.",
)
@click.option(
    "--patience",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="These also get so many times our time, to become as good as ours.",
)
@click.option(
    "--edited",
    type=int,
    default=10,
    show_default=True,
    help="How many generated faces are moved along every slider.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also keep latents, figures and contact sheets there; a run that was cut off goes on.",
)
@workspace_option("Where your own sliders are.")
@generator_option
@verb
def inversion_evaluation(
    *,
    on_step: OnStep,
    out: Path | None,
    workspace: Path,
    seed: int | None,
    device: Device,
    **options: object,
) -> Report:
    """How alike photos and their latents are, how quickly, and how well these can be edited.

    Generated faces have random noise, which no latent can follow, and seeds from --seed on.
    Identity is a distance of an embedding that no search knows: below 0.6 it is one person.
    """
    first_seed = FIRST_FACE if seed is None else seed
    trial = InversionTrial(first_seed=first_seed, **options)  # type: ignore[arg-type]
    models = ModelCache(WeightStore(), device)
    figures = evaluate_inversion(trial, models, workspace.resolve(), out, on_step)
    return Report(inversion_table(figures), figures)


def _table(figures: dict[str, Any]) -> str:
    rows = [f"{'class':18} {'F1 %':>7} {'IoU %':>7} {'pixels':>9}"]
    for name, found in figures["classes"].items():
        shown = ["-" if found[key] is None else f"{found[key]:.2f}" for key in ("f1", "iou")]
        rows.append(f"{name:18} {shown[0]:>7} {shown[1]:>7} {found['pixels']:9}")
    rows += [
        f"mean without background: F1 {figures['mean_f1']} %, IoU {figures['mean_iou']} %; with "
        f"it: {figures['mean_f1_with_background']} %, {figures['mean_iou_with_background']} %",
        f"{figures['faces']} faces of {figures['dataset']} ({figures['split']}), model "
        f"{figures['model']}",
        "mean F1 % with cleaning: "
        + ", ".join(f"{name} {value}" for name, value in figures["cleaning"].items()),
    ]
    return "\n".join(rows)
