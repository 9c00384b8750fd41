"""Inversion judged: how alike, how quick, how well it can be edited, beside plain optimisation."""

from __future__ import annotations

import json
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.attributes.estimators import AgeGenderEstimator
from core.errors import InvalidRequestError
from core.evaluation.judges import Judges, open_judges
from core.export.marks import Mark, jpeg_file
from core.files import write_whole
from core.generators import Noise, Outputs
from core.inversion.faces import open_photo_faces
from core.inversion.optimisation import OptimisationConfig
from core.inversion.target import Target
from core.progress import OnStep, Step, ignore
from core.sampling import latents_from_seeds
from studio.model_cache import ModelCache
from studio.workflows.aligning import AlignRequest, framed
from studio.workflows.evaluation_folder import EvaluationFolder
from studio.workflows.inversion_editing import editability
from studio.workflows.inversion_judging import SIDE, Clock, Judging, Subject
from studio.workflows.inversion_peer import VARIANTS, Peer, Reached, compared
from studio.workflows.inverting import Inverter, target_of

FIRST_SEED = 920_000  # of the faces that inversion is judged on
STAGES = "first", "searched", "tuned"
ROWS = 10  # of a contact sheet


@dataclass(frozen=True)
class InversionTrial:
    """faces: generated ones, seeds from first_seed on, with random noise. photos: further ones.
    plain: of all these, how many plain optimisation is run on, too. patience: the time that it
    also gets to become as good as ours, in times of ours; 0: none. edited: how many of the
    generated ones are moved along every slider. tune: steps of tuning, on all of them."""

    faces: int = 50
    photos: tuple[Path, ...] = ()
    psi: float = 0.8
    first_seed: int = FIRST_SEED
    steps: int | None = None
    tune: int = 0
    plain: int = 2
    patience: int = 0
    edited: int = 10
    generator: str | None = None


