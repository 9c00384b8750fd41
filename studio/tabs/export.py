"""The Export tab: an application of its own in the page (export/*.js), on plain HTTP routes."""

from __future__ import annotations

from studio.services import Services
from studio.tabs.export_api import build_api
from studio.tabs.parts import application


def build(services: Services) -> None:
    application("export", "createExport")
    build_api(services)
