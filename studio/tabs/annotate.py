"""The Annotate tab: an application of its own in the page (annotate/*.js), on plain HTTP routes."""

from __future__ import annotations

import gradio as gr

from studio.services import Services
from studio.tabs.annotate_api import build_api

_TEMPLATE = '<div class="fl-annotate"></div>'
# The address is the page's own, so that it holds behind a proxy with a sub-path, too.
_ON_LOAD = """
const base = new URL('.', document.baseURI).href;
import(new URL('modules/annotate/annotate.js', base)).then(({ createAnnotate }) => {
  createAnnotate(element.querySelector('.fl-annotate'), { base });
});
"""


def build(services: Services) -> None:
    gr.HTML(
        html_template=_TEMPLATE,
        js_on_load=_ON_LOAD,
        apply_default_css=False,
        elem_id="annotate",
    )
    build_api(services)
