"""Small pictures of random faces with their w's: what an encoder of photos learns from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.attributes.dataset import AttributeSampling, draw_faces, layered
from core.errors import InvalidRequestError, LatentsError
from core.generators import Device, Generator, Noise, Outputs, Readouts, RenderPass, open_runtime
from core.latent_files import stored_arrays, write_npz
from core.progress import OnStep, Step, ignore

PIECE = 500  # faces a file
_KEYS = ("w", "crossover", "pictures", "recipe")


@dataclass(frozen=True, eq=False)
class EncoderFaces:
    """N faces. w: float32 [N, 2, D] and crossover int64 [N], as in an AttributeDataset.
    pictures: uint8 [N, S, S, 3]."""

    w: NDArray[np.float32]
    crossover: NDArray[np.int64]
    pictures: NDArray[np.uint8]
    num_ws: int

    def __len__(self) -> int:
        return len(self.w)

    def ws(self, places: NDArray[Any] | slice = slice(None)) -> NDArray[np.float32]:
        """One w per layer of these faces, [n, L, D]."""
        return layered(self.w[places], self.crossover[places], self.num_ws)

    def part(self, places: slice) -> EncoderFaces:
        return EncoderFaces(
            self.w[places], self.crossover[places], self.pictures[places], self.num_ws
        )


def make_encoder_faces(
    generator: Generator,
    readouts: Readouts | None,
    sampling: AttributeSampling,
    size: int,
    folder: Path,
    device: Device = "auto",
    on_step: OnStep = ignore,
) -> EncoderFaces:
    """Draw the faces into `folder`, a file for each 500; what is there stays, so that a stop or
    a crash costs at most one file. Pictures of `size` px are the readouts' where they have that
    size, else reduced ones of full size.

    Raises InvalidRequestError where the folder holds another recipe's faces.
    """
    recipe = _recipe_of(generator, sampling, size)
    pieces = list(_pieces(sampling.faces))
    read = {
        places: piece for places in pieces if (piece := _known(folder, places, recipe)) is not None
    }
    done, made, began = sum(map(len, read)), 0, time.monotonic()
    draws = None
    for places in pieces:
        if places in read:
            continue
        draws = draws or _drawing(generator, readouts, size, device)
        drawn = draw_faces(generator, sampling, places)
        ws = layered(drawn["w"], drawn["crossover"], generator.num_ws)
        pictures = np.empty((len(places), size, size, 3), np.uint8)
        for row, picture in enumerate(draws(ws)):
            pictures[row] = picture
            done, made = done + 1, made + 1
            left = round((time.monotonic() - began) / made * (sampling.faces - done) / 60)
            on_step(Step(done, sampling.faces, f"drawing faces, {left} min left", "faces"))
        piece = {key: drawn[key] for key in ("w", "crossover")}
        read[places] = piece | {"pictures": pictures, "recipe": np.array(recipe)}
        write_npz(_path(folder, places), read[places])
    joined = {key: np.concatenate([read[places][key] for places in pieces]) for key in _KEYS[:-1]}
    return EncoderFaces(joined["w"], joined["crossover"], joined["pictures"], generator.num_ws)


def _drawing(
    generator: Generator, readouts: Readouts | None, size: int, device: Device
) -> Callable[[NDArray[np.float32]], Iterator[NDArray[np.uint8]]]:
    """ws [N, L, D] -> pictures uint8 [size, size, 3], one after the other."""
    is_preview = readouts is not None and size in readouts.sizes
    outputs = Outputs(image=False, previews=(size,)) if is_preview else Outputs(image_size=size)
    (name,) = outputs.names
    render_pass = RenderPass(generator, outputs, readouts)
    runtime = open_runtime(render_pass, device=device, for_many=True)
    return lambda ws: (face[name] for face in runtime.stream(ws, Noise()))


def _recipe_of(generator: Generator, sampling: AttributeSampling, size: int) -> str:
    """What the faces of a folder have in common, as JSON; how many there are is not part of it."""
    drawn = {name: value for name, value in asdict(sampling).items() if name != "faces"}
    sha256 = generator.identity.sha256
    return json.dumps({**drawn, "size": size, "generator_sha256": sha256}, sort_keys=True)


def _pieces(faces: int) -> Iterator[range]:
    for start in range(0, faces, PIECE):
        yield range(start, min(start + PIECE, faces))


def _path(folder: Path, places: range) -> Path:
    return folder / f"faces-{places.start:08d}.npz"


def _known(folder: Path, places: range, recipe: str) -> dict[str, NDArray[Any]] | None:
    path = _path(folder, places)
    if not path.is_file():
        return None
    try:
        with stored_arrays(path, _KEYS) as arrays:
            piece = {key: arrays[key].read() for key in _KEYS}
    except (LatentsError, KeyError):
        return None  # made again
    if str(piece["recipe"]) != recipe:
        raise InvalidRequestError(
            f"{path} was made by another recipe ({piece['recipe']}). Remove the folder, or "
            "choose another workspace."
        )
    found = {key: value[: len(places)] for key, value in piece.items() if key != "recipe"}
    return {**found, "recipe": piece["recipe"]} if len(found["w"]) == len(places) else None
