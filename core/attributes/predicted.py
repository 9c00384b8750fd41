"""The attribute dataset as the model tells it: no picture is made, so it takes seconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.attributes.dataset import AttributeDataset, AttributeSampling, draw_faces, layered
from core.attributes.measures import ATTRIBUTES
from core.attributes.model import AttributeModel
from core.generators import Generator

PIECE = 1000  # faces at a time: a w per layer of all would be a GB


def predicted_measures(model: AttributeModel, ws: NDArray[np.float32]) -> NDArray[np.float32]:
    """ws [N, L, D] -> values [N, K], within what each measure can be."""
    known = [ATTRIBUTES[name] for name in model.names]
    return np.clip(
        model.predict(ws),
        np.array([attribute.low for attribute in known], np.float32),
        np.array([attribute.high for attribute in known], np.float32),
    )


def predict_attribute_dataset(
    generator: Generator, model: AttributeModel, sampling: AttributeSampling
) -> AttributeDataset:
    """The faces that `make_attribute_dataset` would draw, with what the model tells of them."""
    drawn = draw_faces(generator, sampling, range(sampling.faces))
    values = []
    for start in range(0, sampling.faces, PIECE):
        these = slice(start, start + PIECE)
        ws = layered(drawn["w"][these], drawn["crossover"][these], generator.num_ws)
        values.append(predicted_measures(model, ws))
    return AttributeDataset(
        **drawn, values=np.concatenate(values), num_ws=generator.num_ws, names=model.names
    )
