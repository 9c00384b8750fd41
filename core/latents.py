"""Latents: faces as one w per generator layer, with what is needed to make them again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError, LatentsError, OtherGeneratorError
from core.generators.generator import Generator, Identity
from core.latent_files import MAX_BYTES, StoredArray, stored_arrays, write_npy, write_npz
from core.seeds import MAX_SEED

_TEXTS = ("noise", "generator", "generator_sha256")
_KEYS = ("ws", "seeds", "psi", *_TEXTS)


@dataclass(frozen=True)
class LatentSpace:
    """What latents must fit: a generator's identity, its number of layers and width of w."""

    identity: Identity
    num_ws: int
    w_dim: int

    @classmethod
    def of(cls, generator: Generator) -> LatentSpace:
        return cls(generator.identity, generator.num_ws, generator.synthesis.w_dim)


@dataclass(frozen=True, eq=False)
class Latents:
    """N faces of one generator. Raises LatentsError for wrong shapes, dtypes or values.

    ws: float32 [N, L, D], after truncation. seeds: int64 [N] in -1..2**32-1, -1 for none.
    psi: the truncation that was applied. noise: a noise mode as core.generators.noise
    writes it. generator, generator_sha256: whose ws these are.
    """

    ws: NDArray[np.float32]
    seeds: NDArray[np.int64]
    psi: float
    noise: str
    generator: str
    generator_sha256: str

    def __post_init__(self) -> None:
        if self.ws.dtype != np.float32 or self.ws.ndim != 3 or 0 in self.ws.shape:
            raise LatentsError(
                "ws must be float32 [N, L, D] with at least one face, "
                f"is {self.ws.dtype} {list(self.ws.shape)}."
            )
        if not _is_finite(self.ws):
            raise LatentsError("ws hold values that are not finite. The latents are damaged.")
        if self.seeds.dtype != np.int64 or self.seeds.shape != self.ws.shape[:1]:
            raise LatentsError(
                f"seeds must be int64 [{len(self.ws)}], one a face, "
                f"is {self.seeds.dtype} {list(self.seeds.shape)}."
            )
        if self.seeds.min() < -1 or self.seeds.max() > MAX_SEED:
            raise LatentsError(f"Seeds must be in 0..{MAX_SEED}, or -1 for none.")
        if not math.isfinite(self.psi):
            raise LatentsError(f"psi must be a finite number, is {self.psi}.")

    def __len__(self) -> int:
        return len(self.ws)

    def take(self, faces: Sequence[int] | slice) -> Latents:
        """The faces at these places, in this order."""
        places = np.arange(len(self))[faces]
        return Latents(
            self.ws[places],
            self.seeds[places],
            self.psi,
            self.noise,
            self.generator,
            self.generator_sha256,
        )

    def save(self, path: Path) -> None:
        """Write everything to .npz or the ws alone to .npy; whole or not at all.

        A .npy of one face is [L, D], of several [N, L, D]. Equal latents make equal bytes.
        Raises InvalidRequestError for another suffix, OutputError where the system refuses.
        """
        if path.suffix == ".npz":
            content = {key: np.asarray(getattr(self, key)) for key in _KEYS}
            write_npz(path, content | {"psi": np.array(self.psi, np.float64)})
        elif path.suffix == ".npy":
            write_npy(path, self.ws[0] if len(self) == 1 else self.ws)
        else:
            raise InvalidRequestError(f"Latents are saved as .npz or .npy, not as '{path.name}'.")


