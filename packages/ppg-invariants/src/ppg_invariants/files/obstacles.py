"""Obstacles: finds what stands in the place of an output and is no file, such as a device or a folder.

ppg removes and replaces files, and links to files. The user or the system has put all else there, and it stays.
"""

# ruff: noqa: PTH115, PTH116
# Paths are strings throughout this package.

import os
import stat

__all__ = ["obstacle"]

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def obstacle(path: str) -> str | None:
    """Return in words what stands at `path` and is no file; None if it is a file, a link to a file, or nothing."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return None  # the job that makes the file gets the error, with its reason
    if not stat.S_ISLNK(mode):
        return _kind(mode)
    target = os.readlink(path)
    try:
        kind = _kind(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return f"a symbolic link that leads to nothing ('{target}')"
    except OSError as error:
        return f"a symbolic link to '{target}', which cannot be followed ({error.strerror})"
    return None if kind is None else f"a symbolic link to {kind} ('{target}')"


def _kind(mode: int) -> str | None:
    return next((words for test, words in _KINDS if test(mode)), None)
