"""Errors: defines the errors of fingerprints and the store, with one base class."""

import errno
import os
import sqlite3

__all__ = [
    "CannotFingerprint",
    "FileUnobservable",
    "InvariantsError",
    "ObservationInterrupted",
    "StoreDamagedWarning",
    "StoreError",
    "StoreLocked",
    "StoreTooNew",
    "remedy",
]

_NEEDED_BY_SQLITE = 4
"""Number of descriptors: for the database, its log, the index of the log, and the directory."""


class InvariantsError(Exception):
    """Invariants error: is the base of every exception that ppg_invariants raises on purpose."""


class CannotFingerprint(InvariantsError, TypeError):  # noqa: N818
    """Cannot fingerprint: a value, or a part of it, has no content that is comparable from run to run.

    `path` leads to the culprit: ``parameters['a'][0]`` or ``function → closure 'db'``.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why

    def __reduce__(self) -> tuple[type["CannotFingerprint"], tuple[str, str]]:
        return type(self), (self.path, self.why)


class FileUnobservable(InvariantsError):  # noqa: N818
    """File unobservable: an input file is missing, unreadable, or no regular file."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type["FileUnobservable"], tuple[str, str]]:
        return type(self), (self.path, self.reason)


class ObservationInterrupted(InvariantsError):  # noqa: N818 (reads as what happened)
    """Observation interrupted: the caller's `should_stop` ended an observation of files."""


LookStopped = ObservationInterrupted
"""The earlier name of `ObservationInterrupted`, which scripts and pickles contain."""


class StoreError(InvariantsError):
    """Store error: the status store cannot be opened, read or written; the message contains a remedy."""


class StoreLocked(StoreError):  # noqa: N818
    """Store locked: another process writes to this status store.

    `pid`, `host` and `since` (ISO 8601, local time with offset) name the holder; None if it left no note.
    """

    def __init__(self, path: str, pid: int | None, host: str | None, since: str | None) -> None:
        holder = f"process {pid} on {host}, since {since}" if pid is not None else "another process"
        super().__init__(
            f"the status store {path} is in use by {holder}; wait for that run or end it, "
            "or give this run another status file"
        )
        self.path: str = path
        self.pid: int | None = pid
        self.host: str | None = host
        self.since: str | None = since

    def __reduce__(self) -> tuple[type["StoreLocked"], tuple[str, int | None, str | None, str | None]]:
        return type(self), (self.path, self.pid, self.host, self.since)


class StoreTooNew(StoreError):  # noqa: N818
    """Store too new: a newer ppg wrote the status store, with a schema that this ppg cannot read."""


class StoreDamagedWarning(UserWarning):
    """Store damaged warning: names the copy of a damaged status store, and counts the saved rows."""


def remedy(error: OSError | sqlite3.Error, usual: str) -> str:
    """Return the remedy for an error: raise the limit of open files if it was reached, else `usual`."""
    return "raise the limit of open files (ulimit -n)" if _limit_is_reached(error) else usual


def _limit_is_reached(error: OSError | sqlite3.Error) -> bool:
    if isinstance(error, OSError):
        return error.errno in {errno.EMFILE, errno.ENFILE}
    if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_CANTOPEN:
        return False
    # SQLite reports no cause, so try whether it could open its files.
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
