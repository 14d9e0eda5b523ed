"""Code: computes the fingerprints of code objects, once for all functions that share a code object."""

import sys
import types
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ppg_invariants.compiled.bytecode import bytecode_digest, global_references
from ppg_invariants.compiled.imports import Import, imports_in
from ppg_invariants.compiled.origin import Origin, origin_of_file
from ppg_invariants.values.encoding import encode_name

if TYPE_CHECKING:
    from ppg_invariants.compiled.source import FoundSource

__all__ = ["PYTHON", "Code", "code_of", "code_that_reads"]

PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Bytecode is comparable between interpreters with an equal value."""

_OWN_OBJECT = ("self", "__class__")  # a method's object, and the class that super() needs
_CACHED_AT_MOST = 100_000
_cache: dict[int, "Code"] = {}


class Code:
    """Code: holds a code object and its digests; finds source and syntax tree on demand."""

    __slots__ = (
        "_default_keys",
        "_imports",
        "_references",
        "_source",
        "_syntax",
        "bytecode",
        "closure_keys",
        "object",
    )

    def __init__(self, code: types.CodeType) -> None:
        self.object: types.CodeType = code
        self.bytecode: bytes = bytecode_digest(code)
        self.closure_keys: list[tuple[bytes, int]] = [
            (encode_name(name), index)
            for index, name in enumerate(code.co_freevars)
            if name not in _OWN_OBJECT
        ]
        """The captured variables that count, as encoded dict keys with their index, sorted by encoding."""
        self.closure_keys.sort()
        self._references: tuple[tuple[str, ...], ...] | None = None
        self._imports: tuple[Import, ...] | None = None
        self._default_keys: dict[int, list[tuple[bytes, int]]] = {}
        self._source: FoundSource | bool | None = False  # False: `_found` has not searched for it yet
        self._syntax: bytes | None = None

    @property
    def origin(self) -> Origin:
        """Where the code comes from."""
        return origin_of_file(self.object.co_filename)

    def origin_for(self, *, former: bool) -> Origin:
        """Return where the code comes from, with `former` by the rule of a former ppg."""
        return origin_of_file(self.object.co_filename, former=former)

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
    def imports(self) -> tuple[Import, ...]:
        """Modules that the code imports, with what it uses of them."""
        if self._imports is None:
            self._imports = imports_in(self.object)
        return self._imports

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
                from ppg_invariants.compiled.syntax import syntax_digest  # noqa: PLC0415 (as in `_found`)

                self._syntax = syntax_digest(found.node, self.object)
        return self._syntax

    def _found(self) -> "FoundSource | None":
        if isinstance(self._source, bool):
            from ppg_invariants.compiled.source import find_source  # noqa: PLC0415 (an idle run needs no source and no parser)

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


def code_that_reads(names: Iterable[str]) -> Code:
    """Return code that reads these global names, and does nothing else."""
    code = Code(compile("", "<names>", "exec"))
    code._references = tuple((name,) for name in names)
    return code
