"""Explanation: describes the decision about one job."""

from __future__ import annotations

from dataclasses import dataclass

from ppg_graph.decide.run_state import RunState
from ppg_graph.model.ids import JobId, NodeId, NodeKind
from ppg_graph.protocol.reasons import Reason, describe
from ppg_graph.protocol.states import NodeState

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanation: describes why a job is in its state.

    - job_id, kind, state: the job
    - reasons: why it ran, runs or is due
    - cause: the failed job that blocks it
    - waiting_for: direct upstreams without a known fingerprint, or needed and not there
    - unobservable: why an invariant could not be observed
    """

    job_id: JobId
    kind: NodeKind
    state: NodeState
    reasons: tuple[Reason, ...] = ()
    cause: JobId | None = None
    waiting_for: tuple[JobId, ...] = ()
    unobservable: str | None = None

    def __str__(self) -> str:
        text = f"{self.job_id}: {self._state_sentence()}"
        if self.reasons:
            text += " Reasons: " + "; ".join(describe(reason) for reason in self.reasons) + "."
        if self.waiting_for:
            shown = ", ".join(self.waiting_for[:5])
            more = len(self.waiting_for) - 5
            text += f" It waits for {shown}" + (f" and {more} more." if more > 0 else ".")
        return text

    def _state_sentence(self) -> str:
        match self.state:
            case NodeState.EXCLUDED:
                return "takes no part in this run: it is pruned, or no target needs it."
            case NodeState.WAITING:
                return "not decided yet."
            case NodeState.DUE:
                return "has to run."
            case NodeState.STARTED:
                return "started."
            case NodeState.OBSERVED:
                return "observed."
            case NodeState.CLEAN:
                return "up to date: its inputs are the same as at its last success."
            case NodeState.DONE:
                return "ran."
            case NodeState.CLEANED_UP:
                return "not needed any more, and removed."
            case NodeState.NOT_NEEDED:
                return "nothing in this run needed it."
            case NodeState.FAILED:
                return f"failed. {self.unobservable}" if self.unobservable else "failed."
            case NodeState.BLOCKED:
                return f"could not run because {self.cause} failed."
            case NodeState.ABORTED:
                return "the run ended before its turn."


def explain(run_state: RunState, node: NodeId, reasons: tuple[Reason, ...]) -> Explanation:
    """Explain the state of a job."""
    dag, state = run_state.dag, run_state.state[node]
    cause = run_state.causes.get(node) if state is NodeState.BLOCKED else None
    waiting_for = [
        dag.job_id(upstream)
        for upstream in (dag.upstreams(node) if state in {NodeState.WAITING, NodeState.DUE} else ())
        if run_state.fingerprint[upstream] is None
        or (state is NodeState.DUE and run_state.is_lazy[upstream] and not run_state.is_there(upstream))
    ]
    return Explanation(
        dag.job_id(node),
        dag.kind(node),
        state,
        reasons,
        None if cause is None else dag.job_id(cause),
        tuple(waiting_for),
        run_state.unobservable.get(node),
    )
