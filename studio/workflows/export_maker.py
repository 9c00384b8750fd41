"""What makes the faces of an export: people drawn and steered, rendered, labelled and judged."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.directions import Direction
from core.errors import InvalidRequestError
from core.export.engines import MadeChunk, OnFaces
from core.export.pictures import Suffix, encode
from core.export.plan import Plan
from core.export.quality_filter import Bounds, Judged, faults, most_uncertain
from core.export.recipe import GENDERS, Recipe
from core.export.sample import (
    GENERATED,
    Chunk,
    DatasetFacts,
    Dropped,
    Order,
    Sample,
    pixel_facts,
)
from core.generators import Device, Noise, Outputs, RenderPass, Runtime, open_runtime
from core.latents import LatentSpace, read_latents
from core.progress import OnStep, Step, ignore
from core.segmentation import Segmenter
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows.export_faces import People, Person, needs_control
from studio.workflows.export_looks import Looks, reduced, told_values
from studio.workflows.face_control import FaceControl
from studio.workflows.own_sliders import chosen_directions
from studio.workflows.photo_folder import PREFIX, PhotoFolders
from studio.workflows.segmenting import chosen_segmenter, resized_labels
from studio.workflows.steering_parts import SteeringParts
from studio.workflows.steering_recipe import sha256_of_ws

LOOKS, LOOK_SIZE = 8, 128  # of the dropped: how many a chunk are kept to look at, and px
DRAWN = 32  # faces that are drawn or steered before they are rendered in one go
PILOT_ATTEMPT = 1_000_000  # beyond all tries, so that no face is judged by itself


@dataclass(frozen=True)
class MakerSettings:
    """All that a worker needs to open a maker; picklable. weights, workspace: folders that the
    worker sees. suffixes: of the image files to encode."""

    recipe: Recipe
    facts: DatasetFacts
    bounds: Bounds
    weights: Path
    workspace: Path
    device: Device = "auto"
    suffixes: tuple[Suffix, ...] = ()


def open_maker(settings: MakerSettings) -> FaceMaker:
    models = ModelCache(WeightStore(settings.weights), settings.device)
    return FaceMaker(settings, models)


def open_labelled(recipe: Recipe, models: ModelCache, workspace: Path) -> tuple[Segmenter, Runtime]:
    """The segmenter, and the pass for picture, mask and uncertainty at the recipe's size."""
    name = models.name(recipe.generator)
    generator = models.generator(name)
    segmenter = chosen_segmenter(models, workspace, name, recipe.segmenter)
    segmenter.check_generator(generator)
    doubts = recipe.filter.uncertainty is not None
    outputs = Outputs(image_size=recipe.size, labels=True, uncertainty=doubts)
    render_pass = RenderPass(generator, outputs, labeller=segmenter.labeller())
    return segmenter, open_runtime(render_pass, device=models.device, for_many=True)


def open_directions(recipe: Recipe, models: ModelCache, workspace: Path) -> dict[str, Direction]:
    """By the names of the traits with an amount.

    Raises InvalidRequestError for those that are not there, and where attributes are needed
    that were never learned.
    """
    name = models.name(recipe.generator)
    parts = SteeringParts(models, workspace)
    if needs_control(recipe) and (missing := parts.missing_control(name)):
        raise InvalidRequestError(missing)
    amounts = {trait.name: trait.setting for trait in recipe.traits if not trait.is_measured}
    chosen = chosen_directions(amounts, parts, name, LatentSpace.of(models.generator(name)))
    return {asked: move[0] for asked, move in zip(amounts, chosen, strict=True)}


def open_base(recipe: Recipe, models: ModelCache, workspace: Path) -> NDArray[np.float32] | None:
    """ws [L, D] of the recipe's base; None where people are drawn.

    Raises InvalidRequestError where it is not there, holds several faces or is not the one that
    the recipe means; LatentsError for a bad file.
    """
    if recipe.base is None:
        return None
    generator = models.generator(models.name(recipe.generator))
    name = recipe.base.name
    if name.startswith(PREFIX):
        ws = PhotoFolders(workspace).ws(name, generator)
    else:
        latents = read_latents(Path(name), LatentSpace.of(generator))
        if len(latents) != 1:
            raise InvalidRequestError(f"base: {name} holds {len(latents)} faces. Name one of one.")
        ws = latents.ws[0]
    if recipe.base.sha256 not in ("", sha256_of_ws(ws)):
        raise InvalidRequestError(
            f"base: the latents of {name} are not those of the recipe any more; they may have been "
            "sharpened. Leave base.sha256 out to take them as they are now."
        )
    return ws


