"""Messages: turns what the processes of an executor send to each other into bytes and back, a class for each message.

`forkserver_messages` and `node_messages` have the classes.

`marshal`, which every interpreter has already, writes a message as a tuple of plain values. The first value
is the tag, the name of its class; the fields follow in their order. Values that are more than plain travel as
bytes that the sender has pickled. A field with `Descriptor` in its type travels, where it is an int, beside
the bytes. The receiver finds its own descriptor of the same file in it.

Each direction has a union of its classes, over which a `match` is complete, and a table of them by their
tags, which `decode` needs. `docs/executor.md` shows all of them in one table, and a test compares the two.

The classes are tuples that this module builds itself. The compute node has no `typing` and no `dataclasses`,
as every fork pays for what is loaded, and `collections.namedtuple` takes several times as long to make a
class:

    python -m timeit -s "from collections import namedtuple" "namedtuple('Go', 'number grace why')"
    python -m timeit -s "from ppg_exec.transport.messages import Message" "type('Go', (Message,), {
        '__slots__': (), '__annotations__': {'number': 'int', 'grace': 'float', 'why': 'str'}})"
"""

from __future__ import annotations

import marshal
from operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Mapping
    from typing import Any, ClassVar, Never, TypeVar, dataclass_transform

    Kind = TypeVar("Kind", bound="Message")
else:

    def dataclass_transform(**_):
        return lambda kind: kind


__all__ = ["Descriptor", "Message", "UnexpectedMessage", "decode", "encode", "table_of", "unhandled"]

_make = tuple.__new__

Descriptor = int
"""An open file, by its number in the process that has the message."""


class UnexpectedMessage(AssertionError):  # noqa: N818 - reads as what happened
    """UnexpectedMessage: says that a process got a message that no process sends to it."""


@dataclass_transform(frozen_default=True)
class Message(tuple):  # type: ignore[type-arg]  # its fields are what it holds
    """Message: holds the values of its fields, and its class says how they travel.

    Subclasses only name their fields, with types and no defaults, in the order in which they travel.
    """

    __slots__ = ()

    fields: ClassVar[tuple[str, ...]] = ()
    descriptors: ClassVar[tuple[int, ...]] = ()
    """the places of the fields that can travel as descriptors"""
    direction: ClassVar[str] = ""
    """from which process to which"""

    if not TYPE_CHECKING:

        def __init_subclass__(cls):
            cls.fields = cls.__match_args__ = tuple(cls.__annotations__)
            for place, name in enumerate(cls.fields):
                setattr(cls, name, property(itemgetter(place)))
            types = enumerate(cls.__annotations__.values())
            cls.descriptors = tuple(place for place, kind in types if "Descriptor" in kind)

        def __new__(cls, *values, **named):  # noqa: D102
            if named:
                if (*cls.fields[: len(values)], *named) != cls.fields:
                    raise TypeError(f"{cls.__name__} has the fields {cls.fields}, in this order")
                return _make(cls, (*values, *named.values()))
            return _make(cls, values)

        def __repr__(self):
            pairs = zip(self.fields, self, strict=True)
            return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"


def table_of(direction: str, union: Any) -> dict[str, Any]:
    """The classes of a union by their tags; sets the direction of each."""
    kinds: tuple[type[Message], ...] = getattr(union, "__args__", (union,))
    for kind in kinds:
        kind.direction = direction
    return {kind.__name__: kind for kind in kinds}


def encode(message: Message) -> tuple[bytes, tuple[int, ...]]:
    """The bytes of a message, and the descriptors to go with them.

    Raises ValueError if it is too long for `marshal`.
    """
    kind = type(message)
    descriptors: tuple[int, ...] = ()
    for place in kind.descriptors:
        if type(message[place]) is int:
            descriptors += (message[place],)
    return marshal.dumps((kind.__name__, *message)), descriptors


def decode(
    data: bytes | memoryview, table: Mapping[str, type[Kind]], arrived: deque[int] | None = None
) -> Kind:
    """The message of these bytes; takes its descriptors from those that have arrived.

    Raises UnexpectedMessage if the table has no such message, or a message of this tag with other fields.
    """
    values = marshal.loads(data)  # noqa: S302 - our own peer
    kind = table.get(values[0])
    if kind is None or len(values) != len(kind.fields) + 1:
        raise _unexpected(values, table)
    for place in kind.descriptors:
        if type(values[place + 1]) is int:
            assert arrived is not None
            values = (*values[: place + 1], arrived.popleft(), *values[place + 2 :])
    return _make(kind, values[1:])


def _unexpected(values: tuple[Any, ...], table: Mapping[str, type[Message]]) -> UnexpectedMessage:
    tag = values[0]
    if tag in table:
        fields = table[tag].fields
        return UnexpectedMessage(
            f"the message {tag!r} has arrived with {len(values) - 1} fields, not {fields}"
        )
    expected = ", ".join(table)
    return UnexpectedMessage(f"the message {tag!r} has arrived where only these are expected: {expected}")


def unhandled(message: Never) -> Never:
    """The end of every `match` over a direction; a type checker proves that no message gets here."""
    raise UnexpectedMessage(f"nothing handles the message {message!r}")
