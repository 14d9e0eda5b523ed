"""One file from here to there, in the cheapest way that there is.

A reflink first: a second file that shares the blocks of the first until one of them is written to, so it takes no room,
no time, and no risk. Otherwise a hard link, if links are wanted: one file under two names, which is made read-only,
because whoever writes to one writes to both. Otherwise a copy.
"""

# ruff: noqa: PTH101, PTH108, PTH116, PTH123
# Paths are strings here, as everywhere in job processes, in which pathlib is not imported.

import errno
import fcntl
import os
import shutil
from typing import BinaryIO

__all__ = ["transfer"]

# Of linux/fs.h; the module fcntl has no name for it before Python 3.14.
FICLONE = 0x40049409

CHUNK = 1 << 20

_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS})
"""Another file system, or one without links, or one that has enough of them; a file of somebody else's."""


def transfer(source: str, target: str, mode: int, *, hard_links: bool, folder: int | None = None) -> None:
    """Put a file with the content of `source` at `target`, where there must be nothing.

    Parameters:
        source, target: the names; a symbolic link at `source` is followed.
        mode: the permissions of the new file, of which the umask takes its share.
        hard_links: whether the two may be one file, which then is read-only.
        folder: the descriptor of the folder in which `source` is; None for the working directory.

    Raises:
        OSError: it cannot be done; something may be at `target`.
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
        # Each file system has an error of its own for it. Whatever it is, copying finds out whether it is serious.
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
            # A file of somebody else's, which stays writable for them.
            os.unlink(target)
            return False
    return True
