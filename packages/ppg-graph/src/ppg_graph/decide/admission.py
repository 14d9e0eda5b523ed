"""Admission: selects the jobs that take part in a run, at its start and when a generator makes more."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ppg_graph.decide.propagation import Propagation
from ppg_graph.decide.run_state import RunState
from ppg_graph.decide.staleness import is_usable, record_is_outdated
from ppg_graph.model.ids import NodeId, NodeKind
from ppg_graph.model.walks import reachable
from ppg_graph.protocol.states import NodeState

__all__ = ["Admission"]

_INVARIANT, _LOAD, _GENERATOR = NodeKind.INVARIANT, NodeKind.LOAD, NodeKind.GENERATOR
_OUT_OF_PLAY = frozenset({NodeState.FAILED, NodeState.BLOCKED, NodeState.ABORTED})


class Admission:
    """Admission: selects the jobs that take part, and enrolls them in the `RunState`."""

    __slots__ = ("_asked_for", "_begun", "_files", "_pruned", "_roots", "flow", "run_state")

    def __init__(
        self,
        run_state: RunState,
        flow: Propagation,
        pruned: Collection[NodeId],
        targets: Collection[NodeId] | None,
        until: Collection[NodeId] = (),
        forced: Collection[NodeId] = (),
    ) -> None:
        self.run_state: RunState = run_state
        self.flow: Propagation = flow
        self._pruned = pruned
        run_state.last, run_state.forced = frozenset(until), frozenset(forced)
        self._asked_for: list[NodeId] = [*(targets or ()), *until]
        """The jobs that the user wants made, and kept if they are LAZY."""
        self._roots: set[NodeId] | None = None if targets is None else {*targets, *until, *forced}
        """The jobs that make their upstreams take part. None: all jobs take part."""
        self._files: list[NodeId] = []
        self._begun = False

    def begin(self) -> None:
        """Admit all jobs that take part from the start."""
        run_state, dag = self.run_state, self.run_state.dag
        nodes = [NodeId(node) for node in run_state.grow()]
        self.mark_pruned(self._pruned)
        for node in run_state.last:
            self.mark_pruned(dag.downstreams(node))
        if NodeKind.GENERATOR in run_state.kinds:
            self.mark_below(
                dag.downstreams(node) for node in nodes if run_state.kinds[node] is NodeKind.GENERATOR
            )
        for target in self._asked_for:
            run_state.targeted[target] = run_state.is_lazy[target]
            run_state.is_source[target] = 1
        if self._roots is not None:
            nodes = sorted(self._roots | dag.ancestors(self._roots))
        is_partial = bool(self._pruned or run_state.last)
        self.decide(
            self.admit([node for node in nodes if not run_state.pruned[node]] if is_partial else nodes)
        )

    def mark_pruned(self, nodes: Iterable[NodeId]) -> set[NodeId]:
        """Prune these jobs and all jobs downstream. Returns those that were not pruned before."""
        return self._mark(self.run_state.pruned, [nodes])

    def mark_below(self, nodes: Iterable[Iterable[NodeId]]) -> None:
        """Mark these jobs, and all jobs downstream of them, as downstream of a generator."""
        self._mark(self.run_state.below_generator, nodes)

    def _mark(self, flags: bytearray, nodes: Iterable[Iterable[NodeId]]) -> set[NodeId]:
        dag = self.run_state.dag
        marked: set[NodeId] = set()
        stack = list(nodes)
        while stack:
            for node in stack.pop():
                if not flags[node]:
                    flags[node] = 1
                    marked.add(node)
                    stack.append(dag.downstreams(node))
        return marked

    def admit(self, nodes: Collection[NodeId]) -> list[NodeId]:
        """Let these EXCLUDED jobs take part: all at the start, or some in the middle of the run.

        Returns the jobs that wait for nothing. The caller passes them to `decide` after all new edges are
        counted. Propagation then counts a decided job down in `pending` of the jobs downstream, and a later
        `meet` would do so again.
        """
        run_state = self.run_state
        run_state.enroll(nodes)
        if self.flow.stopped:
            for node in nodes:
                run_state.move(node, NodeState.ABORTED)
            return []
        complete = self._prepare(nodes)
        if self._begun:
            for node in nodes:
                self.meet(node, run_state.dag.upstreams(node))
            complete = [node for node in nodes if not run_state.pending[node]]
        self._begun = True
        return complete

    def decide(self, complete: Iterable[NodeId]) -> None:
        """Decide jobs that wait for nothing. A blocked job is not among them: its failed upstream stays pending."""
        kinds, upstream_count = self.run_state.kinds, self.run_state.upstream_count
        for node in complete:
            if kinds[node] is not _INVARIANT or upstream_count[node]:
                self.flow.decide(node)

    def newcomers(self, generator: NodeId, new: range, joined: Iterable[NodeId]) -> list[NodeId]:
        """Excluded jobs, new or old, that take part now, in order of declaration.

        `new` are the jobs that `generator` made. `joined` are the upstreams of new edges into jobs that take
        part.
        """
        run_state = self.run_state
        made = [NodeId(node) for node in new]
        if self._roots is None:
            return [node for node in made if not run_state.pruned[node]]
        wanted = set(joined)
        if generator in self._roots:
            self._roots.update(made)
            wanted.update(made)
        wanted |= reachable(wanted, run_state.dag.upstreams)
        return sorted(
            node
            for node in wanted
            if run_state.state[node] is NodeState.EXCLUDED and not run_state.pruned[node]
        )

    def take_observations(self) -> tuple[NodeId, ...]:
        """Take the nodes that must be observed now: needed invariants, and jobs with a record of files."""
        run_state = self.run_state
        invariants = [
            node
            for node in dict.fromkeys(run_state.needed_invariants)
            if not run_state.awaited[node]
            and run_state.state[node] is NodeState.WAITING
            and not run_state.pending[node]
            and (run_state.needs[node] or run_state.is_source[node])
        ]
        for node in invariants:
            run_state.awaited[node] = 1
        result = (*invariants, *self._files)
        run_state.needed_invariants.clear()
        self._files.clear()
        return result

    def _prepare(self, nodes: Iterable[NodeId]) -> list[NodeId]:
        """Count what new participants wait for, and look up their records. Returns the jobs that wait for nothing."""
        run_state, flow, files = self.run_state, self.flow, self._files
        kinds, pending, upstream_count = run_state.kinds, run_state.pending, run_state.upstream_count
        record_of, awaited, has_lazy_upstream = (
            run_state.record,
            run_state.awaited,
            run_state.has_lazy_upstream,
        )
        parts, job_ids, remembered = run_state.dag.names_parts, run_state.dag.job_ids, run_state.history.get
        forced = run_state.forced
        complete: list[NodeId] = []
        for node in nodes:
            kind = kinds[node]
            pending[node] = upstream_count[node]
            if kind is _INVARIANT:
                if run_state.is_source[node] or run_state.needs[node]:
                    run_state.needed_invariants.append(node)
            elif kind is _LOAD:
                run_state.recheck.append(node)
            elif kind is _GENERATOR:
                flow.mark_stale(node)
            else:
                record = remembered(job_ids[node])
                if record is None or not is_usable(record):
                    flow.mark_stale(node)
                else:
                    record_of[node] = record
                    if node in forced:
                        flow.mark_stale(node)
                    awaited[node] = 1
                    files.append(node)
                    pending[node] += 1
                    if has_lazy_upstream[node] or parts:
                        self.review(node)  # for other jobs an early review changes nothing
            if not pending[node]:
                complete.append(node)
        return complete

    def review(self, node: NodeId) -> None:
        """Mark the job as stale if the edges alone show it: at admission, and when edges are added."""
        run_state = self.run_state
        record = run_state.record[node]
        if record is not None and not run_state.stale[node] and record_is_outdated(run_state, node, record):
            self.flow.mark_stale(node)

    def meet(self, node: NodeId, upstreams: Collection[NodeId]) -> None:
        """Take in the fingerprints and failures of these upstreams. The job counts all of them as pending."""
        run_state = self.run_state
        if run_state.state[node] is not NodeState.WAITING:
            return
        for upstream in upstreams:
            if run_state.fingerprint[upstream] is not None:
                run_state.pending[node] -= 1
                self.flow.compare(upstream, node)
            elif run_state.state[upstream] in _OUT_OF_PLAY:
                aborted = run_state.state[upstream] is NodeState.ABORTED
                cause = run_state.causes.get(upstream, upstream)
                self.flow.collapse([node], cause, NodeState.ABORTED if aborted else NodeState.BLOCKED)
                return
