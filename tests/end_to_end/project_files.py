"""Edits the files of a project, and hashes its results."""

import hashlib
from pathlib import Path

__all__ = ["contents", "edit"]


def edit(file: Path, old: str, new: str) -> None:
    """Replace a piece of code that is there once."""
    source = file.read_text()
    assert source.count(old) == 1
    # Python takes a compiled module for current if its source has the same size and the same second.
    assert len(old) != len(new)
    file.write_text(source.replace(old, new))


def contents(project: Path) -> dict[str, str]:
    """Every result with a hash of its bytes."""
    files = sorted(path for path in (project / "results").rglob("*") if path.is_file())
    return {str(path.relative_to(project)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
