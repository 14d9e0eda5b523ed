"""Checksums: decides of every row of the store whether it is as it was written.

Records and observations begin with a checksum (see `codec`). Rows of all other tables end with one, in the
column `checksum`. It covers the table, the types and the values, so a row in another table or with a value of
another type fails it.
"""

import functools
import sqlite3
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import xxhash

from ppg_graph import JobId
from ppg_invariants.rows.codec import DamagedError, is_sound_record, unpack_observation

__all__ = [
    "SEALED",
    "TABLES",
    "RowsDamagedError",
    "checksum_of",
    "insert_into",
    "is_sound_row",
    "sealed",
    "sound_rows",
]

TABLES: dict[str, dict[str, tuple[type, ...]]] = {
    "jobs": {"id": (int,), "name": (str, bytes)},
    "records": {"job": (int,), "packed": (bytes,)},
    "observations": {"job": (int,), "packed": (bytes,)},
    "evidence": {"fingerprint": (bytes,), "packed": (bytes,)},
    "blobs": {"digest": (bytes,), "content": (bytes,)},
    "codes": {
        "python": (str,),
        "bytecode": (bytes,),
        "syntax": (bytes, type(None)),
        "canonical": (bytes,),
    },
    "runs": {
        "id": (int,),
        "started": (float,),
        "ended": (float, type(None)),
        "outcome": (str,),
        "pid": (int,),
        "host": (str,),
        "details": (str,),
    },
    "events": {
        "run": (int,),
        "at": (float,),
        "kind": (str,),
        "job": (int, type(None)),
        "details": (str,),
    },
    "notes": {"run": (int,), "at": (float,), "kind": (str,), "job": (int,), "details": (str,)},
}
"""Every table, with its columns and the types of their values, without the column `checksum`."""

SEALED = frozenset(TABLES) - {"records", "observations"}
"""The tables with a column `checksum`, their last one; in the two others the checksum is packed with the row."""


class RowsDamagedError(sqlite3.DatabaseError):
    """RowsDamagedError: SQLite reads the file, but rows of a table are not as they were written."""

    def __init__(self, table: str) -> None:
        super().__init__(f"rows of the table {table} fail their checksum")


def checksum_of(table: str, values: tuple[Any, ...]) -> int:
    """Return the checksum of a row: 32 bits for a job, so that SQLite can add them up, else 64 bits."""
    if table == "jobs":
        number, name = values
        content = name.encode("utf-8", "surrogatepass") if type(name) is str else name
        return int(xxhash.xxh32_intdigest(content, number))
    text = bytearray(table.encode())
    for value in values:
        if type(value) is str:
            content = value.encode("utf-8", "surrogatepass")
            text += b"s%d:%b" % (len(content), content)
        elif type(value) is bytes:
            text += b"b%d:%b" % (len(value), value)
        elif type(value) is float:
            text += b"f%b" % struct.pack("<d", value)
        else:
            text += b"i%d" % value if type(value) is int else b"n"
    return int(xxhash.xxh3_64_intdigest(bytes(text))) - (1 << 63)


def sealed(table: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row as the store keeps it: with its checksum, where the table has a column for that."""
    return (*values, checksum_of(table, values)) if table in SEALED else values


@functools.cache
def insert_into(table: str, how: str = "INSERT OR REPLACE") -> str:
    """Return the statement that inserts a sealed row."""
    count = len(TABLES[table]) + (table in SEALED)
    return f"{how} INTO {table} VALUES ({', '.join('?' * count)})"


def is_sound_row(table: str, values: tuple[Any, ...], checksum: object, names: Mapping[int, JobId]) -> bool:
    """Whether a row is as it was written.

    Parameters:
        table: its table.
        values: its values, without the checksum.
        checksum: the stored checksum; None if the file has none because an earlier ppg wrote it. Then the types
            of the values must be right.
        names: the jobs by their numbers, for records and observations.
    """
    if not all(type(value) in types for value, types in zip(values, TABLES[table].values(), strict=True)):
        return False
    if table == "jobs" and not 0 < values[0] < 1 << 32:
        return False
    if table in SEALED:
        return checksum is None or checksum == checksum_of(table, values)
    number, packed = values
    if number not in names:
        return False
    if table == "records":
        return is_sound_record(names[number], packed)
    try:
        unpack_observation(names[number], packed)
    except DamagedError:
        return False
    return True


def sound_rows(table: str, rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the values of rows that end with their checksum; raise RowsDamagedError if one is not sound."""
    found = [(tuple(values), checksum) for *values, checksum in rows]
    if not all(is_sound_row(table, values, checksum, {}) for values, checksum in found):
        raise RowsDamagedError(table)
    return [values for values, _ in found]
