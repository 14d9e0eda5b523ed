"""Name digests: digests of what global names stand for, to compare two processes that imported the same module.

The main process may have changed a module since its import (`conf.V = 7`), or a file may have been edited before the
node imports it. So both sides make digests of the names that callbacks reach. A digest consists of a letter and a hash.
The letter says what the comparison is about:

- `CODE`: a function or class under its own name. It travels by that name, so only its code can be compared. Line numbers
  and docstrings do not count.
- `MEMBERS`: the same for a class, with the names of its members; each of them has a digest of its own.
- `VALUE`: all other values, by content. So count the implementations of a function with `singledispatch`, under `REGISTRY`.
- `ABSENT`: there is no such name.

Values are taken apart as pickle does. A part that pickle cannot take apart (a lock, a connection) counts by its type: each
process has its own. What is too large counts by its first parts. The node imports this module, so it imports next to nothing.
"""

from __future__ import annotations

import marshal
import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Put = Callable[[bytes], object]

__all__ = [
    "ABSENT",
    "CODE",
    "MEMBERS",
    "MISSING",
    "REGISTRY",
    "VALUE",
    "Digests",
    "found_at",
    "has_registry",
    "is_code_of",
    "member_names",
    "members_in",
]

CODE, MEMBERS, VALUE, ABSENT = b"c", b"m", b"v", b"-"
REGISTRY = "registry"
"""The attribute that has the implementations of a function with `singledispatch`, by class."""
MISSING = object()
"""Stands for the value of a name that is not there."""

_LENGTH = 17
_MOST_PARTS = 300_000
_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes, type(...)})
_OPTIMIZED = 0x1
_STABLE = 2  # the version of marshal without references, which depend on how often an object is in use
_ENGINE = frozenset({"ppg", "ppg_graph", "ppg_invariants", "ppg_exec", "ppg_cli"})
_IMPLICIT = frozenset({"_abc_impl"})


class _TooLarge(Exception):  # noqa: N818 - reads as what happened
    """_TooLarge: says that a value has more parts than are looked at."""


