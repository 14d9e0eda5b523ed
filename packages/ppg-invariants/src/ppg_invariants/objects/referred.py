"""Referred values: finds the values to which a function refers by a name.

    closure | defaults | global names that it reads, also in nested code | the same of functions of the project among them

A bound method counts by its function, and a `functools.partial` by its function and its arguments. Of lists, tuples, sets,
dicts and dataclasses in closures, defaults and arguments the items count, too: they were put there for the function. A list or
dict that is a global is often a register of all there is, so its items do not count. Of other objects, the attributes count
that code reads from a global name (`config.genome`). No property is asked for its value.
"""

import dataclasses
import functools
import inspect
import itertools
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ppg_invariants.compiled.code import code_of
from ppg_invariants.compiled.origin import Origin

__all__ = ["Referred", "ReferredValues"]

_MOST_ITEMS = 10_000
"""Items of containers that are looked at for one function; more are data."""
_PROJECT = Origin.PROJECT
_PLAIN = (str, int, float, bytes, bool, complex, type(None))


class Referred(NamedTuple):
    """Referred: one value, and the variable by which the function refers to it.

    is_inside: the variable has an object, of which the value is a field.
    """

    name: str
    value: object
    is_inside: bool = False


class ReferredValues:
    """Referred values: finds those of the given types, for many functions.

    Parameters:
        kinds: the types.
    """

    def __init__(self, kinds: tuple[type, ...]) -> None:
        self._kinds = kinds
        # A script can make a million functions from one code object; what that reads of globals is the same.
        self._read: dict[tuple[types.CodeType, int], tuple[Referred, ...]] = {}
        self._reached: dict[tuple[types.CodeType, int], tuple[Referred, ...]] = {}

    def of(self, function: object) -> Iterator[Referred]:
        """Yield the variables with such values, each value once."""
        if type(function) is not types.FunctionType:
            yield from self.within(function)
            return
        key = (function.__code__, id(function.__globals__))
        if key not in self._reached:
            self._reached[key] = self._found(self.read_by(function))
        held = [Referred(name, value) for name, value in _held_by(function)]
        yield from _each_once([*self._found(held), *self._reached[key]] if held else self._reached[key])

    def within(self, value: object) -> Iterator[Referred]:
        """Yield what a value, such as an argument, has of such values, each once."""
        yield from self._found([Referred("", value)])

    def read_by(self, function: types.FunctionType) -> tuple[Referred, ...]:
        """Return such values, and functions of the project, for which global names stand that a function reads."""
        code, names = function.__code__, function.__globals__
        known = self._read.get((code, id(names)))
        if known is None:
            values = [Referred(*self._value_of(chain, names)) for chain in code_of(code).references]
            kinds = (*self._kinds, types.FunctionType)
            known = self._read[code, id(names)] = tuple(one for one in values if isinstance(one.value, kinds))
        return known

    def _value_of(self, chain: tuple[str, ...], names: Mapping[str, object]) -> tuple[str, object]:
        """Return what a chain of names stands for, and how much of it does; None if it leads to nothing of the kinds."""
        value: object = names.get(chain[0])
        is_attribute = False
        for position, name in enumerate(chain[1:], 1):
            if isinstance(value, self._kinds):
                return ".".join(chain[:position]), value
            if isinstance(value, types.ModuleType):
                value = types.ModuleType.__getattribute__(value, "__dict__").get(name)
            elif isinstance(value, types.FunctionType):
                return ".".join(chain[:position]), value
            else:
                value = _attribute_of(value, name)
                is_attribute = True
        return ".".join(chain), value if not is_attribute or isinstance(value, self._kinds) else None

    def _found(self, begin: Iterable[Referred]) -> tuple[Referred, ...]:
        return tuple(_Search(self, self._kinds).found_from(begin))


def _each_once(found: Iterable[Referred]) -> Iterable[Referred]:
    first: dict[int, Referred] = {}
    for one in found:
        first.setdefault(id(one.value), one)
    return first.values()


class _Search:
    """_Search: goes through what some variables have. Values, and calls of functions, may be nested to any depth."""

    def __init__(self, values: ReferredValues, kinds: tuple[type, ...]) -> None:
        self._values = values
        self._kinds = kinds
        self._seen: set[int] = set()
        self._left = _MOST_ITEMS

    def found_from(self, begin: Iterable[Referred]) -> Iterator[Referred]:
        """Yield the values of the kinds that are found, each once."""
        pending = list(begin)[::-1]
        while pending:
            one = pending.pop()
            if isinstance(one.value, _PLAIN) or id(one.value) in self._seen:
                continue
            self._seen.add(id(one.value))
            if isinstance(one.value, self._kinds):
                yield one
            else:
                pending += list(self._parts(one))[::-1]

    def _parts(self, one: Referred) -> Iterator[Referred]:
        name, value, is_inside = one
        if isinstance(value, types.MethodType):
            yield one._replace(value=value.__func__)
        elif isinstance(value, types.FunctionType):
            if code_of(value.__code__).origin is _PROJECT:
                for held, part in _held_by(value):
                    yield Referred(held, part, is_inside)
                yield from (read._replace(is_inside=is_inside) for read in self._values.read_by(value))
        elif isinstance(value, functools.partial):
            for part in (value.func, *value.args):
                yield Referred(name or "an argument of functools.partial", part, is_inside)
            for keyword, part in value.keywords.items():
                yield Referred(keyword, part, is_inside)
        elif isinstance(value, (list, tuple, set, frozenset, dict)):
            for part in self._items(value.values() if isinstance(value, dict) else value):
                yield Referred(name, part, is_inside)
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            for part in self._items(
                [getattr(value, field.name, None) for field in dataclasses.fields(value)]
            ):
                yield Referred(name, part, is_inside=True)

    def _items(self, items: Iterable[object]) -> list[object]:
        taken = list(itertools.islice(items, max(0, self._left)))
        self._left -= len(taken)
        return taken


def _held_by(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    """Yield the captured variables and the defaults of a function."""
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue  # the variable has no value yet
    defaults = function.__defaults__ or ()
    yield from zip(
        code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount], defaults, strict=True
    )
    yield from (function.__kwdefaults__ or {}).items()


def _attribute_of(value: object, name: str) -> object:
    """Return what an object or its class has under a name, without running their code; None if there is nothing."""
    found: object = inspect.getattr_static(value, name, None)
    if not isinstance(found, types.MemberDescriptorType):
        return found
    try:
        return found.__get__(value)
    except AttributeError:
        return None  # the slot is empty
