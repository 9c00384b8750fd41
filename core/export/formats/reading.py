"""Pixels out of image files, with nothing changed."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def image_pixels(file: bytes | Path) -> NDArray[np.uint8]:
    """PNG or JPEG -> uint8 [H, W, 3]. Raises OSError, or ValueError for another mode."""
    return _pixels(file, "RGB")


def mask_pixels(file: bytes | Path) -> NDArray[np.uint8]:
    """PNG of mode L -> uint8 [H, W]. Raises OSError, or ValueError for another mode."""
    return _pixels(file, "L")


def _pixels(file: bytes | Path, mode: str) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as picture:
        if picture.mode != mode:
            raise ValueError(f"its mode is {picture.mode}, not {mode}")
        return np.array(picture, np.uint8)
