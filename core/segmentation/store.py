"""Segmenters by name: those of the weights registry, and files of one's own."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from core.errors import InvalidRequestError
from core.segmentation.classes import ClassSet
from core.segmentation.own_parts import MODEL, has_own_parts, own_classes, own_head
from core.segmentation.segmenter import Segmenter
from core.segmentation.segmenter_files import load_segmenter, save_segmenter
from core.weights import WeightStore
from core.weights_registry import KnownWeights

KIND = "segmenter"


def segmenter_names(store: WeightStore, generator: str) -> list[str]:
    """Registered segmenters of a generator, the default one first."""
    return store.made_for(generator, KIND)


def segmenter_of_size(store: WeightStore, generator: str, size: int) -> str | None:
    """The registered segmenter whose masks come nearest to `size` px; None where there is none."""
    names = segmenter_names(store, generator)
    sizes = {name: int(store.entry(name).facts.get("size", 512)) for name in names}
    return min(names, key=lambda name: abs(sizes[name] - size), default=None)


def open_segmenter(store: WeightStore, generator: str, asked: str | None = None) -> Segmenter:
    """A segmenter for a registered generator: by name, by path of a file, or the default one.

    Raises InvalidRequestError where there is none, WeightsError where its file is missing,
    damaged, has changed, or reads the features of other weights.
    """
    identity = store.identity(generator)
    if asked is not None and (asked.endswith(".safetensors") or Path(asked).is_file()):
        return load_segmenter(Path(asked), identity)
    names = segmenter_names(store, generator)
    if asked is None and not names:
        raise InvalidRequestError(
            f"There is no segmenter for generator '{generator}'. Train one: python launch.py "
            "train segmenter --config FILE"
        )
    known = store.entry(asked or names[0])
    if known.kind != KIND:
        raise InvalidRequestError(
            f"'{known.name}' is a {known.kind}, not a segmenter. Segmenters for '{generator}': "
            f"{', '.join(names) or 'none'}."
        )
    return load_segmenter(store.checked(known.name), identity)


def offer_own_parts(store: WeightStore, generator: str, classes: ClassSet) -> KnownWeights | None:
    """Register the segmentation that a generator makes of its own pictures, as a segmenter.

    classes: of the label scheme that its masks shall have. None where it makes none.
    """
    opened, known = store.open_generator(generator), store.entry(generator)
    if not has_own_parts(opened):
        return None
    own = own_classes(classes)
    segmenter = Segmenter(own_head(opened, own), MODEL, own, opened.identity)
    taken = store.entries()
    endings = (f"-parts{number if number > 1 else ''}" for number in count(1))
    name = next(n for ending in endings if (n := generator[:50] + ending) not in taken)
    path = store.folder / f"{name}.safetensors"
    save_segmenter(path, segmenter)
    return store.register(
        name,
        KIND,
        path,
        {"generator": generator},
        f"generator '{generator}' itself",
        known.licence,
        generator=generator,
        size=segmenter.size,
    )
