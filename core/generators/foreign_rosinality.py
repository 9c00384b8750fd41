"""Checkpoints of rosinality/stylegan2-pytorch: its table of names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.generators.foreign_facts import (
    MAX_MAPPING_LAYERS,
    Foreign,
    configuration,
    count,
    named_tensors,
    renamed,
    resample_kernel,
    shape_of,
    sizes_up_to,
)
from core.generators.stored_tensors import StoredTensor
from core.generators.stylegan2 import StyleGAN2Config

LINEAR = {"weight": "weight", "bias": "bias"}
CONVOLUTION = {
    "style.weight": "conv.modulation.weight",
    "style.bias": "conv.modulation.bias",
    "weight": "conv.weight",
    "bias": "activate.bias",
    "noise_strength": "noise.weight",
}
RGB = {
    "style.weight": "conv.modulation.weight",
    "style.bias": "conv.modulation.bias",
    "weight": "conv.weight",
    "bias": "bias",
}


def read_rosinality(checkpoint: Mapping[str, Any], source: str) -> Foreign:
    """From `g_ema`, and `latent_avg` where it was kept. Everything is inferred from shapes."""
    tensors = named_tensors(checkpoint["g_ema"], source)
    if isinstance(mean := checkpoint.get("latent_avg"), StoredTensor):
        tensors["latent_avg"] = mean
    sizes = sizes_up_to(4 << min(count(tensors, r"to_rgbs\.\d+\.bias"), 9), source)
    layers = count(tensors, r"style\.\d+\.weight")
    w_dim, z_dim = shape_of(tensors, "style.1.weight", 2, source)
    names = _names(sizes, layers)
    config = configuration(
        StyleGAN2Config,
        source,
        {
            size: shape_of(tensors, names[f"synthesis.blocks.{size}.conv.bias"], 1, source)[0]
            for size in sizes
        },
        z_dim=z_dim,
        w_dim=w_dim,
        mapping_layers=layers,
        resample_kernel=resample_kernel(tensors, source),
        has_baked_noise="noises.noise_0" in tensors,
    )
    return Foreign("stylegan2", config, tensors, names)


def _names(sizes: list[int], mapping_layers: int) -> dict[str, str]:
    """Key of our state dict -> key of theirs."""
    names = {"mean_w": "latent_avg", "synthesis.constant": "input.input"}
    for index in range(min(mapping_layers, MAX_MAPPING_LAYERS)):
        names |= renamed(f"mapping.layers.{index}", f"style.{index + 1}", LINEAR)
    for index, size in enumerate(sizes):
        block = f"synthesis.blocks.{size}"
        conv, rgb = "conv1", "to_rgb1"
        if index:
            up, conv = f"convs.{2 * index - 2}", f"convs.{2 * index - 1}"
            rgb = f"to_rgbs.{index - 1}"
            names |= renamed(f"{block}.up", up, CONVOLUTION)
            names[f"{block}.up.baked_noise"] = f"noises.noise_{2 * index - 1}"
        names |= renamed(f"{block}.conv", conv, CONVOLUTION)
        names[f"{block}.conv.baked_noise"] = f"noises.noise_{2 * index}"
        names |= renamed(f"{block}.rgb", rgb, RGB)
    return names
