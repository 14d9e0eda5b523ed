"""Views: present the stored records as live mappings, and unpack a record on demand."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from ppg_graph import JobId, Record
from ppg_invariants.files.state import FileState
from ppg_invariants.rows.codec import (
    DamagedError,
    unpack_duration,
    unpack_files,
    unpack_own_file,
    unpack_record,
    unpack_stored_record,
)
from ppg_invariants.rows.records import StoredRecord

__all__ = ["Durations", "History", "StoredRecords"]

_Unpacked = TypeVar("_Unpacked")


class _PackedRecords(Mapping[JobId, _Unpacked], Generic[_Unpacked]):
    """Packed records: map job ids to sound records; records that refer to a lost name are omitted."""

    def __init__(self, packed: Mapping[JobId, bytes], names: list[JobId]) -> None:
        self._packed = packed
        self._names = names

    def _unpack(self, job_id: JobId, packed: bytes) -> _Unpacked:
        raise NotImplementedError

    def __getitem__(self, job_id: JobId) -> _Unpacked:
        try:
            return self._unpack(job_id, self._packed[job_id])
        except DamagedError:
            raise KeyError(job_id) from None

    def __iter__(self) -> Iterator[JobId]:
        return (job_id for job_id in list(self._packed) if self.get(job_id) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class StoredRecords(_PackedRecords[StoredRecord]):
    """Stored records: map each job to its last success."""

    def _unpack(self, job_id: JobId, packed: bytes) -> StoredRecord:
        return unpack_stored_record(job_id, packed, self._names)

    def files(self, job_id: JobId) -> dict[str, FileState]:
        """Return the recorded states of a job's files, by name. Raises KeyError without a sound record."""
        return unpack_files(job_id, self._packed[job_id])

    def own_file(self, job_id: JobId) -> FileState | None:
        """Return the state of the job's only file, if that file has the job's name; else None.

        For nearly all jobs it is quicker than `files`.
        """
        packed = self._packed.get(job_id)
        return None if packed is None else unpack_own_file(packed)


class History(_PackedRecords[Record]):
    """History: maps each job to the part of its record that the evaluator compares."""

    def _unpack(self, job_id: JobId, packed: bytes) -> Record:  # noqa: ARG002 (of the base class)
        return unpack_record(packed, self._names)

    if not TYPE_CHECKING:  # a checker should see the signatures of `Mapping.get`

        def get(self, job_id: JobId, default: object = None) -> object:
            """Return as `Mapping.get`, but quicker: every run calls it for every job."""
            packed = self._packed.get(job_id)
            if packed is None:
                return default
            try:
                return unpack_record(packed, self._names)
            except DamagedError:
                return default


class Durations(Mapping[JobId, float]):
    """Durations: map each job to the seconds of its last run; jobs that never ran are omitted."""

    def __init__(self, packed: Mapping[JobId, bytes]) -> None:
        self._packed = packed

    def __getitem__(self, job_id: JobId) -> float:
        duration = unpack_duration(self._packed[job_id])
        if duration is None:
            raise KeyError(job_id)
        return duration

    def __iter__(self) -> Iterator[JobId]:
        return (job_id for job_id, packed in self._packed.items() if unpack_duration(packed) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)
