"""States: defines the states of a job in one run, and the table of legal moves between them.

The diagram in docs/decisions.md is drawn from this table. `RunState.move` is the only method that changes a
state.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

__all__ = ["LEGAL_BITS", "LEGAL_MOVES", "NodeState", "state_diagram"]


class NodeState(IntEnum):
    """NodeState: states where a job is in this run.

    The state does not imply whether the *fingerprint* is known. A clean LAZY job that must run again is DUE
    with its recorded fingerprint. Jobs downstream that need no more than the fingerprint are decided in the
    meantime.
    """

    EXCLUDED = 0
    """Takes no part in this run: pruned, downstream of a pruned job, or not needed for the targets."""
    WAITING = 1
    """Not decided: the fingerprint of an upstream, or the observation of the job's files, is missing."""
    DUE = 2
    """Certain to run unless an upstream job fails. Waits until all its inputs are known and there."""
    STARTED = 3
    """Handed to the driver, which runs it when resources allow."""
    OBSERVED = 4
    """An invariant with a known fingerprint."""
    CLEAN = 5
    """Fingerprint known without a run, and no job demands a run. (For a LOAD: no job demands the data.)"""
    DONE = 6
    """Ran and succeeded. A LAZY job's files are there, a LOAD's data is loaded."""
    CLEANED_UP = 7
    """A LAZY or LOAD job with a known fingerprint. Its files or data were there and have been removed."""
    NOT_NEEDED = 8
    """A LAZY, LOAD or INVARIANT that no job in this run needed."""
    FAILED = 9
    """Ran and failed, or is an invariant that could not be observed."""
    BLOCKED = 10
    """Must run but cannot, or cannot be decided, because an upstream job failed."""
    ABORTED = 11
    """Not decided, or due, when the run was stopped."""


_S = NodeState

LEGAL_MOVES: Mapping[NodeState, frozenset[NodeState]] = {
    _S.EXCLUDED: frozenset({_S.WAITING}),
    _S.WAITING: frozenset(
        {_S.OBSERVED, _S.CLEAN, _S.DUE, _S.FAILED, _S.BLOCKED, _S.ABORTED, _S.NOT_NEEDED, _S.EXCLUDED}
    ),
    _S.DUE: frozenset({_S.STARTED, _S.BLOCKED, _S.ABORTED, _S.WAITING, _S.CLEAN, _S.CLEANED_UP, _S.EXCLUDED}),
    _S.STARTED: frozenset({_S.DONE, _S.FAILED, _S.ABORTED, _S.DUE}),
    _S.OBSERVED: frozenset(),
    _S.CLEAN: frozenset({_S.DUE, _S.CLEANED_UP, _S.NOT_NEEDED}),
    _S.DONE: frozenset({_S.CLEANED_UP}),
    _S.CLEANED_UP: frozenset({_S.DUE}),
    _S.NOT_NEEDED: frozenset(),
    _S.FAILED: frozenset(),
    _S.BLOCKED: frozenset(),
    _S.ABORTED: frozenset(),
}
"""The states that a job may move to, by its state."""

LEGAL_BITS = tuple(sum(1 << new for new in LEGAL_MOVES[old]) for old in NodeState)
"""The same table as bits: the move old → new is legal if bit `new` of LEGAL_BITS[old] is set."""


def state_diagram() -> str:
    """Return the table of legal moves as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> EXCLUDED"]
    for old in NodeState:
        new_states = sorted(LEGAL_MOVES[old])
        lines += [f"    {old.name} --> {new.name}" for new in new_states]
        if not new_states:
            lines.append(f"    {old.name} --> [*]")
    return "\n".join(lines) + "\n"
