"""Our weights files: safetensors whose header says which network to build.

The header's one metadata entry, `faceloom`, is JSON: {"architecture": a key of
ARCHITECTURES, "config": that network's configuration}. One entry, so that the same
weights always make the same bytes. Nothing in such a file can run.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from core.errors import WeightsError
from core.files import sha256_of, whole_file
from core.generators.generator import Generator, Identity
from core.generators.mobile_stylegan import MobileStyleGANConfig, build_mobile_stylegan
from core.generators.semantic_stylegan import SemanticStyleGANConfig, build_semantic_stylegan
from core.generators.stylegan2 import StyleGAN2Config, build_stylegan2


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A family of networks: its configuration class and its builder."""

    config: type[Any]
    build: Callable[[Any], Generator]


ARCHITECTURES: dict[str, Architecture] = {
    "mobile_stylegan": Architecture(MobileStyleGANConfig, build_mobile_stylegan),
    "semantic_stylegan": Architecture(SemanticStyleGANConfig, build_semantic_stylegan),
    "stylegan2": Architecture(StyleGAN2Config, build_stylegan2),
}


def parse_config(architecture: str, config: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """The architecture's frozen dataclass. Raises WeightsError for what it does not know."""
    if architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise WeightsError(f"Unknown architecture '{architecture}'. Known: {known}.")
    wanted = ARCHITECTURES[architecture].config
    fields = {field.name for field in dataclasses.fields(wanted)}
    if strange := sorted(set(config) - fields):
        raise WeightsError(f"Unknown keys for {architecture}: {', '.join(strange)}.")
    try:
        return wanted(**config)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"Wrong configuration for {architecture}: {error}.") from error


def build_generator(architecture: str, config: Mapping[str, Any]) -> Generator:
    """An untrained network of that architecture. Raises WeightsError for what it does not know."""
    parsed = parse_config(architecture, config)
    return ARCHITECTURES[architecture].build(parsed)


def save_weights(
    path: Path, architecture: str, config: object, tensors: Mapping[str, Tensor]
) -> None:
    """Write a weights file whole or not at all; equal weights make equal bytes.

    config: the architecture's frozen dataclass.
    """
    assert dataclasses.is_dataclass(config) and not isinstance(config, type)
    header = json.dumps(
        {"architecture": architecture, "config": dataclasses.asdict(config)}, sort_keys=True
    )
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with whole_file(path) as unfinished:
        save_file(contiguous, unfinished, metadata={"faceloom": header})


def read_weights(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Header and tensors of one of our files. Raises WeightsError if it is not whole."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = json.loads(metadata["faceloom"])
        if not isinstance(header, dict) or not isinstance(header.get("config"), dict):
            raise ValueError("its header is not ours")
    except FileNotFoundError:
        raise WeightsError(f"There is no weights file at {path}.") from None
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path} is truncated or not a safetensors file ({error}). "
            "Delete it and get it again: python launch.py weights get"
        ) from error
    except KeyError:
        raise WeightsError(
            f"{path} was not written by Faceloom. Convert it: python launch.py weights add {path}"
        ) from None
    return header, tensors


def load_generator(path: Path, name: str) -> Generator:
    """The generator stored at `path`, on the CPU, float32, ready for inference."""
    header, tensors = read_weights(path)
    generator = build_and_load(header, tensors, str(path))
    generator.identity = Identity(name, sha256_of(path))
    return generator.eval().requires_grad_(False)


def build_and_load(
    header: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str
) -> Generator:
    """The network that `header` describes with these tensors.

    First compared without memory, so that a header cannot claim more than the file holds.
    """
    with torch.device("meta"):
        check_fits(build_generator(header["architecture"], header["config"]), tensors, source)
    generator = build_generator(header["architecture"], header["config"])
    load_exactly(generator, tensors, source)
    return generator


def load_exactly(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy `tensors` into `network`. Raises WeightsError unless they fit."""
    check_fits(network, tensors, source)
    network.load_state_dict(tensors)


def check_fits(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Raise WeightsError naming every key that is missing, unexpected or of another shape."""
    expected = network.state_dict()
    complaints = [f"missing {name}" for name in expected if name not in tensors]
    complaints += [f"unexpected {name}" for name in tensors if name not in expected]
    complaints += [
        f"{name} is {list(tensors[name].shape)}, must be {list(expected[name].shape)}"
        for name in expected
        if name in tensors and tensors[name].shape != expected[name].shape
    ]
    if complaints:
        shown = "; ".join(complaints[:6]) + (" ..." if len(complaints) > 6 else "")
        raise WeightsError(f"{source} does not fit the network: {shown}.")


def made_for(
    path: Path, header: dict[str, Any], generator: Identity | None, how: str, again: str
) -> Identity:
    """The generator that the header of a file names. how: 'made for' it, or 'trained on' it.

    Raises WeightsError, saying how to make it `again`, where it does not serve `generator`;
    None takes any.
    """
    found = Identity(str(header.get("generator")), str(header.get("generator_sha256")))
    if generator is not None and not generator.is_served_by(found):
        raise WeightsError(
            f"{path} was {how} generator '{found.name}' (weights {found.sha256[:12]}), not "
            f"{how.split()[-1]} '{generator.name}' (weights {generator.sha256[:12]}). {again}"
        )
    return found
