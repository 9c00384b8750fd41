"""The attribute dataset: the same faces however often it was stopped, never another recipe's."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.attributes import dataset, predicted
from core.attributes.dataset import AttributeSampling, draw_faces, make_attribute_dataset
from core.attributes.encoder import EncoderTraining, train_encoder
from core.attributes.influence import layer_groups, measure_influence
from core.attributes.measures import ATTRIBUTES, NAMES
from core.attributes.measuring import MeasuredFace, fitted
from core.attributes.model import AttributeModel, ModelTraining, fit_model
from core.attributes.predicted import predict_attribute_dataset
from core.errors import Cancelled, InvalidRequestError, LatentsError
from tests.tiny_generator import tiny_generator

GENERATOR = tiny_generator()
SLOPES = np.random.RandomState(3).randn(len(NAMES), 16).astype(np.float32)


def values_of(ws: np.ndarray) -> np.ndarray:
    """Attributes that are linear in the w of the first two layers, [N, K]."""
    told = (ws[:, :2].mean(1) - GENERATOR.mean_w.numpy()) @ SLOPES.T
    told[:, NAMES.index("age")] = 35 + 60 * told[:, NAMES.index("age")]
    told[:, NAMES.index("male")] = 1 / (1 + np.exp(-20 * told[:, NAMES.index("male")]))
    return told


class Measurer:
    """Stands in for FaceMeasurer: no pictures."""

    segmenter_sha256 = "f" * 64

    def __init__(self) -> None:
        self.seen = 0

    def stream(self, ws):
        for values in values_of(ws):
            self.seen += 1
            yield MeasuredFace(values, np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8))


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(dataset, "PIECE", 4)


def test_a_stopped_run_goes_on_and_ends_the_same(tmp_path):
    sampling = AttributeSampling(faces=10)
    whole = make_attribute_dataset(GENERATOR, Measurer(), sampling, tmp_path / "whole")

    def stop(step):
        if step.done == 7:
            raise Cancelled("stop")

    with pytest.raises(Cancelled, match="stop"):
        make_attribute_dataset(GENERATOR, Measurer(), sampling, tmp_path / "parts", stop)
    again = Measurer()
    parts = make_attribute_dataset(GENERATOR, again, sampling, tmp_path / "parts")
    assert again.seen == 6  # the first piece of four was whole
    for name in ("w", "crossover", "psi", "seeds", "values"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
    assert len(parts) == 10 and len(parts.ws()) == 10


def test_more_faces_keep_the_first_ones(tmp_path):
    few = make_attribute_dataset(GENERATOR, Measurer(), AttributeSampling(faces=8), tmp_path)
    measurer = Measurer()
    more = make_attribute_dataset(GENERATOR, measurer, AttributeSampling(faces=12), tmp_path)
    assert measurer.seen == 4
    np.testing.assert_array_equal(more.w[:8], few.w)


def test_a_damaged_file_is_made_again(tmp_path):
    sampling = AttributeSampling(faces=8)
    first = make_attribute_dataset(GENERATOR, Measurer(), sampling, tmp_path)
    path = sorted(tmp_path.glob("*.npz"))[1]
    path.write_bytes(path.read_bytes()[:-100])
    again = make_attribute_dataset(GENERATOR, Measurer(), sampling, tmp_path)
    np.testing.assert_array_equal(first.values, again.values)


@pytest.mark.parametrize("change", [{"psi_low": 0.6}, {"mixed": 0.0}, {"first_seed": 7}])
def test_a_folder_of_another_recipe_is_refused(tmp_path, change):
    sampling = AttributeSampling(faces=4)
    make_attribute_dataset(GENERATOR, Measurer(), sampling, tmp_path)
    other = dataclasses.replace(sampling, **change)
    with pytest.raises(InvalidRequestError, match="another recipe"):
        make_attribute_dataset(GENERATOR, Measurer(), other, tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [{"faces": 0}, {"mixed": 1.5}, {"psi_low": 0.9, "psi_high": 0.5}, {"first_seed": 2**32}],
)
def test_impossible_samplings_are_refused(wrong):
    with pytest.raises(InvalidRequestError, match=next(iter(wrong))):
        AttributeSampling(**wrong)


def test_an_empty_folder_says_how_to_fill_it(tmp_path):
    with pytest.raises(LatentsError, match="train attributes"):
        dataset.read_attribute_dataset(tmp_path, 4)


def test_mixed_faces_change_at_their_crossover():
    drawn = draw_faces(GENERATOR, AttributeSampling(faces=40, mixed=0.5), range(40))
    ws = dataset.layered(drawn["w"], drawn["crossover"], 4)
    assert {1, 2, 3, 4} >= set(drawn["crossover"]) and (drawn["crossover"] < 4).any()
    for face, cut in enumerate(drawn["crossover"]):
        np.testing.assert_array_equal(ws[face, :cut], np.tile(drawn["w"][face, 0], (cut, 1)))
        np.testing.assert_array_equal(ws[face, cut:], np.tile(drawn["w"][face, 1], (4 - cut, 1)))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    return make_attribute_dataset(GENERATOR, Measurer(), AttributeSampling(faces=1200), folder)


def test_the_model_learns_what_can_be_told_from_w(data):
    mean_w = GENERATOR.mean_w.numpy()
    model, fit = fit_model(data, mean_w, ModelTraining(epochs=30, batch_size=64))
    assert fit.faces == 120
    assert min(fit.explained[name] for name in ("age", "smile", "hair_darkness")) > 0.9
    told = model.predict(data.ws(slice(0, 5)))
    assert np.abs(told[:, 0] - data.values[:5, 0]).mean() < 6


def test_the_encoder_gives_faces_of_the_age_that_is_asked(data):
    encoder = train_encoder(
        data, GENERATOR.mean_w.numpy(), EncoderTraining(epochs=30, guided_steps=0)
    )
    given = np.array([[20, 0], [50, 0], [20, 1], [50, 1]], np.float32)
    w = encoder.encode(given)
    told = values_of(np.repeat(w[:, None], 4, 1))
    assert told[1, 0] - told[0, 0] > 10 and told[3, 0] - told[2, 0] > 10
    assert told[2, 1] > told[0, 1] and told[3, 1] > told[1, 1]


def test_guiding_needs_the_estimators(data):
    with pytest.raises(InvalidRequestError, match="guided_steps"):
        train_encoder(data, GENERATOR.mean_w.numpy(), EncoderTraining(epochs=1, guided_steps=1))


def test_influence_finds_the_layers_that_matter():
    found = measure_influence(GENERATOR, values_of, NAMES, faces=200)
    assert [size for size, _ in found.groups] == [4, 8, 16, 32]
    assert found.groups == layer_groups(GENERATOR)
    share = found.share("smile")
    assert share[:2].min() > 0.15 and share[2:].max() < 1e-9
    assert share[:2].sum() == pytest.approx(1, abs=0.25) or share[:2].sum() > 0.3
    assert found.mixing_layers(("smile",)) in ((0, 1), (0,), (1,))
    with pytest.raises(InvalidRequestError, match="charm"):
        found.share("charm")


def test_masks_are_fitted_to_the_picture():
    labels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    np.testing.assert_array_equal(fitted(labels, 8), labels.repeat(2, 0).repeat(2, 1))
    assert fitted(labels, 2).shape == (2, 2)
    assert fitted(labels, 4) is labels


def test_the_model_tells_of_the_faces_that_would_be_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(predicted, "PIECE", 4)
    sampling = AttributeSampling(faces=10)
    measured = make_attribute_dataset(GENERATOR, Measurer(), sampling, tmp_path)
    model = AttributeModel(NAMES, GENERATOR.num_ws, measured.w.shape[-1]).eval()
    model.centre.fill_(30.0)
    told = predict_attribute_dataset(GENERATOR, model, sampling)
    for name in ("w", "crossover", "psi", "seeds"):
        np.testing.assert_array_equal(getattr(measured, name), getattr(told, name))
    ages = model.predict(told.ws())[:, NAMES.index("age")]
    assert len(set(ages.tolist())) == 10
    np.testing.assert_allclose(told.values_of("age"), ages, rtol=1e-5)


def test_the_model_tells_nothing_that_cannot_be(monkeypatch):
    model = AttributeModel(NAMES, GENERATOR.num_ws, 16).eval()
    model.spread.fill_(1e3)
    told = predict_attribute_dataset(GENERATOR, model, AttributeSampling(faces=10))
    assert np.isfinite(told.values).all()
    for name, values in zip(told.names, told.values.T, strict=True):
        assert values.min() >= ATTRIBUTES[name].low and values.max() <= ATTRIBUTES[name].high


def test_a_generator_of_anything_but_faces_is_told():
    with pytest.raises(InvalidRequestError, match="no face was found"):
        measure_influence(
            GENERATOR,
            lambda ws: np.full((len(ws), 2), np.nan, np.float32),
            ("age", "male"),
            faces=2,
        )
