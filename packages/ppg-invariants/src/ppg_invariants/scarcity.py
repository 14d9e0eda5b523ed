"""Whether descriptors were lacking when something could not be opened, which SQLite does not tell."""

import errno
import os
import sqlite3

__all__ = ["remedy"]

_NEEDED_BY_SQLITE = 4
"""Descriptors: of the database, its log, the index of that, and the directory."""


def remedy(error: OSError | sqlite3.Error, usual: str) -> str:
    """What to do about an error: raise the limit if that was reached, else what is `usual`."""
    return "raise the limit of open files (ulimit -n)" if _limit_is_reached(error) else usual


def _limit_is_reached(error: OSError | sqlite3.Error) -> bool:
    if isinstance(error, OSError):
        return error.errno in {errno.EMFILE, errno.ENFILE}
    if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_CANTOPEN:
        return False
    opened: list[int] = []
    try:
        while len(opened) < _NEEDED_BY_SQLITE:
            opened.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as lack:
        return lack.errno in {errno.EMFILE, errno.ENFILE}
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return False
