"""Cache pickler: pickles values that the same script reads in later runs.

Classes and functions of importable modules are pickled by name, as always. So are those of the user's script: job
processes cannot import the script, but have its names (see `cache_files.read_value`). A value read in a later run is
therefore an instance of the class that the script has now. So `isinstance`, `==` of dataclasses and `is` of enums
work. Only objects without such a name, like a class made inside of a function, are pickled by value.
"""

import sys
from collections import ChainMap
from types import CodeType, FunctionType
from typing import IO, Any, ClassVar

import cloudpickle

from ppg.exceptions import JobContractError

__all__ = ["dump"]

PROTOCOL = 5
"""Not the latest protocol, because another version of Python must not make other bytes."""


def dump(value: object, file: IO[bytes], cache: str) -> None:
    """Pickle a value.

    Parameters:
        value: the return value of the calculation.
        file: the open file to write to.
        cache: the name of the file in messages.

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
            f"The calculation of '{cache}' returned a {type(value).__qualname__}, which cannot be pickled "
            f"({type(error).__name__}: {error}); let it return plain data"
        ) from error


NO_FILE = "<dynamic-code>"
"""What cloudpickle gives out as the file of all code, from 3.1.3 on."""


def _reduce_code(code: CodeType) -> Any:
    """How cloudpickle rebuilds a code object, with the name of its file, which tracebacks show."""
    make, arguments = cloudpickle.Pickler.dispatch_table[CodeType](code)
    return make, tuple(code.co_filename if each == NO_FILE else each for each in arguments)


class _CachePickler(cloudpickle.Pickler):  # type: ignore[misc]
    dispatch_table: ClassVar[Any] = ChainMap({CodeType: _reduce_code}, cloudpickle.Pickler.dispatch_table)

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, (type, FunctionType)) and _has_name(obj):
            return NotImplemented  # pickle then refers to the object by name
        return super().reducer_override(obj)


def _has_name(value: "type | FunctionType") -> bool:
    found: Any = sys.modules.get(value.__module__)
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value
