"""A direction of one's own: fitted from faces with something and faces without it, then measured.

Few faces say little for sure, so most of what chance alone would make is taken away (see
`core.directions.fit_from_sets`), and what the direction really does is measured on other faces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations import AnnotationStore
from core.attributes.measures import ATTRIBUTES, NAMES
from core.directions import Direction, WDistribution, calibrated, fit_from_sets, measure_effect
from core.directions.effects import AMOUNTS, Measure, Score
from core.directions.layers import checked_layers
from core.errors import InvalidRequestError, OtherGeneratorError
from core.generators import Noise
from core.latents import LatentSpace
from core.progress import OnStep, Step
from core.sampling import latents_from_seeds
from studio.model_cache import ModelCache
from studio.workflows.face_control import FaceControl
from studio.workflows.steering_recipe import LOCKS

Ws = NDArray[np.float32]
Slopes = Callable[[Sequence[str], Sequence[int]], NDArray[np.float64]]  # names, layers -> [H, D]

FEWEST, MOST = 3, 1000  # faces a side
MEASURED_FACES, FIRST_SEED, PSI = 6, 800_000, 0.7  # the unseen faces, seeds FIRST_SEED and on
TOLD = 4  # attributes
LITTLE = 0.1  # standard deviations a step that are not worth telling
PIECE = 2  # faces measured between two looks whether to go on
FINE = 64  # px; layers of this size and finer carry colours and detail
PARTS = ("all", "shape", "colours")
HOLDS: Mapping[str, tuple[str, ...]] = {
    "age": ("age",),
    "gender": ("male",),
    **{name: lock.attributes for name, lock in LOCKS.items() if lock.coarsest is None},
}


@dataclass(frozen=True, eq=False)
class FaceSets:
    """with_ws, without_ws: [N, L, D] and [M, L, D]. source: where they are from, for the file.

    Raises InvalidRequestError for too few or too many faces, and for one that is in both.
    """

    with_ws: Ws
    without_ws: Ws
    source: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keys = [[ws.tobytes() for ws in side] for side in (self.with_ws, self.without_ws)]
        for faces, which in zip(keys, ("with", "without"), strict=True):
            if not FEWEST <= len(set(faces)) <= MOST:
                raise InvalidRequestError(
                    f"A slider needs {FEWEST} to {MOST} different faces on each side, got "
                    f"{len(set(faces))} '{which}'. 10 and more on each side make a clear one."
                )
        if both := set(keys[0]) & set(keys[1]):
            places = [i for i, key in enumerate(keys[0]) if key in both]
            raise InvalidRequestError(
                f"{len(both)} face(s) are in both sets (of those 'with', number "
                f"{', '.join(str(i + 1) for i in places[:5])}). Take each out of one side."
            )

    @property
    def digest(self) -> str:
        """sha256, hex, of all ws, in their order."""
        return hashlib.sha256(self.with_ws.tobytes() + self.without_ws.tobytes()).hexdigest()


def sets_of_project(
    store: AnnotationStore,
    project_id: int,
    with_ids: Sequence[int],
    without_ids: Sequence[int],
    space: LatentSpace,
) -> FaceSets:
    """Read-only. Raises InvalidRequestError as `FaceSets` does, OtherGeneratorError for faces
    that another generator made, NotFoundError for what is not in the project."""
    project = store.projects.get(project_id)
    chosen = {"with": list(dict.fromkeys(with_ids)), "without": list(dict.fromkeys(without_ids))}
    if both := sorted(set(with_ids) & set(without_ids)):
        raise InvalidRequestError(
            f"Marked with and without at once: face {', '.join(map(str, both[:5]))}. Take each "
            "out of one side."
        )
    source: dict[str, Any] = {"project": project.name, "project_id": project_id}
    sides = {}
    for which, ids in chosen.items():
        if len(ids) > MOST:
            raise InvalidRequestError(f"At most {MOST} faces a side, got {len(ids)} '{which}'.")
        faces = [store.faces.get(id_, project_id) for id_ in ids]
        for face in faces:
            if face.generator_sha256 != space.identity.sha256:
                raise OtherGeneratorError(
                    face.generator,
                    space.identity.name,
                    f"It is face {face.id}; leave out the faces of '{face.generator}'.",
                )
        source |= {f"{which}_faces": ids, f"{which}_seeds": [face.seed for face in faces]}
        shape = (0, space.num_ws, space.w_dim)
        read = [store.faces.latent(id_) for id_ in ids]
        sides[which] = np.stack(read) if read else np.empty(shape, np.float32)
    return FaceSets(sides["with"], sides["without"], source)


@dataclass(frozen=True)
class OwnWish:
    """title: for people. name: for files, links and commands; '': made of the title.

    layers: where it acts; None: all. hold: what stays as it is, keys of HOLDS or attributes.
    """

    title: str
    name: str = ""
    layers: tuple[int, ...] | None = None
    hold: tuple[str, ...] = ()

    @property
    def held(self) -> tuple[str, ...]:
        """Attributes. Raises InvalidRequestError for what nobody knows."""
        for name in self.hold:
            if name not in HOLDS and name not in NAMES:
                raise InvalidRequestError(
                    f"Nothing is known to hold by the name of '{name:.80}'. Choose of: "
                    f"{', '.join(dict.fromkeys([*HOLDS, *NAMES]))}."
                )
        found = [each for name in self.hold for each in HOLDS.get(name, (name,))]
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, eq=False)
class Yardstick:
    """What directions of one generator are fitted and measured with.

    resolutions: of each layer, px. covariance: of w, [D, D]. faces: ws [M, L, D] that nobody
    chose. measure, slopes: None where the generator's attributes were never learned; names and
    scale: of the measures.
    """

    space: LatentSpace
    resolutions: tuple[int, ...]
    covariance: NDArray[np.floating]
    faces: Ws
    quality: Score
    measure: Measure | None = None
    slopes: Slopes | None = None
    names: tuple[str, ...] = ()
    scale: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def layers_of(self, part: str) -> tuple[int, ...] | None:
        """Of PARTS. Raises InvalidRequestError where it is none, or the generator has no such
        layers."""
        if part == "all":
            return None
        if part not in PARTS:
            raise InvalidRequestError(f"part must be one of {', '.join(PARTS)}, is '{part:.80}'.")
        is_fine = part == "colours"
        layers = [i for i, px in enumerate(self.resolutions) if (px >= FINE) == is_fine]
        return checked_layers(layers, self.space.num_ws)


def open_yardstick(models: ModelCache, name: str, control: FaceControl | None) -> Yardstick:
    """control: None where the generator's attributes were never learned; then nothing can be
    measured, and w's distribution is drawn (some seconds)."""
    generator = models.generator(name)
    seeds = list(range(FIRST_SEED, FIRST_SEED + MEASURED_FACES))
    faces = latents_from_seeds(generator, seeds, psi=PSI, noise=Noise()).ws
    space, sizes = LatentSpace.of(generator), tuple(generator.synthesis.layer_resolutions)
    quality = models.quality_scale(name).score
    if control is None:
        covariance = WDistribution.of(generator).covariance
        return Yardstick(space, sizes, covariance, faces, quality)
    pack = control.pack
    scale = np.array([pack.scale.get(each, np.nan) for each in NAMES])

    def slopes(names: Sequence[str], layers: Sequence[int]) -> NDArray[np.float64]:
        return pack.model.slopes(faces, names, layers)

    measure = control.measure
    return Yardstick(space, sizes, pack.covariance, faces, quality, measure, slopes, NAMES, scale)


