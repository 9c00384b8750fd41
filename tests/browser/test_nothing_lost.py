"""Saving, drafts, bad input: whatever happens, what was painted is kept and the person is told."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser import rules
from tests.browser.conftest import Screen, grey
from tests.browser.fake_server import Face, FakeServer

SHAPE = (72, 96)
HAT = 5
ASKED = """() => {
  const event = new Event('beforeunload', { cancelable: true });
  dispatchEvent(event);
  return event.defaultPrevented;
}"""


def stroke(screen: Screen, class_id: int = HAT) -> np.ndarray:
    """Paints something; returns the map afterwards."""
    screen.take("brush", class_id, 11)
    screen.drag([(20.2, 20.1), (70.6, 50.2 + class_id)])
    return screen.map()


def test_a_stroke_is_saved_by_itself_and_shown_as_safe(painter: Screen, server: FakeServer) -> None:
    after = stroke(painter)
    painter.wait_for_phase("safe")
    assert np.array_equal(server.last_map(), after)
    assert painter.page.locator(".fl-saved").text_content().startswith("Safe ")
    assert server.saves[-1]["status"] == "draft" and server.saves[-1]["baseRevision"] == 0


def test_done_saves_with_its_status_even_without_a_change(
    painter: Screen, server: FakeServer
) -> None:
    painter.page.get_by_role("button", name="Done").click()
    painter.wait_for_phase("safe")
    assert [save["status"] for save in server.saves] == ["done"]


@pytest.mark.parametrize("mood", ["down", "lost"])
def test_failed_saves_are_repeated_until_the_latest_map_is_safe(
    painter: Screen, server: FakeServer, expected_errors: list[str], mood: str
) -> None:
    expected_errors.append("503")
    server.mood = mood
    stroke(painter)
    painter.wait_for_phase("offline")
    assert (
        painter.page.locator(".fl-saved").text_content()
        == "Kept on this computer, retrying: server says 503"
    )
    latest = stroke(painter, 9)
    server.mood = "well"
    painter.wait_for_phase("safe")
    assert np.array_equal(server.last_map(), latest)
    assert len({save["key"] for save in server.saves}) == 2 < len(server.attempts)
    assert [save["baseRevision"] for save in server.saves] == [0, 1]


def test_a_save_under_way_is_followed_by_one_with_the_latest_map(
    painter: Screen, server: FakeServer
) -> None:
    painter.js(
        """() => { const { saver } = painter.studio.session; const send = saver.send;
        const later = () => new Promise((done) => setTimeout(done, 150));
        saver.send = (request) => later().then(() => send(request)); }"""
    )
    stroke(painter)
    painter.wait_for_phase("saving")
    latest = stroke(painter, 9)
    painter.wait_for_phase("safe")
    assert np.array_equal(server.last_map(), latest)


def test_a_stale_save_is_told_and_the_work_stays(painter: Screen, server: FakeServer) -> None:
    server.mood = "stale"
    after = stroke(painter)
    banner = painter.page.locator(".fl-banner")
    banner.wait_for()
    assert (
        "Someone saved meanwhile: your version is kept as its own revision."
        in banner.text_content()
    )
    assert np.array_equal(server.last_map(), after) and np.array_equal(painter.map(), after)
    banner.get_by_role("button", name="OK").click()
    stroke(painter, 9)
    painter.wait_for_phase("safe")
    assert server.saves[-1]["baseRevision"] == 1 and not banner.is_visible()


def test_a_refused_save_says_why_and_the_next_change_tries_again(
    painter: Screen, server: FakeServer, expected_errors: list[str]
) -> None:
    expected_errors.append("422")
    server.mood = "refusing"
    stroke(painter)
    painter.wait_for_phase("refused")
    assert (
        painter.page.locator(".fl-saved").text_content()
        == "Not saved: class 77 is not in the scheme"
    )
    server.mood = "well"
    latest = stroke(painter, 9)
    painter.wait_for_phase("safe")
    assert np.array_equal(server.last_map(), latest)


def abandon(screen: Screen) -> np.ndarray:
    """Paints while the server is away, and reloads as after a crash."""
    screen.server.mood = "down"
    after = stroke(screen)
    screen.wait_for_phase("offline")
    screen.page.wait_for_timeout(300)
    screen.leave()
    screen.server.mood = "well"  # only now: the page that is left saves with its last breath
    screen.visit()
    return after


def test_after_a_reload_the_local_draft_is_offered_and_restored(
    painter: Screen, server: FakeServer, face: Face, expected_errors: list[str]
) -> None:
    expected_errors.append("503")
    after = abandon(painter)
    assert np.array_equal(painter.map(), face.mask)
    painter.drag([(10.2, 60.1), (80.1, 60.2)])
    assert np.array_equal(painter.map(), face.mask), "nothing is painted before the answer"
    painter.page.get_by_role("button", name="Restore").click()
    assert np.array_equal(painter.map(), after)
    painter.wait_for_phase("safe")
    assert np.array_equal(server.last_map(), after)
    painter.press("Control+z")
    assert np.array_equal(painter.map(), face.mask)


def test_a_discarded_draft_is_not_offered_again(
    painter: Screen, face: Face, expected_errors: list[str]
) -> None:
    expected_errors.append("503")
    abandon(painter)
    painter.page.get_by_role("button", name="Discard").click()
    assert np.array_equal(painter.map(), face.mask)
    painter.reload()
    assert not painter.page.locator(".fl-banner").is_visible()


def test_a_draft_that_the_server_has_is_not_offered(
    painter: Screen, server: FakeServer, face: Face
) -> None:
    face.mask = stroke(painter)
    painter.wait_for_phase("safe")
    painter.reload()
    assert not painter.page.locator(".fl-banner").is_visible()


def test_leaving_with_unsaved_work_asks_first(
    painter: Screen, server: FakeServer, expected_errors: list[str]
) -> None:
    expected_errors.append("503")
    assert not painter.js(ASKED)
    server.mood = "down"
    stroke(painter)
    assert painter.js(ASKED)
    server.mood = "well"
    painter.wait_for_phase("safe")
    assert not painter.js(ASKED)


def test_a_face_left_while_offline_is_still_saved(
    painter: Screen, server: FakeServer, face: Face, expected_errors: list[str]
) -> None:
    expected_errors.append("503")
    server.add("other", Face(grey(*SHAPE)))
    server.mood = "down"
    after = stroke(painter)
    painter.js("() => painter.open('other')")
    stroke(painter, 9)
    server.mood = "well"
    painter.page.wait_for_function("painter.isSafe")
    saved = {save["faceId"]: save["map"] for save in server.saves}
    assert saved["face"] == after.tobytes() and saved["other"] == painter.map().tobytes()


def test_another_revision_is_copied_by_class_and_whole(
    painter: Screen, server: FakeServer, face: Face
) -> None:
    other = np.random.default_rng(1).choice([4, 11, 16, 255], SHAPE).astype(np.uint8)
    server.saves.append({"key": "x", "faceId": "face", "map": other.tobytes()})
    painter.set(classId=11)
    painter.page.get_by_label("Copy from another revision").first.click()
    painter.page.get_by_role("button", name="Copy the class in hand").click()
    expected = rules.painted(face.mask, other == 11, 11)
    painter.page.wait_for_function("painter.studio.desk.history.undoCount === 1")
    assert np.array_equal(painter.map(), expected)
    painter.page.get_by_role("button", name="Copy the whole mask").click()
    painter.page.wait_for_function("painter.studio.desk.history.undoCount === 2")
    assert np.array_equal(painter.map(), other)


def test_read_only_shows_and_paints_nothing(screen: Screen, server: FakeServer, face: Face) -> None:
    face.changes = {"isReadOnly": True}
    server.add("face", face)
    screen.visit()
    stroke(screen)
    screen.js("() => painter.studio.clean('specks', null)")
    screen.press("Control+Enter")
    assert np.array_equal(screen.map(), face.mask) and server.attempts == []
    assert screen.page.locator(".fl-saved").text_content() == "Read only"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"width": 100},
            "The mask of face face has 6912 values; its image is 100 x 72 = 7200 pixels.",
        ),
        ({"width": 0}, "Face face says it is 0 x 72 pixels; 1 to 4096 are possible."),
        ({"height": 1e9}, "Face face says it is 96 x 1000000000 pixels; 1 to 4096 are possible."),
    ],
)
def test_a_face_with_wrong_sizes_is_not_opened_and_says_so(
    screen: Screen, server: FakeServer, face: Face, changes: dict[str, float], message: str
) -> None:
    face.changes = changes
    server.add("face", face)
    screen.visit()
    assert message in screen.page.locator(".fl-banner").text_content()
    screen.page.mouse.click(500, 300)
    screen.press("Control+z", "f", "]", "Control+s")
    assert server.attempts == []


def test_a_missing_image_is_told(
    screen: Screen, server: FakeServer, face: Face, expected_errors: list[str]
) -> None:
    expected_errors.append("404")
    server.add("face", face)
    screen.visit()
    screen.js("() => painter.open('nobody')")
    assert "404" in screen.page.locator(".fl-banner").text_content()


def test_unknown_classes_in_a_mask_are_told_and_kept(
    screen: Screen, server: FakeServer, face: Face
) -> None:
    face.mask[0, :3] = [99, 200, 99]
    server.add("face", face)
    screen.visit()
    assert "does not know: 99, 200" in screen.page.locator(".fl-note").text_content()
    assert np.array_equal(screen.map(), face.mask)


def test_regions_of_a_wrong_size_switch_only_the_smart_brush_off(
    screen: Screen, server: FakeServer, face: Face
) -> None:
    face.changes = {"levels": [{"level": 0, "width": 97, "height": 72, "bytes": 2}]}
    server.add("face", face)
    screen.visit()
    assert "Superpixel level 0 has 6912 ids" in screen.page.locator(".fl-note").text_content()
    screen.take("smart", HAT)
    screen.click(40.2, 30.1)
    assert np.array_equal(screen.map(), face.mask)
    assert not np.array_equal(stroke(screen), face.mask)


LATE_REGIONS = """() => {
  const load = painter.bridge.load.bind(painter.bridge);
  painter.bridge.load = async (id) => {
    const face = await load(id);
    const levels = face.superpixels;
    face.superpixels = new Promise((resolve, reject) => {
      window.arrive = () => resolve(levels);
      window.fail = () => reject(new Error('This generator has no features.'));
    });
    return face;
  };
  return painter.open('face');
}"""


def test_regions_that_come_late_work_from_then_on(painter: Screen, face: Face) -> None:
    painter.js(LATE_REGIONS)
    painter.take("smart", HAT)
    painter.set(level=0)
    painter.click(40.2, 30.1)
    assert painter.page.locator(".fl-note").text_content() == "Regions are being computed …"
    assert np.array_equal(painter.map(), face.mask)
    painter.js("() => window.arrive()")
    painter.page.wait_for_function("painter.studio.desk.superpixels.count === 2")
    painter.click(40.2, 30.1)
    assert face.mask is not None
    expected = rules.painted(face.mask, face.levels[0] == face.levels[0][30, 40], HAT)
    assert np.array_equal(painter.map(), expected)


def test_regions_that_cannot_be_computed_say_why_when_they_are_wanted(
    painter: Screen, face: Face
) -> None:
    painter.js(LATE_REGIONS)
    painter.js("() => window.fail()")
    painter.page.wait_for_function("painter.studio.desk.regionsNote.startsWith('This')")
    assert not painter.page.locator(".fl-note").is_visible()
    painter.take("smart", HAT)
    painter.click(40.2, 30.1)
    assert painter.page.locator(".fl-note").text_content() == "This generator has no features."
    assert np.array_equal(painter.map(), face.mask)


def test_a_face_left_is_loaded_again_only_when_its_strokes_are_saved(
    painter: Screen, server: FakeServer, face: Face
) -> None:
    server.add("other", Face(grey(*SHAPE)))
    after = stroke(painter)
    was_safe = painter.js(
        """async () => {
        const load = painter.bridge.load.bind(painter.bridge);
        let wasSafe;
        painter.bridge.load = (id) => { wasSafe = painter.isSafe; return load(id); };
        painter.open('other');
        await painter.open('face');
        return wasSafe; }"""
    )
    assert was_safe and np.array_equal(server.last_map(), after)


def test_spoilt_settings_of_the_browser_are_left_aside(
    screen: Screen, server: FakeServer, face: Face
) -> None:
    server.add("face", face)
    screen.visit()
    spoilt = (
        '{"sizes": {"brush": -5, "eraser": "big", "laser": 3}, "opacity": "much", "level": null}'
    )
    screen.js("(text) => localStorage.setItem('faceloom-painter', text)", spoilt)
    screen.visit()
    sizes = screen.js("() => painter.settings.get('sizes')")
    assert sizes == {"brush": 24, "eraser": 24, "accept": 40}
    assert screen.js("() => painter.settings.get('opacity')") == 0.55
