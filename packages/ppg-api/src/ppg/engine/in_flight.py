"""In flight: what the run loop knows of one job between its start and the record of how it ended."""

from dataclasses import dataclass

from ppg.engine.verdicts import Made
from ppg.graph.extension import Extension
from ppg.jobs.job import Job
from ppg.result import JobOutcome

__all__ = ["InFlight"]


@dataclass(slots=True)
class InFlight:
    """In flight: one job that the evaluator has started.

    Attributes:
        job: the job.
        has_begun: its process runs, or ran; what is on disk may be its work.
        with_executor: the executor has not reported its end yet.
        success: what it made, or declared, once it has succeeded; the record of that is still to be written.
        story: what is told of a success.
    """

    job: Job
    has_begun: bool = False
    with_executor: bool = True
    success: Made | Extension | None = None
    story: JobOutcome | None = None
