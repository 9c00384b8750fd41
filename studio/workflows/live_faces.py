"""Faces as live learning sees them: described once by their generator's features, then kept."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from annotations import AnnotationStore
from annotations.records import Face
from core.errors import CoreError
from core.files import whole_file
from core.generators import Generator, Runtime
from core.generators.runtime import Rendered
from core.segmentation import ClassSet, Segmenter
from core.segmentation.head import Features
from core.segmentation.live import FACE_EXAMPLES
from core.segmentation.live_features import (
    VERSION,
    Basis,
    Described,
    Examples,
    basis_resolutions,
    draw_examples,
    open_basis,
)
from studio.model_cache import ModelCache
from studio.workflows.face_features import (
    check_generator,
    check_outputs,
    decoded,
    render_again,
)
from studio.workflows.segmenters import Segmenters

log = logging.getLogger(__name__)

KEPT = 8  # described faces in memory, of 20 to 25 MB each
MAX_FILES = 4_000  # of examples, some 0.5 MB each
MOST_OF_A_FACE = 4_096  # examples of an unpainted face, on a grid


@dataclass(frozen=True)
class Ground:
    """What every face of one project is described with.

    prior: the segmenter in force, where it tells the same classes apart; None without.
    key: names all that descriptors depend on.
    """

    generator: Generator
    runtime: Runtime
    basis: Basis
    prior: Segmenter | None
    classes: ClassSet
    key: str


class LiveFaces:
    """Describes faces and keeps the latest; examples of painted ones lie in a folder, too."""

    def __init__(
        self, store: AnnotationStore, models: ModelCache, segmenters: Segmenters, cache: Path
    ) -> None:
        self._store, self._models, self._segmenters = store, models, segmenters
        self._folder = cache / "live"
        self._lock = threading.RLock()  # one face at a time: each keeps all cores busy
        self._grounds: dict[tuple[str, int], Ground] = {}
        self._described: OrderedDict[tuple[str, int], Described] = OrderedDict()

    def ground(self, face: Face, classes: ClassSet) -> Ground:
        """Raises OtherFaceError where the generator is not here or has changed."""
        check_generator(self._models, face)
        with self._lock:
            prior = self._prior(face.generator, classes)
            known = self._grounds.get((face.generator, id(prior)))
            if known is None or known.classes != classes:
                known = self._make_ground(face.generator, classes, prior)
                self._grounds[face.generator, id(prior)] = known
            return known

    def _prior(self, generator: str, classes: ClassSet) -> Segmenter | None:
        try:
            found = self._segmenters.current(generator)
        except CoreError as error:
            log.warning("Live learning goes without the segmenter: %s", error)
            return None
        same = found is not None and (found.classes.ids, found.classes.names) == (
            classes.ids,
            classes.names,
        )
        return found if same else None

    def _make_ground(self, name: str, classes: ClassSet, prior: Segmenter | None) -> Ground:
        generator = self._models.generator(name)
        wanted = set(basis_resolutions(generator)) | set(prior.resolutions if prior else ())
        outputs = check_outputs(generator, tuple(sorted(wanted)))
        runtime = self._models.runtime(name, outputs)
        basis = open_basis(generator, runtime, self._folder)
        sign = "none" if prior is None else str(self._segmenters.version(name))[:16]
        key = f"{generator.identity.sha256[:16]}-{sign}-{VERSION}"
        return Ground(generator, runtime, basis, prior, classes, key)

    def describe(self, face: Face, ground: Ground) -> Described:
        """Raises OtherFaceError where the picture is not the generator's."""
        key = (ground.key, face.id)
        with self._lock:
            if key not in self._described:
                self._described[key] = self._make(face, ground)
                while len(self._described) > KEPT:
                    self._described.popitem(last=False)
            self._described.move_to_end(key)
            return self._described[key]

    def _make(self, face: Face, ground: Ground) -> Described:
        picture = decoded(self._store.faces.picture(face.id))
        made = render_again(self._store, ground.generator, ground.runtime, face, picture)
        maps = {r: made[f"features_{r}"] for r in ground.basis.resolutions}
        prior = None if ground.prior is None else log_prior(ground.prior, made)
        return ground.basis.describe(maps, picture, prior)

    def painted(self, face: Face, ground: Ground) -> Examples:
        """Examples of a finished face, from its file or drawn and kept."""

        def make() -> Examples:
            assert face.current is not None  # its status says so
            labels = ground.classes.to_indices(self._store.masks.labels(face.current.id))
            return draw_examples(self.describe(face, ground), labels, FACE_EXAMPLES, face.id)

        return self._kept(self._path(face, ground, is_painted=True), make)

    def is_kept(self, face: Face, ground: Ground, is_painted: bool) -> bool:
        """Whether `painted` or `glimpse` find it on disk."""
        return self._path(face, ground, is_painted).is_file()

    def glimpse(self, face: Face, ground: Ground) -> Examples:
        """Some cells of a face that is not painted; their labels mean nothing."""

        def make() -> Examples:
            return draw_glimpse(self.describe(face, ground))

        return self._kept(self._path(face, ground, is_painted=False), make)

    def _kept(self, path: Path, make: Callable[[], Examples]) -> Examples:
        with self._lock:
            if (known := _read(path)) is not None:
                return known
            made = make()
            _write(path, made)
            return made

    def _path(self, face: Face, ground: Ground, is_painted: bool) -> Path:
        mask = face.current.sha256[:24] if is_painted and face.current else "all"
        name = f"{face.identity_sha256[:24]}-{mask}-{ground.key}.safetensors"
        return self._folder / name


def draw_glimpse(face: Described) -> Examples:
    """Cells on a regular grid, at most about MOST_OF_A_FACE."""
    stride = max(1, face.side // int(MOST_OF_A_FACE**0.5))
    line = torch.arange(0, face.side, stride)
    cells = (line[:, None] * face.side + line[None]).flatten()
    prior = None if face.prior is None else face.prior[cells]
    return Examples(face.pixels[cells], prior, torch.zeros(len(cells), dtype=torch.int64))


def log_prior(segmenter: Segmenter, made: Rendered) -> Tensor:
    """Log of the probabilities that a segmenter gives a rendered face, float [K, S, S]."""
    with torch.no_grad():
        maps: Features = {
            r: torch.from_numpy(made[f"features_{r}"])[None].float() for r in segmenter.resolutions
        }
        found: Tensor = segmenter.head(maps)[0].log_softmax(0)
    return found.clamp(min=-12.0)


def _read(path: Path) -> Examples | None:
    """What a file holds; None where there is none or where it is damaged."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            prior = file.get_tensor("prior") if "prior" in file.keys() else None  # noqa: SIM118
            found = Examples(file.get_tensor("pixels"), prior, file.get_tensor("labels"))
        path.touch()  # used now
    except (SafetensorError, OSError, ValueError) as error:
        log.warning("%s is damaged (%s); it is made anew.", path, error)
        return None
    return found


def _write(path: Path, examples: Examples) -> None:
    """Keep examples and remove the oldest files; where that fails, they are not kept."""
    tensors = {"pixels": examples.pixels, "labels": examples.labels}
    if examples.prior is not None:
        tensors["prior"] = examples.prior
    try:
        with whole_file(path) as unfinished:
            save_file(tensors, unfinished)
        files = [(f.stat().st_mtime_ns, f) for f in path.parent.glob("*-*-*-*.safetensors")]
        for _, file in sorted(files)[:-MAX_FILES]:
            file.unlink(missing_ok=True)
    except (CoreError, OSError) as error:
        log.warning("Examples of live learning are not kept: %s", error)
