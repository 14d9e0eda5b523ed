"""What a function consists of besides its code: defaults, captured values, and all that these are made of.

Functions, classes and instances have an identity that a program can share and tie into cycles (a function that
captures itself, two that capture each other). They are numbered in the order in which they are first met, and
referred to by number when met again; so every walk is linear and ends. Inside sets and dict keys, which are
met in an order that differs from run to run, numbers given to siblings do not count (`write_apart`).

How things count (docs/fingerprints.md has an example of each):

- functions by their own code, defaults and captured values; those of the standard library by name; those of an
  installed distribution that can be imported by name, by name and version;
- classes likewise: name, bases, and their members, the methods by their code;
- instances by their class and by the state that the pickle protocol would keep of them; nothing is pickled;
- partials by function and arguments; bound methods by their function, nothing of the instance;
- modules by name; functions in C by name.
"""

import functools
import sys
import types
from collections.abc import Mapping
from typing import Any

from .classes import members_that_count
from .code import Code, code_of
from .content import content_of
from .encoding import Encoder, Tag, Unencodable, type_name, write_count
from .origin import Origin, distribution_version, origin_of_file, origin_of_module

__all__ = ["CapturedEncoder"]

_CODE, _SEEN = Tag.CODE.value, Tag.SEEN.value

_SLOTS = (types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType)
_DATA_SLOTS = (types.GetSetDescriptorType, types.MemberDescriptorType)


class Missing:
    """Content of a closure variable that does not count."""


