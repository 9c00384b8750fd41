"""The attribute dataset: random faces with their measures, made once, in pieces, resumable.

The thesis samples w, makes images and records what the estimators say (chapter 5.3). Ours
records every measure, and mixes the styles of part of the faces, so that one can see which
layers carry what.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.attributes.measures import NAMES
from core.attributes.measuring import FaceMeasurer, MeasuredFace
from core.errors import CoreError, InvalidRequestError, LatentsError
from core.generators import Generator
from core.latent_files import stored_arrays, write_npz
from core.progress import OnStep, Step, ignore
from core.sampling import PSI_LIMIT, w_from_z
from core.seeds import MAX_SEED, draw_z

PIECE = 200  # faces a file
_KEYS = ("w", "crossover", "psi", "seeds", "values", "recipe")


@dataclass(frozen=True)
class AttributeSampling:
    """Which faces are drawn. mixed: the share whose layers come from two w's. psi: uniform
    between the two. first_seed: face i has the seeds first_seed + 2 i and the one after.

    Raises InvalidRequestError naming the key and what is allowed.
    """

    faces: int = 20_000
    mixed: float = 0.4
    psi_low: float = 0.5
    psi_high: float = 1.0
    first_seed: int = 1_000_000

    def __post_init__(self) -> None:
        if not 1 <= self.faces <= 10_000_000:
            raise InvalidRequestError(f"faces must be in 1..10000000, is {self.faces}.")
        if not 0 <= self.mixed <= 1:
            raise InvalidRequestError(f"mixed must be in 0..1, is {self.mixed}.")
        if not 0 <= self.psi_low <= self.psi_high <= PSI_LIMIT:
            raise InvalidRequestError(
                f"psi_low and psi_high must be in 0..{PSI_LIMIT:g} and in this order, are "
                f"{self.psi_low} and {self.psi_high}."
            )
        if not 0 <= self.first_seed <= MAX_SEED - 2 * self.faces:
            raise InvalidRequestError(
                f"first_seed must be in 0..{MAX_SEED - 2 * self.faces}, is {self.first_seed}."
            )


@dataclass(frozen=True, eq=False)
class AttributeDataset:
    """N faces of one generator and their measures.

    w: float32 [N, 2, D], truncated. crossover: int64 [N], 1..L: layers below it take w[:, 0],
    the others w[:, 1]; L: all the first. psi: float32 [N]. seeds: int64 [N, 2].
    values: float32 [N, K] in the order of `names`, NaN where not measurable.
    """

    w: NDArray[np.float32]
    crossover: NDArray[np.int64]
    psi: NDArray[np.float32]
    seeds: NDArray[np.int64]
    values: NDArray[np.float32]
    num_ws: int
    names: tuple[str, ...] = NAMES

    def __len__(self) -> int:
        return len(self.w)

    def ws(self, places: slice | NDArray[Any] = slice(None)) -> NDArray[np.float32]:
        """One w per layer of these faces, [n, L, D]."""
        return layered(self.w[places], self.crossover[places], self.num_ws)

    def values_of(self, name: str) -> NDArray[np.float32]:
        """[N]."""
        return self.values[:, self.names.index(name)]

    @property
    def is_plain(self) -> NDArray[np.bool_]:
        """Whether a face has one w in all layers, [N]."""
        return self.crossover >= self.num_ws

    def scale(self) -> NDArray[np.float64]:
        """Standard deviation of each measure, [K]: the unit that effects are told in."""
        scale: NDArray[np.float64] = np.nanstd(self.values.astype(np.float64), axis=0)
        return scale


def layered(
    w: NDArray[np.float32], crossover: NDArray[np.int64], num_ws: int
) -> NDArray[np.float32]:
    """w [N, 2, D] and crossover [N] -> one w per layer, [N, L, D]."""
    is_second = np.arange(num_ws) >= crossover[:, None]  # [N, L]
    return np.where(is_second[..., None], w[:, 1:], w[:, :1])


def draw_faces(
    generator: Generator, sampling: AttributeSampling, places: range
) -> dict[str, NDArray[Any]]:
    """w, crossover, psi and seeds of these faces; the same for a place however many are drawn."""
    layers = generator.num_ws
    chance = np.random.default_rng(sampling.first_seed).random((places.stop, 3))[places.start :]
    psi = sampling.psi_low + (sampling.psi_high - sampling.psi_low) * chance[:, 0]
    cut = 1 + (chance[:, 2] * (layers - 1)).astype(np.int64)  # 1..L-1
    crossover = np.where(chance[:, 1] < sampling.mixed, cut, layers)
    first = sampling.first_seed + 2 * np.arange(places.start, places.stop, dtype=np.int64)
    seeds = np.stack([first, first + 1], 1)
    z = draw_z(seeds.ravel().tolist(), generator.mapping.z_dim)
    w = w_from_z(generator, z).reshape(len(seeds), 2, -1)
    mean_w = generator.mean_w.cpu().numpy().astype(np.float64)
    w = mean_w + psi[:, None, None] * (w - mean_w)
    return {
        "w": w.astype(np.float32),
        "crossover": crossover.astype(np.int64),
        "psi": psi.astype(np.float32),
        "seeds": seeds.astype(np.int64),
    }


def make_attribute_dataset(
    generator: Generator,
    measurer: FaceMeasurer,
    sampling: AttributeSampling,
    folder: Path,
    on_step: OnStep = ignore,
    on_face: Callable[[int, MeasuredFace], None] | None = None,
) -> AttributeDataset:
    """Draw and measure the faces into `folder`, a file for each 200; what is there stays.

    A stop or a crash costs at most one file; a damaged one is made again. on_face: gets each
    new face with its place. Raises InvalidRequestError where the folder holds another
    recipe's faces.
    """
    recipe = recipe_of(generator, measurer, sampling)
    missing = [
        places for places in _pieces(sampling.faces) if not _is_there(folder, places, recipe)
    ]
    done = sampling.faces - sum(map(len, missing))
    began, made = time.monotonic(), 0
    for places in missing:
        drawn = draw_faces(generator, sampling, places)
        ws = layered(drawn["w"], drawn["crossover"], generator.num_ws)
        values = np.empty((len(places), len(NAMES)), np.float32)
        for row, face in enumerate(measurer.stream(ws)):
            values[row] = face.values
            if on_face is not None:
                on_face(places.start + row, face)
            done, made = done + 1, made + 1
            pace = (time.monotonic() - began) / made
            left = round(pace * (sampling.faces - done) / 60)
            on_step(Step(done, sampling.faces, f"measuring, {left} min left", "faces"))
        write_npz(_path(folder, places), drawn | {"values": values, "recipe": np.array(recipe)})
    return read_attribute_dataset(folder, generator.num_ws, sampling.faces)


def read_attribute_dataset(folder: Path, num_ws: int, faces: int | None = None) -> AttributeDataset:
    """What `make_attribute_dataset` wrote; the first `faces` of it, or all.

    Raises LatentsError for a damaged or missing file, naming it.
    """
    paths = sorted(folder.glob("faces-*.npz"))
    if not paths:
        raise LatentsError(
            f"There is no attribute dataset in {folder}. Make it: "
            "python launch.py train attributes --config FILE"
        )
    pieces = [_read(path) for path in paths]
    joined = {key: np.concatenate([piece[key] for piece in pieces])[:faces] for key in _KEYS[:-1]}
    if faces is not None and len(joined["w"]) < faces:
        raise LatentsError(f"{folder} holds {len(joined['w'])} faces, {faces} were asked for.")
    w, crossover, psi, seeds, values = (joined[key] for key in _KEYS[:-1])
    return AttributeDataset(w, crossover, psi, seeds, values, num_ws)


def recipe_of(generator: Generator, measurer: FaceMeasurer, sampling: AttributeSampling) -> str:
    """What the faces of a folder have in common, as JSON; how many there are is not part of it."""
    drawn = {name: value for name, value in asdict(sampling).items() if name != "faces"}
    return json.dumps(
        {
            **drawn,
            "generator": generator.identity.name,
            "generator_sha256": generator.identity.sha256,
            "segmenter_sha256": measurer.segmenter_sha256,
            "measures": list(NAMES),
        },
        sort_keys=True,
    )


def _pieces(faces: int) -> Iterator[range]:
    for start in range(0, faces, PIECE):
        yield range(start, min(start + PIECE, faces))


def _path(folder: Path, places: range) -> Path:
    return folder / f"faces-{places.start:08d}.npz"


def _is_there(folder: Path, places: range, recipe: str) -> bool:
    path = _path(folder, places)
    if not path.is_file():
        return False
    try:
        piece = _read(path)
    except CoreError:
        return False  # made again
    if str(piece["recipe"]) != recipe:
        raise InvalidRequestError(
            f"{path} was made by another recipe ({piece['recipe']}). Remove the folder, or "
            "choose another workspace."
        )
    return len(piece["w"]) >= len(places)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    with stored_arrays(path, _KEYS) as arrays:
        if missing := [key for key in _KEYS if key not in arrays]:
            raise LatentsError(f"{path} lacks {', '.join(missing)}. Remove it; it is made again.")
        return {key: arrays[key].read() for key in _KEYS}
