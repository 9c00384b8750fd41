"""The painter's files fit together, ask no other host for anything, and stay short."""

from __future__ import annotations

import json
import re

import pytest

from studio.painter import component

MODULES = component.modules()
CODE_IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?from '([^']+)'""", re.MULTILINE)
MAX_LINES = 250


def source(path: object) -> str:
    return (component.FOLDER / str(path)).read_text(encoding="utf-8")


def test_the_painter_and_its_tools_are_among_the_modules() -> None:
    names = {path.as_posix() for path in MODULES}
    assert {"painter.js", "labelmap.js", "tools/brush.js", "panels/classes.js"} <= names


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_imports_only_modules_that_are_there(path: object) -> None:
    folder = (component.FOLDER / str(path)).parent
    targets = [folder / target for target in CODE_IMPORT.findall(source(path))]
    assert all(target.is_file() for target in targets), targets


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_names_no_other_host_and_stays_short(path: object) -> None:
    text = source(path).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|innerHTML|\beval\(", text)
    assert len(text.splitlines()) <= MAX_LINES


def test_every_module_is_used() -> None:
    used = {"painter.js", "png.js"}  # png.js is there for bridges
    for path in MODULES:
        folder = (component.FOLDER / path).parent
        for target in CODE_IMPORT.findall(source(path)):
            used.add((folder / target).resolve().relative_to(component.FOLDER).as_posix())
    assert {path.as_posix() for path in MODULES} == used


def test_the_style_sheet_loads_nothing_and_keeps_to_its_names() -> None:
    css = component.css()
    assert "url(" not in css and "@import" not in css
    classes = set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)))
    assert {name for name in classes if not name.startswith("fl-")} == {"dark"}


def luminance(colour: str) -> float:
    """Relative luminance as in WCAG 2."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1, 2, 3])
def test_text_and_fields_have_the_contrast_of_wcag_aa(theme: int) -> None:
    block = re.findall(r"color-scheme: (?:light|dark);(.*?)}", component.css(), re.DOTALL)[theme]
    colours = dict(re.findall(r"--fl-([\w-]+): (#\w+);", block))
    for text in ("text", "quiet", "accent", "good", "warn", "bad"):
        assert contrast(colours[text], colours["panel"]) >= 4.5, text
    for back in ("surface", "hover", "chosen"):
        assert contrast(colours["text"], colours[back]) >= 4.5, back
        assert contrast(colours["quiet"], colours[back]) >= 4.5, back
    assert contrast(colours["accent"], colours["chosen"]) >= 4.5
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    assert contrast(colours["field-line"], colours["panel"]) >= 3


def test_addresses_are_quoted_into_the_script() -> None:
    address = "/painter/a'b\"c.js"
    script = component.js_on_load(address, "/bridge.js")
    assert f"import({json.dumps(address)})" in script and 'import("/bridge.js")' in script
    assert "{{" not in script and component.HTML_TEMPLATE.count("{") == 0
