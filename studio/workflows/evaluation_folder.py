"""The folder of an evaluation of control, from which a run that was cut off goes on.

evaluation.json     what was asked for, and of which weights
<way>.npz           the faces so far: a latents file, with what the judges said of each
figures.json        the result, once there is one
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from core.errors import InvalidRequestError, LatentsError
from core.evaluation.judges import Judgement
from core.files import write_whole
from core.latent_files import stored_arrays, write_npz
from core.latents import Latents, LatentSpace, read_latents
from studio.workflows.evaluation_figures import Filled

PACE = 30.0  # s between two savings of a way
NUMBERS = ("age", "male", "second_age", "second_male", "seconds", "pictures", "reached")


class EvaluationFolder:
    """One run writes to it at a time. Every file is whole or not there."""

    def __init__(self, path: Path, pace: float = PACE) -> None:
        self.path = path
        self._pace = pace
        self._saved = time.monotonic()

    @contextmanager
    def opened(self, configuration: dict[str, Any]) -> Iterator[EvaluationFolder]:
        """Hold the folder for this run, a new one or the rest of one.

        Raises InvalidRequestError, naming what differs, where another one's is in it, and where
        one still runs.
        """
        noted = self.path / "evaluation.json"
        if noted.is_file():
            self._compare(noted, configuration)
        elif found := sorted(self.path.glob("*.npz")):
            raise InvalidRequestError(
                f"{self.path} holds {found[0].name}, of which it is not known how it was made. "
                "Choose another --out."
            )
        else:
            write_whole(noted, json.dumps(configuration, indent=1).encode())
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise InvalidRequestError(
                f"Another run works in {self.path}. Wait for it, or choose another --out."
            ) from error
        try:
            yield self
        finally:
            lock.release()

    def load(self, way: str, space: LatentSpace) -> list[Filled]:
        """The orders that were filled already, from the first on. Raises LatentsError."""
        path = self._file(way)
        if not path.is_file():
            return []
        latents = read_latents(path, space)
        names = (*NUMBERS, "embedding")
        with stored_arrays(path, names) as stored:
            if set(stored) != set(names) or any(
                len(array.shape) != 1 + (name == "embedding") or array.shape[0] != len(latents)
                for name, array in stored.items()
            ):
                raise LatentsError(f"Not what an evaluation writes. Delete {path.name}.")
            told = {name: array.read() for name, array in stored.items()}
        return [_filled(latents.ws[place], told, place) for place in range(len(latents))]

    def save(
        self, way: str, filled: list[Filled], drawn: Latents, *, is_last: bool = False
    ) -> None:
        """Write the first orders of a way, if it is time or there will be no more.

        drawn: the faces that all orders began with.
        """
        if not filled or (not is_last and time.monotonic() - self._saved < self._pace):
            return
        made = dataclasses.replace(
            drawn.take(slice(len(filled))), ws=np.stack([face.ws for face in filled])
        )
        arrays = {name: np.asarray(value) for name, value in vars(made).items()}
        judged = [vars(face) | vars(face.judgement) for face in filled]
        for name in NUMBERS:
            arrays[name] = np.array([float(told[name]) for told in judged])
        arrays["embedding"] = np.stack([told["embedding"] for told in judged])
        write_npz(self._file(way), arrays)
        self._saved = time.monotonic()

    def note_figures(self, figures: dict[str, Any]) -> None:
        write_whole(self.path / "figures.json", json.dumps(figures, indent=1).encode())

    def _file(self, way: str) -> Path:
        return self.path / f"{way.replace(' ', '-')}.npz"

    def _compare(self, noted: Path, configuration: dict[str, Any]) -> None:
        try:
            found = json.loads(noted.read_text(encoding="utf-8"))
            keys = sorted({*found, *configuration})
        except (OSError, ValueError, TypeError) as error:
            raise InvalidRequestError(
                f"{noted} cannot be read ({error}). Choose another --out."
            ) from error
        wanted = json.loads(json.dumps(configuration))
        differing = [
            f"{key} {found.get(key)!r}, not {wanted.get(key)!r}"
            for key in keys
            if found.get(key) != wanted.get(key)
        ]
        if differing:
            raise InvalidRequestError(
                f"{self.path} holds another run: {'; '.join(differing)}. Choose another --out, or "
                "ask for the same to go on with it."
            )


def _filled(ws: NDArray[np.float32], told: dict[str, NDArray[Any]], place: int) -> Filled:
    value = {name: float(told[name][place]) for name in NUMBERS}
    judgement = Judgement(
        value["age"],
        value["male"],
        value["second_age"],
        value["second_male"],
        told["embedding"][place].astype(np.float32),
    )
    return Filled(ws, judgement, value["seconds"], int(value["pictures"]), value["reached"] > 0)
