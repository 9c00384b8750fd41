"""Ways between latents: interpolation, walks along keyframes, style mixing per layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InvalidRequestError
from core.generators.generator import Generator
from core.sampling import ws_from_z
from core.seeds import parse_numbers

_BLOCK = 256
_PARALLEL = 1e-12  # sine of the angle below which two directions span no plane


def lerp_w(a: NDArray[np.float32], b: NDArray[np.float32], t: float) -> NDArray[np.float32]:
    """The point at t on the line through w or ws of one shape; exactly a at 0 and b at 1."""
    mixed = (1.0 - t) * a.astype(np.float64) + t * b.astype(np.float64)
    return mixed.astype(np.float32)


def slerp_z(
    a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]], t: ArrayLike
) -> NDArray[np.float64]:
    """Go from a to b [..., D] on a sphere: directions turn evenly, lengths change evenly.

    A straight line between two z would pass through lengths that a Gaussian never has
    (Shoemake 1985; White 2016, arXiv:1609.04468). t: scalar or one a vector, [...];
    exactly a at 0 and b at 1. Between opposite vectors, where all great circles are
    equally short, it turns through the coordinate axis most nearly at right angles to a.
    """
    start, end = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    at = np.asarray(t, np.float64)[..., None]
    start_length, end_length = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (start, end))
    u, goal = _scaled(start, start_length), _scaled(end, end_length)
    along = (u * goal).sum(-1, keepdims=True)
    across = goal - along * u
    sine = np.linalg.norm(across, axis=-1, keepdims=True)
    v = np.where(sine > _PARALLEL, _scaled(across, sine), _perpendicular(u))
    angle = np.arctan2(sine, along)  # unlike arccos, exact for small angles too
    direction = np.cos(at * angle) * u + np.sin(at * angle) * v
    path = direction * ((1.0 - at) * start_length + at * end_length)
    return np.where(at == 0.0, start, np.where(at == 1.0, end, path))


def frame_count(keyframes: int, steps: int, *, loop: bool = False) -> int:
    """How many frames a walk has: keyframe k is frame k * steps.

    Without `loop` the last keyframe is the last frame, (K - 1) * steps + 1 frames. With it
    the walk goes on to the first keyframe and stops one frame before it, K * steps frames,
    so that it repeats without a pause; so count StyleGAN3's videos too. Raises
    InvalidRequestError for fewer than two keyframes or one step.
    """
    if keyframes < 2:
        raise InvalidRequestError(f"A walk needs at least 2 faces to go between, got {keyframes}.")
    if steps < 1:
        raise InvalidRequestError(f"A walk needs at least 1 step between two faces, got {steps}.")
    return keyframes * steps if loop else (keyframes - 1) * steps + 1


def walk_ws(
    keyframes: NDArray[np.float32], steps: int, *, loop: bool = False
) -> Iterator[NDArray[np.float32]]:
    """The frames, ws [L, D] each, on straight lines between keyframes [K, L, D].

    `frame_count` says how many and which are the keyframes.
    """
    starts, ends, t = _stops(len(keyframes), steps, loop)
    return (
        lerp_w(keyframes[start], keyframes[end], float(at))
        for start, end, at in zip(starts, ends, t, strict=True)
    )


def walk_z(
    generator: Generator,
    keyframes: NDArray[np.float64],
    steps: int,
    *,
    psi: float,
    loop: bool = False,
    cutoff: int | None = None,
    class_index: int | None = None,
) -> Iterator[NDArray[np.float32]]:
    """The frames, ws [L, D] each, spherically between keyframes z [K, z_dim], then mapped.

    Frames are counted as in `walk_ws`; the other arguments are those of `ws_from_z`. At
    the keyframes the ws are the same bits as those of their z alone.
    """
    starts, ends, t = _stops(len(keyframes), steps, loop)
    z = slerp_z(keyframes[starts], keyframes[ends], t)  # [F, z_dim]
    blocks = (
        ws_from_z(generator, z[at : at + _BLOCK], psi=psi, cutoff=cutoff, class_index=class_index)
        for at in range(0, len(z), _BLOCK)
    )
    return (ws for block in blocks for ws in block)


def parse_layers(text: str, num_ws: int) -> list[int]:
    """Read layers such as '0-3,8' of a generator with num_ws of them.

    Raises InvalidRequestError for what is not a list of layers in 0..num_ws - 1.
    """
    example = f"'0-{min(3, num_ws - 1)}' for the coarsest of the {num_ws} layers"
    return parse_numbers(text, what="layer", largest=num_ws - 1, example=example)


def mix_styles(
    a: NDArray[np.float32], b: NDArray[np.float32], layers: Sequence[int]
) -> NDArray[np.float32]:
    """A copy of ws a with these layers taken from ws b.

    a: [..., L, D]; b: the same or one that broadcasts to it, such as [1, L, D] for all.
    Raises InvalidRequestError for a layer outside 0..L-1 or shapes that do not agree.
    """
    if a.ndim < 2 or b.ndim < 2 or a.shape[-2:] != b.shape[-2:]:
        raise InvalidRequestError(
            f"Mixing needs ws of the same layers and width, "
            f"got {list(a.shape)} and {list(b.shape)}."
        )
    num_ws = a.shape[-2]
    if strange := [layer for layer in layers if not 0 <= layer < num_ws]:
        raise InvalidRequestError(
            f"Layers must be in 0..{num_ws - 1} for a generator of {num_ws} layers, got {strange}."
        )
    try:
        source = np.broadcast_to(b, a.shape)
    except ValueError as error:
        raise InvalidRequestError(
            f"{list(b.shape)} cannot be mixed into {list(a.shape)}. Give one face, or as many."
        ) from error
    mixed = a.copy()
    mixed[..., list(layers), :] = source[..., list(layers), :]
    return mixed


def _stops(
    keyframes: int, steps: int, loop: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """For each frame: the keyframes before and after it, and its place between them in [0, 1)."""
    starts, rest = np.divmod(np.arange(frame_count(keyframes, steps, loop=loop)), steps)
    return starts, (starts + 1) % keyframes, rest / steps


def _scaled(vectors: NDArray[np.float64], length: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divided by their length, zero where that is zero."""
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def _perpendicular(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """A unit vector at right angles to each unit vector u [..., D]."""
    axis = np.zeros_like(u)
    np.put_along_axis(axis, np.abs(u).argmin(-1, keepdims=True), 1.0, axis=-1)
    across = axis - (axis * u).sum(-1, keepdims=True) * u
    return _scaled(across, np.linalg.norm(across, axis=-1, keepdims=True))
