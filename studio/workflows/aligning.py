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
    targets = _targets(request.photos, folder)
    faces = open_photo_faces(weights, on_step)
    made: list[dict[str, Any]] = []
    failed: list[CoreError] = []
    for place, (path, target) in enumerate(zip(request.photos, targets, strict=True)):
        try:
            made.append(_align_one(path, target, request, faces))
        except CoreError as error:
            failed.append(error)
        on_step(Step(place + 1, len(targets), "aligning", "photos"))
    if failed and len(targets) == 1:
        raise failed[0]
    if failed:
        told = " ".join(str(error) for error in failed)
        raise CoreError(
            f"{len(failed)} of {len(targets)} photos could not be aligned; the others are in "
            f"{folder}. {told}"
        )
    return {"count": len(made), "size": request.size, "aligned": made, "out": str(folder)}


def _align_one(
    path: Path, target: Path, request: AlignRequest, faces: PhotoFaces
) -> dict[str, Any]:
    photo = read_photo(path)
    found = faces.find(photo.pixels, path.name)
    number = request.face or 1
    if number > len(found):
        raise InvalidRequestError(
            f"{path.name} shows {len(found)} face(s), the largest first; there is no face {number}."
        )
    frame = found[number - 1].frame.corrected(request.correction)
    aligned = align(photo.pixels, frame, request.size)
    facts = {name: repr(value) for name, value in asdict(frame).items()}
    write_png(target, aligned.picture, facts)
    return _figures(path, target, photo, found, number, aligned)


def _figures(
    path: Path,
    target: Path,
    photo: Photo,
    found: Sequence[PhotoFace],
    number: int,
    aligned: Aligned,
) -> dict[str, Any]:
    """Frames and maps are in px of the photo as read: upright, and reduced where that is told."""
    size = len(aligned.picture)
    height, width = photo.pixels.shape[:2]
    return {
        "photo": str(path),
        "photo_size": [width, height],
        "notes": list(photo.notes),
        "file": str(target),
        "face": number,
        "faces": [{"box": list(face.box), "certainty": round(face.certainty, 4)} for face in found],
        "frame": asdict(aligned.frame),
        "to_photo": aligned.frame.matrix(size).tolist(),
        "to_picture": aligned.frame.inverse_matrix(size).tolist(),
        "padding": round(aligned.padding, 4),
    }


def _targets(photos: Sequence[Path], folder: Path) -> list[Path]:
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
