"""Inherited objects: what the main process and the forks of it have in common, by number.

With `start_method="fork"`, the nodes are forks of the main process. An object that the main process had before the fork
need not travel there: the node has its own copy since then, and so has all that refers to it. If it were made a second time,
a class would be in a register of its module twice, and no entry of the register would be what the name stands for. The
main process lists its objects just before the fork. Both sides keep that list, so an object has the same place in both,
and its number stays its own. Numbers are negative, because `SharedObjects` counts upwards.

A list of everything is cheap beside the fork itself. It keeps the objects alive in the main process until the executor
is closed. What the main process or a job makes later travels, as under "forkserver".
"""

from __future__ import annotations

import gc
import types

__all__ = ["INHERITED", "InheritedObjects"]

_VALUES = frozenset(
    {
        int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented), range, slice,
        tuple, frozenset, types.CodeType, types.BuiltinFunctionType,
    }
)  # fmt: skip


class InheritedObjects:
    """InheritedObjects: holds objects in the order that they have on both sides of a fork."""

    def __init__(self) -> None:
        self._objects: list[object] = []
        self._numbers: dict[int, int] = {}

    def list_all(self) -> None:
        """List what this process has; call it just before the fork."""
        found = gc.get_objects()
        is_listed = gc.is_tracked
        # The collector does not know objects that refer to no others, such as locks, arrays and dicts of numbers.
        others = {
            id(each): each
            for each in gc.get_referents(*found)
            if type(each) not in _VALUES and not is_listed(each)
        }
        self._objects = [*found, *others.values()]
        self._numbers = dict(zip(map(id, self._objects), range(-1, -len(self._objects) - 1, -1), strict=True))

    def number_of(self, value: object) -> int | None:
        """The number of an object of the list, or None."""
        return self._numbers.get(id(value))

    def numbered(self, number: int) -> object:
        """The object with this number. Raises LookupError if there is none."""
        return self._objects[-number - 1]

    def take_over(self, others: InheritedObjects) -> None:
        """Have the list of the main process, in the fork."""
        self._objects, self._numbers = others._objects, others._numbers


INHERITED = InheritedObjects()
"""What this process has from the main process; empty unless it is a fork of it."""
