"""`launch.py bench segmenter`: all heads side by side on the starter pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.bench.segmenter import CONFIGS, FEWER, SegmenterBench, bench_segmenter, draw_plot
from core.generators import Device
from core.progress import OnStep
from core.seeds import parse_numbers
from core.segmentation.training_config import PRECISIONS
from core.weights import WeightStore
from studio.commands.frame import Report, verb, workspace_option
from studio.workflows.class_schemes import class_set
from studio.workflows.segmenting import STARTER, open_data
from studio.workflows.training_data import split_data
from studio.workflows.training_faces import labelled_faces


@click.command("segmenter")
@click.option(
    "--configs",
    default=",".join(CONFIGS),
    show_default=True,
    metavar="LIST",
    help="Which to train; the first is also trained on fewer faces.",
)
@click.option(
    "--fewer",
    default=",".join(map(str, FEWER)),
    show_default=True,
    metavar="LIST",
    help="Numbers of painted faces for the first of them; empty: none.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1, 100_000),
    help="Of every training. [default: each one's own recipe]",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 1000),
    default=11,
    show_default=True,
    help="How often each pass is timed, in turn; the median counts.",
)
@click.option(
    "--size",
    type=click.IntRange(8, 4096),
    default=512,
    show_default=True,
    help="Pixels of a mask's side.",
)
@click.option(
    "--dataset",
    default=STARTER,
    show_default=True,
    metavar="NAME",
    help="starter, or a project of the workspace, which is then split 60/20/20.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw F1 over the number of painted faces into this PNG.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default=PRECISIONS[0],
    show_default=True,
    help="Of the trainings of the thesis's models; bf16 is quicker where the processor has it.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Keep what is trained there; the same command goes on from it.",
)
@workspace_option("Where projects are.")
@verb
def segmenter_bench(
    *,
    on_step: OnStep,
    configs: str,
    fewer: str,
    epochs: int | None,
    rounds: int,
    size: int,
    dataset: str,
    plot: Path | None,
    precision: str,
    keep: Path | None,
    workspace: Path,
    seed: int | None,
    device: Device,
) -> Report:
    """Train every configuration on the same faces: time, memory, F1; what a mask adds to an image.

    The slow ones take hours on a small machine. Example:

        python launch.py bench segmenter --configs weave,config-2b-balanced --plot fewer.png
    """
    numbers = (
        parse_numbers(fewer, what="number of faces", largest=100_000, example="'1,2,5'")
        if fewer.strip()
        else []
    )
    names = tuple(name.strip() for name in configs.split(","))
    config = SegmenterBench(
        names, tuple(numbers), rounds, epochs, size, seed or 0, device, precision, keep
    )
    weights = WeightStore()
    with open_data(dataset, workspace.resolve(), weights) as (store, found):
        data = split_data(found, (60, 20, 20), config.seed)
        generator = weights.open_generator(data.generator, on_step)
        faces = labelled_faces(store, data, generator, size)
    figures = bench_segmenter(generator, class_set(data.scheme), faces, config, on_step)
    if plot is not None and figures["fewer_faces"]:
        draw_plot(plot, figures["fewer_faces"])
    return Report(_table(figures), figures)


def _table(figures: dict[str, Any]) -> str:
    rows = [
        f"{'configuration':20} {'F1 %':>6} {'IoU %':>6} {'training':>9} {'CPU':>9} {'memory':>9} "
        f"{'image+mask':>11} {'to image':>8}"
    ]
    for name, found in figures["configs"].items():
        timing = figures["latency"][f"image with mask, {name}"]
        memory = found["peak_mb_above_features"]
        rows.append(
            f"{name:20} {found['mean_f1']:6} {found['mean_iou']:6} {found['seconds']:7} s "
            f"{found['cpu_seconds']:7} s {'-' if memory is None else memory:>6} MB "
            f"{timing['median_ms']:8.1f} ms {timing['ratio_to_peer']:8.3f}"
        )
    rows.append(f"image alone: {figures['latency']['image alone']['median_ms']:.1f} ms")
    fewer = ", ".join(f"{n}: {f1}" for n, f1 in figures["fewer_faces"].items())
    rows.append(f"mean F1 % by painted faces: {fewer or 'not measured'}")
    return "\n".join(rows)
