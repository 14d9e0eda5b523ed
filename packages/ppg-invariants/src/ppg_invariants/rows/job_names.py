"""Job names: reads the names of jobs and their numbers, by which records refer to jobs.

File names may hold bytes that are no UTF-8, which SQLite rejects as text. Such names are stored as bytes.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

from xxhash import xxh32_intdigest

from ppg_graph import JobId
from ppg_invariants.rows.checksums import sound_rows
from ppg_invariants.rows.codec import NO_NAME

__all__ = ["job_name", "load_names", "stored_name"]

_SEPARATOR = "\0"


def load_names(rows: Callable[..., list[tuple[Any, ...]]]) -> list[JobId]:
    """Return the names of the jobs by number; lost names are `NO_NAME`.

    Numbers begin at 1; no job has the number 0. `rows` returns the rows of a query with its values.
    Raises RowsDamagedError if a row is not as it was written.
    """
    ((count, last),) = rows("SELECT count(*), max(id) FROM jobs")
    if count and count == last:
        # One text from a scan in the order of the numbers takes a third of the time of as many rows.
        query = "SELECT group_concat(name, ?), sum(checksum) FROM jobs NOT INDEXED"
        try:
            ((joined, checksums),) = rows(query, _SEPARATOR)
            found = joined.split(_SEPARATOR)
            if len(found) == count:
                contents = joined.encode().split(_SEPARATOR.encode())
                if sum(map(xxh32_intdigest, contents, range(1, count + 1))) == checksums:
                    return [NO_NAME, *found]
        except (sqlite3.DatabaseError, AttributeError, UnicodeDecodeError):
            pass  # a name is no UTF-8, or the table is damaged: the query below shows which
    # Some names were lost to damage, are no UTF-8, or contain the separator, so read them one by one.
    names = [NO_NAME]
    for number, name in sound_rows("jobs", rows("SELECT id, name, checksum FROM jobs ORDER BY id")):
        if number != len(names):
            names.extend([NO_NAME] * (number - len(names)))
        names.append(job_name(name))
    return names


def job_name(stored: str | bytes) -> JobId:
    """Return the name of a job from the form in which the store keeps it."""
    return JobId(stored.decode("utf-8", "surrogateescape") if isinstance(stored, bytes) else stored)


def stored_name(job_id: JobId) -> str | bytes:
    """Return the name as SQLite accepts it: text, or bytes if it is no UTF-8."""
    try:
        job_id.encode()
    except UnicodeEncodeError:
        return job_id.encode("utf-8", "surrogateescape")
    return job_id
