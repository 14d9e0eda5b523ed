"""The fingerprint of what a job made: of one file its content, of several their combination."""

from collections.abc import Mapping

from ppg_graph import Fingerprint, combine
from ppg_invariants.files.state import FileState, content_fingerprint

__all__ = ["fingerprint_outputs"]


def fingerprint_outputs(
    files: Mapping[str, FileState], *, salt: bytes = b""
) -> tuple[Fingerprint, Mapping[str, Fingerprint]]:
    """Fingerprint of a job's files (at least one), by name; and, if they are several, that of each as a part.

    A `salt` that is new in every run makes every rerun count as a change.
    """
    parts = {path: Fingerprint(content_fingerprint(state) + salt) for path, state in files.items()}
    if len(parts) == 1:
        return next(iter(parts.values())), {}
    return combine(parts.items()), parts
