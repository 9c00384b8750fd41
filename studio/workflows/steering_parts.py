"""What a generator can be steered by: its control, its sliders, and what of that is missing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.attributes.control import Steered
from core.attributes.pack import KIND as ATTRIBUTES
from core.directions import Direction, read_directions
from core.directions.files import KIND as DIRECTIONS
from core.errors import CoreError
from core.latents import LatentSpace
from core.progress import OnStep, ignore
from studio.model_cache import ModelCache
from studio.workflows.face_control import HELD, FaceControl, Wish

log = logging.getLogger(__name__)

OWN = "own"  # the group of people's own sliders
FOLDER = "directions"  # of the workspace: *.safetensors
_GROUPS = {
    "person": (
        "age",
        "male",
        "face_width",
        "nose_width",
        "lip_fullness",
        "brow_thickness",
        "skin_tone",
        "beard",
        "lip_redness",
    ),
    "expression": ("smile", "mouth_opening", "eye_opening"),
    "pose": ("yaw", "pitch", "roll"),
    "hair": ("hair_amount", "fringe", "hair_darkness", "hair_warmth"),
    "accessories": ("eyeglasses", "hat", "earring"),
    "light": ("light_side", "brightness", "background_brightness"),
}
_GROUP_OF = {name: group for group, names in _GROUPS.items() for name in names}
GROUPS = (*_GROUPS, OWN)

See = Callable[[NDArray[np.float32]], NDArray[np.uint8]]  # ws [L, D] -> the whole picture


class Control(Protocol):
    """Steers ws [L, D] of one generator; `layers`: the only ones that are changed."""

    def predict(self, ws: NDArray[np.float32]) -> Mapping[str, float]:
        """What its attributes will be, by name, without a picture."""

    def mixed(
        self, ws: NDArray[np.float32], wish: Wish, random: np.random.Generator
    ) -> NDArray[np.float32]:
        """With some of the mean face of what is wished for."""

    def guess(
        self,
        ws: NDArray[np.float32],
        targets: Mapping[str, float],
        hold: Collection[str],
        layers: Sequence[int],
    ) -> NDArray[np.float32]:
        """Without a picture."""

    def steer(
        self,
        ws: NDArray[np.float32],
        targets: Mapping[str, float],
        hold: Collection[str],
        layers: Sequence[int],
        see: See,
        on_step: OnStep,
    ) -> Steered:
        """Measured on small pictures until it is so, and on what `see` shows in the end."""

    def estimate(self, picture: NDArray[np.uint8]) -> Mapping[str, float]:
        """Age and male as seen on a picture uint8 [S, S, 3]; NaN where no face is found."""


class LoopControl:
    """`FaceControl` as the tab needs it."""

    def __init__(self, control: FaceControl) -> None:
        self._control = control
        self._names = set(control.pack.model.names)

    def predict(self, ws: NDArray[np.float32]) -> Mapping[str, float]:
        model = self._control.pack.model
        return dict(zip(model.names, map(float, model.predict(ws[None])[0]), strict=True))

    def mixed(
        self, ws: NDArray[np.float32], wish: Wish, random: np.random.Generator
    ) -> NDArray[np.float32]:
        return self._control.mixed(ws, wish, random)

    def guess(
        self,
        ws: NDArray[np.float32],
        targets: Mapping[str, float],
        hold: Collection[str],
        layers: Sequence[int],
    ) -> NDArray[np.float32]:
        return self._control.controller.guess(ws, targets, self._held(hold), self._own(layers))

    def steer(
        self,
        ws: NDArray[np.float32],
        targets: Mapping[str, float],
        hold: Collection[str],
        layers: Sequence[int],
        see: See,
        on_step: OnStep = ignore,
    ) -> Steered:
        return self._control.controller.steer(
            ws,
            targets,
            self._held(hold),
            layers=self._own(layers),
            check=lambda ws: self.estimate(see(ws)),
            on_step=on_step,
        )

    def estimate(self, picture: NDArray[np.uint8]) -> Mapping[str, float]:
        return self._control.estimate(picture)

    def _held(self, hold: Collection[str]) -> list[str]:
        return [name for name in dict.fromkeys([*HELD, *hold]) if name in self._names]

    def _own(self, layers: Sequence[int]) -> list[int]:
        return [layer for layer in self._control.controller.layers if layer in set(layers)]


@dataclass(frozen=True)
class Slider:
    """A direction and where it is shown. group: of GROUPS. path: of people's own, its file."""

    direction: Direction
    group: str
    path: Path | None = None


