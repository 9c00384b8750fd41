"""`bench segmenter`: every configuration on the same faces, in one run on one machine.

Training time, prediction time, peak memory and F1 side by side; what a mask adds to an image;
how F1 grows with the number of painted faces.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from core.bench.timing import compare
from core.errors import InvalidRequestError
from core.files import whole_file
from core.generators import Device, Generator, Outputs, RenderPass, open_runtime
from core.progress import OnStep, ignore
from core.segmentation import (
    HEADS,
    ClassSet,
    FeatureCache,
    Head,
    LabelledFaces,
    Scores,
    Segmenter,
    SegmenterTraining,
    load_segmenter,
    save_segmenter,
    score,
    train_segmenter,
)
from core.segmentation.checkpoints import data_hash
from core.segmentation.features import batched
from core.segmentation.training_config import as_json

BALANCED, THESIS = "-balanced", "config-"
CONFIGS = (
    "weave",
    "config-1",
    "config-2a",
    "config-2b",
    "config-2b-balanced",
    "config-2c",
    "pixel-mlp",
)
FEWER = (1, 2, 5, 10, 20, 30)
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class SegmenterBench:
    """What to measure. epochs: of every model; None takes each one's own recipe."""

    configs: tuple[str, ...] = CONFIGS
    fewer: tuple[int, ...] = FEWER  # numbers of training faces for the first of configs
    rounds: int = 11
    epochs: int | None = None
    size: int = 512
    seed: int = 0
    device: Device = "auto"
    precision: str = "f32"  # of the thesis's models, whose convolutions take hours; others f32
    keep: Path | None = None  # a folder: what is trained is kept there, and not trained again


