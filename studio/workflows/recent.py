"""What was made last, kept by key for as long as there is room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

REMEMBERED = 200  # faces, of some 50 kB each
Thing = TypeVar("Thing")


class Recent(Generic[Thing]):
    """The last so many things, by key. Safe to use from threads."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._things: OrderedDict[Hashable, Thing] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Thing | None:
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
            return self._things.get(key)

    def put(self, key: Hashable, thing: Thing) -> None:
        with self._lock:
            self._things[key] = thing
            self._things.move_to_end(key)
            while len(self._things) > self._most:
                self._things.popitem(last=False)
