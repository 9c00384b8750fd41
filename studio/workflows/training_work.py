"""What a worker does for a training: from the run's folder alone, and on from where it was."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from annotations import AnnotationStore
from annotations.records import Job
from core.errors import Cancelled, InvalidRequestError, WeightsError
from core.files import sha256_of
from core.generators import Device, Generator, Noise, Outputs, RenderPass, Runtime, open_runtime
from core.generators.checkpoint import read_weights
from core.progress import OnStep, Step
from core.segmentation.classes import ClassSet
from core.segmentation.features import FeatureCache, batched
from core.segmentation.head import Head
from core.segmentation.history import Epoch
from core.segmentation.labelled import LabelledFaces
from core.segmentation.metrics import Scores
from core.segmentation.report import write_report
from core.segmentation.segmenter import Segmenter
from core.segmentation.segmenter_files import save_segmenter
from core.segmentation.training import Trained, train_segmenter
from core.segmentation.training_config import SegmenterTraining
from core.weights import WeightStore
from studio.jobs.outcomes import failure_of
from studio.jobs.reporting import PausedError
from studio.jobs.site import Site
from studio.workflows.class_schemes import learned_classes
from studio.workflows.event_files import EventFile
from studio.workflows.run_folders import RunFolder, find_run
from studio.workflows.run_samples import write_samples
from studio.workflows.training_data import TrainingData
from studio.workflows.training_faces import labelled_faces

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.safetensors"
SAMPLE_FACES = 4


def train_job(site: Site, job: Job, on_step: OnStep) -> Mapping[str, Any]:
    """The work of a job 'train segmenter' (payload: run, its folder's name)."""
    run = find_run(site.workspace, str(job.payload["run"]))
    return train_in_run(run, site.store, WeightStore(), site.device, on_step)


def train_in_run(
    run: RunFolder, store: AnnotationStore, weights: WeightStore, device: Device, on_step: OnStep
) -> dict[str, Any]:
    """Train what run.json says, or go on with it, and write everything into its folder.

    Returns the figures. How it ended stands in run.json too, whatever is raised.
    """
    run.note(state="running", error="")
    try:
        figures = _Training(run, store, weights, device, on_step).run()
    except PausedError:
        run.note(state="queued")
        raise
    except Cancelled:
        run.note(state="cancelled")
        raise
    except Exception as error:
        run.note(state="failed", error=failure_of(error).error)
        raise
    run.note(state="done", **figures)
    return figures


@dataclass
class _Steps:
    """Steps of the whole training only grow, whatever else is done in between."""

    on_step: OnStep
    total: int
    done: int = 0

    def __call__(self, step: Step) -> None:
        if step.total == self.total and step.unit == "steps":
            self.done = step.done
            self.on_step(step)
            return
        text = f"{step.doing}, {step.done} of {step.total}" if step.total else step.doing
        self.on_step(Step(self.done, self.total, text, "steps"))


class _Training:
    def __init__(
        self,
        run: RunFolder,
        store: AnnotationStore,
        weights: WeightStore,
        device: Device,
        on_step: OnStep,
    ) -> None:
        facts = run.facts()
        if "data" not in facts or "config" not in facts:
            raise InvalidRequestError(
                f"{run.path}/run.json is missing or damaged, so nobody knows what to train. "
                "Start a new training."
            )
        self.run_folder, self.device = run, device
        self.config = SegmenterTraining(**facts["config"]).resolved()
        self.data = TrainingData.from_json(facts["data"])
        self.classes = learned_classes(self.data.scheme, self.config.classes)
        learning = len(self.data.of("train"))
        steps = -(-learning // (self.config.batch_size or 1)) * (self.config.epochs or 0)
        self.steps = _Steps(on_step, steps)
        self.generator = _opened(weights, self.data, self.steps)
        self.faces = {
            split: faces.only(self.classes)
            for split, faces in labelled_faces(
                store, self.data, self.generator, self.config.size
            ).items()
        }
        self.features = FeatureCache(self.generator, device=device)
        self.camera = _Camera(self.generator, device)
        self.samples = _Samples(run, self.data, self.classes, self.camera)

    def run(self) -> dict[str, Any]:
        first = self._reconcile() + 1
        with EventFile(self.run_folder.path, first) as events:

            def on_epoch(epoch: Epoch, head: Head) -> None:
                self._note(epoch, head, events)

            trained = train_segmenter(
                self.generator,
                self.classes,
                self.faces["train"],
                self.faces["validation"],
                self.config,
                features=self.features,
                checkpoint=self.run_folder.path / CHECKPOINT,
                device=self.device,
                on_step=self.steps,
                on_epoch=on_epoch,
            )
        return self._finish(trained)

    def _reconcile(self) -> int:
        """Bring history.jsonl to where the checkpoint stands; returns its number of epochs."""
        path = self.run_folder.path / CHECKPOINT
        epochs: list[dict[str, Any]] = []
        if path.is_file():
            try:
                epochs = list(read_weights(path)[0].get("history", []))
            except WeightsError as error:
                log.warning("%s", error)
                path.unlink()
                text = "The checkpoint was damaged, so the training began anew."
                self.run_folder.note(notes=[*self.run_folder.facts().get("notes", []), text])
        self.run_folder.replace_history([_entry(Epoch(**epoch)) for epoch in epochs])
        return len(epochs)

    def _note(self, epoch: Epoch, head: Head, events: EventFile) -> None:
        """Write down an epoch that is in the checkpoint by now."""
        before = [entry["mean_f1"] for entry in self.run_folder.history() if entry["mean_f1"]]
        self.run_folder.add_to_history(_entry(epoch))
        values = {"training/loss": epoch.loss, "training/learning_rate": epoch.learning_rate}
        if epoch.mean_f1 is not None and epoch.mean_iou is not None:
            values |= {"validation/mean_F1": epoch.mean_f1, "validation/mean_IoU": epoch.mean_iou}
            values |= {
                f"F1/{name.replace(' ', '_')}": f1
                for name, f1 in epoch.f1.items()
                if f1 is not None
            }
            self.samples.write(epoch.number, head, self.faces["validation"], self.features)
            if epoch.mean_f1 > max(before, default=-1.0):
                self._save(head, {"epoch": epoch.number, "mean_f1": epoch.mean_f1})
        events.add(epoch.number, values)

    def _save(self, head: Head, metrics: Mapping[str, Any]) -> None:
        identity, facts = self.generator.identity, self._facts(metrics)
        segmenter = Segmenter(head, self.config.model, self.classes, identity, facts)
        save_segmenter(self.run_folder.best, segmenter)

    def _facts(self, more: Mapping[str, Any]) -> dict[str, Any]:
        known = self.run_folder.facts()
        made = {"run": self.run_folder.name, "data": known.get("data_text", "")}
        return {**made, "seed": self.config.seed, "config": known["config"], **more}

    def _finish(self, trained: Trained) -> dict[str, Any]:
        """Keep the best epoch's head and judge it; returns the figures."""
        self.run_folder.replace_history([_entry(epoch) for epoch in trained.history])
        figures: dict[str, Any] = {
            "epochs": len(trained.history),
            "best_epoch": trained.best_epoch,
            "seconds": round(sum(epoch.seconds for epoch in trained.history), 1),
            "warnings": list(trained.warnings),
            "metrics": {},
        }
        for split in ("validation", "test"):
            if len(self.faces[split]):
                figures["metrics"][split] = self._judge(trained.head, split, figures).as_json()
        self._save(trained.head, {"epoch": trained.best_epoch, "metrics": figures["metrics"]})
        return {**figures, "run": self.run_folder.name, "sha256": sha256_of(self.run_folder.best)}

    def _judge(self, head: Head, split: str, figures: Mapping[str, Any]) -> Scores:
        """A report on the faces of a split, in report/ or report/test/."""
        faces, predicted = self.faces[split], []
        for place in range(len(faces)):
            self.steps(Step(place, len(faces), f"judging on the {split} faces", "faces"))
            predicted.append(predict(head, faces, place, self.features))
        folder = self.run_folder.report.parent
        return write_report(
            folder if split == "validation" else folder / split,
            faces.names,
            np.stack(self.camera.take(faces, len(faces))),
            faces.indices(self.classes),
            np.stack(predicted),
            self.classes,
            self._facts({"faces": split, **{k: figures[k] for k in ("best_epoch", "seconds")}}),
        )


def _entry(epoch: Epoch) -> dict[str, Any]:
    """A line of history.jsonl."""
    return {"epoch": epoch.number, **{k: v for k, v in epoch.as_json().items() if k != "number"}}


def _opened(weights: WeightStore, data: TrainingData, on_step: OnStep) -> Generator:
    generator = weights.open_generator(data.generator, on_step)
    if generator.identity.sha256 != data.generator_sha256:
        raise InvalidRequestError(
            f"Generator '{data.generator}' has changed since this training was started: its "
            f"weights were {data.generator_sha256[:12]}, here they are "
            f"{generator.identity.sha256[:12]}. Bring the old weights back, or start anew."
        )
    return generator


@dataclass
class _Samples:
    """Pictures of what the head predicts for the first validation faces."""

    run: RunFolder
    data: TrainingData
    classes: ClassSet
    camera: _Camera
    _pictures: list[NDArray[np.uint8]] = field(default_factory=list)

    def write(self, epoch: int, head: Head, faces: LabelledFaces, features: FeatureCache) -> None:
        count = min(SAMPLE_FACES, len(faces))
        if not self._pictures:
            self._pictures = self.camera.take(faces, count)
        ids = self.classes.id_table()
        rows = [
            (picture, faces.labels[place], ids[predict(head, faces, place, features)])
            for place, picture in enumerate(self._pictures)
        ]
        path = self.run.path / "samples" / f"epoch-{epoch:05d}.jpg"
        write_samples(path, rows, self.data.scheme.palette())


@torch.no_grad()
def predict(
    head: Head, faces: LabelledFaces, place: int, features: FeatureCache
) -> NDArray[np.uint8]:
    """Indices uint8 [S, S] of one face. head: in evaluation mode."""
    maps = features.get(faces.ws[place], faces.noises[place])
    where = next(head.parameters()).device
    found = head(batched(maps, head.resolutions, where)).argmax(1)[0].to(torch.uint8)
    indices: NDArray[np.uint8] = found.cpu().numpy()
    return indices


@dataclass
class _Camera:
    """Pictures of faces, at the size of their masks where that can be; compiled once."""

    generator: Generator
    device: Device
    _runtime: Runtime | None = None

    def take(self, faces: LabelledFaces, count: int) -> list[NDArray[np.uint8]]:
        """Pictures uint8 [S, S, 3] of the first faces."""
        if self._runtime is None:
            fits = self.generator.resolution % faces.size == 0
            outputs = Outputs(image_size=faces.size if fits else None)
            self._runtime = open_runtime(RenderPass(self.generator, outputs), device=self.device)
        return [
            self._runtime.render(faces.ws[place], Noise.parse(faces.noises[place]))["image"]
            for place in range(count)
        ]
