"""Review in a real browser on the real routes: history, comparison, accept, reject, restore."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from annotations import Status, default_scheme
from annotations.records import FaceStatus, Source
from tests.browser.review_fixtures import (
    SIZE_HW,
    Desk,
    desk,
    review_page,
    review_problems,
    review_server,
)

__all__ = ["desk", "review_page", "review_problems", "review_server"]

NAMES = {label.id: label.name for label in default_scheme().classes} | {255: "not labelled"}
COLOURS = {label.id: label.rgb for label in default_scheme().classes}


def random_labels(seed: int) -> np.ndarray:
    """Blocks of random classes, some not labelled, uint8 [72, 96]."""
    values = np.array([*NAMES], np.uint8)
    blocks = np.random.default_rng(seed).choice(values, (SIZE_HW[0] // 6, SIZE_HW[1] // 6))
    return np.kron(blocks, np.ones((6, 6), np.uint8))


def number(text: str) -> int:
    return int(text.replace(",", "").replace("\N{MINUS SIGN}", "-") or 0)


def under(desk: Desk, side: str, across: float, down: float) -> tuple[int, int, str]:
    """Image x and y, and the classes, that the page names for a place of a picture."""
    box = desk.page.locator(f"[data-side={side}] canvas").bounding_box()
    desk.page.mouse.move(
        int(box["x"] + box["width"] * across), int(box["y"] + box["height"] * down)
    )
    found = re.fullmatch(r"x (\d+)  y (\d+)", desk.page.inner_text(".fl-review-pixel"))
    assert found
    return int(found[1]), int(found[2]), desk.page.inner_text(".fl-review-under")


@pytest.fixture
def reviewed(desk: Desk) -> Any:
    """A face with an import, four drafts of Ann that end in a done mask, and a stale one of Ben."""
    face = desk.add_face()
    imported_as = {"status": Status.DRAFT, "source": Source.IMPORTED}
    imported = desk.save(face, random_labels(0), "import", **imported_as)
    last = imported
    for seed in range(1, 5):
        last = desk.save(face, random_labels(seed), parent=last, status=Status.DRAFT, seconds=30)
    done = desk.save(face, random_labels(5), parent=last, seconds=75, comment="all but the hat")
    stale = desk.save(face, random_labels(6), "Ben", parent=imported)
    return face, imported, done, stale


def rows_by_numpy(before: np.ndarray, after: np.ndarray) -> dict[str, tuple[int, ...]]:
    """Class -> pixels before, after, added, removed, of the classes that changed."""
    rows = {}
    for value, name in NAMES.items():
        was, now = before == value, after == value
        added, removed = int((now & ~was).sum()), int((was & ~now).sum())
        if added or removed:
            rows[name] = (int(was.sum()), int(now.sum()), added, removed)
    return rows


def test_the_history_is_listed_newest_first_with_drafts_folded(desk: Desk, reviewed: Any) -> None:
    face, imported, done, stale = reviewed
    desk.open(face)
    rows = desk.history()
    assert [re.sub(r"today \d\d:\d\d ", "", row) for row in rows] == [
        f"done Ben #{stale.id} painted kept beside",
        f"done Ann #{done.id} painted · 1 min in force all but the hat",
        "4 drafts · Ann",
        f"draft import #{imported.id} imported",
    ]
    assert all(re.search(r"today \d\d:\d\d", row) for row in [*rows[:2], rows[3]])
    desk.page.get_by_role("button", name="4 drafts").click()
    assert [row.split()[0] for row in desk.history()] == ["done", "done", *["draft"] * 5]


def test_changes_are_counted_as_numpy_counts_them(desk: Desk, reviewed: Any) -> None:
    face, imported, done, stale = reviewed
    desk.open(face)
    desk.press("c")
    for chosen in (stale, imported):
        desk.page.click(f"[data-revision='{chosen.id}']")
        before, after = (desk.store.masks.labels(one.id) for one in (chosen, done))
        expected = rows_by_numpy(before, after)
        differing = int((before != after).sum())
        desk.page.get_by_text(f"{differing:,} pixels differ").wait_for()
        found = {}
        for name, added, removed in desk.table():
            label, _, counts = name.partition("\n")
            was, now = (number(count) for count in counts.split(" → "))
            found[label] = (was, now, number(added), -number(removed))
        assert found == expected


def test_classes_are_counted_and_only_those_that_occur(desk: Desk, reviewed: Any) -> None:
    face, _, done, _ = reviewed
    desk.open(face)
    labels = desk.store.masks.labels(done.id)
    counts = {NAMES[value]: int((labels == value).sum()) for value in np.unique(labels)}
    assert {name: number(pixels) for name, pixels, _ in desk.table()} == counts
    _, pixels, share = desk.table()[0]
    assert share == f"{100 * number(pixels) / labels.size:.1f} %"


def test_both_masks_are_drawn_class_by_class_under_one_view(desk: Desk, reviewed: Any) -> None:
    face, _, done, stale = reviewed
    desk.open(face)
    desk.page.click(f"[data-revision='{stale.id}']")
    desk.press(*"]]]]]")
    desk.page.mouse.move(900, 400)
    for _ in range(3):
        desk.page.mouse.wheel(0, -100)
    desk.page.wait_for_timeout(200)
    maps = {"chosen": desk.store.masks.labels(stale.id), "force": desk.store.masks.labels(done.id)}
    places = np.random.default_rng(1).uniform(0.1, 0.9, (12, 2))
    checked = 0
    for across, down in places:
        x, y, names = under(desk, "chosen", across, down)
        values = {side: int(labels[y, x]) for side, labels in maps.items()}
        assert names.split(" → ") == [*dict.fromkeys(NAMES[value] for value in values.values())]
        desk.page.mouse.move(100, 300)  # the mark in the other picture is gone
        for side, value in values.items():
            if value != 255:
                assert desk.colour(side, across, down) == list(COLOURS[value])
                checked += 1
    assert checked > 12


def test_changes_only_veils_what_is_the_same(desk: Desk) -> None:
    face = desk.add_face()
    before = np.full(SIZE_HW, 4, np.uint8)
    after = before.copy()
    after[30:42, 40:56] = 16
    first = desk.save(face, before)
    desk.save(face, after, parent=first)
    desk.open(face)
    desk.press("c", "z")  # to the changes: their middle is in the middle
    assert desk.colour("force", 0.5, 0.5) == list(COLOURS[16])
    assert desk.colour("chosen", 0.5, 0.5) == list(COLOURS[4])
    x, y, _ = under(desk, "force", 0.05, 0.5)
    assert after[y, x] == 4
    assert max(desk.colour("force", 0.05, 0.5)) < 110  # the picture behind a veil, not hair
    assert desk.page.inner_text(".fl-review-summary").startswith("192 pixels differ (2.8 %)")


def test_masks_are_hidden_while_d_is_held(desk: Desk) -> None:
    face = desk.add_face()
    desk.save(face, np.full(SIZE_HW, 16, np.uint8))
    desk.open(face)
    desk.press(*"]]]]]")
    assert desk.colour("force", 0.5, 0.5) == list(COLOURS[16])
    desk.page.keyboard.down("d")
    assert desk.colour("force", 0.5, 0.5) != list(COLOURS[16])
    desk.page.keyboard.up("d")
    assert desk.colour("force", 0.5, 0.5) == list(COLOURS[16])


def test_hovering_a_class_shows_it_alone(desk: Desk) -> None:
    face = desk.add_face()
    labels = np.full(SIZE_HW, 4, np.uint8)
    labels[:, 48:] = 16
    desk.save(face, labels)
    desk.open(face)
    desk.press("s", *"]]]]]")
    desk.page.hover(".fl-review-legend tr[data-class='16']")
    assert desk.colour("force", 0.3, 0.5) != list(COLOURS[4])
    assert desk.colour("force", 0.7, 0.5) == list(COLOURS[16])
    desk.page.mouse.move(900, 400)
    assert desk.colour("force", 0.3, 0.5) == list(COLOURS[4])


def test_a_comment_is_text_whatever_it_says(desk: Desk) -> None:
    nasty = "<img src=x onerror='window.hit = 1'><b>bold</b>"
    face = desk.add_face()
    desk.save(face, random_labels(0), author="<i>Ann</i>", comment=nasty)
    desk.open(face)
    assert desk.page.inner_text(".fl-review-comment") == nasty
    assert desk.page.locator(".fl-review img, .fl-review i, .fl-review-comment b").count() == 0
    assert "<i>Ann</i>" in desk.page.inner_text("[data-side=force] .fl-compare-caption")
    assert desk.js("() => window.hit") is None


def test_accepting_takes_one_key_and_tells_the_tab(desk: Desk, reviewed: Any) -> None:
    face, _, done, _ = reviewed
    desk.open(face)
    desk.press("a")
    desk.wait_for("said.decided.length === 1")
    stored = desk.store.faces.get(face)
    assert stored.status == FaceStatus.ACCEPTED and stored.current is not None
    assert (stored.current.author, stored.current.parent_id) == ("Rosa", done.id)
    told, revision = desk.js("() => said.decided[0]")
    assert (told["id"], told["status"], told["current"]["id"]) == (face, "accepted", revision["id"])
    assert desk.said() == f"#{done.id} is accepted."
    desk.press("a")
    assert desk.said() == f"#{stored.current.id} is accepted already."
    assert len(desk.store.masks.history(face)) == 8


def test_rejecting_asks_for_the_reason_and_works_without_a_mouse(desk: Desk, reviewed: Any) -> None:
    face, _, _, _ = reviewed
    desk.open(face)
    desk.press("r")
    assert desk.page.locator(".fl-review-reason button[type=submit]").is_disabled()
    desk.press("Enter")  # without a reason: nothing
    desk.page.keyboard.type("a bad border, vast")  # letters are text, not commands
    desk.press("Enter")
    desk.wait_for("said.decided.length === 1")
    current = desk.store.faces.get(face).current
    assert current is not None
    assert (current.status, current.comment) == (Status.REJECTED, "a bad border, vast")
    assert "a bad border, vast" in desk.history()[0]
    assert desk.page.locator(".fl-review-box").is_hidden()


def test_usual_reasons_are_added_by_a_click_and_escape_gives_up(desk: Desk, reviewed: Any) -> None:
    face, _, _, _ = reviewed
    desk.open(face)
    desk.page.click("[data-act=reject]")
    for _ in range(2):
        desk.page.click("text=hair border")
    desk.page.click("text=missing earring")
    assert desk.page.input_value(".fl-review-reason input") == "hair border, missing earring"
    desk.press("Escape")
    assert desk.page.locator(".fl-review-box").is_hidden()
    assert desk.store.faces.get(face).status == FaceStatus.DONE


def test_a_mask_that_was_replaced_meanwhile_is_not_accepted(
    desk: Desk, reviewed: Any, expected_errors: list[str]
) -> None:
    expected_errors.append("409")
    face, _, done, _ = reviewed
    desk.open(face)
    newer = desk.save(face, random_labels(9), "Cy", parent=done)
    desk.press("a")
    desk.wait_for("said.trouble.length === 1")
    assert desk.store.faces.get(face).current == newer
    assert desk.said() == desk.js("() => said.trouble[0]")
    assert str(newer.id) in desk.said() and desk.js("() => said.decided") == []
    assert f"#{newer.id} painted in force" in desk.history()[0]
    desk.press("a")
    desk.wait_for("said.decided.length === 1")
    assert desk.store.faces.get(face).status == FaceStatus.ACCEPTED


def test_a_draft_waits_until_it_is_done(desk: Desk) -> None:
    face = desk.add_face()
    draft = desk.save(face, random_labels(0), status=Status.DRAFT)
    desk.open(face)
    reason = f"#{draft.id} is a draft of Ann: wait until it is done."
    for act, key in (("accept", "a"), ("reject", "r")):
        button = desk.page.locator(f"[data-act={act}]")
        assert button.get_attribute("aria-disabled") == "true"
        assert button.get_attribute("title") == reason
        desk.press(key)
        assert desk.said() == reason
    assert desk.store.masks.history(face) == (draft,)


def test_arrows_choose_and_b_restores(desk: Desk, reviewed: Any) -> None:
    face, imported, _, stale = reviewed
    desk.open(face)
    desk.press("ArrowUp", "ArrowUp")  # the newest is the stale one
    desk.page.locator(f"[data-revision='{stale.id}'][aria-pressed=true]").wait_for()
    desk.press("ArrowDown", "ArrowDown", "ArrowDown")  # past the folded drafts
    desk.page.locator(f"[data-revision='{imported.id}'][aria-pressed=true]").wait_for()
    desk.page.get_by_text(f"Restore #{imported.id}").wait_for()
    desk.press("b")
    desk.wait_for("said.restored.length === 1")
    current = desk.store.faces.get(face).current
    assert current is not None and current.sha256 == imported.sha256
    assert desk.said() == f"#{imported.id} is in force again, as #{current.id}."
    assert "in force" in desk.history()[0]


def test_a_restore_that_came_late_is_kept_beside(desk: Desk, reviewed: Any) -> None:
    face, _, done, stale = reviewed
    desk.open(face)
    desk.page.click(f"[data-revision='{stale.id}']")
    desk.page.get_by_text(f"Restore #{stale.id}").wait_for()
    newer = desk.save(face, random_labels(9), "Cy", parent=done)
    desk.press("b")
    desk.wait_for("said.restored.length === 1")
    assert desk.store.faces.get(face).current == newer
    assert "kept beside the mask in force" in desk.said()
    assert "Rosa" in desk.history()[0] and "kept beside" in desk.history()[0]
    assert "in force" in desk.history()[1]


def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_key(
    desk: Desk, reviewed: Any, expected_errors: list[str]
) -> None:
    expected_errors.append("503")
    face, _, _, _ = reviewed
    desk.open(face)
    desk.server.mood = "lost"
    desk.press("a")
    desk.wait_for("said.trouble.length === 1")
    assert desk.said() == "The database is busy. Nothing is kept twice if you try again."
    desk.server.mood = "well"
    desk.press("a")
    desk.wait_for("said.decided.length === 1")
    verdicts = [one for one in desk.store.masks.history(face) if one.status == Status.ACCEPTED]
    assert len(verdicts) == 1


def test_one_mask_is_shown_large_and_only_the_one_in_force_is_judged(
    desk: Desk, reviewed: Any
) -> None:
    face, _, done, stale = reviewed
    desk.open(face)
    desk.press("s")
    assert desk.page.locator("[data-side=chosen]").is_hidden()
    desk.page.click(f"[data-revision='{stale.id}']")
    desk.page.locator("[data-side=force]").wait_for(state="hidden")
    desk.press("a")
    assert desk.said() == f"#{done.id} is in force, not the one shown. Press X to see it first."
    desk.press("x", "a")
    desk.wait_for("said.decided.length === 1")
    assert desk.store.faces.get(face).status == FaceStatus.ACCEPTED


def test_a_mask_that_cannot_be_had_says_why_and_the_rest_goes_on(
    desk: Desk, expected_errors: list[str]
) -> None:
    expected_errors.append("400")
    face = desk.add_face()
    first = desk.save(face, random_labels(0), status=Status.DRAFT)
    second = desk.save(face, random_labels(1), parent=first, status=Status.DRAFT)
    desk.save(face, random_labels(2), parent=second)
    assert desk.store.drafts.thin(desk.project_id, keep_days=-1).num_masks == 2
    desk.open(face)
    desk.page.get_by_role("button", name="2 drafts").click()
    desk.page.get_by_text("were thinned out").wait_for()
    assert desk.page.locator("[data-act=restore]").get_attribute("aria-disabled") == "true"
    desk.press("a")
    desk.wait_for("said.decided.length === 1")


def test_a_face_without_a_mask_shows_its_picture(desk: Desk) -> None:
    desk.open(desk.add_face())
    assert desk.history() == ["No mask was saved yet."]
    desk.press("a", "c", "z", "x", "ArrowDown")
    assert desk.said() == "There is no mask yet."


def test_the_face_asked_for_last_is_shown_even_if_another_answers_later(desk: Desk) -> None:
    slow, quick = desk.add_face(0), desk.add_face(1)
    desk.save(slow, random_labels(0), "Slow")
    desk.save(quick, random_labels(1), "Quick")

    def late(route: Any) -> None:
        desk.page.wait_for_timeout(300)
        route.continue_()

    desk.page.route(f"**/faces/{slow}/revisions", late)
    desk.js(
        """async (ids) => {
          const { scheme } = (await api.projects()).projects[0];
          const faces = await Promise.all(ids.map((id) => api.face(id)));
          await Promise.all(faces.map(({ face }) => review.show(face, scheme)));
        }""",
        [slow, quick],
    )
    desk.page.unroute(f"**/faces/{slow}/revisions")
    assert "Quick" in desk.history()[0]
    desk.press("a")
    desk.wait_for("said.decided.length === 1")
    assert desk.store.faces.get(slow).status == FaceStatus.DONE
    assert desk.store.faces.get(quick).status == FaceStatus.ACCEPTED


def test_a_key_held_down_accepts_one_face_only(desk: Desk) -> None:
    face = desk.add_face()
    desk.save(face, random_labels(0))
    desk.open(face)
    desk.page.keyboard.down("a")
    desk.page.keyboard.down("a")  # the browser repeats
    desk.wait_for("said.decided.length === 1")
    desk.page.keyboard.down("a")
    desk.page.keyboard.up("a")
    assert desk.said().endswith("is accepted.")  # not 'already'
