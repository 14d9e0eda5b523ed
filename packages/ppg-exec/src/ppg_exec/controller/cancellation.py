"""Cancellation tasks before their time: those that are cancelled, whose time is up, or that take too much memory.

The node ends its jobs itself, as it is the first to know when they began, whatever the mcp is busy with. But a node
that loads, or that imports what a task needs, is deaf until that is done. Then the forkserver helps, which never is:

- a load is interrupted by an exception, and if that does not help, its node goes;
- a job beside it gets the signals past the node.

So here is a deadline for each load and job with a timeout and for each one that is to end. A job that should have
ended by its node is looked after as long as it runs.
"""

from __future__ import annotations

import enum
import signal
import time
from dataclasses import dataclass
from typing import assert_never

from ppg_exec.controller.registry import Stage, TaskState
from ppg_exec.hosts.nodes import Nodes
from ppg_exec.transport.logbook import Activity, read_logbook
from ppg_exec.transport.messages import EndTask

__all__ = ["Cancellation"]

_SECONDS_BETWEEN_LOOKS = 0.25
_BUSY = frozenset({Activity.READING, Activity.LOADING})


class _Step(enum.Enum):
    """What is to be done when a deadline has passed and the task still runs."""

    TIME_IS_UP = "time is up"
    """its timeout is over"""
    HELP = "help"
    """it should end; see whether its node is deaf"""
    FORCE = "force"
    """it was told to end, and its grace is over"""


@dataclass(frozen=True, slots=True)
class _Deadline:
    when: float
    state: TaskState
    number: int
    step: _Step
    seen: tuple[int, int] | None = None
    """what the node was deaf for at the look before"""

    @property
    def is_of_this_run(self) -> bool:
        """Whether the task still runs, and not again."""
        return self.state.stage is Stage.RUNNING and self.state.number == self.number


class Cancellation:
    """Sees to it that what is to end does, `grace` seconds after it was told at the latest."""

    def __init__(self, nodes: Nodes, grace: float) -> None:
        self._nodes = nodes
        self._grace = grace
        self._deadlines: list[_Deadline] = []

    def cancel(self, state: TaskState) -> None:
        """End an state that is at a node; that node says when."""
        if not state.is_load:
            self._tell(state, "cancelled")
        elif state.stage is Stage.RUNNING:
            self._interrupt(state)

    def end_for_memory(self, state: TaskState) -> None:
        """End a job that has taken more memory than it stated."""
        state.is_over_memory = True
        self._tell(state, "over memory")

    def has_begun(self, state: TaskState) -> None:
        """An state runs: from now on its timeout counts."""
        if state.cancelled:
            if state.is_load:
                self._interrupt(state)
            else:
                self._add(0, state, _Step.HELP)
        elif state.task.timeout is not None:
            self._add(state.task.timeout, state, _Step.TIME_IS_UP)

    def next(self) -> float | None:
        """When `enforce` has to be called next (monotonic seconds)."""
        return min((deadline.when for deadline in self._deadlines), default=None)

    def enforce(self) -> None:
        """Do what is due."""
        if not self._deadlines:
            return
        now = time.monotonic()
        valid = [deadline for deadline in self._deadlines if deadline.is_of_this_run]
        self._deadlines = [deadline for deadline in valid if deadline.when > now]
        for deadline in valid:
            if deadline.when <= now:
                self._do(deadline)

    def _do(self, deadline: _Deadline) -> None:
        state, step = deadline.state, deadline.step
        assert state.node is not None
        host = self._nodes.host
        match step:
            case _Step.TIME_IS_UP if state.is_load:
                state.timed_out = True
                self._interrupt(state)
            case _Step.TIME_IS_UP | _Step.HELP:
                doing = read_logbook(state.node.logbook)
                if doing[0] not in _BUSY or doing != deadline.seen:
                    # It may be about to see to it, or have done so.
                    self._add(_SECONDS_BETWEEN_LOOKS, state, step, doing)
                    return
                state.timed_out = step is _Step.TIME_IS_UP
                host.signal_job(state.node, state.pid, signal.SIGTERM)
                self._add(self._grace, state, _Step.FORCE)
            case _Step.FORCE if state.is_load:
                host.kill_node(state.node)
            case _Step.FORCE:
                host.signal_job(state.node, state.pid, signal.SIGKILL)
            case _:
                assert_never(step)

    def _tell(self, state: TaskState, why: str) -> None:
        assert state.node is not None
        state.node.channel.put(EndTask(state.number, self._grace, why))
        if state.stage is Stage.RUNNING:
            self._add(0, state, _Step.HELP)

    def _interrupt(self, state: TaskState) -> None:
        assert state.node is not None
        self._nodes.host.interrupt_node(state.node)
        self._add(self._grace, state, _Step.FORCE)

    def _add(
        self, seconds: float, state: TaskState, step: _Step, seen: tuple[int, int] | None = None
    ) -> None:
        self._deadlines.append(_Deadline(time.monotonic() + seconds, state, state.number, step, seen))
