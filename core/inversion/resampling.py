"""Oriented crops of photos, and crops put back: smooth where enlarged, area means where reduced."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from core.inversion.frame import Frame, moved

FEATHER = 0.05  # of a picture's side, where a crop put back fades into the photo

_BLUR = 0.02  # of the side: what padding is blurred by
_SOFT = 0.3  # of the side: the least way over which padding fades to one colour


def cut(photo: NDArray[np.uint8], frame: Frame, size: int) -> NDArray[np.uint8]:
    """What a frame shows of a photo uint8 [H, W, 3], as uint8 [size, size, 3].

    Where the frame leaves the photo, the photo is mirrored at its border.
    """
    factor = int(frame.side / size / 2)
    if factor > 1:  # exact means first: less to turn
        reduced = np.asarray(Image.fromarray(photo).reduce(factor))
        return cut(reduced, frame.scaled(1 / factor), size)
    margin = 4 + math.ceil(frame.side / size)  # for the filter
    corners = frame.corners()
    least = np.floor(corners.min(0)).astype(int) - margin  # x, y
    most = np.ceil(corners.max(0)).astype(int) + margin
    columns = _mirrored(least[0], most[0], photo.shape[1])
    rows = _mirrored(least[1], most[1], photo.shape[0])
    matrix = frame.matrix(size)
    matrix[:, 2] -= least
    return _warped(photo[rows][:, columns], matrix, size, size)


def outside(shape: tuple[int, ...], frame: Frame, size: int) -> NDArray[np.float32]:
    """[size, size]: how far each px of a cut lies beyond the border of a photo [H, W, ...].

    In parts of the frame's side; negative within the photo.
    """
    x, y = _places(frame, size)
    beyond = np.maximum(np.maximum(-x, x - shape[1]), np.maximum(-y, y - shape[0]))
    return np.asarray(beyond / frame.side, np.float32)


def softened(picture: NDArray[np.uint8], beyond: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A cut [S, S, 3] with its mirrored padding blurred, and fading to the median colour.

    beyond: from `outside`. As in FFHQ, the blur sets in a little within the photo.
    """
    if beyond.max() <= 0:
        return picture
    depth = beyond[..., None] / max(_SOFT, float(beyond.max()))  # 1: deep in the padding
    blur = ImageFilter.GaussianBlur(_BLUR * len(picture))
    blurred = np.asarray(Image.fromarray(picture).filter(blur), np.float32)
    mixed = picture + (blurred - picture) * np.clip(3 * depth + 1, 0, 1)
    median = np.median(picture, axis=(0, 1)).astype(np.float32)
    mixed += (median - mixed) * np.clip(depth, 0, 1)
    return np.asarray(mixed.round(), np.uint8)


def put_back(
    photo: NDArray[np.uint8], picture: NDArray[np.uint8], frame: Frame
) -> NDArray[np.uint8]:
    """A copy of a photo [H, W, 3] with a picture uint8 [S, S, 3] back in its frame.

    The picture's outermost 5 % fade into the photo; nothing outside the frame changes.
    """
    size, result = len(picture), photo.copy()
    corners = frame.corners()
    left, top = np.clip(np.floor(corners.min(0)).astype(int), 0, photo.shape[1::-1])
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int), 0, photo.shape[1::-1])
    if left >= right or top >= bottom:
        return result
    matrix = frame.inverse_matrix(size)
    matrix[:, 2] += matrix[:, :2] @ np.array([left, top])
    ramp = np.minimum(np.arange(size) + 0.5, size - np.arange(size) - 0.5) / (FEATHER * size)
    fade = (255 * np.clip(np.minimum(ramp[:, None], ramp), 0, 1)).round().astype(np.uint8)
    width, height = right - left, bottom - top
    weight = _warped(fade, matrix, width, height)[..., None].astype(np.float32) / 255
    new = _warped(picture, matrix, width, height)
    old = photo[top:bottom, left:right]
    mixed = old + (new.astype(np.float32) - old) * weight
    result[top:bottom, left:right] = mixed.round().astype(np.uint8)
    return result


def _warped(
    picture: NDArray[np.uint8], matrix: NDArray[np.float64], width: int, height: int
) -> NDArray[np.uint8]:
    """uint8 [height, width, ...]; matrix: [2, 3] from its px to the picture's; black outside it."""
    step = math.sqrt(abs(np.linalg.det(matrix[:, :2])))  # px of the picture a px
    finer = max(1, math.ceil(step - 1e-6))
    matrix = np.column_stack([matrix[:, :2] / finer, matrix[:, 2]])
    made = Image.fromarray(picture).transform(
        (width * finer, height * finer),
        Image.Transform.AFFINE,
        tuple(matrix.ravel()),
        Image.Resampling.BICUBIC,
    )
    return np.asarray(made.reduce(finer) if finer > 1 else made)


def _mirrored(least: int, most: int, length: int) -> NDArray[np.intp]:
    """Places least to most - 1 of an axis, those beyond its ends mirrored, however often."""
    places = np.arange(least, most) % (2 * length)
    return np.minimum(places, 2 * length - 1 - places)


def _places(frame: Frame, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y in the photo [size, size] of the middle of each px of a cut."""
    middles = np.arange(size) + 0.5
    grid = np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2)
    at = moved(grid, frame.matrix(size)).reshape(size, size, 2)
    return at[..., 0], at[..., 1]
