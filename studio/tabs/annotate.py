"""The Annotate tab: an application of its own in the page (annotate/*.js), on plain HTTP routes."""

from __future__ import annotations

from studio.services import Services
from studio.tabs.annotate_api import build_api
from studio.tabs.parts import application


def build(services: Services) -> None:
    application("annotate", "createAnnotate")
    build_api(services)
