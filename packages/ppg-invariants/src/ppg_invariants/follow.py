"""What code refers to by name: the functions, classes and constants of the user's project.

A function's own code says ``helpers.clean(x)``; what ``clean`` does stands elsewhere. With a `Follow`, fingerprints
of functions also contain what their global names lead to, recursively:

- functions and classes of the project, by their code;
- what is installed (in site-packages) by name and by the version of its distribution; Python itself not at all;
- constants: numbers, strings, bytes, None, and tuples and frozensets of these;
- modules of the project, by the attributes that the code reads from them, as far as the code says so plainly
  (``helpers.clean``, not ``getattr(helpers, name)``).

Other values of globals (lists, dicts, instances) do not count: a program changes them as it runs, and then no
fingerprint would stay. Neither do modules that nobody has imported yet, methods of objects that the function is
given, or names that are made up at run time. Parts without comparable content count by their type.

Names are looked up when the fingerprint is made. One `Follow` belongs to one moment: it remembers what it found.
"""

import functools
import types
from collections.abc import Mapping
from typing import Any

from .captured import CapturedEncoder
from .code import Code, code_of
from .encoding import Unencodable, encode_name, type_name
from .origin import Origin, distribution_version, origin_of_module

__all__ = ["Follow"]

_REFERENCES = encode_name("refers to")
_CONSTANTS = (type(None), bool, int, float, complex, str, bytes)


class Follow:
    """Makes `fingerprint_function` follow global names; to be used for one round of fingerprints."""

    def __init__(self) -> None:
        self._found: dict[tuple[Code, int, int], tuple[bytes, tuple[Code, ...]]] = {}

    def fingerprint_parts(self, function: object) -> tuple[bytes, tuple[Code, ...]]:
        """Encoding and code objects of a function and of all that it leads to."""
        encoder = _FollowingEncoder(0, top=function)
        values = encoder.encode(function, root="function")
        if not isinstance(function, types.FunctionType):
            return values, tuple(encoder.codes)
        references, codes = self._references(function, len(encoder.codes))
        return values + references, (*encoder.codes, *codes)

    def _references(self, function: types.FunctionType, offset: int) -> tuple[bytes, tuple[Code, ...]]:
        """What the function's own names lead to: the same for all closures over one code object."""
        key = (code_of(function.__code__), id(function.__globals__), offset)
        known = self._found.get(key)
        if known is None:
            encoder = _FollowingEncoder(offset, top=None)
            values = encoder.encode(_Referring(key[0], function.__globals__), root="function → refers to")
            known = self._found[key] = values, tuple(encoder.codes)
        return known


class _Referring:
    """Stands for what a code object refers to among these globals."""

    def __init__(self, code: Code, names: Mapping[str, object]) -> None:
        self.code = code
        self.names = names


class _FollowingEncoder(CapturedEncoder):
    """Adds to every function what it refers to; `top` has its own taken care of."""

    def __init__(self, offset: int, top: object) -> None:
        super().__init__()
        self._offset = offset
        self._top = top

    def write_other(self, value: Any, out: bytearray) -> None:
        """Append what a code object refers to, or whatever the other encoders know."""
        if type(value) is _Referring:
            self._write_references(value, out)
        else:
            super().write_other(value, out)

    def _more_of_function(self, function: types.FunctionType, code: Code, out: bytearray) -> int:
        if function is self._top or not code.references:
            return 0
        out += _REFERENCES
        self.write(_Referring(code, function.__globals__), out)
        return 1

    def _write_references(self, referring: _Referring, out: bytearray) -> None:
        found: dict[str, object] = {}
        for chain in referring.code.references:
            reference = _resolve(chain, referring.names)
            if reference is not None:
                found[reference[0]] = reference[1]
        self.write_mapping(found.items(), out)

    def _write_member(self, value: object, out: bytearray) -> None:
        """A part without comparable content counts by its type, and what was met in it was not met."""
        size, seen, codes = len(out), len(self._seen), len(self.codes)
        enclosing = dict(self._enclosing)
        try:
            self.write(value, out)
        except Unencodable:
            del out[size:]
            del self.codes[codes:]
            while len(self._seen) > seen:
                self._seen.popitem()
            while len(self._code_indices) > codes:
                self._code_indices.popitem()
            self._enclosing = enclosing
            self.write_object(value, "not comparable", type_name(type(value)), out)


def _resolve(chain: tuple[str, ...], names: Mapping[str, object]) -> tuple[str, object] | None:
    """The dotted name and value that a chain of names leads to, if it counts."""
    if chain[0] not in names:
        return None  # a built-in, or not defined (yet)
    value, used = names[chain[0]], 1
    while isinstance(value, types.ModuleType) and used < len(chain):
        origin = origin_of_module(value.__name__)
        if origin is Origin.PYTHON:
            return None
        if origin is Origin.INSTALLED:
            return ".".join(chain), f"{value.__name__} {distribution_version(value.__name__)}"
        attributes = vars(value)
        if chain[used] not in attributes:
            return None
        value = attributes[chain[used]]
        used += 1
    return (".".join(chain[:used]), value) if _counts(value) else None


def _counts(value: object) -> bool:
    if isinstance(value, (tuple, frozenset)) and type(value) in (tuple, frozenset):
        return all(_counts(one) for one in value)
    if type(value) in _CONSTANTS or isinstance(
        value, (types.FunctionType, type, types.ModuleType, functools.partial)
    ):
        return True
    return callable(getattr(value, "__wrapped__", None))