@dataclass(frozen=True, eq=False)
class _Face:
    """One that was rendered and judged. bad: its faults."""

    sample: Sample
    judged: Judged
    bad: tuple[str, ...]


@dataclass(eq=False)
class _Best:
    """Of one person: the try with the fewest faults so far, and how many those were."""

    faces: list[_Face] = field(default_factory=list)
    num_bad: int = 2**31


@dataclass(frozen=True, eq=False)
class Opened:
    """What takes long to open, and may be used for several recipes one after another.

    runtime: for the recipe's generator, segmenter, size and wish for uncertainty. control: where
    `needs_control` says so.
    """

    segmenter: Segmenter
    runtime: Runtime
    control: FaceControl | None

    def warm_up(self, recipe: Recipe, models: ModelCache) -> None:
        """Compile what the recipe will use."""
        name = models.name(recipe.generator)
        mean_w = models.quality_scale(name).mean_w
        layers = models.generator(name).num_ws
        mean = np.array(np.broadcast_to(mean_w, (layers, len(mean_w))), np.float32)
        self.runtime.render(mean)
        if self.control is not None and recipe.is_steered:
            self.control.measure(mean[None])
            self.control.check(mean)


class FaceMaker:
    """A `core.export.engines.Maker`. bounds may be set once they are known."""

    def __init__(
        self, settings: MakerSettings, models: ModelCache, opened: Opened | None = None
    ) -> None:
        self.bounds = settings.bounds
        self._settings = settings
        self._recipe = recipe = settings.recipe
        name = models.name(recipe.generator)
        if opened is None:
            labelled = open_labelled(recipe, models, settings.workspace)
            control = FaceControl(models, name) if needs_control(recipe) else None
            opened = Opened(*labelled, control)
            opened.warm_up(recipe, models)
        self._segmenter, self._runtime = opened.segmenter, opened.runtime
        self._scale = models.quality_scale(name)
        directions = open_directions(recipe, models, settings.workspace)
        base = open_base(recipe, models, settings.workspace)
        self._people = People(recipe, models.generator(name), opened.control, directions, base)
        self._looks = Looks(
            self._segmenter.classes, counts=recipe.filter.one_face, measures=recipe.measure
        )
        self._seconds: dict[str, float] = defaultdict(float)

    def make(self, chunk: Chunk, on_faces: OnFaces) -> MadeChunk:
        """All faces of a chunk. Raises what on_faces raises, and CoreError."""
        self._seconds = defaultdict(float)
        people = [tuple(orders) for _, orders in groupby(chunk.orders, lambda o: o.identity)]
        best = {orders[0].identity: _Best() for orders in people}
        dropped: list[tuple[Dropped, NDArray[np.uint8]]] = []
        encoded: list[Future[None]] = []
        with ThreadPoolExecutor(1, "export-encoder") as pool:
            for attempt in range(self._recipe.filter.tries):
                again = []
                for orders, faces in self._rendered(people, attempt, on_faces):
                    num_bad = sum(len(face.bad) for face in faces)
                    known = best[orders[0].identity]
                    if num_bad < known.num_bad:
                        known.faces, known.num_bad = faces, num_bad
                    if num_bad:
                        again.append(orders)
                        dropped += [_dropped(face, attempt) for face in faces if face.bad]
                        continue
                    encoded += [pool.submit(self._encode, face.sample) for face in faces]
                    on_faces(len(faces))
                people = again
            for orders in people:  # the tries are used up
                on_faces(len(orders))
            kept = [face for known in best.values() for face in known.faces]
            with self._timed("waiting for encoding"):
                for done in encoded:
                    done.result()
        samples = tuple(_with_faults(face) for face in kept)
        return self._made(chunk, samples, dropped)

    def pilot(self, plan: Plan, faces: int, on_step: OnStep = ignore) -> list[Judged]:
        """Judge about so many faces as the recipe asks for, of seeds that it does not use."""
        variants = self._recipe.variants.count
        wanted = -(-faces // variants)
        found: list[Judged] = []
        for start in range(0, wanted, self._recipe.identities):
            places = range(min(self._recipe.identities, wanted - start))
            step = self._recipe.identities / len(places)
            people = [plan.person(int(place * step)) for place in places]
            attempt = PILOT_ATTEMPT + start
            for _, made in self._rendered(people, attempt, lambda count: None):
                found += [face.judged for face in made]
                on_step(Step(len(found), faces, "judging faces for the filter", "faces"))
        return found

    def _rendered(
        self, people: Sequence[tuple[Order, ...]], attempt: int, on_faces: OnFaces
    ) -> Iterator[tuple[tuple[Order, ...], list[_Face]]]:
        """Each person's pictures, judged. Few are in memory: people are drawn as they come."""
        for some in _batches(people, DRAWN):
            drawn = []
            for orders in some:
                with self._timed("steering" if orders[0].target else "drawing"):
                    drawn.append(self._people.person(orders, attempt, lambda step: on_faces(0)))
                on_faces(0)
            ws = np.concatenate([person.ws for person in drawn])
            stream = self._runtime.stream(ws, Noise())
            for orders, person in zip(some, drawn, strict=True):
                faces = []
                for order in orders:
                    with self._timed("rendering"):
                        made = next(stream)
                    with self._timed("judging"):
                        faces.append(self._face(order, person, made))
                    on_faces(0)
                yield orders, faces

    def _face(self, order: Order, person: Person, made: Mapping[str, NDArray[Any]]) -> _Face:
        image, size = made["image"], self._recipe.size
        mask = resized_labels(made["labels"], size)
        ws = person.ws[order.variant]
        doubts = made.get("uncertainty")
        num_faces, values = self._looks.at(image, mask)
        if order.variant == 0:  # steering measured these on the full-size picture
            values |= {n: person.estimates[n] for n in ("age", "male") if n in person.estimates}
        judged = Judged(
            artifact=round(float(self._scale.score(ws[None])[0]), 3),
            uncertainty=None if doubts is None else round(most_uncertain(doubts), 5),
            faces=num_faces,
            has_missed=person.has_missed,
        )
        record: dict[str, Any] = {
            "source": GENERATED,
            "identity": order.identity,
            "variant": order.variant,
            "seed": person.seed,
            "attempt": person.attempt,
            "psi": self._recipe.psi,
            "asked": {**_numbers(order.target), **person.changes[order.variant]},
            "measured": told_values(values),
            "quality": {"artifact": judged.artifact, "uncertainty": judged.uncertainty},
            **pixel_facts(image, mask),
        }
        bad = faults(judged, self._recipe.filter, self.bounds)
        return _Face(Sample(order, image, mask, ws, record), judged, bad)

    def _encode(self, sample: Sample) -> None:
        encode(sample, self._settings.facts, self._settings.suffixes)

    def _made(
        self,
        chunk: Chunk,
        samples: tuple[Sample, ...],
        dropped: list[tuple[Dropped, NDArray[np.uint8]]],
    ) -> MadeChunk:
        stayed = {(s.order.place, s.record["attempt"]) for s in samples if s.record.get("faults")}
        gone = [each for each in dropped if (each[0].place, each[0].attempt) not in stayed]
        gone.sort(key=lambda each: (each[0].place, each[0].attempt))
        looks = {place: look for place, (_, look) in enumerate(gone[:LOOKS])}
        return MadeChunk(
            chunk, samples, tuple(each for each, _ in gone), looks, dict(self._seconds)
        )

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._seconds[stage] += time.monotonic() - started


def _with_faults(face: _Face) -> Sample:
    if not face.bad:
        return face.sample
    return replace(face.sample, record={**face.sample.record, "faults": list(face.bad)})


def _dropped(face: _Face, attempt: int) -> tuple[Dropped, NDArray[np.uint8]]:
    """The weightiest fault counts. The picture is reduced at once: it is large."""
    left = ("seed", "asked", "measured", "quality")
    record = {key: face.sample.record[key] for key in left} | {"faults": list(face.bad)}
    gone = Dropped(face.bad[0], face.sample.order.place, attempt, record)
    return gone, reduced(face.sample.image, LOOK_SIZE)


def _numbers(target: Mapping[str, Any]) -> dict[str, float]:
    """What was asked, by attribute; amounts by the name of their direction."""
    told = {**target.get("values", {}), **target.get("amounts", {})}
    if "age" in target:
        told["age"] = target["age"]
    if "gender" in target:
        told["male"] = float(GENDERS.index(target["gender"]))
    return told


def _batches(
    people: Sequence[tuple[Order, ...]], faces: int
) -> Iterator[Sequence[tuple[Order, ...]]]:
    """People together, about so many faces at once."""
    if people:
        step = max(1, faces // len(people[0]))
        for start in range(0, len(people), step):
            yield people[start : start + step]
