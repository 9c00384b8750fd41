"""The Control tab: an application of its own in the page (control/*.js), on plain HTTP routes."""

from __future__ import annotations

from studio.services import Services
from studio.tabs.control_api import build_api
from studio.tabs.parts import application


def build(services: Services) -> None:
    application("control", "createControl")
    build_api(services)
