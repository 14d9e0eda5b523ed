"""Evidence: packs the data that explains a fingerprint: parameter encodings, and the parts of functions.

The store keeps it by fingerprint. It keeps texts of functions once per content, as blobs, because thousands
of closures share one text.
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
    """Code evidence: describes one code object of a function at an earlier time.

    Attributes:
        name: qualified name of the function that the code was compiled from
        canonical: the fingerprint of the code across Python versions
        source: the text of the function, None if it had none

    """

    name: str
    canonical: bytes
    source: str | None


@dataclass(frozen=True, slots=True)
class FunctionEvidence:
    """Function evidence: describes the parts of a function, to explain a change.

    Attributes:
        values: encoding of defaults and captured values, which refers to `codes` by index
        codes: the code objects, the function's own first
        python: the version of Python under which the function was fingerprinted

    """

    values: bytes
    codes: tuple[CodeEvidence, ...]
    python: str


Evidence = bytes | FunctionEvidence
"""The encoding of parameters, or the parts of a function."""


def evidence_of(state: FunctionState, canonical: list[bytes] | None = None) -> FunctionEvidence:
    """Return the evidence of a function's state, with the canonical fingerprint of each of its code objects.

    A store provides `canonical`. Without it, evidence is comparable only under one version of Python.
    """
    if canonical is None:
        canonical = [code.bytecode for code in state.codes]
    codes = tuple(
        CodeEvidence(code.name, fingerprint, code.source)
        for code, fingerprint in zip(state.codes, canonical, strict=True)
    )
    return FunctionEvidence(state.values, codes, state.python)


def pack_evidence(evidence: Evidence, keep_text: Callable[[bytes, str], None]) -> bytes:
    """Return the bytes of the evidence; call `keep_text` with each source text and its digest."""
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
    """Return the evidence; a lost text is None. Raises ValueError if the bytes are damaged."""
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
