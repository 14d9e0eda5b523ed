"""Existing outputs: reads files without a valid record, and finds the reasons not to accept them."""

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ppg.inspect.forecast import ReadOnlyHistory
from ppg.jobs.file_jobs import FileJob
from ppg.paths import absolute
from ppg.result import JobState
from ppg_invariants import FileState, FileUnobservable, observe_files, obstacle

__all__ = ["ExistingOutputs", "Found", "is_anything_there"]

MOST_FILES = 3
"""Largest number of files that a message names."""


@dataclass(frozen=True, slots=True)
class Found:
    """Found: the state of a job's files on disk.

    Attributes:
        files: the state of each file by name; complete if there are no flaws.
        flaws: what is wrong with the other files, in words; empty if nothing is.
    """

    files: Mapping[str, FileState]
    flaws: str


class ExistingOutputs:
    """Existing outputs: reads the files of jobs, and compares them with the history.

    Parameters:
        memory: the history of earlier runs.
        root: the pipegraph's root.
        should_stop: called while files are read; True interrupts the reading.
    """

    def __init__(self, memory: ReadOnlyHistory, root: str, should_stop: Callable[[], bool]) -> None:
        self._memory = memory
        self._root = root
        self._should_stop = should_stop
        self._killed = _killed_runs(memory)

    def look_at(self, jobs: Sequence[FileJob]) -> Iterator[Found]:
        """Yield the files found for each job; all files are read in one pass, on all cores.

        Raises:
            ObservationInterrupted: `should_stop` returned True.
        """
        entries: list[tuple[str, FileState | None]] = []
        for job in jobs:
            # A file that matches its recorded state is not read, even if the rest of the record is stale.
            known = self._memory.files(job.job_id) if job.job_id in self._memory.history else {}
            entries += [(absolute(path, self._root), known.get(path)) for path in job.files]
        looks = iter(observe_files(entries, algorithm="xxh3_128", should_stop=self._should_stop))
        for job in jobs:
            files: dict[str, FileState] = {}
            flaws: list[str] = []
            for path in job.files:
                look = next(looks)
                if isinstance(look, FileUnobservable):
                    what = obstacle(absolute(path, self._root))
                    flaws.append(f"'{path}' {look.reason}" if what is None else f"'{path}' is {what}")
                elif not look.size and not job.empty_ok:
                    flaws.append(f"'{path}' is empty")
                else:
                    files[path] = look
            more = f", and {len(flaws) - MOST_FILES} more" if len(flaws) > MOST_FILES else ""
            yield Found(files, ", ".join(flaws[:MOST_FILES]) + more)

    def doubts(self, job: FileJob, found: Found) -> str:
        """Return why the files are accepted only if the user names the job; empty if there is no reason."""
        ran = self._memory.last_run(job.job_id)
        if ran is not None and ran.state is JobState.FAILED:
            return f"it failed when it ran last (run {ran.run_id}); name it to accept it anyway"
        for run_id, begin, end in self._killed:
            if any(begin <= state.mtime_ns < end for state in found.files.values()):
                return (
                    f"it was written after run {run_id} began, which was killed or still goes on, so it may be "
                    "incomplete; name it to accept it anyway"
                )
        return ""


def is_anything_there(job: FileJob) -> bool:
    """Whether at least one of the job's file names exists on disk, as a file or anything else."""
    return any(os.path.lexists(absolute(path, job.pipegraph.root)) for path in job.files)


def _killed_runs(memory: ReadOnlyHistory) -> list[tuple[int, float, float]]:
    """Runs without a recorded end: the number, and the earliest and latest time of the run's activity.

    Times are ns since the epoch. Such a run had ended when the next run began.
    """
    killed: list[tuple[int, float, float]] = []
    end = math.inf
    for run_id, started, is_known in memory.runs():
        begin = started * 1e9
        if not is_known:
            killed.append((run_id, begin, end))
        end = begin
    return killed
