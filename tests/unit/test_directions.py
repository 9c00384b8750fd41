"""The value of a direction, and its files: whole, for their generator, found out when damaged."""

from __future__ import annotations

import json
import resource
import struct
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import load_file, save_file

from core.directions import Direction, read_directions, save_directions
from core.directions.direction import MAX_FACTS
from core.directions.files import MAX_DIRECTIONS, MAX_HEADER, _digest
from core.errors import InvalidRequestError, OutputError, WeightsError
from core.generators import Identity
from core.latents import LatentSpace
from tests.tiny_generator import tiny_generator, tiny_latents

SPACE = LatentSpace.of(tiny_generator())
SHAPE = (SPACE.num_ws, SPACE.w_dim)


def direction(name: str = "age", **changes: Any) -> Direction:
    given: dict[str, Any] = {
        "title": "Age",
        "attribute": "age",
        "vector": np.random.default_rng(0).normal(size=SHAPE).astype(np.float32),
        "generator": SPACE.identity.name,
        "generator_sha256": SPACE.identity.sha256,
        "safe": (-2.0, 3.5),
        "facts": {"method": "regression", "layers": [0, 1, 2, 3]},
    }
    return Direction(name, **given | changes)


def same(a: Direction, b: Direction) -> bool:
    """All but the vector, which a file keeps in half precision."""
    names = [field.name for field in fields(Direction) if field.name != "vector"]
    return all(getattr(a, name) == getattr(b, name) for name in names)


def test_a_direction_moves_faces_by_its_units_and_leaves_the_given_ws() -> None:
    ws = tiny_latents(3).ws
    before = ws.copy()
    moved = direction().apply(ws, 1.5)
    assert moved.dtype == np.float32
    assert np.allclose(moved - ws, 1.5 * direction().vector, atol=1e-6)
    assert np.array_equal(ws, before)


def test_each_face_may_have_an_amount_of_its_own() -> None:
    ws = tiny_latents(3).ws
    moved = direction().apply(ws, [0.0, -1.0, 2.0])
    assert np.array_equal(moved[0], ws[0])
    assert np.array_equal(moved[2], direction().apply(ws[2], 2.0))


def test_layers_are_those_where_the_vector_is_not_zero() -> None:
    vector = np.zeros(SHAPE, np.float32)
    vector[[1, 3], 5] = 1e-3
    assert direction(vector=vector).layers == (1, 3)


def test_another_unit_is_the_same_line() -> None:
    scaled = direction().scaled(-2.0)
    assert scaled.safe == (-1.75, 1.0)
    ws = tiny_latents(1).ws
    assert np.allclose(scaled.apply(ws, 0.5), direction().apply(ws, -1.0), atol=1e-6)
    with pytest.raises(InvalidRequestError, match=r"cannot have a unit of 0\.0"):
        direction().scaled(0.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../age"}, "name has 1 to 64 of a-z"),
        ({"name": ""}, "name has 1 to 64 of a-z"),
        ({"title": " "}, "needs a title"),
        ({"title": "a\nb"}, "one line of at most 120 printable characters"),
        ({"title": "a" * 121}, "at most 120 printable characters, has 121"),
        ({"vector": np.ones(SHAPE)}, r"must be float32 \[L, D\], is float64 \[4, 16\]"),
        ({"vector": np.ones(16, np.float32)}, r"is float32 \[16\]"),
        ({"vector": np.zeros(SHAPE, np.float32)}, "must be finite and not zero everywhere"),
        ({"vector": np.full(SHAPE, np.inf, np.float32)}, "must be finite and not zero"),
        ({"safe": (0.0, 1.0)}, "must go from below 0 to above 0, is 0.0 to 1.0"),
        ({"safe": (-1.0, float("nan"))}, "must go from below 0 to above 0"),
        ({"safe": (-1.0, float("inf"))}, "must go from below 0 to above 0"),
        ({"facts": {"a": float("nan")}}, "must be what JSON can hold"),
        ({"facts": {"a": np.zeros(2)}}, "must be what JSON can hold"),
        ({"facts": {"a": "b" * MAX_FACTS}}, "characters of JSON; at most 65536"),
    ],
)
def test_what_cannot_be_a_direction_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        direction(**{"name": "age"} | changes)


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), [1.0, 2.0]])
def test_an_amount_that_is_no_amount_is_refused(amount: Any) -> None:
    with pytest.raises(InvalidRequestError, match="moves by one finite amount, or one a face"):
        direction().apply(tiny_latents(3).ws, amount)


