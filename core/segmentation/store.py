"""Segmenters by name: those of the weights registry, and files of one's own."""

from __future__ import annotations

from pathlib import Path

from core.errors import InvalidRequestError
from core.segmentation.segmenter import Segmenter
from core.segmentation.segmenter_files import load_segmenter
from core.weights import WeightStore

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
