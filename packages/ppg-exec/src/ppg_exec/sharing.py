"""Pickling callbacks so that what they share stays shared: the sending half of `rebuild`.

A pickler keeps identity within one message only. A pickler whose memo lives as long as the node would keep it
across messages, but would also keep every closure that was ever sent, on both sides. So each message is a
pickle of its own, and only objects whose identity can matter enter a table that outlives it:

- instances of classes, containers that can be changed, arrays: a load may put something on them that another
  job looks for;
- the namespace of functions that travel by value (those of the script): its functions see each other's
  changes to global variables;
- code objects, classes and module-level functions that travel by value: not for their identity, but because
  they come up in every message.

Not in the table: values (numbers, strings, tuples, paths, frozen dataclasses), closures, and whatever
pickling itself makes on the way.

An object is sent once, in the state that it has then. If the script changes it between two submissions, the
node does not see the change.
"""

from __future__ import annotations

import dis
import functools
import io
import pickle
import sys
import types
import weakref
from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import cloudpickle

from . import rebuild
from .culprit import find_culprit
from .importable import Importability
from .rebuild import IdentityTable

__all__ = ["CannotPickle", "SharedObjects", "dump_alone", "dump_reply"]

_VALUES = frozenset(
    {
        int, float, complex, bool, str, bytes, type(None), tuple, frozenset, range, slice, type(...),
        types.BuiltinFunctionType, types.CellType, types.ModuleType, types.MethodType, property,
        staticmethod, classmethod, type(NotImplemented), pickle.PickleBuffer, memoryview,
    }
)  # fmt: skip
# Types that are not found under their own names: code is types.CodeType.
_UNNAMED_TYPES = {kind: name for name, kind in vars(types).items() if isinstance(kind, type)}
_NAMESPACE_NAMES = ("__name__", "__package__", "__file__", "__path__")
_GLOBAL_OPERATIONS = frozenset({"LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL"})
_ATTRIBUTES = ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__")


class CannotPickle(TypeError):  # noqa: N818 - reads as what happened
    """A callback, or what it returned, cannot be sent to another process.

    `unpicklable_path` leads from the callback to the culprit: "closure 'db' → attribute 'connection'".
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.unpicklable_path = path


def _reduce_module(module: types.ModuleType) -> Any:
    if sys.modules.get(module.__name__) is module:
        return rebuild.import_module, (module.__name__,)
    return cloudpickle.Pickler.dispatch_table[types.ModuleType](module)


def _reduce_cell(cell: types.CellType) -> Any:
    try:
        return rebuild.make_cell, (cell.cell_contents,)
    except ValueError:
        return rebuild.make_empty_cell, ()


def _reduce_cached_property(value: functools.cached_property[Any]) -> Any:
    # Under Python 3.11 it holds a lock.
    return functools.cached_property, (value.func,), {"attrname": value.attrname}


def _reduce_mapping_proxy(value: types.MappingProxyType[Any, Any]) -> Any:
    return types.MappingProxyType, (dict(value),)


def _reduce_weak_dictionary(value: weakref.WeakKeyDictionary[Any, Any]) -> Any:
    return weakref.WeakKeyDictionary, (dict(value),)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Reduces what is common to what `rebuild` understands; knows which of the objects are its own."""

    dispatch_table: ClassVar[Any] = ChainMap(
        {
            types.ModuleType: _reduce_module,
            types.CellType: _reduce_cell,
            # What the decorators of functools are made of.
            functools.cached_property: _reduce_cached_property,
            types.MappingProxyType: _reduce_mapping_proxy,
            weakref.WeakKeyDictionary: _reduce_weak_dictionary,
        },
        cloudpickle.Pickler.dispatch_table,
    )

    def __init__(self, file: io.BytesIO, numbers: dict[int, int], functions: _FunctionParts) -> None:
        super().__init__(file)
        self._numbers = numbers
        self._functions = functions
        self._own: dict[int, object] = {}
        self.met: list[object] = []

    def persistent_id(self, value: Any) -> int | None:
        kind = type(value)
        if kind in _VALUES:
            return None
        number = self._numbers.get(id(value))
        if number is None and id(value) not in self._own:
            self.met.append(value)
        return number

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, types.FunctionType):
            if self._functions.importability.has_name(value):
                return NotImplemented
            return self._reduce_function(value)
        if isinstance(value, functools._lru_cache_wrapper):
            if self._functions.importability.has_name(value):
                return NotImplemented
            return rebuild.make_cached, (value.__wrapped__, *value.cache_parameters().values())
        if isinstance(value, type):
            if value in _UNNAMED_TYPES:
                return rebuild.builtin_type, (_UNNAMED_TYPES[value],)
            self._functions.importability.has_name(value)
            return self._kept_out(super().reducer_override(value))
        if type(value) in self.dispatch_table:
            return NotImplemented
        return self._kept_out(value.__reduce_ex__(pickle.HIGHEST_PROTOCOL))

    def _reduce_function(self, function: types.FunctionType) -> Any:
        namespace, global_values = self._functions.namespace_of(function)
        cells = []
        for index, cell in enumerate(function.__closure__ or ()):
            try:
                cells.append((index, cell.cell_contents))
            except ValueError:  # not filled yet: a function that is defined later
                continue
        code = function.__code__
        parts: dict[str, Any] = {
            "globals": global_values,
            "cells": cells,
            "dict": dict(function.__dict__),
            "submodules": self._functions.submodules(function, global_values, cells),
            "__annotations__": function.__annotations__,
        }
        # Only what it does not get from its code and namespace: most callbacks are made for one job, and few objects.
        state = {name: part for name, part in parts.items() if part}
        obvious = (code.co_name, code.co_qualname, namespace.get("__name__"), None, None, None)
        for name, usual in zip(_ATTRIBUTES, obvious, strict=True):
            attribute = getattr(function, name)
            if attribute is not None and attribute != usual:
                state[name] = attribute
        for own in (state, *state.values()):
            self._own[id(own)] = own
        construction = (code, namespace, len(function.__closure__ or ()))
        return rebuild.make_function, construction, state, None, None, rebuild.complete_function

    def _kept_out(self, reduced: Any) -> Any:
        """Mark the state that was made for pickling alone: it has no identity to keep."""
        if isinstance(reduced, tuple) and len(reduced) > 2:  # (make, arguments, state, …)
            state = reduced[2]
            for own in (state, *(state if isinstance(state, tuple) else ())):
                if isinstance(own, dict):
                    self._own[id(own)] = own
        return reduced


