"""The thesis's table 6 for any generator: which layers of w carry which attribute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.attributes.estimators import AgeGenderEstimator
from core.attributes.influence import LayerInfluence, measure_influence
from core.attributes.measures import ATTRIBUTES, NAMES
from core.attributes.measuring import Measure
from core.attributes.training import influence_table
from core.export.charts import heat_table
from core.files import whole_file
from core.generators import Noise, Outputs
from core.progress import OnStep, ignore
from core.segmentation.store import segmenter_names
from studio.model_cache import ModelCache
from studio.workflows.attribute_training import open_measurer

ESTIMATED = ("age", "male")  # what needs no mask


def evaluate_layers(
    models: ModelCache,
    generator: str | None,
    faces: int = 128,
    psi: float = 0.7,
    plot: Path | None = None,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Exchange the layers of each size between `faces` pairs of faces and measure what changes.

    A generator without a segmenter is judged by age and gender alone. plot: a PNG of the table.
    """
    name = models.name(generator)
    measure, names = _measure(models, name)
    found = measure_influence(
        models.generator(name), measure, names, faces=faces, psi=psi, on_step=on_step
    )
    if plot is not None:
        with whole_file(plot) as unfinished:
            _drawn(name, found).save(unfinished, "PNG")
    return {
        "generator": name,
        "faces": faces,
        "psi": psi,
        "mixing_layers": list(found.mixing_layers(ESTIMATED)),
        "influence": influence_table(found),
    }


def _measure(models: ModelCache, name: str) -> tuple[Measure, tuple[str, ...]]:
    """With masks where a segmenter reads this generator's features."""
    if segmenter_names(models.weights, name):
        return open_measurer(models, name).measure, NAMES
    estimator, runtime = AgeGenderEstimator(), models.runtime(name, Outputs())

    def measure(ws: NDArray[np.float32]) -> NDArray[np.float32]:
        made = runtime.stream(ws, Noise())
        told = [estimator.estimate([each["image"]])[0] for each in made]
        return np.array([(each.age, each.male) for each in told], np.float32)

    return measure, ESTIMATED


def _drawn(generator: str, found: LayerInfluence) -> Image.Image:
    return heat_table(
        f"{generator}: share of the variance that layers of a size have a part in",
        [ATTRIBUTES[name].title for name in found.names],
        [f"{size} px" for size, _ in found.groups],
        found.shares.T.tolist(),
    )
