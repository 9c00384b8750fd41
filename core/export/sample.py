"""What passes between the parts of an export: orders, faces that were made, facts of the whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError

SPLITS = ("train", "validation", "test")
SOURCES = GENERATED, PAINTED = ("generated", "painted")  # of a face's mask
CHUNK_SIZE = 64  # faces that are committed together, at the most

ImageFormat = Literal["native", "png", "jpeg"]


def name_of(place: int) -> str:
    """The name of a face in every format, from its place in the dataset."""
    return f"{place:06d}"


@dataclass(frozen=True)
class PaintedFace:
    """A face of a project and the mask that people made of it.

    project: its name. face, revision: ids there. person: the same for all pictures of a person.
    painter, reviewer: their names, the latter '' where nobody reviewed it. mask_sha256: of the
    mask as it is stored there. split: one of SPLITS, '' as long as that is open.
    """

    project: str
    face: int
    revision: int
    person: str
    painter: str
    reviewer: str
    mask_sha256: str
    split: str = ""


@dataclass(frozen=True)
class Order:
    """One face that a recipe asks for.

    place: 0..count-1. identity, variant: the person, and which of their pictures. split: one
    of SPLITS. target: what is asked of the face, by attribute. painted: where it is not made but
    taken from a project.
    """

    place: int
    identity: int
    variant: int
    split: str
    target: Mapping[str, Any] = field(default_factory=dict)
    painted: PaintedFace | None = None

    @property
    def name(self) -> str:
        return name_of(self.place)


@dataclass(frozen=True)
class Chunk:
    """Up to CHUNK_SIZE consecutive orders of one split: what is committed and resumed at once.

    Its faces are all generated or all painted.
    """

    index: int
    split: str
    orders: tuple[Order, ...]

    @property
    def is_painted(self) -> bool:
        return self.orders[0].painted is not None


@dataclass(frozen=True, eq=False)
class Sample:
    """A face that was made, with its labels.

    image: uint8 [S, S, 3]. mask: class ids uint8 [S, S], 255 where nobody labelled. ws: float32
    [L, D]. record: plain JSON: source (one of SOURCES), seed, attempt, psi, asked and measured
    (numbers by attribute), quality {artifact, uncertainty}, and what `pixel_facts` gives; of a
    painted face also painted_by and more on its mask in `painted`. encoded: bytes of its files
    that several formats share, filled by core.export.pictures.
    """

    order: Order
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    ws: NDArray[np.float32]
    record: Mapping[str, Any]
    encoded: dict[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.order.name


@dataclass(frozen=True)
class Dropped:
    """A face that was made and not taken. reason: short and the same for the same cause."""

    reason: str
    place: int
    attempt: int
    record: Mapping[str, Any]


def pixels_sha256(pixels: NDArray[np.uint8]) -> str:
    """Hex sha256 of raw pixels, row by row; the same whatever file they lie in."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


def pixel_facts(image: NDArray[np.uint8], mask: NDArray[np.uint8]) -> dict[str, Any]:
    """What a record says of pixels: both hashes, and pixels of each class id that occurs."""
    counts = np.bincount(mask.ravel(), minlength=256)
    return {
        "image_sha256": pixels_sha256(image),
        "mask_sha256": pixels_sha256(mask),
        "pixels": {str(value): int(counts[value]) for value in counts.nonzero()[0]},
    }


class Row(NamedTuple):
    """What is kept of a face that lies on disk. record: as in Sample."""

    name: str
    split: str
    record: Mapping[str, Any]


RowSource = Callable[[], Iterator[Row]]  # every face in order, read anew at each call


@dataclass(frozen=True)
class MaskClass:
    """A class of the masks.

    id: the value of its pixels, 0..254. rgb: 0..255. part: its CelebAMask-HQ part name, None
    without one. partner: id of the class it becomes in a mirrored picture, None if it stays.
    """

    id: int
    name: str
    rgb: tuple[int, int, int]
    part: str | None = None
    partner: int | None = None


@dataclass(frozen=True)
class Weights:
    """Weights that took part. role: generator, segmenter, attribute estimator, ...

    licence: as the weights registry words it.
    """

    role: str
    name: str
    sha256: str
    licence: str
    source: str = ""


