"""One way to ask for the fastest thing here."""

from __future__ import annotations

import logging
from typing import Literal, get_args

import torch

from core.errors import InvalidRequestError
from core.generators.rendering import RenderPass
from core.generators.runtime import Runtime
from core.generators.torch_runtime import TorchRuntime

log = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "f32", "bf16", "f16"]
Engine = Literal["auto", "openvino", "torch"]


def open_runtime(
    render_pass: RenderPass,
    *,
    device: Device = "auto",
    precision: Precision = "auto",
    engine: Engine = "auto",
    for_many: bool = False,
) -> Runtime:
    """Compile a pass for the fastest device, engine and precision here, or for those named.

    auto: CUDA with f16 where there is one, else OpenVINO on the CPU with bf16 where the
    processor computes in it, else PyTorch. for_many: more faces a second, each of which takes
    longer: on a CPU several are computed at once, each by few cores, which never wait for each
    other. Raises InvalidRequestError for what this machine cannot do.
    """
    for value, choices in ((device, Device), (precision, Precision), (engine, Engine)):
        if value not in get_args(choices):
            raise InvalidRequestError(f"'{value}' must be one of {', '.join(get_args(choices))}.")
    if device == "cuda" and not torch.cuda.is_available():
        raise InvalidRequestError(
            "No CUDA device can be used here. Use --device cpu, or install a CUDA build of torch."
        )
    on_cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if on_cuda and engine == "openvino":
        raise InvalidRequestError(
            "OpenVINO runs on the CPU here. Use --device cpu or another engine."
        )
    if on_cuda or engine == "torch":
        return TorchRuntime(render_pass, "cuda" if on_cuda else "cpu", precision)
    return _open_openvino(render_pass, precision, for_many, required=engine == "openvino")


def _open_openvino(
    render_pass: RenderPass, precision: Precision, for_many: bool, *, required: bool
) -> Runtime:
    try:
        from core.generators.openvino_runtime import OpenVINORuntime  # a large import
    except ImportError as error:
        if required:
            raise InvalidRequestError(
                f"OpenVINO cannot be imported ({error}). Install it: pip install openvino"
            ) from error
        log.warning("OpenVINO cannot be imported (%s); using PyTorch, which is slower.", error)
        return TorchRuntime(render_pass, "cpu", precision)
    return OpenVINORuntime(render_pass, precision, for_many=for_many)
