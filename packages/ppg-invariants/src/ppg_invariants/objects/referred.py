"""Referred values: finds the values to which a function refers by a name.

    closure | defaults | global names that it reads, also in nested code | the same of functions of the project among them

A bound method counts by its function, and a `functools.partial` by its function and its arguments. Of lists, tuples, sets
and dicts in closures, defaults and arguments the items count, too: they were put there for the function. A list or dict
that is a global is often a register of all there is, so its items do not count. Attributes of objects never do.
"""

import functools
import types
from collections.abc import Iterator, Mapping

from ppg_invariants.compiled.code import code_of
from ppg_invariants.compiled.origin import Origin

__all__ = ["ReferredValues"]

_MOST_ITEMS = 10_000
"""Items of containers that are looked at for one function; more are data."""
_PROJECT = Origin.PROJECT
_PLAIN = (str, int, float, bytes, bool, complex, type(None))


class ReferredValues:
    """Referred values: finds those of the given types, for many functions.

    Parameters:
        kinds: the types.
    """

    def __init__(self, kinds: tuple[type, ...]) -> None:
        self._kinds = kinds
        # A script can make a million functions from one code object; what that reads of globals is the same.
        self._of_globals: dict[tuple[types.CodeType, int], tuple[tuple[str, object], ...]] = {}

    def of(self, function: object) -> Iterator[tuple[str, object]]:
        """Yield the variables with such values, each value once, with the name of the variable."""
        if (
            type(function) is types.FunctionType
            and function.__closure__ is None
            and function.__defaults__ is None
            and function.__kwdefaults__ is None
        ):
            yield from self._in_globals(function)
            return
        found: dict[int, tuple[str, object]] = {}
        self._search(function, "", found, set(), [_MOST_ITEMS])
        yield from found.values()

    def _search(
        self, value: object, name: str, found: dict[int, tuple[str, object]], seen: set[int], left: list[int]
    ) -> None:
        if isinstance(value, self._kinds):
            found.setdefault(id(value), (name, value))
            return
        if isinstance(value, _PLAIN) or id(value) in seen:
            return
        if isinstance(value, types.MethodType):
            value = value.__func__
        if isinstance(value, types.FunctionType):
            seen.add(id(value))
            if code_of(value.__code__).origin is _PROJECT:
                for each, part in _held_by(value):
                    self._search(part, each, found, seen, left)
                for each, part in self._in_globals(value):
                    found.setdefault(id(part), (each, part))
        elif isinstance(value, functools.partial):
            seen.add(id(value))
            for part in (value.func, *value.args):
                self._search(part, name or "an argument of functools.partial", found, seen, left)
            for each, part in value.keywords.items():
                self._search(part, each, found, seen, left)
        elif isinstance(value, (list, tuple, set, frozenset, dict)):
            seen.add(id(value))
            items = list(value.values() if isinstance(value, dict) else value)
            for part in items[: max(0, left[0])]:
                left[0] -= 1
                self._search(part, name, found, seen, left)

    def _in_globals(self, function: types.FunctionType) -> tuple[tuple[str, object], ...]:
        code, names = function.__code__, function.__globals__
        key = (code, id(names))
        known = self._of_globals.get(key)
        if known is None:
            self._of_globals[key] = ()  # a function that calls itself
            found: dict[int, tuple[str, object]] = {}
            for chain in code_of(code).references:
                name, value = _value_of(chain, names)
                if isinstance(value, self._kinds):
                    found.setdefault(id(value), (name, value))
                elif type(value) is types.FunctionType and code_of(value.__code__).origin is _PROJECT:
                    for each, part in self.of(value):
                        found.setdefault(id(part), (each, part))
            known = self._of_globals[key] = tuple(found.values())
        return known


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


def _value_of(chain: tuple[str, ...], names: Mapping[str, object]) -> tuple[str, object]:
    """Return what a chain of names stands for, as far as its names are those of modules, with these names; or None."""
    value: object = names.get(chain[0])
    for position, name in enumerate(chain[1:], 1):
        if not isinstance(value, types.ModuleType):
            return ".".join(chain[:position]), value
        value = types.ModuleType.__getattribute__(value, "__dict__").get(name)
    return ".".join(chain), value
