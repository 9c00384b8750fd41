"""Where label schemes (annotations) and class sets (core) meet: the same classes, either form."""

from __future__ import annotations

from annotations import LabelScheme
from annotations.taxonomy import LabelClass
from core.segmentation import ClassSet


def class_set(scheme: LabelScheme) -> ClassSet:
    """The scheme's classes in the form of core."""
    return ClassSet(
        tuple(label.id for label in scheme.classes),
        tuple(label.name for label in scheme.classes),
        tuple(label.rgb for label in scheme.classes),
    )


def scheme_of(classes: ClassSet) -> LabelScheme:
    """A segmenter's classes as a label scheme, which knows how masks are coloured."""
    labels = (
        LabelClass(id_, name, "#{:02x}{:02x}{:02x}".format(*colour))
        for id_, name, colour in zip(classes.ids, classes.names, classes.colours, strict=True)
    )
    return LabelScheme("segmenter", tuple(labels))