class Digests:
    """Digests: makes the digests of names of one process.

    `classes` collects the classes that values were found to be instances of.
    """

    def __init__(self) -> None:
        # `hashlib` would load OpenSSL, and every fork would pay for that.
        from _blake2 import blake2b  # noqa: PLC0415 - only runs with watched names need it

        self._new_hash: Callable[..., Any] = blake2b
        self.classes: dict[type, None] = {}
        self._seen: dict[int, int] = {}
        self._kept_alive: list[object] = []

    def of(self, module: str, path: str, value: object) -> bytes:
        """The digest of the value of a name of a module, or of a class there ("Settings.depth")."""
        if value is MISSING:
            return ABSENT
        if is_code_of(module, path, value):
            return self.like(MEMBERS if isinstance(value, type) else CODE, value)
        return self.like(VALUE, value)

    def like(self, letter: bytes, value: object) -> bytes:
        """The digest of a value for a comparison with one that begins with `letter`."""
        if value is MISSING:
            return ABSENT
        self._seen.clear()
        self._kept_alive.clear()
        hashed = self._new_hash(digest_size=16)
        try:
            if letter == VALUE:
                self._write(value, hashed.update)
            else:
                self._write_code_of(value, hashed.update)
        except _TooLarge:
            pass  # what was looked at counts
        except RecursionError:
            # How deep that is depends on the process.
            hashed = self._new_hash(_type_name(value), digest_size=16)
        names = (
            "\n".join(member_names(value)).encode() if letter == MEMBERS and isinstance(value, type) else b""
        )
        return letter + bytes(hashed.digest()) + names

    # ---- code under its own name

    def _write_code_of(self, value: object, put: Put) -> None:
        """Write the code of a function, with that of the functions which it wraps or captures; or of a class."""
        put(_type_name(value))
        if isinstance(value, type):
            put(repr([(base.__module__, base.__qualname__) for base in value.__bases__]).encode())
            if members := vars(value).get("_member_map_"):  # an enum
                for name, member in members.items():
                    put(name.encode())
                    self._write(vars(member).get("_value_"), put)
            return
        waiting = [value]
        seen = set()
        for each in waiting:
            if id(each) in seen:
                continue
            seen.add(id(each))
            wrapped = _attribute(each, "__wrapped__")
            if type(each) is types.FunctionType:
                self._write_function(each, put)
                captured = [value for cell in each.__closure__ or () for value in _contents(cell)]
                waiting += [value for value in captured if type(value) is types.FunctionType]
                # Others may serve as a memory of former calls.
                if not _rebinds(each.__code__):
                    self._write_all([value for value in captured if _is_constant(value)], put)
            if wrapped is not None:
                waiting.append(wrapped)

    def _write_function(self, function: types.FunctionType, put: Put) -> None:
        put(marshal.dumps(_plain_code(function.__code__), _STABLE))
        # Other values may serve as a memory of former calls.
        defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        for value in defaults:
            if _is_constant(value):
                self._write(value, put)
            else:
                put(_type_name(value))

    # ---- values

    def _write(self, value: Any, put: Put) -> None:
        kind = type(value)
        if kind in _ATOMS:
            put(marshal.dumps(value, _STABLE))
            return
        if kind is not tuple and kind is not frozenset:
            number = self._seen.get(id(value))
            if number is not None:
                put(b"@%d;" % number)
                return
            self._seen[id(value)] = len(self._seen)
            self._kept_alive.append(value)  # so that no other object gets its id
        if len(self._seen) > _MOST_PARTS:
            raise _TooLarge
        put(_type_name(value))
        if kind is tuple or kind is list:
            self._write_all(value, put)
        elif kind is dict:
            self._write_all([part for pair in value.items() for part in pair], put)
        elif kind is types.MappingProxyType:
            self._write(dict(value), put)
        elif kind is set or kind is frozenset:
            self._write_set(value, put)
        elif isinstance(value, types.ModuleType):
            put(str(_namespace_of(value).get("__name__")).encode())
        elif kind is types.FunctionType:
            put(f"{value.__module__}.{value.__qualname__}".encode())
            self._write_code_of(value, put)
        elif kind is types.CodeType:
            put(marshal.dumps(_plain_code(value), _STABLE))
        elif isinstance(value, type):
            self.classes[value] = None
            put(f"{value.__module__}.{value.__qualname__}".encode())
        elif kind is types.MethodType:
            self._write_all((value.__func__, value.__self__), put)
        elif kind is property:
            self._write_all((value.fget, value.fset, value.fdel), put)
        elif kind is staticmethod or kind is classmethod:
            self._write(value.__func__, put)
        else:
            self._write_object(value, put)

    def _write_all(self, values: Any, put: Put) -> None:
        put(b"%d:" % len(values))
        for value in values:
            self._write(value, put)

    def _write_set(self, values: Any, put: Put) -> None:
        # The order of a set differs from process to process.
        digests = []
        for value in values:
            hashed = self._new_hash(digest_size=16)
            self._write(value, hashed.update)
            digests.append(bytes(hashed.digest()))
        put(b"%d:" % len(digests))
        for digest in sorted(digests):
            put(digest)

    def _write_object(self, value: Any, put: Put) -> None:
        kind = type(value)
        self.classes.update(dict.fromkeys(kind.__mro__))
        if any(base.__module__.partition(".")[0] in _ENGINE for base in kind.__mro__):
            return  # jobs count by their names, which callbacks bring along
        wrapped = _attribute(value, "__wrapped__")
        if wrapped is not None:  # a function with `lru_cache`, for example: not what it has cached
            self._write(wrapped, put)
            return
        try:
            reduced = value.__reduce_ex__(2)
            if type(reduced) is not str:
                make, arguments, *rest = reduced
                state, items, pairs = (*rest[:3], None, None, None)[:3]
                if type(state) is dict:
                    state = {name: part for name, part in state.items() if not _is_cached(kind, name)}
                listed = None if items is None else list(items)
                reduced = (make, arguments, state, listed, None if pairs is None else list(pairs))
        except Exception:  # noqa: BLE001 - user code decides what it raises; such an object counts by its type
            return
        self._kept_alive.append(reduced)
        self._write(reduced, put)


