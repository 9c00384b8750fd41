"""People's own photos in the studio: uploaded, framed, first latents found, deleted."""

from __future__ import annotations

import io
import math
import threading
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import InvalidRequestError
from core.files import write_whole
from core.images import write_jpeg, write_png
from core.inversion.alignment import align
from core.inversion.encoder import PhotoEncoder
from core.inversion.encoder_files import open_photo_encoder
from core.inversion.faces import NoFaceError, PhotoFaces, open_photo_faces
from core.inversion.frame import Frame
from core.inversion.photo_files import read_photo
from core.latents import Latents
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows.photo_folder import PhotoFolder, PhotoFolders

ALIGNED_SIZE = 1024  # px
SHOWN_SIDE, THUMBNAIL = 1280, 128  # px
_KEPT, _SHOWN = 95, 88  # qualities of JPEGs

ENCODER, MEAN = "encoder", "mean"  # by what latents were found


@dataclass(frozen=True)
class PhotoView:
    """What is known of one photo. size: its width and height, px. faces: frames and boxes in px
    of the photo, the largest first. frame: the one that is used; None before. latents: by
    generator, how the best so far were found: 'by', and what that tells of itself."""

    id: str
    created_at: str
    size: tuple[int, int]
    notes: tuple[str, ...]
    faces: tuple[dict[str, Any], ...]
    frame: Frame | None
    latents: dict[str, dict[str, Any]] = field(default_factory=dict)
    tuning: dict[str, Any] = field(default_factory=dict)


class Photos:
    """Safe to use from threads. What they raise: CoreError."""

    def __init__(self, models: ModelCache, folders: PhotoFolders) -> None:
        self.folders = folders
        self._models = models
        self._opening, self._using = threading.Lock(), threading.Lock()
        self._faces: PhotoFaces | None = None
        self._encoders: dict[str, PhotoEncoder | None] = {}

    @property
    def weights(self) -> WeightStore:
        return self._models.weights

    def add(self, content: bytes) -> PhotoView:
        """A file of any sort, as it was uploaded. Its name, place and camera are not kept.

        Photos without a face are kept, too: a person may put the frame by hand. Raises PhotoError
        for what is no photo; then nothing is kept.
        """
        photo = read_photo(content)
        try:
            found = self._finder().find(photo.pixels)
        except NoFaceError:
            found = []
        faces = [
            {"box": list(face.box), "certainty": face.certainty, "frame": asdict(face.frame)}
            for face in found
        ]
        height, width = photo.pixels.shape[:2]
        whole = _jpeg(photo.pixels, max(width, height), _KEPT)
        shown = _jpeg(photo.pixels, SHOWN_SIDE, _SHOWN)
        facts = {"size": [width, height], "notes": list(photo.notes), "faces": faces}
        return self._new(whole, shown, facts)

    def copy(self, photo: str) -> PhotoView:
        """The same photo once more, without a frame yet: so that it can have two.

        Raises NoPhotoError.
        """
        folder = self.folders.get(photo)
        facts = {name: folder.facts()[name] for name in ("size", "notes", "faces")}
        return self._new(folder.content(folder.photo), folder.content(folder.shown), facts)

    def _new(self, photo: bytes, shown: bytes, facts: dict[str, Any]) -> PhotoView:
        """photo, shown: JPEGs. Nothing is kept where they cannot be written."""
        folder = self.folders.new()
        try:
            write_whole(folder.photo, photo)
            write_whole(folder.shown, shown)
            created_at = datetime.now(UTC).isoformat()
            folder.write_facts({"created_at": created_at, **facts, "frame": None})
        except BaseException:
            folder.remove()
            raise
        return self.view(folder.id)

    def view(self, photo: str) -> PhotoView:
        return self._view(self.folders.get(photo))

    def views(self) -> list[PhotoView]:
        """The newest first."""
        return [self._view(folder) for folder in self.folders.newest()]

    def use(self, photo: str, frame: Frame, generator: str) -> PhotoView:
        """Cut the frame out and find first latents of it.

        Latents that are there stay where the frame does. Raises InvalidRequestError for a frame
        that shows none of the photo.
        """
        folder = self.folders.get(photo)
        _check(frame)
        with self._using:
            facts = folder.facts()
            if _frame(facts) != frame or not folder.aligned.is_file():
                self._align(folder, facts, frame)
            if not folder.how(generator):
                self._find(folder, generator)
        return self._view(folder)

    def _align(self, folder: PhotoFolder, facts: dict[str, Any], frame: Frame) -> None:
        aligned = align(folder.pixels(folder.photo), frame, ALIGNED_SIZE)
        folder.forget_latents()
        write_png(folder.aligned, aligned.picture, {})
        write_jpeg(folder.thumbnail, aligned.picture, THUMBNAIL)
        folder.write_facts({**facts, "frame": asdict(frame), "padding": aligned.padding})

    def _find(self, folder: PhotoFolder, name: str) -> None:
        generator = self._models.generator(name)
        encoder = self._encoder(name)
        if encoder is None:
            mean = generator.mean_w.to("cpu").numpy().astype(np.float32)
            ws = np.repeat(mean[None], generator.num_ws, axis=0)
        else:
            ws = encoder.encode(folder.pixels(folder.aligned))
        none = np.array([-1], np.int64)
        identity = generator.identity
        latents = Latents(ws[None], none, 1.0, "off", identity.name, identity.sha256)
        folder.save_latents(latents, {"by": MEAN if encoder is None else ENCODER})

    def _finder(self) -> PhotoFaces:
        with self._opening:
            if self._faces is None:
                self._faces = open_photo_faces(self._models.weights)
            return self._faces

    def _encoder(self, generator: str) -> PhotoEncoder | None:
        with self._opening:
            if generator not in self._encoders:
                self._encoders[generator] = open_photo_encoder(self._models.weights, generator)
            return self._encoders[generator]

    def _view(self, folder: PhotoFolder) -> PhotoView:
        facts = folder.facts()
        width, height = facts["size"]
        return PhotoView(
            folder.id,
            facts["created_at"],
            (width, height),
            tuple(facts["notes"]),
            tuple(facts["faces"]),
            _frame(facts),
            {name: folder.how(name) for name in folder.generators()},
            folder.tuning(),
        )


def _frame(facts: dict[str, Any]) -> Frame | None:
    return Frame(**facts["frame"]) if facts.get("frame") else None


def _check(frame: Frame) -> None:
    numbers = (frame.centre_x, frame.centre_y, frame.side, frame.angle)
    if not all(map(math.isfinite, numbers)) or frame.side < 1:
        raise InvalidRequestError(
            "A frame is a centre, a side of at least 1 px and an angle, all finite numbers."
        )


def _jpeg(pixels: NDArray[np.uint8], side: int, quality: int) -> bytes:
    """With a longer side of at most so many px."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()
