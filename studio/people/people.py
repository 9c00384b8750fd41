"""Signing in and out: accounts, sessions and the brakes on guessing, joined."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import InvalidRequestError
from studio.people.accounts import Accounts, clean_name
from studio.people.guesses import Guesses, network_of
from studio.people.passwords import LONGEST, PasswordHash
from studio.people.sessions import Sessions

log = logging.getLogger(__name__)


class SignInRefusedError(Exception):
    """Not let in, with a message fit for the person.

    wait: seconds until another attempt is looked at; 0: the name or the password was wrong.
    """

    def __init__(self, wait: int = 0) -> None:
        self.wait = wait
        unit = "second" if wait == 1 else "seconds"
        super().__init__(
            f"Too many wrong passwords. Try again in {wait} {unit}."
            if wait
            else "This name and this password do not belong together."
        )


class People:
    """Who may come in."""

    def __init__(
        self,
        accounts: Accounts,
        sessions: Sessions,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.accounts, self.sessions = accounts, sessions
        self._by_name = Guesses(free=5, longest=60, clock=clock)
        self._by_address = Guesses(free=20, longest=300, clock=clock)  # an office has but one
        self._decoy = PasswordHash.of(secrets.token_hex(16))
        self._turn = asyncio.Semaphore(1)  # each comparison takes a core and 32 MiB

    def person(self, cookies: Mapping[str, str]) -> str | None:
        """Who is signed in; None: nobody."""
        return self.sessions.person(cookies, self.accounts.current())

    async def sign_in(self, name: str, password: str, address: str) -> str:
        """The value of the session's cookie. Raises SignInRefusedError.

        An unknown name gets the same answer after the same time as a wrong password.
        """
        try:
            name = clean_name(name)
        except InvalidRequestError:
            name = ""  # nobody's, and treated as any other unknown one
        network = network_of(address)
        wait = max(self._by_name.wait(name), self._by_address.wait(network))
        if wait > 0:
            raise SignInRefusedError(math.ceil(wait))
        self._by_name.count(name)
        self._by_address.count(network)
        known = self.accounts.current().get(name)
        async with self._turn:
            is_right = await asyncio.to_thread(
                (known or self._decoy).matches, password[: LONGEST + 1]
            )
        if known is None or not is_right:
            # What was typed for an unknown name may be a password: it is not written down.
            whose = repr(name) if known else "an unknown name"
            tries = self._by_address.num_wrong(network)
            log.warning("Wrong password for %s from %s, number %d", whose, address, tries)
            raise SignInRefusedError()
        self._by_name.forget(name)
        self._by_address.forgive(network)
        return self.sessions.begin(name, known)

    async def sign_out(self, cookies: Mapping[str, str]) -> None:
        await asyncio.to_thread(self.sessions.end, cookies)


def open_people(accounts: Accounts, workspace: Path) -> People:
    """The accounts with the sessions of a workspace. Raises OutputError."""
    return People(accounts, Sessions(workspace))
