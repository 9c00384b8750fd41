"""Painted faces in the plan, the facts and the run of an export; nothing is read from a project."""

from __future__ import annotations

import collections
import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import Cancelled, InvalidRequestError
from core.export.engines import MadeChunk, OnFaces
from core.export.plan import Plan
from core.export.recipe import ProjectMasks, Recipe
from core.export.recipe_text import recipe_of
from core.export.sample import Chunk, DatasetFacts, PaintedFace, Sample, pixel_facts
from core.progress import Step
from tests.export_fakes import contents, export
from tests.fake_maker import SIZE

FACES = [PaintedFace("faces", n, 100 + n, f"p{n // 2}", "Ada", "", "0" * 64) for n in range(1, 182)]


def recipe(count: int = 150, **more: object) -> Recipe:
    asked = {"count": count, "project": "faces", "splits": "60/20/20", "variants": 2, "seed": 3}
    return recipe_of(asked | more)


def test_a_project_is_named_in_three_ways() -> None:
    assert recipe_of({"project": 12}).project == ProjectMasks("12")
    assert recipe_of({"project": "faces", "count": 0}).project == ProjectMasks("faces", "done")
    given = {"name": "faces", "masks": "reviewed"}
    assert recipe_of({"project": given}).plain()["project"] == given
    assert "project" not in Recipe().plain()


@pytest.mark.parametrize("count", [0, 10, 150])
def test_a_person_is_in_one_split_and_painted_faces_are_chunks_of_their_own(count: int) -> None:
    plan = Plan(recipe(count), FACES)
    orders = list(plan.orders())
    assert [order.place for order in orders] == list(range(count + len(FACES)))
    assert len(plan) == count + len(FACES) == sum(plan.splits.values())
    painted = [order for order in orders if order.painted]
    assert {order.painted.face for order in painted} == {face.face for face in FACES}
    homes = collections.defaultdict(set)
    for order in orders:
        homes[order.identity].add(order.split)
        if order.painted:
            homes[order.painted.person].add(order.split)
            assert order.painted.split == order.split
    assert all(len(home) == 1 for home in homes.values())
    assert len({order.identity for order in orders}) == count // 2 + 91
    assert len({(order.identity, order.variant) for order in orders}) == len(orders)
    chunks = list(plan.chunks())
    assert [order for chunk in chunks for order in chunk.orders] == orders
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        kinds = {(order.split, order.painted is not None) for order in chunk.orders}
        assert kinds == {(chunk.split, chunk.is_painted)}
    assert plan.painted == tuple(order.painted for order in painted)


def test_generated_people_are_the_same_with_and_without_painted_ones() -> None:
    alone, together = (
        Plan(recipe_of({"count": 150, "splits": "60/20/20", "variants": 2})),
        Plan(
            recipe_of({"count": 150, "splits": "60/20/20", "variants": 2, "project": "faces"}),
            FACES,
        ),
    )
    generated = [order for order in together.orders() if not order.painted]
    told = [(order.identity, order.variant, order.split) for order in generated]
    assert told == [(order.identity, order.variant, order.split) for order in alone.orders()]
    for identity in range(75):
        own = tuple(order for order in generated if order.identity == identity)
        assert together.person(identity) == own


def test_the_order_of_the_project_does_not_matter_and_the_seed_does() -> None:
    plan = Plan(recipe(), FACES)
    assert plan.painted == Plan(recipe(), FACES[::-1]).painted
    assert plan.painted == Plan(recipe(), plan.painted).painted  # as a run that goes on has them
    assert plan.painted != Plan(recipe(seed=4), FACES).painted


def test_few_painted_people_are_all_to_learn_from_unless_splits_are_asked_for() -> None:
    assert Plan(recipe(0, splits=None), FACES[:3]).splits == {"train": 3}
    with pytest.raises(InvalidRequestError, match=r"splits.validation is 0.2 of 2 people"):
        Plan(recipe(0), FACES[:3])


def test_facts_number_the_chunks_and_come_back_from_their_json() -> None:
    facts, plan = _export(recipe())[0].facts, Plan(recipe(), FACES)
    places = collections.defaultdict(list)
    for chunk in plan.chunks():
        places[chunk.split].append(facts.place_in_split(chunk.index, chunk.split))
    assert places == {split: list(range(facts.num_chunks(split))) for split in plan.splits}
    assert DatasetFacts.from_json(json.loads(json.dumps(facts.as_json()))) == facts


class FakePainted:
    """Pictures that depend on the revision alone."""

    def make(self, chunk: Chunk, on_faces: OnFaces) -> MadeChunk:
        assert chunk.is_painted
        return MadeChunk(chunk, tuple(self._sample(order, on_faces) for order in chunk.orders))

    @staticmethod
    def _sample(order, on_faces: OnFaces) -> Sample:
        draw = np.random.default_rng(order.painted.revision)
        image = draw.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
        mask = draw.integers(0, 3, (SIZE, SIZE), np.uint8)
        on_faces(1)
        record = {"seed": order.painted.face, "source": "painted", **pixel_facts(image, mask)}
        return Sample(order, image, mask, np.ones((2, 4), np.float32), record)


def _export(asked: Recipe):
    return export(asked, painted=FACES, painted_maker=FakePainted)


@pytest.mark.parametrize("count", [0, 150])
def test_a_cancelled_export_goes_on_to_the_same_files(tmp_path: Path, count: int) -> None:
    whole, told = _export(recipe(count))
    figures = whole.run(tmp_path / "whole")
    assert figures["count"] == figures["made"] == count + 181 and figures["painted"] == 181
    for stop_at in (30, 100, count + 90):

        def stop(step: Step, stop_at: int = stop_at) -> None:
            if step.done >= stop_at:
                raise Cancelled("Cancelled.")

        with pytest.raises(Cancelled, match="Cancelled"):
            _export(recipe(count))[0].run(tmp_path / "out", stop)
    assert _export(recipe(count))[0].run(tmp_path / "out")["resumed_from"] > 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert told == ["settled"]
