"""Old modules: resolves the names that ppg's modules had before they moved, for pickles that contain them."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["resolve_old_modules"]

_PACKAGES = ("ppg", "ppg_cli", "ppg_exec", "ppg_graph", "ppg_invariants")


class _OldModules:
    """Finder and loader: makes a module for an old name, with attributes from their current modules."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for a former module of ppg; None for all other names."""
        if name.partition(".")[0] not in _PACKAGES:
            return None
        from ppg_invariants import is_old_module  # noqa: PLC0415 (only old pickles need it)

        return None if not is_old_module(name) else ModuleSpec(name, self)  # type: ignore[arg-type]

    def create_module(self, _spec: ModuleSpec) -> None:
        """Return None, so that Python makes the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Give the module a `__getattr__` that looks its attributes up in their current modules."""
        from ppg_invariants import old_definition  # noqa: PLC0415 (the same)

        def look_up(name: str) -> object:
            return old_definition(module.__name__, name)

        module.__getattr__ = look_up  # type: ignore[method-assign]


def resolve_old_modules() -> None:
    """Make old names of modules importable; the finder comes last, so that other imports are not slower."""
    if not any(isinstance(finder, _OldModules) for finder in sys.meta_path):
        sys.meta_path.append(_OldModules())
