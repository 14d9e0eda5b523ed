"""Propagation: draws every conclusion from a new fact, and collects the effects for the driver.

A fact is an observation or the end of a job. It may decide jobs, make them due, start or block them, settle
them and clean them up. `NodeState` describes the states, and docs/decisions.md the rules. A job is *due* if
it must run, unless an upstream job fails. It is *settled* if it cannot need the files or the data of its
upstreams any more.

`RunState` has five queues of work. `Propagation.run` always takes from the first queue that is not empty:

1. `published`: compare new fingerprints with the records of the jobs directly downstream. When all direct
   upstreams of a job have a fingerprint, decide the job.
2. `recheck`: make jobs due or startable, move them back, or block them.
3. `startable`: start due jobs that have all their inputs.
4. `resettle_due`: settle jobs, or take that back.
5. `removable`: remove lazy files and loaded data that no job can demand any more.

The order saves work. No job becomes due before all facts are in. No job starts for a job that the same fact
blocks. No files are removed while a job may still become due. No method recurses, so a chain of a million jobs
is no problem. Each edge is visited a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Sequence

from ppg_graph.decide.moved_files import have_moved
from ppg_graph.decide.run_state import InternalError, RunState
from ppg_graph.decide.staleness import reasons_to_run, record_is_outdated
from ppg_graph.model.ids import Fingerprint, JobId, NodeId, NodeKind
from ppg_graph.model.records import Record, combine
from ppg_graph.protocol.effects import Block, CleanUp, Effect, Start
from ppg_graph.protocol.events import Files, FileStatus, Unobservable
from ppg_graph.protocol.states import NodeState

__all__ = ["Propagation"]

_WAITING, _DUE, _CLEAN, _DONE = NodeState.WAITING, NodeState.DUE, NodeState.CLEAN, NodeState.DONE
_LAZY, _LOAD, _OUTPUT = NodeKind.LAZY, NodeKind.LOAD, NodeKind.OUTPUT
_INVARIANT = NodeKind.INVARIANT
_OBSERVED = NodeState.OBSERVED
_INTACT = FileStatus.INTACT
_MAY_START = frozenset({_WAITING, _DUE, _CLEAN, NodeState.CLEANED_UP})
_WENT_WRONG = frozenset({NodeState.FAILED, NodeState.BLOCKED, NodeState.ABORTED})


class Propagation:
    """Propagation: empties the queues of a `RunState`, and collects the effects and the skipped jobs."""

    __slots__ = ("effects", "moving", "run_state", "skipped", "stopped")

    def __init__(self, run_state: RunState) -> None:
        self.run_state: RunState = run_state
        self.effects: list[Effect] = []
        self.skipped: list[NodeId] = []
        self.moving: set[NodeId] = set()
        """Jobs with an upstream that their record may have under another id."""
        self.stopped: bool = False

    def run(self) -> None:
        """Work until all queues are empty."""
        run_state = self.run_state
        while True:
            if run_state.published:
                self._publish()
            elif run_state.recheck:
                self._recheck(run_state.recheck.popleft())
            elif run_state.startable:
                self._start(run_state.startable.popleft())
            elif run_state.resettle_due:
                run_state.resettle(run_state.resettle_due.popleft())
            elif run_state.removable:
                self._clean_up_if_unneeded(run_state.removable.popleft())
            else:
                return

    # -- facts

    def mark_stale(self, node: NodeId) -> None:
        """Mark the job as stale, and recheck it."""
        self.run_state.stale[node] = 1
        self.run_state.recheck.append(node)

    def files_observed(self, node: NodeId, files: Files) -> None:
        """Note how the job's files compare with its record."""
        run_state = self.run_state
        if files.status is _INTACT:
            if run_state.is_lazy[node]:
                run_state.present[node] = 1
        else:
            run_state.problems[node] = files
            run_state.absent[node] = 1
            run_state.recheck.append(node)
            if not run_state.is_lazy[node]:
                run_state.stale[node] = 1
        state = run_state.state[node]
        if state is _WAITING or state is _DUE:
            left = run_state.pending[node] = run_state.pending[node] - 1
            if not left:
                self.decide(node)

    def invariant_observed(self, node: NodeId, observation: Fingerprint | Unobservable) -> None:
        """Publish the fingerprint of an invariant, or note that its observation failed."""
        run_state = self.run_state
        if run_state.state[node] is not _WAITING:
            return  # the run was stopped in the meantime
        if isinstance(observation, Unobservable):
            run_state.unobservable[node] = observation.reason
            run_state.move(node, NodeState.FAILED)
            self.spread(node)
        else:
            run_state.fingerprint[node] = observation
            run_state.move(node, _OBSERVED)
            run_state.published.append(node)

    def arrive(self, node: NodeId) -> None:
        """Note for the due jobs directly downstream that the files of a LAZY job or the data of a LOAD are there."""
        run_state = self.run_state
        for downstream in run_state.dag.downstreams(node):
            if run_state.state[downstream] is _DUE:
                run_state.missing_inputs[downstream] -= 1
                run_state.recheck.append(downstream)

    def _publish(self) -> None:
        """Compare every new fingerprint with the records of the jobs directly downstream."""
        run_state = self.run_state
        dag, published, pending = run_state.dag, run_state.published, run_state.pending
        state, stale, record = run_state.state, run_state.stale, run_state.record
        job_ids, names_parts = dag.job_ids, dag.names_parts
        while published:
            upstream = published.popleft()
            job_id, fingerprint, is_there = (
                job_ids[upstream],
                run_state.fingerprint[upstream],
                run_state.present[upstream],
            )
            for downstream in dag.downstreams(upstream):
                downstream_state = state[downstream]
                if downstream_state is not _WAITING and downstream_state is not _DUE:
                    continue
                old = record[downstream]  # None for LOAD and GENERATOR
                if old is not None and not stale[downstream]:
                    if names_parts:
                        self.compare(upstream, downstream)
                    elif old.upstreams.get(job_id) != fingerprint:
                        self._differs(downstream, old, job_id)
                if is_there and downstream_state is _DUE:
                    run_state.missing_inputs[downstream] -= 1
                left = pending[downstream] = pending[downstream] - 1
                if not left:
                    self.decide(downstream)

    def compare(self, upstream: NodeId, downstream: NodeId) -> None:
        """Compare what the job consumed of a known upstream with what it would consume now. A change makes it stale."""
        run_state = self.run_state
        record = run_state.record[downstream]
        if record is None:
            return  # the job is stale already, or its kind ignores what it consumes
        if run_state.dag.parts(upstream, downstream) is not None and run_state.below_generator[downstream]:
            return  # a generator may still name more parts, so `decide` compares when all are known
        job_id = run_state.dag.job_id(upstream)
        if record.upstreams.get(job_id) != run_state.consumed(upstream, downstream):
            self._differs(downstream, record, job_id)

    def _differs(self, node: NodeId, record: Record, upstream: JobId) -> None:
        """Mark the job as stale, unless the record lacks this upstream, and may have its files under another id."""
        if node in self.moving and upstream not in record.upstreams:
            return
        if upstream in record.upstreams or record_is_outdated(self.run_state, node, record):
            self.mark_stale(node)
        else:
            self.moving.add(node)  # `decide` compares the files when all are known

    def decide(self, node: NodeId) -> None:
        """Decide whether the job is clean. All its upstreams have a fingerprint."""
        run_state = self.run_state
        kind = run_state.kinds[node]
        if kind is _INVARIANT:
            self._decide_read(node)
            return
        if run_state.stale[node]:
            run_state.recheck.append(node)
            return
        if kind is _LOAD:
            run_state.fingerprint[node] = self._load_fingerprint(node)
        else:
            record = run_state.record[node]
            if record is None:
                raise InternalError(f"{run_state.dag.job_id(node)!r} has no record and is not stale")
            # `_publish` compared each upstream, except parts that had to wait for a generator.
            if run_state.dag.names_parts:
                holds = dict(record.upstreams) == run_state.inputs(node)
            else:
                holds = len(record.upstreams) == run_state.upstream_count[node] and node not in self.moving
            if not (holds or have_moved(run_state, node, record)):
                self.mark_stale(node)
                return
            run_state.fingerprint[node] = record.fingerprint
            if record.parts:
                run_state.parts[node] = record.parts
        run_state.published.append(node)
        if run_state.state[node] is _DUE:
            run_state.recheck.append(node)
            return
        run_state.move(node, _CLEAN)
        if kind is _OUTPUT:
            self.skipped.append(node)

    def _decide_read(self, node: NodeId) -> None:
        """Publish the fingerprint of a read that another job makes; observe it if no job turned out to make it."""
        run_state = self.run_state
        made = run_state.made_for(node)
        if made is None:
            run_state.needed_invariants.append(node)
        else:
            self.invariant_observed(node, made)

    def _load_fingerprint(self, node: NodeId) -> Fingerprint:
        """Fingerprint of a LOAD: that of its record if it holds, else made of the fingerprints of its upstreams.

        So jobs downstream of a load stay clean if its files have moved to other jobs. If the load runs, its reads in
        this run replace those of the record (`Evaluator`).
        """
        run_state = self.run_state
        inputs = run_state.inputs(node)
        record = run_state.history.get(run_state.dag.job_id(node))
        if record is None or record.kind is not _LOAD:
            return combine(inputs.items())
        if dict(record.upstreams) == inputs or have_moved(run_state, node, record):
            return record.fingerprint
        return combine(inputs.items())

    # -- due, started, blocked

    def must_run(self, node: NodeId) -> bool:
        """Whether the job is certain to run unless an upstream job fails; meant for jobs that have not started."""
        run_state = self.run_state
        kind = run_state.dag.kind(node)
        if kind is _LAZY:
            if run_state.is_there(node):
                return False
            is_demanded = run_state.demand[node] or run_state.targeted[node]
            return bool(
                (is_demanded or run_state.needs[node])
                if run_state.stale[node]
                else (is_demanded and run_state.absent[node])
            )
        if kind is _LOAD:
            return bool(run_state.demand[node] or (run_state.targeted[node] and not run_state.ran[node]))
        return bool(run_state.stale[node])

    def _recheck(self, node: NodeId) -> None:
        run_state = self.run_state
        state = run_state.state[node]
        if state not in _MAY_START or self.stopped:
            return
        if not self.must_run(node):
            if state is _DUE:
                self._withdraw(node)
            return
        if state is not _DUE:
            run_state.move(node, _DUE)
            run_state.missing_inputs[node] = sum(
                not run_state.is_there(upstream) for upstream in run_state.lazy_upstreams(node)
            )
        if run_state.missing_inputs[node]:
            # A job that may still turn out clean has a fingerprint, even if it cannot run (rule 2).
            if run_state.stale[node] or not run_state.pending[node]:
                for upstream in run_state.lazy_upstreams(node):
                    if run_state.cannot_be_there(upstream):
                        aborted = run_state.state[upstream] is NodeState.ABORTED
                        state = NodeState.ABORTED if aborted else NodeState.BLOCKED
                        self.collapse([node], run_state.causes.get(upstream, upstream), state)
                        return
        elif not run_state.pending[node]:
            run_state.startable.append(node)

    def _withdraw(self, node: NodeId) -> None:
        """Move a due job back to its state before, because no job demands it any more."""
        run_state = self.run_state
        if run_state.fingerprint[node] is None:
            run_state.move(node, _WAITING)
        else:
            run_state.move(node, NodeState.CLEANED_UP if run_state.ran[node] else _CLEAN)

    def _start(self, node: NodeId) -> None:
        run_state = self.run_state
        if run_state.state[node] is not _DUE:
            return  # a failure in the same event has blocked the job, or withdrawn its demand
        reasons = reasons_to_run(run_state, node)
        if not reasons:
            raise InternalError(f"{run_state.dag.job_id(node)!r} would start without a reason")
        run_state.reasons[node] = reasons
        run_state.move(node, NodeState.STARTED)
        self.effects.append(Start(node, reasons))

    def spread(self, node: NodeId, state: NodeState = NodeState.BLOCKED) -> None:
        """Block (or abort) the jobs that cannot run without this one, which failed, was blocked or was aborted."""
        stack: list[NodeId] = []
        self._push_affected(node, stack)
        self.collapse(stack, node, state)

    def collapse(self, nodes: Sequence[NodeId], cause: NodeId, state: NodeState = NodeState.BLOCKED) -> None:
        """Block (or abort, or exclude) these undecided jobs, and all jobs that cannot run without them."""
        run_state = self.run_state
        stack = list(nodes)
        moved: list[NodeId] = []
        while stack:
            node = stack.pop()
            if run_state.state[node] is not _WAITING and run_state.state[node] is not _DUE:
                continue
            run_state.move(node, state)
            run_state.causes[node] = cause
            moved.append(node)
            self._push_affected(node, stack)
        if moved and state is NodeState.BLOCKED:
            self.effects.append(Block(tuple(sorted(moved)), cause))

    def _push_affected(self, node: NodeId, stack: list[NodeId]) -> None:
        """Push the jobs to block onto the stack, after this job failed, was blocked or was aborted.

        If its fingerprint is unknown, these are all jobs directly downstream. If it is known, none is pushed,
        and the due ones are rechecked.
        """
        run_state = self.run_state
        for downstream in run_state.dag.downstreams(node):
            if run_state.fingerprint[node] is None:
                stack.append(downstream)
            elif run_state.state[downstream] is _DUE:
                run_state.recheck.append(downstream)

    # -- clean-up

    def _clean_up_if_unneeded(self, node: NodeId) -> None:
        run_state = self.run_state
        state = run_state.state[node]
        if (state is not _CLEAN and state is not _DONE) or not self.may_remove(node):
            return
        leftover = not run_state.ran[node]
        if leftover and (self.stopped or run_state.running_generators):
            # A generated job may need the files. They may even have been kept for that job.
            run_state.clean_later.append(node)
            return
        self.remove(node)
        run_state.move(node, NodeState.CLEANED_UP)

    def may_remove(self, node: NodeId) -> bool:
        """Whether the job's files or data can be removed, because all jobs directly downstream are settled (rule 8)."""
        run_state = self.run_state
        if not run_state.present[node] or run_state.unsettled[node] or run_state.dag.keeps(node):
            return False
        if run_state.dag.kind(node) is _LOAD:
            return True
        went_wrong = (
            run_state.state[downstream] in _WENT_WRONG for downstream in run_state.dag.downstreams(node)
        )
        return not run_state.targeted[node] and not any(went_wrong)

    def remove(self, node: NodeId) -> None:
        """Emit the effect that removes the files or the data."""
        self.run_state.present[node] = 0
        self.run_state.absent[node] = 1
        self.effects.append(CleanUp(node))
