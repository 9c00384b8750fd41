"""Faces on demand, live: a recipe becomes a preview in milliseconds, then the whole face.

A face is made in one order, so that a recipe always means the same one: the drawn w, or a photo's;
as much of the mean face of the age and gender as the recipe mixes in; the sliders, with what is
locked put back; then age and gender on top, with the sliders' attributes and all that is locked
held. Parts of another face come first where they have codes of their own, else last: blended into
the whole face, not into previews.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.attributes.control import SURE, TOLERANCE, targets_of
from core.errors import InvalidRequestError
from core.generators import Generator
from core.progress import OnStep, Step, ignore
from core.regions import NothingToTakeError
from core.sampling import pulled_to_mean, w_from_z, ws_from_w
from core.seeds import draw_z
from studio.model_cache import ModelCache
from studio.workflows.face_control import TRIES, Wish, first_reached
from studio.workflows.own_sliders import OwnSliders
from studio.workflows.part_mixing import PartMixing
from studio.workflows.photo_folder import PhotoFolders
from studio.workflows.recent import Recent
from studio.workflows.segmenters import Segmenters
from studio.workflows.steering_parts import Control, SteeringParts
from studio.workflows.steering_pictures import FacePass, Shown, SteeringPictures
from studio.workflows.steering_recipe import FaceRecipe

Check = Callable[[], None]  # raises Cancelled once nobody waits any more
OnShown = Callable[[Shown, bool], None]  # a face, and whether it is the last one
Ws = NDArray[np.float32]  # [L, D]

FADES = 20.0  # years from the last measured age at which its correction means nothing any more


@dataclass(frozen=True)
class Told:
    """What the estimator says of a face; NaN where it finds none.

    reached: whether what was asked is so; None where nothing was asked. tries: pictures measured.
    """

    age: float
    male: float
    reached: bool | None = None
    notes: tuple[str, ...] = ()
    tries: int = 0

    @property
    def is_found(self) -> bool:
        return math.isfinite(self.age)


@dataclass(frozen=True, eq=False)
class _Finished:
    ws: Ws
    told: Told | None


@dataclass(frozen=True, eq=False)
class _Opened:
    """What one recipe needs. layers: those that its locks do not leave alone."""

    generator: Generator
    control: Control | None
    layers: tuple[int, ...]


class Steering:
    """Makes faces of recipes. Safe to use from threads."""

    def __init__(self, models: ModelCache, segmenters: Segmenters, workspace: Path) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._prepared: set[str] = set()
        self.parts = SteeringParts(models, workspace)
        self.own = OwnSliders(models, self.parts)
        self.photos = PhotoFolders(workspace)
        self.pictures = SteeringPictures(models, segmenters)
        self.mixing = PartMixing(models, segmenters, self.parts)
        self._drawn: Recent[NDArray[np.float64]] = Recent()
        self._finished: Recent[_Finished] = Recent()
        self._corrections: Recent[tuple[float | None, Ws]] = Recent()

    def prepare(self, generator: str, sizes: Sequence[int]) -> None:
        """Open and compile what drags and faces of it need, once; takes seconds.

        sizes: of previews, the first one is needed first.
        """
        with self._lock:
            if generator in self._prepared:
                return
            self._prepared.add(generator)
        recipe = FaceRecipe.of(generator, 0, 1.0)
        self.preview(recipe, sizes[0], lambda: None)
        self.finish(recipe, lambda shown, is_final: None)
        for size in sizes[1:]:
            self.preview(recipe, size, lambda: None)

    def preview(self, recipe: FaceRecipe, size: int, check: Check) -> Shown:
        """A picture of about `size` px, as far as can be told without measuring one."""
        ws = self.guess(recipe, check)
        check()
        small = self.pictures.preview(recipe.generator, size)
        check()
        return small.render(ws)

    def guess(self, recipe: FaceRecipe, check: Check = lambda: None) -> Ws:
        """ws [L, D] of its preview."""
        opened = self._open(recipe, ignore)
        check()
        return self._guessed(recipe, opened)

    def finish(
        self, recipe: FaceRecipe, on_shown: OnShown, on_step: OnStep = ignore
    ) -> Told | None:
        """The whole face. on_shown: gets it, and before it what it will be about; it and on_step
        may raise Cancelled. Returns None where the generator's attributes were never learned.
        """
        opened = self._open(recipe, on_step)
        on_step(Step(0, 0, "Making the picture"))
        full = self.pictures.full(recipe.generator)
        key = self._key(recipe, opened.generator)
        known = self._finished.get(key)
        if known is not None:
            on_shown(self._mixed(recipe, full.render(known.ws), on_step)[0], True)
            return known.told
        if recipe.targets:
            on_shown(full.render(self._guessed(recipe, opened)), False)
            shown, told = self._steered(recipe, opened, full, on_step)
        else:
            shown, told = full.render(self._started(recipe, opened, recipe.mixing)), None
        if recipe.takes and not self.mixing.has_codes(recipe.generator):
            on_shown(shown, False)
        shown, notes = self._mixed(recipe, shown, on_step)
        on_shown(shown, True)
        if told is None and opened.control is not None:
            on_step(Step(0, 0, "Looking at the face"))
            says = opened.control.estimate(shown.picture)
            told = Told(says["age"], says["male"])
        if notes:
            told = told or Told(math.nan, math.nan)
            told = replace(told, notes=(*told.notes, *notes))
        self._finished.put(key, _Finished(shown.ws, told))
        return told

    def final(self, recipe: FaceRecipe, on_step: OnStep = ignore) -> tuple[Shown, Told | None]:
        """The whole face and what is said of it."""
        faces: list[Shown] = []
        told = self.finish(recipe, lambda shown, is_final: faces.append(shown), on_step)
        return faces[-1], told

    def _mixed(
        self, recipe: FaceRecipe, shown: Shown, on_step: OnStep
    ) -> tuple[Shown, tuple[str, ...]]:
        """With parts of the other face blended in, and what is to be said of that."""
        if not recipe.takes or self.mixing.has_codes(recipe.generator):
            return shown, ()
        on_step(Step(0, 0, "Blending parts in"))
        generator = self._models.generator(recipe.generator)
        other = self.source_ws(recipe)
        try:
            mixed = self.mixing.mixer(generator.identity.name).mix(
                shown.ws, other, recipe.takes, recipe.softness
            )
        except NothingToTakeError as error:
            return shown, (str(error),)
        return Shown(shown.ws, mixed.picture, mixed.labels), mixed.notes

    def source_ws(self, recipe: FaceRecipe) -> Ws:
        """ws [L, D] of the face that parts are taken from."""
        generator = self._models.generator(recipe.generator)
        seed = recipe.source_seed
        if seed is None:
            return self.photos.ws(recipe.source, generator)
        return self._seeds_ws(recipe.generator, seed, recipe.psi, generator)

    def _open(self, recipe: FaceRecipe, on_step: OnStep) -> _Opened:
        on_step(Step(0, 0, "Opening the generator"))
        generator = self._models.generator(recipe.generator, on_step)
        if recipe.targets and (missing := self.parts.missing_control(recipe.generator)):
            raise InvalidRequestError(missing)
        on_step(Step(0, 0, "Opening what is known of age and gender"))
        control = self.parts.control(recipe.generator)
        layers = recipe.free_layers(generator.synthesis.layer_resolutions)
        return _Opened(generator, control, layers)

    def _key(self, recipe: FaceRecipe, generator: Generator) -> Hashable:
        """A slider may be deleted, and another one get its name; latents of a photo get better:
        what they are counts, too."""
        base = "".join(self.photos.digest(photo, generator) for photo in recipe.photos)
        if not recipe.directions:
            return recipe, base
        known = self.parts.sliders(recipe.generator).by_name
        names = [name for name, _ in recipe.directions if name in known]
        return recipe, base, tuple(known[name].direction.vector.tobytes() for name in names)

    def _version(self, recipe: FaceRecipe, generator: Generator) -> str:
        return self.photos.digest(recipe.base, generator) if recipe.base else ""

    def photo_ws(self, photo: str, generator: str) -> Ws:
        """ws [L, D] of 'photo:ID', as they are kept."""
        return self.photos.ws(photo, self._models.generator(generator))

    def _drawn_ws(self, recipe: FaceRecipe, generator: Generator) -> Ws:
        """A photo's, or as the Sample tab draws it, to the bit; with the codes of parts."""
        if recipe.base:
            ws = pulled_to_mean(generator, self.photos.ws(recipe.base, generator), recipe.psi)
        else:
            ws = self._seeds_ws(recipe.generator, recipe.seed, recipe.psi, generator)
        if recipe.takes and self.mixing.has_codes(recipe.generator):
            ws = self.mixing.coded(recipe.generator, ws, self.source_ws(recipe), recipe.takes)
        return ws

    def _seeds_ws(self, name: str, seed: int, psi: float, generator: Generator) -> Ws:
        """w is drawn once for each seed, which is slow; truncation alone is not."""
        w = self._drawn.get((name, seed))
        if w is None:
            w = w_from_z(generator, draw_z([seed], generator.mapping.z_dim))  # [1, D]
            self._drawn.put((name, seed), w)
        ws: Ws = ws_from_w(generator, w, psi=psi)[0]
        return ws

    def _started(self, recipe: FaceRecipe, opened: _Opened, mixing: float) -> Ws:
        """All but age and gender."""
        ws = self._drawn_ws(recipe, opened.generator)
        if recipe.targets and mixing and opened.control is not None:
            wish = Wish(recipe.age, self._gender(recipe, opened), mixing)
            mixed = opened.control.mixed(ws, wish, np.random.default_rng(recipe.seed))
            ws = _only_in(opened.layers, ws, mixed)
        return self._slid(recipe, opened, ws)

    def _slid(self, recipe: FaceRecipe, opened: _Opened, ws: Ws) -> Ws:
        """Moved by the sliders, with what is locked put back where they moved it, too."""
        if not recipe.directions:
            return ws
        known = self.parts.sliders(recipe.generator).by_name
        moved = ws
        for name, amount in recipe.directions:
            if name not in known:
                raise InvalidRequestError(
                    f"There is no slider '{name:.80}' for '{recipe.generator}'. There are: "
                    f"{', '.join(known) or 'none'}."
                )
            moved = known[name].direction.apply(moved, amount)
        moved = _only_in(opened.layers, ws, moved)
        own = self._moved_attributes(recipe)
        locked = [name for name in recipe.held() if name not in own]
        if not locked or opened.control is None:
            return moved
        before = opened.control.predict(ws)
        targets = {name: before[name] for name in locked if name in before}
        return opened.control.guess(moved, targets, own, opened.layers)

    def _moved_attributes(self, recipe: FaceRecipe) -> tuple[str, ...]:
        """Those that sliders were meant to move, which is a wish, too."""
        known = self.parts.sliders(recipe.generator).by_name
        names = [known[n].direction.attribute for n, _ in recipe.directions if n in known]
        return tuple(dict.fromkeys(name for name in names if name))

    def _gender(self, recipe: FaceRecipe, opened: _Opened) -> str | None:
        """The one asked for; with an age alone the drawn one, where that is clear: else a face
        would change it on the way to another age."""
        if recipe.gender is not None or recipe.age is None or opened.control is None:
            return recipe.gender
        drawn = opened.control.predict(self._drawn_ws(recipe, opened.generator))
        male = drawn.get("male", 0.5)
        return "female" if male < SURE else "male" if male > 1 - SURE else None

    def _targets(self, recipe: FaceRecipe, opened: _Opened) -> dict[str, float]:
        return targets_of(recipe.age, self._gender(recipe, opened))

    def _hold(self, recipe: FaceRecipe) -> tuple[str, ...]:
        """What age and gender must not change: one of them the other, too, if it is as drawn."""
        other = {"age", "male"} - set(recipe.targets)
        return tuple(dict.fromkeys([*self._moved_attributes(recipe), *recipe.held(), *other]))

    def _guessed(self, recipe: FaceRecipe, opened: _Opened) -> Ws:
        """As the model sees it, corrected by what the last measured face like it has taught."""
        known = self._finished.get(self._key(recipe, opened.generator))
        if known is not None:
            return known.ws
        ws = self._started(recipe, opened, recipe.mixing)
        if not recipe.targets or opened.control is None:
            return ws
        ws = opened.control.guess(
            ws, self._targets(recipe, opened), self._hold(recipe), opened.layers
        )
        age, correction = self._corrections.get(self._family(recipe, opened)) or (None, None)
        if correction is None:
            return ws
        away = 0.0 if recipe.age is None or age is None else abs(recipe.age - age)
        return ws + np.float32(max(0.0, 1 - away / FADES)) * correction

    def _steered(
        self, recipe: FaceRecipe, opened: _Opened, full: FacePass, on_step: OnStep
    ) -> tuple[Shown, Told]:
        """Measured and corrected until it is so; where it does not arrive, again from nearer to
        the mean face of that age and gender, unless the identity is locked."""
        control = opened.control
        assert control is not None
        looks: list[Shown] = []

        def see(ws: Ws) -> NDArray[np.uint8]:
            looks[:] = [full.render(ws)]
            return looks[0].picture

        hold, targets = self._hold(recipe), self._targets(recipe, opened)
        best = first_reached(
            control.steer(
                self._started(recipe, opened, mixing),
                targets,
                hold,
                opened.layers,
                see,
                on_step if place == 0 else _again(on_step),
            )
            for place, mixing in enumerate(_mixings(recipe))
        )
        self._learn(recipe, opened, best.ws)
        is_seen = bool(looks) and np.array_equal(looks[0].ws, best.ws)
        shown = looks[0] if is_seen else full.render(best.ws)
        says = best.estimates if is_seen else control.estimate(shown.picture)
        missed = _missed(recipe, says)
        return shown, Told(says["age"], says["male"], not missed, missed, best.pictures)

    def _learn(self, recipe: FaceRecipe, opened: _Opened, ws: Ws) -> None:
        """How far a guess was off, for the next drag from here."""
        assert opened.control is not None
        start = self._started(recipe, opened, recipe.mixing)
        guess = opened.control.guess(
            start, self._targets(recipe, opened), self._hold(recipe), opened.layers
        )
        self._corrections.put(self._family(recipe, opened), (recipe.age, ws - guess))

    def _family(self, recipe: FaceRecipe, opened: _Opened) -> Hashable:
        """Faces whose guesses are off alike."""
        return (
            recipe.generator,
            self._version(recipe, opened.generator) or recipe.seed,
            recipe.psi,
            recipe.age is None,
            recipe.gender,
            recipe.mixing,
        )


