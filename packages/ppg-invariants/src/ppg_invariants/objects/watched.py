"""Watched: decides which values of global names count, and names those that cannot count.

A callback reads `CONFIG`, and the value of `CONFIG` decides what it writes. So the values of global names count by
content: dicts and lists, arrays and frames, instances with the code of their class. Some do not:

- names that the user excluded with `unwatch`;
- locks, loggers, weak references and the like, which never decide a result;
- values without comparable content (connections, open files), and values beyond `MOST_BYTES` or `MOST_PARTS`. These
  are *left out*, and a run warns of each once.

Both limits are counted, not measured in seconds, so that the same value is watched on every machine and at any load.

Other processes that import a module of the project must find the same values there (`names_read` lists the names).
"""

import builtins
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ppg_invariants.compiled.origin import Origin, origin_of_module
from ppg_invariants.values.tags import Unencodable, module_of

__all__ = [
    "MOST_BYTES",
    "MOST_PARTS",
    "LeftOut",
    "TooLargeError",
    "is_of_project",
    "is_silent",
    "is_unwatched",
    "names_read",
    "size_in_bytes",
    "unwatch",
]

MOST_BYTES = 256 << 20
"""Size of the largest value that counts, in bytes of its content."""
MOST_PARTS = 300_000
"""Number of objects in the largest value that counts; encoding so many takes about a second."""

_SILENT = {
    "_thread": ("LockType", "RLock", "lock", "_local"),
    "threading": ("Condition", "Event", "Semaphore", "Barrier", "Thread", "local"),
    "logging": ("Logger", "LoggerAdapter", "Handler", "Formatter", "Filter"),
    "weakref": (
        "ref",
        "ProxyType",
        "CallableProxyType",
        "WeakKeyDictionary",
        "WeakValueDictionary",
        "WeakSet",
    ),
    "_contextvars": ("ContextVar", "Token", "Context"),
}
"""Classes by module. A value of them can exist only after the module was imported, so none is imported here."""
_unwatched: set[tuple[str, str]] = set()


class TooLargeError(Unencodable):
    """Too large error: a value is beyond the limits."""


class LeftOut(NamedTuple):
    """Left out: a global name with a value that cannot count.

    Attributes:
        name: the name, as the code spells it.
        why: what keeps the value from being compared.
        is_module: whether it is the name of a module that a function imports.
    """

    name: str
    why: str
    is_module: bool = False


def unwatch(module: str, names: Iterable[str]) -> None:
    """Let the values of these global names of a module not count, in any function."""
    _unwatched.update((module, name) for name in names)


def is_unwatched(names: Mapping[str, object], name: str) -> bool:
    """Whether `unwatch` was called for a name in these globals."""
    return bool(_unwatched) and (str(names.get("__name__")), name) in _unwatched


def is_silent(value: object) -> bool:
    """Whether a value is of a type that never decides a result."""
    return any(
        any(getattr(sys.modules.get(module), name, None) is base for name in names)
        for base in type(value).__mro__
        for module, names in _SILENT.items()
    )


def size_in_bytes(value: Any) -> int:
    """Return the size of an array's or frame's data, without looking at it; 0 for other values."""
    kind = type(value)
    top = module_of(kind).partition(".")[0]
    if top == "numpy":
        return int(getattr(value, "nbytes", 0))
    if top == "pandas" and hasattr(kind, "memory_usage"):
        usage = value.memory_usage()
        return int(usage if isinstance(usage, int) else usage.sum())
    if top == "polars" and hasattr(kind, "estimated_size"):
        return int(value.estimated_size())
    if isinstance(value, (bytes, bytearray, str)):
        return len(value)
    return 0


def is_of_project(module: str) -> bool:
    """Whether an imported module is code of the user's project."""
    return origin_of_module(module) is Origin.PROJECT


def names_read(chain: tuple[str, ...], names: Mapping[str, object]) -> Iterator[tuple[str, str, object]]:
    """Yield module, name and value of each name that a chain of names reads from an imported module of the project.

    The classes of the project that the values are, or are instances of, are among them, by the names that they have at home.
    `LookupError` stands for the value of a name that is not there. Nothing is imported, and no code of a module runs.
    """
    namespace = names
    for position, name in enumerate(chain):
        module = namespace.get("__name__")
        value = namespace.get(name, LookupError)
        is_builtin = value is LookupError and position == 0 and hasattr(builtins, name)
        if not is_builtin and not is_unwatched(namespace, name) and _is_imported(module, namespace):
            yield str(module), name, value
        yield from _classes_of(value)
        if not isinstance(value, types.ModuleType):
            return
        namespace = types.ModuleType.__getattribute__(value, "__dict__")
        if not is_of_project(str(namespace.get("__name__"))):
            return


def _classes_of(value: object) -> Iterator[tuple[str, str, object]]:
    for kind in (value if isinstance(value, type) else type(value)).__mro__:
        module, name = module_of(kind), kind.__qualname__.partition(".")[0]
        if module in sys.modules and module != "__main__" and "<" not in name and is_of_project(module):
            yield module, name, kind


def _is_imported(module: object, namespace: Mapping[str, object]) -> bool:
    loaded = sys.modules.get(module) if isinstance(module, str) and module != "__main__" else None
    if not isinstance(loaded, types.ModuleType):
        return False
    return types.ModuleType.__getattribute__(loaded, "__dict__") is namespace and is_of_project(str(module))
