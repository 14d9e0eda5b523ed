"""Node names: lets watched names stand for the same in this process as in the main process.

The main process sends digests of the names that callbacks reach (`name_digests`). When a module of these is imported here,
its names are compared before any task uses them. The main process sends the values of those that differ, once, and they
are set here. What the main process cannot send (edited code, a connection) stays as it is, and the main process notes that.

`InterruptedImport` ends a job at the import, if values differ that the main process can send: the job runs again, in a
process that has them. The node itself asks at once.
"""

from __future__ import annotations

import os
import sys
import types

from ppg_exec.names.name_digests import (
    ABSENT,
    MEMBERS,
    MISSING,
    REGISTRY,
    VALUE,
    Digests,
    found_at,
    has_registry,
    member_names,
    members_in,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

__all__ = ["InterruptedImport", "NodeNames"]


class InterruptedImport(BaseException):
    """InterruptedImport: ends a job that has imported a module with other values than in the main process.

    It is not an Exception, so that `except Exception` around an import does not swallow it.
    """


class NodeNames:
    """NodeNames: holds what watched names stand for in the main process, and compares modules once they are imported."""

    def __init__(self) -> None:
        self.ask: Callable[[list[tuple[str, str]]], object] | None = None
        """Called with names that differ; the node sets it, and job processes do not have it."""
        self.is_after_load: bool = False
        """Whether a load has run here; it may have changed what was imported before."""
        self.differing: tuple[tuple[str, str], ...] = ()
        """Names that differ from those of the main process, as far as this process could not set them."""
        self._expected: dict[str, dict[str, bytes]] = {}
        self._values: dict[str, dict[str, object]] = {}
        self._imported: list[str] = []
        self._depth = 0
        self._process = os.getpid()
        self._digests: Digests | None = None

    def expect(self, names: Mapping[str, Mapping[str, bytes]]) -> None:
        """Take in digests of the main process, by module and path."""
        if not self._expected:
            sys.meta_path.insert(0, _Finder(self))
        for module, digests in names.items():
            self._expected.setdefault(module, {}).update(digests)
            if module in sys.modules and not self.is_after_load:
                self._imported.append(module)
        self.begin()
        self.end()

    def is_watched(self, module: str) -> bool:
        """Whether a module has names to compare."""
        return module in self._expected

    def begin(self) -> None:
        """Begin a section with imports; names are compared at its end, because modules change each other."""
        self._depth += 1

    def end(self) -> None:
        """End a section with imports; compare the modules that were imported in it.

        Raises InterruptedImport, in a job process.
        """
        self._depth -= 1
        if self._depth or not self._imported:
            return
        modules, self._imported = self._imported, []
        differing = [name for module in modules for name in self._differing_in(module)]
        if not differing:
            return
        if self.ask is not None and os.getpid() == self._process:
            self.ask(differing)
            return
        self.differing += tuple(differing)
        if any(self._expected[module].get(path, ABSENT)[:1] in {VALUE, ABSENT} for module, path in differing):
            raise InterruptedImport

    def has_imported(self, module: str) -> None:
        """Note that a module was imported in the present section."""
        self._imported.append(module)

    def take_values(self, entries: Iterable[tuple[str, str, bool, object]]) -> list[tuple[str, str, str]]:
        """Set names to values of the main process, now or at the import; returns those that cannot be set, with why.

        An entry has a module and a path, whether there is such a name, and its value.
        """
        failed = []
        for module, path, is_there, value in entries:
            self._values.setdefault(module, {})[path] = value if is_there else MISSING
            if module in sys.modules and module not in self._imported:
                try:
                    self._set(module, path)
                except Exception as error:  # noqa: BLE001 - a metaclass decides what it raises
                    failed.append((module, path, f"{type(error).__name__}: {error}"))
        return failed

    def give_up(self, names: Iterable[tuple[str, str]]) -> None:
        """Compare these names no more."""
        for module, path in names:
            self._expected[module].pop(path, None)

    def _differing_in(self, module: str) -> list[tuple[str, str]]:
        self._digests = digests = self._digests or Digests()
        differing = []
        for path, expected in self._expected[module].items():
            value = found_at(module, path)
            if expected == ABSENT:
                # A submodule is there once it is imported.
                paths = [] if value is MISSING or isinstance(value, types.ModuleType) else [path]
            elif expected[:1] == MEMBERS and isinstance(value, type):
                paths = self._differing_members(path, value, expected)
            else:
                paths = [] if digests.like(expected[:1], value) == expected else [path]
            for each in paths:
                if each in self._values.get(module, ()):
                    self._set(module, each)
                else:
                    differing.append((module, each))
        return differing

    def _differing_members(self, path: str, kind: type, expected: bytes) -> list[str]:
        assert self._digests is not None
        known = members_in(expected)
        if members_in(self._digests.like(MEMBERS, kind))[0] != known[0]:
            return [path]
        return [f"{path}.{name}" for name in member_names(kind) if name not in known[1]]

    def _set(self, module: str, path: str) -> None:
        value = self._values[module][path]
        owner_path, _, name = path.rpartition(".")
        if owner_path:
            owner: Any = found_at(module, owner_path)
            if name == REGISTRY and has_registry(owner):
                for kind, function in dict(value).items():  # type: ignore[call-overload]
                    if kind not in owner.registry:
                        owner.register(kind, function)
            elif value is not MISSING:
                setattr(owner, name, value)
            elif found_at(module, path) is not MISSING:
                delattr(owner, name)
        else:
            namespace = types.ModuleType.__getattribute__(sys.modules[module], "__dict__")
            if value is MISSING:
                namespace.pop(name, None)
            else:
                namespace[name] = value


class _Finder:
    """_Finder: has watched modules compared after their import; other finders find them."""

    def __init__(self, names: NodeNames) -> None:
        self._names = names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if not self._names.is_watched(name):
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self._names)
                return spec
        return None


class _Loader:
    """_Loader: takes the place of a module's loader until the module is executed."""

    def __init__(self, loader: Any, names: NodeNames) -> None:
        self._loader = loader
        self._names = names

    def create_module(self, spec: Any) -> Any:
        create = getattr(self._loader, "create_module", None)
        return None if create is None else create(spec)

    def exec_module(self, module: Any) -> None:
        # The module, and code that looks at it, find the loader that they would have without ppg.
        module.__spec__.loader = module.__loader__ = self._loader
        self._names.begin()
        try:
            self._loader.exec_module(module)
            self._names.has_imported(module.__name__)
        finally:
            self._names.end()
