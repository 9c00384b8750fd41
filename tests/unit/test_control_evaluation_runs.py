"""An evaluation of control that is cut off goes on, and what it says with and without judges."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from filelock import FileLock

from core.attributes.control import Steered
from core.errors import Cancelled, InvalidRequestError, LatentsError
from core.evaluation.control import draw_seeds, draw_targets
from core.evaluation.judges import Judgement, Judges
from core.generators import Noise
from core.latents import LatentSpace, read_latents
from core.quality import QualityScale
from core.sampling import latents_from_seeds
from studio.commands.control_table import control_table
from studio.workflows.control_evaluation import WAYS, Orders
from studio.workflows.evaluation_figures import Filled, Judged, figures_of
from studio.workflows.evaluation_folder import EvaluationFolder
from tests.tiny_generator import tiny_generator

FACES = 5
ASKED = {"faces": FACES, "psi": 0.7, "seed": 3}


class Control:
    """A picture is its ws; the closed loop halves the way to the mean and draws at random."""

    def __init__(self) -> None:
        self.generator = tiny_generator()
        self.pack = self.encoder = self
        self.pictures = 0

    def encode(self, given):
        return np.repeat(given[:, :1] / 100, self.generator.synthesis.w_dim, axis=1)

    def picture(self, ws):
        self.pictures += 1
        return ws

    def mixed(self, ws, wish, random):
        return (ws + np.float32(random.normal())).astype(np.float32)

    def fulfil(self, ws, wish, random):
        return Steered(self.mixed(ws, wish, random), {}, wish.gender == "male", (), 7, 1.0, 0.5)


class Eyes(Judges):
    """Our age is 30 + 10 of the mean; the second one says 20 + half of that."""

    def judge(self, picture):
        age = 30 + 10 * float(picture.mean())
        embedding = np.resize(picture.ravel(), 128).astype(np.float32)
        return Judgement(age, 0.9, 20 + age / 2, 0.2, embedding)


def orders(seed: int = 3) -> Orders:
    control = Control()
    targets, seeds = draw_targets(FACES, seed), draw_seeds(FACES, seed)
    drawn = latents_from_seeds(control.generator, seeds, psi=0.7, noise=Noise())
    names = {"second estimator": "other", "face embedding": "likeness"}
    judges = Eyes(own=None, second=object(), embedder=object(), names=names)
    return Orders(control, judges, drawn, targets, 0.0, seed)


def filled_in(asked: Orders, folder=None, on_step=lambda _: None, ways=WAYS):
    return asked.fill_all(list(ways), folder, on_step)


def same(one: list[Filled], other: list[Filled]) -> bool:
    return all(
        np.array_equal(a.ws, b.ws)
        and a.judgement.age == b.judgement.age
        and np.array_equal(a.judgement.embedding, b.judgement.embedding)
        and (a.pictures, a.reached) == (b.pictures, b.reached)
        for a, b in zip(one, other, strict=True)
    )


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(tmp_path):
    whole = filled_in(orders())

    def stop(step):
        if step.done == 2 * FACES + 3:
            raise Cancelled("enough")

    folder = EvaluationFolder(tmp_path)
    with pytest.raises(Cancelled, match="enough"), folder.opened(ASKED):
        filled_in(orders(), folder, stop)
    space = LatentSpace.of(tiny_generator())
    assert len(read_latents(tmp_path / "mixing.npz", space)) == 3
    rest = orders()
    with folder.opened(ASKED):
        again = filled_in(rest, folder)
    assert rest.control.pictures == 1 + 2 + FACES  # to compile, of mixing, of the closed loop
    assert all(same(again[way], whole[way]) for way in WAYS)


def test_a_kill_loses_only_what_came_after_the_last_saving(tmp_path):
    asked = orders()
    folder = EvaluationFolder(tmp_path, pace=0)
    filled = filled_in(asked, ways=["mixing"])["mixing"]
    folder.save("mixing", filled[:2], asked.drawn)
    (tmp_path / ".unfinished-1").write_bytes(b"cut off")
    space = LatentSpace.of(tiny_generator())
    assert same(folder.load("mixing", space), filled[:2])
    slow = EvaluationFolder(tmp_path, pace=3600)
    slow.save("mixing", filled[:3], asked.drawn)
    assert len(slow.load("mixing", space)) == 2
    slow.save("mixing", filled[:3], asked.drawn, is_last=True)
    assert same(slow.load("mixing", space), filled[:3])


def test_another_runs_folder_is_refused_and_left_alone(tmp_path):
    folder = EvaluationFolder(tmp_path)
    with folder.opened(ASKED):
        pass
    before = (tmp_path / "evaluation.json").read_bytes()
    with (
        pytest.raises(InvalidRequestError, match=r"holds another run: psi 0.7, not 0.8; seed 3"),
        folder.opened(ASKED | {"psi": 0.8, "seed": 4}),
    ):
        pass
    assert (tmp_path / "evaluation.json").read_bytes() == before
    (tmp_path / "evaluation.json").write_text("{")
    with pytest.raises(InvalidRequestError, match="cannot be read"), folder.opened(ASKED):
        pass
    (tmp_path / "evaluation.json").unlink()
    (tmp_path / "random.npz").write_bytes(b"older")
    with pytest.raises(InvalidRequestError, match="not known how"), folder.opened(ASKED):
        pass
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != ".lock") == [
        "random.npz"
    ]


def test_a_folder_has_one_run_at_a_time(tmp_path):
    tmp_path.joinpath("evaluation.json").write_text(json.dumps(ASKED))
    with (
        FileLock(tmp_path / ".lock"),
        pytest.raises(InvalidRequestError, match="Another run works in"),
        EvaluationFolder(tmp_path).opened(ASKED),
    ):
        pass


def test_latents_without_judgements_are_not_taken_for_a_run(tmp_path):
    asked = orders()
    asked.drawn.save(tmp_path / "random.npz")
    with pytest.raises(LatentsError, match=r"random.npz: Not what an evaluation writes"):
        EvaluationFolder(tmp_path).load("random", LatentSpace.of(tiny_generator()))


def test_another_seed_asks_for_other_people_and_begins_with_other_faces():
    assert draw_targets(20, 1) != draw_targets(20, 2)
    seeds = draw_seeds(1000, 1)
    assert seeds == draw_seeds(1000, 1) and len(set(seeds)) == 1000
    assert not set(seeds) & set(draw_seeds(1000, 2))
    assert min(seeds) >= 2**31 and max(seeds) < 2**32
    assert not np.array_equal(orders(1).drawn.ws, orders(2).drawn.ws)


def figures(asked: Orders, ways=WAYS, **changed):
    filled = filled_in(asked, ways=ways)
    if changed.get("second", True) is None:
        blind = {"second_age": float("nan"), "second_male": float("nan")}
        blind["embedding"] = np.full(128, np.nan, np.float32)
        filled = {
            way: [replace(f, judgement=replace(f.judgement, **blind)) for f in faces]
            for way, faces in filled.items()
        }
    judges = replace(asked.judges, **changed)
    scale = QualityScale.of(asked.control.generator)
    return {"faces": FACES, "psi": 0.7, "targets": "some"} | figures_of(
        filled, asked.targets, judges, scale
    )


def test_every_way_is_held_against_the_random_faces():
    found = figures(orders())
    ways = found["ways"]
    reference = found["second_estimator"]["on_random_faces"]
    assert (reference["slope"], reference["offset"]) == (2.0, -40.0)  # 20 + age / 2, undone
    assert reference["recalibrated_disagreement"] == 0 and reference["disagreement"] > 1
    for way in WAYS:
        assert ways[way]["recalibrated_age_error"] == pytest.approx(
            ways[way]["age_error"], abs=2e-3
        )
        assert ways[way]["second_age_error"] != ways[way]["age_error"]
        assert ways[way]["same_gender"] == 0
        assert ways[way]["second_gender"] == pytest.approx(1 - ways[way]["gender"])
        embedded = ways[way]["diversity_embedding"]  # of ws, here
        assert embedded == pytest.approx(ways[way]["diversity_w"], rel=0.01)
    assert ways["random"]["diversity_embedding"] == 1 != ways["encoder"]["diversity_embedding"]
    assert {way for way in WAYS if "identity_distance" in ways[way]} == {"mixing", "closed loop"}
    assert ways["closed loop"]["pictures_per_face"] == 7


def test_the_table_leaves_out_what_nobody_judged_and_says_why():
    reason = {"second estimator": "no network", "face embedding": "no network"}
    found = figures(orders(), second=None, embedder=None, names={}, missing=reason)
    text = control_table(found)
    assert "2nd" not in text and "identity" not in text and "div. w" in text
    assert "Without the second estimator: no network" in text
    assert len({len(line) for line in text.splitlines()[:5]}) == 1
    whole = control_table(figures(orders()))
    assert all(title in whole.splitlines()[0] for title in ("2nd recal.", "identity", "div. face"))
    assert max(map(len, whole.splitlines()[:5])) <= 140


def test_without_random_faces_there_is_nothing_to_compare_with():
    found = figures(orders(), ways=["mixing"])
    assert "diversity_w" not in found["ways"]["mixing"]
    assert "recalibrated_age_error" not in found["ways"]["mixing"]
    assert "not recalibrated: it is fitted on random faces" in control_table(found)


def test_pictures_without_a_face_count_in_none_of_the_means():
    asked = orders()
    faces = filled_in(asked, ways=["random"])["random"]
    faces[1] = replace(faces[1], judgement=Judgement())
    judged = Judged.of(faces)
    assert np.isnan(judged.embeddings[1]).all() and np.isfinite(judged.embeddings[0]).all()
    found = figures_of(
        {"random": faces, "mixing": faces},
        asked.targets,
        asked.judges,
        QualityScale.of(asked.control.generator),
    )
    assert found["ways"]["random"]["without_face"] == 1
    assert found["second_estimator"]["on_random_faces"]["faces"] == FACES - 1
    assert found["ways"]["mixing"]["identity_distance"] == 0
