"""Latents of pictures: what a target is, how pictures are compared, how a latent is found."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from core.directions import WDistribution
from core.errors import InvalidRequestError
from core.generators import Readouts
from core.generators.readouts import ReadoutsConfig
from core.images import downsample, to_float, to_uint8
from core.inversion.frame import Frame
from core.inversion.likeness import likeness
from core.inversion.optimisation import Coordinates, OptimisationConfig, Refined, Stage, optimise
from core.inversion.perceptual import Perceptual, ssim_map
from core.inversion.target import MADE_UP, SURROUNDINGS, Target, padding_weight
from tests.tiny_generator import tiny_generator


@pytest.fixture(scope="module")
def perceptual():
    return Perceptual()


@pytest.fixture(scope="module")
def generator():
    """Of 32 px; its pictures stay in -1 to 1."""
    return tiny_generator()


@pytest.fixture(scope="module")
def prior(generator):
    """Wider than its own, within which all of its pictures are nearly the same."""
    own = WDistribution.of(generator)
    return WDistribution(own.mean, 400 * own.covariance, own.samples)


def face_like(size: int, seed: int = 0) -> np.ndarray:
    """A smooth picture with some grain."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, 3, 8, 8, generator=draw)
    smooth = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic")
    grain = 0.05 * torch.randn(1, 3, size, size, generator=draw)
    return to_uint8(0.4 * smooth + grain)[0].numpy()


def drawn(generator, prior, seed: int) -> np.ndarray:
    """ws [L, D] of a random face whose layers differ."""
    chance = np.random.default_rng(seed)
    w = chance.multivariate_normal(prior.mean, prior.covariance, generator.num_ws)
    return w.astype(np.float32)


def picture_of(generator, ws: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return to_uint8(generator.synthesis(torch.from_numpy(ws)[None]).image)[0].numpy()


class TestTarget:
    def test_smaller_pictures_are_means(self):
        picture = face_like(64)
        target = Target(picture)
        whole = to_float(torch.from_numpy(picture)[None])
        assert torch.equal(target.image(64), whole)
        assert torch.equal(target.image(16), downsample(whole, 16))

    def test_weights_have_a_mean_of_one(self):
        weight = np.zeros((64, 64), np.float32)
        weight[:, 32:] = 0.5
        found = Target(face_like(64), weight).weights(32)
        assert found[..., :16].max() == 0 and found[..., 16:].min() == pytest.approx(2)

    @pytest.mark.parametrize(
        ("picture", "weight", "complaint"),
        [
            (np.zeros((8, 9, 3), np.uint8), None, r"must be uint8 \[S, S, 3\], is uint8 \[8, 9, 3"),
            (np.zeros((8, 8), np.uint8), None, "must be uint8"),
            (np.zeros((8, 8, 3)), None, "is float64"),
            (np.zeros((8, 8, 3), np.uint8), np.ones((4, 4), np.float32), r"must be \[8, 8\]"),
            (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.float32), "not be 0 everywhere"),
            (np.zeros((8, 8, 3), np.uint8), np.full((8, 8), np.nan, np.float32), "0 to 1"),
        ],
    )
    def test_what_is_no_target_is_refused(self, picture, weight, complaint):
        with pytest.raises(InvalidRequestError, match=complaint):
            Target(picture, weight)

    def test_padding_counts_little(self):
        weight = padding_weight((100, 100, 3), Frame(100, 50, 100, 0), 64)  # its right half
        assert np.all(weight[:, 34:] == pytest.approx(MADE_UP))
        assert np.all(weight[4:60, :28] == 1)

    def test_a_focus_lets_the_face_count_most(self):
        weight = np.ones((64, 64), np.float32)
        weight[:, :8] = 0.5
        focused = Target(face_like(64), weight).focused().weight
        assert focused[35, 32] > 0.99 and focused[2, 60] == pytest.approx(SURROUNDINGS, abs=0.01)
        assert focused[2, 2] == pytest.approx(SURROUNDINGS / 2, abs=0.01)


class TestPerceptual:
    @pytest.mark.parametrize("size", [32, 64, 128])
    def test_the_same_picture_is_at_no_distance(self, perceptual, size):
        target = Target(face_like(128))
        assert perceptual.to(target, size)(target.image(size)).item() == pytest.approx(0, abs=1e-4)

    def test_more_noise_is_farther_and_a_slope_leads_back(self, perceptual):
        target = Target(face_like(128))
        distance, image = perceptual.to(target, 128), target.image(128)
        noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(1))
        found = [distance(image + strength * noise).item() for strength in (0.02, 0.1, 0.4)]
        assert found == sorted(found) and found[0] > 0.01
        spoilt = (image + 0.1 * noise).requires_grad_()
        loss = distance(spoilt)
        loss.backward()
        with torch.no_grad():
            step = spoilt - 0.005 * spoilt.grad / spoilt.grad.abs().mean()
            assert distance(step).item() < loss.item()

    def test_what_does_not_count_does_not_matter(self, perceptual):
        picture = face_like(64)
        other = picture.copy()
        other[:, 40:] = 255 - other[:, 40:]
        weight = np.ones((64, 64), np.float32)
        weight[:, 24:] = 0
        shown = to_float(torch.from_numpy(other)[None])
        ignored = perceptual.to(Target(picture, weight), 32)(shown).item()
        assert ignored < 0.02 * perceptual.to(Target(picture), 32)(shown).item()

    def test_larger_images_are_reduced(self, perceptual):
        target = Target(face_like(128))
        assert perceptual.to(target, 64)(target.image(128)).item() == pytest.approx(0, abs=1e-4)

    @pytest.mark.parametrize("size", [16, 256])
    def test_other_sizes_are_refused(self, perceptual, size):
        with pytest.raises(InvalidRequestError, match=rf"32 to 128 px, not at {size}"):
            perceptual.to(Target(face_like(128)), size)

    def test_structural_similarity_is_that_of_scikit_image(self):
        from skimage.metrics import structural_similarity

        x, y = (to_float(torch.from_numpy(face_like(64, seed))[None]) for seed in (0, 1))
        inner = ssim_map(x, y)[0, 0, 3:-3, 3:-3].mean().item()
        known = structural_similarity(
            x[0, 0].numpy(), y[0, 0].numpy(), data_range=2.0, use_sample_covariance=False
        )
        assert inner == pytest.approx(known, abs=1e-4)


