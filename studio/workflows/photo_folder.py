"""Photos of a workspace on disk: `<workspace>/photos/<id>/`, and what was found out about each.

    photo.jpg        the photo, upright, in sRGB; nothing else of the file that was uploaded
    shown.jpg        the same, small enough for a page
    photo.json       its sizes, its faces, the frame that was chosen
    aligned.png      what the frame shows, as wide as generators need it
    thumbnail.jpg    the same, to be told from others
    latents/<generator>.npz, .json    the best latents so far, and how they were come by
    tuning.jpg, tuning.json           while a generator is tuned to it: how far that has come

Every file is whole or absent. A photo that is deleted goes with all of these.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import InvalidRequestError, OutputError
from core.files import system_refused, write_whole
from core.generators import Generator
from core.latents import Latents, LatentSpace, read_latents

FOLDER = "photos"
ID = re.compile(r"[0-9a-f]{16}")
PREFIX = "photo:"  # of a recipe's base
_FACTS = "photo.json"
_TUNED_PICTURE, _TUNED_HOW = "tuning.jpg", "tuning.json"
_REMEMBERED = 8  # photos' latents that are kept in memory

Ws = NDArray[np.float32]  # [L, D]


class NoPhotoError(InvalidRequestError):
    """A photo, or latents of one, that the workspace does not have (any more)."""


@dataclass(frozen=True)
class PhotoFolder:
    """The files of one photo."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def base(self) -> str:
        """As recipes name it."""
        return PREFIX + self.id

    @property
    def photo(self) -> Path:
        return self.path / "photo.jpg"

    @property
    def shown(self) -> Path:
        return self.path / "shown.jpg"

    @property
    def aligned(self) -> Path:
        return self.path / "aligned.png"

    @property
    def thumbnail(self) -> Path:
        return self.path / "thumbnail.jpg"

    def pixels(self, path: Path) -> NDArray[np.uint8]:
        """Of one of its pictures, uint8 [H, W, 3]. Raises NoPhotoError where it is not there."""
        try:
            with Image.open(path) as image:
                return np.asarray(image.convert("RGB"))
        except OSError as error:
            raise self._damaged(path, error) from error

    def content(self, path: Path) -> bytes:
        """Of one of its files. Raises NoPhotoError where it is not there."""
        try:
            return path.read_bytes()
        except OSError as error:
            raise self._damaged(path, error) from error

    def _damaged(self, path: Path, error: OSError) -> NoPhotoError:
        return NoPhotoError(
            f"{path.name} of photo {self.id} is missing or damaged "
            f"({error.strerror or error}). Upload the photo again."
        )

    def generators(self) -> list[str]:
        """Those that it has latents of."""
        return sorted(path.stem for path in (self.path / "latents").glob("*.npz"))

    def latents(self, generator: str) -> Path:
        return self.path / "latents" / f"{generator}.npz"

    @property
    def is_there(self) -> bool:
        return (self.path / _FACTS).is_file()

    def remove(self) -> None:
        """All of it, as far as the system lets us."""
        shutil.rmtree(self.path, ignore_errors=True)

    def facts(self) -> dict[str, Any]:
        """Raises NoPhotoError where it went meanwhile."""
        facts = _read_json(self.path / _FACTS)
        if not facts:
            raise _missing(self.id)
        return facts

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        write_whole(self.path / _FACTS, json.dumps(facts).encode())

    def how(self, generator: str) -> dict[str, Any]:
        """How its latents of that generator were come by; empty where there are none."""
        return _read_json(self.latents(generator).with_suffix(".json"))

    def save_latents(self, latents: Latents, how: Mapping[str, Any]) -> None:
        """In the place of those that it had of that generator.

        Raises NoPhotoError where the photo was deleted meanwhile, OutputError.
        """
        if self.is_there:
            path = self.latents(latents.generator)
            latents.save(path)
            write_whole(path.with_suffix(".json"), json.dumps(how).encode())
        if not self.is_there:  # deleted before or meanwhile
            self.remove()
            raise NoPhotoError(f"Photo {self.id} was deleted.")

    def forget_latents(self, generator: str | None = None) -> None:
        """Those of one generator; None: of all, since they show another frame."""
        folder = self.path / "latents"
        try:
            if generator is not None:
                self.latents(generator).unlink(missing_ok=True)
                self.latents(generator).with_suffix(".json").unlink(missing_ok=True)
            elif folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            raise system_refused(error, folder) from error

    def show_tuning(self, picture: bytes, how: Mapping[str, Any]) -> None:
        """What a generator that is being tuned to it draws by now. picture: JPEG."""
        write_whole(self.path / _TUNED_PICTURE, picture)
        write_whole(self.path / _TUNED_HOW, json.dumps(how).encode())

    def end_tuning(self) -> None:
        for name in (_TUNED_PICTURE, _TUNED_HOW):
            (self.path / name).unlink(missing_ok=True)
        if not self.is_there:  # deleted meanwhile
            self.remove()

    def tuning(self) -> dict[str, Any]:
        """What `show_tuning` told last; empty where nothing is tuned."""
        return _read_json(self.path / _TUNED_HOW)