def fit_own(wish: OwnWish, name: str, sets: FaceSets, yardstick: Yardstick) -> Direction:
    """Not measured yet. Raises InvalidRequestError for sets that do not differ, for what cannot
    be held and for a title that is none."""
    layers = checked_layers(wish.layers, yardstick.space.num_ws)
    held, slopes = wish.held, None
    if held:
        if yardstick.slopes is None:
            raise InvalidRequestError(
                f"Nothing can be held: the attributes of '{yardstick.space.identity.name}' are "
                "not known. Learn them: python launch.py train attributes --config FILE"
            )
        slopes = yardstick.slopes(held, layers)
    found = fit_from_sets(
        sets.with_ws,
        sets.without_ws,
        space=yardstick.space,
        covariance=yardstick.covariance,
        name=name,
        title=wish.title.strip(),
        layers=layers,
        held_slopes=slopes,
    )
    source = {**sets.source, "ws_sha256": sets.digest}
    return replace(found, facts={**found.facts, "held": list(held), "source": source})


def measure_own(direction: Direction, yardstick: Yardstick, on_step: OnStep) -> Direction:
    """With its safe range and what it changes; as it was where nothing can be measured.

    on_step: called every few pictures; may raise Cancelled.
    """
    if yardstick.measure is None:
        return direction
    measure, faces = yardstick.measure, yardstick.faces
    total, doing = len(faces) * (len(AMOUNTS) + 1), f"Measuring “{direction.title}”"
    done = 0

    def in_pieces(ws: Ws) -> NDArray[np.floating]:
        nonlocal done
        found = []
        for start in range(0, len(ws), PIECE):
            on_step(Step(done, total, doing, "pictures"))
            found.append(measure(ws[start : start + PIECE]))
            done += len(found[-1])
        return np.concatenate(found)

    effect = measure_effect(
        direction,
        faces,
        in_pieces,
        names=yardstick.names,
        scale=yardstick.scale,
        quality=yardstick.quality,
    )
    on_step(Step(total, total, doing, "pictures"))
    measured = calibrated(direction, effect)
    facts = {**measured.facts, "measured_seeds": [FIRST_SEED, FIRST_SEED + len(faces) - 1]}
    return replace(measured, facts=facts)


def told_of(direction: Direction) -> str:
    """What was measured on it, in a sentence or two; facts of a file from anywhere may be odd."""
    facts, parts = direction.facts, []
    sizes = [facts.get("with"), facts.get("without")]
    if all(type(size) is int for size in sizes):
        parts.append(f"Made from {sizes[0]} faces with and {sizes[1]} without.")
    measured = facts.get("measured")
    changes = _changes(measured) if isinstance(measured, dict) else []
    if changes:
        told = [f"{ATTRIBUTES[name].title} {change:+.2f}" for name, change in changes]
        parts.append(
            f"One step changes {', '.join(told)} (in standard deviations of random faces)."
        )
    elif not isinstance(measured, dict):
        parts.append("What it changes was not measured.")
    return " ".join(parts)


def _changes(measured: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The attributes that it changes most."""
    leakage, own = measured.get("leakage"), measured.get("attribute")
    found: dict[str, Any] = {own: measured.get("effect")} if isinstance(own, str) else {}
    found |= leakage if isinstance(leakage, dict) else {}
    known = [
        (name, float(value))
        for name, value in found.items()
        if name in ATTRIBUTES and type(value) in (int, float) and abs(value) >= LITTLE
    ]
    return sorted(known, key=lambda item: -abs(item[1]))[:TOLD]
