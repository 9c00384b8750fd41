"""Generators: what makes faces, and what runs them fast."""

from core.generators.engines import Device, Precision, open_runtime
from core.generators.generator import Generator, Identity
from core.generators.noise import Noise
from core.generators.readouts import Readouts
from core.generators.rendering import Outputs, RenderPass
from core.generators.runtime import Runtime

__all__ = [
    "Device",
    "Generator",
    "Identity",
    "Noise",
    "Outputs",
    "Precision",
    "Readouts",
    "RenderPass",
    "Runtime",
    "open_runtime",
]
