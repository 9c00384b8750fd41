"""Where label schemes (annotations) and class sets (core) meet: the same classes, either form."""

from __future__ import annotations

from annotations import LabelScheme
from annotations.taxonomy import LabelClass
from core.errors import InvalidRequestError
from core.segmentation import ClassSet


def class_set(scheme: LabelScheme) -> ClassSet:
    """The scheme's classes in the form of core."""
    return ClassSet(
        tuple(label.id for label in scheme.classes),
        tuple(label.name for label in scheme.classes),
        tuple(label.rgb for label in scheme.classes),
    )


def learned_classes(scheme: LabelScheme, wanted: int | list[int] | None) -> ClassSet:
    """The classes that a training's key `classes` means: a list of ids, or None for all.

    A number says how many the scheme must have. Raises InvalidRequestError where it has others.
    """
    classes = class_set(scheme)
    if isinstance(wanted, list):
        return classes.subset(wanted)
    if wanted is not None and wanted != classes.num_classes:
        raise InvalidRequestError(
            f"classes says {wanted}, but the label scheme '{scheme.name}' has "
            f"{classes.num_classes}. Leave it out, set {classes.num_classes}, or list the ids to "
            "learn."
        )
    return classes


def scheme_of(classes: ClassSet) -> LabelScheme:
    """A segmenter's classes as a label scheme, which knows how masks are coloured."""
    labels = (
        LabelClass(id_, name, "#{:02x}{:02x}{:02x}".format(*colour))
        for id_, name, colour in zip(classes.ids, classes.names, classes.colours, strict=True)
    )
    return LabelScheme("segmenter", tuple(labels))
