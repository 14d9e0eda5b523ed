"""In flight: jobs between their start and the record of their end, and the check of those that ended well.

The evaluator gets a success after its check, so no job starts because of a success that does not count. Jobs that read
few files are checked at once. The next check after a long one waits, unless no job would run meanwhile.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ppg.engine.consumed_files import ConsumedFiles
from ppg.engine.node_differences import NodeDifferences
from ppg.exceptions import PyPipelineGraphError
from ppg.graph.extension import Extension
from ppg.graph.generated import GeneratedJobs
from ppg.jobs.job import Job
from ppg.outcomes.verdicts import Made
from ppg.result import JobOutcome
from ppg_exec import FileUse

__all__ = ["EndedWell", "InFlight"]

SHARE_OF_CHECKS = 0.05
"""Share of the main process's time that checks may take while other jobs run."""
LONGEST_DELAY = 0.1
"""Seconds that a success may wait for the next check while other jobs run."""
SHORTEST_DELAY = 0.001
"""Seconds; a check that is due sooner happens at once, because `poll` sleeps for whole milliseconds."""


@dataclass(slots=True)
class InFlight:
    """In flight: state of one job that the evaluator has started.

    Attributes:
        job: the job.
        has_begun: whether its process runs or ran, so that files on disk may be its work.
        with_executor: whether the executor has not reported its end yet.
        success: the outputs or declarations of a job that ended well; what it read is still to be checked, and the
            record to be written. The declarations become an extension when the evaluator gets them.
        job_outcome: the outcome to publish for a success.
        uses: the files that it used, as its process noted them.
        uses_incomplete: why some of them are missing; empty if none is.
    """

    job: Job
    has_begun: bool = False
    with_executor: bool = True
    success: Made | GeneratedJobs | Extension | None = None
    job_outcome: JobOutcome | None = None
    uses: Sequence[FileUse] = ()
    uses_incomplete: str = ""


class EndedWell:
    """Ended well: keeps the jobs that returned what they should, until the files that they read are checked.

    Parameters:
        consumed: checks the files.
        node_differences: knows the data and names that jobs found otherwise.
        is_idle: returns whether no job runs, so that every delay would be lost time.
        clock: returns seconds.
    """

    def __init__(
        self,
        consumed: ConsumedFiles,
        node_differences: NodeDifferences,
        is_idle: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumed = consumed
        self._node_differences = node_differences
        self._is_idle = is_idle
        self._clock = clock
        self._flights: list[InFlight] = []
        self._read_few = True
        self._next_check = 0.0

    def add(self, flight: InFlight) -> None:
        """Take in a job that has ended."""
        self._flights.append(flight)
        self._read_few = self._read_few and self._consumed.reads_few(flight.job._node)

    @property
    def seconds_until_due(self) -> float | None:
        """Seconds until the next check; None if no job waits for it."""
        if not self._flights:
            return None
        if self._read_few:
            return 0.0
        left = self._next_check - self._clock()
        return 0.0 if left < SHORTEST_DELAY or self._is_idle() else left

    @property
    def is_due(self) -> bool:
        """Whether jobs wait, and should wait no longer."""
        return self.seconds_until_due == 0.0

    def take(self) -> list[tuple[InFlight, PyPipelineGraphError | None]]:
        """Check all jobs that wait, and return each with the error by which it fails; None if it counts.

        Raises:
            ObservationInterrupted: the user stopped the run while a large file was hashed; the jobs still wait.
        """
        began = self._clock()
        changed = self._consumed.ended(flight.job._node for flight in self._flights)
        flights, self._flights = self._flights, []
        self._read_few = True
        now = self._clock()
        self._next_check = now + min((now - began) / SHARE_OF_CHECKS, LONGEST_DELAY)
        return [(flight, self._error_of(flight, changed.get(flight.job._node))) for flight in flights]

    def _error_of(self, flight: InFlight, changed: str | None) -> PyPipelineGraphError | None:
        if changed is not None:
            return self._consumed.changed_while_it_ran(changed, flight.job.job_id)
        return self._node_differences.error_for(flight.job)
