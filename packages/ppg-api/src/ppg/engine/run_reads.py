"""Run reads: has the jobs of a run track their reads, and judges these when the jobs have ended."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cached_property

from ppg.engine.consumed_files import ConsumedFiles
from ppg.engine.in_flight import InFlight
from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.graph.declared import DeclaredGraph
from ppg.graph.extension import Extension
from ppg.jobs.job import Job
from ppg.kinds.track import track_of
from ppg.outcomes.tasks import runs_confined
from ppg.reads.in_graph import ReadsInGraph, ignores_reads
from ppg.reads.judged import ReadsOfRun
from ppg.reads.tracking import tracking_of
from ppg.reads.writes import WritesOfRun
from ppg.status.recorder import Recorder
from ppg_exec import FileUse, Tracking
from ppg_graph import UNCERTAIN, Evaluator, Fingerprint, JobId, NodeId, NodeKind, path_of_read

__all__ = ["RunReads"]


class RunReads:
    """Run reads: the reads of one run, as the driver asks for them.

    Parameters:
        pipegraph: the jobs.
        recorder: the records.
        evaluator: has the states of the jobs.
        in_graph: the recorded reads in the graph.
        consumed: compares files if a load has to be repeated, and knows those that cannot be believed.
        writes: knows which files of others the jobs wrote.
        warn: called with messages for the user.
        unshare: removes what a job has left in the shared cache.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        recorder: Recorder,
        evaluator: Evaluator,
        in_graph: ReadsInGraph,
        consumed: ConsumedFiles,
        writes: WritesOfRun,
        warn: Callable[[str], None],
        unshare: Callable[[Job], None],
    ) -> None:
        self._pipegraph = pipegraph
        self._in_graph = in_graph
        self._consumed = consumed
        self._recorder = recorder
        self._writes = writes
        self._judge = ReadsOfRun(pipegraph, recorder, evaluator, in_graph.names_of_outputs, writes)
        self._warn = warn
        self._unshare = unshare
        self._of_loads: dict[NodeId, str] = {}
        self._of_failed: dict[NodeId, Collection[JobId]] = {}
        self._doubtful: dict[NodeId, list[str]] = {}

    @cached_property
    def _tracking(self) -> Tracking:
        return tracking_of(self._pipegraph, strace=False)

    @cached_property
    def _exact(self) -> Tracking:
        return replace(self._tracking, exact=True)

    @cached_property
    def _tracing(self) -> Tracking:
        return tracking_of(self._pipegraph, strace=True)

    def tracking_of(self, job: Job) -> Tracking | None:
        """Return what a starting job notes of the files that it uses; None if nothing."""
        if ignores_reads(job, self._pipegraph):
            return None
        is_traced = (
            job.kind is not NodeKind.LOAD and track_of(job.execution.track, self._pipegraph.track) == "strace"
        )
        if is_traced:
            return self._tracing
        # A temporary job that is made again fails if its reads are in doubt. A job that runs because they were in doubt
        # must not do so for ever.
        record = self._recorder.history.get(job.job_id)
        is_exact = job.kind is NodeKind.LAZY or (
            record is not None and UNCERTAIN in record.upstreams.values()
        )
        return self._exact if is_exact else self._tracking

    def begins(self, job: Job) -> None:
        """Note that a job begins."""
        self._writes.begins(job)

    def ended(self, flight: InFlight) -> None:
        """Take in what a job wrote that has ended, well or not, before anything is made of its end.

        The maker of a file to which it wrote may have ended, and be recorded, before or after that.
        """
        all_written = self._writes.ends(flight.job, flight.uses)
        self._consumed.look_again(written.name for written in all_written)
        for written in all_written:
            if written.is_doubtful:
                maker = written.owner
                self._doubtful.setdefault(maker._node, []).append(written.name)
                if self._writes.has_ended(maker):
                    self.made(maker)
                    self.recorded(maker)

    def made(self, job: Job) -> None:
        """Have no job believe the outputs that a job made, if another job wrote to them at the same time."""
        self._consumed.spoil(self._doubtful.get(job._node, ()))

    def recorded(self, job: Job) -> None:
        """Forget the record of a job that has outputs to which another job wrote at the same time."""
        if job._node in self._doubtful:
            self._recorder.failed(job.job_id, ())
            self._recorder.forget(job.job_id)
            self._unshare(job)

    def of(self, flight: InFlight) -> Mapping[JobId, Fingerprint] | PyPipelineGraphError:
        """Return what a job that ended well has read, for its record; or the error by which it fails."""
        denied = self._denied(flight)
        if denied:
            from ppg.outcomes.confined_hints import went_on_without  # noqa: PLC0415 (few jobs do that)

            self.failed(flight)
            return JobContractError(went_on_without(flight.job, [use.path for use in denied]))
        judged = self._judge.judge(flight.job, flight.uses, flight.uses_incomplete)
        for message in judged.warnings:
            self._warn(message)
        if judged.reads and flight.job.kind is NodeKind.LOAD:
            self._of_loads[flight.job._node] = path_of_read(next(iter(judged.reads)))
            self._consumed.read_besides(flight.job._node, judged.files)
        if judged.error is None:
            return judged.reads
        self._note_failed(flight.job, judged.reads)
        return judged.error

    def read_by_load(self, node: NodeId) -> str | None:
        """Return a file that a load has read in this run without depending on it; None if there is none."""
        return self._of_loads.get(node)

    def failed(self, flight: InFlight) -> None:
        """Warn of what a job has read that failed, because that may be the cause."""
        denied = self._denied(flight)  # the failure itself names them
        judged = self._judge.judge(flight.job, [use for use in flight.uses if use not in denied])
        for message in judged.warnings:
            self._warn(message)
        if judged.error is not None:
            self._warn(str(judged.error))
        self._note_failed(flight.job, judged.reads)

    def _note_failed(self, job: Job, reads: Collection[JobId]) -> None:
        self._of_failed[job._node] = reads
        if job.kind is NodeKind.LOAD:  # its record stays
            self._recorder.failed(job.job_id, reads)

    def forget(self, job: Job) -> None:
        """Remove the record of a job that failed; its next run waits for the files that it had read."""
        self._recorder.failed(job.job_id, self._of_failed.get(job._node, ()))
        self._recorder.forget(job.job_id)

    @staticmethod
    def _denied(flight: InFlight) -> list[FileUse]:
        if not (flight.uses and runs_confined(flight.job)):
            return []
        from ppg.outcomes.confinement import denied_reads  # noqa: PLC0415 (only runs with confined jobs need it)

        return denied_reads(flight.job, flight.uses)

    def extended(self, extension: Extension) -> Extension:
        """Return an extension with the recorded reads of its jobs."""
        return self._in_graph.extended(extension)
