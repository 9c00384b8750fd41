"""`bench preview`: what the Control tab shows while something is dragged, part by part.

All ways take turns, round after round. Each round asks for another psi, or another age, as a
drag does. The whole of a way is what its route does, from a recipe to the bytes of a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from core.bench.timing import Timing, compare
from core.errors import InvalidRequestError
from core.generators import Outputs, RenderPass, Runtime, open_runtime
from core.png_files import encode_png
from core.progress import OnStep, ignore
from studio.model_cache import ModelCache
from studio.routes.control_frames import SMALL, WHOLE, face_frame, framed, jpeg_of
from studio.workflows.segmenters import Segmenters
from studio.workflows.steering import Steering
from studio.workflows.steering_pictures import PREVIEW_SIZES, SLOW_MS, FacePass, Shown
from studio.workflows.steering_recipe import FaceRecipe

PEER = "peer: whole image, then its mask"
SEED = 0
Run = Callable[[], object]


@dataclass(frozen=True)
class PreviewBench:
    """sizes: of the previews, px, the largest one last."""

    generator: str
    sizes: tuple[int, ...] = (128, 256, 512)
    rounds: int = 15


class Dragged:
    """A person at a slider: every recipe is another one."""

    def __init__(self, generator: str, *, is_age: bool = False) -> None:
        self._generator, self._is_age = generator, is_age
        self._moves = 0

    def next(self) -> FaceRecipe:
        self._moves += 1
        if self._is_age:
            return FaceRecipe.of(self._generator, SEED, 0.7, age=20 + self._moves % 40)
        return FaceRecipe.of(self._generator, SEED, 0.5 + 0.4 * (self._moves % 97) / 97)


def bench_preview(
    steering: Steering,
    models: ModelCache,
    segmenters: Segmenters,
    config: PreviewBench,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Ways and parts in milliseconds. Raises InvalidRequestError without a segmenter."""
    if problem := steering.pictures.problem(config.generator):
        raise InvalidRequestError(problem)
    scene = _Scene(steering, models, segmenters, config)
    parts = {size: scene.parts(size) for size in config.sizes}
    ways = scene.ways()
    candidates = dict(ways)
    for size, steps in parts.items():
        candidates |= {f"{size} px: {name}": run for name, run in steps.items()}
    timings = compare(candidates, rounds=config.rounds, peer=PEER, on_step=on_step)
    found = {size: _parts(size, parts[size], timings) for size in config.sizes}
    whole = {px: timings[frame_name(px)].median_ms for px in config.sizes}
    return {
        "generator": config.generator,
        "runtime": str(scene.whole.runtime.facts),
        "threads": torch.get_num_threads(),
        "ways": {name: timings[name].figures() for name in ways},
        "parts_ms": {str(size): each for size, each in found.items()},
        "chosen_px": _chosen(whole),
    }


def frame_name(size: int) -> str:
    return f"preview + mask {size} px, to the frame"


def _chosen(ms: Mapping[int, float]) -> int | None:
    """The size that a drag shows here, of those that were measured; see asker.js."""
    offered = [px for px in PREVIEW_SIZES if px in ms]
    return next((px for px in offered if ms[px] <= SLOW_MS), min(offered, default=None))


class _Scene:
    """The studio's own passes, opened once."""

    def __init__(
        self, steering: Steering, models: ModelCache, segmenters: Segmenters, config: PreviewBench
    ) -> None:
        self.steering, self.models, self.config = steering, models, config
        name = config.generator
        self.network = models.generator(name)
        self.segmenters = segmenters
        self.whole = steering.pictures.full(name)
        self.ws = steering.guess(FaceRecipe.of(name, SEED, 0.7))

    def ways(self) -> dict[str, Run]:
        """What is measured as a whole, the peer first."""
        largest = self.config.sizes[-1]
        name = self.config.generator
        image = self.models.runtime(name, Outputs())
        mask = self.segmenters.runtime(name, Outputs(image=False, labels=True))
        alone = self._image(largest)
        both = self.steering.pictures.preview(name, largest)
        found: dict[str, Run] = {
            PEER: lambda: (image.render(self.ws), mask.render(self.ws)),
            f"image {largest} px": lambda: alone.render(self.ws),
            f"image + mask {largest} px": lambda: both.render(self.ws),
        }
        for size in self.config.sizes:
            found[frame_name(size)] = partial(self._frame, size, Dragged(name))
        if not self.steering.parts.missing_control(name):
            size = self.config.sizes[0]
            aged = Dragged(name, is_age=True)
            found[f"{frame_name(size)}, age dragged"] = partial(self._frame, size, aged)
        found["whole face + mask, to the frame"] = lambda: face_frame(
            self.whole.render(self.ws), WHOLE, sequence=1, is_final=True
        )
        return found

    def parts(self, size: int) -> dict[str, Run]:
        """Passes that each do one thing more than the one before; then what follows them."""
        name, ws = self.config.generator, self.ws
        features = self._features(size)
        alone, both = self._image(size), self.steering.pictures.preview(name, size)
        shown: Shown = both.render(ws)
        if len(shown.picture) != size or shown.labels is None:
            raise InvalidRequestError(
                f"The studio shows no previews of {size} px with masks of '{name}'; the nearest "
                f"has {len(shown.picture)} px. Choose other --sizes."
            )
        labels = shown.labels
        picture, map_ = jpeg_of(shown.picture, SMALL), encode_png(labels)
        dragged = Dragged(name)
        return {
            "recipe to w": lambda: self.steering.guess(dragged.next()),
            "features": lambda: features.render(ws),
            "with readout": lambda: alone.render(ws),
            "with mask": lambda: both.render(ws),
            "JPEG": lambda: jpeg_of(shown.picture, SMALL),
            "PNG of the mask": lambda: encode_png(labels),
            "frame": lambda: framed({"kind": "face", "sequence": 1}, picture, map_),
        }

    def _frame(self, size: int, dragged: Dragged) -> bytes:
        shown = self.steering.preview(dragged.next(), size, lambda: None)
        return face_frame(shown, SMALL, sequence=1)

    def _features(self, size: int) -> Runtime:
        largest = max(px for px in self.network.synthesis.feature_channels if px <= size)
        outputs = Outputs(image=False, features=(largest,))
        return open_runtime(_FeaturesAlone(self.network, outputs), device=self.models.device)

    def _image(self, size: int) -> FacePass:
        """A picture without a mask, made as previews are."""
        return self.steering.pictures.without_mask(self.config.generator, size)


class _FeaturesAlone(RenderPass):
    """The work of one feature map without its copy: of the map one pixel is delivered."""

    def forward(self, ws: Tensor, *noise: Tensor) -> tuple[Tensor, ...]:
        sizes = self.outputs.features
        made = self.synthesis(ws, noise or None, features=sizes, with_image=False)
        return tuple(made.features[size][:, :1, :1, :1] for size in sizes)


def _parts(size: int, steps: Mapping[str, Run], timings: Mapping[str, Timing]) -> dict[str, float]:
    """What each part takes: passes by what they add to the one before."""
    of = {name: timings[f"{size} px: {name}"] for name in steps}
    found = {
        "recipe to w": of["recipe to w"].median_ms,
        "features": of["features"].median_ms,
        "readout": of["with readout"].above_ms(of["features"]),
        "mask head": of["with mask"].above_ms(of["with readout"]),
        "JPEG": of["JPEG"].median_ms,
        "PNG of the mask": of["PNG of the mask"].median_ms,
        "frame": of["frame"].median_ms,
    }
    return {name: round(ms, 2) for name, ms in found.items()}
