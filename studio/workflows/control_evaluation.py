"""Control judged: the same orders filled in four ways, side by side."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.attributes.pack import KIND
from core.evaluation.control import Target, draw_seeds, draw_targets
from core.evaluation.judges import Judges, open_judges
from core.generators import Noise
from core.latents import Latents, LatentSpace
from core.progress import OnStep, Step, ignore
from core.sampling import latents_from_seeds
from studio.model_cache import ModelCache
from studio.workflows.evaluation_figures import Filled, figures_of
from studio.workflows.evaluation_folder import EvaluationFolder
from studio.workflows.face_control import FaceControl, Wish

WAYS = ("random", "encoder", "mixing", "closed loop")
STREAM = 1  # of what a way draws at random for an order, beside the orders themselves


def evaluate_control(
    models: ModelCache,
    generator: str | None,
    faces: int,
    psi: float = 0.7,
    mixing: float = 0.0,
    seed: int = 0,
    out: Path | None = None,
    ways: tuple[str, ...] = WAYS,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Fill `faces` orders in each way and judge the full-size pictures.

    random: the drawn face, whatever was asked. encoder: the encoder's w in all layers, with no
    mixing. mixing: its w in the layers that carry age and gender (the thesis). closed loop: the
    drawn face with `mixing`, measured and corrected. seed: of the orders and of the drawn faces.
    out: a folder for each way's faces and judgements; where a run was cut off, the same request
    goes on. Raises InvalidRequestError where another request's results are in it.
    """
    name = models.name(generator)
    targets, seeds = draw_targets(faces, seed), draw_seeds(faces, seed)
    control = FaceControl(models, name)
    drawn = latents_from_seeds(control.generator, seeds, psi=psi, noise=Noise())
    judges = open_judges(models.weights, control.estimator, on_step)
    orders = Orders(control, judges, drawn, targets, mixing, seed)
    asked = {"faces": faces, "psi": psi, "mixing": mixing, "seed": seed, "generator": name}
    chosen = [way for way in WAYS if way in ways]
    if out is None:
        filled = orders.fill_all(chosen, None, on_step)
    else:
        with EvaluationFolder(out).opened(asked | _weights(models, name, judges)) as folder:
            filled = orders.fill_all(chosen, folder, on_step)
    figures = asked | {
        "targets": "ages and genders of FFHQ-Aging (Or-El et al. 2020)",
        "mixing_layers": list(control.pack.mixing_layers()),
        **figures_of(filled, targets, judges, models.quality_scale(name)),
    }
    if out is not None:
        folder.note_figures(figures)
    return figures


def _weights(models: ModelCache, generator: str, judges: Judges) -> dict[str, str]:
    """sha256 of all that a result depends on, by kind."""
    store = models.weights
    names = {"generator": generator, KIND: store.made_for(generator, KIND)[0], **judges.names}
    return {f"sha256 of {kind}": store.entry(name).sha256 for kind, name in names.items()}


@dataclass(frozen=True, eq=False)
class Orders:
    """What is asked for, of whom, and who judges it. drawn: the faces to begin with."""

    control: FaceControl
    judges: Judges
    drawn: Latents
    targets: list[Target]
    mixing: float
    seed: int

    def fill_all(
        self, ways: list[str], folder: EvaluationFolder | None, on_step: OnStep
    ) -> dict[str, list[Filled]]:
        """All orders in each way; what the folder has already is not done again."""
        self.control.picture(self.drawn.ws[0])  # compiled now, not at the first order's cost
        filled: dict[str, list[Filled]] = {}
        count = len(self.targets)
        for number, way in enumerate(ways):

            def told(step: Step, before: int = number * count, way: str = way) -> None:
                on_step(Step(before + step.done, len(ways) * count, way, "faces"))

            filled[way] = self._fill(way, folder, told)
        return filled

    def _fill(self, way: str, folder: EvaluationFolder | None, on_step: OnStep) -> list[Filled]:
        space = LatentSpace.of(self.control.generator)
        filled = [] if folder is None else folder.load(way, space)
        try:
            for place in range(len(filled), len(self.targets)):
                filled.append(self._order(way, place))
                if folder is not None:
                    folder.save(way, filled, self.drawn)
                on_step(Step(place + 1, len(self.targets), way, "faces"))
        finally:
            if folder is not None:
                folder.save(way, filled, self.drawn, is_last=True)
        return filled

    def _order(self, way: str, place: int) -> Filled:
        """Made, rendered once, and judged by all."""
        began = time.monotonic()
        made = self._made(way, place)
        picture = self.control.picture(made.ws)
        seconds = time.monotonic() - began
        return replace(made, judgement=self.judges.judge(picture), seconds=seconds)

    def _made(self, way: str, place: int) -> Filled:
        ws: NDArray[np.float32] = self.drawn.ws[place]
        target = self.targets[place]
        random = np.random.default_rng([self.seed, STREAM, place])
        if way == "random":
            return Filled(ws)
        if way == "encoder":
            given = np.array([[target.age, float(target.gender == "male")]], np.float32)
            w = self.control.pack.encoder.encode(given)[0]  # [D]
            return Filled(np.broadcast_to(w, ws.shape).copy())
        if way == "mixing":
            return Filled(self.control.mixed(ws, Wish(target.age, target.gender, 1.0), random))
        found = self.control.fulfil(ws, Wish(target.age, target.gender, self.mixing), random)
        return Filled(found.ws, pictures=found.pictures, reached=found.reached)