def _again(on_step: OnStep) -> OnStep:
    def told(step: Step) -> None:
        on_step(replace(step, doing=f"{step.doing} again, nearer to the average face"))

    return told


def _missed(recipe: FaceRecipe, says: Mapping[str, float]) -> tuple[str, ...]:
    """What of the wish the estimator does not see on the picture, for people."""
    if not math.isfinite(says["age"]):
        return ("No face is found in the result. Try another seed or a smaller psi.",)
    less = "Keep less" if recipe.locks else "Move the sliders less"
    found = []
    if recipe.age is not None and abs(says["age"] - recipe.age) > TOLERANCE["age"]:
        found.append(
            f"{says['age']:.1f} years instead of {recipe.age:g}: this face does not come closer. "
            f"{less}, or try another seed."
        )
    if "male" in recipe.targets and abs(says["male"] - recipe.targets["male"]) >= SURE:
        found.append(f"It is not clearly seen as {recipe.gender}. {less}, or try another seed.")
    return tuple(found)


def _mixings(recipe: FaceRecipe) -> list[float]:
    more = [mixing for mixing, _ in TRIES if mixing > recipe.mixing]
    return [recipe.mixing, *([] if "identity" in recipe.locks else more)]


def _only_in(layers: Sequence[int], before: Ws, after: Ws) -> Ws:
    """`after` in these layers, `before` in the others."""
    if len(layers) == len(before):
        return after
    result = before.copy()
    result[list(layers)] = after[list(layers)]
    return result
