"""`bench segmenter`: every configuration on the same faces, in one run on one machine.

Training time, prediction time, peak memory and F1 side by side; what a mask adds to an image;
how F1 grows with the number of painted faces.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    score,
    train_segmenter,
)
from core.segmentation.features import batched
from core.segmentation.segmenter_files import load_segmenter, save_segmenter
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
    cache = FeatureCache(generator, device=config.device)
    began = time.monotonic()
    for part in (faces["train"], faces["validation"]):
        for ws, noise in zip(part.ws, part.noises, strict=True):
            cache.get(ws, noise)
    features_seconds = time.monotonic() - began
    heads: dict[str, Head] = {}
    table: dict[str, Any] = {}
    for name in config.configs:
        heads[name], table[name] = _kept_or_trained(
            name, generator, classes, faces, config, cache, on_step
        )
    figures: dict[str, Any] = {
        "faces": {split: len(part) for split, part in faces.items()},
        "threads": torch.get_num_threads(),
        "precision": config.precision,
        "features_seconds": round(features_seconds, 1),  # once, for all of them
        "configs": table,
    }
    figures["latency"] = _latency(generator, classes, heads, config, on_step)
    first = config.configs[0]
    figures["fewer_faces"] = {
        str(count): _trained(
            first,
            generator,
            classes,
            faces["train"].take(range(count)),
            faces,
            config,
            cache,
            on_step,
        )[1]["mean_f1"]
        for count in config.fewer
        if count < len(faces["train"])
    }
    if config.fewer:
        figures["fewer_faces"][str(len(faces["train"]))] = table[first]["mean_f1"]
    return figures


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


def _kept_or_trained(
    name: str,
    generator: Generator,
    classes: ClassSet,
    faces: Mapping[str, LabelledFaces],
    config: SegmenterBench,
    cache: FeatureCache,
    on_step: OnStep,
) -> tuple[Head, dict[str, Any]]:
    """Trainings take hours: a bench that was interrupted goes on after the last whole one."""
    if config.keep is None:
        return _trained(name, generator, classes, faces["train"], faces, config, cache, on_step)
    path = config.keep / f"{name}.safetensors"
    made_of = json.loads(json.dumps(as_json(training_of(name, config).resolved())))
    if path.is_file():
        kept = load_segmenter(path, generator.identity)
        if kept.facts.get("training") != made_of or kept.classes != classes:
            raise InvalidRequestError(
                f"{path} is of other settings. Choose another folder to keep trainings in."
            )
        return kept.head, dict(kept.facts["figures"])
    head, figures = _trained(
        name, generator, classes, faces["train"], faces, config, cache, on_step
    )
    facts = {"training": made_of, "figures": figures}
    model = training_of(name, config).model
    save_segmenter(path, Segmenter(head, model, classes, generator.identity, facts))
    return head, figures


def _trained(
    name: str,
    generator: Generator,
    classes: ClassSet,
    train: LabelledFaces,
    faces: Mapping[str, LabelledFaces],
    config: SegmenterBench,
    cache: FeatureCache,
    on_step: OnStep,
) -> tuple[Head, dict[str, Any]]:
    gc.collect()
    before = _reset_peak()
    began, cpu = time.monotonic(), time.process_time()
    made = train_segmenter(
        generator,
        classes,
        train,
        faces["validation"],
        training_of(name, config),
        features=cache,
        device=config.device,
        on_step=on_step,
    )
    spent, spent_cpu = time.monotonic() - began, time.process_time() - cpu
    peak = _peak()
    scores = _judged(made.head, faces["test"], classes, cache)
    return made.head, {
        "seconds": round(spent, 1),
        "cpu_seconds": round(spent_cpu, 1),
        "peak_mb_above_features": None if peak is None or before is None else peak - before,
        "parameters": sum(p.numel() for p in made.head.parameters()),
        "epochs": len(made.history),
        "best_epoch": made.best_epoch,
        "validation_mean_f1": round(100 * made.scores.mean_f1(), 2) if made.scores else None,
        **scores.as_json(),
    }


@torch.no_grad()
def _judged(head: Head, faces: LabelledFaces, classes: ClassSet, cache: FeatureCache) -> Scores:
    predicted = [
        head(batched(cache.get(ws, noise), head.resolutions)).argmax(1)[0].to(torch.uint8).numpy()
        for ws, noise in zip(faces.ws, faces.noises, strict=True)
    ]
    return score(faces.indices(classes), np.stack(predicted), classes)


def _latency(
    generator: Generator,
    classes: ClassSet,
    heads: Mapping[str, Head],
    config: SegmenterBench,
    on_step: OnStep,
) -> dict[str, Any]:
    """One compiled pass, image alone and with the mask of each head, in turn."""
    runtimes = {"image alone": open_runtime(RenderPass(generator, Outputs()), device=config.device)}
    for name, head in heads.items():
        segmenter = Segmenter(head, name, classes, generator.identity)
        runtimes[f"image with mask, {name}"] = segmenter.open(generator, device=config.device)
    ws = generator.broadcast(generator.mean_w[None])[0].cpu().numpy()
    runs = {
        name: (lambda runtime=runtime: runtime.render(ws)) for name, runtime in runtimes.items()
    }
    timings = compare(runs, rounds=config.rounds, peer="image alone", on_step=on_step)
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
