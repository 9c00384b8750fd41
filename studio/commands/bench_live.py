"""`launch.py bench live`: how many strokes live learning saves a simulated annotator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from annotations.starter_pack import StarterFace, load_starter_pack
from core.bench.live import MOST_STROKES, TrueFace, bench_live
from core.generators import Noise, Outputs, RenderPass, open_runtime
from core.progress import OnStep, Step
from core.segmentation import ClassSet
from core.segmentation.live import learn_base
from core.segmentation.live_features import basis_resolutions, draw_examples, open_basis
from core.weights import WeightStore
from studio.commands.frame import Report, verb
from studio.workflows.class_schemes import class_set


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
@verb
def live_bench(*, on_step: OnStep, painted: Sequence[int], faces: int, strokes: int) -> Report:
    """Paint faces of the starter pack, with live learning and without it.

    A simulated annotator corrects the largest error each time, until the mask has a mean F1 of
    90 %. It learns from the pack's faces to train on and paints those to validate on.
    """
    pack = load_starter_pack()
    classes = class_set(pack.scheme)
    known = [face for face in pack.faces if face.split == "train"][: max(painted, default=0)]
    new = [face for face in pack.faces if face.split == "validation"][:faces]
    described = _described([*known, *new], classes, on_step)
    drawn = [draw_examples(face.described, face.mask, 1500) for face in described[: len(known)]]
    bases = {
        count: learn_base(drawn[:count], classes.num_classes, has_prior=False) for count in painted
    }
    figures = bench_live(bases, described[len(known) :], classes, strokes, on_step)
    return Report(_table(figures), {"faces": [face.seed for face in new], "ways": figures})


def _described(faces: list[StarterFace], classes: ClassSet, on_step: OnStep) -> list[TrueFace]:
    pack, weights = load_starter_pack(), WeightStore()
    generator = weights.open_generator(pack.generator, on_step)
    outputs = Outputs(image_size=pack.size, features=basis_resolutions(generator))
    runtime = open_runtime(RenderPass(generator, outputs))
    basis = open_basis(generator, runtime, None)
    found = []
    for done, (face, ws) in enumerate(zip(faces, _ws(faces), strict=True)):
        on_step(Step(done, len(faces), "Looking at faces", "faces"))
        made = runtime.render(ws, Noise())
        maps = {r: made[f"features_{r}"] for r in basis.resolutions}
        mask = classes.to_indices(face.mask)
        found.append(TrueFace(basis.describe(maps, made["image"]), mask))
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
