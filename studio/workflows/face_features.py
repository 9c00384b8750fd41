"""What the generator that made a face makes of it again, checked against the face's picture."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotations import AnnotationStore
from annotations.records import Face
from core.errors import CoreError
from core.generators import Generator, Noise, Outputs, Runtime
from core.generators.runtime import Rendered
from studio.model_cache import ModelCache

CHECK_SIZE = 64  # px at which a face is compared with what its generator makes of its latent
LARGEST_DIFFERENCE = 12.0  # mean, of 255; measured: 5 with other noise, 35 to 108 between faces


class OtherFaceError(CoreError):
    """The generator here does not make this face of its latent."""


def has_generator(models: ModelCache, face: Face) -> bool:
    """Whether the weights that made the face lie here; nothing is downloaded for it."""
    known = models.weights.entries().get(face.generator)
    return (
        known is not None
        and known.is_generator
        and known.sha256 == face.generator_sha256
        and known.path.is_file()
    )


def check_generator(models: ModelCache, face: Face) -> None:
    """Raise OtherFaceError, for the person, where `has_generator` is not so."""
    known = models.weights.entries().get(face.generator)
    if known is None or not known.is_generator:
        raise OtherFaceError(
            f"This face was made by generator '{face.generator}', which is not here. Add it: "
            f"python launch.py weights add FILE --name {face.generator}"
        )
    if known.sha256 != face.generator_sha256:
        raise OtherFaceError(
            f"Generator '{face.generator}' has changed since this face was made: its weights were "
            f"{face.generator_sha256[:12]}, here they are {known.sha256[:12]}. Bring the old "
            "weights back, or make new faces."
        )
    if not known.path.is_file():
        raise OtherFaceError(
            f"The weights of generator '{face.generator}' are not at {known.path}. Get them: "
            f"python launch.py weights get {face.generator}"
        )


def check_outputs(generator: Generator, features: tuple[int, ...]) -> Outputs:
    """Feature maps, and the small picture that `render_again` compares."""
    return Outputs(image_size=min(CHECK_SIZE, generator.resolution), features=features)


def render_again(
    store: AnnotationStore,
    generator: Generator,
    runtime: Runtime,
    face: Face,
    picture: NDArray[np.uint8],
) -> Rendered:
    """A face out of its stored latent; runtime: of `check_outputs`.

    Raises OtherFaceError where it is not the picture's, or another CoreError.
    """
    ws = store.faces.latent(face.id)
    noise = Noise.parse(face.noise)
    noise.check(generator.synthesis)
    if ws.shape != (generator.num_ws, generator.synthesis.w_dim):
        raise OtherFaceError(
            f"The latent of face {face.id} has shape {list(ws.shape)}; generator "
            f"'{face.generator}' takes [{generator.num_ws}, {generator.synthesis.w_dim}]."
        )
    rendered = runtime.render(ws, noise)
    if difference(picture, rendered["image"]) > LARGEST_DIFFERENCE:
        raise OtherFaceError(
            f"The picture of face {face.id} is not what generator '{face.generator}' makes of its "
            "latent, so its features would not fit."
        )
    return rendered


def decoded(png: bytes) -> NDArray[np.uint8]:
    """RGB uint8 [H, W, 3]."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB"))


def difference(picture: NDArray[np.uint8], rendered: NDArray[np.uint8]) -> float:
    """The mean absolute difference, in 0..255, of a picture and a small rendering of it."""
    height, width = rendered.shape[:2]
    small = Image.fromarray(picture).resize((width, height), Image.Resampling.BOX)
    return float(np.abs(np.asarray(small, np.int16) - rendered).mean())
