"""Transfer: puts one file at another place, in the cheapest way that works.

1. A reflink: a second file that shares the blocks of the first until one of them is written to. It takes no room, no
   time, and no risk.
2. A hard link, if links are wanted: one file under two names. It is made read-only, because a write to one name
   changes both.
3. A copy.
"""

# ruff: noqa: PTH101, PTH108, PTH116, PTH123
# Paths are strings here, as everywhere in job processes, because these do not import pathlib.

import errno
import fcntl
import os
import shutil
from typing import BinaryIO

__all__ = ["transfer"]

# From linux/fs.h; the module fcntl has no name for it before Python 3.14.
FICLONE = 0x40049409

CHUNK = 1 << 20

_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS})
"""Errors after which a copy can work: other file system, no links or too many, or a file of another user."""


def transfer(source: str, target: str, mode: int, *, hard_links: bool, folder: int | None = None) -> None:
    """Put a file with the content of `source` at `target`, which must not exist.

    Parameters:
        source, target: the names; a symbolic link at `source` is followed.
        mode: the permissions of the new file, before the umask.
        hard_links: whether both names may be one file, which then is read-only.
        folder: the descriptor of the folder in which `source` is; None for the working directory.

    Raises:
        OSError: the transfer failed; a partial file may be at `target`.
    """
    with open(os.open(source, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder), "rb") as reading:
        with _created(target, mode) as writing:
            if _cloned(reading.fileno(), writing.fileno()):
                return
            if not hard_links:
                shutil.copyfileobj(reading, writing, CHUNK)
                return
        os.unlink(target)
        if not _linked(source, target, folder):
            with _created(target, mode) as writing:
                shutil.copyfileobj(reading, writing, CHUNK)


def _created(path: str, mode: int) -> BinaryIO:
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode | 0o200), "wb")


def _cloned(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        # File systems report different errors here. If the cause is serious, the copy fails, too.
        return False
    return True


def _linked(source: str, target: str, folder: int | None) -> bool:
    try:
        if folder is None:
            os.link(os.path.realpath(source), target)
        else:
            os.link(source, target, src_dir_fd=folder)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    mode = os.stat(target).st_mode
    if mode & 0o222:
        try:
            os.chmod(target, mode & 0o7555)
        except PermissionError:
            # The file of another user stays writable for that user, so it must not be linked.
            os.unlink(target)
            return False
    return True
