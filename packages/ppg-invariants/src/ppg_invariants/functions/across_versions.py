"""Across versions: gives a function one fingerprint under all Python versions.

The store keeps a row for every code object that was ever fingerprinted: Python version, bytecode digest,
syntax digest, canonical digest. The canonical digest of a code object is found in three steps:

1. If a row of this Python version has its bytecode, that row's canonical digest. This needs no source. 2.
Otherwise, if a row of any version has its syntax tree, that row's canonical digest: the code is the same. 3.
Otherwise the code is new. Its canonical digest is that of its tree, or of its bytecode if it has no source.
"""

from collections.abc import Iterable

from ppg_invariants.compiled.code import PYTHON, Code
from ppg_invariants.functions.components import Digests, Item
from ppg_invariants.functions.fingerprint import FunctionState

__all__ = ["CanonicalCodes", "CodeRow"]

CodeRow = tuple[str, bytes, bytes | None, bytes]
"""Python version, bytecode digest, syntax digest, canonical digest."""


class CanonicalCodes:
    """Canonical codes: finds the canonical digest of a code object among those of all Python versions."""

    def __init__(self, rows: Iterable[CodeRow]) -> None:
        self._by_bytecode: dict[tuple[str, bytes], bytes] = {}
        self._by_syntax: dict[bytes, bytes] = {}
        self._new: list[CodeRow] = []
        self._digests_of: dict[tuple[str, tuple[Code, ...]], list[bytes]] = {}
        self.of_items: Digests = Digests(lambda code: self._canonical(code, PYTHON))
        """The digests of what global names stand for."""
        for row in rows:
            self._enter(row)

    def canonical(self, state: FunctionState) -> list[bytes]:
        """Return the canonical digest of each code object of a function. Callers must not change the list."""
        key = state.python, state.codes
        digests = self._digests_of.get(key)
        if digests is None:
            digests = self._digests_of[key] = [self._canonical(code, state.python) for code in state.codes]
        return digests

    def canonical_of_item(self, item: Item) -> list[bytes]:
        """Return the canonical digest of each code object of an item."""
        return [self._canonical(code, PYTHON) for code in item.codes]

    def fingerprint(self, state: FunctionState) -> bytes:
        """Return the fingerprint (16 bytes) of a function, the same under every Python version."""
        return state.combine(self.canonical(state), self.of_items)

    def note_syntax(self, state: FunctionState) -> None:
        """Keep the syntax trees of code objects that were found by their bytecode alone.

        Several trees can compile to the same bytecode under one version of Python, and not under the next.
        """
        for code, canonical in zip(state.codes, self.canonical(state), strict=True):
            self._note(code, canonical, state.python)

    def note_syntax_of_item(self, item: Item) -> None:
        """Do the same for the code objects of an item."""
        for code, canonical in zip(item.codes, self.canonical_of_item(item), strict=True):
            self._note(code, canonical, PYTHON)

    @property
    def has_new_rows(self) -> bool:
        """Whether rows were added since the last `take_new`."""
        return bool(self._new)

    def take_new(self) -> list[CodeRow]:
        """Return the rows that were added since the last call."""
        new, self._new = self._new, []
        return new

    def _note(self, code: Code, canonical: bytes, python: str) -> None:
        syntax = code.syntax
        if syntax is not None and syntax not in self._by_syntax:
            row = (python, code.bytecode, syntax, canonical)
            self._enter(row)
            self._new.append(row)

    def _canonical(self, code: Code, python: str) -> bytes:
        return self._by_bytecode.get((python, code.bytecode)) or self._add_new(code, python)

    def _add_new(self, code: Code, python: str) -> bytes:
        syntax = code.syntax
        canonical = None if syntax is None else self._by_syntax.get(syntax)
        row = (python, code.bytecode, syntax, canonical or syntax or code.bytecode)
        self._enter(row)
        self._new.append(row)
        return row[3]

    def _enter(self, row: CodeRow) -> None:
        python, bytecode, syntax, canonical = row
        self._by_bytecode[python, bytecode] = canonical
        if syntax is not None:
            self._by_syntax[syntax] = canonical
