"""`bench export`: labelled faces a second on disk, beside the peer's unlabelled images in memory.

The peer is run before and after each export; a ratio is taken to the mean of both, and the
median of the rounds counts. Rates are of the making alone, until the last file is written:
opening and compiling the networks and describing the whole are told beside it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.bench.generator import Wheel
from core.export.engines import open_engine
from core.export.recipe import Recipe
from core.export.sample import CHUNK_SIZE
from core.generators import Noise
from core.progress import OnStep, Step, ignore
from core.sampling import latents_from_seeds
from studio.bench.peak_memory import peak_of
from studio.bench.studio_process import LAUNCHER
from studio.model_cache import ModelCache
from studio.workflows.exporting import ExportRequest, export_to_folder

PEER = "wheel's graph, OpenVINO f32, 1024 px, images alone"
TARGETS = {512: 2.0, 1024: 1.0}  # times the peer's rate that is asked for, by size
WARM_UP = 8  # faces
RAY_WAVES = 3  # chunks of each of Ray's workers; the first is not counted, it starts them


@dataclass(frozen=True)
class ExportBench:
    """What to measure. count: faces of an export. images: of a run of the peer. memory: counts
    of faces whose exports' peaks are compared. workers: of Ray; None: without."""

    generator: str
    sizes: tuple[int, ...] = (512, 1024)
    count: int = 96
    rounds: int = 3
    images: int = 16
    formats: tuple[str, ...] = ("huggingface",)
    memory: tuple[int, ...] = (200, 2000)
    workers: int | None = None

    def recipe(self, size: int, count: int, **more: Any) -> Recipe:  # noqa: ANN401
        return Recipe(
            name="bench",
            count=count,
            generator=self.generator,
            size=size,
            formats=self.formats,
            **more,
        )


@dataclass
class Rates:
    """Of one size. ratios: to the peer, of each round."""

    exports: list[Mapping[str, Any]] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    def figures(self, target: float | None) -> dict[str, Any]:
        rates = [made["faces_per_second"] for made in self.exports]
        ratio = round(statistics.median(self.ratios), 3) if self.ratios else None
        beside = [made["seconds"] - made["seconds_making"] for made in self.exports]
        stages = sorted({name for made in self.exports for name in made["stages"]})
        return {
            "faces_per_second": round(statistics.median(rates), 3),
            "rates": rates,
            "ratio_to_peer": ratio,
            "ratios": [round(each, 3) for each in self.ratios],
            "target": target,
            "is_met": None if target is None or ratio is None else ratio >= target,
            "seconds_opening_and_finishing": round(statistics.median(beside), 2),
            "stages": {
                name: statistics.median(made["stages"].get(name, 0.0) for made in self.exports)
                for name in stages
            },
            "kb_per_face": round(self.exports[-1]["bytes"] / self.exports[-1]["count"] / 1000, 1),
        }


