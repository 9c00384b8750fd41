"""A first visit, from an empty studio to painted, saved masks, by mouse and keys alone."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotations import AnnotationStore, FaceStatus
from annotations.records import Face
from core.weights import WeightStore
from tests.browser.annotate_fixtures import Person
from tests.browser.studio_fixtures import Studio, running_studio
from tests.browser.test_add_to_project import BUTTON, DIALOG, LINE
from tests.browser.test_sample_tab import tile, wait_for_tiles

LOGGER = logging.getLogger(__name__)  # shown by --log-cli-level=INFO
HAIR, NAME = 4, ".fl-an-dialog input[name=person]"
MOST_ACTIONS = 16  # clicks, keys, strokes and fields filled in until the first mask is done
HAS_REGIONS = "() => painter.studio.desk.superpixels.count > 0"
ON_HAIR, STROKE = (820.0, 600.0), [(300.0, 120.0), (380.0, 80.0), (480.0, 60.0)]  # on seed 0


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """One that nobody has been to."""
    store = WeightStore()
    if store.state(store.default("generator")) != "ready" and os.environ.get("CI") != "true":
        pytest.skip("no weights: python launch.py weights get")
    with running_studio(tmp_path / "workspace") as running:
        yield running


@dataclass
class Visitor(Person):
    """Counts what they do."""

    actions: int = 0

    def click_at(self, selector: str) -> None:
        self.actions += 1
        self.page.click(selector)

    def write(self, selector: str, text: str) -> None:
        self.actions += 1
        self.page.fill(selector, text)

    def do(self, *keys: str) -> None:
        self.actions += len(keys)
        self.press(*keys)


@pytest.fixture
def visitor(sample_page: Any, studio: Studio) -> Visitor:
    return Visitor(sample_page, None, studio)  # type: ignore[arg-type]


def bring_two_faces(visitor: Visitor) -> None:
    """Samples four, picks two, and adds them to a project under the name that is offered."""
    visitor.write("#seeds textarea", "0-3")
    visitor.click_at("#sample-button")
    wait_for_tiles(visitor.page, 4)
    visitor.click_at(tile(0))
    visitor.click_at(tile(2))
    visitor.click_at(BUTTON)
    visitor.page.wait_for_selector(f"{DIALOG} select:enabled")
    visitor.click_at(f"{DIALOG} [type=submit]")
    visitor.click_at(f"{LINE} [data-do=annotate]")


def paint_hair(visitor: Visitor) -> tuple[int, int]:
    """A click of the smart brush, a stroke of the brush; how many pixels are hair after each."""
    visitor.do("w", "h")
    visitor.page.wait_for_function(HAS_REGIONS)
    visitor.actions += 2
    visitor.click(*ON_HAIR)
    by_region = int((visitor.map() == HAIR).sum())
    visitor.do("b")
    visitor.drag(STROKE)
    return by_region, int((visitor.map() == HAIR).sum())


def faces_of(store: AnnotationStore) -> list[Face]:
    (project,) = store.projects.list()
    assert project.name == "faces"
    return list(store.faces.page(project.id).faces)


def test_a_first_visitor_gets_to_a_saved_mask_in_few_steps(
    visitor: Visitor, studio: Studio
) -> None:
    start = time.perf_counter()
    bring_two_faces(visitor)
    visitor.write(NAME, "Ann")
    visitor.do("Enter")
    with AnnotationStore.open(studio.workspace) as store:
        first, second = faces_of(store)
        visitor.wait_for_face(first.id)
        by_region, by_both = paint_hair(visitor)
        assert 5_000 < by_region < by_both
        painted = visitor.map()
        visitor.do("Control+Enter")
        visitor.wait_for_face(second.id)
        LOGGER.info("%d actions, %.1f s", visitor.actions, time.perf_counter() - start)
        assert visitor.actions <= MOST_ACTIONS
        face = store.faces.get(first.id)
        assert face.current and np.array_equal(store.masks.labels(face.current.id), painted)
        assert (face.status, face.current.author) == (FaceStatus.DONE, "Ann")
        assert (face.seed, second.seed, face.psi) == (0, 2, 0.7)
        weights = WeightStore()
        generator = weights.default("generator")
        assert (face.generator, face.generator_sha256) == (
            generator,
            weights.entry(generator).sha256,
        )
        visitor.page.reload()
        visitor.wait_for_face(second.id)
        assert not visitor.page.is_visible(NAME)
