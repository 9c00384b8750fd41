"""Every head: shapes, gradients, exactness of the shortcuts; classes, losses and metrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812

from core.errors import InvalidRequestError
from core.segmentation.classes import ClassSet
from core.segmentation.head import Standardised, fit_standardised, pointwise
from core.segmentation.heads import HEADS, build_head
from core.segmentation.labelled import LabelledFaces, reduce_labels
from core.segmentation.labelling import first_largest
from core.segmentation.losses import class_weights, effective_number, pixel_loss
from core.segmentation.metrics import score
from core.segmentation.pixel_mlp import Member, PixelEnsemble, sample_pixels
from core.segmentation.principal import Principal, fit_principal
from core.segmentation.splits import split_faces
from core.segmentation.weave import Weave, Window
from tests.segmentation_faces import CLASSES

CHANNELS = {4: 12, 8: 12, 16: 8, 32: 6}


def _features(count: int = 2) -> dict[int, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    return {r: torch.randn(count, c, r, r, generator=source) for r, c in CHANNELS.items()}


def _head(name: str, size: int = 32, num_classes: int = 5) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_head(name, CHANNELS, num_classes, size)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize(("size", "num_classes"), [(32, 5), (64, 2), (32, 40)])
def test_logits_have_a_channel_a_class_at_the_size_asked_for(
    name: str, size: int, num_classes: int
) -> None:
    head = _head(name, size, num_classes)
    with torch.no_grad():
        logits = head(_features())
        again, uncertainty = head.with_uncertainty(_features())  # type: ignore[operator]
    assert logits.shape == again.shape == (2, num_classes, size, size)
    assert bool(logits.isfinite().all())
    assert uncertainty.shape == (2, size, size)
    assert 0 <= float(uncertainty.min()) <= float(uncertainty.max()) <= 1


@pytest.mark.parametrize("name", ["config-2a", "config-2c"])
@pytest.mark.parametrize("size", [32, 64])
def test_config_2_equals_upsampling_concatenation_and_batch_norm(name: str, size: int) -> None:
    """The thesis's order of things, written out; in training and in use, with gradients."""
    head, plain = _head(name, size).double().train(), _head(name, size).double().train()
    for twin in (head, plain):
        torch.nn.init.normal_(twin.normalise.weight, generator=torch.Generator().manual_seed(1))
        torch.nn.init.normal_(twin.normalise.bias, generator=torch.Generator().manual_seed(2))

    def written_out(features: dict[int, torch.Tensor]) -> torch.Tensor:
        maps = [
            F.interpolate(branch(features[r]), (size, size), mode="bilinear")
            for r, branch in zip(plain.resolutions, plain.branches, strict=True)
        ]
        return plain.classify(plain.normalise(torch.cat(maps, 1)))

    features = {r: part.double() for r, part in _features().items()}
    labels = torch.from_numpy(np.random.RandomState(0).randint(5, size=(2, size, size)))
    ours, theirs = head(features), written_out(features)
    torch.testing.assert_close(ours, theirs)
    for logits in (ours, theirs):
        pixel_loss(logits, labels).backward()
    for mine, other in zip(head.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)
    torch.testing.assert_close(dict(head.named_buffers()), dict(plain.named_buffers()))
    head.eval(), plain.eval()
    torch.testing.assert_close(head(features), written_out(features))


@pytest.mark.parametrize("name", HEADS)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    head = _head(name).train()
    labels = torch.from_numpy(np.random.RandomState(0).randint(5, size=(2, 32, 32)))
    pixel_loss(head(_features()), labels).backward()
    dead = [n for n, p in head.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert dead == []


@pytest.mark.parametrize("name", HEADS)
def test_faces_do_not_depend_on_those_beside_them(name: str) -> None:
    head, features = _head(name).eval(), _features(3)
    with torch.no_grad():
        alone = head({r: f[1:2] for r, f in features.items()})
        together = head(features)
    assert torch.allclose(alone[0], together[1], atol=1e-4)


@pytest.mark.parametrize("num_classes", [2, 18, 254])
def test_the_largest_is_found_as_argmax_finds_it(num_classes: int) -> None:
    logits = 10 * torch.randn(2, num_classes, 16, 16, generator=torch.Generator().manual_seed(0))
    logits[0, :, 0, 0] = 3.0  # all the same: the first
    assert torch.equal(first_largest(logits), logits.argmax(1).to(torch.uint8))


def test_an_unknown_head_or_option_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"no head 'u-net'\. Known: weave, config-1"):
        build_head("u-net", CHANNELS, 5, 32)
    with pytest.raises(InvalidRequestError, match=r"'weave' has no such option.*depth"):
        build_head("weave", CHANNELS, 5, 32, depth=3)
    with pytest.raises(InvalidRequestError, match="Masks of 48 px cannot be made"):
        build_head("config-1", CHANNELS, 5, 48)
    with pytest.raises(InvalidRequestError, match="At least two classes"):
        build_head("config-1", CHANNELS, 1, 32)


