"""Code: computes the fingerprints of code objects, once for all functions that share a code object."""

import sys
import types
from typing import TYPE_CHECKING, Final

from ppg_invariants.functions.bytecode import bytecode_digest, global_references
from ppg_invariants.functions.origin import Origin, origin_of_file
from ppg_invariants.values.encoding import encode_name

if TYPE_CHECKING:
    from ppg_invariants.functions.source import FoundSource

__all__ = ["PYTHON", "Code", "code_of"]

PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Bytecode is comparable between interpreters with an equal value."""

_OWN_OBJECT = ("self", "__class__")  # a method's object, and the class that super() needs
_CACHED_AT_MOST = 100_000
_cache: dict[int, "Code"] = {}


class Code:
    """Code: holds a code object and its digests; finds source and syntax tree on demand."""

    __slots__ = (
        "_default_keys",
        "_references",
        "_source",
        "_syntax",
        "bytecode",
        "closure_keys",
        "object",
        "origin",
    )

    def __init__(self, code: types.CodeType) -> None:
        self.object: types.CodeType = code
        self.bytecode: bytes = bytecode_digest(code)
        self.origin: Origin = origin_of_file(code.co_filename)
        self.closure_keys: list[tuple[bytes, int]] = [
            (encode_name(name), index)
            for index, name in enumerate(code.co_freevars)
            if name not in _OWN_OBJECT
        ]
        """The captured variables that count, as encoded dict keys with their index, sorted by encoding."""
        self.closure_keys.sort()
        self._references: tuple[tuple[str, ...], ...] | None = None
        self._default_keys: dict[int, list[tuple[bytes, int]]] = {}
        self._source: FoundSource | bool | None = False  # False: `_found` has not searched for it yet
        self._syntax: bytes | None = None

    def default_keys(self, count: int) -> list[tuple[bytes, int]]:
        """Return the keys, as in `closure_keys`, of the last `count` positional parameters: the defaults."""
        known = self._default_keys.get(count)
        if known is None:
            code = self.object
            names = code.co_varnames[code.co_argcount - count : code.co_argcount]
            known = self._default_keys[count] = sorted(
                (encode_name(name), index) for index, name in enumerate(names)
            )
        return known

    @property
    def references(self) -> tuple[tuple[str, ...], ...]:
        """Global names that the code reads, with the attributes read from them: ``("helpers", "clean")``."""
        if self._references is None:
            self._references = global_references(self.object)
        return self._references

    @property
    def name(self) -> str:
        """Qualified name of the function that the code was compiled from, for messages."""
        return self.object.co_qualname

    @property
    def source(self) -> str | None:
        """Text of the function; None if it has no source, or if the file changed after its import."""
        found = self._found()
        return None if found is None else found.text

    @property
    def syntax(self) -> bytes | None:
        """Hash of the syntax tree (16 bytes); None without source."""
        if self._syntax is None:
            found = self._found()
            if found is not None:
                from ppg_invariants.functions.syntax import syntax_digest  # noqa: PLC0415 (as in `_found`)

                self._syntax = syntax_digest(found.node, self.object)
        return self._syntax

    def _found(self) -> "FoundSource | None":
        if isinstance(self._source, bool):
            from ppg_invariants.functions.source import find_source  # noqa: PLC0415 (an idle run needs no source and no parser)

            self._source = find_source(self.object, self.bytecode)
        return self._source


def code_of(code: types.CodeType) -> Code:
    """Return the Code of a code object, the same one for every call."""
    known = _cache.get(id(code))
    if known is None:
        if len(_cache) >= _CACHED_AT_MOST:
            _cache.clear()  # it bounds memory if a program makes code without end, and costs only time
        known = _cache[id(code)] = Code(code)
    return known
