"""Import effects: finds what the import of a module, not loaded, changes in other modules.

A plugin may enter its functions into the table of another module. The import of the plugin makes the entry, so its
statements count for each user of the table. One module imports others, in circles, too; so what the import of a module
does is an item that refers to those of the modules that it imports. See `components` for their digests.
"""

import types
from collections.abc import Callable, Iterator, Mapping

from ppg_invariants.functions.global_names import Resolved
from ppg_invariants.functions.unloaded import (
    IMPORTING,
    Binding,
    Outward,
    StandIn,
    Statements,
    notes_subclasses,
)

__all__ = ["Effects", "ImportEffects"]


class Effects:
    """Effects: stands for what the import of one module does to others.

    Attributes:
        own: the statements of the module itself.
        names: the names of the module.
        imported: the same of the modules that it imports, as far as they do anything.
    """

    __slots__ = ("imported", "names", "own")

    def __init__(self, own: list[Resolved], names: Mapping[str, object]) -> None:
        self.own: list[Resolved] = own
        self.names: Mapping[str, object] = names
        self.imported: list[Resolved] = []


class ImportEffects:
    """Import effects: knows the effects of the modules in one round of fingerprints.

    Parameters:
        find: returns a module of the project, loaded or not; None for all others.
        stand_in_of: returns the stand-in for a module that `find` has returned; None if it is loaded.
    """

    def __init__(
        self,
        find: Callable[[str], types.ModuleType | None],
        stand_in_of: Callable[[str], StandIn | None],
    ) -> None:
        self._find = find
        self._stand_in_of = stand_in_of
        self._imports: dict[str, list[str]] = {}
        self._effects: dict[str, Effects] = {}
        """Of the modules with an effect, their own or by a module that they import."""

    def of_imports(self, name: str) -> list[Resolved]:
        """Return the effects of the modules that a module imports, and of the packages around it."""
        if name not in self._imports:
            self._discover(name)
        return self._resolved(name)

    def _resolved(self, name: str) -> list[Resolved]:
        return [
            Resolved(f"{one} {IMPORTING} elsewhere", effects, effects.names)
            for one in self._imports[name]
            if (effects := self._effects.get(one)) is not None
        ]

    def _discover(self, name: str) -> None:
        """Take in all modules that the import of one leads to."""
        new, pending = list[str](), [name]
        while pending:
            one = pending.pop()
            if one not in self._imports:
                new.append(one)
                self._imports[one] = sorted(set(self._imported_by(one)))
                pending += self._imports[one]
        self._note_effects(new)
        for one in new:
            if one in self._effects:
                self._effects[one].imported = self._resolved(one)

    def _note_effects(self, new: list[str]) -> None:
        """Note the new modules with an effect. What was known before leads to no new module."""
        importers: dict[str, list[str]] = {}
        reached: list[str] = []
        for one in new:
            own = self._own(one)
            for other in self._imports[one]:
                importers.setdefault(other, []).append(one)
            if own.own or any(other in self._effects for other in self._imports[one]):
                self._effects[one] = own
                reached.append(one)
        while reached:
            for one in importers.get(reached.pop(), ()):
                if one not in self._effects:
                    self._effects[one] = self._own(one)
                    reached.append(one)

    def _imported_by(self, name: str) -> Iterator[str]:
        """Yield the modules of the project that the import of a module imports."""
        package = name.rpartition(".")[0]
        made = self._stand_in_of(name)
        if made is None:
            return
        if package and self._find(package) is not None:
            yield package
        for module, attribute in made.imported:
            found = self._find(module)
            if found is None:
                continue
            yield module
            if attribute is not None and self._find(f"{module}.{attribute}") is not None:
                yield f"{module}.{attribute}"

    def _own(self, name: str) -> Effects:
        made = self._stand_in_of(name)
        if made is None:
            return Effects([], {})
        names = vars(made.module)
        own = [
            Resolved(f"{name} {IMPORTING} {position}", outward.made, names)
            for position, outward in enumerate(made.outward)
            if self._leads_to_project(outward, names)
        ]
        return Effects(own, names)

    def _leads_to_project(self, outward: Outward, names: Mapping[str, object]) -> bool:
        if outward.names is None or any(self._imported(name, names) is not None for name in outward.names):
            return True
        for name in outward.bases:
            imported = self._imported(name, names)
            base = None if imported is None else vars(imported[0]).get(imported[1])
            if isinstance(base, Statements) and notes_subclasses(base):
                return True
        return False

    def _imported(self, name: str, names: Mapping[str, object]) -> tuple[types.ModuleType, str] | None:
        """Return the module of the project from which a name is imported, and its name there; None if there is none."""
        binding = names.get(name)
        if not isinstance(binding, Binding):
            return None
        module = self._find(binding.module)
        return None if module is None else (module, binding.attribute or "")