def test_ws_of_another_shape_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"is for ws \[..., 4, 16\] of generator 'tiny'"):
        direction().apply(np.zeros((1, 5, 16), np.float32), 1.0)


FINITE = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=40, deadline=None)
@given(
    vector=arrays(np.float32, SHAPE, elements=FINITE).filter(np.any),
    title=st.text(min_size=1, max_size=120).filter(lambda t: t.isprintable() and t.strip() != ""),
    facts=st.dictionaries(
        st.text(), st.one_of(st.text(), st.integers(), st.booleans()), max_size=3
    ),
    low=st.floats(-100, -1e-3),
)
def test_a_file_keeps_what_was_saved_but_for_half_precision(
    tmp_path_factory: pytest.TempPathFactory,
    vector: np.ndarray,
    title: str,
    facts: dict[str, Any],
    low: float,
) -> None:
    path = tmp_path_factory.mktemp("d") / "a.safetensors"
    saved = [
        direction(vector=vector, title=title, facts=facts, safe=(low, 1.0)),
        direction("smile"),
    ]
    save_directions(path, saved)
    read = read_directions(path, SPACE)
    assert [same(a, b) for a, b in zip(saved, read, strict=True)] == [True, True]
    loss = np.abs(read[0].vector.astype(float) - vector)
    assert (loss <= np.abs(vector) / 2048 + 1e-7 * np.abs(vector).max()).all()
    first = path.read_bytes()
    save_directions(path, read)
    assert path.read_bytes() == first


def test_half_precision_moves_a_face_by_less_than_a_thousandth_of_the_step(tmp_path: Path) -> None:
    save_directions(tmp_path / "a.safetensors", [direction()])
    read = read_directions(tmp_path / "a.safetensors", SPACE)[0]
    ws = tiny_latents(1).ws
    step = direction().apply(ws, 3.0) - ws
    assert np.linalg.norm(read.apply(ws, 3.0) - ws - step) < 1e-3 * np.linalg.norm(step)


@pytest.mark.parametrize(
    ("directions", "message"),
    [
        ([], f"holds 1 to {MAX_DIRECTIONS} directions, got 0"),
        ([direction(), direction()], "twice there: age"),
        ([direction(), direction("b", generator_sha256="00")], "of one generator and shape"),
        ([direction(), direction("b", vector=np.ones((5, 16), np.float32))], "Save them apart"),
        (
            [direction(f"d{i}", facts={"a": '"' * 30_000}) for i in range(80)],
            "too long for one file. Save fewer",
        ),
    ],
)
def test_a_set_that_is_none_is_not_saved(
    tmp_path: Path, directions: list[Direction], message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        save_directions(tmp_path / "a.safetensors", directions)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [0, 100, 600])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "a.safetensors"
    save_directions(path, [direction()])
    before = path.read_bytes()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(OutputError, match=r"Could not write .*a\.safetensors|disk is full"):
            save_directions(path, [direction(), direction("smile")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [before]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            LatentSpace(Identity("other", "ab" * 32), *SHAPE),
            r"generator 'tiny' \(weights 000000000000\), not for 'other' \(weights abababababab\)",
        ),
        (
            LatentSpace(Identity("tiny", "ab" * 32), *SHAPE),
            r"not for 'tiny' \(weights abababababab\)",
        ),
        (LatentSpace(SPACE.identity, 5, 16), r"\[4, 16\], generator 'tiny' needs float16 \[5, 16"),
        (LatentSpace(SPACE.identity, 4, 17), r"\[4, 16\], generator 'tiny' needs float16 \[4, 17"),
    ],
)
def test_directions_of_another_generator_are_refused(
    tmp_path: Path, space: LatentSpace, message: str
) -> None:
    save_directions(tmp_path / "a.safetensors", [direction()])
    with pytest.raises(WeightsError, match=message):
        read_directions(tmp_path / "a.safetensors", space)


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_directions(path, [direction()])
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(WeightsError, match=r"a\.safetensors is damaged or not a file of"):
            read_directions(path, SPACE)


