"""Received: reads the notes that a job process has sent, which may be anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from ppg_exec.tracking.hook import current_notes
from ppg_exec.tracking.uses import FileUse, UseKind
from ppg_exec.tracking.wire import HEADER, LONGEST, MOST, STAT, encode

__all__ = ["FileUses", "encoded_uses", "received_uses", "uses_so_far"]

_KINDS = {"/": UseKind.READ, "a": UseKind.ABSENT, "l": UseKind.LISTED, "w": UseKind.WRITTEN}
_LONGEST_SENTENCE = 500  # characters


class FileUses(Sequence[FileUse]):
    """FileUses: holds the uses of a task as it has sent them, and reads them when they are asked for."""

    __slots__ = ("_count", "_keys", "_names", "_read", "_stats")

    def __init__(self, keys: bytes, stats: bytes, names: bytes) -> None:
        self._keys = keys
        self._stats = stats
        self._names = names
        self._count = keys.count(b"\0") + 1
        self._read: tuple[FileUse, ...] | None = None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[FileUse]:
        return iter(self._all())

    @overload
    def __getitem__(self, place: int) -> FileUse: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[FileUse, ...]: ...
    def __getitem__(self, place: int | slice) -> FileUse | tuple[FileUse, ...]:
        return self._all()[place]

    def __eq__(self, other: object) -> bool:
        return self._all() == tuple(other) if isinstance(other, FileUses | tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return f"<FileUses of {self._count} files>"

    def encoded(self, incomplete: str) -> bytes:
        """The bytes that `received_uses` reads, as long as no use was asked for."""
        why = incomplete.encode("utf-8", "replace")
        header = HEADER.pack(len(why), len(self._keys), len(self._stats))
        return b"".join((header, why, self._keys, self._stats, self._names))

    def _all(self) -> tuple[FileUse, ...]:
        if self._read is None:
            stats = STAT.iter_unpack(self._stats)
            listed = iter(self._names.split(b"/"))
            found = []
            for key in self._keys.decode("utf-8", "surrogateescape").split("\0"):
                kind = _KINDS[key[0]]
                if kind is UseKind.READ:
                    found.append(FileUse(kind, key, next(stats)))
                elif kind is UseKind.LISTED:
                    names = next(listed).decode("utf-8", "surrogateescape")
                    found.append(
                        FileUse(kind, key[1:], next(stats), tuple(names.split("\0")) if names else ())
                    )
                else:
                    found.append(FileUse(kind, key[1:], None))
            self._read = tuple(found)
            self._keys = self._stats = self._names = b""
        return self._read


def encoded_uses(uses: Sequence[FileUse], incomplete: str) -> bytes:
    """The bytes of uses that `received_uses` has returned, of which none was asked for."""
    if isinstance(uses, FileUses):
        return uses.encoded(incomplete)
    return encode({}, incomplete)


def received_uses(data: bytes) -> tuple[Sequence[FileUse], str]:
    """The uses in these bytes, and why uses are missing, or an empty string. Bytes of any other kind have no uses."""
    if not data:
        return (), ""
    if len(data) > LONGEST + (1 << 16) or len(data) < HEADER.size:
        return (), f"the list of the files that it has used is malformed: it has {len(data)} bytes"
    sentence, middle, behind = HEADER.unpack_from(data)
    start = HEADER.size + sentence
    why = "".join(
        each if each.isprintable() else "�"
        for each in data[HEADER.size : start][: 4 * _LONGEST_SENTENCE].decode("utf-8", "replace")
    )[:_LONGEST_SENTENCE]
    keys = data[start : start + middle]
    stats = data[start + middle : start + middle + behind]
    names = data[start + middle + behind :]
    if not keys:
        return (), why or "the list of the files that it has used is malformed: it is empty"
    if problem := _problem(keys, stats, names, len(stats) == behind):
        return (), f"the list of the files that it has used is malformed: {problem}"
    return FileUses(keys, stats, names), why


def _problem(keys: bytes, stats: bytes, names: bytes, is_long_enough: bool) -> str:
    """What is wrong with the parts of a list; empty if nothing is."""
    framed = b"\0" + keys
    count = framed.count(b"\0")
    read = framed.count(b"\0/")
    listed = framed.count(b"\0l/")
    if not is_long_enough:
        return "it is cut off"
    if count > MOST:
        return f"it has {count:,} files"
    if read + listed + framed.count(b"\0a/") + framed.count(b"\0w/") != count:
        return "it has names that are no absolute paths"
    if len(stats) != STAT.size * (read + listed):
        return f"it has {len(stats)} bytes for {read + listed} files"
    if names.count(b"/") + 1 != max(listed, 1) or (names and not listed):
        return f"it has names of other than {listed} folders"
    return ""


def uses_so_far() -> tuple[Sequence[FileUse], str]:
    """The uses that the task of this process has noted until now, and why uses are missing, or an empty string."""
    notes = current_notes()
    return ((), "") if notes is None else received_uses(notes.encoded_so_far())
