"""One fingerprint for a function under all Python versions.

Every code object ever seen is remembered as (Python version, bytecode digest, syntax digest, canonical digest).
A code object whose bytecode was seen under this version has that entry's canonical digest, without a look at any
source. Otherwise its syntax tree is asked for: if the same tree was seen, under whatever version, it is the same
code. Otherwise it is new, and its canonical digest is that of its tree (of its bytecode, if it has no source).
"""

from collections.abc import Iterable

from ppg_invariants.functions.code import Code
from ppg_invariants.functions.fingerprint import FunctionState

__all__ = ["CanonicalCodes", "CodeRow"]

CodeRow = tuple[str, bytes, bytes | None, bytes]
"""Python version, bytecode digest, syntax digest, canonical digest."""


class CanonicalCodes:
    """All code objects seen so far, those of other Python versions included."""

    def __init__(self, rows: Iterable[CodeRow]) -> None:
        self._by_bytecode: dict[tuple[str, bytes], bytes] = {}
        self._by_syntax: dict[bytes, bytes] = {}
        self._new: list[CodeRow] = []
        self._answers: dict[tuple[str, tuple[Code, ...]], list[bytes]] = {}
        for row in rows:
            self._enter(row)

    def canonical(self, state: FunctionState) -> list[bytes]:
        """Canonical digest of each code object of a function. Not to be changed."""
        question = state.python, state.codes
        answer = self._answers.get(question)
        if answer is None:
            answer = self._answers[question] = [
                self._by_bytecode.get((state.python, code.bytecode)) or self._learn(code, state.python)
                for code in state.codes
            ]
        return answer

    def note_syntax(self, state: FunctionState) -> None:
        """Remember the trees of a function's code, too, where it was recognised by its bytecode alone.

        Several trees can compile to the same bytecode under one version of Python, and not under the next.
        """
        for code, canonical in zip(state.codes, self.canonical(state), strict=True):
            syntax = code.syntax
            if syntax is not None and syntax not in self._by_syntax:
                row = (state.python, code.bytecode, syntax, canonical)
                self._enter(row)
                self._new.append(row)

    @property
    def has_news(self) -> bool:
        """Whether something was learnt since the last `take_new`."""
        return bool(self._new)

    def take_new(self) -> list[CodeRow]:
        """What was learnt since the last call."""
        new, self._new = self._new, []
        return new

    def _learn(self, code: Code, python: str) -> bytes:
        syntax = code.syntax
        known = None if syntax is None else self._by_syntax.get(syntax)
        row = (python, code.bytecode, syntax, known or syntax or code.bytecode)
        self._enter(row)
        self._new.append(row)
        return row[3]

    def _enter(self, row: CodeRow) -> None:
        python, bytecode, syntax, canonical = row
        self._by_bytecode[python, bytecode] = canonical
        if syntax is not None:
            self._by_syntax[syntax] = canonical
