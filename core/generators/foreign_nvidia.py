"""Pickles of NVlabs/stylegan2-ada-pytorch, and of StyleGAN2 from NVlabs/stylegan3.

Their modules come as `Persistent` records: attributes, parameters, buffers and modules as
plain dicts. The attributes tell what shapes cannot (clamping, learning rate, architecture).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from core.errors import WeightsError
from core.generators.foreign_facts import (
    MAX_MAPPING_LAYERS,
    MAX_NAME,
    MAX_TENSORS,
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
from core.generators.torch_files import Persistent

MAX_MODULES = 500
LINEAR = {"weight": "weight", "bias": "bias"}
RGB = {
    "style.weight": "affine.weight",
    "style.bias": "affine.bias",
    "weight": "weight",
    "bias": "bias",
}
CONVOLUTION = RGB | {"noise_strength": "noise_strength", "baked_noise": "noise_const"}


def read_nvidia(checkpoint: Mapping[str, Any], source: str) -> Foreign:
    """From `G_ema`. Precision (their fp16 layers) is not taken over: ours run in float32."""
    modules = _modules(checkpoint["G_ema"], source)
    tensors = _tensors(modules, source)
    if any(name.startswith(("synthesis.input.", "synthesis.L0_")) for name in tensors):
        raise WeightsError(
            f"{source} is a StyleGAN3 network, which Faceloom does not build. "
            "Take a StyleGAN2 of NVlabs/stylegan2-ada-pytorch or NVlabs/stylegan3 instead."
        )
    sizes = sizes_up_to(4 << min(count(tensors, r"synthesis\.b\d+\.conv0\.bias"), 9), source)
    layers = count(tensors, r"mapping\.fc\d+\.weight")
    w_dim = shape_of(tensors, "synthesis.b4.conv1.affine.weight", 2, source)[1]
    c_dim = 0
    if "mapping.embed.weight" in tensors:
        c_dim = shape_of(tensors, "mapping.embed.weight", 2, source)[1]
    inputs = shape_of(tensors, "mapping.fc0.weight", 2, source)[1]
    names = _names(sizes, layers)
    config = configuration(
        StyleGAN2Config,
        source,
        {size: shape_of(tensors, f"synthesis.b{size}.conv1.bias", 1, source)[0] for size in sizes},
        z_dim=inputs - (w_dim if c_dim else 0),
        c_dim=c_dim,
        w_dim=w_dim,
        mapping_layers=layers,
        resample_kernel=resample_kernel(tensors, source),
        has_baked_noise="synthesis.b4.conv1.noise_const" in tensors,
        **_attributes(modules, source),
    )
    return Foreign("stylegan2", config, tensors, names)


def _modules(root: object, source: str) -> dict[str, Persistent]:
    """All modules below and with `root`, by their prefix ("" or "synthesis.b4." ...)."""
    found: dict[str, Persistent] = {}
    pending: list[tuple[str, object]] = [("", root)]
    while pending:
        prefix, module = pending.pop()
        if not isinstance(module, Persistent) or len(found) == MAX_MODULES:
            raise WeightsError(f"{source} holds no network of NVIDIA's where G_ema should be.")
        found[prefix] = module
        for name, child in _part(module, "_modules", source).items():
            if len(f"{prefix}{name}") > MAX_NAME:
                raise WeightsError(f"{source} has modules nested too deeply for a StyleGAN2.")
            if child is not None:
                pending.append((f"{prefix}{name}.", child))
    return found


def _tensors(modules: Mapping[str, Persistent], source: str) -> dict[str, StoredTensor]:
    tensors: dict[str, StoredTensor] = {}
    for prefix, module in modules.items():
        for part in ("_parameters", "_buffers"):
            for name, tensor in named_tensors(_part(module, part, source), source).items():
                tensors[prefix + name] = tensor
        if len(tensors) > MAX_TENSORS:
            raise WeightsError(f"{source} has more tensors than a StyleGAN2 can have.")
    return tensors


def _part(module: Persistent, part: str, source: str) -> dict[Any, Any]:
    value = module.state.get(part, {})
    if not isinstance(value, dict):
        raise WeightsError(f"{source} is damaged: a module's {part} is no dict.")
    return value


def _attributes(modules: Mapping[str, Persistent], source: str) -> dict[str, Any]:
    """Fields of our configuration that only their attributes tell."""
    layers = r"synthesis\.b\d+\.(conv0|conv1)\."
    _agreed(modules, r"synthesis\.b\d+\.", "architecture", ["skip"], source)
    _agreed(modules, rf"{layers}|mapping\.fc\d+\.", "activation", ["lrelu"], source)
    clamp = _agreed(modules, rf"{layers}|synthesis\.b\d+\.torgb\.", "conv_clamp", None, source)
    multiplier = _agreed(modules, r"mapping\.fc\d+\.", "bias_gain", None, source)
    if multiplier is None or not all(_is_positive(v) for v in (multiplier, clamp) if v is not None):
        raise WeightsError(
            f"{source} has a conv_clamp of {clamp} and a mapping learning rate of {multiplier}; "
            "both must be positive numbers."
        )
    return {
        "conv_clamp": None if clamp is None else float(clamp),
        "mapping_lr_multiplier": float(multiplier),
    }


def _agreed(
    modules: Mapping[str, Persistent],
    pattern: str,
    attribute: str,
    allowed: list[str] | None,
    source: str,
) -> Any:  # noqa: ANN401 - str, number or None
    """The one value an attribute has in all modules of that name."""
    found: set[Any] = set()
    for prefix, module in modules.items():
        if re.fullmatch(pattern, prefix):
            value = module.state.get(attribute)
            found.add(value if isinstance(value, str | int | float | None) else "something else")
    if len(found) != 1 or (allowed is not None and not found <= {*allowed}):
        values = ", ".join(sorted(f"{value!s:.40}" for value in found)) or "none"
        only = f"only {', '.join(allowed)} is built" if allowed else "all layers must agree"
        raise WeightsError(f"{source} has {attribute} {values}; {only}.")
    return found.pop()


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value > 0


def _names(sizes: list[int], mapping_layers: int) -> dict[str, str]:
    """Key of our state dict -> key of theirs."""
    names = {"mean_w": "mapping.w_avg", "synthesis.constant": "synthesis.b4.const"}
    names |= renamed("mapping.embed", "mapping.embed", LINEAR)
    for index in range(min(mapping_layers, MAX_MAPPING_LAYERS)):
        names |= renamed(f"mapping.layers.{index}", f"mapping.fc{index}", LINEAR)
    for size in sizes:
        ours, theirs = f"synthesis.blocks.{size}", f"synthesis.b{size}"
        names |= renamed(f"{ours}.up", f"{theirs}.conv0", CONVOLUTION)
        names |= renamed(f"{ours}.conv", f"{theirs}.conv1", CONVOLUTION)
        names |= renamed(f"{ours}.rgb", f"{theirs}.torgb", RGB)
    return names
