"""Function parts: finds what a function that travels by value needs of its module, and what goes by name."""

from __future__ import annotations

import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType
    from typing import Any

    from ppg_exec.pickling.inherited import InheritedObjects

__all__ = ["FunctionParts", "Importability"]

_NAMESPACE_NAMES = ("__name__", "__package__", "__file__", "__path__")
_GLOBAL_OPERATIONS = frozenset({"LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL"})
_REBINDING = frozenset({"STORE_DEREF", "DELETE_DEREF"})


class FunctionParts:
    """FunctionParts: finds what a function needs of its module, once per code object and per namespace.

    Args:
        importability: says what goes by name.
        inherited: what the receiver has since it was forked from this process, if it was.

    """

    def __init__(self, importability: Importability, inherited: InheritedObjects | None = None) -> None:
        self.importability = importability
        self._inherited = inherited
        self._names: dict[int, tuple[types.CodeType, tuple[tuple[str, ...], frozenset[str]]]] = {}
        self._stand_ins: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}

    def namespace_of(self, function: types.FunctionType) -> tuple[dict[str, Any], dict[str, Any]]:
        """A dict that stands for the function's globals, and the globals that the function names."""
        real = function.__globals__
        if id(real) not in self._stand_ins:
            stand_in = {name: real[name] for name in _NAMESPACE_NAMES if name in real}
            self._stand_ins[id(real)] = (real, stand_in)
        names = self._names_in(function.__code__)[0]
        is_inherited = self._inherited is not None and self._inherited.number_of(real) is not None
        return real if is_inherited else self._stand_ins[id(real)][1], {
            name: real[name] for name in names if name in real
        }

    def real_namespaces(self) -> dict[int, dict[str, Any]]:
        """The real namespaces, by the id of the dict that stands for each."""
        return {id(stand_in): real for real, stand_in in self._stand_ins.values()}

    def rebound_cells(self, function: types.FunctionType) -> list[types.CellType]:
        """The cells of the function's closure that its code binds (`nonlocal`)."""
        closure = function.__closure__
        if closure is None:
            return []
        code = function.__code__
        rebound = self._names_in(code)[1]
        return [cell for name, cell in zip(code.co_freevars, closure, strict=True) if name in rebound]

    def submodules(self, function: types.FunctionType, values: Iterable[object]) -> list[types.ModuleType]:
        """Submodules that the code reaches as attributes (`os.path`); the receiver imports them, too."""
        found = []
        attributes = set(function.__code__.co_names)
        for module in values:
            # A lazy module is imported by a look at its attributes.
            own = (
                types.ModuleType.__getattribute__(module, "__dict__")
                if isinstance(module, types.ModuleType)
                else {}
            )
            if own.get("__path__") is not None:
                prefix = f"{own['__name__']}."
                for name, loaded in list(sys.modules.items()):
                    is_within = name.startswith(prefix) and isinstance(loaded, types.ModuleType)
                    if is_within and attributes.issuperset(name[len(prefix) :].split(".")):
                        found.append(loaded)
        return found

    def _names_in(self, code: types.CodeType) -> tuple[tuple[str, ...], frozenset[str]]:
        """The globals that the code names, and the variables of enclosing functions that it binds."""
        known = self._names.get(id(code))
        if known is None:
            import dis  # noqa: PLC0415 - job processes rarely need it

            names: dict[str, None] = {}
            rebound = set()
            codes = [code]
            for each in codes:
                for instruction in dis.get_instructions(each):
                    if instruction.opname in _GLOBAL_OPERATIONS:
                        names[instruction.argval] = None
                    elif instruction.opname in _REBINDING and instruction.argval in each.co_freevars:
                        rebound.add(instruction.argval)
                codes.extend(const for const in each.co_consts if isinstance(const, types.CodeType))
            known = (code, (tuple(names), frozenset(rebound)))
            self._names[id(code)] = known
        return known[1]


class Importability:
    """Importability: says whether another process can import what this one has by a module and a name.

    It remembers which modules can be found by their names along `sys.path`.
    """

    def __init__(self) -> None:
        self._found: dict[str, bool] = {}

    def has_name(self, value: Any) -> bool:
        """Whether a function or class is found by its name in a module that other processes can import."""
        name, path = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        # `functools.lru_cache` of a partial has neither.
        if not isinstance(name, str) or not isinstance(path, str) or not self.is_found(name):
            return False
        # Without cloudpickle in this process, its user has registered nothing.
        cloudpickle = sys.modules.get("cloudpickle")
        registered = () if cloudpickle is None else cloudpickle.list_registry_pickle_by_value()
        if registered and any(name == each or name.startswith(f"{each}.") for each in registered):
            return False
        found: Any = sys.modules[name]
        for part in path.split("."):
            found = getattr(found, part, None)
        return found is value

    def attribute_of(self, module: str, value: object) -> str | None:
        """The name of a value in a module that other processes can import; None if it has none there."""
        loaded = sys.modules.get(module)
        if not isinstance(loaded, types.ModuleType):
            return None
        # A lazy module is imported by a look at its attributes.
        namespace = types.ModuleType.__getattribute__(loaded, "__dict__")
        for name, found in list(namespace.items()):
            if found is value and self.is_found(module):
                return str(name)
        return None

    def is_found(self, name: str) -> bool:
        """Whether importing `name` elsewhere gives this module."""
        known = self._found.get(name)
        if known is None:
            module = sys.modules.get(name)
            known = module is not None and module.__name__ != "__main__" and self._look_for(name, module)
            self._found[name] = known
            if module is not None and not known and name != "__main__":
                # cloudpickle decides about classes; with this it decides the same.
                import cloudpickle  # noqa: PLC0415 - a job process without such modules does not need it

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
