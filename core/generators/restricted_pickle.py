"""A pickle reader that cannot run anything: a small machine of our own, not Python's.

It knows the opcodes torch checkpoints are made of and pushes plain values. A global in the
file ("module name") is looked up in a table of makers given by the caller and never
imported; whatever is not in the table is refused by name. No maker copies what it is given,
so a file cannot grow by referring to itself: memory stays in proportion to its size.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from core.errors import UnsafeCheckpointError, WeightsError

Makers = Mapping[tuple[str, str], object]

MAX_OPCODES = 300_000  # the largest published StyleGAN2 snapshots need some 50 thousand
MAX_INTEGER_BYTES = 8


class Opaque:
    """Stands for an object whose content does not matter here."""


class Fields(Opaque):
    """Stands for a plain record, such as an argparse.Namespace: its fields as the file has them."""

    def __init__(self) -> None:
        self.fields: dict[Any, Any] = {}


@dataclass(frozen=True)
class _Maker:
    make: Callable[..., object]


def read_pickle(
    file: BinaryIO,
    makers: Makers,
    source: str,
    load_stored: Callable[[object], object] | None = None,
) -> object:
    """The value of the pickle at the file's position, which is left behind its end.

    file: in memory, so that a declared length cannot reserve more than there is.
    makers: (module, name) -> what to call in its stead, with plain arguments; or, if it is
    no callable, the value to put in its place.
    load_stored: resolves persistent ids (torch's storages); None: the file may have none.
    Raises UnsafeCheckpointError for what would run code or exhaust memory, WeightsError for
    a damaged pickle. `source` names the file in messages.
    """
    machine = _Machine(makers, source, load_stored)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count >= MAX_OPCODES:
                raise UnsafeCheckpointError(
                    f"{source} would exhaust memory: its pickle has more than {MAX_OPCODES} "
                    "instructions. Nothing of it was run. Get the file from its author again."
                )
            if opcode.name == "STOP":
                return machine.pop()
            machine.run(opcode.name, argument)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError) as error:
        reason = " ".join(str(error).split())[:120]
        raise WeightsError(
            f"{source} is truncated or damaged ({reason}). Get the file again."
        ) from error
    raise WeightsError(f"{source} is truncated: its pickle has no end. Get the file again.")


class _Machine:
    """Stack, marks and memo of a pickle in progress; one method an opcode family."""

    def __init__(
        self, makers: Makers, source: str, load_stored: Callable[[object], object] | None
    ) -> None:
        self.makers = makers
        self.source = source
        self.load_stored = load_stored
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def run(self, name: str, argument: Any) -> None:  # noqa: ANN401 - as the opcode has it
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _LITERALS:
            self.stack.append(argument)
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        else:
            raise UnsafeCheckpointError(
                f"{self.source} uses the pickle instruction {name}, which no checkpoint needs; "
                "it may be made to do harm. Nothing of it was run."
            )

    def pop(self) -> Any:  # noqa: ANN401 - callers check
        return self.stack.pop()

    def items(self) -> list[Any]:
        """Take off everything since the last mark."""
        start = self.marks.pop()
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def mark(self, _: object) -> None:
        self.marks.append(len(self.stack))

    def skip(self, _: object) -> None:
        """Protocol number, frame length: neither matters to a file held in memory."""

    def drop(self, _: object) -> None:
        self.stack.pop()

    def integer(self, value: int) -> None:
        if value.bit_length() > 8 * MAX_INTEGER_BYTES:
            raise UnsafeCheckpointError(
                f"{self.source} holds an integer of {value.bit_length()} bits, no checkpoint "
                f"needs more than {8 * MAX_INTEGER_BYTES}. Nothing of it was run."
            )
        self.stack.append(value)

    def empty(self, kind: type) -> None:
        self.stack.append(kind())

    def put(self, index: int | None) -> None:
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def tuple_of(self, size: int | None) -> None:
        if size is None:
            self.stack.append(tuple(self.items()))
        else:
            taken = tuple(self.pop() for _ in range(size))
            self.stack.append(taken[::-1])

    def extend(self, new: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise TypeError("appends to what is no list")
        target.extend(new)

    def set_items(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(pairs) % 2:
            raise TypeError("stores items in what is no dict")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            target[_plain_key(key)] = value

    def add_items(self, new: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not set:
            raise TypeError("adds members to what is no set")
        target.update(map(_plain_key, new))

    def find(self, module: object, name: object) -> None:
        """Push a stand-in for a global, or refuse it by name. Imports nothing."""
        if type(module) is not str or type(name) is not str:
            raise TypeError("a global without a name")
        if (module, name) not in self.makers:
            called = f"{module}.{name}"
            raise UnsafeCheckpointError(
                f"{self.source} would load {called[:100]!a}, which is no part of a generator's "
                "checkpoint and may run code. Nothing of it was run."
            )
        known = self.makers[module, name]
        self.stack.append(_Maker(known) if callable(known) else known)

    def call(self, _: object) -> None:
        arguments, target = self.pop(), self.pop()
        if type(target) is not _Maker or type(arguments) is not tuple:
            raise TypeError("calls what is no known constructor")
        self.stack.append(target.make(*arguments))

    def build(self, _: object) -> None:
        """Keep a record's fields; drop any other state, such as an OrderedDict's attributes."""
        state, target = self.pop(), self.stack[-1]
        if not isinstance(target, dict | Opaque):
            raise TypeError("sets the state of a plain value")
        if isinstance(target, Fields):
            if type(state) is not dict:
                raise TypeError("fills a record with what is no dict")
            target.fields = state

    def stored(self, _: object) -> None:
        if self.load_stored is None:
            raise TypeError("refers to a stored tensor outside of the file")
        self.stack.append(self.load_stored(self.pop()))


def _plain_key(key: object) -> str | int | float | None:
    """Only keys whose hash is cheap: that of nested tuples can take for ever."""
    if type(key) in (str, int, bool, float, type(None)):
        return key  # type: ignore[return-value]  # one of those
    raise TypeError(f"a {type(key).__name__} as key")


_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = {
    *("BININT", "BININT1", "BININT2", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("SHORT_BINSTRING", "BINSTRING"),  # text of Python 2, in which older files were written
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _Machine.skip,
    "FRAME": _Machine.skip,
    "POP": _Machine.drop,
    "MARK": _Machine.mark,
    "LONG1": _Machine.integer,
    "EMPTY_DICT": lambda machine, _: machine.empty(dict),
    "EMPTY_LIST": lambda machine, _: machine.empty(list),
    "EMPTY_SET": lambda machine, _: machine.empty(set),
    "EMPTY_TUPLE": lambda machine, _: machine.empty(tuple),
    "TUPLE": lambda machine, _: machine.tuple_of(None),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.items()),
    "SETITEM": lambda machine, _: machine.set_items([machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.set_items(machine.items()),
    "ADDITEMS": lambda machine, _: machine.add_items(machine.items()),
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.put,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": lambda machine, names: machine.find(*names.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.find(*[machine.pop(), machine.pop()][::-1]),
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.call,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.stored,
}