@dataclass(frozen=True)
class Attribute:
    """A number that is measured on every face. title: for people. unit: empty for none."""

    name: str
    title: str = ""
    unit: str = ""


@dataclass(frozen=True)
class DatasetFacts:
    """What holds for a whole dataset.

    name: letters, digits, '-', '_' and '.', no folder. size: px of images and masks. splits:
    faces by split, only splits that have some, in the order of SPLITS. scheme: name of the
    label scheme. attributes: every measured one, in the order of columns. recipe: as asked, plain
    JSON. versions: of programs and libraries, by name. licence: identifier of a licence as dataset
    hosts know it. conventions: what is agreed on a class, by subject. is_marked: whether pictures
    carry that they are synthetic. image_format: of every picture; native: as each format's
    own data sets have it, JPEG for CelebAMask-HQ and LaPa, else PNG. chunk_size: faces of all
    chunks of a split but its last, and its last of generated faces. painted: faces that come from
    a project, each with its split, in which they lie after those that are generated.

    Raises InvalidRequestError.
    """

    name: str
    size: int
    splits: Mapping[str, int]
    scheme: str
    classes: tuple[MaskClass, ...]
    weights: tuple[Weights, ...]
    attributes: tuple[Attribute, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    licence: str = "other"
    conventions: Mapping[str, str] = field(default_factory=dict)
    is_marked: bool = True
    image_format: ImageFormat = "native"
    chunk_size: int = CHUNK_SIZE
    painted: tuple[PaintedFace, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in self.name):
            raise InvalidRequestError(
                f"A dataset's name must be letters, digits, '-', '_' and '.', is '{self.name}'."
            )
        known = [split for split in SPLITS if split in self.splits]
        if list(self.splits) != known or not known or min(self.splits.values()) < 1:
            raise InvalidRequestError(
                f"Splits must be some of {', '.join(SPLITS)} in this order, each with a face; got "
                f"{dict(self.splits)}."
            )
        if len({label.id for label in self.classes}) != len(self.classes) or not self.classes:
            raise InvalidRequestError("A dataset needs classes, each with another id.")

    @property
    def count(self) -> int:
        """Faces of all splits."""
        return sum(self.splits.values())

    def split_of(self, place: int) -> str:
        """The split of the face at a place; splits lie one after another."""
        for split, count in self.splits.items():
            if place < count:
                return split
            place -= count
        raise InvalidRequestError(f"The dataset '{self.name}' has {self.count} faces, no more.")

    def num_chunks(self, split: str) -> int:
        """Chunks that a split is written in."""
        painted = sum(face.split == split for face in self.painted)
        generated = self.splits[split] - painted
        return -(-generated // self.chunk_size) - (-painted // self.chunk_size)

    def place_in_split(self, chunk_index: int, split: str) -> int:
        """Which chunk of its split, from 0, the chunk `chunk_index` of all is."""
        before = SPLITS[: SPLITS.index(split)]
        return chunk_index - sum(self.num_chunks(other) for other in before if other in self.splits)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; `from_json` gives equal facts back."""
        told = asdict(self)
        if not self.painted:
            del told["painted"]
        return told

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> DatasetFacts:
        """Facts of what `as_json` gave. Raises InvalidRequestError for anything else."""
        try:
            lists: dict[str, Sequence[Any]] = {
                "classes": tuple(
                    MaskClass(**{**label, "rgb": tuple(label["rgb"])})
                    for label in content["classes"]
                ),
                "weights": tuple(Weights(**weights) for weights in content["weights"]),
                "attributes": tuple(Attribute(**known) for known in content["attributes"]),
                "painted": tuple(PaintedFace(**face) for face in content.get("painted", ())),
            }
            splits = sorted(content["splits"].items(), key=lambda item: _rank(item[0]))
            return cls(**{**content, **lists, "splits": dict(splits)})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidRequestError(f"These are no facts of a dataset: {error}.") from error


def _rank(split: str) -> int:
    """JSON files may come with their keys in any order."""
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)
