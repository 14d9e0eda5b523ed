"""Pickling values that the same script will read in later runs.

Classes and functions of importable modules are pickled by their names, as always. So are those of the user's script,
which is no module that a job process could import, but whose names the process knows (see `cache_files.read_value`).
A value that is read in a later run is then an instance of the class that the script has now, and `isinstance`, `==` of
dataclasses and `is` of enums say what they should. Only what has no such name, like a class made inside of a
function, is pickled by value.
"""

import sys
from types import FunctionType
from typing import IO, Any

import cloudpickle

from ppg.exceptions import JobContractError

__all__ = ["dump"]

PROTOCOL = 5
"""Not the latest one: another version of Python must not make other bytes."""


def dump(value: object, file: IO[bytes], cache: str) -> None:
    """Pickle a value.

    Parameters:
        value: what the calculation returned.
        file: where to.
        cache: what to call the file in messages.

    Raises:
        JobContractError: the value cannot be pickled.
        OSError: the file cannot be written.
    """
    try:
        _CachePickler(file, PROTOCOL).dump(value)
    except OSError:
        raise
    except Exception as error:
        raise JobContractError(
            f"What the calculation of '{cache}' returned, a {type(value).__qualname__}, cannot be pickled "
            f"({type(error).__name__}: {error}); let it return plain data"
        ) from error


class _CachePickler(cloudpickle.Pickler):  # type: ignore[misc]
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, (type, FunctionType)) and _has_name(obj):
            return NotImplemented  # which is: by its name
        return super().reducer_override(obj)


def _has_name(value: "type | FunctionType") -> bool:
    found: Any = sys.modules.get(value.__module__)
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value
