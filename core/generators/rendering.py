"""What is asked of a generator in one pass, as a module that every runtime can compile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from core.errors import InvalidRequestError
from core.generators.generator import Generator
from core.generators.parts import shown_parts
from core.generators.readouts import Readouts
from core.images import downsample, to_uint8


@dataclass(frozen=True)
class Outputs:
    """What one pass delivers; it computes no further than that needs.

    image: 'image', uint8 [N, S, S, 3], area-downsampled to S = image_size px where that is
    given, else of the generator's own size. previews: 'preview_P', uint8 [N, P, P, 3], for each
    size P. features: 'features_F', float32 [N, C, F, F], for each resolution F. labels: 'labels',
    class ids uint8 [N, S, S] of a segmenter, and uncertainty: 'uncertainty', uint8 [N, S, S].
    parts: the parts of a face that are drawn, by name, of a generator that knows parts; none
    named: all.
    """

    image: bool = True
    image_size: int | None = None
    previews: tuple[int, ...] = ()
    features: tuple[int, ...] = ()
    labels: bool = False
    uncertainty: bool = False
    parts: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (
            *(["image"] if self.image else []),
            *(f"preview_{size}" for size in self.previews),
            *(f"features_{size}" for size in self.features),
            *(["labels"] if self.labels else []),
            *(["uncertainty"] if self.uncertainty else []),
        )


class Labelling(Protocol):
    """A module that reads feature maps of these resolutions: core/segmentation/labelling.py."""

    resolutions: tuple[int, ...]

    def __call__(
        self, features: Mapping[int, Tensor], with_uncertainty: bool = False
    ) -> tuple[Tensor, Tensor | None]: ...


class RenderPass(nn.Module):
    """ws [N, num_ws, w_dim] and noise images -> the tensors named by `outputs.names`."""

    shown: Tensor | None

    def __init__(
        self,
        generator: Generator,
        outputs: Outputs,
        readouts: Readouts | None = None,
        labeller: Labelling | None = None,
    ) -> None:
        super().__init__()
        offered = sorted(generator.synthesis.feature_channels)
        if strange := sorted(set(outputs.features) - set(offered)):
            raise InvalidRequestError(f"No feature maps of {strange} px; there are {offered}.")
        have = readouts.sizes if readouts else ()
        if missing := sorted(set(outputs.previews) - set(have)):
            raise InvalidRequestError(
                f"Generator '{generator.identity.name}' has no preview of {missing} px; "
                f"there are {list(have)}."
            )
        largest = generator.resolution
        if outputs.image_size is not None and (
            not 1 <= outputs.image_size <= largest or largest % outputs.image_size
        ):
            raise InvalidRequestError(
                f"Images of {outputs.image_size} px cannot be made by "
                f"'{generator.identity.name}'. Choose {largest} or a whole part of it, "
                f"such as {largest // 2} or {largest // 4}."
            )
        self._check_labels(generator, outputs, labeller)
        if not outputs.names:
            raise InvalidRequestError("Ask for the image, a preview or a feature map.")
        self.outputs = outputs
        self.identity = generator.identity
        self.synthesis = generator.synthesis
        shown = shown_parts(generator.synthesis, outputs.parts) if outputs.parts else None
        self.register_buffer("shown", shown, persistent=False)
        self.readouts = readouts if outputs.previews else None
        self.labeller = labeller if outputs.labels or outputs.uncertainty else None

    @staticmethod
    def _check_labels(generator: Generator, outputs: Outputs, labeller: Labelling | None) -> None:
        if not (outputs.labels or outputs.uncertainty):
            return
        if labeller is None:
            raise InvalidRequestError(
                f"Masks were asked for, but generator '{generator.identity.name}' has no "
                "segmenter here. Train one: python launch.py train segmenter --config FILE"
            )
        offered = generator.synthesis.feature_channels
        if strange := sorted(set(labeller.resolutions) - set(offered)):
            raise InvalidRequestError(
                f"The segmenter reads feature maps of {strange} px; there are {sorted(offered)}."
            )

    def forward(self, ws: Tensor, *noise: Tensor) -> tuple[Tensor, ...]:
        read = () if self.labeller is None else self.labeller.resolutions
        wanted = {*self.outputs.features, *self.outputs.previews, *read}
        chosen = {} if self.shown is None else {"shown": self.shown}
        made = self.synthesis(
            ws, noise or None, features=wanted, with_image=self.outputs.image, **chosen
        )
        delivered = [] if made.image is None else [self._finished(made.image)]
        if self.readouts is not None:
            for size in self.outputs.previews:
                preview = self.readouts(made.features[size], ws, size)
                delivered.append(to_uint8(preview))
        delivered += [made.features[size] for size in self.outputs.features]
        if self.labeller is not None:
            delivered += self._labelled(made.features, self.labeller)
        return tuple(delivered)

    def _labelled(self, features: Mapping[int, Tensor], labeller: Labelling) -> list[Tensor]:
        labels, uncertainty = labeller(features, self.outputs.uncertainty)
        found = [labels] if self.outputs.labels else []
        return found if uncertainty is None else [*found, uncertainty]

    def _finished(self, image: Tensor) -> Tensor:
        size = self.outputs.image_size
        if size is None or size == self.synthesis.resolution:
            return to_uint8(image)
        return to_uint8(downsample(image.clamp(-1.0, 1.0), size))
