"""`launch.py train`: what Faceloom ships, made again or made for another generator."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from core.attributes.training import AttributeTraining
from core.errors import InvalidRequestError
from core.files import sha256_of, whole_file, write_whole
from core.generators.engines import Device
from core.generators.readout_files import load_readouts, save_readouts
from core.generators.readout_training import (
    ReadoutQuality,
    ReadoutTraining,
    measure_readouts,
    train_readouts,
)
from core.inversion.encoder_training import PhotoEncoderTraining
from core.latents import LatentSpace, read_latents
from core.progress import OnStep
from core.seeds import parse_numbers
from core.segmentation import SegmenterTraining
from core.weights import WeightStore
from studio.commands.frame import Report, generator_option, verb, workspace_option
from studio.commands.influence_table import influence_table
from studio.configs import read_config
from studio.model_cache import ModelCache
from studio.workflows.attribute_training import train_attributes_beside
from studio.workflows.direction_training import DirectionTraining, train_directions_beside
from studio.workflows.own_directions import FaceSets, OwnWish, told_of
from studio.workflows.own_sliders import OwnSliders
from studio.workflows.photo_encoder_training import train_photo_encoder_beside
from studio.workflows.shipped_files import shipped_beside
from studio.workflows.steering_parts import SteeringParts
from studio.workflows.training_runs import train_from_config

MEASURED_PSI = (0.7, 1.0)

Training = TypeVar(
    "Training",
    ReadoutTraining,
    SegmenterTraining,
    AttributeTraining,
    DirectionTraining,
    PhotoEncoderTraining,
)


def _config_option(
    kind: type[Any], *, is_required: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        required=is_required,
        metavar="FILE",
        help=f"YAML whose keys are those of {kind.__name__}.",
    )


def _configured(config: Path, kind: type[Training], seed: int | None) -> Training:
    """What the file says; --seed counts more than its own."""
    training = read_config(config, kind)
    return training if seed is None else dataclasses.replace(training, seed=seed)


@click.group()
def train() -> None:
    """Train what Faceloom ships, from its configuration."""


@train.command()
@_config_option(ReadoutTraining)
@verb
def previews(*, on_step: OnStep, config: Path, seed: int | None, device: Device) -> Report:
    """Train the preview readouts of a generator and measure them on 64 unseen faces.

    Writes the weights and their figures beside the configuration. Example:

        python launch.py train previews --config weights/preview-mobilestylegan-ffhq-1024.yaml
    """
    training = _configured(config, ReadoutTraining, seed)
    generator = WeightStore().open_generator(training.generator, on_step)
    with shipped_beside(config) as files:
        began = time.monotonic()
        readouts = train_readouts(generator, training, device=device, on_step=on_step)
        seconds = round(time.monotonic() - began)
        save_readouts(files.weights, readouts, generator.identity)
        readouts = load_readouts(files.weights, generator.identity)  # what others will get
        qualities = [
            measure_readouts(readouts, generator, psi, device=device, on_step=on_step)
            for psi in MEASURED_PSI
        ]
        told = {
            "seed": training.seed,
            "faces": training.faces,
            "seconds": seconds,
            "psnr_db": [dataclasses.asdict(quality) for quality in qualities],
        }
        figures = files.record("previews", generator.identity, told)
    weights = config.with_suffix(".safetensors")
    return Report(_table(weights, qualities, seconds), figures)


@train.command()
@_config_option(SegmenterTraining)
@workspace_option("Where the run's folder is made, and where projects are.")
@click.option("--resume", metavar="RUN", help="Go on with this run of the workspace instead.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the best epoch's weights to this .safetensors file, the figures beside it.",
)
@verb
def segmenter(
    *,
    on_step: OnStep,
    config: Path,
    workspace: Path,
    resume: str | None,
    out: Path | None,
    seed: int | None,
    device: Device,
) -> Report:
    """Train a segmenter on painted faces; everything about it is in runs/<run>/.

    Example:

        python launch.py train segmenter --config segmenter.yaml
    """
    training = _configured(config, SegmenterTraining, seed)
    figures = train_from_config(
        training, workspace.resolve(), WeightStore(), config.stem, device, resume, on_step
    )
    if out is not None:
        _ship(Path(figures["path"]) / "best.safetensors", out, config, figures)
    told = [
        f"{split}: mean F1 {found['mean_f1']} %, mean IoU {found['mean_iou']} %"
        for split, found in figures["metrics"].items()
    ]
    where = f"{figures['path']}: {figures['epochs']} epochs in {figures['seconds']} s, best "
    lines = [f"{where}{figures['best_epoch']}.", *told, *figures["warnings"]]
    return Report("\n".join(lines), figures)


@train.command()
@_config_option(AttributeTraining)
@workspace_option("Where the measured faces are kept, so that a stopped run goes on.")
@verb
def attributes(
    *, on_step: OnStep, config: Path, workspace: Path, seed: int | None, device: Device
) -> Report:
    """Measure random faces of a generator and learn what control needs.

    Writes it, and its figures, beside the configuration. Example:

        python launch.py train attributes --config weights/attributes-mobilestylegan-ffhq-1024.yaml
    """
    training = _configured(config, AttributeTraining, seed)
    figures = train_attributes_beside(
        config, training, workspace.resolve(), WeightStore(), device, on_step
    )
    return Report(influence_table(figures), figures)


@train.command("photo-encoder")
@_config_option(PhotoEncoderTraining)
@workspace_option("Where faces and an unfinished training are kept, so that a stopped run goes on.")
@verb
def photo_encoder(
    *, on_step: OnStep, config: Path, workspace: Path, seed: int | None, device: Device
) -> Report:
    """Learn to tell the latents of a photo in one pass, from generated faces.

    Writes the encoder, and its figures, beside the configuration. Example:

        python launch.py train photo-encoder --config photo-encoder.yaml
    """
    training = _configured(config, PhotoEncoderTraining, seed)
    figures = train_photo_encoder_beside(
        config, training, workspace.resolve(), WeightStore(), device, on_step
    )
    told = figures["variance_explained"]
    shares = ", ".join(f"{100 * told[name]['all']:.1f} % {name}" for name in told)
    where = f"{config.with_suffix('.safetensors')}: {figures['steps']} steps"
    return Report(f"{where}; of the variance of w it explains {shares}.", figures)


def _latents_option(which: str, about: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        f"--{which}",
        f"{which}_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help=f"Latents (.npz) of faces {about}; makes one slider of your own.",
    )


@train.command()
@_config_option(DirectionTraining, is_required=False)
@_latents_option("with", "that have it")
@_latents_option("without", "that do not")
@click.option("--name", metavar="NAME", help="Of your own slider, for links and commands.")
@click.option("--title", help="What people read beside it. [default: its name]")
@click.option("--layers", metavar="LIST", help="Where it acts, such as 0-6. [default: all]")
@click.option("--hold", multiple=True, metavar="WHAT", help="What it must not change, such as age.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write it. [default: directions/NAME.safetensors of the workspace]",
)
@workspace_option("Where `train attributes` kept the measured faces, and your own sliders are.")
@generator_option
@verb
def directions(
    *,
    on_step: OnStep,
    config: Path | None,
    with_file: Path | None,
    without_file: Path | None,
    workspace: Path,
    seed: int | None,
    device: Device,
    **own: Any,  # noqa: ANN401 - click's
) -> Report:
    """Fit sliders that move one attribute each, or one of your own from two sets of faces.

    With --config: writes those that are clean enough, and all figures, beside it. With --with,
    --without and --name: writes one, with what was measured of it. Examples:

        python launch.py train directions --config weights/directions-mobilestylegan-ffhq-1024.yaml
        python launch.py train directions --with a.npz --without b.npz --name freckles
    """
    if config is None and with_file and without_file and own["name"]:
        return _own_slider(with_file, without_file, workspace.resolve(), device, on_step, **own)
    if config is None or with_file or without_file or own["name"]:
        raise InvalidRequestError(
            "Give either --config, or --with, --without and --name; "
            "see `python launch.py train directions --help`."
        )
    training = _configured(config, DirectionTraining, seed)
    figures = train_directions_beside(
        config, training, workspace.resolve(), WeightStore(), device, on_step
    )
    return Report(_effects(figures), figures)


def _own_slider(
    with_file: Path,
    without_file: Path,
    workspace: Path,
    device: Device,
    on_step: OnStep,
    *,
    name: str,
    title: str | None,
    layers: str | None,
    hold: tuple[str, ...],
    out: Path | None,
    generator: str | None,
) -> Report:
    models = ModelCache(WeightStore(), device)
    generator = models.name(generator)
    space = LatentSpace.of(models.generator(generator, on_step))
    sets = FaceSets(
        read_latents(with_file, space).ws,
        read_latents(without_file, space).ws,
        {"with_file": with_file.name, "without_file": without_file.name},
    )
    most = space.num_ws - 1
    chosen = (
        tuple(parse_numbers(layers, what="layer", largest=most, example="'0-6'"))
        if layers
        else None
    )
    parts = SteeringParts(models, workspace)
    sliders = OwnSliders(models, parts)
    fitted = sliders.fit(generator, OwnWish(title or name, name, chosen, hold), sets)
    made = sliders.keep(generator, fitted, on_step, out)
    path = out or parts.own_path(made.name)
    low, high = made.safe
    text = f"{path}: slider '{made.name}', safe from {low:g} to {high:g}. {told_of(made)}"
    figures = {"file": str(path), "name": made.name, "title": made.title, "safe": [low, high]}
    return Report(text, figures | {"facts": dict(made.facts)})


def _effects(figures: dict[str, Any]) -> str:
    rows = [f"{'direction':24} {'effect':>7} {'leaks most into':>24} {'':>6} {'ratio':>6}  kept"]
    for name, found in figures["measured"].items():
        other, change = found["worst"]
        rows.append(
            f"{name:24} {found['effect'] or 0:7.2f} {other:>24} {change or 0:6.2f} "
            f"{found['ratio'] or 0:6.1f}  {'yes' if name in figures['kept'] else 'no'}"
        )
    rows.append(f"{len(figures['kept'])} directions in {figures['file']}")
    return "\n".join(rows)


def _ship(best: Path, out: Path, config: Path, figures: dict[str, Any]) -> None:
    """Copy the weights to `out`, and what is known of them into a .json beside it."""
    command = f"python launch.py train segmenter --config {config} --out {out}"
    facts = {name: value for name, value in figures.items() if name != "path"}
    told = {"command": command, "file": out.name, "sha256": sha256_of(best), **facts}
    with whole_file(out) as unfinished:
        shutil.copyfile(best, unfinished)
    text = json.dumps(told, indent=2) + "\n"
    write_whole(out.with_suffix(".json"), text.encode("utf-8"))


def _table(weights: Path, qualities: list[ReadoutQuality], seconds: int) -> str:
    lines = [f"{weights}: trained in {seconds} s. PSNR in dB over 64 unseen faces, mean (worst):"]
    for quality in qualities:
        found = ", ".join(
            f"{size} px {mean:.1f} ({quality.worst[size]:.1f})"
            for size, mean in quality.mean.items()
        )
        lines.append(f"    psi {quality.psi:g}: {found}")
    return "\n".join(lines)
