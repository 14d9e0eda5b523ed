"""Received: reads the notes that a job process has sent, which may be anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from ppg_exec.stats.late_stats import LateStats
from ppg_exec.stats.packed import LATE, STAT
from ppg_exec.tracking.hook import current_notes
from ppg_exec.tracking.uses import FileUse, UseKind
from ppg_exec.tracking.wire import HEADER, LONGEST, MOST, encode

__all__ = ["FileUses", "encoded_uses", "received_uses", "uses_so_far"]

_KINDS = {"/": UseKind.READ, "a": UseKind.ABSENT, "l": UseKind.LISTED, "w": UseKind.WRITTEN}
_LONGEST_SENTENCE = 500  # characters
_set = object.__setattr__


class _LateUse(FileUse):
    """_LateUse: is a read of which the stat is taken when it is asked for."""

    __slots__ = ("_late",)
    kind = UseKind.READ
    names = ()
    _late: LateStats

    def __init__(self, path: str, late: LateStats) -> None:
        _set(self, "path", path)
        _set(self, "_late", late)

    @property
    def stat(self) -> tuple[int, int, int, int, int] | None:
        return self._late.stat(self.path)

    def __eq__(self, other: object) -> bool:
        return self._plain() == (other._plain() if isinstance(other, _LateUse) else other)

    def __hash__(self) -> int:
        return hash(self._plain())

    def _plain(self) -> FileUse:
        return FileUse(self.kind, self.path, self.stat)


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
        """The bytes that `received_uses` reads, as long as no use was asked for.

        A lease says something on this machine only, so the stats that it stands for are taken now.
        """
        if _has_lease(self._stats):
            return self._encoded_at_once(incomplete)
        why = incomplete.encode("utf-8", "replace")
        header = HEADER.pack(len(why), len(self._keys), len(self._stats))
        return b"".join((header, why, self._keys, self._stats, self._names))

    def _encoded_at_once(self, incomplete: str) -> bytes:
        noted: dict[str, bytes] = {}
        for use in self._all():
            if use.kind is UseKind.READ:
                # A file that is not there any more was not there as it was opened.
                noted[use.path if use.stat else f"a{use.path}"] = STAT.pack(*use.stat) if use.stat else b""
            elif use.kind is UseKind.LISTED:
                assert use.stat is not None
                names = "\0".join(use.names).encode("utf-8", "surrogateescape")
                noted[f"l{use.path}"] = STAT.pack(*use.stat) + names
            else:
                noted[f"{'a' if use.kind is UseKind.ABSENT else 'w'}{use.path}"] = b""
        return encode(noted, incomplete)

    def _all(self) -> tuple[FileUse, ...]:
        if self._read is None:
            stats = STAT.iter_unpack(self._stats)
            listed = iter(self._names.split(b"/"))
            late: dict[tuple[int, int, int, int, int], LateStats] = {}
            found: list[FileUse] = []
            for key in self._keys.decode("utf-8", "surrogateescape").split("\0"):
                kind = _KINDS[key[0]]
                if kind is UseKind.READ:
                    stat = next(stats)
                    if stat[2] != LATE:
                        found.append(FileUse(kind, key, stat))
                        continue
                    lease = late.get(stat)
                    if lease is None:
                        lease = late[stat] = LateStats(stat)
                    lease.paths.append(key)
                    found.append(_LateUse(key, lease))
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


def _has_lease(stats: bytes) -> bool:
    return any(size == LATE for _, _, size, _, _ in STAT.iter_unpack(stats))


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
