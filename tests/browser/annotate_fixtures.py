"""The Annotate tab of a real studio, and a person at it."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from annotations import AnnotationStore, LabelScheme, NewFace
from tests.browser.conftest import Screen
from tests.browser.profiles import Profiles
from tests.browser.studio_fixtures import Studio, is_home

SHAPE = (72, 96)  # of the faces painted here, height and width
NAMED = """(name) => {
  if (!location.protocol.startsWith('http')) return;
  localStorage.setItem('faceloom.person', name);
  localStorage.setItem('faceloom.hinted', 'yes');
}"""
OPENED = """(id) => {
  const annotate = document.querySelector('.fl-annotate')?.annotate;
  const session = annotate?.easel.painter?.studio.session;
  if (!session?.faceId.startsWith(`${id}@`) || annotate.work.face?.id !== id) return false;
  window.painter = annotate.easel.painter;
  return annotate.easel.element.clientWidth > 0;
}"""


def picture(seed: int, shape: tuple[int, int] = SHAPE) -> bytes:
    """PNG bytes: four flat areas with some noise, so that there are regions to be found."""
    pixels = np.full((*shape, 3), 60, np.uint8)
    height, width = shape
    pixels[: height // 2, width // 2 :] = (200, 80, 80)
    pixels[height // 2 :, : width // 2] = (80, 200, 80)
    pixels[height // 2 :, width // 2 :] = (90, 90, 220)
    pixels += np.random.default_rng(seed).integers(0, 12, pixels.shape, np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@dataclass
class Project:
    """A project of the running studio, looked at from behind."""

    store: AnnotationStore
    id: int
    faces: list[int]

    def stored(self, face: int) -> np.ndarray:
        """The mask in force, uint8 [H, W]."""
        current = self.store.faces.get(face).current
        assert current is not None
        return self.store.masks.labels(current.id)


@dataclass
class Person(Screen):
    """Somebody at the Annotate tab."""

    studio: Studio | None = None
    complaints: list[str] = field(default_factory=list)

    def open(self, face: int) -> Person:
        """By its address, as a link does."""
        assert self.studio
        self.page.goto("about:blank")
        self.page.goto(f"{self.studio.address}/#face={face}")
        return self.wait_for_face(face)

    def wait_for_face(self, face: int) -> Person:
        self.page.wait_for_function(OPENED, arg=face)
        return self

    def press_button(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def wait_until(self, is_so: Callable[[], bool], seconds: float = 15) -> None:
        """Lets the page go on until something is so on the server."""
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, "it did not come about"
            self.page.wait_for_timeout(50)

    def wait_for_text(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for()


@pytest.fixture
def project_in(request: pytest.FixtureRequest) -> Iterator[Callable[..., Project]]:
    """Makes a project with faces in a studio's workspace."""
    opened: list[AnnotationStore] = []

    def make(
        studio: Studio,
        count: int = 3,
        shape: tuple[int, int] = SHAPE,
        scheme: LabelScheme | None = None,
    ) -> Project:
        store = AnnotationStore.open(studio.workspace)
        opened.append(store)
        project = store.projects.create(f"{request.node.name[:60]} {len(opened)}", scheme)
        ws = np.zeros((2, 4), np.float32)
        faces = [
            NewFace(picture(seed, shape), ws, "elsewhere", "ab" * 32, seed=seed, psi=0.7)
            for seed in range(count)
        ]
        return Project(store, project.id, list(store.faces.add(project.id, faces).face_ids))

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def person_at(profiles: Profiles) -> Iterator[Callable[..., Person]]:
    """Lets somebody in, with a browser of their own. What the page should not do fails the test."""
    people: list[Person] = []

    def enter(studio: Studio, name: str = "Ann", expected: tuple[str, ...] = ()) -> Person:
        page = profiles.open(studio.address)
        page.add_init_script(f"({NAMED})({name!r})")
        page.set_default_timeout(60_000)
        person = Person(page, None, studio)  # type: ignore[arg-type]
        people.append(person)

        def complain(text: str) -> None:
            if not any(part in text for part in expected):
                person.complaints.append(text)

        page.on("console", lambda m: complain(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("request", lambda r: None if is_home(r.url, studio) else complain(r.url))
        return person

    yield enter
    for person in people:
        profiles.close(person.page)
    assert [person.complaints for person in people] == [[] for _ in people]
