"""Inherited objects: what the main process and the forks of it have in common, by number.

With `start_method="fork"`, the nodes are forks of the main process. An object that cannot be pickled need not travel
there: the node has its own copy since the fork. The main process lists its objects just before the fork. Both sides
keep that list, so an object has the same place in both, and its number stays its own. Numbers are negative, because
`SharedObjects` counts upwards.

A list of everything is cheap beside the fork itself. It keeps the objects alive in the main process until the executor
is closed. Only what cannot be pickled goes this way; the rest is sent as under "forkserver".
"""

from __future__ import annotations

import gc
import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["INHERITED", "InheritedObjects"]


class InheritedObjects:
    """InheritedObjects: holds objects in the order that they have on both sides of a fork."""

    def __init__(self) -> None:
        self._objects: list[object] = []
        self._numbers: dict[int, int] = {}

    def list_all(self) -> None:
        """List what this process has; call it just before the fork."""
        self._objects = [_globals_of_script(), *gc.get_objects(), *_without_parts()]
        self._numbers = {}

    def number_of(self, value: object) -> int | None:
        """The number of an object of the list, or None."""
        if not self._numbers:
            self._numbers = {id(each): -place for place, each in enumerate(self._objects, 1)}
        return self._numbers.get(id(value))

    def numbered(self, number: int) -> object:
        """The object with this number. Raises LookupError if there is none."""
        return self._objects[-number - 1]

    def namespace(self) -> tuple[int, object] | None:
        """The number of the script's globals, and these; None if there are no inherited objects."""
        return (-1, self._objects[0]) if self._objects else None

    def take_over(self, others: InheritedObjects) -> None:
        """Have the list of the main process, in the fork."""
        self._objects = others._objects


INHERITED = InheritedObjects()
"""What this process has from the main process; empty unless it is a fork of it."""


def _globals_of_script() -> dict[str, object]:
    return getattr(sys.modules.get("__main__"), "__dict__", {})


def _without_parts() -> Iterator[object]:
    """Objects that the interpreter does not list, because they refer to no others, such as locks."""
    yield from _globals_of_script().values()
    for each in gc.get_objects():
        if type(each) is types.CellType:
            try:
                yield each.cell_contents
            except ValueError:  # empty
                continue