class CapturedEncoder(Encoder):
    """Writes functions, classes and instances too; collects the code objects that it meets in `codes`."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: list[Code] = []
        self._code_indices: dict[int, int] = {}
        self._seen: dict[int, int] = {}
        self._kept_alive: list[object] = []

    def write_other(self, value: Any, out: bytearray) -> None:
        """Append a function, a class, an instance, or whatever `content` knows."""
        kind = type(value)
        if kind is types.FunctionType:
            self._write_numbered(value, "function", self._function_content, out)
        elif kind is types.MethodType:
            self._write_method(value, out)
        elif kind is types.CodeType:
            self._write_code(value, out)
        elif isinstance(value, type):
            self._write_numbered(value, "class", self._class_content, out)
        elif isinstance(value, functools.partial):
            content = (value.func, value.args, value.keywords)
            self.write_object(value, "partial", content, out)
        elif isinstance(value, types.ModuleType):
            self.write_object(value, "module", value.__name__, out)
        elif isinstance(value, (types.BuiltinFunctionType, types.MethodWrapperType)):
            self._write_builtin(value, out)
        elif isinstance(value, _SLOTS + _DATA_SLOTS):
            self.write_object(value, "slot", (value.__objclass__, value.__name__), out)
        elif isinstance(value, (staticmethod, classmethod)):
            self.write_object(value, kind.__name__, value.__func__, out)
        elif isinstance(value, property):
            self.write_object(value, "property", (value.fget, value.fset, value.fdel), out)
        else:
            self._write_value(value, out)

    def write_apart(self, value: object, out: bytearray) -> None:
        """Append a value whose encoding must not depend on which of its siblings were written before it."""
        before = dict(self._seen)
        super().write_apart(value, out)
        self._seen = before

    def _write_value(self, value: Any, out: bytearray) -> None:
        content = content_of(value)
        if content is not None:
            self.write_object(value, *content, out)
            return
        wrapped = getattr(value, "__wrapped__", None)
        if callable(wrapped) and origin_of_module(type(value).__module__) is not Origin.PROJECT:
            parameters = getattr(value, "cache_parameters", None)  # functools.lru_cache
            content = (wrapped, parameters() if callable(parameters) else None)
            self._write_numbered(value, type_name(type(value)), lambda _value: content, out)
            return
        self._write_numbered(value, "instance", self._instance_content, out)

    def _write_numbered(self, value: Any, name: str, content_of_it: Any, out: bytearray) -> None:
        number = self._seen.get(id(value))
        if number is not None:
            out += _SEEN
            write_count(number, out)
            return
        self._seen[id(value)] = len(self._seen)
        self._kept_alive.append(value)
        self.write_object(value, name, content_of_it(value), out)

    def _write_code(self, code: types.CodeType, out: bytearray) -> None:
        index = self._code_indices.get(id(code))
        if index is None:
            index = self._code_indices[id(code)] = len(self.codes)
            self.codes.append(code_of(code))
        out += _CODE
        write_count(index, out)

    # What things consist of

    def _function_content(self, function: types.FunctionType) -> object:
        named = _name_if_not_of_the_project(function, function.__code__.co_filename)
        return named if named is not None else function_parts(function)

    def _write_method(self, method: types.MethodType, out: bytearray) -> None:
        if isinstance(method.__self__, type):
            content = (type_name(method.__self__), method.__func__)
            self.write_object(method, "classmethod", content, out)
        else:
            self.write(method.__func__, out)

    def _write_builtin(self, value: Any, out: bytearray) -> None:
        owner = value.__self__
        if owner is None or isinstance(owner, types.ModuleType):
            self.write_object(value, "builtin", f"{value.__module__}.{value.__qualname__}", out)
        else:
            self.write_object(value, "builtin method", (value.__name__, owner), out)

    def _class_content(self, kind: type) -> object:
        module = sys.modules.get(kind.__module__)
        named = _name_if_not_of_the_project(kind, getattr(module, "__file__", None))
        if named is not None:
            return named
        if kind.__module__ == "builtins" or origin_of_module(kind.__module__) is Origin.PYTHON:
            return type_name(kind)
        metaclass = type(kind)
        return {
            "name": kind.__name__,
            "bases": kind.__bases__,
            "metaclass": None if metaclass is type else metaclass,
            "members": members_that_count(kind),
        }

    def _instance_content(self, value: Any) -> object:
        kind = type(value)
        try:
            reduced = value.__reduce_ex__(2)
        except Exception as error:  # noqa: BLE001 (it runs the class's own code, which may raise anything)
            raise Unencodable(
                f"a {type_name(kind)} cannot be taken apart ({error}); pass plain data instead, make it "
                "inside the function, or teach ppg the type with register_encoder"
            ) from None
        if isinstance(reduced, str):
            return (kind, reduced)
        make, arguments, *rest = reduced
        state, items, pairs = (*rest[:3], None, None, None)[:3]
        return {
            "class": kind,
            "made by": make,
            "arguments": arguments,
            "state": state,
            "items": None if items is None else list(items),
            "pairs": None if pairs is None else [tuple(pair) for pair in pairs],
        }


def function_parts(function: types.FunctionType) -> dict[str, object]:
    """Code, default values by parameter name, and captured values by variable name."""
    code = function.__code__
    parts: dict[str, object] = {"code": code}
    if function.__defaults__ or function.__kwdefaults__:
        values = function.__defaults__ or ()
        names = code.co_varnames[code.co_argcount - len(values) : code.co_argcount]
        parts["default"] = {**dict(zip(names, values, strict=True)), **(function.__kwdefaults__ or {})}
    if function.__closure__:
        parts["closure"] = captured_values(function)
    return parts


def captured_values(function: types.FunctionType) -> Mapping[str, object]:
    """Values of the variables that a function captured, by name; `self` does not count.

    Raises Unencodable if one has no value yet.
    """
    values = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name == "self":
            continue
        try:
            values[name] = cell.cell_contents
        except ValueError:
            raise Unencodable(
                f"the captured variable {name!r} of {function.__qualname__} has no value yet; "
                "define the job after it was assigned"
            ) from None
    return values


def _name_if_not_of_the_project(value: Any, filename: str | None) -> str | None:
    """Name (and version) of what can be imported from Python itself or from an installed distribution."""
    if not isinstance(filename, str):
        return None
    origin = origin_of_file(filename)
    if origin is Origin.PROJECT:
        return None
    module: Any = sys.modules.get(value.__module__)
    found: Any = module
    for step in value.__qualname__.split("."):
        found = getattr(found, step, None)
    if found is not value:
        return None
    name = f"{value.__module__}.{value.__qualname__}"
    return name if origin is Origin.PYTHON else f"{name} {distribution_version(value.__module__)}"
