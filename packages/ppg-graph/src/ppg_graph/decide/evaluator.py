"""The evaluator: which jobs must run, and why; events in, effects out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import assert_never

from ppg_graph.decide.admission import Entry
from ppg_graph.decide.consistency import check_board
from ppg_graph.decide.explanation import Explanation, explain
from ppg_graph.decide.extension import extend, plan_extension
from ppg_graph.decide.propagation import Propagation
from ppg_graph.decide.run_state import Board, InternalError
from ppg_graph.decide.staleness import reasons_to_run
from ppg_graph.model.dag import Dag
from ppg_graph.model.ids import Fingerprint, JobId, NodeId, NodeKind
from ppg_graph.model.records import Record
from ppg_graph.protocol.effects import (
    Commit,
    Effect,
    Forget,
    NonDeterministic,
    Observe,
    Rejected,
    Skip,
    SkipReason,
)
from ppg_graph.protocol.events import (
    Cancelled,
    Event,
    Failed,
    Files,
    Generated,
    LeftoverRejected,
    Observation,
    Observed,
    Stopped,
    Succeeded,
    Unobservable,
)
from ppg_graph.protocol.reasons import Reason
from ppg_graph.protocol.states import NodeState

__all__ = ["Evaluator", "ProtocolError"]

_INVARIANT = NodeKind.INVARIANT
_WAITING, _DUE, _STARTED = NodeState.WAITING, NodeState.DUE, NodeState.STARTED


class ProtocolError(Exception):
    """The driver reported something that cannot be, such as the success of a job that was not started."""


class Evaluator:
    """The decisions of one run, as a state machine.

    `start` and `handle` return effects for the driver, which answers with events until `finished`. The evaluator
    does no IO and knows no time; the same events give the same effects.

    **When does a job run?** A job is a function of what is upstream of it, so it has to run if its last success
    consumed something else than what is upstream of it now. What a job consumed is in its record: the fingerprint
    of every direct upstream. A job whose record's fingerprints equal today's, same set and same values, is
    *clean*, and its own fingerprint is the record's, known without running it. So decisions run downstream from
    what can be observed, and stop where nothing changed: if a job runs and its fingerprint comes out as before,
    the jobs downstream of it are clean.

    The kinds of job differ in what else makes them run (`NodeKind`):

    - An OUTPUT runs as well if its files are not on disk as its record says.
    - A LAZY job makes files that others need for a while, so not finding them is no reason. It runs if a job
      directly downstream has to run and needs them (it is *demanded*), or if it is not clean and some OUTPUT or
      GENERATOR downstream, at any distance, cannot be decided without knowing what comes out.
    - A LOAD runs if it is demanded. Its fingerprint derives from its upstreams', so it is never needed to decide.
    - A GENERATOR always runs. It may add jobs and edges, and whatever is downstream of it waits for it.
    - An INVARIANT never runs. It is looked at, if somebody needs it.

    **When does it start?** As soon as every upstream's fingerprint is known and every LAZY or LOAD job directly
    upstream is there. But demand goes out earlier: the first reason that is known makes a job *due*, and with that
    the LAZY and LOAD jobs directly upstream are demanded, and so on upwards. Reasons never go away; the one that
    could, an upstream that only the record has, does not count while a generator may still add that edge. Due
    jobs can be undone by failures only.

    **What if a job fails?** Its record is forgotten. If its fingerprint is unknown, nothing downstream of it can be
    decided, and all of it is blocked. But a LAZY or LOAD job that only had to be made again has a fingerprint, and
    what needs no more than that goes on: then only the jobs that have to run without it are blocked. So the same
    OUTPUTs are built, skipped, failed and blocked, in whatever order jobs complete. Demand and need that come from
    a blocked job are withdrawn, so that nothing is made for it in vain.

    **What is removed?** The files of a LAZY job, once every job directly downstream is settled, unless one of them
    failed, is blocked or was aborted; data of a LOAD in any case. Files of a LAZY job that lie about from an earlier
    run are used if the job is clean and they are intact, and are removed like others, but not before every
    generator is through: the job that they were kept for may be a generated one. A target is never removed, nor
    the files of a job that keeps them (`Dag.add_node`): a cache.

    **What if a leftover is no good** although it is intact? Only a job that was started with it can find out. It
    says so (`LeftoverRejected`) instead of failing: then the files count as not there, are demanded, and the job is due again.

    **Generators** may add jobs, and edges into jobs that are downstream of them, which are undecided for just that
    reason. Everything that a generator made is added, or nothing, and then it has failed. New jobs may revive
    old ones: an unneeded job becomes needed, a LAZY job that was removed is made again.

    **Records** are committed when a job succeeds. A LAZY job that was clean keeps its recorded fingerprint, whatever
    comes out (its downstream jobs are clean by it); if that differs, the job is not deterministic, which is said.

    **Taking part.** Pruned jobs and everything downstream of them do not take part. If targets are given, only
    these and what is upstream of them do, and jobs that a targeted generator makes. LAZY and LOAD targets are
    demanded by the user.

    Raises ProtocolError if the driver reports what cannot be, and InternalError on a bug of its own. After
    either the evaluator is not usable.
    """

    __slots__ = ("_awaited", "_board", "_check", "_closed", "_entry", "_flow")

    def __init__(
        self,
        dag: Dag,
        history: Mapping[JobId, Record],
        *,
        pruned: Collection[NodeId] = (),
        targets: Collection[NodeId] | None = None,
        check: bool = False,
    ) -> None:
        """Prepare the decisions of one run.

        - dag: the graph, which must not have a cycle. Generators add to it; nobody else may while this runs.
        - history: the records of earlier runs, by job id; those of jobs that are not in the graph do no harm
        - pruned: jobs that are left out of this run, and with them everything downstream
        - targets: the only jobs to bring up to date, with what is upstream of them; None: all
        - check: check the whole state after every event (slow, for tests)
        """
        self._board = Board(dag, history)
        self._flow = Propagation(self._board)
        self._entry = Entry(self._board, self._flow, pruned, targets)
        self._check = check
        self._awaited = 0
        self._closed = False

    # -- for the driver

    def start(self) -> list[Effect]:
        """Begin. Returns the first effects; if nothing takes part, the run is `finished` at once."""
        self._entry.begin()
        return self._flush()

    def handle(self, event: Event) -> list[Effect]:
        """Take an event, and return what is to be done because of it."""
        if self._closed:
            if isinstance(event, Stopped) or (isinstance(event, Observed) and self._flow.stopped):
                return []  # crossed with the end of the run
            raise ProtocolError(f"the run is over: {event}")
        match event:
            case Observed(observations):
                self._observed(observations)
            case Succeeded(node, fingerprint, parts):
                self._succeeded(node, fingerprint, parts)
            case Generated():
                self._generated(event)
            case Failed(node):
                self._expect_started(node)
                self._fail(node)
            case LeftoverRejected(node, upstream):
                self._unusable(node, upstream)
            case Cancelled(node):
                self._cancelled(node)
            case Stopped():
                self._stopped()
            case _:
                assert_never(event)
        return self._flush()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do: no more events are expected."""
        return self._closed

    # -- for everybody

    def state(self, node: NodeId) -> NodeState:
        """The state of a job."""
        return self._board.state[node]

    def states(self) -> Sequence[NodeState]:
        """The states of all jobs, by node. Not to be changed."""
        return self._board.state

    def fingerprint(self, node: NodeId) -> Fingerprint | None:
        """The job's fingerprint, as soon as it is known."""
        return self._board.fingerprint[node]

    def inputs(self, node: NodeId) -> Mapping[JobId, Fingerprint]:
        """The fingerprints of what the job consumes, by job id; all must be known, as they are when it starts."""
        return self._board.inputs(node)

    def reasons(self, node: NodeId) -> tuple[Reason, ...]:
        """Why the job ran, runs or is due; empty for a job that is none of these."""
        board = self._board
        if board.state[node] is _DUE:
            return reasons_to_run(board, node)
        return board.reasons.get(node, ())

    def explain(self, node: NodeId) -> Explanation:
        """Everything that there is to say about the job's decision."""
        return explain(self._board, node, self.reasons(node))

    # -- events

    def _observed(self, observations: Mapping[NodeId, Observation]) -> None:
        board, flow, kinds, awaited = self._board, self._flow, self._board.kinds, self._board.awaited
        for node in sorted(observations):
            if not 0 <= node < len(kinds) or not awaited[node]:
                raise ProtocolError(f"nobody asked to observe node {node}")
            awaited[node] = 0
            self._awaited -= 1
            observation = observations[node]
            if kinds[node] is _INVARIANT:
                if isinstance(observation, (bytes, Unobservable)):
                    flow.invariant_observed(node, observation)
                    continue
            elif isinstance(observation, Files):
                flow.files_observed(node, observation)
                continue
            raise ProtocolError(f"{board.dag.job_id(node)!r} cannot be observed as {observation!r}")

    def _succeeded(self, node: NodeId, fingerprint: Fingerprint, parts: Mapping[str, Fingerprint]) -> None:
        board = self._board
        self._expect_started(node)
        kind = board.dag.kind(node)
        if kind is NodeKind.GENERATOR:
            raise ProtocolError(f"generator {board.dag.job_id(node)!r}: its success is reported as Generated")
        unknown = board.dag.wanted_parts(node) - parts.keys()
        if unknown:
            raise ProtocolError(f"{board.dag.job_id(node)!r} succeeded without {sorted(unknown)}")
        again = board.fingerprint[node]
        if again is None:
            board.fingerprint[node] = fingerprint
            if parts:
                board.parts[node] = parts
        elif kind is NodeKind.LAZY and again != fingerprint:
            self._flow.effects.append(NonDeterministic(node))
        board.present[node] = board.is_lazy[node]
        board.stale[node] = 0
        board.ran[node] = 1
        board.move(node, NodeState.DONE)
        self._commit(node)
        if again is None:
            board.known.append(node)
        else:
            self._flow.arrive(node)

    def _generated(self, event: Generated) -> None:
        board, node = self._board, event.generator
        self._expect_started(node)
        if board.dag.kind(node) is not NodeKind.GENERATOR:
            raise ProtocolError(f"{board.dag.job_id(node)!r} is no generator")
        plan = plan_extension(board, event)
        if isinstance(plan, str):
            self._flow.effects.append(Rejected(node, plan))
            self._fail(node)
            return
        record = Record(NodeKind.GENERATOR, event.fingerprint, board.inputs(node))
        self._flow.effects.append(Commit(node, record))
        extend(self._entry, plan)
        board.fingerprint[node] = event.fingerprint
        board.move(node, NodeState.DONE)
        board.known.append(node)

    def _fail(self, node: NodeId) -> None:
        board = self._board
        board.move(node, NodeState.FAILED)
        self._flow.effects.append(Forget(node))
        self._flow.spread(node)

    def _cancelled(self, node: NodeId) -> None:
        self._expect_started(node)
        self._board.move(node, NodeState.ABORTED)
        self._flow.spread(node, NodeState.ABORTED)

    def _unusable(self, node: NodeId, upstream: NodeId) -> None:
        board, flow = self._board, self._flow
        self._expect_started(node)
        if board.dag.kind(upstream) is not NodeKind.LAZY or not board.dag.has_edge(upstream, node):
            raise ProtocolError(f"{board.dag.job_id(node)!r} uses no files of node {upstream}")
        if board.present[upstream] and not board.ran[upstream]:
            board.present[upstream] = 0
            board.absent[upstream] = 1
            board.unusable.add(upstream)
            board.dirty.append(upstream)
            for downstream in board.dag.downstreams(upstream):
                if board.state[downstream] is _DUE:
                    board.lacking[downstream] += 1
        if flow.stopped:
            board.move(node, NodeState.ABORTED)
            flow.spread(node, NodeState.ABORTED)
            return
        board.move(node, _DUE)
        board.lacking[node] = sum(not board.is_there(other) for other in board.lazy_upstreams(node))
        board.dirty.append(node)

    def _stopped(self) -> None:
        board = self._board
        self._flow.stopped = True
        # What nobody needs before the stop, nobody needed; the order of aborting must not make a difference.
        undecided = [
            NodeId(node)
            for node, state in enumerate(board.state)
            if state is _DUE or (state is _WAITING and (board.is_source[node] or board.needs[node]))
        ]
        for node in undecided:
            board.move(node, NodeState.ABORTED)

    # -- the rest of a step

    def _expect_started(self, node: NodeId) -> None:
        if not 0 <= node < len(self._board.state) or self._board.state[node] is not _STARTED:
            raise ProtocolError(f"node {node} was not started")

    def _commit(self, node: NodeId) -> None:
        board = self._board
        fingerprint = board.fingerprint[node]
        if fingerprint is None:
            raise InternalError(f"{board.dag.job_id(node)!r} succeeded without a fingerprint")
        record = Record(board.dag.kind(node), fingerprint, board.inputs(node), board.parts.get(node, {}))
        self._flow.effects.append(Commit(node, record))

    def _flush(self) -> list[Effect]:
        flow, board = self._flow, self._board
        flow.run()
        observe = self._entry.take_observations()
        if observe:
            self._awaited += len(observe)
            flow.effects.append(Observe(observe))
        if flow.skipped:
            flow.effects.append(Skip(tuple(flow.skipped), SkipReason.CLEAN))
            flow.skipped = []
        if not board.started and (flow.stopped or not self._awaited):
            self._close()
        if self._check:
            check_board(board, flow, finished=self._closed)
        effects, flow.effects = flow.effects, []
        return effects

    def _close(self) -> None:
        """The run is over: say of lazy jobs what became of them, now that no generator can ask for them."""
        board = self._board
        self._closed = True
        clean: list[NodeId] = []
        not_needed: list[NodeId] = []
        for index, state in enumerate(board.state):
            node = NodeId(index)
            if state is _WAITING or state is _DUE:
                if state is _DUE or board.is_source[node] or board.needs[node]:
                    raise InternalError(
                        f"{board.dag.job_id(node)!r} is {state.name} and nothing will change that"
                    )
                board.move(node, NodeState.NOT_NEEDED)
                not_needed.append(node)
                if not self._flow.stopped and self._flow.may_remove(node):
                    self._flow.remove(node)
            elif not board.is_lazy[node] or board.ran[node]:
                continue
            elif state is NodeState.CLEAN and board.dag.kind(node) is NodeKind.LOAD:
                board.move(node, NodeState.NOT_NEEDED)
                not_needed.append(node)
            elif state is NodeState.CLEAN or state is NodeState.CLEANED_UP:
                clean.append(node)
        board.shaken.clear()
        if clean:
            self._flow.effects.append(Skip(tuple(clean), SkipReason.CLEAN))
        if not_needed:
            self._flow.effects.append(Skip(tuple(not_needed), SkipReason.NOT_NEEDED))
