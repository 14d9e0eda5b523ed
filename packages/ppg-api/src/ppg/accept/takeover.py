"""Takeover: decides which outputs can be accepted, in a run that reads files instead of starting jobs.

The same evaluator as in a run decides which jobs would run, and why, and gives what each job consumes.
Instead of starting a process, the takeover reads the job's files, and their content counts as the job's
result. So the record is the one that a run would have written, and the next run finds the job clean. A job
that is not taken over counts as failed. Its result is not known before it has run, so nothing can be decided
about its downstream jobs. (No failure is written, and no file is removed.) The rules by kind of job:

- A temporary file that exists counts like an output. One that does not exist counts if its record holds,
  because the record has the fingerprint of its content. Otherwise it must be made first, as a target of a
  run, which keeps it.
- A cache is a file like others. A job that needs the cache finds out whether it can be read, as in every run.
- Loads make no files. A load stands for its upstream jobs, and prevents no acceptance.
- A generator counts as if it made the same jobs as last time, if these are known and none of its inputs
  changed (`ppg.inspect.remembered_graph`). The outputs of its jobs are not taken over, because the functions
  and parameters of these jobs exist only while the generator runs.
"""

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

import ppg_graph
from ppg.accept.existing_outputs import ExistingOutputs, Found, is_anything_there
from ppg.exceptions import InternalError, PyPipelineGraphError
from ppg.graph.declared import DeclaredGraph
from ppg.graph.find import find_job, unknown_job
from ppg.inspect.forecast import ReadOnlyHistory, remembered_observations
from ppg.inspect.remembered_graph import RememberedGraph
from ppg.jobs.file_jobs import FileJob
from ppg.jobs.job import Job
from ppg.kinds.kind import JobOutputs
from ppg.paths import PathLike
from ppg.status.observed_before import as_observed_before
from ppg.status.observer import Observer
from ppg.status.reason_details import ReasonWords
from ppg_graph import Evaluator, Fingerprint, JobId, NodeId, NodeKind, NodeState, NoRecord, Reason, Record
from ppg_invariants import FileState, ObservationInterrupted, fingerprint_outputs

__all__ = ["Changed", "NotMade", "Refused", "TakeOver", "Taken", "UpToDate", "Verdict"]

FILELESS = {
    NodeKind.INVARIANT: "it is an invariant, which observes and makes no file",
    NodeKind.LOAD: "it loads data and makes no file; accept what depends on it",
    NodeKind.GENERATOR: "it is a generator, which runs every time",
}


