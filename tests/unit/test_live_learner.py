"""Live learning: what it sees of a face, what it learns from strokes, which face it asks for."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from core.bench.live import TrueFace, Way, bench_live, mean_f1, paint_stroke
from core.errors import Cancelled
from core.generators import Generator, Noise, Outputs, RenderPass, Runtime, open_runtime
from core.segmentation.classes import ClassSet
from core.segmentation.live import Base, as_usual, learn_base, predict, surprise
from core.segmentation.live_features import (
    Basis,
    Described,
    Examples,
    basis_resolutions,
    draw_examples,
    open_basis,
)
from core.segmentation.live_queue import rank_faces
from core.segmentation.live_reach import reach
from tests.tiny_generator import tiny_generator, tiny_latents

CLASSES = ClassSet((0, 3, 7), ("background", "skin", "hair"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))
NOTHING = np.full((32, 32), 255, np.uint8)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return tiny_generator()


@pytest.fixture(scope="module")
def runtime(generator: Generator) -> Runtime:
    outputs = Outputs(features=basis_resolutions(generator))
    return open_runtime(RenderPass(generator, outputs), device="cpu")


@pytest.fixture(scope="module")
def basis(generator: Generator, runtime: Runtime) -> Basis:
    return open_basis(generator, runtime, None)


@pytest.fixture(scope="module")
def faces(runtime: Runtime, basis: Basis) -> list[TrueFace]:
    """Four faces; their true classes are bands of brightness, so that features tell them."""
    found = []
    for ws in tiny_latents(4).ws:
        made = runtime.render(ws, Noise())
        maps = {r: made[f"features_{r}"] for r in basis.resolutions}
        bright = made["image"].mean(-1)
        mask = np.digitize(bright, np.quantile(bright, [0.33, 0.66])).astype(np.uint8)
        found.append(TrueFace(basis.describe(maps, made["image"]), mask))
    return found


def base_of(faces: list[TrueFace]) -> Base:
    drawn = [draw_examples(face.described, face.mask, 600) for face in faces]
    return learn_base(drawn, CLASSES.num_classes, has_prior=False)


def strokes(face: TrueFace, most: int = 20) -> Examples:
    """A few pixels of each class, scattered."""
    return draw_examples(face.described, face.mask, most)


def test_a_descriptor_has_deviation_one_in_each_component(
    basis: Basis, faces: list[TrueFace]
) -> None:
    pixels = torch.cat([face.described.pixels for face in faces]).float()
    components = sum(len(axes) for axes in basis.axes.values())
    assert pixels.shape[1] == components + 8  # two colours and a place beside them
    deviations = pixels[:, :components].std(0)
    assert 0.3 < float(deviations.median()) < 3.0
    assert torch.isfinite(pixels).all()


def test_a_basis_is_kept_and_a_broken_file_is_made_again(
    generator: Generator,
    runtime: Runtime,
    basis: Basis,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    open_basis(generator, runtime, tmp_path)
    (path,) = tmp_path.glob("basis-*.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with caplog.at_level(logging.WARNING):
        again = open_basis(generator, runtime, tmp_path)
    assert "damaged" in caplog.text and path.read_bytes() == whole
    for r in basis.resolutions:
        torch.testing.assert_close(again.axes[r], basis.axes[r])


def test_examples_are_labelled_pixels_and_rare_classes_come_more_often(
    faces: list[TrueFace],
) -> None:
    mask = NOTHING.copy()
    mask[:20] = 0  # 640 pixels
    mask[20, :8] = 2
    drawn = draw_examples(faces[0].described, mask, 102)
    counts = torch.bincount(drawn.labels, minlength=3)
    assert counts[1] == 0 and 98 <= len(drawn) <= 104
    assert 3 <= counts[2] <= 8  # 1.3 would be their share
    corner = draw_examples(faces[0].described, np.where(np.arange(1024).reshape(32, 32), 255, 1), 9)
    assert torch.equal(corner.pixels[0], faces[0].described.pixels[0])


def test_strokes_alone_predict_the_face(faces: list[TrueFace]) -> None:
    nothing_known = learn_base([], CLASSES.num_classes, has_prior=False)
    made = predict(nothing_known, faces[0].described, strokes(faces[0], 200), (32, 32))
    assert made is not None
    assert (made.labels == faces[0].mask).mean() > 0.65
    assert made.uncertainty.shape == (32, 32) and made.uncertainty.max() > 0


def test_less_than_two_classes_predict_nothing(faces: list[TrueFace]) -> None:
    nothing_known = learn_base([], CLASSES.num_classes, has_prior=False)
    mask = NOTHING.copy()
    mask[3, 3] = 1
    own = draw_examples(faces[0].described, mask, 10)
    assert predict(nothing_known, faces[0].described, own, (32, 32)) is None


def test_only_classes_that_were_shown_are_answered(faces: list[TrueFace]) -> None:
    nothing_known = learn_base([], CLASSES.num_classes, has_prior=False)
    mask = np.where(faces[0].mask == 1, np.uint8(255), faces[0].mask)
    own = draw_examples(faces[0].described, mask, 1000)
    made = predict(nothing_known, faces[0].described, own, (32, 32))
    assert made is not None and set(np.unique(made.labels)) == {0, 2}


def test_painted_faces_predict_another_one_without_a_stroke(faces: list[TrueFace]) -> None:
    untouched = draw_examples(faces[3].described, NOTHING, 10)
    made = predict(base_of(faces[:3]), faces[3].described, untouched, (64, 64))
    assert made is not None and made.labels.shape == (64, 64)
    truth = faces[3].mask.repeat(2, 0).repeat(2, 1)
    assert (made.labels == truth).mean() > 0.6


def test_strokes_on_the_face_move_what_other_faces_taught(faces: list[TrueFace]) -> None:
    """All its labels are swapped: the prediction leaves what it was."""
    truth = faces[3].mask
    swapped = np.uint8(2) - truth
    base, face = base_of(faces[:1]), faces[3].described
    before = predict(base, face, draw_examples(face, NOTHING, 10), (32, 32))
    after = predict(base, face, draw_examples(face, swapped, 1000), (32, 32))
    assert before is not None and after is not None
    assert (after.labels == truth).mean() < (before.labels == truth).mean() - 0.03


def test_strokes_reach_what_is_near_and_looks_alike(faces: list[TrueFace]) -> None:
    face = faces[0].described
    corner = np.full((32, 32), 255, np.uint8)
    corner[:3, :3] = 1
    own = draw_examples(face, corner, 9)
    found = reach(face, own).view(face.side, face.side)
    assert found.shape == (32, 32) and 0 <= float(found.min()) <= float(found.max()) <= 1
    assert float(found[:3, :3].min()) > 0.99
    assert float(found[-8:, -8:].max()) < 0.2
    assert float(found[:3, 3:6].mean()) > float(found[:3, 20:].mean())


def test_far_from_the_strokes_the_painted_faces_have_the_word(faces: list[TrueFace]) -> None:
    base = base_of(faces[:3])
    wrong = np.full((32, 32), 255, np.uint8)
    wrong[:4, :4] = (faces[3].mask[0, 0] + 1) % 3
    before = predict(base, faces[3].described, strokes(faces[3], 0), (32, 32))
    after = predict(
        base, faces[3].described, draw_examples(faces[3].described, wrong, 16), (32, 32)
    )
    assert before is not None and after is not None
    assert np.array_equal(before.labels[16:, 16:], after.labels[16:, 16:])
    assert (after.labels[:4, :4] == wrong[0, 0]).mean() > 0.5


def test_strokes_weigh_as_usual_and_surprising_ones_more(faces: list[TrueFace]) -> None:
    weights = as_usual(torch.tensor([0, 0, 0, 2]), torch.tensor([900, 0, 100]))
    assert float(weights.mean()) == pytest.approx(1.0)
    assert float(weights[:3].sum() / weights[3]) == pytest.approx(9.0)
    base = base_of(faces[:3])
    drawn = draw_examples(faces[3].described, faces[3].mask, 500)
    turned = Examples(drawn.pixels, None, 2 - drawn.labels)
    assert base.ensemble is not None
    assert surprise(base.ensemble, turned).mean() > surprise(base.ensemble, drawn).mean()


def test_the_same_strokes_predict_the_same_whatever_came_between(faces: list[TrueFace]) -> None:
    base = base_of(faces[:2])
    first, other = strokes(faces[3]), strokes(faces[3], 40)
    once = predict(base, faces[3].described, first, (32, 32))
    predict(base, faces[3].described, other, (32, 32))
    again = predict(base, faces[3].described, first, (32, 32))
    assert once is not None and again is not None
    assert np.array_equal(once.labels, again.labels)


def test_a_segmenter_is_the_first_prediction_and_strokes_correct_it(faces: list[TrueFace]) -> None:
    sure = torch.full((3, 32, 32), -9.0)
    sure[1] = 0.0  # everything is skin, it says
    face = Described(faces[0].described.pixels, sure.flatten(1).T.half(), 32)
    base = learn_base([], CLASSES.num_classes, has_prior=True)
    untouched = predict(base, face, draw_examples(face, NOTHING, 10), (32, 32))
    assert untouched is not None and (untouched.labels == 1).mean() > 0.95
    corrected = predict(base, face, draw_examples(face, faces[0].mask, 900), (32, 32))
    assert corrected is not None and (corrected.labels == faces[0].mask).mean() > 0.7


def test_work_that_is_not_wanted_any_more_stops(faces: list[TrueFace]) -> None:
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) > 5:
            raise Cancelled("A newer request took its place.")

    with pytest.raises(Cancelled, match="newer request took its place"):
        predict(base_of(faces[:1]), faces[3].described, strokes(faces[3]), (32, 32), check)
    assert len(calls) == 6


def test_a_base_goes_on_from_an_earlier_one(faces: list[TrueFace]) -> None:
    drawn = [draw_examples(face.described, face.mask, 600) for face in faces[:3]]
    before = learn_base(drawn[:2], 3, has_prior=False)
    after = learn_base(drawn, 3, has_prior=False, before=before)
    assert after.num_faces == 3 and after.ensemble is not before.ensemble
    assert before.ensemble is not None and before.num_faces == 2


def test_the_queue_prefers_what_is_unlike_the_painted_faces(faces: list[TrueFace]) -> None:
    drawn = [draw_examples(face.described, face.mask, 600) for face in faces]
    odd = Examples(drawn[2].pixels + 3.0, None, drawn[2].labels)
    ranked = rank_faces(base_of(faces[:2]), [drawn[0], odd, drawn[1]], drawn[:2], 3)
    assert ranked[0].place == 1
    assert sorted(each.place for each in ranked) == [0, 1, 2]
    assert ranked[0].novelty == 1.0


def test_the_queue_does_not_propose_twins_one_after_the_other(faces: list[TrueFace]) -> None:
    drawn = [draw_examples(face.described, face.mask, 600) for face in faces]
    odd = Examples(drawn[2].pixels + 3.0, None, drawn[2].labels)
    twin = Examples(odd.pixels.clone(), None, odd.labels)
    far = Examples(drawn[3].pixels - 3.0, None, drawn[3].labels)
    ranked = rank_faces(base_of(faces[:2]), [odd, twin, far], drawn[:2], 2)
    assert {each.place for each in ranked} in ({0, 2}, {1, 2})


def test_without_anything_learned_the_queue_still_has_an_answer(faces: list[TrueFace]) -> None:
    nothing_known = learn_base([], 3, has_prior=False)
    drawn = [draw_examples(face.described, face.mask, 600) for face in faces]
    ranked = rank_faces(nothing_known, drawn, [], 4)
    assert sorted(each.place for each in ranked) == [0, 1, 2, 3]
    assert rank_faces(nothing_known, [], [], 4) == []


def test_a_simulated_stroke_is_a_disc_of_the_right_class_in_the_largest_error() -> None:
    truth = np.zeros((20, 20), np.uint8)
    truth[5:15, 5:15] = 2
    truth[0, 0] = 255
    painted = np.full((20, 20), 255, np.uint8)
    shown = np.zeros((20, 20), np.uint8)
    assert paint_stroke(painted, shown, truth)
    assert set(np.unique(painted)) == {2, 255}
    assert painted[9, 9] == 2 and (painted == 2).sum() > 40
    assert (truth[painted == 2] == 2).all()
    assert not paint_stroke(painted, truth.copy(), truth)


def test_mean_f1_counts_what_is_missing_and_leaves_absent_classes_out() -> None:
    truth = np.array([[0, 0, 1, 1]], np.uint8)
    assert mean_f1(truth, np.array([[0, 2, 1, 1]], np.uint8), CLASSES) == 1.0  # of skin alone
    half = mean_f1(truth, np.array([[0, 0, 1, 255]], np.uint8), CLASSES)
    assert half == pytest.approx(2 / 3)


def test_the_bench_needs_fewer_strokes_with_live_learning(faces: list[TrueFace]) -> None:
    ways = {"without": Way(None, faces[3:]), "live": Way(base_of(faces[:3]), faces[3:])}
    figures = bench_live(ways, CLASSES, most_strokes=40)
    without, live = figures["without"], figures["live"]
    assert live["f1_after_0"] > without["f1_after_0"] == 0.0
    assert live["strokes_median"] <= without["strokes_median"]
