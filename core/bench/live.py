"""How many strokes a simulated annotator needs on a new face, with live learning and without.

The annotator looks at what is wrong, takes the largest connected area of one true class, and
paints the largest disc that fits into it. With live learning 'wrong' is judged on the mask with
the prediction in what is not painted; without, on the mask alone.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]

from core.progress import OnStep, Step, ignore
from core.segmentation.classes import UNLABELLED, ClassSet
from core.segmentation.live import OWN_EXAMPLES, Base, predict
from core.segmentation.live_features import Described, draw_examples
from core.segmentation.metrics import score

GOAL = 0.90  # mean F1
MOST_STROKES = 150
MOST_RADIUS = 100.0  # px: half of the painter's largest brush

Guess = Callable[[NDArray[np.uint8]], NDArray[np.uint8] | None]  # mask -> whole face


@dataclass(frozen=True, eq=False)
class TrueFace:
    """A face to paint. mask: indices uint8 [H, W], how it should become; 255: nobody knows."""

    described: Described
    mask: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Way:
    """How faces are painted. base: what was learned before; None paints without live learning."""

    base: Base | None
    faces: Sequence[TrueFace]


@dataclass(frozen=True)
class Course:
    """Mean F1 (0..1) before the first stroke and after each; seconds each prediction took."""

    f1: tuple[float, ...]
    seconds: tuple[float, ...]

    def strokes_to(self, goal: float = GOAL) -> int | None:
        """How many strokes brought it there; None where none did."""
        return next((count for count, f1 in enumerate(self.f1) if f1 >= goal), None)


def bench_live(
    ways: Mapping[str, Way],
    classes: ClassSet,
    most_strokes: int = MOST_STROKES,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Figures of every way, by its name, as plain values."""
    found: dict[str, Any] = {}
    total, done = sum(len(way.faces) for way in ways.values()), 0
    for name, way in ways.items():
        courses = []
        for face in way.faces:
            on_step(Step(done, total, f"Painting faces {name}", "faces"))
            courses.append(paint_face(face, classes, way.base, most_strokes))
            done += 1
        found[name] = _summary(courses, most_strokes)
    return found


def paint_face(
    face: TrueFace, classes: ClassSet, base: Base | None, most_strokes: int = MOST_STROKES
) -> Course:
    """Paint one face until the goal is reached. base: None paints without live learning."""
    painted = np.full_like(face.mask, UNLABELLED)
    scores: list[float] = []
    seconds: list[float] = []
    for _ in range(most_strokes + 1):
        start = time.perf_counter()
        shown = painted if base is None else _completed(painted, face.described, base)
        seconds.append(time.perf_counter() - start)
        scores.append(mean_f1(face.mask, shown, classes))
        if scores[-1] >= GOAL or not paint_stroke(painted, shown, face.mask):
            break
    return Course(tuple(scores), tuple(seconds))


def _completed(painted: NDArray[np.uint8], face: Described, base: Base) -> NDArray[np.uint8]:
    """The mask with the prediction in what is not painted."""
    own = draw_examples(face, painted, OWN_EXAMPLES)
    made = predict(base, face, own, (painted.shape[0], painted.shape[1]))
    return painted if made is None else np.where(painted == UNLABELLED, made.labels, painted)


def mean_f1(truth: NDArray[np.uint8], shown: NDArray[np.uint8], classes: ClassSet) -> float:
    """Of the classes that the face shows, without the background.

    What is not labelled yet counts as missing. A class that the face does not show costs those
    whose pixels it takes; counted itself, one wrong pixel of it would weigh as a whole class.
    """
    colours = (*classes.colours, (0, 0, 0))
    spare = ClassSet((*classes.ids, 254), (*classes.names, "missing"), colours)
    shown = np.where(shown == UNLABELLED, np.uint8(classes.num_classes), shown)
    f1 = score(truth, shown, spare).f1
    occurring = set(np.unique(truth).tolist()) - {UNLABELLED, classes.background}
    return float(f1[sorted(occurring)].mean()) if occurring else 1.0


def paint_stroke(
    painted: NDArray[np.uint8], shown: NDArray[np.uint8], truth: NDArray[np.uint8]
) -> bool:
    """One disc of the right class into `painted`, where `shown` is wrong; False: nothing is."""
    region = _largest_error(shown, truth)
    if region is None:
        return False
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    radius = min(float(depth[y, x]), MOST_RADIUS)
    rows, columns = np.ogrid[: truth.shape[0], : truth.shape[1]]
    disc = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
    painted[disc & region] = truth[y, x]
    return True


def _largest_error(shown: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """The largest 4-connected area of one true class that is shown as another one."""
    wrong = (shown != truth) & (truth != UNLABELLED)
    best, region = 0, None
    for value in np.unique(truth[wrong]):
        parts, _ = ndimage.label(wrong & (truth == value))
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        if sizes.max() > best:
            best = int(sizes.max())
            region = parts == sizes.argmax()
    return region


def _summary(courses: list[Course], most_strokes: int) -> dict[str, Any]:
    strokes = [course.strokes_to() for course in courses]
    counted = [most_strokes if count is None else count for count in strokes]
    seconds = [each for course in courses for each in course.seconds]
    at = {f"f1_after_{n}": _f1_after(courses, n) for n in (0, 1, 2, 5, 10, 20)}
    return {
        "strokes_median": statistics.median(counted),
        "strokes": strokes,  # of each face; null: not within the most
        **at,
        "prediction_ms_median": round(1000 * statistics.median(seconds), 1),
    }


def _f1_after(courses: list[Course], strokes: int) -> float:
    """Mean over the faces, in percent; a face that was ready earlier keeps its last figure."""
    values = [course.f1[min(strokes, len(course.f1) - 1)] for course in courses]
    return round(100 * statistics.mean(values), 2)
