"""Checkpoints of seasonSH/SemanticStyleGAN: its table of names.

Shapes tell widths and counts; what they cannot tell is in the settings it was trained with,
`args`, from which plain numbers are taken and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import WeightsError
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
from core.generators.restricted_pickle import Fields
from core.generators.semantic_stylegan import MAX_LAYERS, MAX_PARTS, TAPS, SemanticStyleGANConfig
from core.generators.stored_tensors import StoredTensor

LINEAR = {"weight": "weight", "bias": "bias"}
STYLED = {
    "style.weight": "conv.modulation.weight",
    "style.bias": "conv.modulation.bias",
    "weight": "conv.weight",
    "bias": "activate.bias",
}
FIXED = {
    "style.weight": "modulation",
    "weight": "weight",
    "bias": "activate.bias",
    "noise_strength": "noise.weight",
}
PROJECTION = {"style.weight": "conv.modulation", "weight": "conv.weight", "bias": "bias"}
SETTINGS = {  # ours: theirs
    "resolution": "size",
    "base_layers": "base_layers",
    "depth_layers": "depth_layers",
    "coarse_resolution": "coarse_size",
    "first_resolution": "min_feat_size",
}


def is_semantic(checkpoint: Mapping[Any, Any]) -> bool:
    """Whether its generator has networks for parts."""
    tensors = checkpoint["g_ema"]
    return isinstance(tensors, dict) and any(
        type(name) is str and name.startswith("local_nets.") for name in tensors
    )


def read_semantic(checkpoint: Mapping[str, Any], source: str) -> Foreign:
    """From `g_ema` and `args`, and `latent_avg` where it was kept."""
    tensors = named_tensors(checkpoint["g_ema"], source)
    if isinstance(mean := checkpoint.get("latent_avg"), StoredTensor):
        tensors["latent_avg"] = mean
    settings = _settings(checkpoint.get("args"), source)
    if resample_kernel(tensors, source) != TAPS:
        raise WeightsError(
            f"{source} has an upsampling filter other than {TAPS}, the only one SemanticStyleGAN "
            "is built with here."
        )
    first, last = settings["first_resolution"], settings.pop("resolution")
    sizes = [size for size in sizes_up_to(last, source) if size > first]
    if not sizes:
        raise WeightsError(f"{source} says that it renders from {first} to {last} px: nothing.")
    parts = min(count(tensors, r"local_nets\.\d+\.to_feat\.bias"), MAX_PARTS + 1)
    layers = min(count(tensors, r"local_nets\.0\.linears\.\d+\.activate\.bias"), MAX_LAYERS + 1)
    depth = count(tensors, r"style\.\d+\.weight")
    config = configuration(
        SemanticStyleGANConfig,
        source,
        {
            size: shape_of(tensors, f"render_net.convs.{2 * i + 1}.activate.bias", 1, source)[0]
            for i, size in enumerate(sizes)
        },
        w_dim=shape_of(tensors, "style.1.weight", 2, source)[0],
        mapping_layers=depth,
        parts=parts,
        local_layers=layers,
        local_channels=shape_of(tensors, "pos_embed.weights", 4, source)[0],
        coarse_channels=shape_of(tensors, "local_nets.0.to_feat.conv.weight", 4, source)[0],
        **settings,
    )
    return Foreign("semantic_stylegan", config, tensors, _names(config))


def _settings(args: object, source: str) -> dict[str, Any]:
    """What shapes cannot tell. Raises WeightsError for what is missing or of another kind."""
    given = args.fields if isinstance(args, Fields) else args
    if not isinstance(given, dict):
        raise WeightsError(
            f"{source} has no 'args', the settings it was trained with. Its shapes alone do not "
            f"tell {', '.join(SETTINGS.values())}: take the file that train.py saved."
        )
    found: dict[str, Any] = {ours: given.get(theirs) for ours, theirs in SETTINGS.items()}
    wrong = [SETTINGS[ours] for ours, value in found.items() if type(value) is not int]
    found["refines"] = given.get("residual_refine")
    if type(found["refines"]) is not bool:
        wrong.append("residual_refine")
    clear = given.get("transparent_dims")
    if not isinstance(clear, list | tuple) or any(type(part) is not int for part in clear):
        wrong.append("transparent_dims")
    if wrong:
        raise WeightsError(
            f"{source} does not say {', '.join(wrong)} in its 'args'. Take the file that train.py "
            "saved."
        )
    return found | {"transparent": clear}


def _names(config: SemanticStyleGANConfig) -> dict[str, str]:
    """Key of our state dict -> key of theirs."""
    names = {"mean_w": "latent_avg", "synthesis.position.weight": "pos_embed.weights"}
    for index in range(min(config.mapping_layers, MAX_MAPPING_LAYERS)):
        names |= renamed(f"mapping.layers.{index}", f"style.{index + 1}", LINEAR)
    for part in range(config.parts):
        ours, theirs = f"synthesis.parts.{part}", f"local_nets.{part}"
        for layer in range(config.local_layers):
            names |= renamed(f"{ours}.layers.{layer}", f"{theirs}.linears.{layer}", STYLED)
        names |= renamed(f"{ours}.to_feature", f"{theirs}.to_feat", PROJECTION)
        if part:
            names |= renamed(f"{ours}.to_depth", f"{theirs}.to_depth", PROJECTION)
    for index, size in enumerate(config.render_resolutions):
        block = f"synthesis.blocks.{size}"
        for place, mine in enumerate(("up", "conv"), start=2 * index):
            names |= renamed(f"{block}.{mine}", f"render_net.convs.{place}", FIXED)
            names[f"{block}.{mine}.baked_noise"] = f"render_net.noises.noise_{place}"
        names |= renamed(f"{block}.rgb", f"render_net.to_rgbs.{index}", PROJECTION)
        names |= renamed(f"{block}.scores", f"render_net.to_segs.{index}", PROJECTION)
    return names
