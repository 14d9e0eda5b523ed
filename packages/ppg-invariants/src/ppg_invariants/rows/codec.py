"""Codec: packs records and observations into bytes, and unpacks them.

The bytes are compact, quick to read, and begin with a checksum that damage cannot pass. The checksum also
covers the job id, so a row stored under another job fails it. Upstream jobs are stored by the number that the
store gives each job. Everything else is stored in full.
"""

import functools
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import xxhash

from ppg_graph import Fingerprint, JobId, NodeKind, Record
from ppg_invariants.files.state import FileState
from ppg_invariants.rows.records import StoredRecord

__all__ = [
    "NO_NAME",
    "OBSERVED",
    "DamagedError",
    "is_sound",
    "is_sound_record",
    "pack_observation",
    "pack_record",
    "unpack_duration",
    "unpack_files",
    "unpack_observation",
    "unpack_own_file",
    "unpack_record",
    "unpack_stored_record",
]

_KINDS = (NodeKind.INVARIANT, NodeKind.OUTPUT, NodeKind.LAZY, NodeKind.LOAD, NodeKind.GENERATOR)
_KIND_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}

_CHECKSUM = 8
# Kind, length of every fingerprint (0: lengths differ), numbers of upstreams, parts and files.
_BEGINNING = struct.Struct("<BBIII")
# Duration, peak memory, finished.
_END = struct.Struct("<dqd")
_COUNTS = _CHECKSUM + _BEGINNING.size
_MIDDLE = _COUNTS + _END.size
_FILE = struct.Struct("<QqqQqB")
_ALGORITHMS = ("xxh3_128", "md5", "sha256", "blake2b", "blake3", "sha1", "sha512")


_NO_TEXT = b"\0\0\0\0"

OBSERVED = slice(_CHECKSUM + 4, _CHECKSUM + 4 + 16)
"""Where the bytes of an observation have the fingerprint, if that is one of ppg's."""

NO_NAME = JobId("")
"""Replaces a job name that damage destroyed; no job has this name."""


class DamagedError(ValueError):
    """DamagedError: the bytes differ from those that were packed, or refer to a lost name."""


def pack_record(job_id: JobId, stored: StoredRecord, number_of: Callable[[JobId], int]) -> bytes:
    """Return the bytes of a job's record; `number_of` returns the number of an upstream job."""
    record = stored.record
    fingerprints = [record.fingerprint, *record.upstreams.values(), *record.parts.values()]
    lengths = {len(fingerprint) for fingerprint in fingerprints}
    common = lengths.pop() if len(lengths) == 1 else 0
    if not 0 < common < 256:
        common = 0
    numbers = [number_of(upstream) for upstream in record.upstreams]
    body = bytearray(
        _BEGINNING.pack(
            _KIND_NUMBERS[record.kind], common, len(numbers), len(record.parts), len(stored.files)
        )
    )
    body += _END.pack(
        math.nan if stored.duration is None else stored.duration,
        -1 if stored.peak_memory is None else stored.peak_memory,
        stored.finished,
    )
    body += struct.pack(f"<{len(numbers)}I", *numbers)
    for fingerprint in fingerprints:
        if not common:
            body += len(fingerprint).to_bytes(4, "little")
        body += fingerprint
    for name in record.parts:
        _pack_text(name, body)
    for path, state in stored.files.items():
        _pack_text("" if path == job_id else path, body)
        _pack_file(state, body)
    return _sealed(job_id, body)


def is_sound_record(job_id: JobId, packed: bytes) -> bool:
    """Whether these bytes are a record packed for this job; the unpack functions for records require it.

    Observations have the same checksum, but begin otherwise.
    """
    return (
        type(packed) is bytes
        and packed[:_CHECKSUM] == _checksum(job_id, packed[_CHECKSUM:])
        and len(packed) >= _MIDDLE
        and packed[_CHECKSUM] < len(_KINDS)
    )


def is_sound(job_id: JobId, packed: bytes) -> bool:
    """Whether these bytes were packed for this job, as a record or as an observation."""
    return type(packed) is bytes and packed[:_CHECKSUM] == _checksum(job_id, packed[_CHECKSUM:])


class _Layout(NamedTuple):
    """Layout: holds the offsets in a record if all its fingerprints have the same length.

    Records with equal first bytes share one layout.
    """

    kind: NodeKind
    upstream_count: int
    part_count: int
    file_count: int
    numbers_and_fingerprints: struct.Struct
    end: int
    """Offset of the names of parts, or of the files if the record has no parts."""


