"""The one place where float tensors and uint8 pictures meet.

A float image is [N, 3, H, W] RGB in about [-1, 1], as generators deliver it; a picture is
uint8 RGB with the channels last, as files and screens want it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.errors import InvalidRequestError
from core.files import whole_file, write_whole
from core.png_files import encode_png
from core.shapes import check_shape

FACT_PREFIX = "faceloom:"
SOFTWARE = "Faceloom"


def to_uint8(image: Tensor) -> Tensor:
    """Float image [N, 3, H, W] -> picture uint8 [N, H, W, 3].

    (x + 1) * 127.5 in float32, rounded half to even, clamped to 0..255: -1 is black and
    1 is white, each exactly. Only tensor operations, so that it exports within a graph.
    """
    levels = ((image.float() + 1.0) * 127.5).round().clamp(0.0, 255.0)
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous()  # [N, H, W, 3]


def to_float(picture: Tensor) -> Tensor:
    """Picture uint8 [N, H, W, 3] -> float32 image [N, 3, H, W] in [-1, 1].

    `to_uint8` gives back exactly the same picture.
    """
    return picture.permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1.0  # [N, 3, H, W]


def downsample(image: Tensor, size: int) -> Tensor:
    """Square float image [N, C, R, R] -> [N, C, size, size], each pixel the mean of its area.

    Exact means where R is a multiple of `size`, an antialiased linear filter otherwise.
    Raises InvalidRequestError for a size outside 1..R or an image that is not square.
    """
    check_shape(image, [None, None, image.shape[-1], image.shape[-1]], "An image to downsample")
    resolution = image.shape[-1]
    if not 1 <= size <= resolution:
        raise InvalidRequestError(
            f"Cannot downsample {resolution} px to {size} px. Sizes 1 to {resolution} are possible."
        )
    if size == resolution:
        return image
    if resolution % size == 0:
        return F.avg_pool2d(image, resolution // size)
    return F.interpolate(image, size=(size, size), mode="bilinear", antialias=True)


def psnr(a: Tensor, b: Tensor, peak: float = 2.0) -> float:
    """Peak signal-to-noise ratio in dB of two images of one shape; infinite where equal.

    peak: the range of the values, 2 for float images, 255 for pictures.
    """
    check_shape(b, a.shape, "The second image for PSNR")
    error = (a.double() - b.double()).square().mean().item()
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)


def write_png(path: Path, picture: NDArray[np.uint8], facts: Mapping[str, str]) -> None:
    """Write a picture uint8 [H, W, 3] with the facts of its making, whole or not at all.

    facts: such as generator, seed, psi, noise; stored as text chunks 'faceloom:<name>'.
    Equal pictures and facts make equal bytes. Raises InvalidRequestError for another shape
    or dtype or an unfit name, OutputError where the system refuses.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise InvalidRequestError(
            f"A picture must be uint8 [H, W, 3], is {picture.dtype} {list(picture.shape)}. "
            "Convert with to_uint8."
        )
    write_whole(path, encode_png(picture, text_chunks(facts)))


def write_jpeg(path: Path, picture: NDArray[np.uint8], size: int, quality: int = 90) -> None:
    """Write a square picture uint8 [R, R, 3] for looking at, `size` px wide; whole or not at all.

    Each pixel is the mean of its area. Raises InvalidRequestError where R is no multiple of
    `size`, OutputError where the system refuses.
    """
    if size < 1 or len(picture) % size:
        raise InvalidRequestError(
            f"A picture of {len(picture)} px cannot be shown at {size} px. Choose a whole part."
        )
    with whole_file(path) as unfinished:
        reduced = Image.fromarray(picture).reduce(len(picture) // size)
        reduced.save(unfinished, "JPEG", quality=quality)


def read_png_facts(path: Path) -> dict[str, str]:
    """The facts that `write_png` stored, without their prefix; empty for a foreign PNG.

    Reads the header only, not the pixels. Raises InvalidRequestError if it is no PNG.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            chunks = dict(image.info)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidRequestError(f"{path} cannot be read as a PNG: {error}.") from error
    return {
        name.removeprefix(FACT_PREFIX): str(value)
        for name, value in chunks.items()
        if isinstance(name, str) and name.startswith(FACT_PREFIX)
    }


def text_chunks(facts: Mapping[str, str]) -> PngInfo:
    """Text chunks 'faceloom:<name>' of facts, and Software. Raises InvalidRequestError."""
    chunks = PngInfo()
    chunks.add_text("Software", SOFTWARE)
    for name, value in facts.items():
        key = FACT_PREFIX + name
        if not (
            key.isascii() and key.isprintable() and name.strip() == name != "" and len(key) < 80
        ):
            raise InvalidRequestError(
                f"A fact's name must be 1 to {79 - len(FACT_PREFIX)} printable ASCII characters "
                f"without outer spaces, is '{name}'."
            )
        if "\0" in value:
            raise InvalidRequestError(f"The fact '{name}' must not contain a NUL character.")
        chunks.add_text(key, value)
    return chunks
