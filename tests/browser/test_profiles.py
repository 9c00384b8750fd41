"""Tests share browser profiles; whoever comes next must find nothing of who was there before."""

from __future__ import annotations

from typing import Any

from tests.browser.fake_server import FakeServer
from tests.browser.profiles import Profiles

LEAVE = """async () => {
  localStorage.setItem('left', 'local'); sessionStorage.setItem('left', 'session');
  document.cookie = 'left=cookie; path=/; max-age=1000';
  await new Promise((resolve, reject) => {
    const asked = indexedDB.open('left', 1);
    asked.onsuccess = () => { asked.result.close(); resolve(); }; asked.onerror = reject; });
}"""
FIND = """async () => [
  ...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie,
  ...(await indexedDB.databases()).map((each) => each.name)].filter((text) => text)"""


def test_a_profile_that_is_lent_again_has_forgotten_everything(
    browser: Any, server: FakeServer
) -> None:
    profiles = Profiles(browser)
    address = f"{server.address}/harness.html"
    first = profiles.open(server.address, (900, 700))
    first.goto(address)
    first.evaluate(LEAVE)
    other = profiles.open(server.address)
    other.goto(address)
    assert len(first.evaluate(FIND)) == 4 and other.evaluate(FIND) == []
    profiles.close(first)
    again = profiles.open(server.address)
    assert first.is_closed() and again.context is first.context is not other.context
    again.goto(address)
    assert again.evaluate(FIND) == []
    assert again.evaluate("innerWidth") == 1280
    profiles.end()