class _FunctionParts:
    """What of its module a function needs, remembered per code object and per namespace."""

    def __init__(self, importability: Importability) -> None:
        self.importability = importability
        self._names: dict[int, tuple[types.CodeType, tuple[str, ...]]] = {}
        self._stand_ins: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}

    def namespace_of(self, function: types.FunctionType) -> tuple[dict[str, Any], dict[str, Any]]:
        """A dict that stands for the function's globals, and those of them that it names."""
        real = function.__globals__
        if id(real) not in self._stand_ins:
            stand_in = {name: real[name] for name in _NAMESPACE_NAMES if name in real}
            self._stand_ins[id(real)] = (real, stand_in)
        names = self._global_names(function.__code__)
        return self._stand_ins[id(real)][1], {name: real[name] for name in names if name in real}

    def real_namespaces(self) -> dict[int, dict[str, Any]]:
        """The namespaces themselves, by the id of what stands for them."""
        return {id(stand_in): real for real, stand_in in self._stand_ins.values()}

    def submodules(
        self, function: types.FunctionType, global_values: dict[str, Any], cells: list[tuple[int, Any]]
    ) -> list[types.ModuleType]:
        """Submodules that the code reaches as attributes (`os.path`): to be imported over there, too."""
        found = []
        attributes = set(function.__code__.co_names)
        for module in (*global_values.values(), *(value for _, value in cells)):
            if isinstance(module, types.ModuleType) and getattr(module, "__path__", None) is not None:
                prefix = f"{module.__name__}."
                for name, loaded in list(sys.modules.items()):
                    is_within = name.startswith(prefix) and isinstance(loaded, types.ModuleType)
                    if is_within and attributes.issuperset(name[len(prefix) :].split(".")):
                        found.append(loaded)
        return found

    def _global_names(self, code: types.CodeType) -> tuple[str, ...]:
        known = self._names.get(id(code))
        if known is None:
            names: dict[str, None] = {}
            codes = [code]
            for each in codes:
                for instruction in dis.get_instructions(each):
                    if instruction.opname in _GLOBAL_OPERATIONS:
                        names[instruction.argval] = None
                codes.extend(const for const in each.co_consts if isinstance(const, types.CodeType))
            known = (code, tuple(names))
            self._names[id(code)] = known
        return known[1]


