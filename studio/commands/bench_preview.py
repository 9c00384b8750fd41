"""`launch.py bench preview`: how fast the Control tab's pictures and masks are here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.generators import Device
from core.progress import OnStep
from core.weights import WeightStore
from studio.bench.preview import PreviewBench, bench_preview
from studio.commands.frame import Report, generator_option, verb, workspace_option
from studio.model_cache import ModelCache
from studio.workflows.segmenters import Segmenters
from studio.workflows.steering import Steering


@click.command("preview")
@click.option(
    "--sizes",
    type=click.IntRange(4, 4096),
    multiple=True,
    default=[128, 256, 512],
    show_default=True,
    help="Pixels of a preview's side; may be given more than once.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 1000),
    default=15,
    show_default=True,
    help="How often each is timed, in turn.",
)
@generator_option
@workspace_option("Where sliders and the segmenter in force are.")
@verb
def preview_bench(
    *,
    on_step: OnStep,
    sizes: tuple[int, ...],
    rounds: int,
    generator: str | None,
    workspace: Path,
    device: Device,
) -> Report:
    """Time previews with their masks as the Control tab makes them, and each part of them.

    The peer, run in turn with ours, is what a script does: the whole image, then the segmenter
    in a pass of its own.
    """
    models = ModelCache(WeightStore(), device)
    segmenters = Segmenters(models, workspace.resolve())
    steering = Steering(models, segmenters, workspace.resolve())
    config = PreviewBench(models.name(generator), tuple(sorted(set(sizes))), rounds)
    figures = bench_preview(steering, models, segmenters, config, on_step)
    return Report(_table(figures), figures)


def _table(figures: dict[str, Any]) -> str:
    rows = [f"{'one face':46} {'p50':>9} {'p95':>9} {'to peer':>8}"]
    for name, timing in figures["ways"].items():
        rows.append(
            f"{name:46} {timing['median_ms']:6.1f} ms {timing['p95_ms']:6.1f} ms "
            f"{timing['ratio_to_peer']:8.3f}"
        )
    for size, parts in figures["parts_ms"].items():
        told = ", ".join(f"{name} {ms:.1f}" for name, ms in parts.items())
        rows.append(f"{size} px, in ms: {told}")
    if figures["chosen_px"] is not None:
        rows.append(f"a drag on this machine shows {figures['chosen_px']} px")
    return "\n".join(rows)