def read_latents(path: Path, space: LatentSpace, *, force: bool = False) -> Latents:
    """Read a latents file for the generator whose space this is.

    .npz: as `Latents.save` writes it, further keys are ignored. .npy: ws of any float
    width in one of the shapes [D], [L, D], [N, D], [N, L, D]; two axes mean one face per
    layer where the first is the generator's L, else N faces. Without seeds (-1), with psi
    1 and noise off, they are taken for the given generator's; so are those of the one that
    it was tuned from.

    force: accept latents of another generator if the shapes agree; they keep its name.
    Raises OtherGeneratorError for another generator's, LatentsError for all else that is
    wrong.
    """
    with stored_arrays(path, _KEYS) as arrays:
        if path.suffix == ".npy":
            ws = _read_bare_ws(arrays["ws"], space)
            seeds = np.full(len(ws), -1, np.int64)
            return Latents(ws, seeds, 1.0, "off", space.identity.name, space.identity.sha256)
        if missing := [key for key in _KEYS if key not in arrays]:
            raise LatentsError(
                f"{', '.join(missing)} missing. A latents file has {', '.join(_KEYS)}."
            )
        texts = {key: _read_text(arrays[key]) for key in _TEXTS}
        shape = arrays["ws"].shape
        fits = len(shape) == 3 and shape[1:] == (space.num_ws, space.w_dim)
        made_by = Identity(texts["generator"], texts["generator_sha256"])
        if made_by == space.identity.base:  # tuning leaves what w means as it was
            made_by = space.identity
            texts |= {"generator": made_by.name, "generator_sha256": made_by.sha256}
        if made_by != space.identity and not (force and fits):
            raise _other_generator(made_by, shape, space, fits)
        if not fits:
            raise _unfit(shape, space)
        seeds = _read_seeds(arrays["seeds"], shape[0])
        return Latents(_read_floats(arrays["ws"]), seeds, _read_psi(arrays["psi"]), **texts)


def _is_finite(ws: NDArray[np.float32]) -> bool:
    """By their sum, which needs no second array: in float64 no finite ones overflow."""
    with np.errstate(invalid="ignore"):
        return math.isfinite(ws.sum(dtype=np.float64))


def _read_bare_ws(stored: StoredArray, space: LatentSpace) -> NDArray[np.float32]:
    layers, width = space.num_ws, space.w_dim
    count = math.prod(stored.shape[:1])
    if stored.shape not in ((width,), (count, width), (count, layers, width)):
        raise _unfit(stored.shape, space)
    array = _read_floats(stored)
    if array.ndim == 3:
        return array
    if array.shape == (layers, width):
        return array[None]  # [1, L, D]
    w = array.reshape(-1, 1, width)  # [N, 1, D]
    if w.nbytes * layers > MAX_BYTES:
        raise LatentsError(
            f"{len(w)} faces of {layers} x {width} exceed {MAX_BYTES} bytes. Split the file."
        )
    return np.repeat(w, layers, axis=1)


def _read_floats(stored: StoredArray) -> NDArray[np.float32]:
    if stored.dtype.kind != "f":
        raise LatentsError(f"'{stored.name}' must be floating point numbers, is {stored.dtype}.")
    with np.errstate(over="ignore"):  # becomes infinite, which Latents refuses
        return stored.read().astype(np.float32, copy=False)


def _read_seeds(stored: StoredArray, count: int) -> NDArray[np.int64]:
    if stored.dtype.kind not in "iu" or stored.shape != (count,):
        raise LatentsError(
            f"seeds must be whole numbers [{count}], is {stored.dtype} {list(stored.shape)}."
        )
    return stored.read().astype(np.int64, copy=False)


def _read_psi(stored: StoredArray) -> float:
    if stored.dtype.kind not in "fiu" or math.prod(stored.shape) != 1:
        raise LatentsError(f"psi must be one number, is {stored.dtype} {list(stored.shape)}.")
    return float(stored.read().item())


def _read_text(stored: StoredArray) -> str:
    if stored.dtype.kind not in "US" or math.prod(stored.shape) != 1:
        raise LatentsError(
            f"{stored.name} must be one text, is {stored.dtype} {list(stored.shape)}."
        )
    value: Any = stored.read().item()
    return value.decode() if isinstance(value, bytes) else str(value)


def _unfit(shape: tuple[int, ...], space: LatentSpace) -> LatentsError:
    return LatentsError(
        f"ws have shape {list(shape)}, generator '{space.identity.name}' needs "
        f"[N, {space.num_ws}, {space.w_dim}]. Use latents made with it."
    )


def _other_generator(
    found: Identity, shape: tuple[int, ...], space: LatentSpace, fits: bool
) -> OtherGeneratorError:
    wanted = space.identity
    names = (found.name, wanted.name)
    if found.name == wanted.name:
        names = (_with_weights(found), _with_weights(wanted))
    hint = (
        "Their shapes agree: --force uses them anyway."
        if fits
        else f"Its ws {list(shape)} do not fit [N, {space.num_ws}, {space.w_dim}] either. "
        f"Load '{found.name}', or sample again."
    )
    return OtherGeneratorError(*names, hint)


def _with_weights(identity: Identity) -> str:
    return f"{identity.name} (weights {identity.sha256[:12] or 'unknown'})"
