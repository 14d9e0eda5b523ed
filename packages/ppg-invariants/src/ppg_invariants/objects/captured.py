"""Captured: encodes the parts of a function besides its code: defaults, captured values, and their contents.

Functions, classes and instances have an identity. A program can share them and tie them into cycles (a
function that captures itself, two that capture each other). The encoder numbers them in the order in which it
first meets them, and writes the number when it meets them again. So every walk is linear and ends. Sets and
dict keys are met in an order that differs from run to run. There the elements are sorted before they get
numbers (`_in_order`).

How values count (docs/fingerprints.md has an example of each):

- functions count by their code, defaults and captured values;
- functions of the standard library count by name; importable functions of an installed distribution count by
  name and version;
- a function of the project in a decorator of either of these counts by the wrapped function and the values
  that the decorator keeps;
- classes count in the same way: name, bases, and members; methods by their code;
- instances count by their class, and by the state that the pickle protocol would keep; nothing is pickled;
- partials count by function and arguments; bound methods by their function, without the instance;
- modules and functions in C count by name.
"""

import functools
import sys
import types
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from ppg_invariants.compiled.code import Code, code_of
from ppg_invariants.compiled.origin import Origin, distribution_version, origin_of_module
from ppg_invariants.engine_names import lasting_module, lasting_name
from ppg_invariants.objects.class_members import members_that_count
from ppg_invariants.objects.docstrings import content_without_copy, state_without_copy
from ppg_invariants.values.encoding import PLAIN_WRITERS, Encoder, decode_name, encode_name
from ppg_invariants.values.tags import ENCODING_VERSION, Tag, Unencodable, module_of, type_name, write_count
from ppg_invariants.values.types import Content, content_of, is_registered

__all__ = ["CapturedEncoder", "Members", "has_static_attribute", "plain_function", "static_attribute"]

_CODE, _SEEN, _DICT = Tag.CODE.value, Tag.SEEN.value, Tag.DICT.value

_SLOTS = (types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType)
_DATA_SLOTS = (types.GetSetDescriptorType, types.MemberDescriptorType)


_FUNCTION = Tag.OBJECT.value + encode_name("function") + Tag.DICT.value
_CODE_KEY, _CLOSURE_KEY, _DEFAULT_KEY = encode_name("code"), encode_name("closure"), encode_name("default")
_PROJECT = Origin.PROJECT


class Members:
    """Members: holds the members of a class, or the values that a decorator keeps, by name."""

    def __init__(self, by_name: dict[str, object]) -> None:
        self.by_name = by_name


_PLAIN_FUNCTIONS = tuple(
    bytes((ENCODING_VERSION,)) + _FUNCTION + bytes((parts,)) + _CODE_KEY + _CODE + b"\0" for parts in range(4)
)
"""By number of parts, the first bytes of a function that is the first of its encoding."""


def plain_function(function: types.FunctionType, *, former: bool = False) -> tuple[bytes, Code] | None:
    """Return the encoding and code of a function that holds only plain values; None for all others.

    The result equals that of `CapturedEncoder.encode`, but is quicker: one code object can have a million
    closures.
    """
    code = code_of(function.__code__)
    defaults = function.__defaults__
    if code.origin_for(former=former) is not _PROJECT or function.__kwdefaults__ is not None:
        return None
    keys = code.closure_keys
    parts = 1 + bool(keys) + (defaults is not None)
    if parts == 1:
        return _PLAIN_FUNCTIONS[1], code
    out = bytearray(_PLAIN_FUNCTIONS[parts])
    if keys and function.__closure__ is not None:
        out += _CLOSURE_KEY
        out += _DICT
        write_count(len(keys), out)
        cells = function.__closure__
        try:
            for key, index in keys:
                value = cells[index].cell_contents
                out += key
                PLAIN_WRITERS[type(value)](None, value, out)
        except (KeyError, ValueError):
            return None  # a value is not plain, or a variable has no value yet
    if defaults is not None:
        keys = code.default_keys(len(defaults))
        out += _DEFAULT_KEY
        out += _DICT
        write_count(len(keys), out)
        try:
            for key, index in keys:
                value = defaults[index]
                out += key
                PLAIN_WRITERS[type(value)](None, value, out)
        except KeyError:
            return None
    return bytes(out), code


