"""Every head there is, by the name that configurations and files use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from core.errors import InvalidRequestError
from core.segmentation.head import Features, Head
from core.segmentation.own_parts import MODEL as OWN_PARTS
from core.segmentation.own_parts import OwnParts
from core.segmentation.pixel_mlp import PixelEnsemble
from core.segmentation.thesis_heads import ConvolvedMaps, UpsamplingBranch
from core.segmentation.weave import Weave

__all__ = ["HEADS", "Features", "Head", "build_head"]

HEADS: dict[str, Callable[..., Head]] = {  # that learn from labels
    "weave": Weave,
    "config-1": UpsamplingBranch,
    "config-2a": partial(ConvolvedMaps, depth=1),
    "config-2b": partial(ConvolvedMaps, depth=2),
    "config-2c": partial(ConvolvedMaps, depth=3),
    "pixel-mlp": PixelEnsemble,
}
UNLEARNED: dict[str, Callable[..., Head]] = {OWN_PARTS: OwnParts}


def build_head(
    name: str,
    channels: Mapping[int, int],
    num_classes: int,
    size: int,
    **options: Any,  # noqa: ANN401 - each head has its own
) -> Head:
    """An untrained head on feature maps with these channels (resolution -> channels).

    Raises InvalidRequestError for a name, an option or a size that cannot be.
    """
    known = HEADS | UNLEARNED
    if name not in known:
        raise InvalidRequestError(f"There is no head '{name}'. Known: {', '.join(known)}.")
    if num_classes < 2:
        raise InvalidRequestError(f"At least two classes are needed, got {num_classes}.")
    try:
        return known[name](channels, num_classes, size, **options)
    except TypeError as error:
        raise InvalidRequestError(f"Head '{name}' has no such option: {error}.") from error
