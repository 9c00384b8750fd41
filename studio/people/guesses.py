"""Brakes on guessing passwords: after some wrong ones each further one has to wait longer."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

_FORGOTTEN_AFTER = 3600.0  # seconds without a wrong one
_MOST_KEPT = 10_000  # what guessers make us remember


class Guesses:
    """Wrong passwords in a row, by name or by address.

    free: how many are answered at once; from then on 1 s must pass since the last one, then 2 s,
    4 s and so on up to `longest` seconds.
    """

    def __init__(
        self, free: int, longest: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._free, self._longest, self._clock = free, longest, clock
        self._found: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._found)

    def num_wrong(self, key: str) -> int:
        num, last = self._found.get(key, (0, 0.0))
        return num if self._clock() - last < _FORGOTTEN_AFTER else 0

    def wait(self, key: str) -> float:
        """Seconds until the next one is looked at; 0: now."""
        num = self.num_wrong(key)
        if num < self._free:
            return 0.0
        delay = min(2.0 ** min(num - self._free, 30), self._longest)
        return max(0.0, self._found[key][1] + delay - self._clock())

    def count(self, key: str) -> None:
        """One more; counted before it is looked at, so that many at once do not slip through."""
        self._found[key] = (self.num_wrong(key) + 1, self._clock())
        self._found.move_to_end(key)
        while len(self._found) > _MOST_KEPT:
            self._found.popitem(last=False)

    def forgive(self, key: str) -> None:
        """The last one was right after all."""
        num, last = self._found.pop(key, (0, 0.0))
        if num > 1:
            self._found[key] = (num - 1, last)

    def forget(self, key: str) -> None:
        """All of them."""
        self._found.pop(key, None)


def network_of(address: str) -> str:
    """What one guesser has at hand: an IPv4 address, or the 2**64 addresses of an IPv6 network."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))
