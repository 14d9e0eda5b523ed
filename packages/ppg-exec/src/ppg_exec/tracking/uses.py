"""Uses: defines which files a task has used, and which uses are noted."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["UNTRACED", "FileUse", "Tracking", "UseKind"]

UNTRACED = "it is not traced"
"""How the sentence begins that says why uses are missing of a task which is not traced, though it should be."""


class UseKind(enum.Enum):
    """UseKind: says how a task has used a file or folder."""

    READ = "read"
    """It was opened for reading."""
    ABSENT = "absent"
    """It was to be opened for reading, or to be listed, and was not there."""
    LISTED = "listed"
    """The names in this folder were listed."""
    WRITTEN = "written"
    """It was opened for writing, made by a rename or a link, renamed, or removed."""


@dataclass(frozen=True, slots=True)
class FileUse:
    """FileUse: is the first use of one kind of a file or folder.

    path: absolute, without `.` and `..`, and with links as the task has named them. stat: device, inode, size, and the
    nanoseconds of the last modification and of the last change, at the moment of the use. ABSENT and WRITTEN have
    none. names: what a LISTED folder had then, sorted.

    If a task reads many files, the stats of most are found out when they are asked for, by the times of changes
    (docs/executor.md). If it cannot be proved any more what a file was, its stat is `DOUBTFUL`. If it was not there, it
    is READ without a stat.
    """

    kind: UseKind
    path: str
    stat: tuple[int, int, int, int, int] | None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tracking:
    """Tracking: says which uses of files are noted.

    Everything in `root` is noted, but for what is in `unnoted`. Outside `root`, what is in `system` is not noted
    either. All of these are absolute names of files or folders. Tasks of one run have the same object, so that it
    travels once. strace: what native code and other programs use is noted, too, by strace (`ppg_exec.tracing`).
    exact: all stats are taken at the moment of the use.
    """

    root: str
    unnoted: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    strace: bool = False
    exact: bool = False
