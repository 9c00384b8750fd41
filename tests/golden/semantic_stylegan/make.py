"""Makes the parity files beside it with the public implementation of SemanticStyleGAN.

    python tests/golden/semantic_stylegan/make.py CHECKOUT

CHECKOUT: a working tree of seasonSH/SemanticStyleGAN. Its CUDA operations are not built: on the
CPU it has paths without them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.utils.cpp_extension

HERE = Path(__file__).parent
SHAPE = {"n_mlp": 3, "channel_multiplier": 2, "detach_texture": False, "lr": 0.002, "ckpt": None}
CASES: dict[str, dict[str, Any]] = {
    "celeba_32": SHAPE  # parts, layers and switches as the authors train faces
    | {"size": 32, "latent": 8, "seg_dim": 13, "local_layers": 10, "base_layers": 2}
    | {"depth_layers": 6, "local_channel": 4, "coarse_channel": 8, "coarse_size": 16}
    | {"min_feat_size": 8, "residual_refine": True, "transparent_dims": [10, 12]},
    "plain_64": SHAPE  # nothing transparent, nothing refined; two sizes above the coarse one
    | {"size": 64, "latent": 12, "seg_dim": 3, "local_layers": 4, "base_layers": 1}
    | {"depth_layers": 2, "local_channel": 6, "coarse_channel": 10, "coarse_size": 16}
    | {"min_feat_size": 4, "residual_refine": False, "transparent_dims": ()},
    "no_base_32": SHAPE  # no code is shared by the parts
    | {"size": 32, "latent": 8, "seg_dim": 4, "local_layers": 3, "base_layers": 0}
    | {"depth_layers": 1, "local_channel": 5, "coarse_channel": 6, "coarse_size": 16}
    | {"min_feat_size": 4, "residual_refine": True, "transparent_dims": [3]},
}
CHANNELS = {8: 12, 16: 12, 32: 8, 64: 4}  # of the render net, in place of 512 and fewer


def reference(checkout: Path) -> Any:
    """Its `models` package, with the table of channels cut."""
    torch.utils.cpp_extension.load = lambda *_, **__: None
    sys.path.insert(0, str(checkout))
    import models
    import models.semantic_stylegan as networks

    networks.RenderNet.channels = property(lambda _: CHANNELS, lambda _, given: None)
    return models


def checkpoint(models: Any, settings: dict[str, Any], seed: int) -> tuple[Any, dict[str, Any]]:
    """A network with random weights where training would have left some, and its file."""
    torch.manual_seed(seed)
    args = argparse.Namespace(**settings)
    network = models.make_model(args, verbose=False).eval()
    for name, parameter in network.named_parameters():
        if name.endswith("noise.weight"):
            parameter.data.normal_(std=0.3)
        elif name.endswith("bias"):
            large = 50 if name.startswith("style.") else 1
            parameter.data += torch.randn_like(parameter) * 0.2 * large
        elif name.endswith("conv.modulation") or name.endswith(".modulation"):
            parameter.data += torch.randn_like(parameter) * 0.3
    return network, {"g_ema": network.state_dict(), "args": args}


@torch.no_grad()
def recorded(network: Any) -> dict[str, torch.Tensor]:
    z = torch.randn(2, network.style_dim)
    w = network.style(z)
    mean_w = network.style(torch.randn(500, network.style_dim)).mean(0)
    ws = network.style(torch.randn(2 * network.n_latent, network.style_dim))
    ws = ws.reshape(2, network.n_latent, network.style_dim)
    silence = [torch.zeros(1)] * network.render_net.n_layers
    shown = (torch.arange(2 * network.n_local).reshape(2, -1) % 3 != 1).float()
    asked = {"input_is_latent": True, "return_all": True}
    image, fine, coarse, depths, expanded = network([ws], noise=silence, **asked)
    image_baked, fine_baked, *_ = network([w], randomize_noise=False, **asked)
    image_part, fine_part, coarse_part, *_ = network(
        [ws], noise=silence, composition_mask=shown, **asked
    )
    last = slice(1, 2)  # of what is large, one face
    return {
        "z": z,
        "w": w,
        "mean_w": mean_w,
        "ws": ws,
        "shown": shown,
        "expanded": expanded,
        "depths": torch.cat(depths, 1)[last],
        "image": image[last],
        "coarse": coarse[last],
        "fine": fine[last],
        "image_baked": image_baked[last],
        "fine_baked": fine_baked[last],
        "image_part": image_part[last],
        "coarse_part": coarse_part[last],
        "fine_part": fine_part[last],
    }


def main() -> None:
    models = reference(Path(sys.argv[1]).resolve())
    for seed, (name, settings) in enumerate(CASES.items(), start=41):
        network, content = checkpoint(models, settings, seed)
        facts = recorded(network)
        if name == "plain_64":  # some files keep a mean of w
            content["latent_avg"] = facts["mean_w"]
        is_legacy = name != "no_base_32"  # of the two formats, the one with the smaller files
        torch.save(content, HERE / f"{name}.pt", _use_new_zipfile_serialization=not is_legacy)
        np.savez_compressed(HERE / f"{name}.npz", **{k: v.numpy() for k, v in facts.items()})


if __name__ == "__main__":
    main()
