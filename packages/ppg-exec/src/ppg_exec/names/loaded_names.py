"""Loaded names: keeps the global variables that loads have bound.

A function that travels by value brings the script's values of the globals that it names. The script's value of a
global that a load binds is the one from before the load, because a load runs in the node alone. So the node compares
the namespaces before and after each load. A name that is bound to another object, or deleted, is the node's own from
then on: messages do not change it, only loads do.

The names are kept in the namespace itself, under `KEY`. So every fork has them, and so has the rebuilding of a function.
A namespace of `__main__` has a copy in the node's own main module, in which multiprocessing looks names up.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

__all__ = ["KEY", "Bindings", "begin_namespace", "update_namespace"]

KEY = "__ppg_loaded__"
_OWN = frozenset({KEY, "__builtins__"})
_MISSING = object()


def begin_namespace(namespace: dict[str, Any]) -> None:
    """Prepare a namespace that has just arrived; a load may have bound names of it in the main module already."""
    namespace["__builtins__"] = __builtins__
    if _is_main(namespace):
        main = _main_module()
        if main is not namespace and (names := main.get(KEY)):
            _copy(main, namespace, names)


def update_namespace(namespace: dict[str, Any], named: Mapping[str, Any], *, is_main: bool) -> None:
    """Bind the globals that a function brings, except those that loads have bound."""
    loaded = namespace.get(KEY)
    if loaded:
        named = {name: value for name, value in named.items() if name not in loaded}
    namespace.update(named)
    if is_main or _is_main(namespace):
        # multiprocessing looks up what a callback hands to it by name, in the process's own main module.
        main = _main_module()
        for name, value in named.items():
            if not name.startswith("__"):
                main[name] = value


class Bindings:
    """Bindings: holds what the names of namespaces are bound to before a load."""

    def __init__(self, namespaces: Iterable[dict[str, Any]]) -> None:
        self._main = main = _main_module()
        others = [namespace for namespace in namespaces if namespace is not main]
        # These copies keep what a load replaces until the load has ended.
        self._before = [(namespace, dict(namespace)) for namespace in (main, *others)]

    def keep_changes(self) -> None:
        """Note the names that were bound or deleted since; those of `__main__` are the same in its main module."""
        main = self._main
        of_main = [namespace for namespace, _ in self._before[1:] if _is_main(namespace)]
        # The main module comes first: where the script's own functions have bound the same name, theirs counts.
        for namespace, before in self._before:
            changed = [
                name
                for name in {**before, **namespace}
                if name not in _OWN and namespace.get(name, _MISSING) is not before.get(name, _MISSING)
            ]
            if not changed:
                continue
            namespace[KEY] = namespace.get(KEY, frozenset()).union(changed)
            if namespace is main:
                for other in of_main:
                    _copy(main, other, changed)
            elif _is_main(namespace):
                _copy(namespace, main, changed)
        self._before.clear()


def _copy(source: dict[str, Any], target: dict[str, Any], names: Iterable[str]) -> None:
    """Give the target the bindings of these names, and note that loads have made them."""
    for name in names:
        if name in source:
            target[name] = source[name]
        else:
            target.pop(name, None)
    target[KEY] = target.get(KEY, frozenset()).union(names)


def _is_main(namespace: Mapping[str, Any]) -> bool:
    return namespace.get("__name__") == "__main__"


def _main_module() -> dict[str, Any]:
    # User code may have emptied `sys.modules`.
    return getattr(sys.modules.get("__main__"), "__dict__", {})
