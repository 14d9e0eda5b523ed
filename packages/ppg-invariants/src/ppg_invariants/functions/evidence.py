"""Evidence: packs the data that explains a fingerprint: parameter encodings, and the parts of functions.

The store keeps it by fingerprint, and that of what global names stand for by digest (see `components`). It keeps texts of functions once per content, as blobs, because thousands
of closures share one text.
"""

from collections.abc import Callable, Iterator, MutableSet
from dataclasses import dataclass, field, replace

import xxhash

from ppg_invariants.compiled.code import PYTHON, Code
from ppg_invariants.functions.across_versions import CanonicalCodes
from ppg_invariants.functions.components import Component, Item, References
from ppg_invariants.functions.fingerprint import FunctionState
from ppg_invariants.values.decoding import Items, Tree, decode
from ppg_invariants.values.encoding import Encoder

__all__ = [
    "CodeEvidence",
    "Evidence",
    "FunctionEvidence",
    "evidence_of",
    "evidence_of_item",
    "pack_evidence",
    "reached_items",
    "unpack_evidence",
]


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
        values: encoding of defaults and captured values, which refers to `codes` by index, and of the global names,
            which refers to what they stand for by digest
        codes: the code objects, the function's own first
        python: the version of Python under which the function was fingerprinted
        find: returns the evidence of what a global name stands for, by its digest; None if it is lost

    """

    values: bytes
    codes: tuple[CodeEvidence, ...]
    python: str
    find: "FindEvidence | None" = field(default=None, compare=False, repr=False)


FindEvidence = Callable[[bytes], "FunctionEvidence | None"]
Evidence = bytes | FunctionEvidence
"""The encoding of parameters, or the parts of a function."""


def evidence_of(state: FunctionState, known: CanonicalCodes | None = None) -> FunctionEvidence:
    """Return the evidence of a function's state.

    Parameters:
        state: the state.
        known: the code objects that a store knows. Without it, evidence is comparable only with evidence that was made
            without it, under the same version of Python.
    """
    codes = CanonicalCodes([]) if known is None else known
    values = state.values
    find = None
    if state.references is not None:
        values += codes.of_items.encoded(state.references)
        find = _Finder(state.references, codes)
    return FunctionEvidence(values, _codes(state.codes, codes.canonical(state)), state.python, find)


def evidence_of_item(item: Item, codes: CanonicalCodes) -> FunctionEvidence:
    """Return the evidence of what a global name stands for; `codes` has its code objects."""
    values = item.content + codes.of_items.encoded(item.references)
    return FunctionEvidence(values, _codes(item.codes, codes.canonical_of_item(item)), PYTHON)


def reached_items(references: References, seen: MutableSet[Component]) -> Iterator[Item]:
    """Yield every item that references lead to, except those of components in `seen`, and add to it."""
    waiting = [references]
    while waiting:
        for item in waiting.pop().items:
            if item.component is None or item.component in seen:
                continue
            seen.add(item.component)
            for member in item.component.members:
                yield member
                waiting.append(member.references)


class _Finder:
    """Finder: finds the evidence of items that a function reaches, by their digest."""

    def __init__(self, references: References, codes: CanonicalCodes) -> None:
        self._references = references
        self._codes = codes
        self._items: dict[bytes, Item] | None = None

    def __call__(self, digest: bytes) -> FunctionEvidence | None:
        if self._items is None:
            self._items = {
                self._codes.of_items.of(item): item for item in reached_items(self._references, set())
            }
        item = self._items.get(digest)
        return None if item is None else replace(evidence_of_item(item, self._codes), find=self)


def _codes(codes: tuple[Code, ...], canonical: list[bytes]) -> tuple[CodeEvidence, ...]:
    return tuple(
        CodeEvidence(code.name, fingerprint, code.source)
        for code, fingerprint in zip(codes, canonical, strict=True)
    )


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


def unpack_evidence(
    packed: bytes, text_of: Callable[[bytes], str | None], find: FindEvidence | None = None
) -> Evidence:
    """Return the evidence; a lost text is None. Raises ValueError if the bytes are damaged."""
    if packed[:1] == b"P":
        return packed[1:]
    if packed[:1] != b"F":
        raise ValueError("damaged evidence")
    match _tuple(decode(packed[1:])):
        case (bytes(values), Items(items=codes), str(python)):
            return FunctionEvidence(values, tuple(_code(one, text_of) for one in codes), python, find)
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
