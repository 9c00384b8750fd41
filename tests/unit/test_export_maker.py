"""What makes an export's faces: who is drawn, dropped, tried again, varied and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.attributes.control import Steered
from core.directions import Direction
from core.errors import Cancelled
from core.export.engines import MadeChunk
from core.export.plan import Plan
from core.export.quality_filter import UNCERTAIN, Bounds
from core.export.recipe import Recipe, seed_of
from core.export.recipe_text import recipe_of
from core.export.sample import DatasetFacts, MaskClass, Order, Weights
from core.generators import Noise
from core.quality import QualityScale
from core.sampling import latents_from_seeds
from core.segmentation import ClassSet
from core.weights import WeightStore
from studio.workflows import export_maker
from studio.workflows.export_faces import People
from studio.workflows.export_maker import FaceMaker, MakerSettings
from studio.workflows.exporting import mask_classes
from tests.tiny_generator import tiny_generator

SIZE = 256


class FakeRuntime:
    """Grey pictures and doubts that depend on ws alone."""

    def stream(self, ws: np.ndarray, noise: Noise) -> Iterator[dict[str, np.ndarray]]:
        for face in ws:
            yield self.render(face)

    def render(self, ws: np.ndarray) -> dict[str, np.ndarray]:
        level = hashlib.sha256(ws.tobytes()).digest()[0]
        return {
            "image": np.full((SIZE, SIZE, 3), level, np.uint8),
            "labels": np.full((64, 64), level % 2, np.uint8),
            "uncertainty": np.full((64, 64), level, np.uint8),
        }


def maker(asked: Recipe, monkeypatch: pytest.MonkeyPatch, limit: float = 0.5) -> FaceMaker:
    network = tiny_generator()
    segmenter = SimpleNamespace(classes=ClassSet((0, 1), ("background", "skin"), ((0,) * 3,) * 2))
    monkeypatch.setattr(export_maker, "open_labelled", lambda *known: (segmenter, FakeRuntime()))
    monkeypatch.setattr(export_maker, "open_directions", lambda *known: {})
    models = SimpleNamespace(
        name=lambda asked: "tiny",
        generator=lambda name: network,
        quality_scale=lambda name: QualityScale.of(network),
        weights=WeightStore(),
    )
    plan = Plan(asked)
    facts = DatasetFacts(
        "tiny", SIZE, plan.splits, "two", (MaskClass(0, "a", (0, 0, 0)),),
        (Weights("generator", "tiny", "0" * 64, ""),),
    )  # fmt: skip
    settings = MakerSettings(
        asked, facts, Bounds(uncertainty=limit), Path(), Path(), suffixes=(".png",)
    )
    return FaceMaker(settings, models)  # type: ignore[arg-type]


def recipe(**more: object) -> Recipe:
    limits = {"uncertainty": 0.5, "one_face": False, "tries": 3}
    return recipe_of({"count": 30, "size": SIZE, "measure": False, "filter": limits} | more)


def told(made: MadeChunk) -> list[tuple[object, ...]]:
    return [
        (sample.name, sample.record, sample.image.tobytes(), sample.ws.tobytes(), sample.encoded)
        for sample in made.samples
    ]


def test_the_doubtful_are_dropped_and_the_next_seed_is_taken(monkeypatch) -> None:
    asked = recipe()
    chunks = list(Plan(asked).chunks())
    counted: list[int] = []
    made = maker(asked, monkeypatch).make(chunks[0], counted.append)
    assert sum(counted) == len(made.samples) == len(chunks[0].orders) == 24
    assert [sample.order for sample in made.samples] == list(chunks[0].orders)
    gone = {(dropped.place, dropped.attempt) for dropped in made.dropped}
    kept = [sample for sample in made.samples if sample.record.get("faults")]
    assert gone and len(gone) == len(made.dropped) and kept
    for sample in made.samples:
        place, attempt = sample.order.place, sample.record["attempt"]
        assert sample.record["seed"] == seed_of(0, place, attempt)
        drawn = latents_from_seeds(
            tiny_generator(), [sample.record["seed"]], psi=0.7, noise=Noise()
        )
        assert np.array_equal(sample.ws, drawn.ws[0]) and sample.mask.shape == (SIZE, SIZE)
        doubt = sample.record["quality"]["uncertainty"]
        tried = {(place, number) for number in range(3)} & (gone | {(place, attempt)})
        if sample in kept:
            assert doubt > 0.5 and sample.record["faults"] == [UNCERTAIN] and len(tried) == 3
        else:
            assert doubt <= 0.5 and tried == {(place, number) for number in range(attempt + 1)}
            assert "image.png" in sample.encoded and "mask.png" in sample.encoded
    assert {dropped.reason for dropped in made.dropped} == {UNCERTAIN}
    assert list(made.looks) == list(range(8)) and made.looks[0].shape == (128, 128, 3)


def test_a_chunk_does_not_depend_on_what_was_made_before(monkeypatch) -> None:
    asked = recipe()
    first, *others = Plan(asked).chunks()
    one, other = maker(asked, monkeypatch), maker(asked, monkeypatch)
    for chunk in others:
        other.make(chunk, lambda count: None)
    a, b = one.make(first, lambda count: None), other.make(first, lambda count: None)
    assert told(a) == told(b) and a.dropped == b.dropped


def test_a_cancel_is_heard_between_two_faces(monkeypatch) -> None:
    asked, calls = recipe(), iter(range(100))

    def stop(count: int) -> None:
        if next(calls) == 5:
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled, match="Cancelled"):
        maker(asked, monkeypatch).make(next(Plan(asked).chunks()), stop)


def test_a_pilot_judges_as_many_as_asked_for_of_other_seeds(monkeypatch) -> None:
    asked = recipe()
    judged = maker(asked, monkeypatch).pilot(Plan(asked), 70)
    assert len(judged) == 70
    assert len({face.uncertainty for face in judged}) > 40


@dataclass
class FakeControl:
    """Reaches an age at the given try; its guess adds what is asked for to one number of w."""

    reaches: bool = True
    held: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = ("age", "male", "smile", "light_side", "brightness")
        self.pack = SimpleNamespace(
            model=SimpleNamespace(names=names, predict=lambda ws: np.zeros((1, len(names)))),
            scale=dict.fromkeys(names, 2.0),
            influence=SimpleNamespace(mixing_layers=lambda names: (2, 3)),
        )
        self.controller = SimpleNamespace(guess=self.guess)

    def guess(self, ws, targets, hold, layers=(0, 1, 2, 3)):
        self.held.append(tuple(hold))
        moved = ws.copy()
        moved[list(layers), 0] += np.float32(sum(targets.values()))
        return moved

    def fulfil(self, ws, wish, random, on_step, *, moves, values=None, keep=(), is_enough):
        age = wish.age if self.reaches else wish.age + 20
        male = 0.98 if wish.gender == "male" else 0.02
        found = Steered(ws + 1, {"age": age, "male": male, "smile": 1.0}, True, (), 1, 1.0, 0.5)
        assert is_enough(found) == self.reaches
        return found


def people(asked: Recipe, control: FakeControl | None, **directions: Direction) -> People:
    return People(asked, tiny_generator(), control, directions)  # type: ignore[arg-type]


def orders_of(asked: Recipe, identity: int = 0) -> tuple[Order, ...]:
    return tuple(order for order in Plan(asked).orders() if order.identity == identity)


@pytest.mark.parametrize("reaches", [True, False])
def test_people_are_steered_to_their_target(reaches: bool) -> None:
    asked = recipe(ages="20-30, 50-60", balance="ages x gender", count=8)
    (order,) = orders_of(asked)
    person = people(asked, FakeControl(reaches)).person([order], 2)
    drawn = latents_from_seeds(tiny_generator(), [seed_of(0, 0, 2)], psi=0.7, noise=Noise()).ws
    assert person.seed == seed_of(0, 0, 2) and person.has_missed != reaches
    assert np.allclose(person.ws, drawn + 1)
    low, high = order.target["age_range"]
    assert (low <= person.estimates["age"] <= high) == reaches


def test_variants_are_one_person_who_is_held(monkeypatch) -> None:
    asked = recipe(variants={"count": 3, "change": ["light"], "strength": 0.5})
    control = FakeControl()
    person = people(asked, control).person(orders_of(asked), 0)
    assert person.ws.shape[0] == 3 and person.changes[0] == {}
    assert np.array_equal(person.ws[0], people(asked, None).person(orders_of(asked)[:1], 0).ws[0])
    for number in (1, 2):
        assert np.array_equal(person.ws[number][:2], person.ws[0][:2])  # the layers of light
        assert not np.array_equal(person.ws[number][2:], person.ws[0][2:])
        assert set(person.changes[number]) == {"light_side", "brightness"}
        assert all(0.5 <= abs(value) <= 1 for value in person.changes[number].values())
    assert person.changes[1] != person.changes[2]
    assert all({"age", "male", "smile"} <= set(held) for held in control.held)
    again = people(asked, FakeControl()).person(orders_of(asked), 0)
    assert np.array_equal(again.ws, person.ws)


def test_a_direction_is_applied_to_its_share() -> None:
    asked = recipe(traits={"tried": {"share": 0.5, "amount": 2}}, count=10)
    vector = np.zeros((4, 16), np.float32)
    vector[1, 3] = 1
    direction = Direction("tried", "Tried", "", vector, "tiny", "0" * 64)
    moved = 0
    for identity in range(10):
        (order,) = orders_of(asked, identity)
        ws = people(asked, None, tried=direction).person([order], 0).ws[0]
        seed = seed_of(0, identity, 0)
        drawn = latents_from_seeds(tiny_generator(), [seed], psi=0.7, noise=Noise()).ws[0]
        is_moved = order.target == {"amounts": {"tried": 2.0}}
        assert np.allclose(ws - drawn, 2 * vector * is_moved, atol=1e-6)
        moved += is_moved
    assert moved == 5


def test_classes_bring_their_parts_and_partners() -> None:
    from annotations import default_scheme

    names = ("background", "left eye", "right eye")
    classes = ClassSet((0, 4, 5), names, ((0,) * 3,) * 3)
    found = mask_classes(classes, default_scheme())
    assert [(label.id, label.partner) for label in found] == [(0, None), (4, 5), (5, 4)]
    assert found[1].part == default_scheme().by_name["left eye"].part