@functools.lru_cache(maxsize=1024)
def _layout(beginning: bytes) -> _Layout | None:
    kind, common, upstream_count, part_count, file_count = _BEGINNING.unpack(beginning)
    if not common:
        return None
    middle = struct.Struct(f"<{upstream_count}I" + f"{common}s" * (1 + upstream_count + part_count))
    return _Layout(_KINDS[kind], upstream_count, part_count, file_count, middle, _MIDDLE + middle.size)


def unpack_record(packed: bytes, names: Sequence[JobId]) -> Record:
    """Return the part of a sound record that the evaluator compares.

    Raises DamagedError if the name of an upstream job was lost.
    """
    layout = _layout(packed[_CHECKSUM:_COUNTS])
    if layout is None or layout.part_count:
        return _unpack_decisive(packed, names)[0]
    count = layout.upstream_count
    values = layout.numbers_and_fingerprints.unpack_from(packed, _MIDDLE)
    return Record(layout.kind, values[count], _upstreams(values[:count], values[count + 1 :], names))


def unpack_files(job_id: JobId, packed: bytes) -> dict[str, FileState]:
    """Return only the states of the files, which every run needs of every job."""
    layout = _layout(packed[_CHECKSUM:_COUNTS])
    _, _, upstream_count, part_count, file_count = _BEGINNING.unpack_from(packed, _CHECKSUM)
    if layout is None:
        _, position = _unpack_uneven(packed, _MIDDLE + 4 * upstream_count, 1 + upstream_count + part_count)
    else:
        position = layout.end
    for _ in range(part_count):
        position += 4 + int.from_bytes(packed[position : position + 4], "little")
    return _unpack_files(job_id, packed, position, file_count)


def unpack_own_file(packed: bytes) -> FileState | None:
    """Return the state of the job's only file, if that file has the job's name; else None.

    It agrees with `unpack_files` but is quicker.
    """
    layout = _layout(packed[_CHECKSUM:_COUNTS])
    if layout is None or layout.file_count != 1 or layout.part_count:
        return None
    begin = layout.end + len(_NO_TEXT)
    return _unpack_file(packed, begin)[0] if packed[layout.end : begin] == _NO_TEXT else None


def unpack_stored_record(job_id: JobId, packed: bytes, names: Sequence[JobId]) -> StoredRecord:
    """Return a sound record as a whole. Raises DamagedError if the name of an upstream job was lost."""
    record, position = _unpack_decisive(packed, names)
    _, _, _, _, file_count = _BEGINNING.unpack_from(packed, _CHECKSUM)
    _, peak, finished = _END.unpack_from(packed, _COUNTS)
    files = _unpack_files(job_id, packed, position, file_count)
    return StoredRecord(record, files, unpack_duration(packed), None if peak < 0 else peak, finished)


def unpack_duration(packed: bytes) -> float | None:
    """Return how many seconds the job of a sound record ran; None if it never ran."""
    duration: float = _END.unpack_from(packed, _COUNTS)[0]
    return None if math.isnan(duration) else duration


def pack_observation(
    job_id: JobId, fingerprint: Fingerprint, file: FileState | None, own: bytes | None = None
) -> bytes:
    """Return the bytes of an observation; the store keeps its evidence in another table.

    That of a function ends with its `own` fingerprint, if that is not None, and the length of it in one byte.
    """
    body = len(fingerprint).to_bytes(4, "little") + fingerprint
    if own is not None:
        body += own + bytes((len(own),))
    elif file is not None:
        whole = bytearray(body)
        _pack_file(file, whole)
        body = bytes(whole)
    return _checksum(job_id, body) + body


def unpack_observation(job_id: JobId, packed: bytes) -> tuple[Fingerprint, FileState | None, bytes | None]:
    """Return fingerprint, file state, and a function's own fingerprint. Raises DamagedError if the checksum fails."""
    if not is_sound(job_id, packed):
        raise DamagedError("checksum")
    body = packed[_CHECKSUM:]
    end = 4 + int.from_bytes(body[:4], "little")
    if end > len(body):
        raise DamagedError("it is a record")
    rest = body[end:]
    if 0 < len(rest) < _FILE.size and len(rest) == rest[-1] + 1:  # no file is packed in so few bytes
        return Fingerprint(body[4:end]), None, rest[:-1]
    try:
        file = _unpack_file(body, end)[0] if rest else None
    except (ValueError, IndexError, struct.error) as error:
        raise DamagedError("it is a record") from error
    return Fingerprint(body[4:end]), file, None


