"""Visitors of studios, each as a stranger, without loading the studio's page anew for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Size = tuple[int, int]  # px, width and height


@dataclass
class Profile:
    """What one visitor has. door: an empty page that keeps the browser's window open."""

    context: Any  # playwright.sync_api.BrowserContext
    door: Any
    devtools: Any
    visited: set[str] = field(default_factory=set)  # origins

    def forget(self) -> None:
        """Close the visitor's pages, and leave nothing of what they kept, but the cache of
        scripts and styles, as the next visitor needs the same."""
        for page in self.context.pages:
            if page is not self.door:
                page.close()
        self.context.clear_cookies()
        for origin in self.visited:
            self.devtools.send(
                "Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"}
            )
        self.visited.clear()


class Profiles:
    """Lends empty profiles: loading and compiling the page's scripts takes a fresh one seconds."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._free: list[Profile] = []
        self._lent: dict[Any, Profile] = {}

    def open(self, address: str, size: Size = (1280, 720)) -> Any:
        """An empty page, for one visitor of the studio at this address, who may open more.
        Two that are open at a time know nothing of each other."""
        profile = self._free.pop() if self._free else self._made()
        page = profile.context.new_page()
        page.set_viewport_size({"width": size[0], "height": size[1]})
        where = urlsplit(address)
        profile.visited.add(f"{where.scheme}://{where.netloc}")
        self._lent[page] = profile
        return page

    def close(self, page: Any) -> None:
        """The visitor of this page, with all pages, is gone when this returns."""
        profile = self._lent.pop(page)
        profile.forget()
        self._free.append(profile)

    def end(self) -> None:
        for profile in [*self._free, *self._lent.values()]:
            profile.context.close()

    def _made(self) -> Profile:
        context = self._browser.new_context()
        door = context.new_page()
        return Profile(context, door, context.new_cdp_session(door))
