"""The smart brush's regions of a face: computed when it is first opened, then kept."""

from __future__ import annotations

import gzip
import logging
import threading
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations import AnnotationStore
from annotations.records import Face
from core.errors import CoreError
from core.files import write_whole
from core.generators import Generator
from core.superpixels import BadRegionsError, compute_regions, from_wire, to_wire
from studio.model_cache import ModelCache
from studio.workflows.face_features import (
    check_outputs,
    decoded,
    has_generator,
    render_again,
)

log = logging.getLogger(__name__)

VERSION = 1  # of how regions are computed; files of other versions are not looked at
MAX_KEPT = 2_000  # files, of some 140 KB each for a face of 1024 px
FEATURE_SIZES = (32, 64, 128)  # px; larger maps add texture, smaller ones blur the lips
_COMPRESSION = 6

_computing = threading.Lock()  # one face at a time: it keeps all cores busy, and memory low


def face_regions(
    store: AnnotationStore, models: ModelCache, cache_folder: Path, face_id: int
) -> bytes:
    """The regions of a face as gzipped wire bytes (core.superpixels.wire), made or kept.

    From picture and generator's features where the generator that made the face is here,
    else from the picture alone. Files lie in regions/ of `cache_folder`; the oldest ones
    beyond MAX_KEPT are removed. Raises NotFoundError.
    """
    face = store.faces.get(face_id)
    is_made_here = has_generator(models, face)
    basis = "features" if is_made_here else "picture"
    path = cache_folder / "regions" / f"{face.identity_sha256}-{basis}-{VERSION}.bin.gz"
    if (kept := _read(path, face)) is not None:
        return kept
    with _computing:
        if (kept := _read(path, face)) is not None:  # made by whom this one waited for
            return kept
        picture = decoded(store.faces.picture(face_id))
        features = _features(store, models, face, picture) if is_made_here else []
        wire = gzip.compress(to_wire(compute_regions(picture, features)), _COMPRESSION, mtime=0)
        _keep(path, wire)
    return wire


def _features(
    store: AnnotationStore, models: ModelCache, face: Face, picture: NDArray[np.uint8]
) -> list[NDArray[np.float32]]:
    """The feature maps of a face; none where they are not those of its picture."""
    try:
        generator = models.generator(face.generator)
        outputs = check_outputs(generator, _feature_sizes(generator))
        runtime = models.runtime(face.generator, outputs)
        rendered = render_again(store, generator, runtime, face, picture)
    except CoreError as error:
        log.warning("Regions of face %d come from its picture alone: %s", face.id, error)
        return []
    return [rendered[f"features_{size}"] for size in outputs.features]


def _feature_sizes(generator: Generator) -> tuple[int, ...]:
    """FEATURE_SIZES where they are offered, else the three largest below them."""
    offered = sorted(generator.synthesis.feature_channels)
    fit = [size for size in offered if size <= max(FEATURE_SIZES)]
    return tuple(fit[-len(FEATURE_SIZES) :])


def _read(path: Path, face: Face) -> bytes | None:
    """What is kept for a face; None where there is nothing or where it is damaged."""
    try:
        content = path.read_bytes()
        regions = from_wire(gzip.decompress(content))
    except FileNotFoundError:
        return None
    except (OSError, EOFError, zlib.error, BadRegionsError) as error:
        log.warning("%s is damaged (%s); it is made anew.", path, error)
        return None
    return content if regions.ids.shape == (face.height, face.width) else None


def _keep(path: Path, wire: bytes) -> None:
    """Write a file and remove the oldest ones; where that fails, they are not kept."""
    try:
        write_whole(path, wire)
        files = [(file.stat().st_mtime_ns, file) for file in path.parent.glob("*.bin.gz")]
        for _, file in sorted(files)[:-MAX_KEPT]:
            file.unlink(missing_ok=True)
    except (CoreError, OSError) as error:
        log.warning("Regions cannot be kept: %s", error)
