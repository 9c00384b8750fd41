"""Stand-ins for what takes hours to train: a control that means something, and two sliders."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.attributes.control import Steered
from core.directions import Direction, save_directions
from core.generators import Identity
from core.progress import OnStep, Step
from studio.services import Services
from studio.workflows.face_control import Wish
from studio.workflows.steering_parts import See

Ws = NDArray[np.float32]
AGE, MALE, SMILE = 0, 1, 2  # entries of w that carry them
STEPS = 3


@dataclass
class FakeControl:
    """Age is 40 + 10 w[0], averaged over the layers; a guess comes 5 years too old."""

    reaches: bool = True
    steered: list[tuple[dict[str, float], tuple[str, ...], tuple[int, ...]]] = field(
        default_factory=list
    )

    def predict(self, ws: Ws) -> Mapping[str, float]:
        mean = ws.mean(axis=0)
        return {"age": 40 + 10 * float(mean[AGE]), "smile": float(mean[SMILE])}

    def mixed(self, ws: Ws, wish: Wish, random: np.random.Generator) -> Ws:
        return ws * np.float32(1 - wish.mixing)

    def guess(
        self, ws: Ws, targets: Mapping[str, float], hold: Collection[str], layers: Sequence[int]
    ) -> Ws:
        wanted = {k: v + 5 if k == "age" else v for k, v in targets.items()}
        return self._moved(ws, wanted, layers)

    def steer(
        self,
        ws: Ws,
        targets: Mapping[str, float],
        hold: Collection[str],
        layers: Sequence[int],
        see: See,
        on_step: OnStep,
    ) -> Steered:
        self.steered.append((dict(targets), tuple(hold), tuple(layers)))
        for done in range(STEPS):
            on_step(Step(done, STEPS, "steering", "pictures"))
        done_ws = self._moved(ws, targets, layers)
        says = {"age": targets.get("age", 40.0), "male": targets.get("male", 0.5)}
        see(done_ws)
        notes = () if self.reaches else ("This face does not come closer.",)
        return Steered(done_ws, says, self.reaches, notes, STEPS, 1.0, 0.5 if self.reaches else 9)

    def estimate(self, picture: NDArray[np.uint8]) -> Mapping[str, float]:
        return {"age": 33.0, "male": 0.9}

    @staticmethod
    def _moved(ws: Ws, targets: Mapping[str, float], layers: Sequence[int]) -> Ws:
        moved = ws.copy()
        for name, entry in (("age", AGE), ("smile", SMILE)):
            if name in targets:
                value = targets[name]
                wanted = (value - 40) / 10 if name == "age" else value
                short = np.float32(wanted - moved[:, entry].mean())
                moved[list(layers), entry] += short * len(ws) / max(1, len(layers))
        return moved


def with_control(services: Services, control: FakeControl | None = None) -> FakeControl:
    """The generator 'small' can be steered from now on."""
    control = control or FakeControl()
    parts = services.steering.parts
    parts._controls["small"] = control
    parts.missing_control = lambda generator: ""  # type: ignore[method-assign]
    return control


def direction(services: Services, name: str = "smile", entry: int = SMILE) -> Direction:
    """Adds 1 to one entry of w in every layer."""
    generator = services.models.generator("small")
    vector = np.zeros((generator.num_ws, generator.synthesis.w_dim), np.float32)
    vector[:, entry] = 1
    identity: Identity = generator.identity
    return Direction(
        name, name.capitalize(), name, vector, identity.name, identity.sha256, (-2.0, 2.5)
    )


def own_sliders(services: Services, *directions: Direction, file: str = "own") -> Path:
    folder = services.workspace / "directions"
    folder.mkdir(exist_ok=True)
    path = folder / f"{file}.safetensors"
    save_directions(path, directions)
    return path
