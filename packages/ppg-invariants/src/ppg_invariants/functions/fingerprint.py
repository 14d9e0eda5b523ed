"""Fingerprint: fingerprints functions by their content, not by their place or name.

A function's state has two halves. `values` is the canonical encoding of its defaults and captured values (see
`captured`), which refers to code objects by index. `codes` are those code objects, each with its own
fingerprints (see `code`). If global names are followed, it has a third part: `references` (see `components`).

Code objects are cached, so a hundred thousand closures over one code object cost a few microseconds each.
Source text and syntax trees are read only for a code object that is new to the store.
"""

import types
from collections.abc import Callable
from typing import Any

import xxhash

from ppg_invariants.compiled.code import PYTHON, Code
from ppg_invariants.functions.components import Digests, References
from ppg_invariants.functions.references import Follow
from ppg_invariants.objects.captured import CapturedEncoder, plain_function

__all__ = ["FunctionState", "fingerprint_function"]


class FunctionState:
    """Function state: holds the present content of a function, under this version of Python."""

    __slots__ = ("codes", "references", "values")

    python = PYTHON
    """Version of Python (``"3.12"``) under which `bytecode` is comparable."""

    def __init__(self, values: bytes, codes: tuple[Code, ...], references: References | None = None) -> None:
        self.values: bytes = values
        """Encoding of the function without its code, and without what its global names stand for."""
        self.codes: tuple[Code, ...] = codes
        """The code objects that `values` refers to, the function's own first."""
        self.references: References | None = references
        """What its global names stand for, if these are followed."""

    @property
    def bytecode(self) -> bytes:
        """Fingerprint (16 bytes) that is comparable between functions under one version of Python."""
        return self.combine([code.bytecode for code in self.codes], _BYTECODE)

    @property
    def syntax(self) -> bytes | None:
        """Fingerprint (16 bytes) that is comparable across versions; None if a code object has no source."""
        try:
            return self.combine([_syntax_of(code) for code in self.codes], Digests(_syntax_of))
        except _NoSourceError:
            return None

    @property
    def source(self) -> str | None:
        """Text of the function; None if it has none, or if its file was edited after the import."""
        return self.codes[0].source if self.codes else None

    def combine(self, digests: list[bytes], of_items: Digests | None = None) -> bytes:
        """Return the fingerprint (16 bytes) of the function.

        Parameters:
            digests: one for each of its `codes`.
            of_items: the digests of what its global names stand for; needed if these are followed.
        """
        values = self.values
        if self.references is not None:
            assert of_items is not None
            values += of_items.encoded(self.references)
        digest: bytes = xxhash.xxh3_128_digest(b"".join((values, *digests)))
        return digest

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FunctionState):
            return NotImplemented
        return self.bytecode == other.bytecode

    def __hash__(self) -> int:
        return hash(self.bytecode)

    def __repr__(self) -> str:
        name = self.codes[0].name if self.codes else "no code"
        return f"<FunctionState {name} {self.bytecode.hex()[:12]} on {self.python}>"


def fingerprint_function(
    function: Callable[..., Any] | types.CodeType, *, follow: Follow | None = None, former: bool = False
) -> FunctionState:
    """Return the state of a function, method, partial, class, callable instance or C function.

    With `follow`, the values of global names in its code count, too; see `references`. With `former`, the state is that
    of a ppg which did not watch the values of globals, for comparison with what it recorded.

    Raises CannotFingerprint with the path to a default or captured value that has no comparable content:
    ``function → closure 'db' → attribute 'connection'``.
    """
    if follow is not None and callable(function):
        if follow.listing is not None:
            return FunctionState(*follow.listing.fingerprint_parts(function))
        return FunctionState(*follow.fingerprint_parts(function))
    if isinstance(function, types.FunctionType):
        plain = plain_function(function, former=former)
        if plain is not None:
            return FunctionState(plain[0], (plain[1],))
    elif not callable(function) and not isinstance(function, types.CodeType):
        raise TypeError(f"fingerprint_function: {function!r} cannot be called; pass a function")
    encoder = CapturedEncoder(former=former)
    values = encoder.encode(function, root="function")
    return FunctionState(values, tuple(encoder.codes))


class _NoSourceError(Exception):
    """No source error: a code object has no syntax tree."""


def _syntax_of(code: Code) -> bytes:
    if code.syntax is None:
        raise _NoSourceError
    return code.syntax


_BYTECODE = Digests(lambda code: code.bytecode)