class CapturedEncoder(Encoder):
    """Captured encoder: encodes functions, classes and instances, too; collects code objects in `codes`.

    With `former`, it encodes as ppg did before it watched the values of globals.
    """

    def __init__(self, *, former: bool = False) -> None:
        super().__init__()
        self._former = former
        self.codes: list[Code] = []
        self._code_indices: dict[Code, int] = {}
        self._seen: dict[int, int] = {}
        self._kept_alive: list[object] = []

    def write_other(self, value: Any, out: bytearray) -> None:
        """Append a function, a class, an instance, or a value of a type that `content_of` handles."""
        kind = type(value)
        if kind is types.FunctionType:
            self._write_function(value, out)
        elif kind is types.MethodType:
            self._write_method(value, out)
        elif kind is types.CodeType:
            self._write_code(code_of(value), out)
        elif kind is Members:
            self._write_members(value, out)
        elif isinstance(value, type):
            self._write_numbered(value, "class", self._class_content, out)
        elif isinstance(value, functools.partial):
            content = (value.func, value.args, value.keywords)
            self.write_object(value, "partial", content, out)
        elif isinstance(value, types.ModuleType):
            self._write_module(value, out)
        elif isinstance(value, (types.BuiltinFunctionType, types.MethodWrapperType)):
            self._write_builtin(value, out)
        elif isinstance(value, _SLOTS + _DATA_SLOTS):
            self.write_object(value, "slot", (value.__objclass__, value.__name__), out)
        elif isinstance(value, (staticmethod, classmethod)):
            self.write_object(value, kind.__name__, value.__func__, out)
        elif isinstance(value, functools.cached_property):
            self.write_object(value, "cached_property", value.func, out)
        elif isinstance(value, functools.singledispatchmethod):
            # Its other attribute (Python 3.13) is only a cache of calls.
            self.write_object(value, "singledispatchmethod", value.dispatcher, out)
        elif isinstance(value, property):
            self.write_object(value, "property", (value.fget, value.fset, value.fdel), out)
        else:
            self._write_value(value, out)

    def _write_module(self, module: types.ModuleType, out: bytearray) -> None:
        self.write_object(module, "module", lasting_module(module.__name__), out)

    def _in_order(self, pairs: Iterable[tuple[object, object]]) -> list[tuple[bytes, object, object]]:
        """Return the pairs sorted by the encoding that each key has if it is met first.

        `_write_ordered` then writes each key with the numbers that it gets in this order.
        """
        ordered = []
        for key, value in pairs:
            encoded = bytearray()
            if type(key) in PLAIN_WRITERS:
                self.write(key, encoded)
            else:
                seen, indices, count = dict(self._seen), dict(self._code_indices), len(self.codes)
                self.write(key, encoded)
                for code in self.codes[count:]:
                    encoded += code.bytecode
                del self.codes[count:]
                self._seen, self._code_indices = seen, indices
            ordered.append((bytes(encoded), key, value))
        ordered.sort(key=itemgetter(0))
        return ordered

    def _write_ordered(self, encoded: bytes, key: object, out: bytearray) -> None:
        if type(key) in PLAIN_WRITERS:
            out += encoded
        else:
            self.write(key, out)

    def _write_value(self, value: Any, out: bytearray) -> None:
        content = self._content_of(value)
        if content is not None:
            kind = type(value)
            if is_registered(kind) or self._origin_of_class(kind) is not _PROJECT:
                self.write_object(value, *content, out)
            else:  # the function may call its methods, so the code of its class counts
                self._write_numbered(value, "instance", lambda _value: (kind, content[1]), out)
            return
        wrapped = getattr(value, "__wrapped__", None) if has_static_attribute(value, "__wrapped__") else None
        if callable(wrapped) and self._origin_of_module(module_of(type(value))) is not Origin.PROJECT:
            parameters = getattr(value, "cache_parameters", None)  # functools.lru_cache
            content = (wrapped, parameters() if callable(parameters) else None)
            self._write_numbered(value, type_name(type(value)), lambda _value: content, out)
            return
        self._write_numbered(value, "instance", self._instance_content, out)

    def _write_numbered(self, value: Any, name: str, content_of_it: Any, out: bytearray) -> None:
        self._met += 1
        number = self._seen.get(id(value))
        if number is not None:
            out += _SEEN
            write_count(number, out)
            return
        self._seen[id(value)] = len(self._seen)
        self._kept_alive.append(value)
        self.write_object(value, name, content_of_it(value), out)

    def _write_function(self, function: types.FunctionType, out: bytearray) -> None:
        """Append a function as a numbered dict of `code`, `closure` and `default`.

        The result equals that of `_write_numbered`, but is quicker: functions are many.
        """
        code = code_of(function.__code__)
        if code.origin_for(former=self._former) is not _PROJECT:
            origin = self._origin_of_module(function.__module__ or "")
            named = None if origin is _PROJECT else _name_if_importable(function, origin)
            if named is not None:
                self.write_object(function, "function", named, out)
                return
            if origin is _PROJECT and hasattr(function, "__wrapped__"):
                self._write_numbered(function, "wrapper", self._wrapper_content, out)
                return
        self._met += 1
        identity = id(function)
        number = self._seen.get(identity)
        if number is not None:
            out += _SEEN
            write_count(number, out)
            return
        self._seen[identity] = len(self._seen)
        self._kept_alive.append(function)
        self._enter(function)
        cells = function.__closure__ if code.closure_keys else None
        has_defaults = function.__defaults__ is not None or function.__kwdefaults__ is not None
        out += _FUNCTION
        count_at = len(out)
        out.append(1 + (cells is not None) + has_defaults)
        out += _CODE_KEY
        self._write_code(code, out)
        if cells is not None:
            out += _CLOSURE_KEY
            self._write_closure(function, code, cells, out)
        if has_defaults:
            out += _DEFAULT_KEY
            self._write_defaults(function, code, out)
        out[count_at] += self._more_of_function(function, code, out)
        self._leave(function)

    def _more_of_function(self, _function: types.FunctionType, _code: Code, _out: bytearray) -> int:
        """Append more pairs, in the order of keys, and return their number; for subclasses."""
        return 0

    def _write_closure(
        self, function: types.FunctionType, code: Code, cells: tuple[types.CellType, ...], out: bytearray
    ) -> None:
        out += _DICT
        write_count(len(code.closure_keys), out)
        index = 0
        try:
            for key, index in code.closure_keys:
                out += key
                try:
                    value = cells[index].cell_contents
                except ValueError:
                    raise Unencodable(
                        f"this variable of {function.__qualname__} has no value yet; "
                        "define the job after it was assigned"
                    ) from None
                self.write(value, out)
        except Unencodable as reason:
            reason.steps.append(f" → closure {function.__code__.co_freevars[index]!r}")
            raise

    def _write_defaults(self, function: types.FunctionType, code: Code, out: bytearray) -> None:
        values = function.__defaults__ or ()
        keywords = function.__kwdefaults__ or {}
        entries = [(key, values[index]) for key, index in code.default_keys(len(values))]
        if keywords:
            entries += [(encode_name(name), value) for name, value in keywords.items()]
            entries.sort(key=itemgetter(0))
        out += _DICT
        write_count(len(entries), out)
        for key, value in entries:
            out += key
            try:
                self.write(value, out)
            except Unencodable as reason:
                reason.steps.append(f" → default {decode_name(key)!r}")
                raise

    def _write_code(self, code: Code, out: bytearray) -> None:
        self._met += 1
        index = self._code_indices.get(code)
        if index is None:
            index = self._code_indices[code] = len(self.codes)
            self.codes.append(code)
        out += _CODE
        write_count(index, out)

    # Contents of values

    def _write_members(self, members: "Members", out: bytearray) -> None:
        out += _DICT
        write_count(len(members.by_name), out)
        for name, value in sorted(members.by_name.items()):
            out += encode_name(name)
            try:
                self._write_member(value, out)
            except Unencodable as reason:
                reason.steps.append(f" → attribute {name!r}")
                raise

    def _write_member(self, value: object, out: bytearray) -> None:
        self.write(value, out)

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

    def _origin_of_module(self, name: str) -> Origin:
        return origin_of_module(name, former=self._former)

    def _origin_of_class(self, kind: type) -> Origin:
        origin = self._origin_of_module(module_of(kind))
        if origin is Origin.PYTHON and not self._former and _is_made_for_project(kind):
            return _PROJECT
        return origin

    def _class_content(self, kind: type) -> object:
        origin = self._origin_of_class(kind)
        named = None if origin is Origin.PROJECT else _name_if_importable(kind, origin)
        if named is not None:
            return named
        if origin is Origin.PYTHON:
            return type_name(kind)
        metaclass = type(kind)
        return {
            "name": kind.__name__,
            "bases": kind.__bases__,
            "metaclass": None if metaclass is type else metaclass,
            "members": Members(self._members_of(kind)),
        }

    def _members_of(self, kind: type) -> dict[str, object]:
        """Return the members of a class that count; for subclasses."""
        return members_that_count(kind)

    def _content_of(self, value: Any) -> Content | None:
        """Return the content of a value of a type that `values` takes; for subclasses."""
        content = content_of(value)
        if content is None or self._former or is_registered(type(value)):
            return content
        return content_without_copy(value, content)

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
            "state": state if self._former else state_without_copy(value, state),
            "items": None if items is None else list(items),
            "pairs": None if pairs is None else [tuple(pair) for pair in pairs],
        }

    def _wrapper_content(self, wrapper: types.FunctionType) -> object:
        """Return the content of a project function in a decorator that does not belong to the project.

        The wrapper has the name of the project's function. The decorator's own code counts by name and version.
        """
        code = code_of(wrapper.__code__)
        module = str(wrapper.__globals__.get("__name__", ""))
        version = (
            distribution_version(module) if code.origin_for(former=self._former) is Origin.INSTALLED else ""
        )
        kept: dict[str, object] = {}
        for _, index in code.closure_keys:
            try:
                kept[code.object.co_freevars[index]] = (wrapper.__closure__ or ())[index].cell_contents
            except ValueError:
                continue  # the variable has no value yet
        registry = getattr(wrapper, "registry", None)  # functools.singledispatch
        return {
            "decorator": f"{lasting_name(module, code.name)} {version}",
            "closure": Members(kept),
            "default": (wrapper.__defaults__, wrapper.__kwdefaults__),
            "registered": dict(registry) if isinstance(registry, types.MappingProxyType) else None,
            "wrapped": wrapper.__wrapped__,  # type: ignore[attr-defined]
        }


