"""Reductions: say how functions, code, cells and modules are rebuilt by `receive`.

Controller and job processes use them. They need no cloudpickle, which a job process would import for itself alone.
"""

from __future__ import annotations

import sys
import types

from ppg_exec.pickling import receive as rebuild

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ppg_exec.pickling.function_parts import FunctionParts

__all__ = ["reduced_cell", "reduced_code", "reduced_function", "reduced_module"]

_ATTRIBUTES = ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__")


def reduced_code(code: types.CodeType) -> Any:
    """How a code object is rebuilt, with the file and the lines that tracebacks show.

    From 3.1.3 on, cloudpickle replaces the name of the file. The arguments are otherwise those of cloudpickle.
    """
    return types.CodeType, (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_nlocals,
        code.co_stacksize,
        code.co_flags,
        code.co_code,
        code.co_consts,
        code.co_names,
        code.co_varnames,
        code.co_filename,
        code.co_name,
        code.co_qualname,
        code.co_firstlineno,
        code.co_linetable,
        code.co_exceptiontable,
        code.co_freevars,
        code.co_cellvars,
    )


def reduced_cell(cell: types.CellType) -> Any:
    """How a closure cell is rebuilt; an empty one stays empty."""
    try:
        content = cell.cell_contents
    except ValueError:
        return rebuild.make_empty_cell, ()
    return rebuild.make_empty_cell, (), (content,), None, None, rebuild.fill_cell


def reduced_module(module: types.ModuleType) -> Any:
    """How a module is found by its name; None if it has none.

    An instance of a subclass may stand for a module that is imported when it is first used.
    """
    # Its own way to attributes may import it.
    name = types.ModuleType.__getattribute__(module, "__dict__").get("__name__")
    if sys.modules.get(name) is module or (type(module) is not types.ModuleType and _can_be_imported(name)):
        return rebuild.import_module, (name,)
    return None


def _can_be_imported(name: object) -> bool:
    from importlib.util import find_spec  # noqa: PLC0415 - only stand-ins of modules need it

    try:
        return isinstance(name, str) and find_spec(name) is not None
    except (ImportError, ValueError):  # a package above it is missing, or it was made by hand
        return False


def reduced_function(function: types.FunctionType, functions: FunctionParts) -> tuple[Any, list[object]]:
    """How a function that travels by value is rebuilt, and the containers that were made for this alone."""
    namespace, global_values = functions.namespace_of(function)
    closure = function.__closure__ or ()
    contents = []
    for cell in closure:
        try:
            contents.append(cell.cell_contents)
        except ValueError:  # not filled yet: a function that is defined later
            continue
    code = function.__code__
    parts: dict[str, Any] = {
        "globals": global_values,
        "dict": dict(function.__dict__),
        "submodules": functions.submodules(function, (*global_values.values(), *contents)),
        "__annotations__": function.__annotations__,
    }
    # Leave out what code and namespace give it: most callbacks are made for one job, and of few objects.
    state = {name: part for name, part in parts.items() if part}
    obvious = (code.co_name, code.co_qualname, namespace.get("__name__"), None, None, None)
    for name, usual in zip(_ATTRIBUTES, obvious, strict=True):
        attribute = getattr(function, name)
        if attribute is not None and attribute != usual:
            state[name] = attribute
    construction = (code, namespace, closure) if closure else (code, namespace)
    reduced = (rebuild.make_function, construction, state, None, None, rebuild.complete_function)
    return reduced, [state, *state.values()]
