"""The page on which people sign in: one small form, no script, nothing from anywhere else."""

from __future__ import annotations

import functools
from html import escape
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse

from studio.people.passwords import LONGEST

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # Under no-referrer browsers hide the Origin of a form, and we could not tell it from a
    # foreign one.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def sign_in_page(status: int = 200, name: str = "", complaint: str = "") -> HTMLResponse:
    """name: as it was typed before; complaint: what was wrong with it, or ''."""
    content = _template().substitute(
        css=_css(),
        name=escape(name[:LONGEST]),
        complaint=escape(complaint),
        complaint_hidden="" if complaint else "hidden",
        name_focus="" if name else "autofocus",
        password_focus="autofocus" if name else "",
        invalid="true" if complaint else "false",
    )
    return HTMLResponse(content, status, _HEADERS)


@functools.cache
def _template() -> Template:
    return Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))


@functools.cache
def _css() -> str:
    from studio.theme import DARK, LIGHT, SANS  # gradio: not for the verb `people`

    def variables(colours: dict[str, str]) -> str:
        return " ".join(f"--fl-{name}: {value};" for name, value in colours.items())

    fonts = ", ".join(f'"{name}"' if " " in name else name for name in SANS)
    sheet = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    return (
        f":root {{ color-scheme: light dark; --fl-sans: {fonts}; {variables(LIGHT)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {variables(DARK)} }} }}\n{sheet}"
    )
