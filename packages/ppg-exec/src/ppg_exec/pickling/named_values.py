"""Named values: rebuilds objects that pickle leaves to their names, or copies although only their identity counts.

A `typing.NewType` and its relatives, and objects with a `__reduce__` that gives a name, are found by that name. Another process
does not have the names of the script, so such an object of the script travels by value. A sentinel of a module
(`dataclasses.MISSING`, `_MISSING = object()`) is the other way round: code of the module compares it with its own, so it
travels by its name.
"""

from __future__ import annotations

import copyreg
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ppg_exec.pickling.function_parts import Importability

__all__ = ["by_name_or_value", "make_parameter"]

_OPTIONS = {
    "__bound__": "bound",
    "__covariant__": "covariant",
    "__contravariant__": "contravariant",
    "__infer_variance__": "infer_variance",
    "__type_params__": "type_params",
}


def by_name_or_value(value: Any, reduced: Any, importability: Importability) -> Any:
    """How an object is rebuilt, given how it would be pickled: a sentinel by its name, the script's names by value."""
    if isinstance(reduced, str):
        return _reduced_name(value, reduced, importability)
    # Without state of its own, a copy of it is only another object.
    if reduced[0] is copyreg.__newobj__ and len(reduced[1]) == 1 and not any(reduced[2:]):  # type: ignore[attr-defined]
        return _reduced_sentinel(value, importability) or reduced
    return reduced


def _reduced_name(value: Any, name: str, importability: Importability) -> Any:
    module = getattr(value, "__module__", None)
    if not isinstance(module, str) or importability.attribute_of(module, value) is not None:
        return name
    kind = type(value)
    if kind.__module__ in {"typing", "typing_extensions"} and kind.__name__ != "NewType":
        return make_parameter, (kind, *_parameters_of(value), module)
    arguments = kind.__getnewargs__(value) if hasattr(kind, "__getnewargs__") else ()
    return copyreg.__newobj__, (kind, *arguments), object.__getstate__(value)  # type: ignore[attr-defined]


def _reduced_sentinel(value: object, importability: Importability) -> Any:
    kind = type(value)
    for module in list(sys.modules) if kind is object else [kind.__module__]:
        name = importability.attribute_of(module, value)
        if name is not None:
            return getattr, (sys.modules[module], name)
    return None


def make_parameter(kind: Any, arguments: tuple[Any, ...], options: dict[str, Any], module: str) -> Any:
    """A parameter or alias of types, as if that module had made it."""
    made = kind(*arguments, **options)
    try:  # noqa: SIM105 - job processes do without contextlib
        made.__module__ = module
    except AttributeError:  # under some versions of Python it is that of the caller
        pass
    return made


def _parameters_of(value: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    arguments = [value.__name__]
    if hasattr(value, "__value__"):
        arguments.append(value.__value__)
    options = {option: found for name, option in _OPTIONS.items() if (found := getattr(value, name, None))}
    if hasattr(value, "has_default") and value.has_default():
        options["default"] = value.__default__
    return tuple(arguments), options
