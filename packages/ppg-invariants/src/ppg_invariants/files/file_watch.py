"""File watch: decides in the middle of a run whether a file is still the one that a fingerprint was taken from.

A job's record says which fingerprints the job consumed. So it holds only if the job read the bytes that these
fingerprints were taken from. A `KnownFile` keeps the stat of that moment. `begins` looks before the first job that
consumes the file begins, and `holds` after such jobs have ended. Both compare device, inode, size, modification
time and change time:

| what differs | the file is |
| --- | --- |
| nothing, and the stamp is settled (see `timestamps`) | the same |
| nothing, but a write within the same tick could hide | the same if its hash is; files above `LARGEST_REHASHED` are not read |
| anything but the size, and no job has begun to read the file | the same if its hash is |
| only the change time | the same if its hash is, and the change has a harmless cause |
| only device and inode, as on some network file systems | the same if its hash is |
| anything else | another one, even if its bytes are equal: the job may have read other bytes in between |

**Harmless causes.** No program can set the change time, so it also betrays a file that was edited and then got its
old bytes and its old modification time back, as `cp -p` does. A hash at the end cannot see that. So a new change
time is forgiven only if the file's mode, owner, group or number of links differ as well (chmod, chown, a hard link
as of a backup), or if the mode lets no user write to it.
"""

# ruff: noqa: PTH116
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import os
import stat
from collections.abc import Callable
from typing import NamedTuple

from ppg_invariants.files.state import FileProblem, FileState, describe_file
from ppg_invariants.files.timestamps import StampTrust

__all__ = ["LARGEST_REHASHED", "FileStat", "FileWatch", "KnownFile"]

LARGEST_REHASHED = 8 << 20
"""Bytes up to which a file with an unsettled stamp is hashed again: larger ones would hold up the run."""

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class FileStat(NamedTuple):
    """File stat: the part of a stat that tells two files apart; times in nanoseconds since the epoch."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    mode: int
    links: int
    owner: int
    group: int

    @property
    def identity(self) -> tuple[int, ...]:
        """Device, inode, size and both times: with the same ones a file is the same."""
        return self[:5]

    @property
    def rights(self) -> tuple[int, ...]:
        """Mode, links, owner and group: a change of these changes the change time, but no content."""
        return self[5:]


class KnownFile(NamedTuple):
    """Known file: a file as it was when its fingerprint was taken.

    - state: with the hash; None if the fingerprint does not stand for the content, but for the file itself
    - stat: of the last moment at which the file was the same
    - is_settled: whether an unchanged stat proves that the file is the same
    """

    state: FileState | None
    stat: FileStat
    is_settled: bool = True


class FileWatch:
    """File watch: compares files with what is known of them, during one run.

    Parameters:
        should_stop: called while large files are hashed; if it returns true, ObservationInterrupted is raised.
    """

    def __init__(self, should_stop: Callable[[], bool] | None = None) -> None:
        self._trust = StampTrust()
        self._should_stop = should_stop

    def look(self, path: str) -> FileStat | None:
        """Return the stat of the file at `path`; None if there is no regular file that can be stat'ed."""
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            return None
        return _stat_of(found)

    def begins(self, path: str, state: FileState) -> KnownFile | None:
        """Return what is known of a file that no job of this run has read yet; None if it is another one now.

        Parameters:
            path: of the file.
            state: from which its fingerprint was taken.
        """
        now = self.look(path)
        if now is None:
            return None
        # A state has no device and no mode; if the rest is unchanged, they are those of today.
        size, mtime, ctime, inode, *_ = state
        if (now.size, now.mtime_ns, now.ctime_ns, now.inode) == (size, mtime, ctime, inode) and (
            self._is_settled(path, state, now)
        ):
            return KnownFile(state, now)
        then = now._replace(inode=inode, size=size, mtime_ns=mtime, ctime_ns=ctime)
        return self._compared(path, KnownFile(state, then), now, is_read=False)

    def holds(self, path: str, known: KnownFile) -> KnownFile | None:
        """Return what is now known of a file that jobs have read; None if it is another one now.

        Parameters:
            path: of the file.
            known: what was known of it when the last of these jobs began, or before.
        """
        # Nearly always nothing has changed, and this is called for each file of each batch of jobs.
        then = known.stat
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            return None
        if (
            known.is_settled
            and found.st_ctime_ns == then.ctime_ns
            and found.st_mtime_ns == then.mtime_ns
            and found.st_ino == then.inode
            and found.st_size == then.size
            and found.st_dev == then.device
        ):
            return known
        now = _stat_of(found)
        return None if now is None else self._compared(path, known, now, is_read=True)

    def _compared(self, path: str, known: KnownFile, now: FileStat, *, is_read: bool) -> KnownFile | None:
        state, then, _ = known
        if now.identity == then.identity:
            if self._is_settled(path, state, now):
                return KnownFile(state, then)
        elif not _may_be_same(then, now, is_read=is_read):
            return None
        if state is None:
            return KnownFile(None, now)
        is_small = now.size <= LARGEST_REHASHED
        should_stop = None if is_small else self._should_stop
        new = describe_file(path, algorithm=state.algorithm, empty_ok=True, should_stop=should_stop)
        if isinstance(new, FileProblem) or not new.has_content_of(state):
            return None
        is_one = (new.size, new.mtime_ns, new.ctime_ns, new.inode) == (
            now.size,
            now.mtime_ns,
            now.ctime_ns,
            now.inode,
        )
        return KnownFile(new, now, self._is_settled(path, new, now)) if is_one else None

    def _is_settled(self, path: str, state: FileState | None, now: FileStat) -> bool:
        """Whether an unchanged stat counts as proof: it is one, or nothing better is affordable."""
        return state is None or now.size > LARGEST_REHASHED or self._trust.is_settled(state, path, now.device)


def _stat_of(found: os.stat_result) -> FileStat | None:
    """Return the stat of a regular file; None for anything else."""
    if not stat.S_ISREG(found.st_mode):
        return None
    return FileStat(
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        found.st_mode,
        found.st_nlink,
        found.st_uid,
        found.st_gid,
    )


def _may_be_same(then: FileStat, now: FileStat, *, is_read: bool) -> bool:
    """Whether a file with another stat can be the same file, and jobs cannot have read other bytes in it."""
    if not is_read:
        return now.size == then.size
    if (now.size, now.mtime_ns) != (then.size, then.mtime_ns):
        return False
    if now.ctime_ns == then.ctime_ns:
        return True  # another name for the same device, or other numbers for the same inodes
    if (now.device, now.inode) != (then.device, then.inode):
        return False
    return now.rights != then.rights or not now.mode & _WRITABLE
