"""Reply: pickles, in a job process, functions that came by value, such as the callbacks of generated jobs.

It does without cloudpickle. A generator runs in every run, and the import would be most of what its job costs.
"""

from __future__ import annotations

import io
import pickle
import sys
import types

from ppg_exec.pickling.function_parts import FunctionParts, Importability
from ppg_exec.pickling.reductions import reduced_cell, reduced_code, reduced_function, reduced_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ppg_exec.pickling.receive import IdentityTable

__all__ = ["NeedsMore", "ReplyParts", "dump_functions"]


class NeedsMore(Exception):  # noqa: N818 - reads as what happened
    """NeedsMore: says that only cloudpickle can handle a value."""


class ReplyParts(FunctionParts):
    """ReplyParts: refers to namespaces that came from the controller, which has their content already."""

    def __init__(self, table: IdentityTable) -> None:
        super().__init__(Importability())
        self._table = table

    def namespace_of(self, function: types.FunctionType) -> tuple[dict[str, Any], dict[str, Any]]:
        """A dict that stands for the function's globals, and the globals that the function names."""
        if self._table.number_of(function.__globals__) is not None:
            return function.__globals__, {}
        return super().namespace_of(function)


def dump_functions(value: object, table: IdentityTable) -> bytes:
    """The pickle of a result, with the node's shared objects by number. Raises every exception of pickling.

    Classes that travel by value, and other values that plain pickle gets wrong, raise `NeedsMore`.
    """
    if "cloudpickle" in sys.modules:
        raise NeedsMore  # it costs nothing any more, and its registry of modules counts
    file = io.BytesIO()
    _FunctionPickler(file, table).dump(value)
    return file.getvalue()


class _FunctionPickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, table: IdentityTable) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._number_of = table.number_of
        self._functions = ReplyParts(table)

    def persistent_id(self, value: object) -> int | None:
        return self._number_of(value)

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        reduced: Any = NotImplemented
        if kind is types.FunctionType:
            if not self._has_name(value):
                reduced, _ = reduced_function(value, self._functions)
        elif isinstance(value, types.ModuleType):
            reduced = reduced_module(value)
        elif isinstance(value, type):
            if not self._has_name(value):
                raise NeedsMore
        elif kind is types.CodeType:
            reduced = reduced_code(value)
        elif kind is types.CellType:
            reduced = reduced_cell(value)
        elif kind is types.MethodType or kind.__name__ == "_lru_cache_wrapper":
            reduced = None
        if reduced is None:
            raise NeedsMore
        return reduced

    def _has_name(self, value: Any) -> bool:
        importability = self._functions.importability
        module = value.__module__
        if module != "__main__" and not importability.is_found(module):
            raise NeedsMore
        return importability.has_name(value)
