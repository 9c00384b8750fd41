"""The pieces that put the painter into a `gr.HTML` component. The painter itself is JavaScript.

The modules are served as they are (no build step): whoever builds the component allows `FOLDER` as
a static path and says at which address `painter.js` is found.
"""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parent

#: Never changes while the page lives: Gradio would remove what the painter built inside.
HTML_TEMPLATE = '<div class="faceloom-painter"></div>'

_ON_LOAD = """
Promise.all([import({painter}), import({bridge})]).then(([painter, bridge]) => {{
  const root = element.querySelector('.faceloom-painter');
  const parts = bridge.createBridge({{ props, server, trigger, watch }});
  root.painter = painter.createPainter(root, parts);
}});
"""


def modules() -> list[Path]:
    """The JavaScript files to serve, relative to `FOLDER`."""
    return sorted(path.relative_to(FOLDER) for path in FOLDER.rglob("*.js"))


def css() -> str:
    """The style sheet; all its names begin with fl-."""
    return (FOLDER / "painter.css").read_text(encoding="utf-8")


def js_on_load(painter_url: str, bridge_url: str) -> str:
    """The script for `gr.HTML(js_on_load=...)`.

    painter_url: address of painter.js on this host, the other modules beside it. bridge_url:
    address of a module with `createBridge({props, server, trigger, watch})` that answers
    {scheme, bridge, options}, see painter.js. The painter is then the property `painter` of the
    template's element.
    """
    return _ON_LOAD.format(painter=json.dumps(painter_url), bridge=json.dumps(bridge_url))
