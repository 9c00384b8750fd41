"""A trained segmenter: its head, the classes it tells apart, and whose features it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import WeightsError
from core.generators import (
    Device,
    Generator,
    Identity,
    Noise,
    Outputs,
    Precision,
    RenderPass,
    Runtime,
    open_runtime,
)
from core.segmentation.classes import ClassSet
from core.segmentation.heads import Head
from core.segmentation.labelling import Labeller


class LabelledImage(NamedTuple):
    """A face with its mask.

    image: uint8 [R, R, 3]. labels: class ids uint8 [S, S]. uncertainty: uint8 [S, S], 0 to 255;
    None where it was not asked for.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    uncertainty: NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False)
class Segmenter:
    """head: in evaluation mode, on the CPU. model: its name in HEADS. generator: whose features
    it reads. facts: how it was made (configuration, seed, metrics), stored with it.
    """

    head: Head
    model: str
    classes: ClassSet
    generator: Identity
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Of its masks, px."""
        return self.head.size

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Feature maps it reads."""
        return self.head.resolutions

    def check_generator(self, generator: Generator) -> None:
        """Raise WeightsError unless these are the weights it was trained on."""
        found = generator.identity
        if not found.is_served_by(self.generator):
            raise WeightsError(
                f"This segmenter was trained on generator '{self.generator.name}' (weights "
                f"{self.generator.sha256[:12]}), not on '{found.name}' (weights "
                f"{found.sha256[:12]}). Train one for it: python launch.py train segmenter "
                "--config FILE"
            )

    def labeller(self) -> Labeller:
        """The module that a RenderPass takes."""
        return Labeller(self.head, self.classes)

    @torch.no_grad()
    def predict(self, features: Mapping[int, Tensor]) -> NDArray[np.uint8]:
        """Features of faces, [N, C, r, r] for each resolution -> class ids uint8 [N, S, S]."""
        wanted = {r: features[r].float() for r in self.resolutions}
        return self.labeller()(wanted)[0].numpy()  # type: ignore[no-any-return]

    def open(
        self,
        generator: Generator,
        *,
        with_image: bool = True,
        with_uncertainty: bool = False,
        device: Device = "auto",
        precision: Precision = "auto",
    ) -> Runtime:
        """One compiled pass for image and mask: outputs 'image', 'labels', 'uncertainty'.

        Raises WeightsError for another generator.
        """
        self.check_generator(generator)
        outputs = Outputs(image=with_image, labels=True, uncertainty=with_uncertainty)
        render_pass = RenderPass(generator, outputs, labeller=self.labeller())
        return open_runtime(render_pass, device=device, precision=precision)


def stream(
    runtime: Runtime, ws: NDArray[np.float32], noise: Noise | None = None
) -> Iterator[LabelledImage]:
    """Faces with their masks, one by one. runtime: as `Segmenter.open` makes it, with image."""
    for made in runtime.stream(ws, noise or Noise()):
        yield LabelledImage(made["image"], made["labels"], made.get("uncertainty"))
