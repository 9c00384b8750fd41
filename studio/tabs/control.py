"""The Control tab: an application of its own in the page (control/*.js), on plain HTTP routes."""

from __future__ import annotations

import gradio as gr

from studio.services import Services
from studio.tabs.control_api import build_api

_TEMPLATE = '<div class="fl-control"></div>'
# The address is the page's own, so that it holds behind a proxy with a sub-path, too.
_ON_LOAD = """
const base = new URL('.', document.baseURI).href;
import(new URL('modules/control/control.js', base)).then(({ createControl }) => {
  createControl(element.querySelector('.fl-control'), { base });
});
"""


def build(services: Services) -> None:
    gr.HTML(
        html_template=_TEMPLATE,
        js_on_load=_ON_LOAD,
        apply_default_css=False,
        elem_id="control",
    )
    build_api(services)
