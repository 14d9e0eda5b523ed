"""Evidence tables: keep what fingerprints were made of, and the digests of code under each version of Python."""

from typing import Any
from weakref import WeakSet

from ppg_graph import Fingerprint
from ppg_invariants.functions.across_versions import CanonicalCodes
from ppg_invariants.functions.components import Component, References
from ppg_invariants.functions.evidence import (
    Evidence,
    FunctionEvidence,
    evidence_of,
    evidence_of_item,
    pack_evidence,
    reached_items,
    unpack_evidence,
)
from ppg_invariants.functions.fingerprint import FunctionState
from ppg_invariants.rows.checksums import sound_rows
from ppg_invariants.store.tables import Tables

__all__ = ["EvidenceTables"]


class EvidenceTables:
    """Evidence tables: reads and writes the tables `evidence`, `blobs` and `codes` of one store.

    Attributes:
        codes: makes the digests of code the same under every version of Python.
        code_rows: all rows of the table `codes`, waiting changes included.

    Raises RowsDamagedError if a row of `codes` is not as it was written.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        found = tables.rows("SELECT python, bytecode, syntax, canonical, checksum FROM codes ORDER BY rowid")
        self.code_rows: list[tuple[Any, ...]] = sound_rows("codes", found)
        self.codes: CanonicalCodes = CanonicalCodes(self.code_rows)
        self._kept_texts: set[bytes] = set()
        self._kept_items: WeakSet[Component] = WeakSet()
        self._kept_digests: set[bytes] = set()

    def of(self, fingerprint: Fingerprint) -> Evidence | None:
        """Return the evidence of a fingerprint; None if the store has none, or it is damaged."""
        for _, packed in self._tables.select("evidence", "WHERE fingerprint = ?", fingerprint):
            try:
                return unpack_evidence(packed, self._text, self._of_item)
            except ValueError:
                return None
        return None

    def keep(self, fingerprint: Fingerprint, evidence: Evidence | FunctionState) -> None:
        """Keep the evidence of a fingerprint; that of a function also for all that it reaches."""
        if isinstance(evidence, FunctionState):
            self.codes.note_syntax(evidence)
            if evidence.references is not None:
                self._keep_items(evidence.references)
            self.write_codes()
            evidence = evidence_of(evidence, self.codes)
        packed = pack_evidence(evidence, self._keep_text)
        self._tables.insert("evidence", fingerprint, packed)

    def write_codes(self) -> None:
        """Write the digests of code that are new."""
        for row in self.codes.take_new():
            if self._tables.writer is not None:  # a reader keeps new codes only in its memory
                self.code_rows.append(row)
                self._tables.insert("codes", *row)

    def _of_item(self, digest: bytes) -> FunctionEvidence | None:
        """Return the evidence of what a global name stands for; None if there is none."""
        evidence = self.of(Fingerprint(digest))
        return evidence if isinstance(evidence, FunctionEvidence) else None

    def _keep_items(self, references: References) -> None:
        """Keep the evidence of all that global names stand for, once for all functions that reach it."""
        for item in reached_items(references, self._kept_items):
            digest = self.codes.of_items.of(item)
            if digest not in self._kept_digests:
                self._kept_digests.add(digest)
                self.codes.note_syntax_of_item(item)
                packed = pack_evidence(evidence_of_item(item, self.codes), self._keep_text)
                self._tables.insert("evidence", digest, packed)

    def _keep_text(self, digest: bytes, text: str) -> None:
        if digest not in self._kept_texts:
            self._kept_texts.add(digest)
            self._tables.insert("blobs", digest, text.encode("utf-8", "surrogatepass"))

    def _text(self, digest: bytes) -> str | None:
        for _, content in self._tables.select("blobs", "WHERE digest = ?", digest):
            return bytes(content).decode("utf-8", "replace")
        return None