def is_code_of(module: str, path: str, value: Any) -> bool:
    """Whether a value is a function or class that pickle refers to by just this name."""
    kind = type(value)
    if not (
        kind is types.FunctionType or isinstance(value, type) or _attribute(value, "__wrapped__") is not None
    ):
        return False
    return _attribute(value, "__module__") == module and _attribute(value, "__qualname__") == path


def has_registry(value: object) -> bool:
    """Whether a value is a function with `singledispatch`."""
    return type(value) is types.FunctionType and type(vars(value).get(REGISTRY)) is types.MappingProxyType


def found_at(module: str, path: str) -> object:
    """The value of a name in an imported module, or `MISSING`; runs no code of the module."""
    loaded = sys.modules.get(module)
    if not isinstance(loaded, types.ModuleType):
        return MISSING
    first, *rest = path.split(".")
    found = _namespace_of(loaded).get(first, MISSING)
    for name in rest:
        has_names = isinstance(found, type) or (name == REGISTRY and has_registry(found))
        found = vars(found).get(name, MISSING) if has_names else MISSING
    return found


def members_in(digest: bytes) -> tuple[bytes, frozenset[str]]:
    """A digest with `MEMBERS` without the names of the members, and these."""
    return digest[:_LENGTH], frozenset(digest[_LENGTH:].decode().split("\n"))


def member_names(kind: type) -> list[str]:
    """The names of the members of a class that are compared: no enum's, and few with underscores on both sides."""
    if "_member_map_" in vars(kind):
        return []
    return sorted(
        name
        for name, value in vars(kind).items()
        if name not in _IMPLICIT and (not name.startswith("__") or type(value) is types.FunctionType)
    )


def _plain_code(code: types.CodeType) -> tuple[Any, ...]:
    """What a code object does, without its place and its docstring."""
    constants = [
        _plain_code(constant) if isinstance(constant, types.CodeType) else constant
        for constant in code.co_consts
    ]
    if code.co_flags & _OPTIMIZED and constants and type(constants[0]) is str:
        constants[0] = None  # the docstring
    return (
        code.co_flags,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_code,
        tuple(constants),
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_exceptiontable,
    )


def _type_name(value: object) -> bytes:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__};".encode()


def _namespace_of(module: types.ModuleType) -> dict[str, object]:
    # A lazy module is imported by a look at its attributes.
    namespace: dict[str, object] = types.ModuleType.__getattribute__(module, "__dict__")
    return namespace


def _attribute(value: object, name: str) -> object:
    """An attribute of a function, a class or a wrapper of functools; None for a value that makes it on demand."""
    if isinstance(value, type) or type(value) is types.FunctionType or type(value).__module__ == "functools":
        return getattr(value, name, None)
    return None


def _contents(cell: types.CellType) -> list[object]:
    """The value of a captured variable, in a list; nothing if it has no value yet."""
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def _is_constant(value: object) -> bool:
    """Whether a value cannot change: an atom, or a tuple or frozenset of constants."""
    if type(value) is tuple or type(value) is frozenset:
        return all(map(_is_constant, value))
    return type(value) in _ATOMS


def _rebinds(code: types.CodeType) -> bool:
    """Whether code, or code in it, may give a captured variable another value (`nonlocal`)."""
    from opcode import opmap  # noqa: PLC0415 - few watched functions capture variables

    return opmap["STORE_DEREF"] in code.co_code[::2] or any(
        _rebinds(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)
    )


def _is_cached(kind: type, name: object) -> bool:
    """Whether an attribute is the cached value of a `functools.cached_property`."""
    for base in kind.__mro__:
        member = vars(base).get(str(name))
        if member is not None:
            return type(member).__name__ == "cached_property"
    return False
