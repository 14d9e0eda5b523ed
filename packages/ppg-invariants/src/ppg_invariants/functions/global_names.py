"""Global names: finds what the global names in code stand for, and encodes it."""

import functools
import types
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

from ppg_invariants.compiled.code import Code, code_of
from ppg_invariants.compiled.origin import Origin, distribution_version, origin_of_file, origin_of_module
from ppg_invariants.engine_names import lasting_module
from ppg_invariants.errors import CannotFingerprint
from ppg_invariants.objects.captured import Members, has_static_attribute, static_attribute
from ppg_invariants.objects.watched import MOST_BYTES, MOST_PARTS, TooLargeError, size_in_bytes
from ppg_invariants.objects.whole_objects import WholeObjectsEncoder, parts_of_item
from ppg_invariants.values.encoding import Encoder
from ppg_invariants.values.tags import Unencodable, type_name

__all__ = [
    "WHOLE_MODULE",
    "FollowingEncoder",
    "Resolved",
    "ValueEncoder",
    "encode_item",
    "encoded_constant",
    "is_code",
    "is_whole",
    "path_in_project",
    "resolve",
]

WHOLE_MODULE = code_of(compile("", "<module>", "exec"))
"""Stands, among code that was met, for a module that is a value: any of its names may be read."""
_CONSTANTS = (type(None), bool, int, float, complex, str, bytes)


def is_whole(value: object) -> bool:
    """Whether a value is a module of the project, which counts by all that it defines.

    Modules of other classes, which may be lazy, count by their names.
    """
    return type(value) is types.ModuleType and origin_of_module(value) is Origin.PROJECT


class FollowingEncoder(WholeObjectsEncoder):
    """Following encoder: notes the functions that it meets, and accepts class members without content."""

    def __init__(self, *, former: bool = False, items: bool = False) -> None:
        super().__init__(former=former, items=items)
        self.met: list[tuple[Code, Mapping[str, object]]] = []

    def _more_of_function(self, function: types.FunctionType, code: Code, out: bytearray) -> int:
        self.met.append((code, function.__globals__))
        return super()._more_of_function(function, code, out)

    def _write_module(self, module: types.ModuleType, out: bytearray) -> None:
        super()._write_module(module, out)
        if not self._former and is_whole(module):
            self.met.append((WHOLE_MODULE, vars(module)))

    def _write_member(self, value: object, out: bytearray) -> None:
        """Append a class member; without comparable content it counts by its type, not by its parts."""
        size, seen, codes, met = len(out), len(self._seen), len(self.codes), len(self.met)
        enclosing = dict(self._enclosing)
        try:
            self.write(value, out)
        except TooLargeError:
            raise
        except Unencodable:
            del out[size:]
            del self.codes[codes:]
            del self.met[met:]
            while len(self._seen) > seen:
                self._seen.popitem()
            while len(self._code_indices) > codes:
                self._code_indices.popitem()
            self._enclosing = enclosing
            self.write_object(value, "not comparable", type_name(type(value)), out)


class ValueEncoder(FollowingEncoder):
    """Value encoder: encodes the value of a global name, within the limits of `watched`."""

    def __init__(self, root: str | None) -> None:
        super().__init__(items=True)
        self._parts = 0
        self._root = root

    def write(self, value: Any, out: bytearray) -> None:
        """Append the encoding of any value, unless there is too much."""
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise TooLargeError(f"it has more than {MOST_PARTS:,} parts")
        if len(out) > MOST_BYTES or size_in_bytes(value) > MOST_BYTES:
            raise TooLargeError(f"it has more than {MOST_BYTES >> 20} MiB")
        if isinstance(value, (str, PurePath)):
            inside = path_in_project(value, self._root)
            if inside is not None:
                self.write_object(value, "path in the project", (type_name(type(value)), inside), out)
                return
        super().write(value, out)

    def _instance_content(self, value: Any) -> object:
        content = super()._instance_content(value)
        if isinstance(content, dict) and isinstance(content["state"], dict):
            kind = type(value)
            kept = {
                name: part
                for name, part in content["state"].items()
                if not isinstance(static_attribute(kind, name), functools.cached_property)
            }
            content["state"] = kept or None  # a dict may be made only when the object is asked for it
        return content


