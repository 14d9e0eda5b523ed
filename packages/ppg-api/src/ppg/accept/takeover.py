"""What can be accepted: a run in which taking over stands in for running.

The evaluator of all runs decides which jobs would run, and why, and says what each of them consumes. In place of a
process, the job's files are looked at, and what they contain counts as what it has made. So a record is what a run would
have written, and the next run finds the job clean. A job that is not taken over counts as failed: what it makes is not
known before it has run, and so nothing can be said of what is downstream of it. (Nothing of that is written, and
nothing is removed.) Of the kinds of jobs:

- A temporary file counts like an output if it is there. If it is not, it counts if its record holds, which says what
  was in it. Else it has to be made first, as a target of a run, which is kept.
- A cache is a file like others. Whether it can be read is found out when somebody needs it, as always.
- Loads make no files. They stand for what they depend on, and are in nobody's way.
- A generator counts as if it made the same as last time, if that is known and nothing changed that it depends on
  (`ppg.inspect.remembered_graph`). What it makes is not taken over: the functions and parameters of its jobs exist only while
  it runs.
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
from ppg.paths import PathLike
from ppg.status.observer import Observer
from ppg.status.reason_details import ReasonWords
from ppg_graph import Evaluator, JobId, NodeId, NodeKind, NodeState, NoRecord, Reason, Record
from ppg_invariants import FileState, ObservationInterrupted, fingerprint_outputs

__all__ = ["Changed", "NotMade", "Refused", "TakeOver", "Taken", "UpToDate", "Verdict"]

FILELESS = {
    NodeKind.INVARIANT: "it is an invariant, which is looked at and makes nothing",
    NodeKind.LOAD: "it loads data and makes no file; accept what depends on it",
    NodeKind.GENERATOR: "it is a generator, which runs every time",
}


class TakeOver:
    """Decides what can be accepted.

    Parameters:
        pipegraph: complete and free of cycles.
        memory: of earlier runs.
        named: the only jobs to accept; None for all without a record that the script's targets need.
        changed: if none are named: also those with a record that does not hold.
        should_stop: is asked now and then.

    Attributes:
        dag: the graph, with what generators made last time.
        words: tells why jobs would run.
        verdicts: about each job that makes files, would run, and is named or takes part.

    Raises:
        PyPipelineGraphError: there is no such job, or it belongs to another pipegraph.
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
        targets = pipegraph.run_targets if named is None else None
        self._graph = RememberedGraph(
            pipegraph, memory, None if targets is None else pipegraph.nodes_of(targets)
        )
        self.dag: ppg_graph.Dag = self._graph.dag
        self.words: ReasonWords = ReasonWords(memory, self.dag)
        self.verdicts: dict[NodeId, Verdict] = {}
        self._named = None if named is None else self._nodes(named)
        self._outputs = ExistingOutputs(memory, pipegraph.root, should_stop)
        self._tried: dict[NodeId, tuple[tuple[Reason, ...], Mapping[str, FileState]]] = {}
        self._failed: dict[NodeId, str] = {}
        self._blocked: dict[NodeId, NodeId] = {}
        self._evaluator = Evaluator(
            self.dag,
            self._graph.history,
            pruned=pipegraph.pruned,
            targets=self._needed() if self._named is None else self._named,
        )

    def decide(self) -> None:
        """Decide about everything; once.

        Raises:
            ObservationInterrupted: `should_stop` said so.
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
                        if node in self._tried:
                            reasons, files = self._tried[node]
                            self.verdicts[node] = Taken(reasons, record, files)
                    case ppg_graph.Block(nodes, cause):
                        self._blocked.update(dict.fromkeys(nodes, cause))
                    case ppg_graph.Skip() | ppg_graph.Forget() | ppg_graph.CleanUp():
                        # What is not taken over stays as it is, record and files.
                        pass
                    case ppg_graph.NonDeterministic() | ppg_graph.Extended() | ppg_graph.Rejected():
                        raise InternalError(f"nothing ran, and yet {effect}")
                    case _:
                        assert_never(effect)
            if to_observe:
                events = [self._observed(to_observe)]
            elif to_start:
                # All at once, so that their files are hashed on all cores.
                events, to_start = list(self._answers(to_start)), []
            else:
                break
            effects = [effect for event in events for effect in self._evaluator.handle(event)]
        for node in self._named or ():
            self._judge_named(node)
        for node, cause in self._blocked.items():
            self._judge_blocked(node, cause)

    # -- what is asked for -----------------------------------------------------------------------------

    def _nodes(self, named: Iterable[Job | PathLike]) -> set[NodeId]:
        """The nodes of the named jobs that make files; the others are refused."""
        nodes: set[NodeId] = set()
        for one in named:
            if isinstance(one, Job):
                self._pipegraph.require_member(one)
            name = one.job_id if isinstance(one, Job) else os.fspath(one)
            job = find_job(self._pipegraph, name)
            if isinstance(job, FileJob):
                nodes.add(job.node)
            elif job is not None:
                self.verdicts[job.node] = Refused(
                    FILELESS.get(
                        job.kind,
                        f"what a {type(job).__name__} makes is no file that can be looked at; run it",
                    )
                )
            elif name in self.dag:
                self.verdicts[self.dag.node(JobId(name))] = Refused(
                    "a generator made it last time, and would have to run for it to be known"
                )
            else:
                told = unknown_job(name, self.dag.job_ids)
                if NodeKind.GENERATOR in self._pipegraph.dag.kinds:
                    told += "; what generators make cannot be accepted, as they would have to run"
                raise PyPipelineGraphError(told)
        return nodes

    def _needed(self) -> list[NodeId]:
        """All working jobs that the script's targets need: each by itself, be it needed at this moment or not.

        Else a temporary file or a cache would be accepted or not depending on which of those that need it are refused
        first.
        """
        targets = self._graph.targets
        needed = range(len(self.dag)) if targets is None else sorted({*targets, *self.dag.ancestors(targets)})
        return [NodeId(node) for node in needed if self.dag.kind(NodeId(node)) is not NodeKind.INVARIANT]

    def _is_asked_for(self, node: NodeId, reasons: Sequence[Reason]) -> bool:
        if self._named is not None:
            return node in self._named
        return self._changed or any(isinstance(reason, NoRecord) for reason in reasons)

    def _declared(self, node: NodeId) -> FileJob | None:
        """The job, if it is one of the script's that makes files."""
        job = self._pipegraph.job_at(node) if node < len(self._pipegraph) else None
        return job if isinstance(job, FileJob) else None

    # -- answers to the evaluator ------------------------------------------------------------------------

    def _observed(self, nodes: Collection[NodeId]) -> ppg_graph.Event:
        observations = remembered_observations(self._graph, self._observer, nodes)
        for node, observation in observations.items():
            if isinstance(observation, ppg_graph.Unobservable):
                self._failed[node] = f"which cannot be observed: {observation.reason}"
        return ppg_graph.Observed(observations)

    def _answers(self, starts: Iterable[ppg_graph.Start]) -> Iterator[ppg_graph.Event]:
        """In place of running: a job has made what is there, or it has failed."""
        candidates: list[tuple[FileJob, tuple[Reason, ...]]] = []
        for node, reasons in ((start.node, start.reasons) for start in starts):
            known = self._evaluator.fingerprint(node)
            job = self._declared(node)
            if known is not None:
                # It would only be made again for others, and these do not run either.
                record = self._graph.history.get(self.dag.job_id(node))
                yield ppg_graph.Succeeded(node, known, {} if record is None else record.parts)
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
        node = job.node
        if self._named is None and not is_anything_there(job):
            self.verdicts[node] = NotMade()
            self._failed[node] = _is_missing(job)
            return ppg_graph.Failed(node)
        why_not = found.flaws or ("" if self._named is not None else self._outputs.doubts(job, found))
        if why_not:
            self.verdicts[node] = Refused(why_not)
            self._failed[node] = f"which cannot be accepted: {why_not}"
            return ppg_graph.Failed(node)
        # As after a run, a job without cutoff counts as changed.
        salt = b"" if job.cutoff else b"#accepted %d" % time.time_ns()
        self._tried[node] = reasons, found.files
        return ppg_graph.Succeeded(node, *fingerprint_outputs(found.files, salt=salt))

    def _unasked(self, node: NodeId, reasons: Sequence[Reason]) -> str:
        told = "; ".join(self.words.sentences(self.dag.job_id(node), reasons))
        if self._declared(node) is not None:
            return f"which would run ({told}); accept that, too, or run it first"
        if node < len(self._pipegraph) and self._pipegraph.job_at(node).kind is not NodeKind.GENERATOR:
            return f"which would run ({told}); run it first"
        if node < len(self._pipegraph):
            return f"a generator that has to run first ({told})"
        return f"which a generator makes, and which would run ({told})"

    # -- what remains ------------------------------------------------------------------------------------

    def _judge_named(self, node: NodeId) -> None:
        """A named job that did not have to be taken over."""
        if self._evaluator.state(node) is NodeState.EXCLUDED:
            self.verdicts[node] = Refused("it is pruned, or something that it depends on is")
        elif self._evaluator.fingerprint(node) is not None and node not in self.verdicts:
            self.verdicts[node] = UpToDate()

    def _judge_blocked(self, node: NodeId, cause: NodeId) -> None:
        """A job that nothing can be said about, because something upstream would run."""
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
            "whose temporary file is not there and was not made from what there is now; make it first: "
            f"run(targets=[{job.job_id!r}])"
        )
    return "which has no output yet"


# -- What can become of a job's existing output that might be accepted.
@dataclass(frozen=True, slots=True)
class Taken:
    """The files count as made now: why the job would have run, its record, and the state of each file by name."""

    reasons: tuple[Reason, ...]
    record: Record
    files: Mapping[str, FileState]


@dataclass(frozen=True, slots=True)
class Refused:
    """It was to be taken over, and cannot be."""

    why: str


@dataclass(frozen=True, slots=True)
class Changed:
    """It would run, for these reasons, and nobody asked to take it over."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class NotMade:
    """There is nothing to take over."""


@dataclass(frozen=True, slots=True)
class UpToDate:
    """It was named, and its record holds."""


Verdict = Taken | Refused | Changed | NotMade | UpToDate
