"""The page's own modules and styles fit together, ask no other host for anything, stay short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from studio.routes.modules import MODULES

ENTRIES = {  # what pages import
    "painter/painter.js",
    "annotate/annotate.js",
    "control/control.js",
    "export/export.js",
}
STUDIO = MODULES["painter"].parent
FILES = sorted(
    path.relative_to(STUDIO) for folder in MODULES.values() for path in folder.rglob("*.js")
)
SHEETS = sorted(path for folder in MODULES.values() for path in folder.rglob("*.css"))
IMPORT = re.compile(
    r"""^(?:import|export)\b[^;]*?from '([^']+)'|\bimport\('([^']+)'\)""", re.MULTILINE
)
MAX_LINES = 300


def source(path: Path) -> str:
    return (STUDIO / path).read_text(encoding="utf-8")


def imports(path: Path) -> set[Path]:
    folder = (STUDIO / path).parent
    named = [first or later for first, later in IMPORT.findall(source(path))]
    return {(folder / target).resolve() for target in named}


def test_painter_and_tab_are_among_the_modules() -> None:
    assert len(FILES) > 40 and {Path(entry) for entry in ENTRIES} <= set(FILES)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_module_imports_only_modules_that_are_served(path: Path) -> None:
    assert imports(path) <= {STUDIO / each for each in FILES}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_module_names_no_other_host_and_stays_short(path: Path) -> None:
    text = source(path).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|innerHTML|\beval\(", text)
    assert len(text.splitlines()) <= MAX_LINES


def test_the_painter_does_not_know_the_tab() -> None:
    painter = [path for path in FILES if path.parts[0] == "painter"]
    assert all(STUDIO / "annotate" not in target.parents for p in painter for target in imports(p))


def test_every_module_is_used() -> None:
    used = {STUDIO / entry for entry in ENTRIES}.union(*(imports(path) for path in FILES))
    assert used == {STUDIO / path for path in FILES}


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_a_style_sheet_loads_nothing_and_keeps_to_our_names(sheet: Path) -> None:
    css = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert "url(" not in css and "@import" not in css
    classes = set(re.findall(r"\.([a-z][\w-]*)", css))
    assert {name for name in classes if not name.startswith("fl-")} <= {"dark"}


def luminance(colour: str) -> float:
    """Relative luminance as in WCAG 2."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1, 2, 3])
def test_the_painters_text_and_fields_have_the_contrast_of_wcag_aa(theme: int) -> None:
    css = (STUDIO / "painter" / "painter.css").read_text(encoding="utf-8")
    block = re.findall(r"color-scheme: (?:light|dark);(.*?)}", css, re.DOTALL)[theme]
    colours = dict(re.findall(r"--fl-([\w-]+): (#\w+);", block))
    for text in ("text", "quiet", "accent", "good", "warn", "bad"):
        assert contrast(colours[text], colours["panel"]) >= 4.5, text
    for back in ("surface", "hover", "chosen"):
        assert contrast(colours["text"], colours[back]) >= 4.5, back
        assert contrast(colours["quiet"], colours[back]) >= 4.5, back
    assert contrast(colours["accent"], colours["chosen"]) >= 4.5
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    assert contrast(colours["field-line"], colours["panel"]) >= 3
