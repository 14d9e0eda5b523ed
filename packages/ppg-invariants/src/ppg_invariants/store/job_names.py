"""The names of jobs in the status store, and their numbers: records refer to jobs by these.

Names of files may hold bytes that are no UTF-8, which SQLite does not take as text; they are stored as bytes.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

from ppg_graph import JobId
from ppg_invariants.store.codec import NO_NAME

__all__ = ["load_names", "stored_name"]

_SEPARATOR = "\0"


def load_names(rows: Callable[..., list[tuple[Any, ...]]]) -> list[JobId]:
    """Names of the jobs by number; numbers begin at 1, and 0 is nobody's. Names that were lost are `NO_NAME`.

    `rows` gives the rows of a query with its values.
    """
    ((count, last),) = rows("SELECT count(*), max(id) FROM jobs")
    if count and count == last:
        # As one text, by a scan in the order of the numbers: a third of the time that as many rows take.
        try:
            ((joined,),) = rows("SELECT group_concat(name, ?) FROM jobs NOT INDEXED", _SEPARATOR)
            names = [NO_NAME, *joined.split(_SEPARATOR)]
        except sqlite3.OperationalError:
            names = []  # there is a name that is no UTF-8, or something worse, which shows below
        if len(names) == count + 1:
            return names
    # Some were lost to damage, are no UTF-8, or have the separator in them: one by one.
    names = [NO_NAME]
    for number, name in rows("SELECT id, name FROM jobs ORDER BY id"):
        if number != len(names):
            names.extend([NO_NAME] * (number - len(names)))
        names.append(JobId(name.decode("utf-8", "surrogateescape")) if type(name) is bytes else name)
    return names


def stored_name(job_id: JobId) -> str | bytes:
    """A name as SQLite takes it."""
    try:
        job_id.encode()
    except UnicodeEncodeError:
        return job_id.encode("utf-8", "surrogateescape")
    return job_id
