"""Callback pickler: reduces callbacks to what `receive` understands."""

from __future__ import annotations

import functools
import io
import pickle
import types
import weakref
from collections import ChainMap
from enum import Enum, EnumMeta
from typing import TYPE_CHECKING, Any, ClassVar

import cloudpickle

from ppg_exec.pickling import receive as rebuild
from ppg_exec.pickling.classes import reduced_class, reduced_enum, reduced_member
from ppg_exec.pickling.function_parts import FunctionParts
from ppg_exec.pickling.inherited import InheritedObjects
from ppg_exec.pickling.named_values import by_name_or_value
from ppg_exec.pickling.reductions import reduced_cell, reduced_code, reduced_function, reduced_module

__all__ = ["CallbackPickler"]

if TYPE_CHECKING:  # cloudpickle does not declare its types
    _Pickler = pickle.Pickler
else:
    _Pickler = cloudpickle.Pickler

_VALUES = frozenset(
    {
        int, float, complex, bool, str, bytes, type(None), tuple, frozenset, range, slice, type(...),
        types.BuiltinFunctionType, types.ModuleType, types.MethodType, property,
        staticmethod, classmethod, type(NotImplemented), pickle.PickleBuffer, memoryview,
    }
)  # fmt: skip
# Types that no module has under their own names: code is types.CodeType.
_UNNAMED_TYPES = {kind: name for name, kind in vars(types).items() if isinstance(kind, type)}


def _reduce_module(module: types.ModuleType) -> Any:
    return reduced_module(module) or cloudpickle.Pickler.dispatch_table[types.ModuleType](module)


def _reduce_cached_property(value: functools.cached_property[Any]) -> Any:
    # Under Python 3.11 it holds a lock.
    return functools.cached_property, (value.func,), {"attrname": value.attrname}


def _reduce_mapping_proxy(value: types.MappingProxyType[Any, Any]) -> Any:
    return types.MappingProxyType, (dict(value),)


def _reduce_weak_dictionary(value: weakref.WeakKeyDictionary[Any, Any]) -> Any:
    return weakref.WeakKeyDictionary, (dict(value),)


class CallbackPickler(_Pickler):
    """CallbackPickler: writes one message, and notes which objects in it were made for pickling alone.

    Args:
        file: gets the message.
        numbers: by id, the numbers of objects that the other side has; the message refers to these.
        functions: finds what functions need of their modules.
        inherited: what the other side has since it was forked from this process, if it was.

    """

    dispatch_table: ClassVar[Any] = ChainMap(  # type: ignore[misc]  # it is looked for in the class, too
        {
            types.CodeType: reduced_code,
            # Types that the decorators of functools use.
            functools.cached_property: _reduce_cached_property,
            types.MappingProxyType: _reduce_mapping_proxy,
            weakref.WeakKeyDictionary: _reduce_weak_dictionary,
        },
        cloudpickle.Pickler.dispatch_table,
    )

    def __init__(
        self,
        file: io.BytesIO,
        numbers: dict[int, int],
        functions: FunctionParts,
        inherited: InheritedObjects | None = None,
    ) -> None:
        super().__init__(file)
        self._numbers = numbers
        self._inherited = inherited
        self._functions = functions
        self._own: dict[int, object] = {}
        self.met: list[object] = []
        self.rebound: set[int] = set()
        """Ids of the closure cells that functions of this message bind."""

    def persistent_id(self, value: Any) -> int | None:
        """The number of an object on the other side; notes objects that are not there yet."""
        kind = type(value)
        if kind in _VALUES:
            return None
        number = self._numbers.get(id(value))
        if number is None and self._inherited is not None:
            number = self._inherited.number_of(value)
        if number is None and id(value) not in self._own:
            self.met.append(value)
        return number

    def reducer_override(self, value: Any) -> Any:
        """How an object is rebuilt by the receiver, or NotImplemented if pickle does that alone."""
        if type(value) is types.FunctionType:
            if self._functions.importability.has_name(value):
                return NotImplemented
            return self._reduce_function(value)
        if type(value) is types.CellType:
            return reduced_cell(value)
        if isinstance(value, types.ModuleType):
            return _reduce_module(value)
        if isinstance(value, functools._lru_cache_wrapper):
            if self._functions.importability.has_name(value):
                return NotImplemented
            return rebuild.make_cached, (value.__wrapped__, *value.cache_parameters().values())
        if isinstance(value, type):
            if value in _UNNAMED_TYPES:
                return rebuild.builtin_type, (_UNNAMED_TYPES[value],)
            if not self._functions.importability.has_name(value) and isinstance(value, EnumMeta):
                return self._kept_out(reduced_enum(value, self._functions.importability))
            return self._kept_out(
                reduced_class(value, super().reducer_override(value), self._functions.importability)
            )
        if isinstance(value, Enum) and not self._functions.importability.has_name(type(value)):
            reduced = reduced_member(value)
            if reduced is not NotImplemented:
                return reduced
        if type(value) in self.dispatch_table:
            return NotImplemented
        reduced = value.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
        return self._kept_out(by_name_or_value(value, reduced, self._functions.importability))

    def _reduce_function(self, function: types.FunctionType) -> Any:
        reduced, made = reduced_function(function, self._functions)
        self.rebound.update(map(id, self._functions.rebound_cells(function)))
        for own in made:
            self._own[id(own)] = own
        return reduced

    def _kept_out(self, reduced: Any) -> Any:
        """Note state that was made for pickling alone: it has no identity to keep."""
        if isinstance(reduced, tuple) and len(reduced) > 2:  # (make, arguments, state, …)
            state = reduced[2]
            for own in (state, *(state if isinstance(state, tuple) else ())):
                if isinstance(own, dict):
                    self._own[id(own)] = own
        return reduced
