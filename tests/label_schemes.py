"""Label schemes other than the default one, for tests that nothing assumes 18 classes."""

from __future__ import annotations

from annotations.taxonomy import LabelClass, LabelScheme

ONE_CLASS = "name: s\nclasses: [{id: 0, name: a, color: '#000000'}]\n"


def scheme_of_34() -> LabelScheme:
    """Ids with gaps up to 254, sides, parts that CelebAMask-HQ has and parts it has not."""
    names = ["background", "skin", "nose", "necklace", "neck"]
    for part in ("eye", "ear", "brow", "cheek"):
        names += [f"left {part}", f"right {part}"]
    names += [f"thing {number}" for number in range(34 - len(names))]
    parts = {"skin": "skin", "nose": "nose", "necklace": "neck_l", "neck": "neck"}
    ids = [*range(20), *range(100, 113), 254]
    return LabelScheme(
        "other34",
        tuple(
            LabelClass(
                class_id,
                name,
                f"#{class_id:02x}80{number:02x}",
                None if name == "background" else parts.get(name, name.replace(" ", "_")),
            )
            for number, (class_id, name) in enumerate(zip(ids, names, strict=True))
        ),
    )
