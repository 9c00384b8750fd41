"""The files of a face's image and mask, encoded once for all formats that want them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from core.export.marks import Mark, jpeg_file, png_file
from core.export.sample import DatasetFacts, Sample
from core.png_files import encode_png

Suffix = Literal[".png", ".jpg"]


def image_suffix(facts: DatasetFacts, native: Suffix) -> Suffix:
    """How image files end. native: as a format's own data sets have it."""
    if facts.image_format == "native":
        return native
    return ".png" if facts.image_format == "png" else ".jpg"


def image_file(sample: Sample, facts: DatasetFacts, suffix: Suffix) -> bytes:
    """The image as PNG or JPEG, marked as synthetic unless the facts say not to."""
    key = f"image{suffix}"
    if key not in sample.encoded:
        mark = mark_of(facts, sample.record) if facts.is_marked else None
        encode = png_file if suffix == ".png" else jpeg_file
        sample.encoded[key] = encode(sample.image, mark)
    return sample.encoded[key]


def mask_file(sample: Sample) -> bytes:
    """The mask as PNG of mode L, its values the class ids."""
    if "mask.png" not in sample.encoded:
        sample.encoded["mask.png"] = encode_png(sample.mask)
    return sample.encoded["mask.png"]


def encode(sample: Sample, facts: DatasetFacts, suffixes: Iterable[Suffix]) -> None:
    """Encode ahead of writing, where a worker has the time."""
    mask_file(sample)
    for suffix in suffixes:
        image_file(sample, facts, suffix)


def mark_of(facts: DatasetFacts, record: Mapping[str, Any]) -> Mark:
    """The mark of a face: its dataset, its generator, and what makes it again."""
    generator = next((w for w in facts.weights if w.role == "generator"), None)
    told = {"dataset": facts.name}
    if generator is not None:
        told |= {"generator": generator.name, "generator_sha256": generator.sha256}
    told |= {key: str(record[key]) for key in ("seed", "attempt", "psi") if key in record}
    base = facts.recipe.get("base")
    is_drawn = not base and "seed" in record  # a painted face without one may be of a photo
    return Mark(told | ({"base": base["name"]} if base else {}), is_of_nobody=is_drawn)
