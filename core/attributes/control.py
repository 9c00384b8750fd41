"""Closed-loop control: go where the model says, measure the picture, correct what is left.

Style mixing with an encoder, as in the thesis, leaves an error of some years, because what the
encoder knows is the mean face of an age. Here each step solves for the smallest change of w
(in units of w's own distribution) that moves the asked attributes by what is still missing while
the held ones stay: w' = C J^T (J C J^T + R)^-1 r, with J the model's slope, C the covariance of w
and r what the measured picture lacks. How far the picture followed scales the next step (secant).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.attributes.measures import ATTRIBUTES
from core.attributes.measuring import Measure
from core.attributes.model import AttributeModel
from core.errors import InvalidRequestError
from core.progress import OnStep, Step, ignore

Check = Callable[[NDArray[np.float32]], Mapping[str, float]]  # ws [L, D] -> the asked attributes
TOLERANCE = {"age": 1.0}  # years: dlib's frame of a face jumps by as much in a small step
SURE = 0.2  # of a gender's probability from what is aimed at
WRONG_GENDER = 100.0  # tolerances: worse than any age
SHARE_OF_SPREAD = 0.1  # tolerance of any other attribute, in standard deviations
MOST_STEPS = 8  # pictures measured on the way
MOST_CHECKS = 3  # full-size pictures estimated at the end
INNER = 4  # solutions of the model's own equation for each picture
FIRM, LOOSE = 0.003, 0.1  # R: of what is asked, and of what is held
LONGEST = 4.0  # step, in standard deviations of w: further on, the model knows little
FURTHEST = 8.0  # from the start
ALIKE, JITTER = 0.03, 0.3  # a place this near to one that was tried is left by a small jump
GAINS = (0.3, 2.0)  # of a step, by how far the last one was followed
FEMALE, MALE = 0.02, 0.98  # probabilities that are aimed at


@dataclass(frozen=True, eq=False)
class Steered:
    """ws: float32 [L, D]. estimates: what was measured last, by name. reached: whether all that
    was asked is within tolerance. notes: for people, what could not be. pictures: how many
    were measured. distance: of the change, in standard deviations of w. miss: the largest error
    of what was asked, in tolerances.
    """

    ws: NDArray[np.float32]
    estimates: dict[str, float]
    reached: bool
    notes: tuple[str, ...]
    pictures: int
    distance: float
    miss: float


def targets_of(age: float | None = None, gender: str | None = None) -> dict[str, float]:
    """Targets by attribute. Raises InvalidRequestError for what the estimator cannot say."""
    targets: dict[str, float] = {}
    if age is not None:
        known = ATTRIBUTES["age"]
        if not 1 <= age <= known.high:
            raise InvalidRequestError(
                f"An age must be in 1..{known.high:g} years, which is what the estimator can "
                f"tell apart; got {age:g}."
            )
        targets["age"] = float(age)
    if gender is not None:
        if gender not in ("female", "male"):
            raise InvalidRequestError(f"gender must be female or male, is '{gender}'.")
        targets["male"] = MALE if gender == "male" else FEMALE
    return targets


def _is_gender(value: float, target: float) -> bool:
    """Whether a probability of male says what was asked, and clearly."""
    return abs(value - target) < SURE


class Controller:
    """Steers faces of one generator.

    covariance: of its w, float [D, D]. layers: where w is changed. measure: pictures of ws and
    their measures, in the order of the model's names.
    """

    def __init__(
        self,
        model: AttributeModel,
        covariance: NDArray[np.floating],
        layers: Sequence[int],
        measure: Measure,
    ) -> None:
        if not layers or min(layers) < 0 or max(layers) >= model.num_ws:
            raise InvalidRequestError(
                f"The layers to change must be in 0..{model.num_ws - 1}, are {list(layers)}."
            )
        self.model = model
        self.layers = tuple(layers)
        self._measure = measure
        scale, basis = np.linalg.eigh(np.asarray(covariance, np.float64))
        root = basis * np.sqrt(np.clip(scale, 0, None))  # w = mean + root @ z, z standard normal
        self._root = torch.from_numpy(root).float()
        self._read = model.read.weight.detach() @ self._root  # z -> what the hidden units read

    def guess(
        self,
        ws: NDArray[np.float32],
        targets: Mapping[str, float],
        hold: Collection[str] = (),
        layers: Sequence[int] | None = None,
    ) -> NDArray[np.float32]:
        """ws [L, D] -> ws [L, D] where the model sees the targets; nothing is rendered."""
        path = _Path(self, ws, targets, hold, layers or self.layers)
        return path.ws(path.solved(path.begin_at, path.wanted))

    def steer(
        self,
        ws: NDArray[np.float32],
        targets: Mapping[str, float],
        hold: Collection[str] = (),
        *,
        layers: Sequence[int] | None = None,
        check: Check | None = None,
        on_step: OnStep = ignore,
    ) -> Steered:
        """ws [L, D] -> a face whose measures are the targets, within TOLERANCE.

        hold: attributes that stay as they are. check: estimates the full-size picture; what it
        says counts in the end. on_step: may raise Cancelled. Without targets the face is
        measured and stays.
        """
        path = _Path(self, ws, targets, hold, layers or self.layers)
        run = _Run(path, self._measure, check, on_step)
        while not run.is_over():
            run.advance()
        return run.result()


class _Path:
    """The model's equation for one face: z [D] moves w in the chosen layers."""

    def __init__(
        self,
        controller: Controller,
        ws: NDArray[np.float32],
        targets: Mapping[str, float],
        hold: Collection[str],
        layers: Sequence[int],
    ) -> None:
        self.model = model = controller.model
        self.root = controller._root
        if ws.shape != (model.num_ws, len(self.root)):
            raise InvalidRequestError(
                f"ws must have shape [{model.num_ws}, {len(self.root)}], has {list(ws.shape)}."
            )
        self.targets = dict(targets)
        held = [name for name in hold if name not in targets]
        self.names = [*targets, *held]
        self.places = [model.place(name) for name in self.names]
        self.start = torch.from_numpy(np.ascontiguousarray(ws, np.float32))
        is_moved = torch.zeros(model.num_ws, 1)
        is_moved[list(layers)] = 1.0
        self.is_moved = is_moved
        self.begin_at = torch.zeros(len(self.root))
        self.seen = model.seen(self.start[None])[0].detach()  # [hidden]
        reach = model.layers.detach()[list(layers)].sum(0)  # of the hidden units, together
        self.turn = reach[:, None] * controller._read  # z -> [hidden]
        before = model.told(self.seen[None])[0].detach()
        asked = [self.deviation(name, value) for name, value in targets.items()]
        self.wanted = torch.tensor([*asked, *(float(before[model.place(n)]) for n in held)])
        firm = [FIRM if name in targets else LOOSE for name in self.names]
        self.ridge = torch.tensor(firm).diag()

    def deviation(self, name: str, value: float) -> float:
        """A plain value on the model's scale."""
        values = torch.full([len(self.model.names)], float("nan"))
        values[self.model.place(name)] = value
        return float(self.model.from_values(values)[self.model.place(name)])

    def ws(self, z: Tensor) -> NDArray[np.float32]:
        moved: NDArray[np.float32] = self._moved(z).numpy()
        return moved

    def told(self, z: Tensor) -> Tensor:
        """What the model says, of the names that matter here."""
        told: Tensor = self.model.told((self.seen + self.turn @ z)[None])[0, self.places]
        return told.detach()

    def solved(self, z: Tensor, wanted: Tensor) -> Tensor:
        """The smallest z near which the model says `wanted`."""
        if not self.names:
            return z
        for _ in range(INNER):
            told, slope = self._linear(z)
            lacking = wanted - told + slope @ z
            z = slope.T @ torch.linalg.solve(slope @ slope.T + self.ridge, lacking)
        return z

    def _linear(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """What the model says near z: [names], and how it changes with z, [names, D].

        Only its hidden units are differentiated, one row a name: what they read is linear.
        """
        rows = (self.seen + self.turn @ z).expand(len(self.names), -1).clone().requires_grad_()
        told = self.model.told(rows)[range(len(self.names)), self.places]
        (slope,) = torch.autograd.grad(told.sum(), rows)  # [names, hidden]
        return told.detach(), slope @ self.turn

    def _moved(self, z: Tensor) -> Tensor:
        return self.start + self.is_moved * (self.root @ z)


class _Run:
    """One face on its way: what was tried, the best so far, and what the last step taught."""

    def __init__(self, path: _Path, measure: Measure, check: Check | None, on_step: OnStep) -> None:
        self.path, self.measure, self.check, self.on_step = path, measure, check, on_step
        self.z = path.begin_at
        self.pictures = self.checks = 0
        self.best: tuple[float, Tensor, dict[str, float]] | None = None
        self.reached = False
        self.offset: dict[str, float] = {}  # full-size estimate minus the preview's
        self.original: Tensor | None = None
        self.before: tuple[Tensor, Tensor] | None = None  # measured and told, of the last step
        self.seen_at = self.z  # the last place with a face
        self.tried: list[Tensor] = []
        self.random = torch.Generator().manual_seed(0)
        self.sides: dict[bool, tuple[float, Tensor]] = {}  # too little, too much: by how much, z
        self.gain = torch.ones(len(path.names))

    def is_over(self) -> bool:
        return self.reached or self.pictures >= MOST_STEPS

    def advance(self) -> None:
        """Measure where we are; if that is not it, go on."""
        path = self.path
        found = self._look()
        miss = self._miss(found)
        if miss <= 1 and self.check is not None and path.targets:
            exact = dict(self.check(path.ws(self.z)))
            self.checks += 1
            self.sides.clear()  # they were told by the preview
            self.offset = {
                name: exact[name] - found[name] for name in path.targets if name in exact
            }
            found = found | exact
            miss = self._miss(found)
            if self.checks >= MOST_CHECKS:
                self.pictures = MOST_STEPS
        if self.best is None or miss < self.best[0]:
            self.best = miss, self.z, found
        if miss <= 1:
            self.reached = True
            return
        self._go_on(found)

    def result(self) -> Steered:
        assert self.best is not None
        miss, z, found = self.best
        return Steered(
            self.path.ws(z),
            found,
            self.reached,
            self._notes(found),
            self.pictures,
            float(z.norm()),
            miss,
        )

    def _look(self) -> dict[str, float]:
        """The measures of the picture here, corrected by what the full-size one taught."""
        self.on_step(Step(self.pictures, MOST_STEPS, "steering", "pictures"))
        self.tried.append(self.z)
        values = self.measure(self.path.ws(self.z)[None])[0]
        self.pictures += 1
        found = dict(zip(self.path.model.names, map(float, values), strict=True))
        return {name: value + self.offset.get(name, 0.0) for name, value in found.items()}

    def _miss(self, found: Mapping[str, float]) -> float:
        """The largest error of what is asked, in tolerances; infinite where there is no face."""
        worst = 0.0
        for name, target in self.path.targets.items():
            value = found[name]
            if not np.isfinite(value):
                return float("inf")
            if name == "male":
                worst = max(worst, 0.0 if _is_gender(value, target) else WRONG_GENDER)
            else:
                worst = max(worst, abs(value - target) / self._tolerance(name))
        return worst

    def _tolerance(self, name: str) -> float:
        spread = float(self.path.model.spread[self.path.model.place(name)])
        return TOLERANCE.get(name, SHARE_OF_SPREAD * spread)

    def _go_on(self, found: Mapping[str, float]) -> None:
        path, count = self.path, len(self.path.targets)
        measured = torch.tensor([path.deviation(name, found[name]) for name in path.names])
        if self.original is None:
            self.original = measured.nan_to_num()
        if not measured[:count].isfinite().all():  # no face: half of the way back
            self.z, self.before = (self.z + self.seen_at) / 2, None
            return
        self.seen_at = self.z
        told = path.told(self.z)
        wanted = torch.cat([path.wanted[:count], self.original[count:]])
        lacking = wanted - torch.where(measured.isfinite(), measured, wanted)
        self._note_side(found, lacking)
        self._learn(measured, told)
        self.before = measured, told
        between = self._between()
        if between is not None:
            self.z = self._unlike(between)
            return
        step = lacking * self.gain
        if "male" in path.targets and _is_gender(found["male"], path.targets["male"]):
            step[path.names.index("male")] = 0.0  # far enough; more would cost identity
        step[count:] = step[count:].clamp(-1.0, 1.0)
        self.z = self._unlike(self._within(path.solved(self.z, told + step)))

    def _within(self, z: Tensor) -> Tensor:
        """Not too far from here, nor from the start."""
        step = z - self.z
        z = self.z + step * min(1.0, LONGEST / max(float(step.norm()), 1e-6))
        return z * min(1.0, FURTHEST / max(float(z.norm()), 1e-6))

    def _unlike(self, z: Tensor) -> Tensor:
        """Estimates jump where the detector's frame does; a place beside is as good to try."""
        if all(float((z - other).norm()) > ALIKE for other in self.tried):
            return z
        jump = torch.randn(z.shape, generator=self.random)
        beside: Tensor = z + JITTER * jump / jump.norm()
        return beside

    def _note_side(self, found: Mapping[str, float], lacking: Tensor) -> None:
        """Remember the nearest place on either side of the target, where there is but one."""
        path = self.path
        single = [name for name in path.targets if name != "male"]
        is_right = "male" not in path.targets or _is_gender(found["male"], path.targets["male"])
        if len(single) != 1 or not is_right:
            return
        missing = float(lacking[path.names.index(single[0])])
        known = self.sides.get(missing > 0)
        if known is None or abs(missing) < abs(known[0]):
            self.sides[missing > 0] = missing, self.z

    def _between(self) -> Tensor | None:
        """Between the two sides (regula falsi), never nearer to either than a sixth."""
        if len(self.sides) < 2:
            return None
        (lower, low), (upper, high) = self.sides[True], self.sides[False]
        share = min(max(lower / (lower - upper), 1 / 6), 5 / 6)
        return low + share * (high - low)

    def _learn(self, measured: Tensor, told: Tensor) -> None:
        """How far the picture followed the model at the last step: the secant."""
        if self.before is None:
            return
        moved, meant = measured - self.before[0], told - self.before[1]
        is_clear = (meant.abs() > 0.05) & moved.isfinite()
        followed = torch.where(is_clear, moved / torch.where(is_clear, meant, 1.0), 1.0)
        ratio = (1 / followed.clamp(min=1e-3)).clamp(*GAINS)
        self.gain = torch.where(is_clear, ratio, self.gain)
        self.gain[len(self.path.targets) :] = 1.0
        if "male" in self.path.targets:  # saturates, so that its slope says nothing
            self.gain[self.path.names.index("male")] = 1.0

    def _notes(self, found: Mapping[str, float]) -> tuple[str, ...]:
        if self.reached:
            return ()
        notes = []
        for name, target in self.path.targets.items():
            attribute, value = ATTRIBUTES[name], found[name]
            if not np.isfinite(value):
                notes.append("No face is found in the result. Try another seed or a smaller psi.")
                break
            if name == "male":
                if not _is_gender(value, target):
                    gender = "male" if target > 0.5 else "female"
                    notes.append(f"The estimator does not clearly see it as {gender}.")
            elif abs(value - target) > self._tolerance(name):
                notes.append(
                    f"{attribute.title}: {value:.1f} {attribute.unit} instead of {target:g}; this "
                    "face does not come closer. Hold less, or try another seed."
                )
        return tuple(dict.fromkeys(notes))
