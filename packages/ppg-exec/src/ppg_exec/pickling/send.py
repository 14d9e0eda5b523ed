"""Send: pickles callbacks so that what they share stays shared; the other half is `receive`.

A pickler keeps identity within one message only. A pickler with a memo that lives as long as the node would
keep it across messages. But it would also keep every closure that was ever sent, on both sides. So each message
is a separate pickle, and only objects with an identity that can matter enter a table that outlives it:

- instances of classes, containers that can be changed, arrays: a load may put something on them that another
  job looks for;
- the namespace of functions that travel by value (those of the script): its functions see each other's
  changes to global variables;
- variables of a function that another function binds (`nonlocal`): a load may do so, and the jobs read them;
- code objects, classes and module-level functions that travel by value: not for their identity, but because
  they come up in every message.

Not in the table: values (numbers, strings, tuples, paths, frozen dataclasses), closures, other variables of
functions, and whatever pickling itself makes on the way.

An object is sent once, in the state that it has then. If the script changes it between two submissions, the
node does not see the change.
"""

from __future__ import annotations

import functools
import io
import pickle
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ppg_exec.pickling.callback_pickler import CallbackPickler
from ppg_exec.pickling.culprit import CannotPickle, find_culprit
from ppg_exec.pickling.function_parts import FunctionParts, Importability
from ppg_exec.pickling.inherited import InheritedObjects
from ppg_exec.pickling.receive import IdentityTable
from ppg_exec.pickling.reply import ReplyParts

__all__ = ["SharedObjects", "dump_alone", "dump_reply"]

_FIRST_OF_RELAY = 1 << 40
"""The first number for objects without a number in the process that the tasks come from."""


class SharedObjects:
    """SharedObjects: holds, in the controller, the objects that one node also has, by number.

    Args:
        inherited: what the node has since it was forked from this process, if it was.
        relayed: the objects of the process that the tasks come from, if that is another one. They keep their numbers, so
            that results of the node can be read there.

    """

    def __init__(
        self, inherited: InheritedObjects | None = None, relayed: IdentityTable | None = None
    ) -> None:
        self._inherited = inherited
        self._relayed = relayed
        self._objects: dict[int, object] = {}
        self._numbers: dict[int, int] = {}
        self._functions = FunctionParts(Importability(), inherited)
        self._bearing: dict[type, bool] = {}
        self._next = 1 if relayed is None else _FIRST_OF_RELAY
        self._review_at = 1024

    def dump(self, named: Mapping[str, object]) -> tuple[bytes, list[tuple[int, int]]]:
        """The message with these values, and the new numbers that it introduces: pairs (number, memo index).

        The names are for the error message; the message is a tuple of the values.

        Raises CannotPickle, and then nothing is introduced.
        """
        file = io.BytesIO()
        pickler = CallbackPickler(file, self._numbers, self._functions, self._inherited)
        try:
            pickler.dump(tuple(named.values()))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # Pickling runs user code, which may even sys.exit().
            raise _explained(named, self._dump_freely) from error
        introduced = []
        if pickler.met:
            memo = pickler.memo.copy()
            for met in pickler.met:
                place = memo.get(id(met))
                if place is None or id(met) in self._numbers:
                    continue
                if id(met) in pickler.rebound if type(met) is types.CellType else self._has_identity(met):
                    number = self._number_for(met)
                    self._numbers[id(met)] = number
                    self._objects[number] = met
                    introduced.append((number, place[0]))
        return file.getvalue(), introduced

    def _number_for(self, met: object) -> int:
        if self._relayed is not None:
            # A namespace is sent as the dict that stands for it.
            real = self._functions.real_namespaces().get(id(met), met) if type(met) is dict else met
            known = self._relayed.number_of(real)
            if known is not None and known not in self._objects:
                return known
        self._next += 1
        return self._next - 1

    def load(self, data: bytes) -> Any:
        """Read what a job has returned; shared objects in it are the controller's own."""
        unpickler = _ReplyUnpickler(
            io.BytesIO(data), self._objects, self._functions.real_namespaces(), self._inherited
        )
        return unpickler.load()

    def forget(self, numbers: Iterable[int]) -> None:
        """Forget objects that the node has not got, or has to drop."""
        for number in numbers:
            known = self._objects.pop(number, None)
            if known is not None:
                del self._numbers[id(known)]

    def pop_unreferenced(self) -> list[int]:
        """Now and then: forget the objects that only this table refers to; returns their numbers."""
        if len(self._objects) < self._review_at:
            return []
        forgotten: list[int] = []
        while alone := self._unreferenced():
            self.forget(alone)
            forgotten += alone
        self._review_at = max(1024, 2 * len(self._objects))
        return forgotten

    def _unreferenced(self) -> list[int]:
        # An object without other references shows how many references this check makes itself.
        self._objects[0] = object()
        counts = {number: sys.getrefcount(value) for number, value in self._objects.items()}
        del self._objects[0]
        return [number for number, count in counts.items() if number and count <= counts[0]]

    def _dump_freely(self, value: object) -> None:
        CallbackPickler(io.BytesIO(), self._numbers, self._functions, self._inherited).dump(value)

    def _has_identity(self, value: object) -> bool:
        kind = type(value)
        if kind is types.FunctionType:
            function = value
            assert isinstance(function, types.FunctionType)
            return function.__closure__ is None and "<" not in function.__qualname__
        if issubclass(kind, types.ModuleType):
            return False  # a lazy module would be imported by the checks below
        if isinstance(value, functools._lru_cache_wrapper):
            return "<" not in getattr(value, "__qualname__", "<")
        if isinstance(value, type):
            return not self._functions.importability.has_name(value)
        known = self._bearing.get(kind)
        if known is None:
            known = self._bearing[kind] = _instances_have_identity(kind)
        return known