def path_in_project(value: object, root: str | None) -> str | None:
    """Return the rest of a path below the project's root, so that a project that was moved is the same; else None."""
    if root is None:
        return None
    text = str(value)
    return text[len(root) :] if text == root or text.startswith(f"{root}/") else None


def encode_item(value: object, *, former: bool = False) -> tuple[bytes, FollowingEncoder]:
    """Return the encoding of a function or class that names stand for, and the encoder; it cannot fail."""
    encoder = FollowingEncoder(former=former, items=True)
    try:
        return encoder.encode(value, root="item"), encoder
    except CannotFingerprint:
        # A default, for example, may have no comparable content, but the code has.
        encoder = FollowingEncoder(former=former, items=True)
    functions = _functions_in(value)
    if not functions:
        parts = {} if former else parts_of_item(value)
        content: object = (type_name(type(value)), Members(parts)) if parts else type_name(type(value))
        return encoder.encode(content, root="item"), encoder
    encoded = encoder.encode([function.__code__ for function in functions], root="item")
    encoder.met += [
        (code_of(function.__code__), function.__globals__)
        for function in functions
        if origin_of_file(function.__code__.co_filename, former=former) is Origin.PROJECT
    ]
    return encoded, encoder


def encoded_constant(value: object, root: str | None = None) -> bytes:
    """Return the encoding of a constant or a module; empty bytes for other values.

    With `root`, paths in the project count relative to it.
    """
    if isinstance(value, types.ModuleType):
        value = f"module {lasting_module(value.__name__)}"
    elif not _is_constant(value):
        return b""
    if root is not None:
        try:
            return ValueEncoder(root).encode(value, root="constant")[1:]
        except CannotFingerprint:
            pass  # it is beyond the limits of values, which constants do not have
    return Encoder().encode(value, root="constant")[1:]


def _is_constant(value: object) -> bool:
    if type(value) is tuple or type(value) is frozenset:
        return all(map(_is_constant, value))
    return type(value) in _CONSTANTS


class Resolved(NamedTuple):
    """Resolved: a name as the code spells it, its value, and the globals that have its last part."""

    name: str
    value: object
    namespace: Mapping[str, object]


def resolve(chain: tuple[str, ...], names: Mapping[str, object], *, former: bool = False) -> Resolved | None:
    """Return what a chain of names refers to; None if that does not count."""
    if chain[0] not in names:
        return None  # the name is a built-in, or not defined yet
    namespace, value, used = names, names[chain[0]], 1
    while isinstance(value, types.ModuleType) and used < len(chain):
        origin = origin_of_module(value.__name__, former=former)
        if origin is Origin.PYTHON:
            return None
        if origin is Origin.INSTALLED:
            version = f"{lasting_module(value.__name__)} {distribution_version(value.__name__)}"
            return Resolved(".".join(chain), version, namespace)
        namespace = vars(value)
        if chain[used] not in namespace:
            return None
        value = namespace[chain[used]]
        used += 1
    return Resolved(".".join(chain[:used]), value, namespace)


def is_code(value: object) -> bool:
    """Whether a value is a function, a class, or a wrapper of these."""
    if type(value) is tuple or type(value) is frozenset:
        return any(map(is_code, value))
    if isinstance(value, (types.FunctionType, type, functools.partial)):
        return True
    return has_static_attribute(value, "__wrapped__") and callable(getattr(value, "__wrapped__", None))


def _functions_in(value: object) -> list[types.FunctionType]:
    """Return a function, and the functions that it wraps according to ``__wrapped__``."""
    found: list[types.FunctionType] = []
    while isinstance(value, types.FunctionType) and value not in found:
        found.append(value)
        value = getattr(value, "__wrapped__", None)
    return found