def evaluate_inversion(
    trial: InversionTrial,
    models: ModelCache,
    workspace: Path,
    out: Path | None = None,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Invert every face, and tell how alike it is, after how long, at first and in the end.

    out: keep latents, figures and contact sheets there; a run that was cut off goes on. Raises
    InvalidRequestError where no face is asked for or the folder holds another run.
    """
    if trial.faces + len(trial.photos) < 1 or min(trial.faces, trial.plain, trial.edited) < 0:
        raise InvalidRequestError("Ask for at least one face or photo to invert.")
    name = models.name(trial.generator)
    inverter = Inverter(models, name, on_step)
    judges = open_judges(models.weights, AgeGenderEstimator(), on_step)
    with _folder(out) as path:
        asked = {**asdict(trial), "photos": [str(photo) for photo in trial.photos]}
        asked |= {"generator": name, "sha256": inverter.generator.identity.sha256}
        with EvaluationFolder(path).opened(asked):
            run = _Run(trial, inverter, judges, path, on_step)
            subjects = list(run.subjects(models, name))
            told = [run.told(place, subject) for place, subject in enumerate(subjects)]
            figures = {
                **asked,
                "began_at": inverter.begins_at,
                "missing_judges": judges.missing,
                "generated": _summary(told[: trial.faces]),
                "photos": {each["name"]: each for each in told[trial.faces :]},
                "plain": _against_plain([each for each in told if "plain" in each]),
                "editing": run.edited(models, name, workspace, subjects[: trial.faces]),
            }
            write_whole(path / "figures.json", json.dumps(figures, indent=1).encode())
            run.write_sheets(told)
    return figures


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is not None:
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="faceloom-") as folder:
        yield Path(folder)


class _Run:
    """One trial in its folder: `<name>.json`, `<name>.npy` and pictures/ of each subject."""

    def __init__(
        self, trial: InversionTrial, inverter: Inverter, judges: Judges, path: Path, on_step: OnStep
    ) -> None:
        self._trial, self._inverter, self._judges = trial, inverter, judges
        self._path, self._on_step = path, on_step
        self._judging = Judging(judges, inverter.perceptual, path)
        self._peer = Peer(inverter, self._judging, trial.patience)
        config = OptimisationConfig()
        self._config = config if trial.steps is None else config.with_steps(trial.steps)

    def subjects(self, models: ModelCache, name: str) -> Iterator[Subject]:
        trial, generator = self._trial, self._inverter.generator
        runtime = models.runtime(name, Outputs())
        for seed in range(trial.first_seed, trial.first_seed + trial.faces):
            ws = latents_from_seeds(generator, [seed], psi=trial.psi, noise=Noise()).ws[0]
            picture = runtime.render(ws, Noise.parse("random", seed))["image"]
            yield Subject(str(seed), Target(picture), ws)
        if trial.photos:
            faces = open_photo_faces(models.weights, self._on_step)
            for number, path in enumerate(trial.photos, 1):
                face = framed(path, AlignRequest((path,)), faces)
                yield Subject(f"photo-{number}-{path.stem}", target_of(face))

    def told(self, place: int, subject: Subject) -> dict[str, Any]:
        """The figures of one subject, those kept by an earlier run where there are any."""
        path = self._path / f"{subject.name}.json"
        if path.is_file():
            kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return kept
        total = self._trial.faces + len(self._trial.photos)
        self._on_step(Step(place, total, f"inverting {subject.name}", "faces"))
        found: dict[str, Any] = {"name": subject.name}
        judging, inverter, clock = self._judging, self._inverter, Clock()
        judging.write(subject.name, "target", subject.target.picture)
        ws = inverter.first(subject.target)
        ours = [Reached(ws, clock.told())]
        for best in inverter.refine(subject.target, ws, self._config):
            ours.append(Reached(best.ws, clock.told()))
        for stage, reached in (("first", ours[0]), ("searched", ours[-1])):
            picture = inverter.picture(reached.ws)
            found[stage] = judging.judged(subject, stage, picture, reached.times)
        ws = ours[-1].ws
        if self._trial.tune:
            clock = Clock()
            tuned = deque(inverter.tune(subject.target, ws, self._trial.tune), maxlen=1)[0]
            found["tuned"] = judging.judged(subject, "tuned", tuned.picture, clock.told())
        if place < self._trial.plain:
            found["plain"] = self._peer.beside(subject, ours, found["searched"])
        np.save(self._path / f"{subject.name}.npy", ws)
        write_whole(path, json.dumps(found, indent=1).encode())
        return found

    def edited(
        self, models: ModelCache, name: str, workspace: Path, subjects: list[Subject]
    ) -> dict[str, Any] | None:
        chosen = subjects[: self._trial.edited]
        if not chosen:
            return None
        drawn = np.stack([subject.drawn for subject in chosen if subject.drawn is not None])
        found = np.stack([np.load(self._path / f"{subject.name}.npy") for subject in chosen])
        return editability(
            models, name, workspace, drawn, found, self._judges.embedder, self._on_step
        )

    def write_sheets(self, told: list[dict[str, Any]]) -> None:
        """`sheet-<n>.jpg`: a row for each subject; the target, our stages, plain ones, as far as
        any has them."""
        stages = [
            stage
            for stage in ("target", *STAGES, *(each.replace(" ", "-") for each in VARIANTS))
            if any(self._judging.path_of(each["name"], stage).is_file() for each in told)
        ]
        for start in range(0, len(told), ROWS):
            rows = [
                np.hstack([self._small(each["name"], stage) for stage in stages])
                for each in told[start : start + ROWS]
            ]
            mark = Mark({"generator": self._inverter.generator.identity.name})
            content = jpeg_file(np.vstack(rows), mark)
            write_whole(self._path / f"sheet-{start // ROWS}.jpg", content)

    def _small(self, name: str, stage: str) -> NDArray[np.uint8]:
        path = self._judging.path_of(name, stage)
        if not path.is_file():
            return np.full((SIDE, SIDE, 3), 255, np.uint8)
        with Image.open(path) as picture:
            return np.asarray(picture)


def _summary(told: list[dict[str, Any]]) -> dict[str, Any]:
    """Means and medians of every figure, by stage."""
    return {
        stage: {key: _middle(each[stage][key] for each in told) for key in told[0][stage]}
        for stage in STAGES
        if told and stage in told[0]
    }


def _middle(values: Iterable[float | None]) -> dict[str, float | int | None]:
    known = np.array([value for value in values if value is not None])
    if not len(known):
        return {"mean": None, "median": None, "of": 0}
    return {
        "mean": round(float(known.mean()), 4),
        "median": round(float(np.median(known)), 4),
        "of": len(known),
    }


def _against_plain(told: list[dict[str, Any]]) -> dict[str, Any]:
    """Ours and plain optimisation on the faces that both were run on."""
    if not told:
        return {}
    keys = [*told[0]["searched"]]
    return {
        "faces": [each["name"] for each in told],
        "ours": {key: _middle(each["searched"][key] for each in told) for key in keys},
        **{
            name: {
                **{key: _middle(each["plain"][name][key] for each in told) for key in keys},
                **compared(told, name),
            }
            for name in VARIANTS
        },
    }
