"""`launch.py bench live`: how many strokes live learning saves a simulated annotator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from annotations.starter_pack import StarterFace, StarterPack, load_starter_pack
from core.bench.live import MOST_STROKES, TrueFace, Way, bench_live
from core.generators import Noise, Outputs, RenderPass, open_runtime
from core.progress import OnStep, Step
from core.segmentation import ClassSet
from core.segmentation.live import FACE_EXAMPLES, Base, learn_base
from core.segmentation.live_features import basis_resolutions, draw_examples, open_basis
from core.segmentation.store import open_segmenter
from core.weights import WeightStore
from studio.commands.frame import Report, verb
from studio.workflows.class_schemes import class_set
from studio.workflows.live_faces import log_prior


@click.command("live")
@click.option(
    "--painted",
    type=click.IntRange(0, 30),
    multiple=True,
    default=[0, 10],
    show_default=True,
    help="How many painted faces there are already; may be given more than once.",
)
@click.option(
    "--faces", type=click.IntRange(1, 10), default=5, show_default=True, help="Faces to paint."
)
@click.option(
    "--strokes",
    type=click.IntRange(1, 1000),
    default=MOST_STROKES,
    show_default=True,
    help="After so many a face is given up.",
)
@click.option(
    "--segmenter/--no-segmenter",
    default=True,
    show_default=True,
    help="Also begin with what the segmenter that ships says.",
)
@verb
def live_bench(
    *, on_step: OnStep, painted: Sequence[int], faces: int, strokes: int, segmenter: bool
) -> Report:
    """Paint faces of the starter pack, with live learning and without it.

    A simulated annotator corrects the largest error each time, until the mask has a mean F1 of
    90 %. It learns from the pack's faces to train on and paints those to test on.
    """
    pack = load_starter_pack()
    classes = class_set(pack.scheme)
    known = [face for face in pack.faces if face.split == "train"][: max(painted, default=0)]
    new = [face for face in pack.faces if face.split == "test"][:faces]
    scene = _Scene(pack, classes, on_step)
    ways: dict[str, Way] = {}
    for name, has_prior in [("live", False)] + [("segmenter", True)] * segmenter:
        seen = scene.described([*known, *new], has_prior)
        shown, unseen = seen[: len(known)], seen[len(known) :]
        ways.setdefault("without", Way(None, unseen))
        for count in painted:
            base = _base(shown[:count], classes, has_prior)
            ways[f"{name}, {count} painted faces"] = Way(base, unseen)
    figures = bench_live(ways, classes, strokes, on_step)
    return Report(_table(figures), {"faces": [face.seed for face in new], "ways": figures})


def _base(painted: Sequence[TrueFace], classes: ClassSet, has_prior: bool) -> Base:
    drawn = [draw_examples(face.described, face.mask, FACE_EXAMPLES) for face in painted]
    return learn_base(drawn, classes.num_classes, has_prior=has_prior)


class _Scene:
    """Opens generator, basis and segmenter once; describes faces of the pack."""

    def __init__(self, pack: StarterPack, classes: ClassSet, on_step: OnStep) -> None:
        self.pack, self.classes, self.on_step = pack, classes, on_step
        weights = WeightStore()
        generator = weights.open_generator(pack.generator, on_step)
        self.segmenter = open_segmenter(weights, pack.generator)
        resolutions = {*basis_resolutions(generator), *self.segmenter.resolutions}
        outputs = Outputs(image_size=pack.size, features=tuple(sorted(resolutions)))
        self.runtime = open_runtime(RenderPass(generator, outputs))
        self.basis = open_basis(generator, self.runtime, None)

    def described(self, faces: list[StarterFace], with_prior: bool) -> list[TrueFace]:
        found = []
        for done, (face, ws) in enumerate(zip(faces, _ws(faces), strict=True)):
            self.on_step(Step(done, len(faces), "Looking at faces", "faces"))
            made = self.runtime.render(ws, Noise())
            maps = {r: made[f"features_{r}"] for r in self.basis.resolutions}
            prior = log_prior(self.segmenter, made) if with_prior else None
            mask = self.classes.to_indices(face.mask)
            found.append(TrueFace(self.basis.describe(maps, made["image"], prior), mask))
        return found


def _ws(faces: list[StarterFace]) -> NDArray[np.float32]:
    """[N, L, D], in the order of the faces."""
    with np.load(load_starter_pack().latents) as file:
        places = {int(seed): place for place, seed in enumerate(file["seeds"])}
        ws: NDArray[np.float32] = file["ws"][[places[face.seed] for face in faces]]
    return ws


def _table(figures: dict[str, Any]) -> str:
    counts = (0, 1, 2, 5, 10, 20)
    head = "".join(f"{f'F1 at {n}':>9}" for n in counts)
    rows = [f"{'way':26}{'strokes to 90 %':>16}{head}{'ms':>8}"]
    for name, way in figures.items():
        scores = "".join(f"{way[f'f1_after_{n}']:9.1f}" for n in counts)
        rows.append(
            f"{name:26}{way['strokes_median']:16}{scores}{way['prediction_ms_median']:8.0f}"
        )
    return "\n".join(rows)
