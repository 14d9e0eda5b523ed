"""Consistency check: compares every count with its definition, and finds jobs that would wait forever.

Tests use it. Each check takes time linear in the size of the graph, and runs after every event.
"""

from __future__ import annotations

from ppg_graph.decide.propagation import Propagation
from ppg_graph.decide.run_state import InternalError, RunState
from ppg_graph.model.ids import NodeId, NodeKind
from ppg_graph.protocol.states import NodeState

__all__ = ["check_consistency"]

_S = NodeState
_UNDECIDED = frozenset({_S.WAITING, _S.DUE})
_UNFINISHED = frozenset({_S.WAITING, _S.DUE, _S.STARTED})
_SOMETIMES_KNOWN = frozenset({_S.DUE, _S.STARTED, _S.FAILED, _S.BLOCKED, _S.ABORTED})
_KNOWN = frozenset({_S.OBSERVED, _S.CLEAN, _S.DONE, _S.CLEANED_UP})


def check_consistency(run_state: RunState, flow: Propagation, *, finished: bool) -> None:
    """Raise InternalError if any claim of the `RunState` about itself does not hold."""
    check = _Check(run_state)
    for index in range(len(run_state.dag)):
        check.state(NodeId(index))
        check.counts(NodeId(index))
        if not flow.stopped and not finished:
            check.decided(NodeId(index), flow)
    check.totals()
    if (
        run_state.published
        or run_state.recheck
        or run_state.startable
        or run_state.resettle_due
        or run_state.removable
    ):
        raise InternalError("work is left on the lists")