class _ReplyUnpickler(pickle.Unpickler):
    def __init__(
        self,
        file: io.BytesIO,
        objects: dict[int, object],
        namespaces: dict[int, dict[str, Any]],
        inherited: InheritedObjects | None,
    ) -> None:
        super().__init__(file)
        self._objects = objects
        self._namespaces = namespaces
        self._inherited = inherited

    def persistent_load(self, pid: int) -> object:
        if pid < 0 and self._inherited is not None:
            return self._inherited.numbered(pid)
        shared = self._objects[pid]
        return self._namespaces.get(id(shared), shared)


def _instances_have_identity(kind: type) -> bool:
    if kind in (types.CodeType, dict, list, set, bytearray):
        return True
    parameters = getattr(kind, "__dataclass_params__", None)
    if parameters is not None and parameters.frozen:
        return False
    if kind.__module__.partition(".")[0] in sys.stdlib_module_names:
        # Types of the standard library that are not hashed by content can be changed, as `random.Random` is. The
        # others are values, as paths and dates are. Callables made for one job, as partial is, are not kept either.
        if kind.__module__ in {"functools", "operator"}:
            return False
        hashing: object = getattr(kind, "__hash__", None)
        is_hashed_by_content = hashing is not None and hashing is not object.__hash__
        return not is_hashed_by_content or kind.__module__ in {"builtins", "types", "threading"}
    return True


def dump_alone(named: Mapping[str, object], inherited: InheritedObjects | None = None) -> bytes:
    """A message that refers to no shared objects, for processes that have none. Raises CannotPickle."""
    return SharedObjects(inherited).dump(named)[0]


def dump_reply(value: object, table: IdentityTable) -> bytes:
    """The result of a job (in its process), with the node's shared objects by number. Raises CannotPickle."""
    file = io.BytesIO()
    pickler = _ReplyPickler(file, table)
    try:
        pickler.dump(value)
    except Exception as error:
        raise _explained({"result": value}, dump_freely) from error
    return file.getvalue()


class _ReplyPickler(CallbackPickler):
    def __init__(self, file: io.BytesIO, table: IdentityTable) -> None:
        super().__init__(file, {}, ReplyParts(table))
        self._table = table

    def persistent_id(self, value: Any) -> int | None:
        return self._table.number_of(value)


def _explained(named: Mapping[str, object], attempt: Callable[[object], object]) -> CannotPickle:
    return CannotPickle(*find_culprit(named, attempt))


def dump_freely(value: object) -> None:
    """Pickle for the sake of the exception that pickling may raise."""
    CallbackPickler(io.BytesIO(), {}, FunctionParts(Importability())).dump(value)
