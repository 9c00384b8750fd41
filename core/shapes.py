"""The one check of tensor shapes at the doors of modules."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from core.errors import InvalidRequestError


def check_shape(tensor: Tensor, expected: Sequence[int | None], what: str) -> None:
    """Raise InvalidRequestError unless the shape is `expected` (None: any size)."""
    fits = tensor.ndim == len(expected) and all(
        want is None or have == want for have, want in zip(tensor.shape, expected, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in expected)
        raise InvalidRequestError(f"{what} must have shape [{wanted}], has {list(tensor.shape)}.")
