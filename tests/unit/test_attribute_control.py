"""Closed-loop control on a world whose pictures do not quite follow the model."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from core.attributes.control import Controller, targets_of
from core.attributes.encoder import AttributeEncoder
from core.attributes.influence import LayerInfluence
from core.attributes.model import AttributeModel
from core.attributes.pack import AttributePack, load_pack, save_pack
from core.errors import Cancelled, InvalidRequestError, WeightsError
from core.generators import Identity

NAMES = ("age", "male", "smile", "yaw")
LAYERS, WIDTH = 4, 16


def linear_model() -> AttributeModel:
    """Attributes that are straight in the mean w, each along an axis of its own but for a leak."""
    model = AttributeModel(NAMES, LAYERS, WIDTH, hidden=WIDTH)
    with torch.no_grad():
        model.read.weight.copy_(torch.eye(WIDTH))
        model.read.bias.zero_()
        model.straight.weight.copy_(torch.eye(WIDTH)[:4])
        model.straight.weight[0, 2] = 0.5  # age follows the smile
        for parameter in model.deep.parameters():
            parameter.zero_()
        model.centre.copy_(torch.tensor([35.0, 0.0, 5.0, 0.0]))
        model.spread.copy_(torch.tensor([12.0, 4.0, 3.0, 10.0]))
    return model.eval().requires_grad_(False)


def test_slopes_are_what_a_step_in_these_layers_changes() -> None:
    torch.manual_seed(2)
    model = AttributeModel(NAMES, LAYERS, WIDTH, hidden=WIDTH).eval().requires_grad_(False)
    with torch.no_grad():
        model.layers.copy_(torch.rand(LAYERS, WIDTH))
    ws = np.random.default_rng(0).standard_normal((5, LAYERS, WIDTH)).astype(np.float32)
    slopes = model.slopes(ws, ("smile", "age"), (1, 3))
    step = np.zeros((LAYERS, WIDTH), np.float32)
    step[[1, 3]] = 1e-2 * np.random.default_rng(1).standard_normal(WIDTH)
    told = [model(torch.from_numpy(ws + side * step)).mean(dim=0).numpy() for side in (1, -1)]
    change = (told[0] - told[1])[[2, 0]] / 2
    assert slopes.shape == (2, WIDTH)
    assert slopes @ step[1] == pytest.approx(change, rel=1e-2, abs=1e-5)


class World:
    """Pictures that show `stretch` times what the model says of age, and a bit of noise."""

    def __init__(self, model, stretch=1.0, offset=0.0, faceless=lambda ws: False):
        self.model, self.stretch, self.offset, self.faceless = model, stretch, offset, faceless
        self.seen = 0

    def __call__(self, ws):
        self.seen += len(ws)
        values = self.model.predict(ws)
        values[:, 0] = 35 + (values[:, 0] - 35) * self.stretch + self.offset
        for row, face in enumerate(ws):
            if self.faceless(face):
                values[row] = np.nan
        return values


def controller(world, layers=(0, 1, 2, 3)):
    return Controller(world.model, np.eye(WIDTH, dtype=np.float32), layers, world)


def start(seed=0):
    w = np.random.RandomState(seed).randn(WIDTH).astype(np.float32) * 0.5
    return np.tile(w, (LAYERS, 1))


@pytest.mark.parametrize("stretch", [0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize(("age", "gender"), [(20, "female"), (60, "male"), (5, None)])
def test_it_arrives_though_the_pictures_do_not_follow_the_model(stretch, age, gender):
    world = World(linear_model(), stretch, offset=4)
    found = controller(world).steer(start(), targets_of(age, gender), ("smile", "yaw"))
    assert found.reached and not found.notes
    assert abs(found.estimates["age"] - age) <= 1
    if gender:
        assert (found.estimates["male"] > 0.5) == (gender == "male")
    assert found.pictures <= 8 and world.seen == found.pictures


def test_what_is_held_stays():
    world = World(linear_model())
    before = world(start()[None])[0]
    held = controller(world).steer(start(), {"age": 60.0}, ("smile", "yaw")).ws
    after = world(held[None])[0]
    assert abs(after[2] - before[2]) < 0.6 and abs(after[3] - before[3]) < 1
    free = world(controller(world).steer(start(), {"age": 60.0}).ws[None])[0]
    assert abs(free[2] - before[2]) > abs(after[2] - before[2])


def test_only_the_chosen_layers_move():
    world = World(linear_model())
    found = controller(world, layers=(1, 2)).steer(start(), {"age": 50.0})
    np.testing.assert_array_equal(found.ws[[0, 3]], start()[[0, 3]])
    assert not np.array_equal(found.ws[1], start()[1])


def test_a_guess_needs_no_picture():
    world = World(linear_model())
    guessed = controller(world).guess(start(), {"age": 60.0}, ("smile",))
    assert world.seen == 0
    assert abs(world.model.predict(guessed[None])[0, 0] - 60) < 2


def test_the_full_size_picture_has_the_last_word():
    world = World(linear_model())

    def check(ws):  # sees everybody five years older
        return {"age": float(world(ws[None])[0, 0]) + 5}

    found = controller(world).steer(start(), {"age": 30.0}, check=check)
    assert found.reached and abs(found.estimates["age"] - 30) <= 1
    assert abs(world(found.ws[None])[0, 0] - 25) <= 1.5


def test_what_cannot_be_is_said_and_the_best_is_kept():
    world = World(linear_model(), stretch=0.0)  # nobody ages
    found = controller(world).steer(start(), {"age": 70.0})
    assert not found.reached and found.pictures == 8
    assert "instead of 70" in found.notes[0]


def test_a_result_without_a_face_is_walked_back_from():
    origin = start()
    world = World(linear_model(), faceless=lambda ws: np.abs(ws - origin).max() > 2.0)
    found = controller(world).steer(origin, {"age": 79.0})
    assert np.isfinite(found.estimates["age"])
    nowhere = World(linear_model(), faceless=lambda ws: True)
    lost = controller(nowhere).steer(origin, {"age": 40.0})
    assert not lost.reached and "No face is found" in lost.notes[0]


def test_it_can_be_stopped():
    def stop(step):
        if step.done >= 1:
            raise Cancelled("stop")

    with pytest.raises(Cancelled, match="stop"):
        controller(World(linear_model(), 0.0)).steer(start(), {"age": 70.0}, on_step=stop)


def test_without_targets_the_face_is_measured_and_stays():
    found = controller(World(linear_model())).steer(start(), {})
    np.testing.assert_array_equal(found.ws, start())
    assert found.reached and set(found.estimates) == set(NAMES)


@pytest.mark.parametrize(("age", "gender"), [(0, None), (81, None), (-5, None), (30, "other")])
def test_ages_and_genders_that_the_estimator_cannot_say_are_refused(age, gender):
    with pytest.raises(InvalidRequestError, match=r"1\.\.80|female or male"):
        targets_of(age, gender)


def test_wrong_shapes_layers_and_names_are_refused():
    world = World(linear_model())
    with pytest.raises(InvalidRequestError, match="shape"):
        controller(world).steer(start()[:2], {"age": 30.0})
    with pytest.raises(InvalidRequestError, match="layers"):
        controller(world, layers=(0, 9))
    with pytest.raises(InvalidRequestError, match="charm"):
        controller(world).steer(start(), {"charm": 1.0})


def pack() -> AttributePack:
    torch.manual_seed(0)
    influence = LayerInfluence(
        ((4, (0, 1)), (8, (2, 3))),
        NAMES,
        np.array([[0.9, 0.1, 0.2, np.nan], [0.1, 0.9, 0.7, 0]]),
        8,
    )
    drawn = np.array([[20, 0.1], [30, 0.9], [60, 0.2], [5, 0.8]], np.float32)
    return AttributePack(
        linear_model(),
        AttributeEncoder(WIDTH).eval(),
        np.eye(WIDTH, dtype=np.float32),
        drawn,
        influence,
        dict.fromkeys(NAMES, 1.5),
        Identity("tiny", "0" * 64),
        {"faces": 4},
    )


def test_a_pack_comes_back_from_its_file(tmp_path):
    made, path = pack(), tmp_path / "attributes.safetensors"
    save_pack(path, made)
    read = load_pack(path, made.generator)
    ws = np.random.RandomState(0).randn(3, LAYERS, WIDTH).astype(np.float32)
    np.testing.assert_allclose(read.model.predict(ws), made.model.predict(ws), atol=0.05)
    np.testing.assert_array_equal(read.drawn, made.drawn.astype(np.float16).astype(np.float32))
    assert read.influence.groups == made.influence.groups and read.scale == made.scale
    assert read.mixing_layers() == made.mixing_layers() == (0, 1, 2, 3)
    first = path.read_bytes()
    save_pack(path, made)
    assert path.read_bytes() == first


def test_what_is_not_asked_is_drawn_from_like_faces():
    made, random = pack(), np.random.default_rng(0)
    women = {float(made.draw_given(None, 0.0, random)[0]) for _ in range(40)}
    assert women == {20.0, 60.0}
    assert made.draw_given(21, None, random).tolist() == pytest.approx([21, 0.1])


def test_a_pack_of_other_weights_is_refused_with_both_names(tmp_path):
    save_pack(tmp_path / "a.safetensors", pack())
    with pytest.raises(WeightsError, match=r"'tiny'.*'other'"):
        load_pack(tmp_path / "a.safetensors", Identity("other", "1" * 64))


def changed(path, change):
    """The same file with another header."""
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()["faceloom"])
    change(header)
    save_file(load_file(path), path, metadata={"faceloom": json.dumps(header)})


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h["config"].update(num_ws=10**9),
        lambda h: h["config"].update(names=["age", "charm"]),
        lambda h: h["config"].update(groups=[[4, [0, 99]]]),
        lambda h: h["config"].pop("hidden"),
        lambda h: h.update(config=[]),
        lambda h: h.update(kind="segmenter"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path, change):
    path = tmp_path / "a.safetensors"
    save_pack(path, pack())
    changed(path, change)
    with pytest.raises(WeightsError, match=r"python launch\.py"):
        load_pack(path, pack().generator)


def test_a_torn_file_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    save_pack(path, pack())
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(WeightsError, match="truncated"):
        load_pack(path, pack().generator)


def test_a_pack_with_values_that_are_not_finite_is_refused(tmp_path):
    made = pack()
    broken = made.covariance.copy()
    broken[0, 0] = np.nan
    save_pack(tmp_path / "a.safetensors", dataclasses.replace(made, covariance=broken))
    with pytest.raises(WeightsError, match="not finite"):
        load_pack(tmp_path / "a.safetensors", made.generator)
