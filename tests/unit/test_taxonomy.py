"""Label schemes: the default one, and those that others bring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from annotations import default_scheme, load_scheme
from annotations.errors import BadSchemeError
from annotations.taxonomy import LabelClass, parse_scheme
from tests.label_schemes import ONE_CLASS, scheme_of_34


def test_the_default_scheme_has_the_18_classes_of_a_face() -> None:
    scheme = default_scheme()
    assert [label.id for label in scheme.classes] == list(range(18))
    assert scheme.by_id[4] == LabelClass(4, "hair", "#a0522d", "hair", "h")
    assert scheme.by_id[0].part is None and scheme.background == scheme.by_id[0]
    assert dict(scheme.conventions)["nose"].startswith("the bridge from eye height")


def test_mirroring_swaps_left_and_right() -> None:
    scheme = default_scheme()
    names = [(scheme.by_id[a].name, scheme.by_id[b].name) for a, b in scheme.mirror_pairs()]
    assert names == [
        ("left eye", "right eye"),
        ("left ear", "right ear"),
        ("left eyebrow", "right eyebrow"),
    ]
    table = scheme.mirror_table()
    assert np.array_equal(table[table], np.arange(256))
    assert np.flatnonzero(table != np.arange(256)).tolist() == [6, 7, 8, 13, 14, 15]


def test_a_side_without_its_other_side_stays_itself() -> None:
    scheme = parse_scheme(
        "{name: s, classes: [{id: 1, name: left hand, color: '#000001'},"
        " {id: 2, name: cleft, color: '#000002'}]}"
    )
    assert scheme.mirror_pairs() == ()


def test_the_palette_gives_each_class_its_colour_and_other_ids_none_of_them() -> None:
    scheme = default_scheme()
    palette = scheme.palette()
    assert palette.shape == (256, 3) and palette[16].tolist() == [0xF2, 0xC9, 0xA1]
    assert len({tuple(color) for color in palette[:18].tolist()}) == 18
    assert tuple(palette[255].tolist()) == scheme.ignore_rgb == (0, 0, 0)


def test_unlabelled_pixels_get_a_colour_that_no_class_has() -> None:
    scheme = parse_scheme("{name: s, classes: [{id: 0, name: black, color: '#000000'}]}")
    assert scheme.ignore_rgb == (1, 1, 1)


def test_a_scheme_survives_its_yaml() -> None:
    for scheme in (default_scheme(), scheme_of_34()):
        again = parse_scheme(scheme.to_yaml())
        assert again == scheme and again.sha256 == scheme.sha256


def test_schemes_of_other_sizes_are_as_good() -> None:
    scheme = scheme_of_34()
    assert len(scheme.ids) == 34 and max(scheme.ids) == 254
    assert len(scheme.mirror_pairs()) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("id: -1", "a class id must be 0 to 254, is -1"),
        ("id: 255", "a class id must be 0 to 254, is 255"),
        ("id: true", "a class id must be 0 to 254, is True"),
        ("id: '1'", "a class id must be 0 to 254, is '1'"),
        ("id: 0", "id 0 is used by two classes"),
        ("name: a", "name 'a' is used by two classes"),
        ("name: ''", "name of class 1 must be a text"),
        ("name: 7", "name of class 1 must be a text of 1 to 100, is 7"),
        ('name: "a\\nb"', "name of class 1 must be a text"),
        ("color: '#000000'", "color '#000000' is used by two classes"),
        ("color: red", "color of class 1 must look like '#1b2c3d', is 'red'"),
        ("key: k", "key 'k' is used by two classes"),
        ("key: kk", "key of class 1 must be one character, is 'kk'"),
        ("part: p", "part 'p' is used by two classes"),
        ("part: ../p", "part of class 1 must be letters, digits"),
    ],
)
def test_a_class_that_contradicts_the_rules_is_refused(change: str, message: str) -> None:
    second = {"id": "id: 1", "name": "name: b", "color": "color: '#000001'"}
    second[change.split(":")[0]] = change
    text = (
        "{name: s, classes: [{id: 0, name: a, color: '#000000', key: k, part: p}, {"
        + ", ".join(second.values())
        + "}]}"
    )
    with pytest.raises(BadSchemeError, match=f"a.yaml: .*{message}"):
        parse_scheme(text, "a.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a scheme needs 'name' and a list 'classes'"),
        ("[1, 2]", "a scheme needs 'name'"),
        ("{classes: []}", "name of the scheme must be a text"),
        ("{name: s, classes: []}", "must list at least one class"),
        ("{name: s, classes: [3]}", "a class must have id, name and color, is 3"),
        ("{name: s, ignore_id: 0, classes: [{}]}", "ignore_id must be 255, is 0"),
        ("{name: s, classes", "is not YAML"),
        ("!!python/object/apply:os.system [ls]", "is not YAML"),
        (ONE_CLASS + "conventions: [1]", "'conventions' must map a subject"),
    ],
)
def test_a_text_that_is_no_scheme_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadSchemeError, match=message):
        parse_scheme(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (2**20 + 1))
    for name in ("missing", "binary", "huge"):
        with pytest.raises(BadSchemeError, match=f"{name}.yaml"):
            load_scheme(tmp_path / f"{name}.yaml")