def _is_made_for_project(kind: type) -> bool:
    """Whether a class that claims to belong to Python was made by a call, as by `make_dataclass`."""
    return _FIELDS in kind.__dict__ and _name_if_importable(kind, Origin.PYTHON) is None


_FIELDS = "__dataclass_fields__"
_ABSENT = object()


def static_attribute(value: object, name: str) -> object:
    """Return an attribute from the object's or a class's dict, as it is there; `_ABSENT` if there is none.

    No code of the object runs: it may be lazy, and make on demand whatever one asks it for.
    """
    owners: tuple[object, ...] = value.__mro__ if isinstance(value, type) else type(value).__mro__
    if not isinstance(value, (type, BaseException)):
        # Asking an exception for its dict makes one, and with an empty dict the exception counts in another way.
        owners = (value, *owners)
    for owner in owners:
        try:
            attributes = object.__getattribute__(owner, "__dict__")
        except AttributeError:
            continue
        if name in attributes:
            return attributes[name]
    return _ABSENT


def has_static_attribute(value: object, name: str) -> bool:
    """Whether the object or its class has an attribute, without running code of the object."""
    return static_attribute(value, name) is not _ABSENT


def _name_if_importable(value: Any, origin: Origin) -> str | None:
    """Return the name under which a value is importable, with its version if it is installed; else None."""
    found: Any = sys.modules.get(value.__module__)
    for step in value.__qualname__.split("."):
        found = getattr(found, step, None)
    if found is not value:
        return None
    name = lasting_name(value.__module__, value.__qualname__)
    return name if origin is Origin.PYTHON else f"{name} {distribution_version(value.__module__)}"