def bench_export(
    models: ModelCache,
    workspace: Path,
    wheel: Wheel | None,
    config: ExportBench,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Exports go to a folder of the workspace that is deleted in the end. Raises CoreError."""
    if config.workers is not None:
        open_engine("ray", config.workers)  # refused before anything is measured
    workspace.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=workspace) as name:
        scene = _Scene(models, workspace, Path(name), config, on_step)
        for size in config.sizes:
            scene.export(config.recipe(size, WARM_UP))
        peer: list[float] = []
        rates = scene.rates(wheel, peer)
        last = rates[config.sizes[-1]].exports[-1]
        return {
            "generator": config.generator,
            "runtime": last["runtime"],
            "count": config.count,
            "rounds": config.rounds,
            "formats": list(config.formats),
            "peer": None if wheel is None else _peer_figures(peer),
            "sizes": {str(size): found.figures(TARGETS.get(size)) for size, found in rates.items()},
            "memory": scene.memory(),
            "ray": None if config.workers is None else scene.ray(config.workers),
        }


class _Scene:
    """One folder after another for exports, each deleted when it is measured."""

    def __init__(
        self,
        models: ModelCache,
        workspace: Path,
        folder: Path,
        config: ExportBench,
        on_step: OnStep,
    ) -> None:
        self._models, self._workspace, self._folder = models, workspace, folder
        self._config, self._on_step = config, on_step

    def export(
        self, recipe: Recipe, on_step: OnStep | None = None, workers: int | None = None
    ) -> dict[str, Any]:
        request = ExportRequest(recipe, "local" if workers is None else "ray", workers)
        with tempfile.TemporaryDirectory(dir=self._folder) as out:
            return export_to_folder(
                request, Path(out), self._models, self._workspace, on_step or self._on_step
            )

    def rates(self, wheel: Wheel | None, peer: list[float]) -> dict[int, Rates]:
        """By size, all sizes in turn. peer: gets its rates, one more than there are exports."""
        config = self._config
        image = None if wheel is None else _peer_run(self._models, wheel, config)
        found = {size: Rates() for size in config.sizes}
        if image is not None:
            image()  # warm-up
            peer.append(image())
        for _ in range(config.rounds):
            for size, rates in found.items():
                rates.exports.append(self.export(config.recipe(size, config.count)))
                if image is not None:
                    peer.append(image())
                    around = statistics.mean(peer[-2:])
                    rates.ratios.append(rates.exports[-1]["faces_per_second"] / around)
        return found

    def memory(self) -> dict[str, Any] | None:
        """Peaks of `launch.py export` at the first size, each in a process of its own."""
        config = self._config
        if not config.memory:
            return None
        runs = []
        for count in config.memory:
            self._on_step(Step(0, 0, f"peak memory of {count} faces", "faces"))
            with tempfile.TemporaryDirectory(dir=self._folder) as out:
                peak = peak_of(self._command(count, Path(out)), LAUNCHER.parent)
            runs.append({"faces": count, **asdict(peak), "seconds": round(peak.seconds, 1)})
        first, last = runs[0]["megabytes"], runs[-1]["megabytes"]
        size = config.sizes[0]
        return {"size": size, "runs": runs, "last_to_first": round(last / first, 3)}

    def _command(self, count: int, out: Path) -> list[str]:
        config = self._config
        options = {
            "generator": config.generator,
            "count": count,
            "size": config.sizes[0],
            "format": ",".join(config.formats),
            "device": self._models.device,
            "workspace": self._workspace,
            "out": out,
        }
        told = [part for key, value in options.items() for part in (f"--{key}", str(value))]
        return [sys.executable, str(LAUNCHER), "export", *told]

    def ray(self, workers: int) -> dict[str, Any]:
        """Ray beside the local engine, in turn; both without the time that their start takes."""
        wave = workers * CHUNK_SIZE
        recipe = self._config.recipe(self._config.sizes[0], RAY_WAVES * wave, splits={"train": 1.0})
        local: list[float] = []
        ray: list[float] = []
        for _ in range(self._config.rounds):
            for rates, number in ((local, None), (ray, workers)):
                watch = _Watch()
                self.export(recipe, watch, number)
                rates.append(watch.rate_after(wave))
        ratios = [theirs / ours for theirs, ours in zip(ray, local, strict=True)]
        return {
            "workers": workers,
            "count": recipe.count,
            "size": recipe.size,
            "faces_per_second": round(statistics.median(ray), 3),
            "local_faces_per_second": round(statistics.median(local), 3),
            "ratio_to_local": round(statistics.median(ratios), 3),
        }


class _Watch:
    """An `on_step` that remembers when so many faces were there."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: list[tuple[float, int]] = []  # s, faces

    def __call__(self, step: Step) -> None:
        self._seen.append((self._clock(), step.done))

    def rate_after(self, faces: int) -> float:
        """Faces a second from the moment that at least so many were there to the last one."""
        began, before = next(seen for seen in self._seen if seen[1] >= faces)
        total = max(done for _, done in self._seen)
        ended = next(at for at, done in self._seen if done == total)
        return (total - before) / (ended - began)


def _peer_run(models: ModelCache, wheel: Wheel, config: ExportBench) -> Callable[[], float]:
    """Makes the peer's images once more; returns its images a second."""
    generator = models.generator(config.generator)
    seeds = list(range(config.images))
    ws: NDArray[np.float32] = latents_from_seeds(generator, seeds, psi=0.7, noise=Noise()).ws

    def run() -> float:
        began = time.perf_counter()
        for face in ws:
            wheel.image(face[:1])
        return len(ws) / (time.perf_counter() - began)

    return run


def _peer_figures(rates: list[float]) -> dict[str, Any]:
    return {
        "name": PEER,
        "images_per_second": round(statistics.median(rates), 3),
        "rates": [round(rate, 3) for rate in rates],
    }