@dataclass(frozen=True)
class Sliders:
    """By name, in the order to show. problems: files that cannot be used, said for people."""

    by_name: Mapping[str, Slider]
    problems: tuple[str, ...] = ()
    missing: str = ""  # what there is none of, and the command that makes it


class SteeringParts:
    """Opens what is there for a generator when it is first needed. Safe to use from threads.

    A promoted or newly trained file counts from the next start; people's own sliders at once.
    """

    def __init__(self, models: ModelCache, workspace: Path) -> None:
        self._models = models
        self._own = workspace / FOLDER
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._missing: dict[str, str] = {}
        self._face_controls: dict[str, FaceControl] = {}
        self._controls: dict[str, Control] = {}
        self._sliders: dict[str, tuple[object, Sliders]] = {}

    def missing_control(self, generator: str) -> str:
        """Why age and gender cannot be asked for; '' where they can. Opens nothing."""
        with self._lock:
            if generator not in self._missing:
                has_some = self._models.weights.made_for(generator, ATTRIBUTES)
                self._missing[generator] = "" if has_some else _no_attributes(generator)
            return self._missing[generator]

    def control(self, generator: str) -> Control | None:
        """None where its attributes were never learned. Raises CoreError for a broken file."""
        with self._lock:
            known = self._controls.get(generator)
        if known is not None:
            return known
        opened = self.face_control(generator)
        if opened is None:
            return None
        with self._lock:
            return self._controls.setdefault(generator, LoopControl(opened))

    def face_control(self, generator: str) -> FaceControl | None:
        """What the control is made of; None and errors as for `control`."""
        if self.missing_control(generator):
            return None
        with self._opening:
            if generator not in self._face_controls:
                self._face_controls[generator] = FaceControl(self._models, generator)
            return self._face_controls[generator]

    def own_path(self, name: str) -> Path:
        """Where a slider of one's own is kept."""
        return self._own / f"{name}.safetensors"

    def own_names(self) -> list[str]:
        """Names that files of one's own have, whatever they hold, of all generators."""
        return [path.stem for path, _ in self._own_files()]

    def _own_files(self) -> list[tuple[Path, int]]:
        """With the times of their last changes; one that goes meanwhile is left out."""
        found = []
        for path in sorted(self._own.glob("*.safetensors"), key=lambda path: path.stem):
            try:
                if path.is_file():  # a pipe would be waited for
                    found.append((path, path.stat().st_mtime_ns))
            except OSError:
                continue
        return found

    def sliders(self, generator: str) -> Sliders:
        """Read anew where a file of one's own came, went or changed."""
        version = self._own_files()
        with self._lock:
            known = self._sliders.get(generator)
        if known is None or known[0] != version:
            known = version, self._read(generator, [path for path, _ in version])
            with self._lock:
                self._sliders[generator] = known
        return known[1]

    def _read(self, generator: str, files: Sequence[Path]) -> Sliders:
        space = LatentSpace.of(self._models.generator(generator))
        by_name: dict[str, Slider] = {}
        problems: list[str] = []
        shipped = self._models.weights.made_for(generator, DIRECTIONS)
        for name in shipped:
            try:
                for direction in read_directions(self._models.weights.checked(name), space):
                    group = _GROUP_OF.get(direction.attribute, "person")
                    by_name.setdefault(direction.name, Slider(direction, group))
            except CoreError as error:
                problems.append(str(error))
        for path in files:
            try:
                for direction in read_directions(path, space):
                    if direction.name in by_name:
                        problems.append(
                            f"{path}: there is another slider '{direction.name}' already. "
                            "Give it another name."
                        )
                    by_name.setdefault(direction.name, Slider(direction, OWN, path))
            except CoreError as error:
                problems.append(str(error))
        for problem in problems:
            log.warning("A slider is left out: %s", problem)
        missing = "" if shipped or by_name else _no_sliders(generator)
        order = [name for group in GROUPS for name, s in by_name.items() if s.group == group]
        return Sliders({name: by_name[name] for name in order}, tuple(problems), missing)


def _no_attributes(generator: str) -> str:
    return (
        f"Age and gender of '{generator}' are not known yet: there is no file of its "
        "attributes. Make one: python launch.py train attributes --config FILE"
    )


def _no_sliders(generator: str) -> str:
    return (
        f"There are no sliders for '{generator}' yet. Make your own from faces, or fit some: "
        "python launch.py train directions --config FILE"
    )