def test_likeness_of_a_picture_to_itself_and_to_another():
    target = Target(face_like(64))
    same, other = likeness(target, face_like(64)), likeness(target, face_like(64, seed=1))
    assert same.psnr == np.inf and same.ssim == pytest.approx(1)
    assert other.psnr < 15 and other.ssim < 0.5


class TestCoordinates:
    def test_they_lead_back_to_the_ws(self, generator, prior):
        ws = drawn(generator, prior, 0)
        assert np.allclose(Coordinates(prior, ws).ws()[0].detach().numpy(), ws, atol=1e-3)

    def test_random_faces_are_one_deviation_away(self, generator, prior):
        found = [
            Coordinates(prior, drawn(generator, prior, seed)).remoteness().item()
            for seed in range(8)
        ]
        assert np.mean(found) == pytest.approx(1, rel=0.15)

    def test_one_w_in_all_layers_has_no_spread(self, generator, prior):
        same = np.repeat(drawn(generator, prior, 0)[:1], generator.num_ws, axis=0)
        assert Coordinates(prior, same).spread().item() == pytest.approx(0, abs=1e-6)


STEPS = OptimisationConfig((Stage(0, 60, 0.1),), pull=0.01, spread=0.01, is_f32=True)


def search(generator, prior, perceptual, picture, config=STEPS, readouts=None) -> list[Refined]:
    start = generator.broadcast(generator.mean_w[None])[0].numpy()
    target = Target(picture)
    return list(optimise(generator, readouts, target, start, prior, perceptual, config))


class TestOptimisation:
    def test_it_finds_a_face_again(self, generator, prior, perceptual):
        wanted = picture_of(generator, drawn(generator, prior, 3))
        found = search(generator, prior, perceptual, wanted)
        assert len(found) == 60 and found[-1].loss < 0.35 * found[0].loss
        assert likeness(Target(wanted), picture_of(generator, found[-1].ws)).ssim > 0.9

    def test_the_best_so_far_never_gets_worse_and_is_what_it_says(
        self, generator, prior, perceptual
    ):
        wanted = picture_of(generator, drawn(generator, prior, 4))
        config = OptimisationConfig((Stage(0, 15, 2.0),), pull=0, spread=0, is_f32=True)
        found = search(generator, prior, perceptual, wanted, config)  # steps that overshoot
        assert all(b.loss <= a.loss for a, b in itertools.pairwise(found))
        last = found[-1]
        assert np.array_equal(picture_of(generator, last.ws), last.picture)
        again = perceptual.to(Target(wanted), 32)(last.image).item()
        assert again == pytest.approx(last.loss)

    def test_a_stronger_pull_stays_nearer(self, generator, prior, perceptual):
        wanted = picture_of(generator, drawn(generator, prior, 5))
        far, near = (
            search(
                generator,
                prior,
                perceptual,
                wanted,
                OptimisationConfig((Stage(0, 30, 0.1),), pull=pull, spread=pull, is_f32=True),
            )[-1]
            for pull in (0.0, 1.0)
        )
        places = [Coordinates(prior, found.ws) for found in (far, near)]
        assert places[1].remoteness() < 0.8 * places[0].remoteness()
        assert places[1].spread() < 0.5 * places[0].spread()

    def test_stages_go_from_previews_to_the_whole_picture(self, generator, prior, perceptual):
        synthesis = generator.synthesis
        torch.manual_seed(0)
        readouts = Readouts(ReadoutsConfig.of(synthesis, {16: 0})).requires_grad_(False)
        stages = (Stage(16, 2, 0.1), Stage(8, 1, 0.1), Stage(0, 2, 0.1))
        target = picture_of(generator, drawn(generator, prior, 6))
        with pytest.raises(InvalidRequestError, match="not at 16"):  # too small to compare
            search(generator, prior, perceptual, target, OptimisationConfig(stages), readouts)
        found = search(generator, prior, perceptual, target, OptimisationConfig(stages[1:]))
        assert [one.size for one in found] == [32, 32, 32]
        assert [one.step for one in found] == [1, 2, 3] and {one.total for one in found} == {3}

    def test_a_start_of_another_shape_is_refused(self, generator, prior, perceptual):
        start = np.zeros((3, 16), np.float32)
        target = Target(face_like(32))
        with pytest.raises(InvalidRequestError, match=r"one w for each layer.*\[3, 16\]"):
            next(optimise(generator, None, target, start, prior, perceptual))

    @pytest.mark.parametrize(
        ("steps", "shared"), [(20, [12, 6, 2]), (1, [1, 0, 0]), (2, [1, 1, 0])]
    )
    def test_steps_are_shared_out_to_the_stages(self, steps, shared):
        stages = (Stage(128, 60, 0.1), Stage(256, 30, 0.1), Stage(0, 10, 0.1))
        found = OptimisationConfig(stages).with_steps(steps).stages
        assert [stage.steps for stage in found] == shared

    def test_no_step_at_all_is_refused(self):
        with pytest.raises(InvalidRequestError, match="at least one step"):
            OptimisationConfig((Stage(0, 0, 0.1),))
