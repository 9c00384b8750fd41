"""`launch.py export`: a labelled dataset from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.errors import CoreError, InvalidRequestError
from core.export.recipe_text import read_recipe, recipe_of
from core.generators import Device
from core.progress import OnStep
from core.weights import WeightStore
from studio.commands.frame import Report, verb, workspace_option
from studio.model_cache import ModelCache
from studio.workflows.exporting import ExportRequest, export_to_folder, verify_folder

KEYS = {  # option -> key of a recipe
    "count": "count",
    "format": "formats",
    "ages": "ages",
    "gender_ratio": "gender_ratio",
    "balance": "balance",
    "psi": "psi",
    "size": "size",
    "splits": "splits",
    "seed": "seed",
    "name": "name",
    "generator": "generator",
    "segmenter": "segmenter",
    "project": "project",
}


@click.command()
@click.option(
    "--recipe",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A YAML file; options given beside it replace its values.",
)
@click.option("--count", type=int, metavar="N", help="How many faces to make. [default: 100]")
@click.option("--format", metavar="NAMES", help="With commas between. [default: huggingface]")
@click.option("--ages", metavar="RANGES", help="Such as 18-30,31-50 or 18-30:2,31-50:1.")
@click.option("--gender-ratio", metavar="W:M", help="Share of women, or women:men, such as 1:1.")
@click.option("--balance", metavar="KEYS", help="What is spread evenly: 'ages x gender'.")
@click.option("--psi", type=float, help="Truncation, -2 to 2; 1 is none. [default: 0.7]")
@click.option("--size", type=int, metavar="PX", help="256, 512 or 1024. [default: 512]")
@click.option("--splits", metavar="A/B/C", help="train/validation/test. [default: 80/10/10]")
@click.option("--name", metavar="NAME", help="Of the dataset. [default: faces]")
@click.option("--generator", metavar="NAME", help="See `weights list`. [default: what ships]")
@click.option("--segmenter", metavar="NAME|PATH", help="[default: the one in force]")
@click.option(
    "--project",
    metavar="NAME",
    help="Also the painted faces of this project; with --count 0 alone.",
)
@click.option(
    "--reviewed", is_flag=True, help="Of the project only masks that a review has accepted."
)
@click.option(
    "--unmarked", is_flag=True, help="Leave out the mark in every picture that it is synthetic."
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Who makes the faces: this process, or the workers of a Ray cluster.",
)
@click.option("--workers", type=int, metavar="N", help="Of Ray. [default: one a CPU or GPU]")
@click.option(
    "--address",
    metavar="ADDRESS",
    help="Of a Ray cluster. [default: $RAY_ADDRESS, or this machine]",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for the dataset; made if missing. A stopped export in it goes on.",
)
@click.option(
    "--verify",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Make nothing: check every hash, count and pixel of this dataset.",
)
@workspace_option("Where a promoted segmenter and your own sliders are looked for.")
@verb
def export(
    *,
    on_step: OnStep,
    recipe: Path | None,
    out: Path | None,
    verify: Path | None,
    workspace: Path,
    device: Device,
    engine: str,
    workers: int | None,
    address: str | None,
    unmarked: bool,
    reviewed: bool,
    seed: int | None,
    **options: Any,  # noqa: ANN401 - by their keys
) -> Report:
    """Make a labelled dataset; stopped, the same command goes on. Example:

    python launch.py export --count 500 --ages 18-30,31-50,51-70 --balance "ages x gender"
    --format huggingface --out faces
    """
    if verify is not None:
        return _verified(verify, on_step)
    if out is None:
        raise InvalidRequestError("Give a folder for the dataset: --out DIR.")
    given = {KEYS[name]: value for name, value in {**options, "seed": seed}.items()}
    given = {key: value for key, value in given.items() if value is not None}
    if unmarked:
        given["mark"] = False
    if reviewed:
        if "project" not in given:
            raise InvalidRequestError("--reviewed needs --project NAME: which masks are meant.")
        given["project"] = {"name": given["project"], "masks": "reviewed"}
    asked = recipe_of(given) if recipe is None else read_recipe(recipe, given)
    models = ModelCache(WeightStore(), device)
    request = ExportRequest(asked, engine, workers, address)
    figures = export_to_folder(request, out, models, workspace.resolve(), on_step)
    return Report(_told(figures), figures)


def _told(figures: dict[str, Any]) -> str:
    lines = [f"{figures['count']} labelled faces of {figures['size']} px in {figures['out']}."]
    if figures["painted"]:
        lines.append(f"{figures['painted']} of them were painted by people.")
    if figures["made"]:
        speed = f"{figures['faces_per_second']:.2f} faces/s ({figures['runtime']})"
        lines.append(f"{figures['made']} made now, {figures['seconds']:.1f} s, {speed}.")
        stages = ", ".join(f"{name} {100 * s:.0f} %" for name, s in figures["stages"].items())
        lines.append(f"Share of that time, side by side in part: {stages}.")
    dropped = figures["dropped"]
    if dropped:
        reasons = ", ".join(f"{number} {reason}" for reason, number in dropped.items())
        lines.append(f"Dropped and replaced: {reasons}; see {figures['out']}/dropped.")
    if figures["kept_in_spite"]:
        lines.append(
            f"{figures['kept_in_spite']} faces stayed in spite of faults, after all tries; "
            "their records say which."
        )
    return "\n".join(lines)


def _verified(folder: Path, on_step: OnStep) -> Report:
    found = verify_folder(folder, on_step)
    if not found.is_whole:
        told = "; ".join(f"{problem.file}: {problem.message}" for problem in found.problems)
        raise CoreError(f"{folder} has {found.num_problems} problems: {told}")
    return Report(
        f"{folder} is whole: {found.files} files, {found.faces} faces read back.",
        {"out": str(folder), "files": found.files, "faces": found.faces, "problems": 0},
    )
