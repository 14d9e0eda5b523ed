"""Code objects with their fingerprints, computed once each however many functions share them."""

import sys
import types
from typing import Final

from .bytecode import bytecode_digest
from .source import FoundSource, find_source
from .syntax import syntax_digest

__all__ = ["PYTHON", "Code", "code_of"]

PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Bytecode can be compared between interpreters of which this is the same."""

_CACHED_AT_MOST = 100_000
_cache: dict[int, "Code"] = {}


class Code:
    """A code object and what is known about it; source and syntax tree are only looked for when asked for."""

    __slots__ = ("_source", "_syntax", "bytecode", "object")

    def __init__(self, code: types.CodeType) -> None:
        self.object = code
        self.bytecode = bytecode_digest(code)
        self._source: FoundSource | bool | None = False  # False: not looked for yet
        self._syntax: bytes | None = None

    @property
    def name(self) -> str:
        """Name of the function that it was compiled from, for messages."""
        return self.object.co_qualname

    @property
    def source(self) -> str | None:
        """Text of the function; None if there is none, or if the file has changed since it was imported."""
        found = self._found()
        return None if found is None else found.text

    @property
    def syntax(self) -> bytes | None:
        """Hash of the syntax tree (16 bytes); None without source."""
        if self._syntax is None:
            found = self._found()
            if found is not None:
                self._syntax = syntax_digest(found.node, self.object)
        return self._syntax

    def _found(self) -> FoundSource | None:
        if isinstance(self._source, bool):
            self._source = find_source(self.object, self.bytecode)
        return self._source


def code_of(code: types.CodeType) -> Code:
    """The one Code for a code object."""
    known = _cache.get(id(code))
    if known is None:
        if len(_cache) >= _CACHED_AT_MOST:
            _cache.clear()  # a program that makes code without end; to fingerprint again is all that it costs
        known = _cache[id(code)] = Code(code)
    return known
