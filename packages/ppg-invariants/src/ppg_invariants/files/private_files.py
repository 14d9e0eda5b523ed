"""Private files: opens the files of ppg in a project (store, lock, logs) so that other users cannot read or replace them.

Their mode is 0600. In a folder that is meant for a group (set-gid, and writable for the group) it is 0660, minus the
umask. Wider modes of files of this user are narrowed when a run opens them.

Other users may be able to make files in the folder. A link or a file of theirs is never opened in place of ours.
"""

# ruff: noqa: PTH100, PTH101, PTH108, PTH116, PTH118, PTH120
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import errno
import os
import stat

__all__ = [
    "create_private",
    "is_of_another",
    "is_open_to_others",
    "is_planted",
    "narrow",
    "open_private",
    "own_links",
    "private_mode",
]

_MOST_LINKS = 40


def private_mode(path: str) -> int:
    """Return the mode, before the umask, of a file of ppg at `path`."""
    folder = os.stat(os.path.dirname(path) or ".")
    is_for_group = folder.st_mode & stat.S_ISGID and folder.st_mode & stat.S_IWGRP
    # The group of a folder that another user has made may have nothing to do with this user.
    return 0o660 if is_for_group and folder.st_gid in {os.getegid(), *os.getgroups()} else 0o600


def create_private(path: str) -> int:
    """Create a file and return its descriptor. Raises FileExistsError if there is anything of that name."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, private_mode(path))


def narrow(file: str | int, path: str) -> None:
    """Take permissions from a file of this user that `private_mode` does not give; it may be missing.

    `file` is its path or descriptor. A database is narrowed by its path: closing a descriptor of it would end the
    locks of SQLite.
    """
    try:
        found = os.stat(file)
    except FileNotFoundError:
        return
    allowed = private_mode(path)
    if found.st_uid == os.geteuid() and stat.S_ISREG(found.st_mode) and found.st_mode & 0o077 & ~allowed:
        os.chmod(file, stat.S_IMODE(found.st_mode) & (allowed | 0o700))


def is_open_to_others(path: str) -> bool:
    """Whether other users can make files in the folder of `path`, apart from a group that it is meant for."""
    mode = os.stat(os.path.dirname(path) or ".").st_mode
    return bool(mode & stat.S_IWOTH or (mode & stat.S_IWGRP and private_mode(path) != 0o660))


def is_planted(path: str) -> bool:
    """Whether a file, or a link, is that of another user, in a folder in which other users can make files."""
    try:
        return is_of_another(os.lstat(path), path)
    except OSError:
        return False  # there is none, or the error comes again, with its remedy, when the file is opened


def is_of_another(found: os.stat_result, path: str) -> bool:
    """The same of a file that was found at `path`."""
    if not is_open_to_others(path):
        return False
    folder = os.stat(os.path.dirname(path) or ".")
    # A folder with the group of its owner alone is usual, and root may work in it.
    trusted = {0, os.geteuid()} if folder.st_mode & stat.S_IWOTH else {0, os.geteuid(), folder.st_uid}
    return found.st_uid not in trusted


def own_links(path: str) -> list[str]:
    """Return a path, and where each link of this user or of root on the way from there leads."""
    paths = [path]
    try:
        while len(paths) <= _MOST_LINKS and (target := _target_of_own_link(paths[-1])) is not None:
            paths.append(target)
    except OSError:
        return paths  # the error comes again, with its remedy, when the file is opened
    return paths


def open_private(path: str) -> int:
    """Open an empty file for writing, and return its descriptor: the file that is there, or a new one.

    A link of this user is followed. A link, or a file, of another user is replaced by a new file, except for a
    file in a folder that is meant for a group. So is a file with several names.

    Raises OSError: it cannot be opened, or not be replaced.
    """
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    if is_planted(os.path.dirname(os.path.abspath(path))):
        raise PermissionError(errno.EPERM, "its folder belongs to another user", path)
    for _ in range(_MOST_LINKS):
        target = _target_of_own_link(path)
        if target is not None:
            path = target
            continue
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            descriptor = -1
        except OSError as error:
            if error.errno not in {errno.ELOOP, errno.EACCES, errno.ENXIO} or not _is_foreign(
                os.lstat(path), path
            ):
                raise
            descriptor = -1
        if descriptor >= 0:
            found = os.fstat(descriptor)
            several_names = stat.S_ISREG(found.st_mode) and found.st_nlink > 1
            if not several_names and not _is_foreign(found, path):
                if stat.S_ISREG(found.st_mode):
                    narrow(descriptor, path)
                    os.ftruncate(descriptor, 0)
                os.set_blocking(descriptor, True)
                return descriptor
            os.close(descriptor)
        if os.path.lexists(path):
            os.unlink(path)
        try:
            return create_private(path)
        except FileExistsError:
            continue  # another process was faster
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def _is_foreign(found: os.stat_result, path: str) -> bool:
    if found.st_uid == os.geteuid():
        return False
    if stat.S_ISREG(found.st_mode):
        return not (private_mode(path) == 0o660 and not found.st_mode & 0o007)
    # Devices belong to root.
    return not (stat.S_ISCHR(found.st_mode) and found.st_uid == 0)


def _target_of_own_link(path: str) -> str | None:
    """Return where a link of this user leads; None if there is no such link."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISLNK(found.st_mode) or found.st_uid not in {0, os.geteuid()}:
            return None
        # Read by its descriptor, because another link may be in its place by now.
        return os.path.join(os.path.dirname(path), os.readlink("", dir_fd=descriptor))
    finally:
        os.close(descriptor)
