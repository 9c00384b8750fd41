"""Recipes: what they take, what they refuse, and whom the plan asks for."""

from __future__ import annotations

import collections
import itertools
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidRequestError
from core.export.plan import Plan
from core.export.quotas import dealt, largest_remainder
from core.export.recipe import Base, Recipe, seed_of
from core.export.recipe_text import KEYS, read_recipe, recipe_of

FULL = {
    "name": "women-and-men",
    "count": 60,
    "generator": "small",
    "segmenter": "mine",
    "psi": 0.6,
    "size": 256,
    "ages": {"18-30": 50, "31-60": 50},
    "gender_ratio": "1:2",
    "traits": {"smile": {"share": 0.25, "value": 6, "otherwise": 0}},
    "balance": "ages x gender",
    "variants": {"count": 3, "change": ["light", "pose"], "strength": 0.5},
    "filter": {"uncertainty": "10%", "artifact": 2, "tries": 4},
    "seed": 7,
    "splits": "80/10/10",
    "formats": "lapa, huggingface",
    "images": "jpeg",
    "mark": False,
    "measure": False,
    "project": {"name": "faces", "masks": "reviewed"},
}
recipes = st.builds(
    lambda ages, female, balanced, variants, people, splits, seed, share: recipe_of(
        {
            "count": people * variants,
            "ages": ages,
            "gender_ratio": female,
            "balance": "ages x gender" if balanced and ages and female is not None else None,
            "variants": variants,
            "splits": splits,
            "seed": seed,
            "traits": {"smile": {"share": share, "value": 5}},
        }
    ),
    st.sampled_from([None, "20-40", "18-30, 31-50, 51-70", "18-30:3, 40-60:1"]),
    st.sampled_from([None, 0.5, 0.3]),
    st.booleans(),
    st.integers(1, 4),
    st.integers(20, 60),
    st.sampled_from([None, "100", "70/20/10", "50/0/50"]),
    st.integers(0, 2**32 - 1),
    st.floats(0, 1),
)


def test_every_key_is_read_and_read_back(tmp_path: Path) -> None:
    assert {*FULL, "base"} == set(KEYS)  # which asks for as many faces as variants
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(FULL))
    recipe = read_recipe(path)
    assert recipe.female == pytest.approx(1 / 3) and recipe.identities == 20
    assert recipe.shares == {"train": 0.8, "validation": 0.1, "test": 0.1}
    path.write_text(yaml.safe_dump(recipe.plain()))
    assert read_recipe(path) == recipe and read_recipe(path).sha256 == recipe.sha256
    assert recipe_of({}) == Recipe()


def test_a_base_is_read_and_read_back() -> None:
    asked = {"name": "photo:0123456789abcdef", "sha256": "ab" * 32}
    recipe = recipe_of({"base": asked, "count": 8, "variants": 8})
    assert recipe.base == Base(**asked) and recipe.identities == 1
    assert recipe_of(recipe.plain()) == recipe
    assert recipe_of({"base": "me.npz", "count": 1}).base == Base("me.npz")
    assert recipe.shares == {"train": 1.0}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"cuont": 3}, "no key 'cuont'. Did you mean count"),
        ({"filter": {"uncertain": 1}}, "'filter.uncertain'. Did you mean filter.uncertainty"),
        ({"blurriness": 3}, "no key 'blurriness'. Known: name, count"),
        ({"count": "many"}, "count must be a whole number, is 'many'"),
        ({"count": True}, "count must be a whole number"),
        ({"count": 0}, r"count must be in 1..1e\+06, is 0"),
        ({"psi": float("nan")}, "psi must be a number"),
        ({"size": 500}, "size must be one of 256, 512, 1024, is '500'"),
        ({"ages": {"18-30": 0.5, "31-60": 0.9}}, "ages: the shares must add up to 1"),
        ({"ages": "60-20"}, "ages: a range goes upwards within 1..80 years, is '60-20'"),
        ({"ages": "old"}, "ages must be ranges of years such as 18-30, found 'old'"),
        ({"ages": ["20-30", "20-30"]}, "ages names 20-30 twice"),
        ({"gender_ratio": 1.5}, "gender_ratio must be in 0..1, is 1.5"),
        ({"gender_ratio": 61}, "in quotes, such as '1:1'; is 61"),
        ({"traits": {"smil": {"share": 1, "value": 3}}}, "traits, with value: must be one of age"),
        ({"traits": {"smile": {"value": 3}}}, "traits.smile needs a share"),
        ({"traits": {"smile": {"share": 2, "value": 3}}}, "traits.smile.share must be in 0..1"),
        ({"traits": {"smile": {"share": 1, "value": 99}}}, "traits.smile.value must be in -50..50"),
        ({"traits": {"smile": {"share": 1}}}, "either value .* or amount"),
        ({"traits": {"age": {"share": 1, "value": 30}}}, "ask for it with ages"),
        ({"splits": {"train": 0.9, "test": 0.3}}, "splits: the shares must add up to 1"),
        ({"splits": {"train": 0.9, "dev": 0.1}}, "splits must be one of train, validation, test"),
        ({"count": 4, "splits": "90/10"}, "splits.validation is 0.1 of 4 people, which is nobody"),
        ({"variants": 3}, "count must be a multiple of variants.count .* Choose 99 or 102"),
        ({"count": 5, "ages": "1-2,3-4,5-6", "balance": "ages x gender"}, "over 6 groups"),
        ({"balance": "ages x gender"}, "balance names ages, but ages is not given"),
        ({"balance": "ages x smile"}, "balance must be one of ages, gender, is 'smile'"),
        ({"filter": {"uncertainty": "95%"}}, "filter.uncertainty must be in 0..0.9"),
        ({"base": "me.npz"}, r"base: all pictures .* count \(100\) must be variants.count \(1\)"),
        ({"base": {"sha256": "ab"}, "count": 1}, "base needs a name"),
        ({"filter": 3}, "filter must hold 'key: value' lines"),
        ({"formats": []}, "formats must name at least one"),
        ({"name": "../up"}, "name must be up to 64 letters"),
        ({"count": -1, "project": "faces"}, "count must be in 0.."),
        ({"project": {"masks": "done"}}, "project needs a name, or the id"),
        ({"project": {"name": "a", "masks": "draft"}}, "project.masks must be one of done, review"),
        ({"project": True}, "project must be a text, is True"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(content, complaint) -> None:
    with pytest.raises(InvalidRequestError, match=complaint):
        recipe_of(content)


@pytest.mark.parametrize("text", ["- 1", "a: [", "\0"])
def test_a_file_that_is_no_recipe_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InvalidRequestError, match=r"bad\.yaml"):
        read_recipe(path)


