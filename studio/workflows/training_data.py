"""Which painted faces a training learns from: chosen once, written down, found again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations import AnnotationStore, FaceStatus, LabelScheme
from annotations.records import Face
from annotations.starter_pack import StarterPack, load_starter_pack
from annotations.taxonomy import parse_scheme
from core.errors import InvalidRequestError
from core.segmentation.classes import UNLABELLED
from core.segmentation.splits import split_faces
from core.weights import WeightStore

FINISHED = (FaceStatus.DONE, FaceStatus.ACCEPTED)  # what a training takes of a project
FEWEST = 2  # faces: one to learn from, one to see how well
_PAGE = 500


@dataclass(frozen=True)
class PaintedFace:
    """A face and the mask that was chosen.

    sha256: of the mask; of its PNG in a project, of its class ids in the starter pack.
    class_ids: what occurs in the mask. width, height: of the mask, px.
    """

    name: str
    split: str  # train, validation or test; '' as long as that is open
    sha256: str
    noise: str
    seed: int | None
    class_ids: tuple[int, ...]
    width: int
    height: int
    face_id: int | None = None
    revision_id: int | None = None


@dataclass(frozen=True)
class TrainingData:
    """All faces are of one generator and one scheme. project: its id, None for none."""

    faces: tuple[PaintedFace, ...]
    scheme: LabelScheme
    generator: str
    generator_sha256: str
    project: int | None = None
    project_name: str = ""

    def of(self, split: str) -> tuple[PaintedFace, ...]:
        return tuple(face for face in self.faces if face.split == split)

    def without_pixels(self) -> list[str]:
        """Names of classes that occur in no face to learn from."""
        found = {id_ for face in self.of("train") for id_ in face.class_ids}
        return [label.name for label in self.scheme.classes if label.id not in found]

    def to_json(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in ("generator", "generator_sha256")},
            **{name: getattr(self, name) for name in ("project", "project_name")},
            "scheme": self.scheme.to_yaml(),
            "faces": [asdict(face) for face in self.faces],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TrainingData:
        faces = [{**face, "class_ids": tuple(face["class_ids"])} for face in content["faces"]]
        return cls(
            tuple(PaintedFace(**face) for face in faces),
            parse_scheme(content["scheme"]),
            content["generator"],
            content["generator_sha256"],
            content["project"],
            content["project_name"],
        )


def choose_data(
    store: AnnotationStore, *, has_starter: bool, project: int | None, weights: WeightStore
) -> TrainingData:
    """The starter pack's faces, with their splits, and the finished ones of a project, without.

    Raises InvalidRequestError where there are too few, or where they do not go together or
    with the generator as it is here.
    """
    parts = []
    if has_starter:
        parts.append(_of_starter(load_starter_pack()))
    if project is not None:
        parts.append(_of_project(store, project))
    if not parts:
        raise InvalidRequestError("Choose the starter pack, a project, or both.")
    data = parts[0] if len(parts) == 1 else _joined(*parts)
    if len(data.faces) < FEWEST:
        raise InvalidRequestError(
            f"A training needs at least {FEWEST} painted faces, one to learn from and one to see "
            f"how well; {data.project_name or 'the pack'} has {len(data.faces)}. Paint another "
            "one, or add the starter pack."
        )
    _check_generator(data, weights)
    return data


def split_data(data: TrainingData, shares: tuple[int, int, int], seed: int) -> TrainingData:
    """The same faces; those without a split get one, rare classes spread evenly.

    shares: of train, validation and test. Raises InvalidRequestError where nothing would be
    left to learn from or to see how well.
    """
    places = [place for place, face in enumerate(data.faces) if not face.split]
    faces = list(data.faces)
    if places:
        dealt = split_faces(_occurring(data, places), len(data.scheme.classes), shares, seed)
        for split in ("train", "validation", "test"):
            for nth in getattr(dealt, split):
                faces[places[nth]] = replace(faces[places[nth]], split=split)
    found = replace(data, faces=tuple(faces))
    for split, what in (("train", "learn from"), ("validation", "see how well")):
        if not found.of(split):
            raise InvalidRequestError(
                f"With shares {'/'.join(map(str, shares))} of {len(data.faces)} faces none is "
                f"left to {what}. Choose other shares, such as 60/20/20, or paint more faces."
            )
    return found


def check_size(data: TrainingData, size: int) -> None:
    """Raises InvalidRequestError naming a face whose mask cannot be brought to `size` px."""
    for face in data.faces:
        if face.width != face.height:
            raise InvalidRequestError(
                f"The mask of {face.name} is {face.width} x {face.height} px; a segmenter learns "
                "from square ones. Leave that face out."
            )
        if size < 1 or face.width % size:
            raise InvalidRequestError(
                f"The mask of {face.name} is {face.width} px a side, which is no multiple of a "
                f"mask size of {size} px. Choose {face.width}, or a whole part of it."
            )


def _occurring(data: TrainingData, places: list[int]) -> NDArray[np.uint8]:
    """Stand-ins uint8 [N, 1, K] for masks: of each face the indices of the classes it shows."""
    index = {label.id: place for place, label in enumerate(data.scheme.classes)}
    masks = np.full((len(places), 1, len(index)), UNLABELLED, np.uint8)
    for row, place in enumerate(places):
        shown = [index[id_] for id_ in data.faces[place].class_ids if id_ in index]
        masks[row, 0, : len(shown)] = shown
    return masks


def _of_starter(pack: StarterPack) -> TrainingData:
    faces = [
        PaintedFace(
            f"starter {face.seed}",
            face.split,
            sha256_of_mask(face.mask),
            "off",
            face.seed,
            tuple(int(id_) for id_ in np.unique(face.mask)),
            face.mask.shape[1],
            face.mask.shape[0],
        )
        for face in pack.faces
    ]
    return TrainingData(tuple(faces), pack.scheme, pack.generator, pack.generator_sha256)


def _of_project(store: AnnotationStore, project_id: int) -> TrainingData:
    project = store.projects.get(project_id)
    faces: list[Face] = []
    while True:
        page = store.faces.page(project_id, FINISHED, offset=len(faces), limit=_PAGE)
        faces += page.faces
        if not page.faces or len(faces) >= page.total:
            break
    if not faces:
        raise InvalidRequestError(
            f"Project '{project.name}' has no face whose mask is done. Paint some in the "
            "Annotate tab and press Done on each, or take the starter pack."
        )
    made_by = Counter((face.generator, face.generator_sha256) for face in faces)
    if len(made_by) > 1:
        counts = ", ".join(f"{n} by '{name}' ({sha[:8]})" for (name, sha), n in made_by.items())
        raise InvalidRequestError(
            f"The painted faces of project '{project.name}' were made by several generators: "
            f"{counts}. A training takes one: move the others to a project of their own."
        )
    ((generator, sha256),) = made_by
    painted = tuple(_painted(face) for face in faces)
    return TrainingData(painted, project.scheme, generator, sha256, project.id, project.name)


def _painted(face: Face) -> PaintedFace:
    revision = face.current
    assert revision is not None  # its status says so
    occurring = tuple(id_ for id_, count in revision.pixel_counts.items() if count)
    name = f"face {face.id}" + (f", seed {face.seed}" if face.seed is not None else "")
    return PaintedFace(
        name,
        "",
        revision.sha256,
        face.noise,
        face.seed,
        occurring,
        face.width,
        face.height,
        face.id,
        revision.id,
    )


def _joined(starter: TrainingData, project: TrainingData) -> TrainingData:
    name = project.project_name
    if (starter.generator, starter.generator_sha256) != (
        project.generator,
        project.generator_sha256,
    ):
        raise InvalidRequestError(
            f"The starter pack is of generator '{starter.generator}' "
            f"({starter.generator_sha256[:8]}), project '{name}' of '{project.generator}' "
            f"({project.generator_sha256[:8]}). Take one of them."
        )
    if starter.scheme.classes != project.scheme.classes:
        raise InvalidRequestError(
            f"Project '{name}' has other classes than the starter pack. Take one of them."
        )
    return replace(project, faces=(*starter.faces, *project.faces))


def _check_generator(data: TrainingData, weights: WeightStore) -> None:
    known = weights.entries().get(data.generator)
    if known is None or not known.is_generator:
        raise InvalidRequestError(
            f"The faces were made by generator '{data.generator}', which is not here. Add it: "
            f"python launch.py weights add FILE --name {data.generator}"
        )
    if known.sha256 != data.generator_sha256:
        raise InvalidRequestError(
            f"Generator '{data.generator}' has changed since these faces were painted: its "
            f"weights were {data.generator_sha256[:12]}, here they are {known.sha256[:12]}. Its "
            "features would not fit the masks. Bring the old weights back, or paint new faces."
        )


def sha256_of_mask(mask: NDArray[np.uint8]) -> str:
    return hashlib.sha256(np.ascontiguousarray(mask).tobytes()).hexdigest()