class PhotoFolders:
    """All photos of a workspace. Safe to use from threads, and beside other processes."""

    def __init__(self, workspace: Path) -> None:
        self._folder = workspace / FOLDER
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[int, str, Latents]] = {}

    def new(self) -> PhotoFolder:
        """A place for one; there is nothing yet."""
        return PhotoFolder(self._folder / secrets.token_hex(8))

    def get(self, photo: str) -> PhotoFolder:
        """photo: its id. Raises NoPhotoError."""
        folder = PhotoFolder(self._folder / photo)
        if not ID.fullmatch(photo) or not folder.is_there:
            raise _missing(photo)
        return folder

    def newest(self) -> list[PhotoFolder]:
        """All of them, the newest first."""
        times = {}
        for path in self._folder.glob(f"*/{_FACTS}"):
            if ID.fullmatch(path.parent.name) and (facts := _read_json(path)):
                times[path.parent] = str(facts.get("created_at"))
        return [PhotoFolder(path) for path in sorted(times, key=lambda p: (times[p], p))[::-1]]

    def delete(self, photo: str) -> None:
        """All that is kept of it. Raises NoPhotoError, OutputError."""
        folder = self.get(photo)
        try:
            (folder.path / _FACTS).unlink()  # first, so that what a kill leaves is no photo
            shutil.rmtree(folder.path)
        except OSError as error:
            raise OutputError(
                f"{folder.path} cannot be deleted entirely ({error.strerror}). Delete the folder "
                "by hand."
            ) from error
        with self._lock:
            for path in [path for path in self._known if path.is_relative_to(folder.path)]:
                del self._known[path]

    def ws(self, base: str, generator: Generator) -> Ws:
        """Of a recipe's base. Raises NoPhotoError, LatentsError."""
        ws: Ws = self._opened(base, generator)[1].ws[0]
        return ws

    def digest(self, base: str, generator: Generator) -> str:
        """Says which ws they are just now: they get better."""
        return self._opened(base, generator)[0]

    def _opened(self, base: str, generator: Generator) -> tuple[str, Latents]:
        folder = self.get(base.removeprefix(PREFIX))
        path = folder.latents(generator.identity.name)
        try:
            changed = path.stat().st_mtime_ns
        except OSError as error:
            raise NoPhotoError(
                f"Photo {folder.id} has no latents of '{generator.identity.name}' yet. Open it "
                "under Photo and choose 'Use this face'."
            ) from error
        with self._lock:
            known = self._known.get(path)
        if known is None or known[0] != changed:
            latents = read_latents(path, LatentSpace.of(generator))
            known = changed, hashlib.sha256(latents.ws.tobytes()).hexdigest(), latents
            with self._lock:
                self._known[path] = known
                while len(self._known) > _REMEMBERED:
                    self._known.pop(next(iter(self._known)))
        return known[1:]


def _missing(photo: str) -> NoPhotoError:
    return NoPhotoError(
        f"There is no photo '{photo:.40}' in this workspace. It may have been deleted; upload it "
        "again."
    )


def _read_json(path: Path) -> dict[str, Any]:
    """Empty where it is not there or says nothing."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
