"""Fingerprint: fingerprints a job's output files; one file by its content, several by their combination."""

from collections.abc import Mapping

from ppg_graph import Fingerprint, combine
from ppg_invariants.files.state import FileState, content_fingerprint

__all__ = ["fingerprint_outputs"]


def fingerprint_outputs(
    files: Mapping[str, FileState], *, salt: bytes = b""
) -> tuple[Fingerprint, Mapping[str, Fingerprint]]:
    """Return the fingerprint of a job's files (at least one, by name), and the parts.

    If the job has several files, the fingerprint of each is a part. A `salt` that is new in every run makes
    every rerun count as a change.
    """
    parts = {path: Fingerprint(content_fingerprint(state) + salt) for path, state in files.items()}
    if len(parts) == 1:
        return next(iter(parts.values())), {}
    return combine(parts.items()), parts
