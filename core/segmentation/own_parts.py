"""The segmentation a SemanticStyleGAN makes of what it draws, as masks of a label scheme.

Its 13 parts were learned from CelebAMask-HQ with left and right joined, and the lips joined with
the mouth. PART_CLASSES says which class each becomes. Left and right are told apart by the nose:
what lies on the smaller-x side of its mean column is left. The lips have no part of their own and
are never found: they are labelled mouth.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from core.errors import InvalidRequestError
from core.generators.generator import Generator
from core.generators.semantic_stylegan import FACE_PARTS, TAPS, SemanticSynthesis
from core.generators.stylegan2_layers import EPSILON, Doubling
from core.segmentation.classes import ClassSet
from core.segmentation.head import Features, Head

MODEL = "own-parts"
PART_CLASSES: dict[str, tuple[str, ...]] = {  # part: class, or classes at the left and the right
    "background": ("background",),
    "face": ("skin",),
    "eyes": ("left eye", "right eye"),
    "eyebrows": ("left eyebrow", "right eyebrow"),
    "mouth": ("mouth",),
    "nose": ("nose",),
    "ears": ("left ear", "right ear"),
    "hair": ("hair",),
    "neck": ("neck",),
    "cloth": ("cloth",),
    "eyeglass": ("eyeglass",),
    "hat": ("hat",),
    "earring": ("earring",),
}
_SIDES = {1: (0,), 2: (-1, 1)}  # by the number of classes of a part: both halves, left, right
_NOSE = FACE_PARTS.index("nose")
_FAR = 1e4  # below any score


class OwnParts(Head):
    """Scores of the classes, from -1 to 1 where trained: what the network itself sees.

    It is not trained: `own_head` takes it out of a generator.
    """

    part: Tensor  # int64 [num_classes], the part that each class is, or is half of
    side: Tensor  # float32 [num_classes]: -1 left of the nose, 1 right of it, 0 both

    def __init__(self, channels: Mapping[int, int], num_classes: int, size: int) -> None:
        super().__init__(channels, num_classes, size)
        doubled = [self.resolutions[0] * 2**step for step in range(len(self.resolutions))]
        if list(self.resolutions) != doubled or size != doubled[-1]:
            raise InvalidRequestError(
                f"The head '{MODEL}' reads maps that double up to the mask's {size} px, not "
                f"{list(self.resolutions)}."
            )
        self.scores = nn.ModuleDict(
            {str(r): nn.Conv2d(c, len(FACE_PARTS), 1) for r, c in self.channels.items()}
        )
        self.doubling = Doubling(TAPS)
        self.register_buffer("part", torch.zeros(num_classes, dtype=torch.int64))
        self.register_buffer("side", torch.zeros(num_classes))

    def part_scores(self, features: Features) -> Tensor:
        """[N, 13, size, size], in the order of FACE_PARTS."""
        found: Tensor | None = None
        for resolution in self.resolutions:
            skip = self.scores[str(resolution)](features[resolution])
            found = skip if found is None else self.doubling.enlarge(found) + skip
        assert found is not None  # a head reads at least one map
        return found

    def forward(self, features: Features) -> Tensor:
        parts = self.part_scores(features)
        line = torch.linspace(-1, 1, self.size, dtype=parts.dtype, device=parts.device)
        is_nose = (parts[:, _NOSE : _NOSE + 1] >= parts.amax(1, keepdim=True)).to(parts.dtype)
        pixels = is_nose.sum((2, 3), keepdim=True).clamp(min=1)  # without a nose: the middle
        middle = (is_nose * line).sum((2, 3), keepdim=True) / pixels  # [N, 1, 1, 1]
        beyond = self.side[:, None, None] * (middle - line)  # [N, num_classes, 1, size]
        chosen = parts[:, self.part]
        return torch.where(beyond > 0, chosen - _FAR, chosen)

    def with_uncertainty(self, features: Features) -> tuple[Tensor, Tensor]:
        """The scores stand for shares of 0 to 1: one minus the margin between the largest two."""
        scores = self(features)
        shares = ((scores + 1) / 2).clamp(0, 1)
        first, second = shares.topk(2, dim=1).values.unbind(1)
        return scores, 1.0 - (first - second) / (shares.sum(1) + EPSILON)


def own_classes(classes: ClassSet) -> ClassSet:
    """Those of a scheme's classes that the parts become. Raises InvalidRequestError."""
    wanted = [name for names in PART_CLASSES.values() for name in names]
    if missing := [name for name in wanted if name not in classes.names]:
        raise InvalidRequestError(
            f"The label scheme has no class {', '.join(missing)}, which the generator draws."
        )
    return classes.subset([classes.ids[classes.names.index(name)] for name in wanted])


def has_own_parts(generator: Generator) -> bool:
    """Whether it draws the parts of PART_CLASSES."""
    synthesis = generator.synthesis
    return isinstance(synthesis, SemanticSynthesis) and synthesis.part_names == FACE_PARTS


def own_head(generator: Generator, classes: ClassSet) -> OwnParts:
    """The head that reads the generator's own segmentation. classes: as `own_classes` gives."""
    synthesis = generator.synthesis
    assert isinstance(synthesis, SemanticSynthesis) and has_own_parts(generator)
    config = synthesis.config
    channels = {size: synthesis.feature_channels[size] for size in config.render_resolutions}
    head = OwnParts(channels, classes.num_classes, config.resolution)
    with torch.no_grad():
        for size in config.render_resolutions:
            layer = head.get_submodule(f"scores.{size}")
            assert isinstance(layer, nn.Conv2d) and layer.bias is not None
            weight, bias = synthesis.block(size).scores.plain()
            layer.weight.zero_()
            layer.weight[:, : weight.shape[1]] = weight
            layer.bias.copy_(bias)
            if size == config.coarse_resolution and config.refines:
                layer.weight[:, -config.parts :, 0, 0] = torch.eye(config.parts)
        for index, name in enumerate(classes.names):
            place, side = _part_of(name)
            head.part[index], head.side[index] = place, side
    return head.eval().requires_grad_(False)


def _part_of(name: str) -> tuple[int, int]:
    """Place of a class's part, and its side."""
    for place, part in enumerate(FACE_PARTS):
        names = PART_CLASSES[part]
        if name in names:
            return place, _SIDES[len(names)][names.index(name)]
    raise InvalidRequestError(f"No part of the generator is '{name}'.")
