"""Whatever several people do in whatever order: nothing is lost and the history is a tree."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from annotations import AnnotationStore, Status
from annotations.database import open_database
from annotations.errors import AnnotationError, BadMaskError, BadRequestError, StaleRevisionError
from annotations.records import Revision
from tests.painted_faces import Clock, labels, project_with_faces

PEOPLE = st.sampled_from(["Ann", "Bob", "Cleo"])
CLASSES = st.integers(0, 17)


class Histories(RuleBasedStateMachine):
    """People who each remember what they saw last, and a model of all that was acknowledged."""

    template: Path

    @initialize()
    def open_store(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(self.template, self.folder / "faceloom.db")
        self.clock = Clock()
        url = f"sqlite:///{self.folder / 'faceloom.db'}"
        self.store = AnnotationStore(open_database(url), self.clock)
        self.project_id, (self.face,) = project_with_faces(self.store)
        self.known: dict[int, tuple[Revision, int]] = {}  # revision id -> it and its one class
        self.seen: dict[str, int | None] = {}  # person -> the revision they paint on
        self.sent: list[tuple[dict[str, Any], int]] = []
        self.in_force: int | None = None

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    def accept(self, revision: Revision, value: int) -> None:
        assert revision.id not in self.known
        assert revision.was_stale == (revision.parent_id != self.in_force)
        self.known[revision.id] = (revision, value)
        if not revision.was_stale:
            self.in_force = revision.id

    @rule(person=PEOPLE)
    def look(self, person: str) -> None:
        current = self.store.faces.get(self.face).current
        self.seen[person] = current.id if current else None

    @rule(person=PEOPLE, value=CLASSES, status=st.sampled_from([Status.DRAFT, Status.DONE]))
    def save(self, person: str, value: int, status: Status) -> None:
        self.clock.forward(days=1)
        arguments = {
            "author": person,
            "parent_id": self.seen.get(person),
            "status": status,
            "save_key": f"save {len(self.sent)}",
        }
        saved = self.store.masks.save(self.face, labels(value), **arguments)
        self.accept(saved.revision, value)
        assert saved.current.id == self.in_force and not saved.is_repeat
        self.seen[person] = saved.revision.id
        self.sent.append((arguments | {"mask": labels(value)}, saved.revision.id))

    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        if self.sent:
            arguments, revision_id = data.draw(st.sampled_from(self.sent))
            saved = self.store.masks.save(self.face, **arguments)
            assert saved.is_repeat and saved.revision.id == revision_id

    @rule(person=PEOPLE, data=st.data())
    def restore(self, person: str, data: st.DataObject) -> None:
        if self.known:
            chosen, value = self.known[data.draw(st.sampled_from(sorted(self.known)))]
            try:
                saved = self.store.masks.restore(chosen.id, person, parent_id=self.seen.get(person))
            except BadMaskError:
                assert chosen.status == Status.DRAFT  # thinned
                return
            self.accept(saved.revision, value)

    @rule(person=PEOPLE, accept=st.booleans(), data=st.data())
    def review(self, person: str, accept: bool, data: st.DataObject) -> None:
        if self.known:
            chosen, value = self.known[data.draw(st.sampled_from(sorted(self.known)))]
            try:
                verdict = self.store.masks.review(chosen.id, person, accept=accept)
            except StaleRevisionError:
                assert chosen.id != self.in_force
            except BadRequestError:
                assert chosen.status == Status.DRAFT
            else:
                assert chosen.id == self.in_force
                self.accept(verdict, value)

    @rule(days=st.integers(0, 5))
    def thin(self, days: int) -> None:
        self.store.drafts.thin(self.project_id, keep_days=days)

    @rule()
    def open_again(self) -> None:
        where = self.store.where
        self.store.close()
        self.store = AnnotationStore(open_database(f"sqlite:///{where}"), self.clock)

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "store"):
            return
        history = self.store.masks.history(self.face)
        assert {one.id: one for one in history} == {i: one for i, (one, _) in self.known.items()}
        face = self.store.faces.get(self.face)
        assert (face.current.id if face.current else None) == self.in_force
        for revision in history:
            assert revision.parent_id is None or revision.parent_id < revision.id
            self.check_pixels(revision, is_leaf=revision.id not in {h.parent_id for h in history})

    def check_pixels(self, revision: Revision, *, is_leaf: bool) -> None:
        try:
            found = self.store.masks.labels(revision.id)
        except AnnotationError as error:
            assert "were thinned" in str(error)
            assert revision.status == Status.DRAFT and not is_leaf
            assert revision.id != self.in_force
        else:
            assert np.array_equal(found, labels(self.known[revision.id][1]))


def test_whatever_people_do_nothing_is_lost(sqlite_template: Path) -> None:
    Histories.template = sqlite_template
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=20,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
