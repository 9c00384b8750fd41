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
from itertools import groupby
from pathlib import Path

from core.export.engines import Maker
from core.export.plan import Plan
from core.export.quality_filter import Bounds
from core.export.recipe import Limit, Recipe
from core.export.sample import Chunk, DatasetFacts, Order, Sample
from core.progress import OnStep, Step, ignore
from studio.model_cache import ModelCache
from studio.workflows.exchanging import temporary_folder
from studio.workflows.export_faces import needs_control
from studio.workflows.export_maker import FaceMaker, MakerSettings, Opened, open_labelled
from studio.workflows.export_painted import PaintedProject, open_painted
from studio.workflows.exporting import (
    chosen_formats,
    facts_of,
    painted_facts,
    painted_maker,
    suffixes_of,
)
from studio.workflows.segmenters import Segmenters
from studio.workflows.steering_parts import SteeringParts

FACES = 12  # pictures of a sample
AT_ONCE = 4  # made together, and then shown
MOST_TRIES = 3  # for a face of a sample: it is waited for
KEPT = 2  # opened passes, of the recipes sampled last; some 400 MB each
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
    """Makes a few faces at a time, so that the first are soon there. seconds: spent on that."""

    def __init__(self, count: int, on_made: Callable[[Sample], None], on_step: OnStep) -> None:
        self.samples: list[Sample] = []
        self.dropped = 0
        self.seconds = 0.0
        self._count, self._on_made, self._on_step = count, on_made, on_step

    def run(self, maker: Maker, orders: Sequence[Order]) -> None:
        """orders: of whole people, one after another."""
        self._tell(0)
        for index, some in enumerate(_groups(orders)):
            began = time.monotonic()
            made = maker.make(Chunk(index, "train", some), self._tell)
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

    def sample(
        self, recipe: Recipe, on_sample: OnSample, on_step: OnStep = ignore, start: float = 0.0
    ) -> Estimate:
        """Make the faces, each handed over as it comes.

        on_step: may raise Cancelled. start: s that an export takes before its first face, where
        opening the networks did not take longer here. Raises CoreError.
        """
        nowhere = self._workspace / "cache"  # no export that was begun
        with self._alone(on_step), open_painted(recipe, nowhere, self._workspace) as painted:
            on_step(Step(0, 0, "opening the generator", "faces"))
            plan = Plan(recipe, () if painted is None else painted.faces)
            chosen = chosen_orders(plan)
            kept = self._open(recipe) if recipe.count else None
            facts = self._facts(plan, painted, kept, len(chosen))
            making = _Making(len(chosen), lambda made: on_sample(made, facts), on_step)
            if kept is not None:
                maker = FaceMaker(self._settings(recipe, facts), self._models, kept.opened)
                making.run(maker, [order for order in chosen if order.painted is None])
            if painted is not None:
                fetching = painted_maker(painted, recipe, self._models)()
                making.run(fetching, [order for order in chosen if order.painted is not None])
            opening = max(start, kept.seconds if kept else 0.0)
            return self._estimate(plan, facts, making, opening)

    def _facts(
        self, plan: Plan, painted: PaintedProject | None, kept: _Kept | None, count: int
    ) -> DatasetFacts:
        """Of the sample alone."""
        if kept is not None:
            segmenter, runtime = kept.opened.segmenter, kept.opened.runtime
            if painted is not None:
                name = self._models.name(plan.recipe.generator)
                painted.check_with(self._models.weights.identity(name), segmenter.classes)
            facts = facts_of(plan, segmenter, runtime, self._models, self._workspace)
        else:
            assert painted is not None  # a recipe has one or the other
            facts = painted_facts(plan, painted, self._models)
        return replace(facts, splits={"train": count}, painted=())

    def _estimate(
        self, plan: Plan, facts: DatasetFacts, making: _Making, opening: float
    ) -> Estimate:
        recipe, count = plan.recipe, len(making.samples)
        size, writing = self._written(recipe, facts, making.samples)
        seconds = max(making.seconds / count, writing)
        whole = opening + (_faces_made(recipe) + len(plan.painted)) * seconds
        free = shutil.disk_usage(self._workspace).free
        return Estimate(count, making.dropped, seconds, size, whole, len(plan) * size, free)

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
        with temporary_folder(self._workspace / "cache") as folder:
            began, size = time.monotonic(), 0
            for name, made in chosen_formats(recipe).items():
                written = made(folder / name, facts)
                for index, some in enumerate(_chunks(samples)):
                    files = written.write_chunk(index, "train", some)
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


def chosen_orders(plan: Plan) -> list[Order]:
    """About FACES pictures from all over the plan, numbered anew, of one split: whole people that
    are generated, then painted ones, as many of each as their part of the plan."""
    recipe, painted = plan.recipe, plan.painted
    part = FACES * recipe.count / len(plan)
    people = min(recipe.identities, max(1, round(part / recipe.variants.count)))
    orders = [
        order for person in _spread(recipe.identities, people) for order in plan.person(person)
    ]
    fetched = min(len(painted), max(1, FACES - len(orders)))
    for number, place in enumerate(_spread(len(painted), fetched)):
        face = replace(painted[place], split="train")
        orders.append(Order(0, recipe.identities + number, 0, "train", painted=face))
    return [replace(order, place=place, split="train") for place, order in enumerate(orders)]


def _spread(count: int, wanted: int) -> list[int]:
    """Numbers below `count`, evenly."""
    return [place * count // wanted for place in range(wanted)]


def _groups(orders: Sequence[Order]) -> Iterator[tuple[Order, ...]]:
    """Whole people, about AT_ONCE pictures together."""
    people = [tuple(own) for _, own in groupby(orders, lambda order: order.identity)]
    group: tuple[Order, ...] = ()
    for person in people:
        if group and len(group) + len(person) > AT_ONCE:
            yield group
            group = ()
        group += person
    if group:
        yield group


def _chunks(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Generated and painted ones apart, as exports have them."""
    for _, some in groupby(samples, lambda sample: sample.order.painted is None):
        yield list(some)


def _value(limit: Limit | None) -> float | None:
    return None if limit is None or limit.is_share else limit.value


def _faces_made(recipe: Recipe) -> float:
    """Those that shares will drop, and those of the pilot, counted in."""
    limits = (recipe.filter.uncertainty, recipe.filter.artifact)
    shares = [limit.value for limit in limits if limit is not None and limit.is_share]
    made = recipe.count / math.prod(1 - share for share in shares)
    return made + (recipe.filter.pilot if shares else 0)
