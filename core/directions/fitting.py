"""Directions from two sets of faces: those 'with' something and those 'without'.

Many labelled faces: the normal of a linear boundary [Shen et al. 2020, InterFaceGAN,
arXiv:1907.10786, section 3]. A person's own two sets, which may be one face each: the
difference of their means, with what chance alone would make of it weakened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.directions.direction import Direction, in_layers
from core.directions.distribution import checked_covariance, whitening
from core.directions.layers import checked_layers
from core.errors import InvalidRequestError
from core.latents import LatentSpace

Method = Literal["svm", "logistic"]
JUDGE_FROM = 50  # faces in the smaller set, from which on a fifth is kept to judge by
_FOLD = 5
_PARALLEL = 1e-6  # share of a normal's length that must be left beside the others
TYPICAL = 4.0  # standard deviations between two sets as people part them, most from least
_APART = 1e-4  # standard deviations: sets that differ by less differ by rounding alone


@dataclass(frozen=True, eq=False)
class Boundary:
    """A plane between two sets of w.

    normal: unit length, float64 [D], pointing to 'with'. accuracy: of faces that it was not
    fitted on, both sets counting the same; None where the sets were too small to keep some.
    """

    normal: NDArray[np.float64]
    accuracy: float | None


def fit_boundary(
    with_w: NDArray[np.floating],
    without_w: NDArray[np.floating],
    *,
    method: Method = "svm",
    strength: float = 1.0,
) -> Boundary:
    """The plane that parts with_w [N, D] from without_w [M, D] (InterFaceGAN, section 3.1).

    w: one a face, for some layers their mean (`mean_over_layers`). InterFaceGAN takes the faces
    that an estimator is surest of (`most_and_least`). strength: C of the support vector machine
    or the logistic regression, on w scaled to a mean variance of 1; smaller is smoother. Raises
    InvalidRequestError for an empty set, other shapes or values that are not finite.
    """
    w, is_with = _labelled(with_w, without_w)
    is_kept = np.zeros(len(w), bool)
    if min(is_with.sum(), (~is_with).sum()) >= JUDGE_FROM:
        for label in (True, False):
            is_kept[np.flatnonzero(is_with == label)[::_FOLD]] = True
    centre = w.mean(axis=0)
    scale = np.sqrt(w.var(axis=0).mean())
    if scale == 0:
        raise InvalidRequestError("All faces are the same one. Choose faces that differ.")
    scaled = (w - centre) / scale
    normal, offset = _separated(scaled[~is_kept], is_with[~is_kept], method, strength)
    length = float(np.linalg.norm(normal))
    if length == 0:
        raise InvalidRequestError(
            "No boundary lies between these faces: what is with and what is without looks the "
            "same to w. Label more faces."
        )
    accuracy = None
    if is_kept.any():
        is_right = (scaled[is_kept] @ normal + offset > 0) == is_with[is_kept]
        accuracy = float(np.mean([is_right[is_with[is_kept] == label].mean() for label in (0, 1)]))
    return Boundary(normal / length, accuracy)


def most_and_least(
    values: NDArray[np.floating], share: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places of the faces with the highest and the lowest values [N], `share` of the measured
    ones each; NaN is left out. share: above 0, at most 0.5.
    """
    if not 0 < share <= 0.5:
        raise InvalidRequestError(f"share must be above 0 and at most 0.5, is {share}.")
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    count = int(len(order) * share)
    if count == 0:
        raise InvalidRequestError(
            f"{share:g} of {len(order)} measured faces is none. Measure more or take more of them."
        )
    return order[-count:][::-1], order[:count]


def projected_out(
    normal: NDArray[np.floating], others: NDArray[np.floating]
) -> NDArray[np.float64]:
    """`normal` [D] without its part in the span of `others` [M, D], unit length: conditional
    manipulation (InterFaceGAN, section 3.3), which crosses no boundary of the others.

    Raises InvalidRequestError where nothing is left, and for others that do not fit.
    """
    if others.ndim != 2 or others.shape[1:] != normal.shape or not np.isfinite(others).all():
        raise InvalidRequestError(
            f"What is to be held must be finite, [H, {len(normal)}], is {list(others.shape)}."
        )
    unit = normal.astype(np.float64) / np.linalg.norm(normal)
    if len(others):
        left, sizes, _ = np.linalg.svd(others.astype(np.float64).T, full_matrices=False)
        span = left[:, sizes > _PARALLEL * sizes[0]]  # [D, rank]
        unit = unit - span @ (span.T @ unit)
    length = float(np.linalg.norm(unit))
    if length < _PARALLEL:
        raise InvalidRequestError(
            "Nothing of this direction is left beside the others: it points where they do. "
            "Hold fewer of them."
        )
    return unit / length


