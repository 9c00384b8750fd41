"""A small dataset of random pictures, to be written in every format: no generator is needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from core.export.formats import Format
from core.export.sample import (
    Attribute,
    DatasetFacts,
    MaskClass,
    Order,
    Row,
    Sample,
    Weights,
    pixel_facts,
)

SIZE = 32
LAYERS, WIDTH = 3, 8
CHUNK_SIZE = 8  # faces
SPLITS = {"train": CHUNK_SIZE + 3, "validation": 4, "test": 3}
CLASSES = (
    MaskClass(0, "background", (10, 20, 30)),
    MaskClass(3, "eyeglass", (0, 194, 209), "eye_g"),
    MaskClass(4, "hair", (160, 82, 45), "hair"),
    MaskClass(6, "left eye", (59, 130, 246), "l_eye", 14),
    MaskClass(14, "right eye", (29, 78, 216), "r_eye", 6),
    MaskClass(16, "skin", (242, 201, 161), "skin"),
)
ATTRIBUTES = (
    Attribute("age", "Age", "years"),
    Attribute("male", "Gender", "probability"),
    Attribute("smile", "Smile", "%"),
)


def facts(**changes: Any) -> DatasetFacts:
    given: dict[str, Any] = {
        "name": "tiny-faces",
        "size": SIZE,
        "splits": SPLITS,
        "scheme": "tiny",
        "classes": CLASSES,
        "weights": (
            Weights("generator", "tiny", "a" * 64, "CC BY-NC 4.0 <their site>", "a wheel"),
            Weights("segmenter", "heads", "b" * 64, "Apache-2.0"),
        ),
        "attributes": ATTRIBUTES,
        "chunk_size": CHUNK_SIZE,
        "recipe": {"count": sum(SPLITS.values()), "psi": 0.7},
        "versions": {"faceloom": "0.1.0"},
        "conventions": {"hair": "head hair, not brows"},
    }
    return DatasetFacts(**{**given, **changes})


@cache
def samples() -> tuple[Sample, ...]:
    """The same every time; `encoded` is shared, so files of other facts need `fresh`."""
    split_of = [split for split, count in SPLITS.items() for _ in range(count)]
    return tuple(_sample(place, split) for place, split in enumerate(split_of))


def fresh() -> list[Sample]:
    """The samples with nothing encoded yet."""
    return [Sample(s.order, s.image, s.mask, s.ws, s.record) for s in samples()]


def _sample(place: int, split: str) -> Sample:
    rng = np.random.default_rng(place)
    smooth = rng.integers(0, 256, (SIZE // 8, SIZE // 8, 3))  # JPEG should come near to it
    image = np.kron(smooth, np.ones((8, 8, 1), np.uint8)).astype(np.uint8)
    ids = np.array([label.id for label in CLASSES], np.uint8)
    mask = rng.choice(ids, (SIZE, SIZE))
    mask[:4] = 0
    ws = rng.standard_normal((LAYERS, WIDTH)).astype(np.float32)
    order = Order(place, place // 2, place % 2, split, {"age": 20.0 + place % 50})
    record = {
        "identity": order.identity,
        "variant": order.variant,
        "seed": int(rng.integers(2**32)),
        "attempt": place % 3,
        "psi": 0.7,
        "asked": {"age": 20.0 + place % 50},
        "measured": {
            "age": 20.5 + place % 50,
            "male": (place % 10) / 10,
            **({} if place % 7 == 0 else {"smile": float(rng.normal(0, 5))}),
        },
        "quality": {"artifact": 50.0 + place % 40, "uncertainty": 0.1},
        **pixel_facts(image, mask),
    }
    return Sample(order, image, mask, ws, record)


def chunks(given: Sequence[Sample]) -> Iterator[tuple[int, str, list[Sample]]]:
    """Chunks as an export makes them: of one split each."""
    index = 0
    for split in SPLITS:
        here = [sample for sample in given if sample.order.split == split]
        for begin in range(0, len(here), CHUNK_SIZE):
            yield index, split, here[begin : begin + CHUNK_SIZE]
            index += 1


def rows_of(given: Sequence[Sample]) -> Callable[[], Iterator[Row]]:
    return lambda: (Row(sample.name, sample.order.split, sample.record) for sample in given)


def written(
    build: Callable[[Path, DatasetFacts], Format], folder: Path, **changes: Any
) -> tuple[Format, list[Path]]:
    """A format with the whole dataset in it, and the files it says it wrote."""
    given = fresh() if changes else list(samples())
    made = build(folder, facts(**changes))
    paths = [path for chunk in chunks(given) for path in made.write_chunk(*chunk)]
    return made, paths + made.finish(rows_of(given))


def contents(folder: Path) -> Mapping[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def plain(record: Mapping[str, Any]) -> Any:
    """As it comes back from JSON."""
    return json.loads(json.dumps(record))