def test_windows_in_the_middle_of_context_agree_with_the_whole_face() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = Weave(CHANNELS, 5, 32, whole=8).eval()
    features = _features(1)
    with torch.no_grad():
        whole = head(features)
        part = {
            r: f if r <= 8 else f[:, :, : r * 3 // 4, : r * 3 // 4] for r, f in features.items()
        }
        window = head.on_windows(head.reduced(part), [Window(0, 0, 0)], 24)
        reduced = head.on_reduced(head.reduced(features))
    assert torch.allclose(reduced, whole, atol=1e-5)
    assert torch.allclose(window[..., :8, :8], whole[..., :8, :8], atol=1e-5)


def test_a_pixel_product_is_the_convolution_it_stands_for() -> None:
    x, weight, bias = torch.randn(2, 3, 4, 5), torch.randn(6, 3), torch.randn(6)
    expected = F.conv2d(x, weight[:, :, None, None], bias)
    assert torch.allclose(pointwise(x, weight.requires_grad_(), bias), expected, atol=1e-5)


def test_standardising_is_folded_into_the_weights() -> None:
    layer = Standardised(3, 2)
    x = 5 + 3 * torch.randn(4, 3, 8, 8)
    fit_standardised([{8: x[:1]}, {8: x[1:]}], {8: [layer]})
    standard = (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True, correction=0)
    expected = F.conv2d(standard, layer.weight[:, :, None, None], layer.bias)
    assert torch.allclose(layer(x), expected, atol=1e-4)


def test_no_faces_give_no_statistics() -> None:
    with pytest.raises(InvalidRequestError, match="no faces to learn from"):
        fit_principal([], {8: Principal(3, 3, 2)})
    with pytest.raises(InvalidRequestError, match="no faces to learn from"):
        fit_standardised([], {8: [Standardised(3, 2)]})


def test_principal_components_are_folded_into_the_weights() -> None:
    """As many as there are channels lose nothing; what on_reduced gives is what forward gives."""
    layer = Principal(3, 3, 2)
    mixed = torch.tensor([[1.0, 0.9, 0.1], [0.0, 0.4, 0.2], [0.0, 0.0, 0.3]])
    x = torch.einsum("nchw,dc->ndhw", torch.randn(4, 3, 8, 8), mixed) + 5
    fit_principal([{8: x[:1]}, {8: x[1:]}], {8: layer})
    reduced = layer.reduced(x)
    rows = reduced.permute(0, 2, 3, 1).reshape(-1, 3)
    covariance = rows.T @ rows / len(rows)
    assert torch.allclose(covariance, torch.diag(covariance.diagonal()), atol=1e-3)
    assert covariance.diagonal().tolist() == sorted(covariance.diagonal().tolist(), reverse=True)
    assert float(covariance.diagonal().sum()) == pytest.approx(3.0, rel=1e-3)
    assert torch.allclose(layer.on_reduced(reduced), layer(x), atol=1e-4)
    kept = layer.on_reduced(reduced, torch.tensor([0.0, 2.0, 1.0]))
    assert torch.allclose(
        kept,
        F.conv2d(
            reduced * torch.tensor([0.0, 2.0, 1.0])[:, None, None],
            layer.weight[:, :, None, None],
            layer.bias,
        ),
        atol=1e-4,
    )


def test_few_components_hold_what_correlated_channels_say() -> None:
    layer = Principal(6, 2, 2)
    spread = torch.randn(6, 2)
    x = torch.einsum("nchw,dc->ndhw", torch.randn(2, 2, 16, 16), spread)
    fit_principal([{16: x}], {16: layer})
    standard = (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True, correction=0)
    assert float(layer.reduced(x).square().sum() / standard.square().sum()) > 0.999


def test_the_pixel_ensemble_equals_networks_on_upsampled_features() -> None:
    head = _head("pixel-mlp").eval()
    assert isinstance(head, PixelEnsemble)
    features = _features(1)
    stacked = torch.cat([F.interpolate(f, (32, 32), mode="bilinear") for f in features.values()], 1)
    member = head.members[0]
    assert isinstance(member, Member)
    layers = [member.first[str(r)] for r in CHANNELS]
    weight = torch.cat([layer.folded()[0] for layer in layers], 1)  # type: ignore[operator]
    bias = sum(layer.folded()[1] for layer in layers)  # type: ignore[operator]
    direct = member._after(F.conv2d(stacked, weight[:, :, None, None], bias))
    assert torch.allclose(member(features, 32), direct, atol=1e-4)


def test_sampled_pixels_are_those_of_the_upsampled_map() -> None:
    feature_map = torch.randn(3, 8, 8)
    y, x = torch.tensor([0, 5, 31, 17]), torch.tensor([0, 30, 31, 2])
    upsampled = F.interpolate(feature_map[None], (32, 32), mode="bilinear")[0]
    sampled = sample_pixels(feature_map, y, x, 32)
    assert torch.allclose(sampled[0, :, :, 0], upsampled[:, y, x], atol=1e-5)


def test_members_that_agree_are_certain_and_those_that_do_not_are_not() -> None:
    head = _head("pixel-mlp", num_classes=2).eval()
    assert isinstance(head, PixelEnsemble)
    for member in head.members:
        member.load_state_dict(head.members[0].state_dict())
    with torch.no_grad():
        assert float(head.with_uncertainty(_features())[1].max()) < 1e-5
        for place, member in enumerate(head.members):
            assert isinstance(member, Member)
            member.last.weight.zero_()
            member.last.bias.copy_(torch.tensor([40.0, -40.0]) * (1 if place % 2 else -1))
        assert float(head.with_uncertainty(_features())[1].min()) > 0.99


def test_unlabelled_pixels_carry_no_loss() -> None:
    logits = torch.randn(1, 4, 6, 6, requires_grad=True)
    labels = torch.full((1, 6, 6), 255, dtype=torch.uint8)
    labels[0, 2, 3] = 1
    pixel_loss(logits, labels).backward()
    assert logits.grad is not None
    touched = logits.grad.abs().sum(1)[0] > 0
    assert touched.nonzero().tolist() == [[2, 3]]


def test_a_batch_without_a_label_costs_nothing() -> None:
    logits = torch.randn(1, 4, 6, 6, requires_grad=True)
    loss = pixel_loss(logits, torch.full((1, 6, 6), 255, dtype=torch.uint8))
    loss.backward()
    assert float(loss.detach()) == 0 and logits.grad is not None and not logits.grad.any()


def test_class_balanced_weights_follow_the_effective_number() -> None:
    labels = np.zeros((1, 4, 4), np.uint8)
    labels[0, 0, :2], labels[0, 3] = 1, 255
    weights = class_weights("class-balanced", labels, 3, beta=0.9)
    assert weights is not None
    raw = np.array([0.1 / (1 - 0.9**10), 0.1 / (1 - 0.9**2)])
    assert np.allclose(weights.numpy(), [*(2 * raw / raw.sum()), 0])
    assert effective_number(np.array([1, 2]), 0.0).tolist() == [1, 1]
    assert class_weights("cross-entropy", labels, 3) is None


def test_weights_of_labelled_pixels_count_a_face_that_shows_the_class() -> None:
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[0, 0, :2] = 1  # on one of four faces
    weights = class_weights("effective-number-labelled", labels, 2, beta=0.9)
    raw = np.array([0.1 / (1 - 0.9**15), 0.1 / (1 - 0.9**2)])
    assert weights is not None and np.allclose(weights.numpy(), 2 * raw / raw.sum())


def test_wrong_beta_and_loss_are_refused() -> None:
    labels = np.zeros((1, 2, 2), np.uint8)
    with pytest.raises(InvalidRequestError, match="beta must be at least 0 and below 1, is 1"):
        class_weights("class-balanced", labels, 2, beta=1.0)
    with pytest.raises(InvalidRequestError, match="no loss 'focal'"):
        class_weights("focal", labels, 2)  # type: ignore[arg-type]


MAPS = st.integers(0, 2**31).map(
    lambda seed: np.random.RandomState(seed).choice([0, 1, 2, 255], size=(2, 5, 5)).astype(np.uint8)
)


@given(MAPS, MAPS)
def test_scores_are_those_of_counting_pixels(
    truth: NDArray[np.uint8], predicted: NDArray[np.uint8]
) -> None:
    predicted = np.where(predicted == 255, 0, predicted).astype(np.uint8)
    classes = ClassSet((0, 1, 2, 5), ("background", "a", "b", "c"), ((0, 0, 0),) * 4)
    scores = score(truth, predicted, classes)
    counted = truth != 255
    f1, iou = [], []
    for value in range(4):
        own, found = (truth == value) & counted, (predicted == value) & counted
        both, any_ = int((own & found).sum()), int((own | found).sum())
        f1.append(2 * both / (own.sum() + found.sum()) if any_ else np.nan)
        iou.append(both / any_ if any_ else np.nan)
    assert np.allclose(scores.f1, f1, equal_nan=True)
    assert np.allclose(scores.iou, iou, equal_nan=True)
    seen = [v for v in f1[1:] if v == v]
    assert np.isclose(scores.mean_f1(), np.mean(seen) if seen else 0.0)


def test_scores_of_perfect_masks_leave_absent_classes_out() -> None:
    truth = np.array([[[0, 1], [255, 1]]], np.uint8)
    scores = score(truth, np.array([[[0, 1], [2, 1]]], np.uint8), CLASSES)
    found = scores.as_json()
    assert found["mean_f1"] == found["mean_iou_with_background"] == found["accuracy"] == 100.0
    assert found["classes"]["hat"] == {"f1": None, "iou": None, "pixels": 0}


def test_masks_of_different_shape_are_not_compared() -> None:
    one, other = np.zeros((1, 2, 2), np.uint8), np.zeros((1, 4, 4), np.uint8)
    with pytest.raises(InvalidRequestError, match=r"\[1, 2, 2\], predicted ones \[1, 4, 4\]"):
        score(one, other, CLASSES)


@given(st.lists(st.sampled_from([0, 3, 4, 9, 255]), min_size=1, max_size=40))
def test_ids_come_back_from_indices(values: list[int]) -> None:
    labels = np.array(values, np.uint8)
    assert np.array_equal(CLASSES.to_ids(CLASSES.to_indices(labels)), labels)


def test_mirroring_swaps_left_and_right_and_twice_is_nothing() -> None:
    assert CLASSES.mirrored() == (0, 2, 1, 3)
    once = np.array(CLASSES.mirrored())
    assert once[once].tolist() == [0, 1, 2, 3]
    assert CLASSES.subset([9, 3]).mirrored() == (0, 1)


@pytest.mark.parametrize(
    ("ids", "message"),
    [((3, 1), "must ascend"), ((0, 255), "must ascend"), ((0,), "At least two classes")],
)
def test_class_sets_that_cannot_be_are_refused(ids: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        ClassSet(ids, ("a",) * len(ids), ((0, 0, 0),) * len(ids))


def test_strange_ids_are_named_with_the_face() -> None:
    faces = LabelledFaces(
        np.zeros((1, 4, 16), np.float32), np.full((1, 2, 2), 7, np.uint8), ("Ada",)
    )
    with pytest.raises(InvalidRequestError, match=r"Face Ada: .*values \[7\].*\[0, 3, 4, 9\]"):
        faces.indices(CLASSES)
    with pytest.raises(InvalidRequestError, match=r"no class \[7\]"):
        CLASSES.subset([7, 3])


def test_masks_are_reduced_by_majority() -> None:
    mask = np.array([[[1, 1, 2, 2], [1, 255, 3, 3], [9, 9, 255, 255], [4, 4, 255, 0]]], np.uint8)
    assert reduce_labels(mask, 2).tolist() == [[[1, 2], [4, 255]]]
    with pytest.raises(InvalidRequestError, match="Masks of 4 px cannot be brought to 3 px"):
        reduce_labels(mask, 3)


def test_faces_masks_and_names_must_be_as_many() -> None:
    ws = np.zeros((2, 4, 16), np.float32)
    with pytest.raises(InvalidRequestError, match="2 faces, 1 masks, 2 names"):
        LabelledFaces(ws, np.zeros((1, 2, 2), np.uint8), ("a", "b"))
    with pytest.raises(InvalidRequestError, match=r"uint8 \[N, S, S\], are uint8 \[2, 2, 3\]"):
        LabelledFaces(ws, np.zeros((2, 2, 3), np.uint8), ("a", "b"))


def test_splits_are_fixed_by_the_seed_and_spread_rare_classes() -> None:
    masks = np.zeros((10, 2, 2), np.uint8)
    masks[[1, 4, 8], 0, 0] = 2
    split = split_faces(masks, 4, (6, 2, 2), seed=3)
    assert split == split_faces(masks, 4, (6, 2, 2), seed=3)
    assert split != split_faces(masks, 4, (6, 2, 2), seed=4)
    assert sorted(split.train + split.validation + split.test) == list(range(10))
    assert [len(p) for p in (split.train, split.validation, split.test)] == [6, 2, 2]
    assert len({1, 4, 8} & set(split.train)) == 2


def test_no_faces_cannot_be_split() -> None:
    with pytest.raises(InvalidRequestError, match="no labelled faces"):
        split_faces(np.zeros((0, 2, 2), np.uint8), 4)
    with pytest.raises(InvalidRequestError, match="train 1 or more"):
        split_faces(np.zeros((3, 2, 2), np.uint8), 4, (0, 1, 1))
