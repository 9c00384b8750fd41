"""`launch.py evaluate`: how good what was trained is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.generators import Device
from core.progress import OnStep
from core.weights import WeightStore
from studio.commands.frame import Report, verb, workspace_option
from studio.model_cache import ModelCache
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
