"""Whether another process can import what this one knows by a module and a name.

Being in `sys.modules` is not enough: a script run as `__main__`, a module loaded from a path by hand and one
made by `types.ModuleType` are there, too. What belongs to such modules travels by value.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import cloudpickle

__all__ = ["Importability"]


class Importability:
    """Remembers which modules can be found by their names along `sys.path`."""

    def __init__(self) -> None:
        self._found: dict[str, bool] = {}

    def has_name(self, value: Any) -> bool:
        """Whether a function or class is found by its name in a module that other processes can import."""
        name = getattr(value, "__module__", None)
        if not isinstance(name, str) or not self.is_found(name):
            return False
        registered = cloudpickle.list_registry_pickle_by_value()
        if registered and any(name == each or name.startswith(f"{each}.") for each in registered):
            return False
        found: Any = sys.modules[name]
        for part in value.__qualname__.split("."):
            found = getattr(found, part, None)
        return found is value

    def is_found(self, name: str) -> bool:
        """Whether importing `name` elsewhere gives this module."""
        known = self._found.get(name)
        if known is None:
            module = sys.modules.get(name)
            known = module is not None and module.__name__ != "__main__" and self._look_for(name, module)
            self._found[name] = known
            if module is not None and not known and name != "__main__":
                # So that cloudpickle, which is asked about classes, comes to the same conclusion.
                cloudpickle.register_pickle_by_value(module)
        return known

    def _look_for(self, name: str, module: ModuleType) -> bool:
        if name in sys.builtin_module_names or name in sys.stdlib_module_names:
            return True
        parent, _, _ = name.rpartition(".")
        path = None
        if parent:
            if not self.is_found(parent):
                return False
            path = getattr(sys.modules[parent], "__path__", None)
            if path is None:
                return True  # an attribute that poses as a submodule, as os.path does
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path)
            if spec is not None:
                return spec.origin is None or spec.origin == getattr(module, "__file__", spec.origin)
        return False
