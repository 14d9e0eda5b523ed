"""Job names: reads the names of jobs and their numbers, by which records refer to jobs.

File names may hold bytes that are no UTF-8, which SQLite rejects as text. Such names are stored as bytes.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

from ppg_graph import JobId
from ppg_invariants.store.codec import NO_NAME

__all__ = ["load_names", "stored_name"]

_SEPARATOR = "\0"


def load_names(rows: Callable[..., list[tuple[Any, ...]]]) -> list[JobId]:
    """Return the names of the jobs by number; lost names are `NO_NAME`.

    Numbers begin at 1; no job has the number 0. `rows` returns the rows of a query with its values.
    """
    ((count, last),) = rows("SELECT count(*), max(id) FROM jobs")
    if count and count == last:
        # One text from a scan in the order of the numbers takes a third of the time of as many rows.
        try:
            ((joined,),) = rows("SELECT group_concat(name, ?) FROM jobs NOT INDEXED", _SEPARATOR)
            names = [NO_NAME, *joined.split(_SEPARATOR)]
        except sqlite3.OperationalError:
            names = []  # a name is no UTF-8, or the table is damaged: the query below shows which
        if len(names) == count + 1:
            return names
    # Some names were lost to damage, are no UTF-8, or contain the separator, so read them one by one.
    names = [NO_NAME]
    for number, name in rows("SELECT id, name FROM jobs ORDER BY id"):
        if number != len(names):
            names.extend([NO_NAME] * (number - len(names)))
        names.append(JobId(name.decode("utf-8", "surrogateescape")) if type(name) is bytes else name)
    return names


def stored_name(job_id: JobId) -> str | bytes:
    """Return the name as SQLite accepts it: text, or bytes if it is no UTF-8."""
    try:
        job_id.encode()
    except UnicodeEncodeError:
        return job_id.encode("utf-8", "surrogateescape")
    return job_id
