"""What torch's pickles hold, as plain values: storages, tensors and numpy scalars.

The makers here take the arguments of the functions torch and numpy name in their pickles,
and check what those would not.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.errors import UnsafeCheckpointError
from core.generators.restricted_pickle import Makers, Opaque

DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
MAX_AXES = 8
SCALARS = {"f8": "<d", "f4": "<f", "i8": "<q", "i4": "<i", "b1": "<?"}


@dataclass(frozen=True)
class Storage:
    """`count` elements; `load` gives exactly their bytes."""

    dtype: torch.dtype
    count: int
    load: Callable[[], bytes | memoryview]


@dataclass(frozen=True)
class StoredTensor:
    """A tensor within the bounds of its storage (checked when it was made)."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        return span(self.shape, self.stride) * self.storage.dtype.itemsize

    def tensor(self) -> Tensor:
        """A copy of its own, contiguous."""
        if not self.num_bytes:
            return torch.empty(self.shape, dtype=self.storage.dtype)
        start = self.offset * self.storage.dtype.itemsize
        content = bytearray(memoryview(self.storage.load())[start : start + self.num_bytes])
        flat = torch.frombuffer(content, dtype=self.storage.dtype)
        return flat.as_strided(self.shape, self.stride).contiguous()


@dataclass(frozen=True)
class NumpyType(Opaque):
    """A numpy dtype by its code, e.g. "f8"."""

    code: str


def span(shape: tuple[int, ...], stride: tuple[int, ...]) -> int:
    """How many elements of a storage such a view reaches over."""
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))


def storage_types() -> Makers:
    """torch's storage classes, each replaced by its dtype."""
    return {("torch", name): dtype for name, dtype in DTYPES.items()}


def stored_tensor(
    source: str,
    storage: Storage,
    offset: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    *_: object,
) -> StoredTensor:
    """For torch._utils._rebuild_tensor_v2. A tensor larger than its storage is refused."""
    plain = isinstance(storage, Storage) and type(shape) is type(stride) is tuple
    if not plain or not len(shape) == len(stride) <= MAX_AXES:
        raise ValueError("a tensor that is not described the way torch does")
    numbers = (offset, *shape, *stride)
    if any(type(number) is not int or number < 0 for number in numbers):
        raise ValueError("a tensor with sizes that are no sizes")
    elements = max(math.prod(shape), span(shape, stride))
    if elements + (offset if elements else 0) > storage.count:
        raise UnsafeCheckpointError(
            f"{source} holds a tensor of {elements} elements in a storage of {storage.count}: "
            "it would read or reserve memory it does not have. Nothing of it was run."
        )
    return StoredTensor(storage, offset, shape, stride)


def parameter(data: StoredTensor, *_: object) -> StoredTensor:
    """For torch._utils._rebuild_parameter: a parameter is its tensor."""
    if not isinstance(data, StoredTensor):
        raise ValueError("a parameter without a tensor")
    return data


def numpy_type(code: str, *_: object) -> NumpyType:
    """For numpy.dtype."""
    if type(code) is not str:
        raise ValueError("a numpy type that is no type code")
    return NumpyType(code)


def numpy_scalar(kind: NumpyType, content: bytes) -> Any:  # noqa: ANN401 - float, int or bool
    """For numpy's scalar, little-endian: the Python number."""
    if not isinstance(kind, NumpyType) or kind.code not in SCALARS:
        raise ValueError("a numpy value of a kind that no checkpoint holds")
    (value,) = struct.unpack(SCALARS[kind.code], content)
    return value
