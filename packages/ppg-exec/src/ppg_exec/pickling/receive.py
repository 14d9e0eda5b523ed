"""Receive: rebuilds callbacks in the compute node, and the objects that they share.

The other half is `send`, in the controller. Two things are special:

**No cloudpickle here.** Importing it doubles what a fork costs (it brings `inspect`, `logging`, `typing` and
more). So the few lines below rebuild functions that travel by value. The node imports cloudpickle, once, only
for classes that travel by value.

**Identity.** Two messages may refer to the same object. Each message is a separate pickle, and both sides
keep a table of the objects that have an identity worth keeping. The pickler writes such an object in full
once, and its number afterwards. The message says which entries of the unpickler's memo get which number.
Reading a message therefore affects later messages. A message that could not be read leaves the numbers that
it was to introduce unusable, until the controller has got the report of that.
"""

from __future__ import annotations

import io
import pickle
import sys
import types

from ppg_exec.names.loaded_names import begin_namespace, update_namespace
from ppg_exec.pickling.inherited import INHERITED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Any

    from ppg_exec.names.node_names import NodeNames

__all__ = [
    "IdentityTable",
    "UnknownIdentity",
    "builtin_type",
    "complete_function",
    "fill_cell",
    "import_module",
    "make_cached",
    "make_empty_cell",
    "make_function",
]


def make_empty_cell() -> types.CellType:
    """A closure cell that is filled later."""
    return types.CellType()


def fill_cell(cell: types.CellType, content: tuple[object]) -> None:
    """Give a closure cell its value, which may refer to the cell itself."""
    (cell.cell_contents,) = content


def import_module(name: str) -> types.ModuleType:
    """The module of that (dotted) name, imported if need be."""
    __import__(name)
    return sys.modules[name]


def builtin_type(name: str) -> type:
    """A type of the interpreter by its name in `types`."""
    kind = getattr(types, name)
    assert isinstance(kind, type)
    return kind


def make_cached(function: Callable[..., Any], size: int | None, typed: bool) -> Callable[..., Any]:
    """What `functools.lru_cache` makes of a function, with an empty cache."""
    from functools import lru_cache  # noqa: PLC0415 - only this function needs it

    return lru_cache(size, typed)(function)


def make_function(
    code: types.CodeType, namespace: dict[str, Any], closure: tuple[types.CellType, ...] = ()
) -> types.FunctionType:
    """A function without its state; `complete_function` adds what may refer to the function itself."""
    if "__builtins__" not in namespace:
        begin_namespace(namespace)
    return types.FunctionType(code, namespace, code.co_name, None, closure)


def complete_function(function: types.FunctionType, state: dict[str, Any]) -> None:
    """Give a function the parts that `send` has taken off it.

    `state` may have "globals" (those that its code names), "dict", "submodules" (which unpickling has imported), and
    further attributes by name.
    """
    named = state.pop("globals", None)
    if named:
        update_namespace(function.__globals__, named, is_main=function.__module__ == "__main__")
    function.__dict__.update(state.pop("dict", {}))
    state.pop("submodules", None)
    for name, value in state.items():
        setattr(function, name, value)


class UnknownIdentity(LookupError):  # noqa: N818 - reads as what happened
    """UnknownIdentity: says that a message refers to objects of a message that could not be read."""


class IdentityTable:
    """IdentityTable: holds the objects that messages refer to by number, in the process that reads."""

    __slots__ = ("_namespaces", "_numbers", "_objects", "names")

    def __init__(self) -> None:
        self.names: NodeNames | None = None
        """What watched names stand for in the main process; None if no names are watched."""
        self._objects: dict[int, object] = {}
        self._namespaces: dict[int, dict[str, Any]] = {}
        self._numbers: dict[int, int] = {}

    def load(self, payload: bytes, introduced: Iterable[tuple[int, int]]) -> Any:
        """Unpickle a message; `introduced` pairs each new number with an index into the memo."""
        unpickler = _Unpickler(io.BytesIO(payload), self._object)
        value = unpickler.load()
        if introduced:
            memo = unpickler.memo.copy()
            for number, index in introduced:
                met: object = memo[index]
                self._objects[number] = met
                self._numbers[id(met)] = number
                if type(met) is dict and "__builtins__" in met:
                    self._namespaces[number] = met
        return value

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop entries that no message will refer to any more."""
        for number in numbers:
            known = self._objects.pop(number, None)
            if known is not None:
                del self._numbers[id(known)]
                self._namespaces.pop(number, None)

    def namespaces(self) -> Collection[dict[str, Any]]:
        """The namespaces of functions that have come by value."""
        return self._namespaces.values()

    def number_of(self, value: object) -> int | None:
        """The number of an object that the controller has, too, by which results refer to it; None if it has none."""
        number = self._numbers.get(id(value))
        return INHERITED.number_of(value) if number is None else number

    def _object(self, number: int) -> object:
        if number < 0:
            inherited = INHERITED.numbered(number)
            if type(inherited) is dict and "__builtins__" in inherited:
                self._namespaces[number] = inherited
            return inherited
        try:
            return self._objects[number]
        except KeyError:
            raise UnknownIdentity(number) from None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, persistent: Callable[[int], object]) -> None:
        super().__init__(file)
        self._persistent = persistent

    def persistent_load(self, pid: int) -> object:
        return self._persistent(pid)
