"""Folders: examines the file systems of the project and of temporary files."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ppg.doctor.finding import Finding
from ppg_invariants import Location, file_system_type, location_of, stamps_are_distinct

__all__ = ["folder_findings"]

_COARSE_CLOCK = 5
"""CLOCK_REALTIME_COARSE of Linux, which stamps files."""
_ODD = 1_000_000_001_123_456_789
"""A modification time of which file systems with coarse times keep only a part, in nanoseconds."""


def folder_findings(project: Path) -> Iterator[Finding]:
    """Yield the findings about the project's folder and the folder for temporary files."""
    kind = file_system_type(str(project))
    if location_of(str(project)) is Location.LOCAL:
        yield Finding("file system of the project", kind)
    else:
        yield Finding(
            "file system of the project",
            f"{kind}, which ppg takes for a remote one",
            "files that changed in the last 3 seconds are hashed once more; put the project on a local disk if that takes long",
        )
    yield _timestamps(project)
    yield _temporary_files()


def _timestamps(project: Path) -> Finding:
    subject = "timestamps of the project"
    try:
        kept = _kept_time(project)
    except OSError as error:
        return Finding(
            subject, f"cannot be tried here ({error.strerror})", "let this user make files in the folder"
        )
    if kept != _ODD:
        resolution = "1 s or more" if kept % 1_000_000_000 == 0 else "less than nanoseconds"
        return Finding(
            subject,
            f"coarse: the file system keeps {resolution}",
            "files that changed just before a run are hashed once more; use another file system if that takes long",
        )
    are_distinct = stamps_are_distinct(str(project))
    if are_distinct is None:
        return Finding(subject, "in nanoseconds; whether each write shows cannot be measured here")
    if are_distinct:
        return Finding(subject, "in nanoseconds, and different for each write")
    tick = time.clock_getres(_COARSE_CLOCK) * 1000
    return Finding(
        subject,
        f"in nanoseconds, by a clock that ticks every {tick:.0f} ms; files of the last tick are hashed once more",
    )


def _kept_time(folder: Path) -> int:
    """Return what a file system keeps of a modification time; leaves no file."""
    with tempfile.TemporaryFile(dir=folder) as file:
        os.utime(file.fileno(), ns=(_ODD, _ODD))
        return os.fstat(file.fileno()).st_mtime_ns


def _temporary_files() -> Finding:
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError:
        return Finding(
            "folder for temporary files",
            "there is none in which files can be made",
            "set TMPDIR to a folder of yours",
        )
    wanted = os.environ.get("TMPDIR")
    kind = file_system_type(folder)
    if wanted and Path(wanted) != Path(folder):
        return Finding(
            "folder for temporary files",
            f"'{folder}' ({kind}), because TMPDIR names '{wanted}', where no file can be made",
            "make that folder, or set TMPDIR to another one",
        )
    return Finding("folder for temporary files", f"'{folder}' ({kind})")
