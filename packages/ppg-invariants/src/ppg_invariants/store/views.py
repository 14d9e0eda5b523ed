"""The stored records as mappings: live views, which unpack a record when it is asked for."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from ppg_graph import JobId, Record
from ppg_invariants.files.state import FileState
from ppg_invariants.store.codec import (
    DamagedError,
    unpack_duration,
    unpack_files,
    unpack_own_file,
    unpack_record,
    unpack_stored_record,
)
from ppg_invariants.store.records import StoredRecord

__all__ = ["Durations", "History", "StoredRecords"]

_Unpacked = TypeVar("_Unpacked")


class _PackedRecords(Mapping[JobId, _Unpacked], Generic[_Unpacked]):
    """Records by job id, all of them sound; those that refer to what was lost are not in it."""

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
    """The last success of every job."""

    def _unpack(self, job_id: JobId, packed: bytes) -> StoredRecord:
        return unpack_stored_record(job_id, packed, self._names)

    def files(self, job_id: JobId) -> dict[str, FileState]:
        """The state of each of a job's files then, by name. Raises KeyError if there is no record to believe."""
        return unpack_files(job_id, self._packed[job_id])

    def own_file(self, job_id: JobId) -> FileState | None:
        """The state of the job's one file, if it is called like the job; quicker than `files` for nearly all jobs."""
        packed = self._packed.get(job_id)
        return None if packed is None else unpack_own_file(packed)


class History(_PackedRecords[Record]):
    """Of every record, the part that decisions are made from."""

    def _unpack(self, job_id: JobId, packed: bytes) -> Record:  # noqa: ARG002 (of the base class)
        return unpack_record(packed, self._names)

    if not TYPE_CHECKING:  # a checker should see the signatures of `Mapping.get`

        def get(self, job_id: JobId, default: object = None) -> object:
            """As `Mapping.get`, only quicker: it is called for every job of every run."""
            packed = self._packed.get(job_id)
            if packed is None:
                return default
            try:
                return unpack_record(packed, self._names)
            except DamagedError:
                return default


class Durations(Mapping[JobId, float]):
    """How long each job took when it last ran, in seconds; those that were never run are not in it."""

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
