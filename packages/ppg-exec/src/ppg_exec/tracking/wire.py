"""Wire: turns the notes of a task into plain bytes, which are small and quick to make.

A job process sends them with its report. The receiver, `received`, does not trust it.

    lengths of the three parts before names | why notes are missing | keys | stats | names

A key is the path of a file, behind a letter unless the file was read: `a` absent, `l` listed, `w` written. NUL, which no
path has, is between two keys. Each read file and each listed folder has a stat of 40 bytes. Instead, a read file may have
the lease of its folder. A slash, which no name has, is
between the names of two folders, and NUL between two names.
"""

from __future__ import annotations

from struct import Struct

from ppg_exec.stats.packed import STAT

__all__ = ["HEADER", "LONGEST", "MOST", "encode"]

MOST = 100_000
"""Uses that are noted of one task."""
LONGEST = 32 << 20
"""Bytes that the uses of one task have at most."""
HEADER = Struct("=III")

TOO_MANY_FILES = f"it has used more than {MOST:,} files; only the first ones are noted"
LIST_TOO_LONG = (
    f"the list of the files that it has used is longer than {LONGEST >> 20} MB; only the first ones are noted"
)


def encode(noted: dict[str, bytes], incomplete: str) -> bytes:
    """The bytes for these notes: for each key a stat, with the names of a folder behind it, or nothing."""
    keys = "\0".join(noted).encode("utf-8", "surrogateescape")
    if not keys and not incomplete:
        return b""
    stats = b"".join(noted.values())
    names = b""
    if keys[:2] == b"l/" or b"\0l/" in keys:
        size = STAT.size
        stats = b"".join([value[:size] for value in noted.values()])
        names = b"/".join([value[size:] for key, value in noted.items() if key[0] == "l"])
    if len(keys) + len(stats) + len(names) > LONGEST:
        return encode(_first(noted), LIST_TOO_LONG)
    why = incomplete.encode("utf-8", "replace")
    return b"".join((HEADER.pack(len(why), len(keys), len(stats)), why, keys, stats, names))


def _first(noted: dict[str, bytes]) -> dict[str, bytes]:
    """The first notes that fit."""
    room = LONGEST
    kept: dict[str, bytes] = {}
    for key, value in noted.items():
        room -= len(key.encode("utf-8", "surrogateescape")) + len(value) + 2
        if room < 0:
            break
        kept[key] = value
    return kept
