"""Fingerprints of functions: what they are made of, not where they stand or what they are called.

A function's state has two halves. `values` is the canonical encoding of its defaults and captured values (see
`captured`), in which code objects are referred to by index; `codes` are those code objects, each with its own
fingerprints (see `code`), cached, so that a hundred thousand closures over one code object cost a few
microseconds each. Source text and syntax trees are only looked for when a code object was never seen before.
"""

import types
from collections.abc import Callable
from typing import Any

import xxhash

from ppg_invariants.functions.captured import CapturedEncoder, plain_function
from ppg_invariants.functions.code import PYTHON, Code
from ppg_invariants.functions.references import Follow

__all__ = ["FunctionState", "fingerprint_function"]


class FunctionState:
    """A function as it is now, under this version of Python."""

    __slots__ = ("codes", "values")

    python = PYTHON
    """Version of Python (``"3.12"``) under which `bytecode` can be compared."""

    def __init__(self, values: bytes, codes: tuple[Code, ...]) -> None:
        self.values: bytes = values
        """Encoding of everything but the code."""
        self.codes: tuple[Code, ...] = codes
        """The code objects that `values` refers to, the function's own first."""

    @property
    def bytecode(self) -> bytes:
        """Fingerprint (16 bytes) that compares between functions under one version of Python."""
        return self.combine([code.bytecode for code in self.codes])

    @property
    def syntax(self) -> bytes | None:
        """Fingerprint (16 bytes) that compares across versions; None if there is code without source."""
        digests = [code.syntax for code in self.codes]
        known = [digest for digest in digests if digest is not None]
        return self.combine(known) if len(known) == len(digests) else None

    @property
    def source(self) -> str | None:
        """Text of the function itself; None if it has none, or if its file was edited since the import."""
        return self.codes[0].source if self.codes else None

    def combine(self, digests: list[bytes]) -> bytes:
        """Fingerprint (16 bytes) of the function, with one digest for each of its `codes`."""
        digest: bytes = xxhash.xxh3_128_digest(b"".join((self.values, *digests)))
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
    function: Callable[..., Any] | types.CodeType, *, follow: Follow | None = None
) -> FunctionState:
    """State of a function, method, partial, class, callable instance or C function.

    With `follow`, what its code refers to by global names counts, too; see `references`.

    Raises CannotFingerprint with the path to a default or captured value that has no comparable content:
    ``function → closure 'db' → attribute 'connection'``.
    """
    if follow is not None and callable(function):
        return FunctionState(*follow.fingerprint_parts(function))
    if isinstance(function, types.FunctionType):
        plain = plain_function(function)
        if plain is not None:
            return FunctionState(plain[0], (plain[1],))
    elif not callable(function) and not isinstance(function, types.CodeType):
        raise TypeError(f"fingerprint_function: {function!r} cannot be called")
    encoder = CapturedEncoder()
    values = encoder.encode(function, root="function")
    return FunctionState(values, tuple(encoder.codes))
