"""What explains a fingerprint, kept under that fingerprint: parameter encodings, and what functions were made of.

Texts of functions are kept once per content, as blobs, because thousands of closures share one text.
"""

from collections.abc import Callable
from dataclasses import dataclass

import xxhash

from ppg_invariants.functions.fingerprint import FunctionState
from ppg_invariants.values.decoding import Items, Tree, decode
from ppg_invariants.values.encoding import Encoder

__all__ = ["CodeEvidence", "Evidence", "FunctionEvidence", "evidence_of", "pack_evidence", "unpack_evidence"]


@dataclass(frozen=True, slots=True)
class CodeEvidence:
    """One code object of a function, as it was.

    Attributes:
        name: qualified name of the function that it was compiled from
        canonical: its fingerprint across Python versions
        source: its text, if there was any

    """

    name: str
    canonical: bytes
    source: str | None


@dataclass(frozen=True, slots=True)
class FunctionEvidence:
    """What a function was made of, to explain what changed.

    Attributes:
        values: encoding of defaults and captured values, which refers to `codes` by index
        codes: its own code first
        python: the version of Python that it was seen under

    """

    values: bytes
    codes: tuple[CodeEvidence, ...]
    python: str


Evidence = bytes | FunctionEvidence
"""The encoding of parameters, or what a function was made of."""


def evidence_of(state: FunctionState, canonical: list[bytes] | None = None) -> FunctionEvidence:
    """What a function is made of, with the canonical fingerprint of each of its code objects.

    Without `canonical`, which a store knows, evidence can be compared only under one version of Python.
    """
    if canonical is None:
        canonical = [code.bytecode for code in state.codes]
    codes = tuple(
        CodeEvidence(code.name, fingerprint, code.source)
        for code, fingerprint in zip(state.codes, canonical, strict=True)
    )
    return FunctionEvidence(state.values, codes, state.python)


def pack_evidence(evidence: Evidence, keep_text: Callable[[bytes, str], None]) -> bytes:
    """Bytes of the evidence; each source text is handed to `keep_text` with its digest."""
    if isinstance(evidence, bytes):
        return b"P" + evidence
    codes = []
    for code in evidence.codes:
        digest = None
        if code.source is not None:
            digest = xxhash.xxh3_128_digest(code.source.encode("utf-8", "surrogatepass"))
            keep_text(digest, code.source)
        codes.append((code.name, code.canonical, digest))
    return b"F" + Encoder().encode((evidence.values, tuple(codes), evidence.python), root="evidence")


def unpack_evidence(packed: bytes, text_of: Callable[[bytes], str | None]) -> Evidence:
    """The evidence. Raises ValueError if the bytes are damaged; a lost text is None."""
    if packed[:1] == b"P":
        return packed[1:]
    if packed[:1] != b"F":
        raise ValueError("damaged evidence")
    match _tuple(decode(packed[1:])):
        case (bytes(values), Items(items=codes), str(python)):
            return FunctionEvidence(values, tuple(_code(one, text_of) for one in codes), python)
        case _:
            raise ValueError("damaged evidence")


def _code(tree: Tree, text_of: Callable[[bytes], str | None]) -> CodeEvidence:
    match _tuple(tree):
        case (str(name), bytes(canonical), bytes(digest)):
            return CodeEvidence(name, canonical, text_of(digest))
        case (str(name), bytes(canonical), None):
            return CodeEvidence(name, canonical, None)
        case _:
            raise ValueError("damaged evidence")


def _tuple(tree: Tree) -> tuple[Tree, ...]:
    return tree.items if isinstance(tree, Items) else ()
