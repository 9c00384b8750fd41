"""A dozen faces of what a recipe will give, and how long and large the whole will be."""

from __future__ import annotations

import math
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from core.export.plan import Plan
from core.export.quality_filter import Bounds
from core.export.recipe import Limit, Recipe
from core.export.sample import Chunk, DatasetFacts, Order, Sample
from core.progress import OnStep, Step, ignore
from studio.model_cache import ModelCache
from studio.workflows.export_faces import needs_control
from studio.workflows.export_maker import FaceMaker, MakerSettings, Opened, open_labelled
from studio.workflows.exporting import chosen_formats, facts_of, suffixes_of
from studio.workflows.segmenters import Segmenters
from studio.workflows.steering_parts import SteeringParts

FACES = 12  # pictures of a sample
AT_ONCE = 4  # made together, and then shown
MOST_TRIES = 3  # for a face of a sample: it is waited for
KEPT = 3  # opened passes, of the recipes sampled last
_WAIT = 0.1  # s between two looks whether it is still wanted

OnSample = Callable[[Sample, DatasetFacts], None]  # facts: of the sample alone


@dataclass(frozen=True)
class Estimate:
    """What an export will take, told from a sample.

    faces: that were made. dropped: and made again, of these. seconds_a_face, bytes_a_face:
    measured. seconds, bytes: of the whole. free_bytes: of the disk of the workspace.
    """

    faces: int
    dropped: int
    seconds_a_face: float
    bytes_a_face: float
    seconds: float
    bytes: float
    free_bytes: int


@dataclass(frozen=True, eq=False)
class _Kept:
    """seconds: that opening took."""

    opened: Opened
    seconds: float


class _Making:
    """Makes people a few at a time, so that the first are soon there. seconds: spent on that."""

    def __init__(
        self, maker: FaceMaker, count: int, on_made: Callable[[Sample], None], on_step: OnStep
    ) -> None:
        self.samples: list[Sample] = []
        self.dropped = 0
        self.seconds = 0.0
        self._maker, self._count = maker, count
        self._on_made, self._on_step = on_made, on_step

    def run(self, people: Sequence[tuple[Order, ...]]) -> None:
        self._tell(0)
        for index, orders in enumerate(_groups(people)):
            began = time.monotonic()
            made = self._maker.make(Chunk(index, "train", orders), self._tell)
            self.seconds += time.monotonic() - began
            self.dropped += len(made.dropped)
            for each in made.samples:
                self.samples.append(each)
                self._on_made(each)
        self._tell(0)

    def _tell(self, more: int) -> None:
        self._on_step(Step(len(self.samples), self._count, "making a sample", "faces"))


class ExportSampler:
    """Makes samples in this process, one at a time. Safe to use from threads.

    The faces are those that the export will hold, from all over it. What drops a share of the
    faces needs a pilot and is left out.
    """

    def __init__(
        self, models: ModelCache, segmenters: Segmenters, parts: SteeringParts, workspace: Path
    ) -> None:
        self._models = models
        self._segmenters = segmenters
        self._parts = parts
        self._workspace = workspace
        self._kept: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def sample(self, recipe: Recipe, on_sample: OnSample, on_step: OnStep = ignore) -> Estimate:
        """Make the faces, each handed over as it comes.

        on_step: may raise Cancelled. Raises CoreError.
        """
        with self._alone(on_step):
            on_step(Step(0, 0, "opening the generator", "faces"))
            kept = self._open(recipe)
            opened, plan = kept.opened, Plan(recipe)
            people = chosen_people(plan)
            count = sum(map(len, people))
            facts = facts_of(plan, opened.segmenter, opened.runtime, self._models, self._workspace)
            facts = replace(facts, splits={"train": count})
            maker = FaceMaker(self._settings(recipe, facts), self._models, opened)
            making = _Making(maker, count, lambda made: on_sample(made, facts), on_step)
            making.run(people)
            size, writing = self._written(recipe, facts, making.samples)
            seconds = max(making.seconds / count, writing)
            whole = kept.seconds + _faces_made(recipe) * seconds
            free = shutil.disk_usage(self._workspace).free
            return Estimate(count, making.dropped, seconds, size, whole, recipe.count * size, free)

    def _settings(self, recipe: Recipe, facts: DatasetFacts) -> MakerSettings:
        tries = min(recipe.filter.tries, MOST_TRIES)
        return MakerSettings(
            replace(recipe, filter=replace(recipe.filter, tries=tries)),
            facts,
            Bounds(_value(recipe.filter.uncertainty), _value(recipe.filter.artifact)),
            self._models.weights.folder.resolve(),
            self._workspace,
            self._models.device,
            suffixes_of(recipe, facts),
        )

    def _open(self, recipe: Recipe) -> _Kept:
        name = self._models.name(recipe.generator)
        is_steered = needs_control(recipe)
        has_doubts = recipe.filter.uncertainty is not None
        segmenter = recipe.segmenter or self._segmenters.version(name)
        key = (name, segmenter, recipe.size, has_doubts, is_steered)
        if key not in self._kept:
            began = time.monotonic()
            labelled = open_labelled(recipe, self._models, self._workspace)
            control = self._parts.face_control(name) if is_steered else None
            opened = Opened(*labelled, control)
            opened.warm_up(recipe, self._models)
            self._kept[key] = _Kept(opened, time.monotonic() - began)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _written(
        self, recipe: Recipe, facts: DatasetFacts, samples: Sequence[Sample]
    ) -> tuple[float, float]:
        """Bytes and seconds a face of all formats, written to a folder that goes again."""
        cache = self._workspace / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache, prefix="export-sample-") as folder:
            began, size = time.monotonic(), 0
            for name, made in chosen_formats(recipe).items():
                files = made(Path(folder) / name, facts).write_chunk(0, "train", samples)
                size += sum(path.stat().st_size for path in files)
            seconds = time.monotonic() - began
        latents = sum(sample.ws.nbytes for sample in samples)
        return (size + latents) / len(samples), seconds / len(samples)

    @contextmanager
    def _alone(self, on_step: OnStep) -> Iterator[None]:
        """One sample at a time; who waits may be cancelled."""
        while not self._lock.acquire(timeout=_WAIT):
            on_step(Step(0, 0, "waiting for another sample", "faces"))
        try:
            yield
        finally:
            self._lock.release()


def chosen_people(plan: Plan) -> list[tuple[Order, ...]]:
    """About FACES pictures of people from all over the plan, numbered anew, of one split."""
    variants, people = plan.recipe.variants.count, plan.recipe.identities
    wanted = min(people, max(1, FACES // variants))
    chosen = [place * people // wanted for place in range(wanted)]
    return [
        tuple(
            replace(plan.order(person * variants + v), place=place * variants + v, split="train")
            for v in range(variants)
        )
        for place, person in enumerate(chosen)
    ]


def _groups(people: Sequence[tuple[Order, ...]]) -> Iterator[tuple[Order, ...]]:
    """Orders of whole people, about AT_ONCE pictures together."""
    step = max(1, AT_ONCE // len(people[0]))
    for start in range(0, len(people), step):
        yield tuple(order for orders in people[start : start + step] for order in orders)


def _value(limit: Limit | None) -> float | None:
    return None if limit is None or limit.is_share else limit.value


def _faces_made(recipe: Recipe) -> float:
    """Those that shares will drop, and those of the pilot, counted in."""
    limits = (recipe.filter.uncertainty, recipe.filter.artifact)
    shares = [limit.value for limit in limits if limit is not None and limit.is_share]
    made = recipe.count / math.prod(1 - share for share in shares)
    return made + (recipe.filter.pilot if shares else 0)