@given(st.integers(0, 5000), st.lists(st.floats(0, 10), min_size=1, max_size=9))
@settings(deadline=None, max_examples=40)
def test_quotas_add_up_and_are_never_one_off(count: int, shares: list[float]) -> None:
    if sum(shares) < 1e-6:
        shares = [*shares, 1.0]
    found = largest_remainder(count, shares)
    assert sum(found) == count and min(found) >= 0
    for number, share in zip(found, shares, strict=True):
        assert abs(number - count * share / sum(shares)) < 1 + 1e-6


@given(st.lists(st.integers(0, 3), min_size=20, max_size=80))
@settings(deadline=None, max_examples=30)
def test_parts_get_their_size_and_their_part_of_each_group(groups: list[int]) -> None:
    sizes = largest_remainder(len(groups), [0.5, 0.3, 0.2])
    parts = dealt(groups, sizes)
    assert collections.Counter(parts.tolist()) == {
        part: size for part, size in enumerate(sizes) if size
    }
    for group in set(groups):
        for part, size in enumerate(sizes):
            found = sum(p == part for p, g in zip(parts, groups, strict=True) if g == group)
            assert abs(found - groups.count(group) * size / len(groups)) < 2.5


@given(recipes)
@settings(deadline=None, max_examples=20)
def test_a_plan_is_what_was_asked(recipe: Recipe) -> None:
    plan = Plan(recipe)
    orders = list(plan.orders())
    assert [order.place for order in orders] == list(range(recipe.count))
    assert orders == list(Plan(recipe).orders())
    _people_stay_in_their_split(recipe, plan, orders)
    first = [order.target for order in orders if order.variant == 0]
    if recipe.ages:
        bands = collections.Counter(tuple(target["age_range"]) for target in first)
        for band in recipe.ages:
            asked = band.share * len(first)
            assert abs(bands[band.low, band.high] - asked) <= (2 if recipe.balance else 1)
        assert all(t["age_range"][0] <= t["age"] <= t["age_range"][1] for t in first)
    if recipe.female is not None:
        women = sum(target["gender"] == "female" for target in first)
        assert abs(women - recipe.female * len(first)) <= (2 if recipe.balance else 1)
    smiling = sum("smile" in target.get("values", {}) for target in first)
    assert abs(smiling - recipe.traits[0].share * len(first)) <= 1


def _people_stay_in_their_split(recipe: Recipe, plan: Plan, orders) -> None:
    splits = collections.Counter(order.split for order in orders)
    assert splits == plan.splits and sum(splits.values()) == recipe.count
    homes = collections.defaultdict(set)
    for order in orders:
        homes[order.identity].add(order.split)
    assert all(len(home) == 1 for home in homes.values()) and len(homes) == recipe.identities
    names = [order.split for order in orders]
    assert [name for name, _ in itertools.groupby(names)] == list(plan.splits)
    chunks = list(plan.chunks())
    assert [order for chunk in chunks for order in chunk.orders] == orders
    for chunk in chunks:
        assert len(chunk.orders) <= 64 and {order.split for order in chunk.orders} == {chunk.split}
        assert chunk.orders[0].variant == 0
        assert chunk.orders[-1].variant == recipe.variants.count - 1


def test_a_balanced_500_is_exactly_balanced_in_every_split() -> None:
    ages = "18-25, 26-35, 36-45, 46-60, 61-75"
    recipe = recipe_of({"count": 500, "ages": ages, "balance": "ages x gender"})
    orders = list(Plan(recipe).orders())
    cells = collections.Counter(
        (order.split, *order.target["age_range"], order.target["gender"]) for order in orders
    )
    whole = collections.Counter()
    for (_, *cell), number in cells.items():
        whole[tuple(cell)] += number
    assert set(whole.values()) == {50} and len(whole) == 10
    assert {number for (split, *_), number in cells.items() if split == "train"} <= {39, 40, 41}


def test_a_longer_plan_begins_with_the_shorter_one_and_seeds_do_not_depend_on_it() -> None:
    short, long = (list(Plan(recipe_of({"count": n, "splits": "100"})).orders()) for n in (20, 50))
    assert long[:20] == short
    seeds = {seed_of(seed, person, attempt) for seed in (0, 1) for person in (0, 1, 2)
             for attempt in (0, 1)}  # fmt: skip
    assert len(seeds) == 12 and max(seeds) < 2**32
    assert seed_of(0, 0, 0) == 1_421_166_345