def _unpack_files(job_id: JobId, packed: bytes, position: int, count: int) -> dict[str, FileState]:
    files: dict[str, FileState] = {}
    for _ in range(count):
        if packed[position : position + 4] == _NO_TEXT:
            path, position = "", position + 4  # nearly all jobs make one file, which has the job's name
        else:
            path, position = _unpack_text(packed, position)
        files[path or job_id], position = _unpack_file(packed, position)
    return files


def _upstreams(
    numbers: Sequence[int], fingerprints: Sequence[Fingerprint], names: Sequence[JobId]
) -> dict[JobId, Fingerprint]:
    try:
        upstreams = {names[number]: fingerprint for number, fingerprint in zip(numbers, fingerprints)}  # noqa: B905
    except IndexError as error:
        raise DamagedError("an upstream job is not listed") from error
    if NO_NAME in upstreams:
        raise DamagedError("the name of an upstream job was lost")
    return upstreams


def _unpack_decisive(packed: bytes, names: Sequence[JobId]) -> tuple[Record, int]:
    kind, _, upstream_count, part_count, _ = _BEGINNING.unpack_from(packed, _CHECKSUM)
    layout = _layout(packed[_CHECKSUM:_COUNTS])
    if layout is not None:
        values = layout.numbers_and_fingerprints.unpack_from(packed, _MIDDLE)
        numbers, fingerprints = values[:upstream_count], values[upstream_count:]
        position = layout.end
    else:
        numbers = struct.unpack_from(f"<{upstream_count}I", packed, _MIDDLE)
        position = _MIDDLE + 4 * upstream_count
        fingerprints, position = _unpack_uneven(packed, position, 1 + upstream_count + part_count)
    upstreams = _upstreams(numbers, fingerprints[1:], names)
    if not part_count:
        return Record(_KINDS[kind], fingerprints[0], upstreams), position
    part_names = []
    for _ in range(part_count):
        name, position = _unpack_text(packed, position)
        part_names.append(name)
    parts: Mapping[str, Fingerprint] = dict(zip(part_names, fingerprints[1 + upstream_count :], strict=True))
    return Record(_KINDS[kind], fingerprints[0], upstreams, parts), position


def _unpack_uneven(body: bytes, position: int, count: int) -> tuple[tuple[Any, ...], int]:
    found = []
    for _ in range(count):
        length = int.from_bytes(body[position : position + 4], "little")
        found.append(body[position + 4 : position + 4 + length])
        position += 4 + length
    return tuple(found), position


def _sealed(job_id: JobId, body: bytearray) -> bytes:
    return _checksum(job_id, body) + bytes(body)


def _checksum(job_id: JobId, body: bytes | bytearray) -> bytes:
    name = job_id.encode() if job_id.isascii() else job_id.encode("utf-8", "surrogateescape")
    digest: bytes = xxhash.xxh3_64_digest(name + b"\0" + body)
    return digest


def _pack_text(text: str, body: bytearray) -> None:
    encoded = text.encode("utf-8", "surrogateescape")
    body += len(encoded).to_bytes(4, "little")
    body += encoded


def _unpack_text(body: bytes, position: int) -> tuple[str, int]:
    end = position + 4 + int.from_bytes(body[position : position + 4], "little")
    return body[position + 4 : end].decode("utf-8", "surrogateescape"), end


def _pack_file(state: FileState, body: bytearray) -> None:
    known = state.algorithm in _ALGORITHMS
    number = _ALGORITHMS.index(state.algorithm) if known else 255
    body += _FILE.pack(state.size, state.mtime_ns, state.ctime_ns, state.inode, state.looked_ns, number)
    if not known:
        _pack_text(state.algorithm, body)
    body.append(len(state.digest))
    body += state.digest


def _unpack_file(body: bytes, position: int) -> tuple[FileState, int]:
    size, mtime, ctime, inode, looked, number = _FILE.unpack_from(body, position)
    position += _FILE.size
    if number == 255:
        algorithm, position = _unpack_text(body, position)
    else:
        algorithm = _ALGORITHMS[number]
    end = position + 1 + body[position]
    return FileState(size, mtime, ctime, inode, looked, body[position + 1 : end], algorithm), end
