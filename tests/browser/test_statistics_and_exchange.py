"""The dialogs of statistics and of import and export, in a real browser on the real routes."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from annotations import Status, default_scheme
from annotations.records import FaceStatus
from tests.browser.review_fixtures import (
    SIZE_HW,
    Desk,
    desk,
    review_page,
    review_problems,
    review_server,
)

__all__ = ["desk", "review_page", "review_problems", "review_server"]


def halves(left: int, right: int) -> np.ndarray:
    """A mask of two classes, uint8 [72, 96]."""
    labels = np.full(SIZE_HW, left, np.uint8)
    labels[:, 48:] = right
    return labels


def show(desk: Desk, dialog: str) -> Any:
    """Opens a dialog on the test's project and waits until it is filled."""
    desk.js(
        f"async (id) => {dialog}.show(await api.project(id))",
        desk.project_id,
    )
    return desk.page.locator(f"dialog.fl-{dialog}")


def cells(table: Any) -> list[list[str]]:
    return [
        [cell.strip() for cell in row.locator("th, td").all_inner_texts()]
        for row in table.locator("tbody tr").all()
    ]


@pytest.fixture
def worked_on(desk: Desk) -> Desk:
    """Three faces: one accepted, one rejected, one to do; painted by Ann and by '=Ben'."""
    first, second, _ = (desk.add_face(seed) for seed in range(3))
    draft = desk.save(first, halves(4, 255), status=Status.DRAFT, seconds=600)
    done = desk.save(first, halves(4, 16), parent=draft, seconds=1200)
    desk.store.masks.review(done.id, "Rosa", accept=True)
    other = desk.save(second, halves(4, 0), "=Ben", seconds=36)
    desk.store.masks.review(other.id, "Rosa", accept=False, comment="ear")
    return desk


def test_statistics_are_those_of_the_store(worked_on: Desk) -> None:
    dialog = show(worked_on, "statistics")
    assert dialog.locator("h2").inner_text().startswith("Statistics of test_statistics_are")
    progress = dialog.locator(".fl-statistics-progress li").all_inner_texts()
    assert progress == ["1 to do", "0 draft", "0 done", "1 accepted", "1 rejected"]
    classes, people = (cells(table) for table in dialog.locator("table").all())
    half = SIZE_HW[0] * SIZE_HW[1] // 2
    expected = {"hair": (2, 2 * half), "skin": (1, half), "background": (1, half)}
    for name, faces, pixels, share in classes:
        num_faces, num_pixels = expected.get(name, (0, 0))
        assert (faces, pixels) == (str(num_faces), f"{num_pixels:,}")
        assert share == f"{100 * num_pixels / (4 * half):.2f} %"
    assert [row[0] for row in classes][-2:] == ["upper lip", "not labelled"]
    assert people == [
        ["=Ben", "1", "1", "1", "0", "1", "0.0 %", "0", "0.0", "0.6"],
        ["Ann", "1", "2", "1", "1", "0", "100.0 %", "0", "0.5", "30.0"],
        ["Rosa", "0", "0", "0", "0", "0", "–", "2", "0.0", "–"],  # noqa: RUF001
    ]


def test_headings_sort_figures_downwards_and_names_upwards(worked_on: Desk) -> None:
    dialog = show(worked_on, "statistics")
    classes = dialog.locator("table").first
    classes.get_by_role("button", name="Pixels").click()
    assert cells(classes)[0][0] == "hair"
    heading = classes.locator("th[aria-sort]")
    assert heading.get_attribute("aria-sort") == "descending"
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert cells(classes)[-1][0] == "hair"
    classes.get_by_role("button", name="Class").click()
    names = [row[0] for row in cells(classes)]
    assert names == sorted(names)