def test_a_flipped_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_directions(path, [direction()])
    whole, saved = path.read_bytes(), read_directions(path, SPACE)[0]
    for place in range(0, len(whole), 2):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x11]) + whole[place + 1 :])
        try:
            read = read_directions(path, SPACE)[0]
        except WeightsError:
            continue
        assert same(read, saved) and np.array_equal(read.vector, saved.vector), place


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello, these are no directions", "damaged or not a file of directions"),
        (struct.pack("<Q", MAX_HEADER + 1) + bytes(64), "with a header of 8388609"),
        (struct.pack("<Q", 2) + b"{}", "holds no directions"),
        (struct.pack("<Q", 2) + b"[]", "damaged or not a file of directions"),
        (None, "There is no file of directions at"),
    ],
)
def test_what_is_no_file_of_directions_is_said(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "a.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_directions(path, SPACE)


def test_a_folder_is_no_file_of_directions(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="damaged or not a file of directions"):
        read_directions(tmp_path, SPACE)


def forged(path: Path, header: object = None, entry: object = None, **tensors: Any) -> Path:
    """A file with a right digest, changed: parts of its header, of its entry, or its tensors."""
    save_directions(path, [direction()])
    stored = load_file(path)
    made: Any = {
        "kind": "directions",
        "generator": "tiny",
        "generator_sha256": SPACE.identity.sha256,
        "directions": [
            {"name": "age", "title": "Age", "attribute": "", "safe": [-1, 1], "peak": 1.0}
            | {"facts": {}}
        ],
    }
    if isinstance(entry, dict):
        made["directions"][0] |= entry
    made = made | header if isinstance(header, dict) else made
    arrays = {**stored, **tensors}
    made["digest"] = _digest(made, arrays)
    save_file(arrays, path, metadata={"faceloom": json.dumps(made)})
    return path


def test_what_the_next_tests_change_is_read_unchanged(tmp_path: Path) -> None:
    read = read_directions(forged(tmp_path / "a.safetensors"), SPACE)
    assert [d.name for d in read] == ["age"] and read[0].safe == (-1.0, 1.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"header": {"directions": None}},
        {"header": {"directions": []}},
        {"header": {"directions": ["age"]}},
        {"header": {"directions": [{"name": "age"}]}},
        {"entry": {"name": 7}},
        {"entry": {"name": "smile"}},
        {"entry": {"title": 7}},
        {"entry": {"attribute": ["age"]}},
        {"entry": {"safe": 3}},
        {"entry": {"safe": [-1]}},
        {"entry": {"safe": [1, 2]}},
        {"entry": {"safe": [-(10**400), 1]}},
        {"entry": {"peak": "1"}},
        {"entry": {"peak": True}},
        {"entry": {"peak": float("inf")}},
        {"entry": {"peak": 1e300}},
        {"entry": {"facts": [1]}},
        {"entry": {"facts": {"a": float("nan")}}},
        {"smile": np.ones(SHAPE, np.float16)},
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(WeightsError, match="holds directions that this version does not know"):
        read_directions(forged(tmp_path / "a.safetensors", **changes), SPACE)


@pytest.mark.parametrize("wrong", [np.ones(SHAPE, np.float32), np.ones((0, 16), np.float16)])
def test_tensors_of_another_kind_are_refused(tmp_path: Path, wrong: np.ndarray) -> None:
    with pytest.raises(WeightsError, match=r"Direction 'age' in .* needs float16 \[4, 16\]"):
        read_directions(forged(tmp_path / "a.safetensors", age=wrong), SPACE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "damaged or not a file of directions"),
        ("[]", "holds no directions"),
        ('"directions"', "holds no directions"),
        ("{", "damaged or not a file of directions"),
        ('{"kind": "segmenter"}', "holds no directions"),
        ('{"kind": "directions"}', "its content was changed after it was written"),
    ],
)
def test_hostile_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"age": np.ones(SHAPE, np.float16)}, path, metadata={"faceloom": text})
    with pytest.raises(WeightsError, match=message):
        read_directions(path, SPACE)
