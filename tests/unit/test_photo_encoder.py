"""The encoder of photos: learns from generated faces, goes on after a stop, files that fit."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from core.errors import Cancelled, InvalidRequestError, OutputError, WeightsError
from core.generators import Identity
from core.inversion import encoder_faces, encoder_training
from core.inversion.encoder import EncoderConfig, EncoderNetwork, PhotoEncoder, groups_of
from core.inversion.encoder_faces import EncoderFaces, make_encoder_faces
from core.inversion.encoder_files import load_photo_encoder, open_photo_encoder, save_photo_encoder
from core.inversion.encoder_training import (
    PhotoEncoderTraining,
    measure_photo_encoder,
    train_photo_encoder,
)
from core.inversion.photo_looks import as_photos
from core.weights import WeightStore
from tests.tiny_generator import tiny_generator

GENERATOR = tiny_generator()
SIZE = 16
TRAINING = PhotoEncoderTraining(
    "tiny", SIZE, (16, 32), 1, 64, faces=200, held_out=40, steps=60, batch=32, learning_rate=1e-2
)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(encoder_faces, "PIECE", 64)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    return make_encoder_faces(GENERATOR, None, TRAINING.sampling(), SIZE, folder, "cpu")


def small_encoder(seed=0):
    config = EncoderConfig(SIZE, (4, 8), 1, 8, groups_of(GENERATOR.synthesis.layer_resolutions), 16)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = EncoderNetwork(config)
    return PhotoEncoder(network, GENERATOR.identity)


def picture(side=32, seed=0):
    return np.random.RandomState(seed).randint(0, 256, (side, side, 3)).astype(np.uint8)


def test_stopped_drawing_goes_on_and_ends_the_same(faces, tmp_path):
    def stop(step):
        if step.done == 100:
            raise Cancelled("stop")

    sampling = TRAINING.sampling()
    with pytest.raises(Cancelled, match="stop"):
        make_encoder_faces(GENERATOR, None, sampling, SIZE, tmp_path, "cpu", stop)
    assert [path.name for path in tmp_path.iterdir()] == ["faces-00000000.npz"]
    again = make_encoder_faces(GENERATOR, None, sampling, SIZE, tmp_path, "cpu")
    for name in ("w", "crossover", "pictures"):
        assert np.array_equal(getattr(again, name), getattr(faces, name))
    assert again.ws().shape == (200, GENERATOR.num_ws, 16) and len(np.unique(again.crossover)) > 1


def test_a_damaged_file_is_drawn_again_and_another_recipe_s_is_not_taken(tmp_path):
    sampling = dataclasses.replace(TRAINING.sampling(), faces=80)
    whole = make_encoder_faces(GENERATOR, None, sampling, SIZE, tmp_path, "cpu")
    path = tmp_path / "faces-00000064.npz"
    path.write_bytes(path.read_bytes()[:500])
    again = make_encoder_faces(GENERATOR, None, sampling, SIZE, tmp_path, "cpu")
    assert np.array_equal(again.pictures, whole.pictures)
    other = dataclasses.replace(sampling, mixed=0.1)
    with pytest.raises(InvalidRequestError, match="made by another recipe"):
        make_encoder_faces(GENERATOR, None, other, SIZE, tmp_path, "cpu")


def told_by_colours(count):
    """Faces whose quarters have the colours that 12 of the 16 dimensions of w say."""
    w = np.random.RandomState(7).randn(count, 2, 16).astype(np.float32)
    colours = 127.5 + 60 * np.clip(w[:, 0, :12], -2, 2).reshape(count, 2, 2, 3)
    pictures = colours.repeat(SIZE // 2, 1).repeat(SIZE // 2, 2).astype(np.uint8)
    layers = GENERATOR.num_ws
    return EncoderFaces(w, np.full(count, layers), pictures, layers)


def test_it_learns_and_its_figures_are_of_faces_it_never_saw(tmp_path):
    faces = told_by_colours(1000)
    training = dataclasses.replace(TRAINING, faces=1000, held_out=200, steps=100)
    encoder, told = train_photo_encoder(GENERATOR, faces, training, tmp_path / "run.pt", "cpu")
    held_out = faces.part(slice(-200, None))
    assert 0.4 < told["clean"]["all"] < 0.76  # a quarter of w cannot be seen
    assert 0.3 < told["as photos"]["all"] < told["clean"]["all"]
    assert measure_photo_encoder(encoder, held_out) == told
    ws = encoder.encode(held_out.pictures[0])
    assert ws.shape == (GENERATOR.num_ws, 16) and ws.dtype == np.float32
    seen, unseen = np.abs(ws - held_out.ws()[0])[:, :12], np.abs(held_out.ws()[0])[:, :12]
    assert seen.mean() < 0.6 * unseen.mean()


def test_a_stopped_training_goes_on_and_ends_the_same(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(encoder_training, "SAVED_EVERY", 4)
    training = dataclasses.replace(TRAINING, steps=10)

    def stop(step):
        if step.done == 6:
            raise Cancelled("stop")

    whole, _ = train_photo_encoder(GENERATOR, faces, training, tmp_path / "whole.pt", "cpu")
    path = tmp_path / "stopped.pt"
    with pytest.raises(Cancelled, match="stop"):
        train_photo_encoder(GENERATOR, faces, training, path, "cpu", stop)
    seen = []
    again, _ = train_photo_encoder(GENERATOR, faces, training, path, "cpu", seen.append)
    assert seen[0].done == 5
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name]), name
    with pytest.raises(InvalidRequestError, match="other settings"):
        other = dataclasses.replace(training, seed=1)
        train_photo_encoder(GENERATOR, faces, other, path, "cpu")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("batch", 0, "batch must be at least 1"),
        ("held_out", 300, "faces must be more than held_out"),
        ("learning_rate", 0.0, "learning_rate must be above 0"),
        ("mixed", 2.0, "mixed must be in 0..1"),
        ("seed", -1, "seed must be in"),
    ],
)
def test_settings_that_cannot_be_are_named(key, value, told):
    with pytest.raises(InvalidRequestError, match=told):
        dataclasses.replace(TRAINING, **{key: value})


def test_a_saved_encoder_tells_what_it_told_and_equal_ones_make_equal_files(tmp_path):
    encoder = small_encoder()
    save_photo_encoder(tmp_path / "a.safetensors", encoder)
    loaded = load_photo_encoder(tmp_path / "a.safetensors", GENERATOR.identity)
    assert np.allclose(loaded.encode(picture()), encoder.encode(picture()), atol=5e-3)
    save_photo_encoder(tmp_path / "b.safetensors", loaded)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_files_that_do_not_fit_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    save_photo_encoder(path, small_encoder())
    with pytest.raises(WeightsError, match="was made for generator 'tiny'"):
        load_photo_encoder(path, Identity("other", "ab" * 32))
    tensors = load_file(path)
    header = {
        "kind": "photo encoder",
        "generator": "tiny",
        "generator_sha256": GENERATOR.identity.sha256,
        "config": dataclasses.asdict(small_encoder().network.config),
    }

    def stored(**changed):
        text = json.dumps({**header, **changed})
        save_file(tensors, path, metadata={"faceloom": text})
        return path

    assert load_photo_encoder(stored(), GENERATOR.identity)
    for changed, told in [
        ({"kind": "segmenter"}, "holds no encoder of photos"),
        ({"config": None}, "header is not ours"),
        ({"config": {**header["config"], "hidden": 10**9}}, "does not know"),
        ({"config": {**header["config"], "groups": [[0], [0]]}}, "does not know"),
        ({"config": {**header["config"], "hidden": 9}}, "a.safetensors"),
    ]:
        with pytest.raises(WeightsError, match=told):
            load_photo_encoder(stored(**changed), GENERATOR.identity)

    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.inversion.encoder_files.save_file", full)
    with pytest.raises(OutputError, match="full"):
        save_photo_encoder(tmp_path / "new.safetensors", small_encoder())
    assert not (tmp_path / "new.safetensors").exists()


def test_a_generator_without_one_has_none(tmp_path):
    assert open_photo_encoder(WeightStore(tmp_path), "nobody-knows-it") is None


@pytest.mark.parametrize("shape", [(32, 16, 3), (8, 8, 3), (32, 32), (32, 32, 4)])
def test_only_an_aligned_face_is_encoded(shape):
    with pytest.raises(InvalidRequestError, match="square RGB picture of at least 16 px"):
        small_encoder().encode(np.zeros(shape, np.uint8))


@given(st.integers(0, 2**31 - 1), st.integers(1, 5), st.sampled_from([8, 16, 20]))
def test_spoilt_pictures_stay_pictures(seed, count, side):
    pictures = 2 * torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1)) - 1
    before = pictures.clone()
    spoilt = as_photos(pictures, torch.Generator().manual_seed(seed))
    assert spoilt.shape == pictures.shape and torch.equal(pictures, before)
    assert float(spoilt.min()) >= -1 and float(spoilt.max()) <= 1
    assert torch.equal(spoilt, as_photos(pictures, torch.Generator().manual_seed(seed)))


def test_layers_of_two_sizes_share_a_w():
    assert groups_of((4, 8, 8, 16, 16, 32)) == ((0, 1, 2), (3, 4, 5))
    with pytest.raises(InvalidRequestError, match="must be in one group"):
        EncoderConfig(16, (4,), 1, 8, ((0,), (2,)), 16)
    with pytest.raises(InvalidRequestError, match="must be a multiple of 8"):
        EncoderConfig(20, (4, 8), 1, 8, ((0,),), 16)
