"""The Latents value: what it refuses, what its files keep, and whose they are."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from core.errors import InvalidRequestError, LatentsError, OtherGeneratorError
from core.generators import Identity
from core.latents import Latents, LatentSpace, read_latents
from tests.tiny_generator import tiny_generator, tiny_latents

SPACE = LatentSpace.of(tiny_generator())
SHA256 = SPACE.identity.sha256


@given(
    ws=arrays(np.float32, (2, 4, 16), elements=st.floats(-(2.0**100), 2.0**100, width=32)),
    seeds=arrays(np.int64, 2, elements=st.integers(-1, 2**32 - 1)),
    psi=st.floats(-2, 2),
    noise=st.sampled_from(["off", "fixed:12", "random", ""]),
)
def test_latents_survive_their_file(
    ws: np.ndarray, seeds: np.ndarray, psi: float, noise: str
) -> None:
    latents = Latents(ws, seeds, psi, noise, "tiny", SHA256)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "latents.npz"
        latents.save(path)
        read = read_latents(path, SPACE)
    assert np.array_equal(read.ws, ws) and np.array_equal(read.seeds, seeds)
    assert (read.psi, read.noise) == (psi, noise)
    assert (read.generator, read.generator_sha256) == ("tiny", SHA256)


def test_equal_latents_make_equal_bytes_that_numpy_reads(tmp_path: Path) -> None:
    tiny_latents().save(tmp_path / "a.npz")
    replace(tiny_latents(), ws=np.asfortranarray(tiny_latents().ws)).save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as content:
        assert content["psi"].dtype == np.float64 and content["generator"].item() == "tiny"
        assert np.array_equal(content["ws"], tiny_latents().ws)


@pytest.mark.parametrize(
    ("shape", "faces"),
    [((16,), 1), ((4, 16), 1), ((1, 16), 1), ((5, 16), 5), ((2, 4, 16), 2)],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_bare_arrays_are_read_in_each_of_their_shapes(
    tmp_path: Path, shape: tuple[int, ...], faces: int, dtype: type
) -> None:
    array: NDArray[Any] = np.random.RandomState(0).randn(*shape).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    latents = read_latents(tmp_path / "a.npy", SPACE)
    per_layer = array.ndim == 3 or shape == (4, 16)
    expected = array.reshape(faces, 4 if per_layer else 1, 16).astype(np.float32)
    assert np.array_equal(latents.ws, np.broadcast_to(expected, (faces, 4, 16)))
    assert latents.seeds.tolist() == [-1] * faces and latents.generator == "tiny"


@pytest.mark.parametrize("count", [1, 3])
def test_ws_saved_alone_are_read_back(tmp_path: Path, count: int) -> None:
    tiny_latents(count).save(tmp_path / "a.npy")
    assert np.load(tmp_path / "a.npy").ndim == (2 if count == 1 else 3)
    assert np.array_equal(read_latents(tmp_path / "a.npy", SPACE).ws, tiny_latents(count).ws)


def test_taking_faces_keeps_their_seeds_and_order() -> None:
    taken = tiny_latents().take([2, 0])
    assert taken.seeds.tolist() == [2, 0] and np.array_equal(taken.ws, tiny_latents().ws[[2, 0]])
    assert tiny_latents().take(slice(1, None)).seeds.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"ws": tiny_latents().ws.astype(np.float64)},
            r"ws must be float32 \[N, L, D\].* is float64",
        ),
        ({"ws": tiny_latents().ws[0]}, r"ws must be .* is float32 \[4, 16\]"),
        ({"ws": tiny_latents().ws[:0]}, r"at least one face, is float32 \[0, 4, 16\]"),
        ({"ws": tiny_latents().ws * np.float32("nan")}, "ws hold values that are not finite"),
        ({"seeds": np.arange(2)}, r"seeds must be int64 \[3\], one a face, is int64 \[2\]"),
        ({"seeds": np.array([0, 1, -2])}, r"Seeds must be in 0\.\.4294967295, or -1"),
        ({"psi": float("inf")}, "psi must be a finite number, is inf"),
    ],
)
def test_wrong_latents_cannot_be_made(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(LatentsError, match=message):
        replace(tiny_latents(), **changes)


def test_infinities_that_cancel_are_not_finite_either() -> None:
    ws = tiny_latents().ws
    ws[0, 0, :2] = np.inf, -np.inf
    with pytest.raises(LatentsError, match="not finite"):
        replace(tiny_latents(), ws=ws)


def test_latents_of_another_generator_are_refused_with_both_names(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    replace(tiny_latents(), generator="ffhq-256").save(path)
    with pytest.raises(OtherGeneratorError, match=r"by generator 'ffhq-256', not 'tiny'.*--force"):
        read_latents(path, SPACE)
    assert read_latents(path, SPACE, force=True).generator == "ffhq-256"


def test_latents_of_the_base_are_taken_for_those_of_what_was_tuned_from_it(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    tiny_latents().save(path)
    mine = Identity("mine", "m" * 64, base=SPACE.identity)
    read = read_latents(path, replace(SPACE, identity=mine))
    assert (read.generator, read.generator_sha256) == (mine.name, mine.sha256)
    read.save(path)
    with pytest.raises(OtherGeneratorError, match="'mine', not 'tiny'"):
        read_latents(path, SPACE)
    other = Identity("other", "o" * 64, base=SPACE.identity)
    with pytest.raises(OtherGeneratorError, match="'mine', not 'other'"):
        read_latents(path, replace(SPACE, identity=other))


def test_other_weights_of_the_same_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    replace(tiny_latents(), generator_sha256="cd" * 32).save(path)
    names = r"'tiny \(weights cdcdcdcdcdcd\)', not 'tiny \(weights 000000000000\)'"
    with pytest.raises(OtherGeneratorError, match=names):
        read_latents(path, SPACE)


def test_force_does_not_make_other_shapes_fit(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    replace(tiny_latents(), generator="ffhq-256", ws=np.zeros((3, 14, 16), np.float32)).save(path)
    with pytest.raises(OtherGeneratorError, match=r"\[3, 14, 16\] do not fit \[N, 4, 16\] either"):
        read_latents(path, SPACE, force=True)


def test_saving_elsewhere_than_npz_or_npy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"saved as \.npz or \.npy, not as 'a\.pt'"):
        tiny_latents().save(tmp_path / "a.pt")
