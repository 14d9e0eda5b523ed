"""Docstrings: finds the `__doc__` of an object that only copies a docstring.

`functools.update_wrapper(self, f)`, `numpy.vectorize(f)` and the like give an object the docstring of a function that the
object keeps. The function counts by its code, and its docstring does not count; so neither does the copy. Another text that
a program sets as `__doc__` counts.

The copy counts as `None`. So an object that keeps a function without a docstring has the fingerprint that it always had.
"""

import functools
import inspect
import types

from ppg_invariants.values.types import Content

__all__ = ["attributes_without_copy", "content_without_copy", "state_without_copy"]

_DOC = "__doc__"
_DEEPEST = 4
"""How far from the object the code may be: in a list, say, that a closure has, which an attribute of the object has."""


def attributes_without_copy(value: object, attributes: dict[str, object]) -> dict[str, object]:
    """Return the attributes of an object, with None for a `__doc__` that is the docstring of code in them."""
    text = attributes.get(_DOC)
    if isinstance(text, str) and _is_docstring(text, value, attributes):
        return {**attributes, _DOC: None}
    return attributes


def state_without_copy(value: object, state: object) -> object:
    """Return a state of the pickle protocol in the same way: attributes, or a pair of attributes and slots."""
    if type(state) is dict:
        return attributes_without_copy(value, state)
    if type(state) is tuple and len(state) == 2 and type(state[1]) is dict:
        own, slots = state
        if type(own) is not dict:
            return own, attributes_without_copy(value, slots)
        both = attributes_without_copy(value, own | slots)
        return {name: both[name] for name in own}, {name: both[name] for name in slots}
    return state


def content_without_copy(value: object, content: Content) -> Content:
    """Return the content of an instance of a subclass of a plain type in the same way: plain content and attributes."""
    name, parts = content
    if type(parts) is tuple and len(parts) == 2 and type(parts[1]) is dict:
        return name, (parts[0], attributes_without_copy(value, parts[1]))
    return content


def _is_docstring(text: str, value: object, attributes: dict[str, object]) -> bool:
    """Whether a text is the docstring of code in the attributes of an object, or in its class."""
    seen = {id(value)}
    parts: list[object] = [*attributes.values(), *type(value).__mro__[:-1]]
    for _ in range(_DEEPEST):
        within: list[object] = []
        for part in parts:
            if id(part) in seen:
                continue
            seen.add(id(part))
            docstring = _docstring_of(part)
            if docstring is not None and text in (docstring, inspect.cleandoc(docstring)):
                return True
            within += _parts_of(part)
        parts = within
    return False


def _docstring_of(part: object) -> str | None:
    """Return the docstring of code, or of the class of another object; no code of the object runs."""
    found: object
    if isinstance(part, (types.FunctionType, types.MethodType, types.BuiltinFunctionType, property)):
        found = part.__doc__
    else:
        kind = part if isinstance(part, type) else type(part)
        found = type.__getattribute__(kind, "__dict__").get(_DOC)
    return found if isinstance(found, str) else None


def _parts_of(part: object) -> list[object]:
    """Return what code, containers and objects lead to."""
    if isinstance(part, types.FunctionType):
        return [part.__dict__.get("__wrapped__"), *_captured_by(part)]
    if isinstance(part, types.MethodType):
        return [part.__func__, part.__self__]
    if isinstance(part, functools.partial):
        return [part.func, *part.args, *part.keywords.values()]
    if isinstance(part, (staticmethod, classmethod)):
        return [part.__func__]
    if isinstance(part, type):
        return list(type.__getattribute__(part, "__dict__").values())
    if isinstance(part, (list, tuple, set, frozenset)) and type(part).__module__ == "builtins":
        return list(part)
    if type(part) is dict:
        return list(part.values())
    if isinstance(part, (BaseException, types.ModuleType)):
        return []  # to ask an exception for its dict makes one
    try:
        return list(object.__getattribute__(part, "__dict__").values())
    except AttributeError:
        return []


def _captured_by(function: types.FunctionType) -> list[object]:
    found: list[object] = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:
            continue  # the variable has no value yet
    return found
