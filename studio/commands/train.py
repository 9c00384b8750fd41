"""`launch.py train`: what Faceloom ships, made again or made for another generator."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import click
import yaml

from core.errors import InvalidRequestError
from core.files import sha256_of, whole_file
from core.generators.readout_files import load_readouts, save_readouts
from core.generators.readout_training import (
    ReadoutQuality,
    ReadoutTraining,
    measure_readouts,
    train_readouts,
)
from core.generators.runtime import Device
from core.progress import OnStep
from core.weights import WeightStore
from studio.commands.frame import Report, verb

Config = TypeVar("Config")
MEASURED_PSI = (0.7, 1.0)


@click.group()
def train() -> None:
    """Train what Faceloom ships, from its configuration."""


@train.command()
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="YAML whose keys are those of ReadoutTraining.",
)
@verb
def previews(*, on_step: OnStep, config: Path, seed: int | None, device: Device) -> Report:
    """Train the preview readouts of a generator and measure them on 64 unseen faces.

    Writes the weights and their figures beside the configuration. Example:

        python launch.py train previews --config weights/preview-mobilestylegan-ffhq-1024.yaml
    """
    training = read_config(config, ReadoutTraining)
    if seed is not None:
        training = dataclasses.replace(training, seed=seed)
    weights = config.with_suffix(".safetensors")
    generator = WeightStore().open_generator(training.generator, on_step)
    with (  # opened first: a folder that cannot be written is told of at once
        whole_file(weights) as unfinished_weights,
        whole_file(config.with_suffix(".json")) as unfinished_figures,
    ):
        began = time.monotonic()
        readouts = train_readouts(generator, training, device=device, on_step=on_step)
        seconds = round(time.monotonic() - began)
        save_readouts(unfinished_weights, readouts, generator.identity)
        readouts = load_readouts(unfinished_weights, generator.identity)  # what others will get
        qualities = [
            measure_readouts(readouts, generator, psi, device=device, on_step=on_step)
            for psi in MEASURED_PSI
        ]
        figures = {
            "command": f"python launch.py train previews --config {config}",
            "file": weights.name,
            "sha256": sha256_of(unfinished_weights),
            "generator": training.generator,
            "generator_sha256": generator.identity.sha256,
            "seed": training.seed,
            "faces": training.faces,
            "seconds": seconds,
            "psnr_db": [dataclasses.asdict(quality) for quality in qualities],
        }
        unfinished_figures.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return Report(_table(weights, qualities, seconds), figures)


def _table(weights: Path, qualities: list[ReadoutQuality], seconds: int) -> str:
    lines = [f"{weights}: trained in {seconds} s. PSNR in dB over 64 unseen faces, mean (worst):"]
    for quality in qualities:
        found = ", ".join(
            f"{size} px {mean:.1f} ({quality.worst[size]:.1f})"
            for size, mean in quality.mean.items()
        )
        lines.append(f"    psi {quality.psi:g}: {found}")
    return "\n".join(lines)


def read_config(path: Path, kind: type[Config]) -> Config:
    """A configuration dataclass from YAML whose keys are its fields; absent ones keep defaults.

    Raises InvalidRequestError naming every key that is unknown or holds another type.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidRequestError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise InvalidRequestError(f"{path} must hold 'key: value' lines.")
    types = get_type_hints(kind)
    if strange := [str(key) for key in content if key not in types]:
        raise InvalidRequestError(
            f"{path}: unknown {', '.join(strange)}. Known: {', '.join(types)}."
        )
    if wrong := [
        f"{key} must be {_name(types[key])}, is {value!r}"
        for key, value in content.items()
        if not _fits(value, types[key])
    ]:
        raise InvalidRequestError(f"{path}: {'; '.join(wrong)}.")
    numbers = {key: float(value) for key, value in content.items() if types[key] is float}
    return kind(**content | numbers)


def _fits(value: Any, wanted: Any) -> bool:  # noqa: ANN401 - whatever YAML holds
    if get_origin(wanted) is dict:
        key_type, value_type = get_args(wanted)
        return isinstance(value, dict) and all(
            _fits(key, key_type) and _fits(entry, value_type) for key, entry in value.items()
        )
    if isinstance(value, bool):
        return wanted is bool
    return isinstance(value, (int, float) if wanted is float else wanted)


def _name(kind: Any) -> str:  # noqa: ANN401 - a type or a generic alias
    return str(kind) if get_origin(kind) else str(kind.__name__)