def bench_segmenter(
    generator: Generator,
    classes: ClassSet,
    faces: Mapping[str, LabelledFaces],
    config: SegmenterBench,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """faces: by split, train, validation and test. Epochs are chosen on validation; the figures
    are of the test faces.
    """
    work = _Work(generator, classes, faces, config, on_step)
    features_seconds = work.make_features()
    made = {name: work.made(name) for name in config.configs}
    table = {name: figures for name, (_, figures) in made.items()}
    first = config.configs[0]
    fewer = {
        str(count): work.trained(first, faces["train"].take(range(count)))[1]["mean_f1"]
        for count in config.fewer
        if count < len(faces["train"])
    }
    if config.fewer:
        fewer[str(len(faces["train"]))] = table[first]["mean_f1"]
    return {
        "faces": {split: len(part) for split, part in faces.items()},
        "threads": torch.get_num_threads(),
        "precision": config.precision,
        "features_seconds": round(features_seconds, 1),  # once, for all of them
        "configs": table,
        "latency": work.latency({name: head for name, (head, _) in made.items()}),
        "fewer_faces": fewer,
    }


def training_of(name: str, config: SegmenterBench) -> SegmenterTraining:
    """The recipe of 'config-2b', 'config-2b-balanced', ... Raises InvalidRequestError."""
    model = name.removesuffix(BALANCED)
    if model not in HEADS:
        known = ", ".join(HEADS)
        raise InvalidRequestError(f"There is no '{name}'. Known: {known}, each with {BALANCED}.")
    loss = "class-balanced" if name.endswith(BALANCED) else "cross-entropy"
    training = SegmenterTraining(
        model=model,
        loss=loss,
        size=config.size,
        seed=config.seed,
        precision=config.precision if model.startswith(THESIS) else "f32",
    )
    return training if config.epochs is None else replace(training, epochs=config.epochs)


def draw_plot(path: Path, points: Mapping[str, float]) -> None:
    """Mean F1 in percent over the number of painted faces, as a picture; axes from 0 to 100 and
    by the logarithm of the number.
    """
    width, height, left, low = 640, 400, 60, 350
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    for percent in range(0, 101, 20):
        y = low - percent * 3
        draw.line((left, y, width - 30, y), fill="#dddddd")
        draw.text((22, y - 6), f"{percent}", fill="black")
    numbers = sorted(int(count) for count in points)
    span = max(np.log(numbers[-1] / numbers[0]), 1e-9)
    places: list[tuple[float, float]] = []
    for number in numbers:
        x = left + 20 + (width - left - 80) * np.log(number / numbers[0]) / span
        places.append((float(x), float(low - 3 * points[str(number)])))
        draw.text((x - 6, low + 10), str(number), fill="black")
        draw.text((x - 12, places[-1][1] - 18), f"{points[str(number)]:.1f}", fill="black")
    draw.line(places, fill="#3b82f6", width=3)
    for across, down in places:
        draw.ellipse((across - 4, down - 4, across + 4, down + 4), fill="#3b82f6")
    draw.text((width // 2 - 60, low + 30), "painted faces", fill="black")
    draw.text((left, 10), "mean F1 on the test faces, %, background left out", fill="black")
    with whole_file(path) as unfinished:
        picture.save(unfinished, "PNG")


@dataclass(frozen=True, eq=False)
class _Work:
    """One bench under way."""

    generator: Generator
    classes: ClassSet
    faces: Mapping[str, LabelledFaces]
    config: SegmenterBench
    on_step: OnStep

    @cached_property
    def cache(self) -> FeatureCache:
        return FeatureCache(self.generator, device=self.config.device)

    def make_features(self) -> float:
        """Of all that trainings look at; returns how many seconds that took."""
        began = time.monotonic()
        for part in (self.faces["train"], self.faces["validation"]):
            for ws, noise in zip(part.ws, part.noises, strict=True):
                self.cache.get(ws, noise)
        return time.monotonic() - began

    def made(self, name: str) -> tuple[Head, dict[str, Any]]:
        """A head trained on all faces, and its figures. Trainings take hours: where they are
        kept, a bench that was interrupted goes on after the last whole one."""
        if self.config.keep is None:
            return self.trained(name, self.faces["train"])
        path = self.config.keep / f"{name}.safetensors"
        training = training_of(name, self.config).resolved()
        made_of = {
            "training": as_json(training),
            "data": data_hash([*self.faces.values()], self.classes),
        }
        if path.is_file():
            kept = load_segmenter(path, self.generator.identity)
            if any(kept.facts.get(key) != value for key, value in made_of.items()):
                raise InvalidRequestError(
                    f"{path} is of other settings or faces. Choose another folder to keep "
                    "trainings in."
                )
            return kept.head, dict(kept.facts["figures"])
        head, figures = self.trained(name, self.faces["train"])
        facts = {**made_of, "figures": figures}
        identity = self.generator.identity
        save_segmenter(path, Segmenter(head, training.model, self.classes, identity, facts))
        return head, figures

    def trained(self, name: str, train: LabelledFaces) -> tuple[Head, dict[str, Any]]:
        gc.collect()
        before = _reset_peak()
        began, cpu = time.monotonic(), time.process_time()
        made = train_segmenter(
            self.generator,
            self.classes,
            train,
            self.faces["validation"],
            training_of(name, self.config),
            features=self.cache,
            device=self.config.device,
            on_step=self.on_step,
        )
        spent, spent_cpu = time.monotonic() - began, time.process_time() - cpu
        peak = _peak()
        return made.head, {
            "seconds": round(spent, 1),
            "cpu_seconds": round(spent_cpu, 1),
            "peak_mb_above_features": None if peak is None or before is None else peak - before,
            "parameters": sum(p.numel() for p in made.head.parameters()),
            "epochs": len(made.history),
            "best_epoch": made.best_epoch,
            "validation_mean_f1": round(100 * made.scores.mean_f1(), 2) if made.scores else None,
            **self._judged(made.head).as_json(),
        }

    @torch.no_grad()
    def _judged(self, head: Head) -> Scores:
        faces = self.faces["test"]
        predicted = []
        for ws, noise in zip(faces.ws, faces.noises, strict=True):
            features = batched(self.cache.get(ws, noise), head.resolutions)
            predicted.append(head(features).argmax(1)[0].to(torch.uint8).numpy())
        return score(faces.indices(self.classes), np.stack(predicted), self.classes)

    def latency(self, heads: Mapping[str, Head]) -> dict[str, Any]:
        """One compiled pass, image alone and with the mask of each head, in turn."""
        generator, device = self.generator, self.config.device
        runtimes = {"image alone": open_runtime(RenderPass(generator, Outputs()), device=device)}
        for name, head in heads.items():
            segmenter = Segmenter(head, name, self.classes, generator.identity)
            runtimes[f"image with mask, {name}"] = segmenter.open(generator, device=device)
        ws = generator.broadcast(generator.mean_w[None])[0].cpu().numpy()
        runs = {
            name: (lambda runtime=runtime: runtime.render(ws)) for name, runtime in runtimes.items()
        }
        rounds = self.config.rounds
        timings = compare(runs, rounds=rounds, peer="image alone", on_step=self.on_step)
        return {name: timing.figures() for name, timing in timings.items()}


def _reset_peak() -> int | None:
    """Let the system forget this process's peak of memory; returns what it holds now, MB."""
    try:
        _CLEAR.write_text("5")  # proc(5): resets VmHWM
    except OSError:
        return None
    return _peak()


def _peak() -> int | None:
    """Peak resident memory since the reset, MB; None where the system does not tell."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) // 1024 if found else None