def fit_from_sets(
    with_ws: NDArray[np.floating],
    without_ws: NDArray[np.floating],
    *,
    space: LatentSpace,
    covariance: NDArray[np.floating],
    name: str,
    title: str = "",
    attribute: str = "",
    layers: Sequence[int] | None = None,
    held_slopes: NDArray[np.floating] | None = None,
) -> Direction:
    """A direction from people's own sets, with_ws [N, L, D] and without_ws [M, L, D]; 1 + 1 do.

    Faces in both sets are left out. A face is seen as the mean of its w over `layers` (None:
    all). The difference of the means is the smallest change, in units of w's distribution,
    that crosses the linear boundary of two sets of Gaussian faces; what chance alone would make
    of it with few faces is weakened (`_shrunk`).
    +1: one standard deviation of that boundary's score among random faces.

    covariance: of the generator's w, [D, D]. held_slopes: slopes [H, D] of attributes (see
    `AttributeRegression`) that must not change; the least possible is taken away for it.
    Raises InvalidRequestError for empty sets, sets of the same faces and other shapes.
    """
    chosen = checked_layers(layers, space.num_ws)
    with_faces, without_faces, shared = _distinct(with_ws, without_ws, space)
    deviations, basis = whitening(checked_covariance(covariance, space.w_dim))
    apart = with_faces.mean(axis=0) - without_faces.mean(axis=0)  # [L, D]
    y = apart[list(chosen)].mean(axis=0) @ basis / deviations
    is_apart = float(np.linalg.norm(y)) >= _APART
    y = _shrunk(y, deviations, 1 / len(with_faces) + 1 / len(without_faces))
    length = float(np.linalg.norm(y))
    if not is_apart:
        raise InvalidRequestError(
            f"The two sets for '{name}' do not differ in the layers {list(chosen)} on average. "
            "Choose other faces or more layers."
        )
    y = y / length
    if held_slopes is not None:
        y = projected_out(y, held_slopes.astype(np.float64) @ basis * deviations)
    facts = {
        "method": "sets",
        "with": len(with_faces),
        "without": len(without_faces),
        "in_both": shared,
        "difference": round(length, 4),  # in standard deviations of random faces
    }
    own = {"name": name, "title": title, "attribute": attribute}
    return in_layers(basis @ (y * deviations), chosen, space, facts=facts, **own)


def _shrunk(
    y: NDArray[np.float64], deviations: NDArray[np.float64], chance: float
) -> NDArray[np.float64]:
    """The posterior mean of a difference y [D], told in w's principal components, each in its
    standard deviations. chance: the variance that chance alone makes in each.

    What people mark is taken for linear in w, all slopes being equally likely: so the variance
    to expect goes as that of w, in all TYPICAL^2. Few faces keep the strong components, where
    faces differ most.
    """
    expected = TYPICAL**2 * deviations**2 / (deviations**2).sum()
    shrunk: NDArray[np.float64] = y * expected / (expected + chance)
    return shrunk


def _labelled(
    with_w: NDArray[np.floating], without_w: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    if with_w.ndim != 2 or without_w.ndim != 2 or with_w.shape[1] != without_w.shape[1]:
        raise InvalidRequestError(
            f"The two sets must be w [N, D] and [M, D], are {list(with_w.shape)} and "
            f"{list(without_w.shape)}."
        )
    _refuse_empty(len(with_w), len(without_w))
    w = np.concatenate([with_w, without_w]).astype(np.float64)
    if not np.isfinite(w).all():
        raise InvalidRequestError("The w of some faces are not finite. Leave these faces out.")
    return w, np.arange(len(w)) < len(with_w)


def _separated(
    scaled: NDArray[np.float64], is_with: NDArray[np.bool_], method: Method, strength: float
) -> tuple[NDArray[np.float64], float]:
    """Normal [D] and offset of the plane. scikit-learn takes a second to import, hence here."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    kinds = {"svm": LinearSVC, "logistic": LogisticRegression}
    if method not in kinds or not strength > 0:
        raise InvalidRequestError(
            f"A boundary is fitted by {' or '.join(kinds)} with a strength above 0, got "
            f"'{method}' and {strength}."
        )
    own = {"dual": "auto", "random_state": 0} if method == "svm" else {}
    fitted = kinds[method](C=strength, class_weight="balanced", max_iter=10_000, **own)
    fitted.fit(scaled, is_with)
    return np.asarray(fitted.coef_[0], np.float64), float(fitted.intercept_[0])


def _distinct(
    with_ws: NDArray[np.floating], without_ws: NDArray[np.floating], space: LatentSpace
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """The faces of each set that the other does not have, and how many both have."""
    for ws in (with_ws, without_ws):
        if ws.ndim != 3 or ws.shape[1:] != (space.num_ws, space.w_dim):
            raise InvalidRequestError(
                f"Faces of generator '{space.identity.name}' have ws [N, {space.num_ws}, "
                f"{space.w_dim}], got {list(ws.shape)}."
            )
    _refuse_empty(len(with_ws), len(without_ws))
    if not (np.isfinite(with_ws).all() and np.isfinite(without_ws).all()):
        raise InvalidRequestError("The ws of some faces are not finite. Leave these faces out.")
    both = {_key(face) for face in with_ws} & {_key(face) for face in without_ws}
    own = [
        np.array([face for face in ws if _key(face) not in both], np.float64)
        for ws in (with_ws, without_ws)
    ]
    for faces, which in zip(own, ("with", "without"), strict=True):
        if not len(faces):
            raise InvalidRequestError(
                f"All faces 'with' and 'without' overlap: each face '{which}' is in the other "
                "set, too. Choose at least one for each side that the other side does not have."
            )
    return own[0], own[1], len(both)


def _key(face: NDArray[np.floating]) -> bytes:
    return face.astype(np.float32).tobytes()


def _refuse_empty(num_with: int, num_without: int) -> None:
    if not num_with or not num_without:
        raise InvalidRequestError(
            f"A direction needs at least one face on each side, got {num_with} 'with' and "
            f"{num_without} 'without'. Choose faces for the empty one."
        )