def test_tables_are_copied_and_downloaded_as_they_are_shown(worked_on: Desk) -> None:
    dialog = show(worked_on, "statistics")
    people = dialog.locator("section[aria-label=People]")
    people.get_by_role("button", name="Hours").click()
    people.get_by_role("button", name="Copy").click()
    people.get_by_text("Copied").wait_for()
    copied = worked_on.js("() => navigator.clipboard.readText()")
    lines = [line.split("\t") for line in copied.splitlines()]
    assert lines[0][:3] == ["Person", "Faces", "Saves"]
    assert [line[0] for line in lines[1:]] == ["Ann", "'=Ben", "Rosa"]  # no formula
    with worked_on.page.expect_download() as downloading:
        people.get_by_role("button", name="Download CSV").click()
    assert downloading.value.suggested_filename.endswith("people.csv")
    text = Path(downloading.value.path()).read_text(encoding="utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == lines


def test_statistics_that_cannot_be_had_are_asked_for_again(
    worked_on: Desk, expected_errors: list[str]
) -> None:
    expected_errors.append("404")
    worked_on.js("() => { void statistics.show({ id: 987654, name: 'gone' }); }")
    dialog = worked_on.page.locator("dialog.fl-statistics")
    dialog.get_by_text("987654").wait_for()
    assert dialog.get_by_role("button", name="Try again").is_visible()
    worked_on.press("Escape")
    assert dialog.is_hidden()
    assert cells(show(worked_on, "statistics").locator("table").first)


def zip_of(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def png(labels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(labels).save(file, "PNG")
    return file.getvalue()


def choose_file(dialog: Any, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "application/zip", "buffer": content}
    dialog.locator("input[type=file]").set_input_files(files=[file])


def test_an_export_is_downloaded_with_the_statuses_that_were_chosen(worked_on: Desk) -> None:
    dialog = show(worked_on, "exchange")
    part = dialog.locator("section[aria-label=Export]")
    labels = part.locator("fieldset label").all_inner_texts()
    assert labels == ["drafts (0)", "done (0)", "accepted (1)", "rejected (1)"]
    found = {}
    for status in ("accepted", "rejected"):
        if status == "rejected":
            part.get_by_label("rejected").check()
        with worked_on.page.expect_download() as downloading:
            part.get_by_role("link", name="Download zip").click()
        with zipfile.ZipFile(downloading.value.path()) as archive:
            names = [name for name in archive.namelist() if name.endswith(".png")]
            maps = [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in names]
        found[status] = maps
    assert [len(maps) for maps in found.values()] == [1, 2]
    np.testing.assert_array_equal(found["accepted"][0], halves(4, 16))
    np.testing.assert_array_equal(found["rejected"][1], halves(4, 0))


def test_the_pictures_of_the_faces_come_along_if_wanted(worked_on: Desk) -> None:
    part = show(worked_on, "exchange").locator("section[aria-label=Export]")
    part.get_by_label("with the pictures").check()
    with worked_on.page.expect_download() as downloading:
        part.get_by_role("link", name="Download zip").click()
    face = worked_on.store.faces.page(worked_on.project_id).faces[0]
    with zipfile.ZipFile(downloading.value.path()) as archive:
        (name,) = (name for name in archive.namelist() if name.startswith("images/"))
        assert archive.read(name) == worked_on.store.faces.picture(face.id)


def test_an_export_that_is_refused_says_why_and_the_page_stays(
    worked_on: Desk, expected_errors: list[str]
) -> None:
    expected_errors.append("400")
    part = show(worked_on, "exchange").locator("section[aria-label=Export]")
    part.get_by_label("accepted").uncheck()
    part.get_by_role("link", name="Download zip").click()
    part.get_by_text("None of the 3 faces").wait_for()
    assert worked_on.page.url.endswith("review_harness.html")
    part.get_by_label("done").uncheck()
    link = part.get_by_text("Download zip")
    assert link.get_attribute("href") is None and link.get_attribute("aria-disabled") == "true"
    assert part.get_by_text("Choose at least one status.").is_visible()


def test_a_project_without_masks_has_nothing_to_export(desk: Desk) -> None:
    desk.add_face()
    part = show(desk, "exchange").locator("section[aria-label=Export]")
    assert part.get_by_text("This project has no masks yet.").is_visible()
    assert part.get_by_text("Download zip").get_attribute("href") is None


def test_formats_are_explained(desk: Desk) -> None:
    part = show(desk, "exchange").locator("section[aria-label=Import]")
    for name, words in (("celebamask", "CelebAMask-HQ"), ("rle", "run lengths")):
        part.locator("select[name=format]").select_option(name)
        assert words in part.locator(".fl-exchange-about").first.inner_text()
        assert part.locator("select[name=order]").is_hidden()


def exported(desk: Desk) -> bytes:
    """The project's masks as a zip file in the format 'index'."""
    part = show(desk, "exchange").locator("section[aria-label=Export]")
    with desk.page.expect_download() as downloading:
        part.get_by_role("link", name="Download zip").click()
    return Path(downloading.value.path()).read_bytes()


def test_what_was_exported_is_imported_beside_and_nothing_twice(worked_on: Desk) -> None:
    content = exported(worked_on)
    dialog = worked_on.page.locator("dialog.fl-exchange")
    part = dialog.locator("section[aria-label=Import]")
    face = worked_on.store.faces.page(worked_on.project_id).faces[0]
    choose_file(part, "masks.zip", content)
    part.get_by_text(f"masks.zip ({round(len(content) / 1000)} kB)").wait_for()
    part.get_by_role("button", name="Import").click()
    part.get_by_text("1 mask imported; 0 of them in force now, 1 kept beside").wait_for()
    history = worked_on.store.masks.history(face.id)
    assert (history[-1].author, history[-1].was_stale) == ("Rosa", True)
    assert worked_on.store.faces.get(face.id) == face
    assert worked_on.js("() => said.imported.length") == 1
    choose_file(part, "masks.zip", content)
    part.get_by_role("button", name="Import").click()
    part.get_by_text("0 masks imported; 1 mask there already.").wait_for()
    assert worked_on.store.masks.history(face.id) == history
    assert worked_on.js("() => said.imported.length") == 1


def test_masks_without_a_list_are_matched_as_the_person_says(desk: Desk) -> None:
    face = desk.add_face(seed=12)
    desk.save(face, halves(0, 4))
    part = show(desk, "exchange").locator("section[aria-label=Import]")
    part.locator("select[name=match]").select_option("seed")
    part.locator("select[name=status]").select_option("done")
    part.get_by_label("put them in force").check()
    choose_file(part, "own.zip", zip_of({"12.png": png(halves(4, 16))}))
    part.get_by_role("button", name="Import").click()
    part.get_by_text("1 mask imported.").wait_for()
    stored = desk.store.faces.get(face)
    assert stored.status == FaceStatus.DONE and stored.current is not None
    np.testing.assert_array_equal(desk.store.masks.labels(stored.current.id), halves(4, 16))
    assert len(desk.store.masks.history(face)) == 2


def test_every_problem_is_listed_and_nothing_is_imported(desk: Desk) -> None:
    faces = [desk.add_face(seed) for seed in range(60)]
    bad = {f"{seed}.png": png(np.full(SIZE_HW, 77, np.uint8)) for seed in range(59)}
    part = show(desk, "exchange").locator("section[aria-label=Import]")
    part.locator("select[name=match]").select_option("seed")
    choose_file(part, "bad.zip", zip_of(bad | {"59.png": png(halves(4, 16))}))
    part.get_by_role("button", name="Import").click()
    part.get_by_text("Nothing was imported: 59 problems in 60 masks.").wait_for()
    items = part.locator(".fl-exchange-said li").all_inner_texts()
    assert len(items) == 51 and items[-1] == "and 9 more"
    assert items[0].startswith("0.png: ") and "77" in items[0]
    assert all(desk.store.masks.history(face) == () for face in faces)
    assert desk.js("() => said.imported") == []


def test_a_refusal_is_shown_as_text(desk: Desk, expected_errors: list[str]) -> None:
    expected_errors.append("400")
    desk.add_face()
    part = show(desk, "exchange").locator("section[aria-label=Import]")
    choose_file(part, "nothing.zip", zip_of({"<b>read me</b>.txt": b"no mask"}))
    part.get_by_role("button", name="Import").click()
    part.locator(".fl-exchange-said.fl-bad").wait_for()
    assert "masks" in part.locator(".fl-exchange-said").inner_text()
    assert part.locator(".fl-exchange-said b").count() == 0
    assert part.get_by_role("button", name="Import").is_enabled()


def test_only_one_zip_file_is_taken(desk: Desk) -> None:
    desk.add_face()
    part = show(desk, "exchange").locator("section[aria-label=Import]")
    choose_file(part, "mask.png", png(halves(4, 16)))
    part.get_by_text("mask.png is no zip file. Put the masks into a zip file.").wait_for()
    assert part.get_by_role("button", name="Import").is_disabled()


def test_a_file_may_be_dropped(desk: Desk) -> None:
    desk.add_face(seed=3)
    part = show(desk, "exchange").locator("section[aria-label=Import]")
    content = zip_of({"3.png": png(halves(4, 16))})
    part.locator(".fl-exchange-drop").evaluate(
        """(area, bytes) => {
          const dropped = new DataTransfer();
          dropped.items.add(new File([new Uint8Array(bytes)], 'dropped.zip'));
          const how = { dataTransfer: dropped, bubbles: true, cancelable: true };
          area.dispatchEvent(new DragEvent('drop', how));
        }""",
        list(content),
    )
    part.get_by_text("dropped.zip").wait_for()
    assert part.get_by_role("button", name="Import").is_enabled()


def test_names_of_projects_and_people_are_text(desk: Desk) -> None:
    face = desk.add_face()
    desk.save(face, halves(4, 16), "<b>Ann</b>")
    desk.js("(id) => statistics.show({ id, name: '<b>mine</b>' })", desk.project_id)
    dialog = desk.page.locator("dialog.fl-statistics")
    assert dialog.locator("h2").inner_text() == "Statistics of <b>mine</b>"
    assert dialog.get_by_text("<b>Ann</b>").is_visible() and dialog.locator("b").count() == 0


def test_the_scheme_has_the_colours_that_are_shown(worked_on: Desk) -> None:
    dialog = show(worked_on, "statistics")
    shown = (
        dialog.locator("table")
        .first.locator("tbody i")
        .evaluate_all("(all) => all.map((one) => getComputedStyle(one).backgroundColor)")
    )
    expected = [f"rgb({', '.join(map(str, one.rgb))})" for one in default_scheme().classes]
    assert shown == [*expected, "rgba(0, 0, 0, 0)"]
