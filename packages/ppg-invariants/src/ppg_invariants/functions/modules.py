"""Modules: finds modules and what they contain, without importing or running any.

A module that is loaded is taken as it is. A module of the project that is not loaded is read from its file; see
`unloaded`. An installed one counts by its version. Modules are found by their path, as the import would find them.
"""

import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Generator, Iterator, Mapping
from hashlib import blake2b

from ppg_invariants.compiled.imports import WHOLE, Import
from ppg_invariants.compiled.origin import Origin, distribution_version, origin_of_file, origin_of_module
from ppg_invariants.engine_names import lasting_module
from ppg_invariants.functions.global_names import Resolved, is_whole
from ppg_invariants.functions.import_effects import ImportEffects
from ppg_invariants.functions.unloaded import IMPORTING, Binding, StandIn, UnreadableError, stand_in

__all__ = ["MissingModule", "Modules"]

_LOADERS = (
    (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
    (importlib.machinery.SourceFileLoader, importlib.machinery.SOURCE_SUFFIXES),
    (importlib.machinery.SourcelessFileLoader, importlib.machinery.BYTECODE_SUFFIXES),
)


class _NotCounted:
    """Not counted: stands for parts of Python that are not loaded."""


_NOT_COUNTED = _NotCounted()
_Found = types.ModuleType | str | _NotCounted
"""A module, loaded or not; a text that stands for its content."""


class MissingModule(Exception):  # noqa: N818 (it is a finding)
    """Missing module: no module of this name is found."""


class Modules:
    """Modules: finds modules for one round of fingerprints."""

    def __init__(self) -> None:
        self._found: dict[str, _Found] = {}
        self._specs: dict[str, importlib.machinery.ModuleSpec | None] = {}
        self._stand_ins: dict[str, StandIn] = {}
        self._effects = ImportEffects(self._of_project, self._stand_in_of)

    def imported(self, one: Import, names: Mapping[str, object]) -> Iterator[Resolved]:
        """Yield what code with these globals uses of a module that it imports.

        Raises MissingModule if there is no such module.
        """
        module = _absolute_name(one, names)
        found = self._module(module)
        if one.chain == (WHOLE,):
            yield from self._whole(module, found)
        else:
            yield from self._attributes(module, found, one.chain, names)

    @staticmethod
    def chains_in_loaded(one: Import, names: Mapping[str, object]) -> Iterator[tuple[str, ...]]:
        """Yield the chains of names that code with these globals reads from a module that it imports.

        The first name of each chain is that of the module; nothing is yielded of modules that are not loaded.
        """
        try:
            module = _absolute_name(one, names)
        except MissingModule:
            return
        loaded = sys.modules.get(module)
        if not isinstance(loaded, types.ModuleType):
            return
        if one.chain == (WHOLE,):
            yield from ((module, name) for name in tuple(vars(loaded)) if not name.startswith("__"))
        else:
            yield (module, *(name for name in one.chain if name != WHOLE))

    def named(self, chain: tuple[str, ...], names: Mapping[str, object]) -> Iterator[Resolved]:
        """Yield what a global name, and attributes of it, lead to; nothing if that does not count."""
        if chain[0] in names:  # else the name is a built-in, or not defined yet
            yield from self._attributes(chain[0], names[chain[0]], (*chain[1:], WHOLE), names)

    def defined(self, names: Mapping[str, object]) -> list[str]:
        """Return the names that a module defines, and those of the modules in a package; not what it imports otherwise."""
        package = f"{names.get('__name__')}."
        return sorted(
            name
            for name, value in names.items()
            if not name.startswith("__")
            and ((module := self._name_of_module(value)) is None or module.startswith(package))
        )

    def _name_of_module(self, value: object) -> str | None:
        """Return the name of a module, or of that which an import binds; None for everything else."""
        if isinstance(value, types.ModuleType):
            return value.__name__
        if not isinstance(value, Binding):
            return None
        if value.attribute is None:
            return value.module
        name = f"{value.module}.{value.attribute}"
        return None if self._of_project(name) is None else name

    def _attributes(
        self, spelled: str, value: object, chain: tuple[str, ...], namespace: Mapping[str, object]
    ) -> Iterator[Resolved]:
        """Yield what a chain of attributes of a value leads to, as far as the value is a module.

        A module at the end counts by its name; with `WHOLE` after it, by all that it defines.
        """
        goes_on = chain[-1:] == (WHOLE,)
        rest = list(chain[:-1] if goes_on else chain)
        while True:
            followed: set[Binding] = set()
            while isinstance(value, Binding):
                if value in followed:  # the import fails, too
                    value, namespace = f"{value.module} imports {value.attribute} in a circle", {}
                    break
                followed.add(value)
                value, namespace = yield from self._bound(value)
            if not rest or not isinstance(value, types.ModuleType):
                break
            origin = origin_of_module(value)
            if origin is Origin.PYTHON:
                return
            if origin is Origin.INSTALLED:
                value = _version(value.__name__)
                spelled = ".".join((spelled, *rest))
                break
            step = rest.pop(0)
            spelled = f"{spelled}.{step}"
            yield from self._importing(value)
            namespace = vars(value)
            value = self._attribute(value, step)
        if value is _NOT_COUNTED:
            return
        if isinstance(value, types.ModuleType) and is_whole(value):
            yield Resolved(spelled, f"module {lasting_module(value.__name__)}", namespace)
            if not goes_on:
                return
            spelled = f"{spelled} {WHOLE}"
        yield Resolved(spelled, value, namespace)

    def _attribute(self, module: types.ModuleType, name: str) -> object:
        """Return an attribute of a module: its value, a module in a package, or what makes it on demand."""
        namespace = vars(module)
        if name in namespace:
            found = namespace[name]
            # `from . import sub` in a package names no attribute of the package: it imports the module.
            if not (isinstance(found, Binding) and found == (module.__name__, name)):
                return found
        try:
            return self._module(f"{module.__name__}.{name}")
        except MissingModule:
            return namespace.get("__getattr__", f"{module.__name__} has no {name}")

    def _bound(self, binding: Binding) -> Generator[Resolved, None, tuple[object, Mapping[str, object]]]:
        """Return what an import in a module that is not loaded binds, and the names of the module that has it."""
        try:
            module = self._module(binding.module)
        except MissingModule:
            return f"there is no {binding.module}", {}
        if binding.attribute is None or not isinstance(module, types.ModuleType):
            return module, {}
        origin = origin_of_module(module)
        if origin is Origin.PROJECT:
            yield from self._importing(module)
            return self._attribute(module, binding.attribute), vars(module)
        if origin is Origin.INSTALLED:
            return getattr(module, binding.attribute, _version(module.__name__)), vars(module)
        return vars(module).get(binding.attribute, _NOT_COUNTED), vars(module)

    def _importing(self, module: types.ModuleType) -> Iterator[Resolved]:
        """Yield the statements that count for each name of a module: its own, and those of modules that it imports."""
        names = vars(module)
        if IMPORTING in names:
            yield Resolved(f"{module.__name__} {IMPORTING}", names[IMPORTING], names)
        yield from self._effects.of_imports(module.__name__)

    def _of_project(self, name: str) -> types.ModuleType | None:
        try:
            found = self._module(name)
        except MissingModule:
            return None
        is_module = isinstance(found, types.ModuleType) and origin_of_module(found) is Origin.PROJECT
        return found if is_module else None  # type: ignore[return-value]

    def _stand_in_of(self, name: str) -> StandIn | None:
        made = self._stand_ins.get(name)
        return made if made is not None and made.module is self._found.get(name) else None

    def _whole(self, name: str, found: _Found) -> Iterator[Resolved]:
        """Yield all that a module of the project defines."""
        if not isinstance(found, types.ModuleType):
            if found is not _NOT_COUNTED:
                yield Resolved(name, found, {})
            return
        origin = origin_of_module(found)
        if origin is Origin.INSTALLED:
            yield Resolved(name, _version(name), {})
        elif origin is Origin.PROJECT:
            # All names follow, so the module itself is only a name here.
            yield Resolved(name, f"module {lasting_module(found.__name__)}", {})
            for attribute in self.defined(vars(found)):
                yield from self._attributes(name, found, (attribute,), {})

    def _module(self, name: str) -> _Found:
        """Return a module. Raises MissingModule."""
        if name in self._found:
            return self._found[name]
        loaded = sys.modules.get(name)
        if isinstance(loaded, types.ModuleType):
            self._found[name] = loaded
            return loaded
        spec = self._spec(name)
        if spec is None:
            raise MissingModule(name)
        return self._unloaded(name, spec)

    def _unloaded(self, name: str, spec: importlib.machinery.ModuleSpec) -> _Found:
        filename = spec.origin if spec.has_location else None
        if filename is None:
            if spec.submodule_search_locations is None:
                return _NOT_COUNTED  # a part of the interpreter
            module = types.ModuleType(name)  # a namespace package
            module.__package__ = name
            self._found[name] = module
            return module
        origin = origin_of_file(filename)
        if origin is Origin.PYTHON:
            self._found[name] = _NOT_COUNTED
        elif origin is Origin.INSTALLED:
            self._found[name] = _version(name)
        elif not filename.endswith(tuple(importlib.machinery.SOURCE_SUFFIXES)):
            self._found[name] = _content(name, filename)
        else:
            try:
                made = stand_in(name, filename, is_package=spec.submodule_search_locations is not None)
            except UnreadableError:
                self._found[name] = _content(name, filename)
            else:
                self._found[name] = made.module  # before its stars, which may lead back to it
                self._stand_ins[name] = made
                for star in made.stars:
                    self._add_public_names(star, made.module)
        return self._found[name]

    def _add_public_names(self, star: str, module: types.ModuleType) -> None:
        """Enter what ``from star import *`` binds."""
        try:
            other = self._module(star)
        except MissingModule:
            return  # the import fails
        names = vars(other) if isinstance(other, types.ModuleType) else {}
        public = names.get("__all__")
        if not isinstance(public, (list, tuple)):
            public = [name for name in names if not name.startswith("_")]
        for name in public:
            if isinstance(name, str) and name != IMPORTING:
                vars(module).setdefault(name, Binding(star, name))

    def _spec(self, name: str) -> importlib.machinery.ModuleSpec | None:
        if name not in self._specs:
            parent, _, _ = name.rpartition(".")
            self._specs[name] = self._spec_in(parent, name) if parent else _top_spec(name)
        return self._specs[name]

    def _spec_in(self, parent: str, name: str) -> importlib.machinery.ModuleSpec | None:
        loaded = sys.modules.get(parent)
        if isinstance(loaded, types.ModuleType):
            try:
                folders = list(vars(loaded).get("__path__", ()))
            except KeyError:  # the parent of a namespace package was removed from sys.modules
                folders = []
        else:
            spec = self._spec(parent)
            folders = list(spec.submodule_search_locations or ()) if spec is not None else []
        portions: list[str] = []
        for folder in folders:
            found = importlib.machinery.FileFinder(folder, *_LOADERS).find_spec(name)
            if found is not None and found.loader is not None:
                return found
            if found is not None:
                portions += found.submodule_search_locations or ()
        if not portions:
            return None
        namespace = importlib.machinery.ModuleSpec(name, None)
        namespace.submodule_search_locations = portions
        return namespace


def _top_spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """Return the spec of a module outside of packages, as the import would find it; this imports nothing."""
    try:
        return importlib.util.find_spec(name)
    except (
        ImportError,
        ValueError,
        AttributeError,
    ):  # what a finder of the user raises, or a module without spec
        return None


def _absolute_name(one: Import, names: Mapping[str, object]) -> str:
    """Return the name of a module that code with these globals imports. Raises MissingModule."""
    if not one.level:
        return one.module
    try:
        return importlib.util.resolve_name("." * one.level + one.module, _package_of(names))
    except ImportError as error:
        raise MissingModule(one.module) from error


def _package_of(names: Mapping[str, object]) -> str | None:
    package = names.get("__package__")
    if isinstance(package, str) and package:
        return package
    name = str(names.get("__name__", ""))
    return name if "__path__" in names else name.rpartition(".")[0] or None


def _version(name: str) -> str:
    return f"{lasting_module(name)} {distribution_version(name)}"


def _content(name: str, filename: str) -> str:
    """Return a text for a module that has no source, or one that cannot be compiled."""
    try:
        with open(filename, "rb") as stream:  # noqa: PTH123 (as in `origin`)
            return f"{name} {os.path.basename(filename)} {blake2b(stream.read()).hexdigest()}"  # noqa: PTH119 (as in `origin`)
    except OSError:
        return f"{name} cannot be read"
