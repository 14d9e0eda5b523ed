"""In flight: holds the state of one job between its start and the record of its end."""

from dataclasses import dataclass

from ppg.engine.verdicts import Made
from ppg.graph.extension import Extension
from ppg.graph.generated import GeneratedJobs
from ppg.jobs.job import Job
from ppg.result import JobOutcome

__all__ = ["InFlight"]


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
    """

    job: Job
    has_begun: bool = False
    with_executor: bool = True
    success: Made | GeneratedJobs | Extension | None = None
    job_outcome: JobOutcome | None = None