class TakeOver:
    """Takeover: decides which outputs can be accepted.

    Parameters:
        pipegraph: complete and free of cycles.
        memory: the history of earlier runs.
        named: the only jobs to accept; None for all without a record that the script's targets need.
        changed: if none are named: also jobs with a record that no longer holds.
        should_stop: called between steps and while files are read; True interrupts the decisions.

    Attributes:
        dag: the graph, with the jobs that generators made last time.
        words: puts reasons into sentences.
        verdicts: the decision about each job that makes files, would run, and is named or takes part.

    Raises:
        PyPipelineGraphError: a named job does not exist, or belongs to another pipegraph.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        memory: ReadOnlyHistory,
        named: Sequence[Job | PathLike] | None,
        changed: bool,
        should_stop: Callable[[], bool],
    ) -> None:
        self._pipegraph = pipegraph
        self._memory = memory
        self._changed = changed
        self._should_stop = should_stop
        self._observer = Observer(pipegraph, memory, should_stop)
        targets = pipegraph._run_targets if named is None else None
        self._graph = RememberedGraph(
            pipegraph, memory, None if targets is None else pipegraph._nodes_of(targets)
        )
        self.dag: ppg_graph.Dag = self._graph.dag
        self.words: ReasonWords = ReasonWords(memory, self.dag)
        self.verdicts: dict[NodeId, Verdict] = {}
        self._named = None if named is None else self._nodes(named)
        self._outputs = ExistingOutputs(memory, pipegraph.root, should_stop)
        self._examined: dict[NodeId, tuple[tuple[Reason, ...], Mapping[str, FileState]]] = {}
        self._failed: dict[NodeId, str] = {}
        self._blocked: dict[NodeId, NodeId] = {}
        self._evaluator = Evaluator(
            self.dag,
            self._graph.history,
            pruned=pipegraph._pruned,
            targets=self._needed() if self._named is None else self._named,
        )

    def decide(self) -> None:
        """Fill `verdicts`; called once.

        Raises:
            ObservationInterrupted: `should_stop` returned True.
        """
        effects = self._evaluator.start()
        to_start: list[ppg_graph.Start] = []
        while True:
            if self._should_stop():
                raise ObservationInterrupted
            to_observe: list[NodeId] = []
            for effect in effects:
                match effect:
                    case ppg_graph.Observe(nodes):
                        to_observe += nodes
                    case ppg_graph.Start():
                        to_start.append(effect)
                    case ppg_graph.Commit(node, record):
                        if node in self._examined:
                            reasons, files = self._examined[node]
                            if (job := self._declared(node)) is not None:
                                record = self._observer.with_ignored_code(job, record)
                            self.verdicts[node] = Taken(reasons, record, files)
                    case ppg_graph.Block(nodes, cause):
                        self._blocked.update(dict.fromkeys(nodes, cause))
                    case ppg_graph.Skip() | ppg_graph.Forget() | ppg_graph.CleanUp():
                        # A job that is not taken over keeps its record and its files.
                        pass
                    case ppg_graph.NonDeterministic() | ppg_graph.Extended() | ppg_graph.Rejected():
                        raise InternalError(f"nothing ran, and yet {effect}")
                    case _:
                        assert_never(effect)
            if to_observe:
                events = [self._observed(to_observe)]
            elif to_start:
                # All jobs are answered in one pass, so that their files are hashed on all cores.
                events, to_start = list(self._answers(to_start)), []
            else:
                break
            effects = [effect for event in events for effect in self._evaluator.handle(event)]
        for node in self._named or ():
            self._judge_named(node)
        for node, cause in self._blocked.items():
            self._judge_blocked(node, cause)

    # -- named jobs and targets ------------------------------------------------------------------------

    def _nodes(self, named: Iterable[Job | PathLike]) -> set[NodeId]:
        """Return the nodes of named jobs that make files; the other named jobs get the verdict Refused."""
        nodes: set[NodeId] = set()
        for one in named:
            if isinstance(one, Job):
                self._pipegraph._require_member(one)
            name = one.job_id if isinstance(one, Job) else os.fspath(one)
            job = find_job(self._pipegraph, name)
            if isinstance(job, FileJob):
                nodes.add(job._node)
            elif job is not None:
                self.verdicts[job._node] = Refused(
                    FILELESS.get(
                        job.kind,
                        f"a {type(job).__name__} makes no file that ppg can check; run it",
                    )
                )
            elif name in self.dag:
                self.verdicts[self.dag.node(JobId(name))] = Refused(
                    "a generator made it last time; the generator would have to run before it can be accepted"
                )
            else:
                message = unknown_job(name, self.dag.job_ids)
                if NodeKind.GENERATOR in self._pipegraph.dag.kinds:
                    message += "; jobs that generators make cannot be accepted, because the generators would have to run"
                raise PyPipelineGraphError(message)
        return nodes

    def _needed(self) -> list[NodeId]:
        """Return all working jobs that the script's targets need, whether they are needed now or not.

        Each of them is a target of the evaluator. Otherwise the decision about a temporary file or a cache
        would depend on which of its downstream jobs is refused first.
        """
        targets = self._graph.targets
        needed = range(len(self.dag)) if targets is None else sorted({*targets, *self.dag.ancestors(targets)})
        return [NodeId(node) for node in needed if self.dag.kind(NodeId(node)) is not NodeKind.INVARIANT]

    def _is_asked_for(self, node: NodeId, reasons: Sequence[Reason]) -> bool:
        if self._named is not None:
            return node in self._named
        return self._changed or any(isinstance(reason, NoRecord) for reason in reasons)

    def _declared(self, node: NodeId) -> FileJob | None:
        """Return the job if the script declares it and it makes files, else None."""
        job = self._pipegraph._job_at(node) if node < len(self._pipegraph) else None
        return job if isinstance(job, FileJob) else None

    # -- answers to the evaluator ------------------------------------------------------------------------

    def _observed(self, nodes: Collection[NodeId]) -> ppg_graph.Event:
        observations = remembered_observations(self._graph, self._observer, nodes)
        for node, observation in observations.items():
            if isinstance(observation, ppg_graph.Unobservable):
                self._failed[node] = f"which cannot be observed: {observation.reason}"
        return ppg_graph.Observed(observations)

    def _answers(self, starts: Iterable[ppg_graph.Start]) -> Iterator[ppg_graph.Event]:
        """Yield the event for each started job: it succeeded with its existing files, or it failed."""
        candidates: list[tuple[FileJob, tuple[Reason, ...]]] = []
        for node, reasons in ((start.node, start.reasons) for start in starts):
            known = self._evaluator.fingerprint(node)
            job = self._declared(node)
            if known is not None:
                # The record still holds; the job would run only for downstream jobs, which do not run here.
                record = self._graph.history.get(self.dag.job_id(node))
                parts = {} if record is None else record.parts
                yield ppg_graph.Succeeded(node, known, parts, self._reads(node))
            elif job is not None and self._is_asked_for(node, reasons):
                candidates.append((job, reasons))
            else:
                self._failed[node] = self._unasked(node, reasons)
                if job is not None and self._named is None:
                    self.verdicts[node] = Changed(reasons)
                yield ppg_graph.Failed(node)
        looks = self._outputs.look_at([job for job, _ in candidates])
        for (job, reasons), found in zip(candidates, looks, strict=True):
            yield self._answer(job, reasons, found)

    def _answer(self, job: FileJob, reasons: tuple[Reason, ...], found: Found) -> ppg_graph.Event:
        node = job._node
        if self._named is None and not is_anything_there(job):
            self.verdicts[node] = NotMade()
            self._failed[node] = _is_missing(job)
            return ppg_graph.Failed(node)
        why_not = found.flaws or ("" if self._named is not None else self._outputs.doubts(job, found))
        if why_not:
            self.verdicts[node] = Refused(why_not)
            self._failed[node] = f"which cannot be accepted: {why_not}"
            return ppg_graph.Failed(node)
        # A job without cutoff counts as changed here, as it does after a run.
        salt = b"" if job.cutoff else b"#accepted %d" % time.time_ns()
        self._examined[node] = reasons, found.files
        outputs = JobOutputs(*fingerprint_outputs(found.files, salt=salt), found.files)
        outputs = as_observed_before(job, outputs, self._memory)
        return ppg_graph.Succeeded(node, outputs.fingerprint, outputs.parts, self._reads(node))

    def _reads(self, node: NodeId) -> dict[JobId, Fingerprint]:
        """Return what the job read last time, as it is now."""
        return {
            job_id: seen
            for job_id, seen in self._evaluator.inputs(node).items()
            if ppg_graph.is_read(job_id) and job_id != ppg_graph.circle_id(ppg_graph.path_of_read(job_id))
        }

    def _unasked(self, node: NodeId, reasons: Sequence[Reason]) -> str:
        because = "; ".join(self.words.sentences(self.dag.job_id(node), reasons))
        if self._declared(node) is not None:
            return f"which would run ({because}); accept that, too, or run it first"
        if node < len(self._pipegraph) and self._pipegraph._job_at(node).kind is not NodeKind.GENERATOR:
            return f"which would run ({because}); run it first"
        if node < len(self._pipegraph):
            return f"a generator that has to run first ({because})"
        return f"which a generator makes, and which would run ({because})"

    # -- named and blocked jobs --------------------------------------------------------------------------

    def _judge_named(self, node: NodeId) -> None:
        """Set the verdict of a named job that is pruned or up to date."""
        if self._evaluator.state(node) is NodeState.EXCLUDED:
            self.verdicts[node] = Refused("it is pruned, or something that it depends on is; unprune that")
        elif self._evaluator.fingerprint(node) is not None and node not in self.verdicts:
            self.verdicts[node] = UpToDate()

    def _judge_blocked(self, node: NodeId, cause: NodeId) -> None:
        """Set the verdict of a job that cannot be decided, because an upstream job would run."""
        job = self._declared(node)
        if job is None:
            return
        if self._named is None:
            record = self._graph.history.get(job.job_id)
            if record is not None and record.kind in {NodeKind.OUTPUT, NodeKind.LAZY}:
                return
            if not is_anything_there(job):
                self.verdicts[node] = NotMade()
                return
        elif node not in self._named:
            return
        self.verdicts[node] = Refused(f"it depends on '{self.dag.job_id(cause)}', {self._failed[cause]}")


def _is_missing(job: FileJob) -> str:
    if job.kind is NodeKind.LAZY and not job.keeps_files:
        return (
            f"which has no temporary file and no valid record; make it first: run(targets=[{job.job_id!r}])"
        )
    return "which has no output yet"


# -- The verdicts about a job's existing output.
@dataclass(frozen=True, slots=True)
class Taken:
    """Taken: the files count as made now.

    Attributes:
        reasons: why the job would have run.
        record: the record to write.
        files: the state of each file by name.
    """

    reasons: tuple[Reason, ...]
    record: Record
    files: Mapping[str, FileState]


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused: the job was asked for, and its files cannot be accepted; `why` is the reason in words."""

    why: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Changed: the job would run, for these reasons, and the user did not ask to accept it."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class NotMade:
    """Not made: the job has no files on disk."""


@dataclass(frozen=True, slots=True)
class UpToDate:
    """Up to date: the job was named, and its record holds."""


Verdict = Taken | Refused | Changed | NotMade | UpToDate
