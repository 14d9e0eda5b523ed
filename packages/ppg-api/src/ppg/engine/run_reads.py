"""Run reads: has the jobs of a run track their reads, and judges these when the jobs have ended."""

from collections.abc import Callable, Collection, Mapping
from functools import cached_property

from ppg.engine.consumed_files import ConsumedFiles
from ppg.engine.in_flight import InFlight
from ppg.exceptions import PyPipelineGraphError
from ppg.graph.declared import DeclaredGraph
from ppg.graph.extension import Extension
from ppg.jobs.job import Job
from ppg.kinds.track import track_of
from ppg.reads.in_graph import ReadsInGraph, ignores_reads
from ppg.reads.judged import ReadsOfRun
from ppg.reads.tracking import tracking_of
from ppg.status.recorder import Recorder
from ppg_exec import Tracking
from ppg_graph import Evaluator, Fingerprint, JobId, NodeId, NodeKind, path_of_read

__all__ = ["RunReads"]


class RunReads:
    """Run reads: the reads of one run, as the driver asks for them.

    Parameters:
        pipegraph: the jobs.
        recorder: the records.
        evaluator: has the states of the jobs.
        in_graph: the recorded reads in the graph.
        consumed: compares files if a load has to be repeated.
        warn: called with messages for the user.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        recorder: Recorder,
        evaluator: Evaluator,
        in_graph: ReadsInGraph,
        consumed: ConsumedFiles,
        warn: Callable[[str], None],
    ) -> None:
        self._pipegraph = pipegraph
        self._in_graph = in_graph
        self._consumed = consumed
        self._judge = ReadsOfRun(pipegraph, recorder, evaluator, in_graph.names_of_outputs)
        self._warn = warn
        self._of_loads: dict[NodeId, str] = {}
        self._recorder = recorder
        self._of_failed: dict[NodeId, Collection[JobId]] = {}

    @cached_property
    def _tracking(self) -> Tracking:
        return tracking_of(self._pipegraph, strace=False)

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
        return self._tracing if is_traced else self._tracking

    def of(self, flight: InFlight) -> Mapping[JobId, Fingerprint] | PyPipelineGraphError:
        """Return what a job that ended well has read, for its record; or the error by which it fails."""
        judged = self._judge.judge(flight.job, flight.uses, flight.uses_incomplete)
        for message in judged.warnings:
            self._warn(message)
        if judged.reads and flight.job.kind is NodeKind.LOAD:
            self._of_loads[flight.job.node] = path_of_read(next(iter(judged.reads)))
            self._consumed.read_besides(flight.job.node, judged.files)
        return judged.reads if judged.error is None else judged.error

    def read_by_load(self, node: NodeId) -> str | None:
        """Return a file that a load has read in this run without depending on it; None if there is none."""
        return self._of_loads.get(node)

    def failed(self, flight: InFlight) -> None:
        """Warn of what a job has read that failed, because that may be the cause."""
        judged = self._judge.judge(flight.job, flight.uses)
        for message in judged.warnings:
            self._warn(message)
        if judged.error is not None:
            self._warn(str(judged.error))
        self._of_failed[flight.job.node] = judged.reads
        if flight.job.kind is NodeKind.LOAD:  # its record stays
            self._recorder.failed(flight.job.job_id, judged.reads)

    def forget(self, job: Job) -> None:
        """Remove the record of a job that failed; its next run waits for the files that it had read."""
        self._recorder.failed(job.job_id, self._of_failed.get(job.node, ()))
        self._recorder.forget(job.job_id)

    def extended(self, extension: Extension) -> Extension:
        """Return an extension with the recorded reads of its jobs."""
        return self._in_graph.extended(extension)
