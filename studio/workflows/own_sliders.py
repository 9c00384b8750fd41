"""People's own sliders in the workspace: made, renamed, deleted; one small file each."""

from __future__ import annotations

import re
import threading
import unicodedata
from dataclasses import replace
from pathlib import Path

from core.directions import Direction, read_directions, save_directions
from core.directions.direction import MAX_TITLE, NAME
from core.errors import InvalidRequestError, OutputError
from core.latents import LatentSpace
from core.progress import OnStep, Step, ignore
from studio.model_cache import ModelCache
from studio.workflows.own_directions import (
    FaceSets,
    OwnWish,
    Yardstick,
    fit_own,
    measure_own,
    open_yardstick,
)
from studio.workflows.steering_parts import SteeringParts

MAX_NAME = 48  # characters that are made of a title, so that a number fits behind


class OwnSliders:
    """Names and titles are unique among all sliders of a generator. Safe to use from threads."""

    def __init__(self, models: ModelCache, parts: SteeringParts) -> None:
        self._models = models
        self._parts = parts
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._yardsticks: dict[str, Yardstick] = {}

    def yardstick(self, generator: str) -> Yardstick:
        """Opened once; takes seconds where the generator's attributes are not known."""
        with self._opening:
            if generator not in self._yardsticks:
                control = self._parts.face_control(generator)
                self._yardsticks[generator] = open_yardstick(self._models, generator, control)
            return self._yardsticks[generator]

    def fit(self, generator: str, wish: OwnWish, sets: FaceSets) -> Direction:
        """Neither measured nor saved. Raises InvalidRequestError for names that are taken and as
        `fit_own` does."""
        with self._lock:
            name = self._free_name(generator, wish)
        return fit_own(wish, name, sets, self.yardstick(generator))

    def keep(
        self, generator: str, fitted: Direction, on_step: OnStep = ignore, path: Path | None = None
    ) -> Direction:
        """Measure it and save it as a file of the workspace, or at `path`.

        on_step: may raise Cancelled; nothing is kept then. Raises InvalidRequestError where
        somebody took the name or the title meanwhile, OutputError.
        """
        on_step(Step(0, 0, f"Measuring “{fitted.title}”"))
        measured = measure_own(fitted, self.yardstick(generator), on_step)
        if path is not None:
            save_directions(path, [measured])
            return measured
        with self._lock:
            self._free_name(generator, OwnWish(measured.title, measured.name))
            save_directions(self._parts.own_path(measured.name), [measured])
        return measured

    def rename(self, generator: str, name: str, title: str) -> Direction:
        """Give it another title. Its name stays, so that links to it still work."""
        with self._lock:
            path, found = self._own(generator, name)
            title = title.strip()
            self._check_title(generator, title, but=name)
            renamed = [replace(d, title=title) if d.name == name else d for d in found]
            save_directions(path, renamed)
        return next(direction for direction in renamed if direction.name == name)

    def delete(self, generator: str, name: str) -> None:
        """Its file goes; of a file with several only this one goes."""
        with self._lock:
            path, found = self._own(generator, name)
            others = [direction for direction in found if direction.name != name]
            if others:
                save_directions(path, others)
                return
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(f"{path} cannot be deleted ({error.strerror}).") from error

    def _own(self, generator: str, name: str) -> tuple[Path, list[Direction]]:
        """The file that holds it, with all its directions."""
        slider = self._parts.sliders(generator).by_name.get(name)
        if slider is None:
            raise InvalidRequestError(
                f"There is no slider '{name:.80}' for '{generator}' any more. Load the page again."
            )
        if slider.path is None:
            raise InvalidRequestError(
                f"Slider '{name}' ships with the generator. Only your own can be changed."
            )
        space = LatentSpace.of(self._models.generator(generator))
        return slider.path, read_directions(slider.path, space)

    def _free_name(self, generator: str, wish: OwnWish) -> str:
        """The name asked for, or one that is made of the title."""
        self._check_title(generator, wish.title.strip(), but="")
        taken = {*self._parts.sliders(generator).by_name, *self._parts.own_names()}
        if not wish.name:
            return _numbered(name_of(wish.title), taken)
        if not re.fullmatch(NAME, wish.name):
            raise InvalidRequestError(
                f"A slider's name has 1 to 64 of a-z, 0-9, '_' and '-', got '{wish.name:.80}'."
            )
        if wish.name in taken:
            raise InvalidRequestError(
                f"There is a slider '{wish.name}' already. Choose another name."
            )
        return wish.name

    def _check_title(self, generator: str, title: str, but: str) -> None:
        """but: the slider whose own title does not count."""
        if not title:
            raise InvalidRequestError("A slider needs a name. Write one.")
        if len(title) > MAX_TITLE or not title.isprintable():
            raise InvalidRequestError(
                f"A slider's name is one line of at most {MAX_TITLE} characters, this one has "
                f"{len(title)}. Write a shorter one."
            )
        for name, slider in self._parts.sliders(generator).by_name.items():
            if name != but and slider.direction.title.casefold() == title.casefold():
                raise InvalidRequestError(
                    f"There is a slider “{slider.direction.title}” already. Choose another name."
                )


def name_of(title: str) -> str:
    """[a-z0-9-], of what Latin letters and digits the title has."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_NAME].strip("-")
    return name or "slider"


def _numbered(name: str, taken: set[str]) -> str:
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def chosen_directions(
    asked: dict[str, float], parts: SteeringParts, generator: str, space: LatentSpace
) -> list[tuple[Direction, float]]:
    """By name, title or file, with their amounts: what ships, then people's own.

    A file is meant where the text ends in .safetensors; it must hold one direction. Raises
    InvalidRequestError for what is not there, with what is; WeightsError for a bad file.
    """
    known = parts.sliders(generator).by_name if asked else {}
    titles = {slider.direction.title.casefold(): slider.direction for slider in known.values()}
    found = []
    for text, amount in asked.items():
        if text.endswith(".safetensors"):
            held = read_directions(Path(text), space)
            if len(held) > 1:
                raise InvalidRequestError(
                    f"{text} holds {len(held)} directions. Put it into the workspace's folder "
                    f"directions/ and name one: {', '.join(d.name for d in held[:20])}."
                )
            found.append((held[0], amount))
        elif text in known:
            found.append((known[text].direction, amount))
        elif text.casefold() in titles:
            found.append((titles[text.casefold()], amount))
        else:
            raise InvalidRequestError(
                f"There is no slider '{text:.80}' for '{generator}'. There are: "
                f"{', '.join(known) or 'none'}."
            )
    return found
