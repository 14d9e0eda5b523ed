"""The states of a job in one run, and the table of legal moves between them.

The diagram in docs/decisions.md is drawn from this table. `Board.move` is the only function that changes a state.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

__all__ = ["LEGAL_BITS", "LEGAL_MOVES", "NodeState", "state_diagram"]


class NodeState(IntEnum):
    """Where a job is in this run.

    Whether its *fingerprint* is known is a separate question: a clean lazy job that must be made again is DUE
    with its recorded fingerprint, and everything downstream that needs no more than that decides meanwhile.
    """

    EXCLUDED = 0
    """Takes no part in this run: pruned, downstream of something pruned, or not needed for the targets."""
    WAITING = 1
    """Not decided: something upstream, or the look at its own files, is not known yet."""
    DUE = 2
    """Certain to run unless something upstream fails; waits until everything upstream is known and there."""
    STARTED = 3
    """Handed to the driver, which runs it when resources allow."""
    OBSERVED = 4
    """An invariant whose fingerprint is known."""
    CLEAN = 5
    """Fingerprint known without running, and nothing asks for a run. (A LOAD: and nothing asks for the data.)"""
    DONE = 6
    """Ran and succeeded. A LAZY job's files are there, a LOAD's data is loaded."""
    CLEANED_UP = 7
    """A LAZY or LOAD job whose files or data were there and have been removed again; the fingerprint is known."""
    NOT_NEEDED = 8
    """A LAZY, LOAD or INVARIANT that nothing in this run asked for."""
    FAILED = 9
    """Ran and failed; or an invariant that could not be observed."""
    BLOCKED = 10
    """Would have to run, or cannot be decided, because something upstream failed."""
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
"""From each state, the states that a job may move to."""

LEGAL_BITS = tuple(sum(1 << new for new in LEGAL_MOVES[old]) for old in NodeState)
"""The same table for machines: move old → new is legal if bit `new` of LEGAL_BITS[old] is set."""


def state_diagram() -> str:
    """The table of legal moves as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> EXCLUDED"]
    for old in NodeState:
        new_states = sorted(LEGAL_MOVES[old])
        lines += [f"    {old.name} --> {new.name}" for new in new_states]
        if not new_states:
            lines.append(f"    {old.name} --> [*]")
    return "\n".join(lines) + "\n"
