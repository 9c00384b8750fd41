"""Everything that control of one generator needs, in one file: the model, the encoder, the
covariance of w, the influence of its layers.

safetensors with one metadata entry, `faceloom`, JSON: {"kind": "attributes", "config", "generator",
"generator_sha256", "facts"}. Networks are stored in float16, used in float32. Nothing can run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from core.attributes.encoder import AttributeEncoder
from core.attributes.influence import LayerInfluence
from core.attributes.measures import ATTRIBUTES
from core.attributes.model import AttributeModel
from core.errors import CoreError, WeightsError
from core.files import whole_file
from core.generators import Identity
from core.generators.checkpoint import check_fits, load_exactly, made_for, read_weights

KIND = "attributes"
LARGEST = 8192  # of any size in a header
_AGAIN = "Make it again: python launch.py train attributes --config FILE"


@dataclass(frozen=True, eq=False)
class AttributePack:
    """covariance: of w with psi 1, float32 [D, D]. drawn: age and male of random faces,
    float32 [M, 2]: what is not asked for is drawn from them. scale: standard deviation of each
    attribute among random faces, by name. facts: how it was made, with the figures.
    """

    model: AttributeModel
    encoder: AttributeEncoder
    covariance: NDArray[np.float32]
    drawn: NDArray[np.float32]
    influence: LayerInfluence
    scale: dict[str, float]
    generator: Identity
    facts: Mapping[str, Any] = field(default_factory=dict)

    def mixing_layers(self) -> tuple[int, ...]:
        """Those that carry age and gender."""
        return self.influence.mixing_layers(("age", "male"))

    def draw_given(
        self, age: float | None, male: float | None, random: np.random.Generator
    ) -> NDArray[np.float32]:
        """[2], what is None drawn: from the random faces that come nearest to the other one."""
        rows = self.drawn
        if age is not None:
            near = np.abs(rows[:, 0] - age)
            rows = rows[near <= max(3.0, float(near.min()))]
        if male is not None:
            same = (rows[:, 1] > 0.5) == (male > 0.5)
            rows = rows[same] if same.any() else rows
        row = rows[random.integers(len(rows))]
        chosen = [row[0] if age is None else age, row[1] if male is None else male]
        return np.array(chosen, np.float32)


def save_pack(path: Path, pack: AttributePack) -> None:
    """Write it whole or not at all; equal ones make equal bytes."""
    influence = pack.influence
    header = {
        "kind": KIND,
        "config": {
            "names": pack.model.names,
            "num_ws": pack.model.num_ws,
            "w_dim": len(pack.covariance),
            "hidden": pack.model.read.out_features,
            "groups": influence.groups,
            "faces": influence.faces,
            "scale": pack.scale,
        },
        "generator": pack.generator.name,
        "generator_sha256": pack.generator.sha256,
        "facts": dict(pack.facts),
    }
    tensors = {
        "covariance": torch.from_numpy(pack.covariance),
        "drawn": torch.from_numpy(pack.drawn).half(),
        "influence": torch.from_numpy(influence.shares).float(),
    }
    for part, module in (("model", pack.model), ("encoder", pack.encoder)):
        for name, tensor in module.state_dict().items():
            tensors[f"{part}.{name}"] = tensor.detach().cpu().half().contiguous()
    with whole_file(path) as unfinished:
        save_file(tensors, unfinished, metadata={"faceloom": json.dumps(header, sort_keys=True)})


def load_pack(path: Path, generator: Identity) -> AttributePack:
    """Raises WeightsError if it is damaged, something else, or of other weights."""
    header, tensors = read_weights(path)
    if header.get("kind") != KIND:
        raise WeightsError(f"{path} holds no attributes. {_AGAIN}")
    theirs = made_for(path, header, generator, "made for", _AGAIN)
    try:
        return _parsed(header, tensors, theirs, path)
    except WeightsError:
        raise
    except (CoreError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise WeightsError(
            f"{path} holds attributes that this version does not know ({error}). {_AGAIN}"
        ) from error


def _parsed(
    header: Mapping[str, Any], tensors: Mapping[str, Tensor], theirs: Identity, path: Path
) -> AttributePack:
    config = header["config"]
    names = tuple(str(name) for name in config["names"])
    sizes = [config[key] for key in ("num_ws", "w_dim", "hidden")]
    if any(type(n) is not int or not 1 <= n <= LARGEST for n in sizes):
        raise ValueError("sizes that are no sizes")
    if unknown := sorted(set(names) - set(ATTRIBUTES)):
        raise ValueError(f"attributes {', '.join(unknown)}")
    num_ws, w_dim, hidden = sizes

    def filled(part: str, build: Any) -> Any:  # noqa: ANN401 - one of two modules
        own = {
            name.removeprefix(f"{part}."): tensor.float()
            for name, tensor in tensors.items()
            if name.startswith(f"{part}.")
        }
        with torch.device("meta"):
            check_fits(build(), own, str(path))
        module = build()
        load_exactly(module, own, str(path))
        return module.eval().requires_grad_(False)

    model = filled("model", lambda: AttributeModel(names, num_ws, w_dim, hidden))
    encoder = filled("encoder", lambda: AttributeEncoder(w_dim))
    groups = tuple((int(size), tuple(map(int, layers))) for size, layers in config["groups"])
    if any(layer not in range(num_ws) for _, layers in groups for layer in layers):
        raise ValueError("layers that are not there")
    shares = tensors["influence"].double().numpy()
    covariance, drawn = tensors["covariance"].float().numpy(), tensors["drawn"].float().numpy()
    fits = shares.shape == (len(groups), len(names)) and covariance.shape == (w_dim, w_dim)
    if not fits or drawn.ndim != 2 or drawn.shape[1] != 2 or not len(drawn):
        raise ValueError("tensors of other shapes")
    if not (np.isfinite(covariance).all() and np.isfinite(drawn).all()):
        raise ValueError("values that are not finite")
    influence = LayerInfluence(groups, names, shares, int(config["faces"]))
    scale = {str(name): float(value) for name, value in config["scale"].items()}
    facts = header.get("facts")
    facts = facts if isinstance(facts, dict) else {}
    return AttributePack(model, encoder, covariance, drawn, influence, scale, theirs, facts)
