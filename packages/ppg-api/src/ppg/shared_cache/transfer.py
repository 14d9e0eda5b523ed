"""Transfer: puts one file at another place, in the cheapest way that works.

1. A reflink: a second file that shares the blocks of the first until one of them is written to. It takes no room, no
   time, and no risk.
2. A hard link, if links are wanted: one file under two names. It is made read-only, because a write to one name
   changes both.
3. A copy.
"""

# ruff: noqa: PTH101, PTH108, PTH123
# Paths are strings here, as everywhere in job processes, because these do not import pathlib.

import errno
import fcntl
import os
import stat
from typing import BinaryIO

__all__ = ["NotAsStatedError", "open_regular", "transfer"]

# From linux/fs.h; the module fcntl has no name for it before Python 3.14.
FICLONE = 0x40049409

CHUNK = 1 << 20

_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS})
"""Errors after which a copy can work: other file system, no links or too many, or a file of another user."""


class NotAsStatedError(OSError):
    """NotAsStatedError: a source is no regular file, or has another size than was stated."""


def open_regular(path: str, folder: int | None = None, *, follow: bool = False) -> tuple[int, os.stat_result]:
    """Open a regular file for reading; return its descriptor and its stat. Nothing else is opened.

    Parameters:
        path: its name.
        folder: the descriptor of the folder in which it is; None for the working directory.
        follow: whether a symbolic link is followed; otherwise it is no regular file.

    Raises:
        NotAsStatedError: it is a folder, a link, a device, a pipe or a socket.
        OSError: it cannot be opened.
    """
    # A pipe that takes the file's place at this moment is opened without waiting for its writer.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW)
    # A device is not opened at all: that alone can have effects.
    if not stat.S_ISREG(os.stat(path, dir_fd=folder, follow_symlinks=follow).st_mode):
        raise NotAsStatedError(errno.EINVAL, "is no regular file")
    descriptor = os.open(path, flags, dir_fd=folder)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise NotAsStatedError(errno.EINVAL, "is no regular file")
    return descriptor, found


def transfer(
    source: str, target: str, mode: int, size: int, *, hard_links: bool, folder: int | None = None
) -> None:
    """Put a file with the content of `source` at `target`, which must not exist.

    Parameters:
        source, target: the names; a symbolic link at `source` is followed, but not in a `folder`.
        mode: the permissions of the new file, before the umask; no bits beyond 0o777.
        size: of the source, in bytes; no more is copied.
        hard_links: whether both names may be one file, which then is read-only.
        folder: the descriptor of the folder in which `source` is; None for the working directory.

    Raises:
        NotAsStatedError: `source` is no regular file of this size.
        OSError: the transfer failed; a partial file may be at `target`.
    """
    descriptor, found = open_regular(source, folder, follow=folder is None)
    with open(descriptor, "rb", buffering=0) as reading:
        if found.st_size != size:
            raise NotAsStatedError(errno.EINVAL, f"has {found.st_size} bytes, not {size}")
        with _created(target, mode) as writing:
            if _cloned(reading.fileno(), writing.fileno()):
                return
            if not hard_links:
                _copy(reading, writing, size)
                return
        os.unlink(target)
        if not _linked(source, target, found, folder):
            with _created(target, mode) as writing:
                _copy(reading, writing, size)


def _copy(reading: BinaryIO, writing: BinaryIO, size: int) -> None:
    left = size
    while left and (data := reading.read(min(left, CHUNK))):
        writing.write(data)
        left -= len(data)


def _created(path: str, mode: int) -> BinaryIO:
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode | 0o200), "wb")


def _cloned(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        # File systems report different errors here. If the cause is serious, the copy fails, too.
        return False
    return True


def _linked(source: str, target: str, wanted: os.stat_result, folder: int | None) -> bool:
    if wanted.st_mode & 0o7000:
        # A link has the bits set-uid, set-gid and sticky of the file; a copy has not.
        return False
    try:
        if folder is None:
            os.link(os.path.realpath(source), target)
        else:
            os.link(source, target, src_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    linked = os.lstat(target)
    if not os.path.samestat(linked, wanted):
        # Another file has taken the name of the one that was opened.
        os.unlink(target)
        return False
    mode = linked.st_mode
    if mode & 0o222:
        try:
            os.chmod(target, mode & 0o555)
        except PermissionError:
            # The file of another user stays writable for that user, so it must not be linked.
            os.unlink(target)
            return False
    return True
