"""Cancellation: ends tasks before their time: cancelled ones, and those beyond their timeout or their memory.

The node ends its jobs itself, because it is the first to see them begin, however busy the controller is. But
a node that loads, or that imports what a task needs, reads no messages until that is done. Then the
forkserver helps, which never blocks:

- It interrupts a load by an exception. If that does not end the load, it kills the node.
- It signals a job directly, past the busy node.

So each load or job with a timeout has a deadline here, and so has each task that is to end. The controller
checks a job that its node should have ended as long as the job runs. If the node is stopped or spins, the
forkserver signals the job, too. Once the job is dead, and all others of that node are to end, the node is killed.
"""

from __future__ import annotations

import enum
import signal
import time
from dataclasses import dataclass
from typing import assert_never

from ppg_exec.controller.node_watch import NodeWatch
from ppg_exec.controller.registry import Stage, TaskState
from ppg_exec.hosts.nodes import Nodes
from ppg_exec.transport.logbook import Activity, read_logbook
from ppg_exec.transport.node_messages import EndTask

__all__ = ["Cancellation"]

_SECONDS_BETWEEN_LOOKS = 0.25
_BUSY = frozenset({Activity.READING, Activity.LOADING})


class _Step(enum.Enum):
    """_Step: says what to do when a deadline has passed and the task still runs."""

    TIME_IS_UP = "time is up"
    """the timeout of the task is over"""
    HELP = "help"
    """the task should end: check whether its node is busy"""
    FORCE = "force"
    """the task was asked to end, and its grace period is over"""
    REPLACE = "replace"
    """the job was signalled past a node that is stuck: end the node once the job is dead"""


@dataclass(frozen=True, slots=True)
class _Deadline:
    when: float
    state: TaskState
    number: int
    step: _Step
    seen: tuple[int, int] | None = None
    """what the node was busy with at the check before"""

    @property
    def is_of_this_attempt(self) -> bool:
        """Whether the task is still at its node, in the same attempt."""
        return self.state.stage is not Stage.WAITING and self.state.number == self.number


class Cancellation:
    """Cancellation: ends each task that is to end, at the latest `grace` seconds after it was asked to."""

    def __init__(self, nodes: Nodes, watch: NodeWatch, grace: float) -> None:
        self._nodes = nodes
        self._watch = watch
        self._grace = grace
        self._deadlines: list[_Deadline] = []

    def cancel(self, state: TaskState) -> None:
        """End a task that is at a node; that node reports the end."""
        if not state.is_load:
            self._end_at_node(state, "cancelled")
        elif state.stage is Stage.RUNNING:
            self._interrupt(state)

    def end_for_memory(self, state: TaskState) -> None:
        """End a job that has taken more memory than it stated."""
        state.is_over_memory = True
        self._end_at_node(state, "over memory")

    def has_begun(self, state: TaskState) -> None:
        """Start the timeout of a task that runs now, or end it if it was cancelled before."""
        if state.cancelled:
            if state.is_load:
                self._interrupt(state)
            else:
                self._add(0, state, _Step.HELP)
        elif state.task.timeout is not None:
            self._add(state.task.timeout, state, _Step.TIME_IS_UP)

    def next(self) -> float | None:
        """When `enforce` is due (monotonic seconds); None if it is not."""
        return min((deadline.when for deadline in self._deadlines), default=None)

    def enforce(self) -> None:
        """Act on the deadlines that have passed."""
        if not self._deadlines:
            return
        now = time.monotonic()
        valid = [deadline for deadline in self._deadlines if deadline.is_of_this_attempt]
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
                is_stuck = self._watch.is_stuck(state.node)
                runs = state.stage is Stage.RUNNING
                if not is_stuck and (not runs or doing[0] not in _BUSY or doing != deadline.seen):
                    # The node may be about to end the task, or have done so.
                    self._add(_SECONDS_BETWEEN_LOOKS, state, step, doing)
                    return
                state.timed_out = step is _Step.TIME_IS_UP
                if runs:
                    host.signal_job(state.node, state.pid, signal.SIGTERM)
                    self._add(self._grace, state, _Step.FORCE)
                if is_stuck:
                    self._add(_SECONDS_BETWEEN_LOOKS, state, _Step.REPLACE)
            case _Step.FORCE if state.is_load:
                host.kill_node(state.node)
            case _Step.FORCE:
                host.signal_job(state.node, state.pid, signal.SIGKILL)
            case _Step.REPLACE:
                if (
                    self._watch.has_ended(state)
                    and self._watch.is_stuck(state.node)
                    and self._watch.all_must_end(state.node)
                ):
                    host.kill_node(state.node)
                else:
                    self._add(_SECONDS_BETWEEN_LOOKS, state, _Step.REPLACE)
            case _:
                assert_never(step)

    def _end_at_node(self, state: TaskState, why: str) -> None:
        assert state.node is not None
        state.node.channel.put(EndTask(state.number, self._grace, why))
        self._add(0, state, _Step.HELP)

    def _interrupt(self, state: TaskState) -> None:
        assert state.node is not None
        self._nodes.host.interrupt_node(state.node)
        self._add(self._grace, state, _Step.FORCE)

    def _add(
        self, seconds: float, state: TaskState, step: _Step, seen: tuple[int, int] | None = None
    ) -> None:
        self._deadlines.append(_Deadline(time.monotonic() + seconds, state, state.number, step, seen))
