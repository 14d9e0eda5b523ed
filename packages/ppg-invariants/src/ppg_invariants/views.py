"""The stored records as mappings: live views, which unpack a record when it is asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from ppg_graph import JobId, Record

from .files import FileState
from .packing import DamagedError, unpack_files, unpack_record, unpack_stored_record
from .stored import StoredRecord

__all__ = ["History", "StoredRecords"]

_Unpacked = TypeVar("_Unpacked")


class _PackedRecords(Mapping[JobId, _Unpacked], Generic[_Unpacked]):
    """Records by job id; those whose checksum is wrong are not in it."""

    _unpack: Callable[[JobId, bytes, Sequence[JobId]], _Unpacked]

    def __init__(self, packed: Mapping[JobId, bytes], names: list[JobId]) -> None:
        self._packed = packed
        self._names = names

    def __getitem__(self, job_id: JobId) -> _Unpacked:
        try:
            return self._unpack(job_id, self._packed[job_id], self._names)
        except DamagedError:
            raise KeyError(job_id) from None

    def __iter__(self) -> Iterator[JobId]:
        return (job_id for job_id in list(self._packed) if self.get(job_id) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class StoredRecords(_PackedRecords[StoredRecord]):
    """The last success of every job."""

    _unpack = staticmethod(unpack_stored_record)

    def files(self, job_id: JobId) -> dict[str, FileState]:
        """The state of each of a job's files then, by name. Raises KeyError if there is no record to believe."""
        try:
            return unpack_files(job_id, self._packed[job_id])
        except DamagedError:
            raise KeyError(job_id) from None


class History(_PackedRecords[Record]):
    """Of every record, the part that decisions are made from."""

    _unpack = staticmethod(unpack_record)
