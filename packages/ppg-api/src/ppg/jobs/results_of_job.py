"""Results of a job: looks up the outcome of a job after a run."""

from typing import TYPE_CHECKING

from ppg.exceptions import PyPipelineGraphError

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol
    from ppg.result import JobOutcome
    from ppg_graph import JobId

__all__ = ["JobResults"]


class JobResults:
    """JobResults: the part of a job that looks up its outcome in the result of its pipegraph."""

    __slots__ = ()

    if TYPE_CHECKING:
        job_id: JobId

        @property
        def pipegraph(self) -> GraphProtocol:
            """The graph that the job belongs to."""

    @property
    def outcome(self) -> "JobOutcome":
        """The outcome of this job in the run.

        Raises:
            PyPipelineGraphError: the pipegraph has not run yet.
        """
        return self.pipegraph.result.outcome(self.job_id)

    @property
    def failed(self) -> bool:
        """Whether the job failed, or could not run because an upstream failed; `outcome.state` has which."""
        return self.outcome.failed or self.outcome.cause is not None

    @property
    def was_run(self) -> bool:
        """Whether the job ran in this run, successfully or not."""
        return self.outcome.was_run

    @property
    def exception(self) -> BaseException | None:
        """The exception with which the job failed; of a blocked job, one that names the failed upstream."""
        outcome = self.outcome
        if outcome.cause is None:
            return outcome.exception
        return PyPipelineGraphError(
            f"'{self.job_id}' did not run: Upstream '{outcome.cause}' failed; mend that job"
        )

    @property
    def traceback(self) -> str | None:
        """The traceback of the failure, as text."""
        return self.outcome.traceback

    @property
    def stdout(self) -> str:
        """The text that the job and its children wrote to their standard output."""
        return self.outcome.stdout

    @property
    def stderr(self) -> str:
        """The text that the job and its children wrote to their standard error."""
        return self.outcome.stderr

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons for which the job ran, in words."""
        return self.outcome.reasons

    @property
    def runtime(self) -> float | None:
        """The duration of the job, in seconds of wall time."""
        return self.outcome.runtime

    @property
    def peak_memory(self) -> int | None:
        """The most memory that the job used at one time, in bytes."""
        return self.outcome.peak_memory

    @property
    def attempts(self) -> int:
        """The number of attempts of the job in this run; more than one if it failed and was started again."""
        return self.outcome.attempts