class SharedObjects:
    """What one node and the mcp both know: the mcp's table of objects by number."""

    def __init__(self) -> None:
        self._objects: dict[int, object] = {}
        self._numbers: dict[int, int] = {}
        self._functions = _FunctionParts(Importability())
        self._bearing: dict[type, bool] = {}
        self._next = 1
        self._review_at = 1024

    def dump(self, named: Mapping[str, object]) -> tuple[bytes, list[tuple[int, int]]]:
        """The message with these values, and which new numbers it introduces: pairs (number, memo index).

        The names are for the error message; the message is a tuple of the values.

        Raises CannotPickle, and then nothing is introduced.
        """
        file = io.BytesIO()
        pickler = _Pickler(file, self._numbers, self._functions)
        try:
            pickler.dump(tuple(named.values()))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # Pickling runs user code, which may even sys.exit().
            raise _explained(named) from error
        introduced = []
        if pickler.met:
            memo = pickler.memo.copy()
            for met in pickler.met:
                place = memo.get(id(met))
                if place is not None and id(met) not in self._numbers and self._has_identity(met):
                    self._numbers[id(met)] = self._next
                    self._objects[self._next] = met
                    introduced.append((self._next, place[0]))
                    self._next += 1
        return file.getvalue(), introduced

    def load(self, data: bytes) -> Any:
        """Read what a job has returned; shared objects in it are the mcp's own."""
        unpickler = _ReplyUnpickler(io.BytesIO(data), self._objects, self._functions.real_namespaces())
        return unpickler.load()

    def forget(self, numbers: Iterable[int]) -> None:
        """The node has not learnt these, or has been told to drop them."""
        for number in numbers:
            known = self._objects.pop(number, None)
            if known is not None:
                del self._numbers[id(known)]

    def pop_unreferenced(self) -> list[int]:
        """Now and then: numbers of objects that nothing but this table refers to, forgotten here."""
        if len(self._objects) < self._review_at:
            return []
        forgotten: list[int] = []
        while alone := self._unreferenced():
            self.forget(alone)
            forgotten += alone
        self._review_at = max(1024, 2 * len(self._objects))
        return forgotten

    def _unreferenced(self) -> list[int]:
        # An object that certainly nobody else refers to shows how many references this look makes itself.
        self._objects[0] = object()
        counts = {number: sys.getrefcount(value) for number, value in self._objects.items()}
        del self._objects[0]
        return [number for number, count in counts.items() if number and count <= counts[0]]

    def _has_identity(self, value: object) -> bool:
        kind = type(value)
        if kind is types.FunctionType:
            function = value
            assert isinstance(function, types.FunctionType)
            return function.__closure__ is None and "<" not in function.__qualname__
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
        self, file: io.BytesIO, objects: dict[int, object], namespaces: dict[int, dict[str, Any]]
    ) -> None:
        super().__init__(file)
        self._objects = objects
        self._namespaces = namespaces

    def persistent_load(self, pid: int) -> object:
        shared = self._objects[pid]
        return self._namespaces.get(id(shared), shared)


def _instances_have_identity(kind: type) -> bool:
    if kind in (types.CodeType, dict, list, set, bytearray):
        return True
    parameters = getattr(kind, "__dataclass_params__", None)
    if parameters is not None and parameters.frozen:
        return False
    if kind.__module__.partition(".")[0] in sys.stdlib_module_names:
        # Of the standard library's types, those that cannot be hashed can be changed; the others are
        # values, as paths and dates are, or callables made for one job, as partial is.
        return getattr(kind, "__hash__", None) is None or kind.__module__ in {
            "builtins",
            "types",
            "threading",
        }
    return True


def dump_alone(named: Mapping[str, object]) -> bytes:
    """A message that refers to nothing: for processes that know nothing. Raises CannotPickle."""
    return SharedObjects().dump(named)[0]


def dump_reply(value: object, table: IdentityTable) -> bytes:
    """In a job process: what it returned, with the node's shared objects by number. Raises CannotPickle."""
    file = io.BytesIO()
    pickler = _ReplyPickler(file, table)
    try:
        pickler.dump(value)
    except Exception as error:
        raise _explained({"result": value}) from error
    return file.getvalue()


class _ReplyPickler(_Pickler):
    def __init__(self, file: io.BytesIO, table: IdentityTable) -> None:
        super().__init__(file, {}, _ReplyParts(table))
        self._table = table

    def persistent_id(self, value: Any) -> int | None:
        return self._table.number_of(value)


class _ReplyParts(_FunctionParts):
    """A namespace that the mcp has lent is referred to; its content is there already."""

    def __init__(self, table: IdentityTable) -> None:
        super().__init__(Importability())
        self._table = table

    def namespace_of(self, function: types.FunctionType) -> tuple[dict[str, Any], dict[str, Any]]:
        if self._table.number_of(function.__globals__) is not None:
            return function.__globals__, {}
        return super().namespace_of(function)


def _explained(named: Mapping[str, object]) -> CannotPickle:
    return CannotPickle(*find_culprit(named, dump_freely))


def dump_freely(value: object) -> None:
    """Pickle for the sake of the exception that it may raise."""
    _Pickler(io.BytesIO(), {}, _FunctionParts(Importability())).dump(value)
