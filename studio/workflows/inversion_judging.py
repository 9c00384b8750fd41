"""How alike a face and what was found for it are, and after how long."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from core.evaluation.judges import Judges
from core.evaluation.looks import LookDistance
from core.export.marks import Mark, jpeg_file
from core.files import write_whole
from core.images import to_float
from core.inversion.likeness import likeness
from core.inversion.perceptual import Distance
from core.inversion.target import Target

COMPARED = 256  # px at which losses are held against each other
SIDE = 192  # px of a face on a contact sheet


@dataclass(frozen=True, eq=False)
class Subject:
    """drawn: the ws float32 [L, D] of a generated face; None of a photo."""

    name: str
    target: Target
    drawn: NDArray[np.float32] | None = None


class Clock:
    """cpu_seconds: of all cores together, which a busy machine hardly changes."""

    def __init__(self) -> None:
        self._began, self._used = time.monotonic(), time.process_time()

    def told(self) -> dict[str, float]:
        seconds, used = time.monotonic() - self._began, time.process_time() - self._used
        return {"seconds": round(seconds, 2), "cpu_seconds": round(used, 2)}


class Judging:
    """Judges pictures of the subjects, and keeps small copies in `pictures` of the folder."""

    def __init__(self, judges: Judges, perceptual: Distance, path: Path) -> None:
        self._judges, self._perceptual, self._path = judges, perceptual, path
        self._looks = LookDistance(judges.second.net) if judges.second else None
        self._wanted: dict[str, NDArray[np.float32]] = {}

    def judged(
        self, subject: Subject, stage: str, picture: NDArray[np.uint8], times: dict[str, float]
    ) -> dict[str, Any]:
        """The figures of a picture uint8 [R, R, 3] that took so long, which is kept."""
        self.write(subject.name, stage, picture)
        found = self.quality(subject, picture)
        looks = self._looks.between(subject.target.picture, picture) if self._looks else None
        return {**times, **found, "looks": None if looks is None else round(looks, 4)}

    def quality(self, subject: Subject, picture: NDArray[np.uint8]) -> dict[str, float | None]:
        """psnr and ssim at 256 px, the distance that is searched by, and that of identity, which
        no search knows; None where no face was found."""
        alike = likeness(subject.target, picture)
        apart = float(np.linalg.norm(self._embedding(picture) - self._identity(subject)))
        return {
            "psnr": round(alike.psnr, 3),
            "ssim": round(alike.ssim, 4),
            "loss": round(self._loss(subject.target, picture), 4),
            "identity": None if np.isnan(apart) else round(apart, 4),
        }

    def write(self, name: str, stage: str, picture: NDArray[np.uint8]) -> None:
        small = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX)
        mark = None if stage == "target" else Mark({"face": name, "stage": stage})
        content = jpeg_file(np.asarray(small), mark)
        write_whole(self.path_of(name, stage), content)

    def path_of(self, name: str, stage: str) -> Path:
        """Of what `write` keeps; not all stages are done to all."""
        return self._path / "pictures" / f"{name}-{stage}.jpg"

    def _identity(self, subject: Subject) -> NDArray[np.float32]:
        if subject.name not in self._wanted:
            self._wanted[subject.name] = self._embedding(subject.target.picture)
        return self._wanted[subject.name]

    def _embedding(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._judges.judge(picture).embedding

    def _loss(self, target: Target, picture: NDArray[np.uint8]) -> float:
        size = min(COMPARED, len(picture))
        distance = self._perceptual.to(target.focused(), size)
        return float(distance(to_float(torch.tensor(picture)[None])))
