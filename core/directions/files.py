"""Sets of directions in one file: safetensors, one tensor a direction, by its name.

The one metadata entry, `faceloom`, is JSON: {"kind": "directions", "generator": name,
"generator_sha256": of its weights, "directions": [{name, title, attribute, safe, peak, facts}],
"digest": sha256 of all else}. A tensor is float16 [L, D], the vector divided by its `peak`, the
largest size of an entry: what is stored is right to 1/2048 of an entry, or 6e-8 of the peak.
Nothing in such a file can run; a byte that changed is found by the digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from core.directions.direction import Direction
from core.errors import CoreError, InvalidRequestError, WeightsError
from core.files import write_whole
from core.generators.generator import Identity
from core.latents import LatentSpace

KIND = "directions"
MAX_DIRECTIONS = 1000
MAX_HEADER = 8 * 2**20  # bytes of the safetensors header, which holds all facts
MAX_FILE = 2**30  # bytes
_KEYS = ("name", "title", "attribute", "safe", "peak", "facts")
_AGAIN = "Fit them again: python launch.py train directions --help"


def save_directions(path: Path, directions: Sequence[Direction]) -> None:
    """Write them whole or not at all; equal ones make equal bytes, reading and writing, too.

    Raises InvalidRequestError for no directions, two of one name or of different generators or
    shapes, and more than fit into a file; OutputError where the system refuses.
    """
    _check_set(directions)
    tensors, entries = {}, []
    for direction in directions:
        peak = float(np.abs(direction.vector).max())
        tensors[direction.name] = (direction.vector / np.float64(peak)).astype(np.float16)
        entries.append(
            {
                "name": direction.name,
                "title": direction.title,
                "attribute": direction.attribute,
                "safe": [float(bound) for bound in direction.safe],
                "peak": peak,
                "facts": dict(direction.facts),
            }
        )
    header: dict[str, Any] = {
        "kind": KIND,
        "generator": directions[0].generator,
        "generator_sha256": directions[0].generator_sha256,
        "directions": entries,
    }
    header["digest"] = _digest(header, tensors)
    text = json.dumps(header, sort_keys=True)
    if 2 * len(text) > MAX_HEADER:  # quotes are escaped once more
        raise InvalidRequestError(
            f"The facts of these {len(directions)} directions are too long for one file. "
            "Save fewer at once."
        )
    # made in memory: safetensors' own writer does not say that a disk is full as an OSError
    write_whole(path, save(tensors, metadata={"faceloom": text}))


def read_directions(path: Path, space: LatentSpace) -> list[Direction]:
    """The directions stored at `path`, for the generator whose space this is, in their order.

    Raises WeightsError if the file is damaged, holds no directions, or holds those of another
    generator, of other weights of this one, or of another number of layers or width of w.
    """
    header, tensors = _read(path)
    _check_generator(header, space, path)
    for name, tensor in tensors.items():
        if tensor.shape != (space.num_ws, space.w_dim) or tensor.dtype != np.float16:
            raise WeightsError(
                f"Direction '{name:.80}' in {path} is {tensor.dtype} {list(tensor.shape)}, "
                f"generator '{space.identity.name}' needs float16 [{space.num_ws}, "
                f"{space.w_dim}]. {_AGAIN}"
            )
    try:
        return _directions(header, tensors)
    except (CoreError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise WeightsError(
            f"{path} holds directions that this version does not know ({error}). {_AGAIN}"
        ) from error


def _check_set(directions: Sequence[Direction]) -> None:
    if not 1 <= len(directions) <= MAX_DIRECTIONS:
        raise InvalidRequestError(
            f"A file holds 1 to {MAX_DIRECTIONS} directions, got {len(directions)}."
        )
    names = [direction.name for direction in directions]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidRequestError(
            f"Each direction of a file needs a name of its own, twice there: {', '.join(twice)}."
        )
    kinds = {(direction.identity, direction.vector.shape) for direction in directions}
    if len(kinds) > 1:
        made_for = ", ".join(sorted({direction.generator for direction in directions}))
        raise InvalidRequestError(
            f"A file holds directions of one generator and shape, these are of {made_for}. "
            "Save them apart."
        )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and tensors of a file that is whole and ours."""
    try:
        _check_sizes(path)
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get("faceloom", "{}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = json.loads(text)
        is_whole = isinstance(header, dict) and header.get("kind") == KIND
        if is_whole:
            is_whole = header.pop("digest", None) == _digest(header, tensors)
            if not is_whole:
                raise ValueError("its content was changed after it was written")
    except FileNotFoundError:
        raise WeightsError(f"There is no file of directions at {path}.") from None
    except (SafetensorError, OSError, ValueError, RecursionError, TypeError) as error:
        raise WeightsError(
            f"{path} is damaged or not a file of directions ({error!s:.200}). "
            f"Get it again. {_AGAIN}"
        ) from error
    if not is_whole:
        raise WeightsError(f"{path} holds no directions. {_AGAIN}")
    return header, tensors


def _check_sizes(path: Path) -> None:
    """Before memory is taken: the header's size is the first eight bytes of the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header_size = int.from_bytes(file.read(8), "little")
    if size > MAX_FILE or header_size > min(MAX_HEADER, size):
        raise ValueError(f"{size} bytes with a header of {header_size}")


def _check_generator(header: Mapping[str, Any], space: LatentSpace, path: Path) -> None:
    wanted = space.identity
    made_for = Identity(str(header.get("generator")), str(header.get("generator_sha256")))
    if not wanted.is_served_by(made_for):
        raise WeightsError(
            f"{path} was made for generator '{made_for.name:.80}' (weights "
            f"{made_for.sha256:.12}), not for '{wanted.name}' (weights {wanted.sha256[:12]}). Load "
            f"'{made_for.name:.80}', or "
            f"fit directions for '{wanted.name}': python launch.py train directions --help"
        )


def _directions(header: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> list[Direction]:
    entries = header["directions"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_DIRECTIONS:
        raise ValueError("not a list of directions")
    if [*sorted(tensors)] != sorted(str(entry["name"]) for entry in entries):
        raise ValueError("its list and its tensors have different names")
    return [_direction(entry, header, tensors) for entry in entries]


def _direction(
    entry: Mapping[str, Any], header: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> Direction:
    name, title, attribute, safe, peak, facts = (entry[key] for key in _KEYS)
    if not isinstance(attribute, str) or not isinstance(facts, dict):
        raise ValueError("an attribute that is no text, or facts that are no dict")
    numbers = [*safe, peak]
    if len(numbers) != 3 or any(type(number) not in (int, float) for number in numbers):
        raise ValueError("a range or a peak that are no numbers")
    low, high, peak = map(float, numbers)
    with np.errstate(over="ignore", invalid="ignore"):  # Direction refuses what comes of it
        vector = (tensors[name] * np.float64(peak)).astype(np.float32)
    generator, sha256 = str(header["generator"]), str(header["generator_sha256"])
    return Direction(name, title, attribute, vector, generator, sha256, (low, high), facts)


def _digest(header: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> str:
    """sha256, hex, of the header and the tensors' types, shapes and data."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tensor.shape}".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()
