"""People's own photos into a folder of aligned pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.errors import CoreError, InvalidRequestError
from core.images import write_png
from core.inversion.alignment import Aligned, align, check_size
from core.inversion.faces import PhotoFace, PhotoFaces, open_photo_faces
from core.inversion.frame import Correction
from core.inversion.photo_files import Photo, read_photo
from core.progress import OnStep, Step, ignore
from core.weights import WeightStore


@dataclass(frozen=True)
class AlignRequest:
    """face: which one of each photo, 1 the largest. size: px of what is made."""

    photos: tuple[Path, ...]
    face: int | None = None
    size: int = 1024
    correction: Correction = field(default_factory=Correction)


def align_to_folder(
    request: AlignRequest, folder: Path, weights: WeightStore, on_step: OnStep = ignore
) -> dict[str, Any]:
    """Write <name of the photo>.png for every photo; returns the figures.

    Goes through all of them; then raises CoreError where some could not be aligned, naming each.
    Nothing of a photo but its pixels is written.
    """
    check_size(request.size)
    targets = targets_of(request.photos, folder)
    faces = open_photo_faces(weights, on_step)
    made: list[dict[str, Any]] = []
    failed: list[CoreError] = []
    for place, (path, target) in enumerate(zip(request.photos, targets, strict=True)):
        try:
            face = framed(path, request, faces)
            face.write(target)
            made.append(face.figures(target))
        except CoreError as error:
            failed.append(error)
        on_step(Step(place + 1, len(targets), "aligning", "photos"))
    raise_failed(failed, len(targets), "aligned", folder)
    return {"count": len(made), "size": request.size, "aligned": made, "out": str(folder)}


def raise_failed(failed: Sequence[CoreError], count: int, done: str, folder: Path) -> None:
    """One error for those of `count` photos that could not be `done`; none where all could."""
    if failed and count == 1:
        raise failed[0]
    if failed:
        told = " ".join(str(error) for error in failed)
        raise CoreError(
            f"{len(failed)} of {count} photos could not be {done}; the others are in "
            f"{folder}. {told}"
        )


@dataclass(frozen=True, eq=False)
class Framed:
    """A photo, its faces, and the one that was taken, by its number from 1."""

    path: Path
    photo: Photo
    faces: Sequence[PhotoFace]
    number: int
    aligned: Aligned

    def figures(self, target: Path) -> dict[str, Any]:
        """Frames and maps are in px of the photo as read: upright, and reduced where told so."""
        size, frame = len(self.aligned.picture), self.aligned.frame
        height, width = self.photo.pixels.shape[:2]
        faces = [
            {"box": list(face.box), "certainty": round(face.certainty, 4)} for face in self.faces
        ]
        return {
            "photo": str(self.path),
            "photo_size": [width, height],
            "notes": list(self.photo.notes),
            "file": str(target),
            "face": self.number,
            "faces": faces,
            "frame": asdict(frame),
            "to_photo": frame.matrix(size).tolist(),
            "to_picture": frame.inverse_matrix(size).tolist(),
            "padding": round(self.aligned.padding, 4),
        }

    def write(self, target: Path) -> None:
        """The aligned face as a PNG, with its frame."""
        facts = {name: repr(value) for name, value in asdict(self.aligned.frame).items()}
        write_png(target, self.aligned.picture, facts)


def framed(path: Path, request: AlignRequest, faces: PhotoFaces) -> Framed:
    """The face of a photo that was asked for, aligned. Raises CoreError."""
    photo = read_photo(path)
    found = faces.find(photo.pixels, path.name)
    number = request.face or 1
    if number > len(found):
        raise InvalidRequestError(
            f"{path.name} shows {len(found)} face(s), the largest first; there is no face {number}."
        )
    frame = found[number - 1].frame.corrected(request.correction)
    return Framed(path, photo, found, number, align(photo.pixels, frame, request.size))


def targets_of(photos: Sequence[Path], folder: Path) -> list[Path]:
    """Where each photo's picture goes. Photos of one name get numbers; none is overwritten."""
    targets: list[Path] = []
    for path in photos:
        target, number = folder / f"{path.stem}.png", 2
        while target in targets:
            target, number = folder / f"{path.stem}-{number}.png", number + 1
        targets.append(target)
    originals = {path.resolve() for path in photos}
    for target in targets:
        if target.resolve() in originals:
            raise InvalidRequestError(
                f"{target} is one of the photos and would be overwritten. Choose another --out."
            )
    return targets
