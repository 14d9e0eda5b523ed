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
        """Return a spec for a former module of ppg; None for all other names.

        Raises:
            ModuleNotFoundError: pypipegraph or pypipegraph2 had this module, and the message has the remedy.
        """
        if name.partition(".")[0] not in _PACKAGES:
            return None
        from ppg.porting.lookup import import_error  # noqa: PLC0415 (other imports do not come here)
        from ppg_invariants import is_old_module  # noqa: PLC0415 (only old pickles need it)

        if is_old_module(name):
            return ModuleSpec(name, self)  # type: ignore[arg-type]
        if (error := import_error(name)) is not None:
            raise error
        return None

    def create_module(self, _spec: ModuleSpec) -> None:
        """Return None, so that Python makes the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Give the module a `__getattr__` that looks its attributes up in their current modules."""
        from ppg.porting.guards import raise_for_name  # noqa: PLC0415 (the same)
        from ppg_invariants import old_definition  # noqa: PLC0415 (the same)

        def look_up(name: str) -> object:
            try:
                return old_definition(module.__name__, name)
            except AttributeError:
                raise_for_name(module.__name__, name)

        module.__getattr__ = look_up  # type: ignore[method-assign]


def resolve_old_modules() -> None:
    """Make old names of modules importable; the finder comes last, so that other imports are not slower."""
    if not any(isinstance(finder, _OldModules) for finder in sys.meta_path):
        sys.meta_path.append(_OldModules())