class _Check:
    def __init__(self, run_state: RunState) -> None:
        self.run_state = run_state

    def claim(self, node: NodeId, claim: str, *, holds: bool) -> None:
        if not holds:
            run_state = self.run_state
            raise InternalError(
                f"{run_state.dag.kind(node).name} {run_state.dag.job_id(node)!r}, {run_state.state[node].name}: not true that {claim}"
            )

    def state(self, node: NodeId) -> None:
        """Check that the job's state fits its facts."""
        run_state, state, kind = self.run_state, self.run_state.state[node], self.run_state.dag.kind(node)
        known = run_state.fingerprint[node] is not None
        if state in _KNOWN:
            self.claim(node, "its fingerprint is known", holds=known)
        elif state in _SOMETIMES_KNOWN:
            self.claim(
                node, "only LAZY and LOAD are known then", holds=not known or bool(run_state.is_lazy[node])
            )
        elif state is not _S.NOT_NEEDED:
            self.claim(node, "its fingerprint is unknown", holds=not known)
        if state is _S.STARTED or state is _S.DONE:
            everything = all(
                run_state.fingerprint[upstream] is not None for upstream in run_state.dag.upstreams(node)
            )
            self.claim(node, "everything upstream is known", holds=everything)
            self.claim(node, "it has reasons", holds=bool(run_state.reasons.get(node)))
        if state is _S.STARTED:
            there = all(
                run_state.is_there(upstream) or upstream in run_state.rejected_leftovers
                for upstream in run_state.lazy_upstreams(node)
            )
            self.claim(node, "everything lazy upstream is there", holds=there)
        if state is _S.OBSERVED:
            self.claim(node, "only invariants are observed", holds=kind is NodeKind.INVARIANT)
        if state is _S.CLEANED_UP:
            self.claim(node, "only LAZY and LOAD are cleaned up", holds=bool(run_state.is_lazy[node]))
        if state is _S.BLOCKED:
            cause = run_state.causes[node]
            self.claim(node, "its cause failed", holds=run_state.state[cause] is _S.FAILED)
        if kind is NodeKind.LOAD and state is _S.DONE:
            self.claim(node, "it is loaded", holds=bool(run_state.present[node]))

    def counts(self, node: NodeId) -> None:
        """Check that every count equals its definition."""
        run_state, dag = self.run_state, self.run_state.dag
        below = dag.downstreams(node)
        if not run_state.is_source[node]:
            needs = sum(run_state.counts(downstream) for downstream in below)
            self.claim(
                node, f"needs is {needs}, not {run_state.needs[node]}", holds=needs == run_state.needs[node]
            )
        plain = not (
            run_state.is_lazy[node]
            or run_state.has_lazy_upstream[node]
            or dag.kind(node) is NodeKind.GENERATOR
        )
        self.claim(node, f"plain is {plain}", holds=plain == run_state.plain[node])
        if run_state.is_lazy[node]:
            demand = sum(run_state.state[downstream] is _S.DUE for downstream in below)
            self.claim(node, f"demand is {demand}", holds=demand == run_state.demand[node])
            unreleased = sum(not run_state.is_released(downstream) for downstream in below)
            unsettled = sum(not run_state.is_settled(downstream) for downstream in below)
            if dag.kind(node) is NodeKind.LOAD:
                self.claim(
                    node, f"unreleased is {unreleased}", holds=unreleased == run_state.unreleased[node]
                )
            else:
                unsettled = unreleased
            self.claim(node, f"unsettled is {unsettled}", holds=unsettled == run_state.unsettled[node])
        settled = bool(run_state.settled[node]) or dag.kind(node) is NodeKind.INVARIANT
        if run_state.is_lazy[node] or run_state.has_lazy_upstream[node]:
            self.claim(node, "its settledness is up to date", holds=settled == run_state.is_settled(node))
            released = bool(run_state.released[node]) or dag.kind(node) is NodeKind.INVARIANT
            self.claim(node, "its release is up to date", holds=released == run_state.is_released(node))
        if run_state.state[node] in _UNDECIDED:
            pending = sum(run_state.fingerprint[upstream] is None for upstream in dag.upstreams(node))
            pending += run_state.awaited[node] and dag.kind(node) is not NodeKind.INVARIANT
            self.claim(node, f"pending is {pending}", holds=pending == run_state.pending[node])
        if run_state.state[node] is _S.DUE:
            missing_inputs = sum(
                not run_state.is_there(upstream) for upstream in run_state.lazy_upstreams(node)
            )
            self.claim(
                node,
                f"missing_inputs is {missing_inputs}",
                holds=missing_inputs == run_state.missing_inputs[node],
            )

    def decided(self, node: NodeId, flow: Propagation) -> None:
        """Check that all consequences of the facts are carried out."""
        run_state, state = self.run_state, self.run_state.state[node]
        if (
            state in {_S.WAITING, _S.DUE, _S.CLEAN, _S.CLEANED_UP}
            and run_state.dag.kind(node) is not NodeKind.INVARIANT
        ):
            self.claim(
                node, "it is due exactly if it must run", holds=(state is _S.DUE) == flow.must_run(node)
            )
        if state is _S.DUE:
            self.claim(
                node,
                "it waits for something",
                holds=bool(run_state.pending[node] or run_state.missing_inputs[node]),
            )
        if state is _S.WAITING and run_state.dag.kind(node) is not NodeKind.INVARIANT:
            undecided = run_state.pending[node] > 0 or bool(run_state.stale[node])
            self.claim(node, "it waits for something", holds=undecided)
        if state in _UNDECIDED:
            unknowable = [
                upstream
                for upstream in run_state.dag.upstreams(node)
                if run_state.fingerprint[upstream] is None
                and run_state.state[upstream] in {_S.FAILED, _S.BLOCKED}
            ]
            self.claim(node, f"{unknowable} block it", holds=not unknowable)

    def totals(self) -> None:
        """Check the counts over all jobs."""
        run_state = self.run_state
        started = sum(state is _S.STARTED for state in run_state.state)
        generators = sum(
            state in _UNFINISHED and kind is NodeKind.GENERATOR
            for state, kind in zip(run_state.state, run_state.dag.kinds, strict=True)
        )
        if (started, generators) != (run_state.started, run_state.running_generators):
            raise InternalError(f"{started} started and {generators} generators: miscounted")
