"""What a foreign checkpoint says about its network: shapes, counts and the upsampling filter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch

from core.errors import InvalidRequestError, WeightsError
from core.generators.stored_tensors import StoredTensor
from core.generators.stylegan2 import RESOLUTIONS, StyleGAN2Config

MAX_MAPPING_LAYERS = 32
MAX_TENSORS = 5_000
MAX_NAME = 200  # characters
FILTER_NAME = re.compile(r"(.*\.)?(resample_filter|(blur|upsample)\.kernel)")


class Configured(Protocol):
    """What every configuration read from a foreign checkpoint has."""

    @property
    def z_dim(self) -> int: ...
    @property
    def mapping_layers(self) -> int: ...
    def channels(self, resolution: int) -> int: ...


Config = TypeVar("Config", bound=Configured)


@dataclass(frozen=True)
class Foreign:
    """A checkpoint of another repository, and how it maps to ours.

    architecture, config: what to build. names: for each key of our state dict, the key of
    `tensors` it comes from.
    """

    architecture: str
    config: Configured
    tensors: Mapping[str, StoredTensor]
    names: Mapping[str, str]


def named_tensors(values: object, source: str) -> dict[str, StoredTensor]:
    """The tensors of a state dict. Raises WeightsError if it is none."""
    if not isinstance(values, dict) or len(values) > MAX_TENSORS:
        raise WeightsError(f"{source} holds no state dict where its generator should be.")
    if not all(type(name) is str and len(name) <= MAX_NAME for name in values):
        raise WeightsError(f"{source} holds tensors without a proper name.")
    return {name: value for name, value in values.items() if isinstance(value, StoredTensor)}


def count(tensors: Mapping[str, StoredTensor], pattern: str) -> int:
    """How many tensors have a name of that form."""
    return sum(re.fullmatch(pattern, name) is not None for name in tensors)


def sizes_up_to(resolution: int, source: str) -> list[int]:
    """4, 8, ... resolution. Raises WeightsError for a resolution that is not built."""
    if resolution not in RESOLUTIONS:
        allowed = ", ".join(map(str, RESOLUTIONS))
        raise WeightsError(
            f"{source} makes images of {resolution} px, or lacks layers; allowed: {allowed}."
        )
    return [4, *(size for size in RESOLUTIONS if size <= resolution)]


def renamed(ours: str, theirs: str, suffixes: Mapping[str, str]) -> dict[str, str]:
    """Names of one layer's tensors, ours -> theirs."""
    return {f"{ours}.{mine}": f"{theirs}.{other}" for mine, other in suffixes.items()}


def shape_of(
    tensors: Mapping[str, StoredTensor], name: str, num_axes: int, source: str
) -> tuple[int, ...]:
    """Shape of a tensor the configuration is inferred from."""
    if name not in tensors:
        raise WeightsError(f"{source} does not fit a StyleGAN2: missing {name}.")
    shape = tensors[name].shape
    if len(shape) != num_axes or 0 in shape:
        raise WeightsError(
            f"{source} does not fit a StyleGAN2: {name} is {list(shape)}, "
            f"must have {num_axes} axes."
        )
    return shape


def configuration(
    make: Callable[..., Config],
    source: str,
    channels: Mapping[int, int],
    **facts: Any,  # noqa: ANN401 - the other fields of that configuration
) -> Config:
    """Our configuration for a network with those channels at each size."""
    base = max(number * size for size, number in channels.items())
    try:
        config = make(
            **facts,
            resolution=max(channels),
            channel_base=base,
            channel_max=max(channels.values()),
        )
    except InvalidRequestError as error:
        raise WeightsError(f"{source} does not fit: {error}") from error
    if any(config.channels(size) != number for size, number in channels.items()):
        listed = ", ".join(f"{number} at {size} px" for size, number in channels.items())
        raise WeightsError(
            f"{source} has channels that follow no common base: {listed}. They must halve with "
            "each doubling of the size, up to a maximum."
        )
    if config.z_dim < 1 or not 1 <= config.mapping_layers <= MAX_MAPPING_LAYERS:
        raise WeightsError(
            f"{source} has {config.mapping_layers} mapping layers and z of {config.z_dim}; "
            f"allowed are 1 to {MAX_MAPPING_LAYERS} layers and at least 1."
        )
    return config


def resample_kernel(tensors: Mapping[str, StoredTensor], source: str) -> tuple[float, ...]:
    """Taps of the upsampling filter, the first of them 1. All filters must be the same."""
    filters = [value for name, value in tensors.items() if FILTER_NAME.fullmatch(name)]
    if not filters:
        return StyleGAN2Config.resample_kernel
    found = set()
    for stored in filters:
        if len(stored.shape) != 2 or not 1 < stored.shape[0] == stored.shape[1] <= 8:
            raise WeightsError(
                f"{source} has an upsampling filter of shape {list(stored.shape)}; "
                "allowed are square ones of 2 to 8 taps."
            )
        kernel = stored.tensor().double()
        taps = kernel.sum(dim=0) / kernel.sum(dim=0)[0]
        square = torch.outer(taps, taps) * kernel[0, 0]
        separable = torch.allclose(kernel, square, rtol=1e-4)
        found.add(tuple(round(tap, 4) for tap in taps.tolist()) if separable else ())
    if len(found) != 1 or () in found:
        raise WeightsError(f"{source} has upsampling filters that differ or are not separable.")
    return found.pop()
