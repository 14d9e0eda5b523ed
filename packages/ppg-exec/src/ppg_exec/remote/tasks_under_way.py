"""Tasks under way: holds every task of a remote executor until its outcome is reported, and the events for the caller."""

from __future__ import annotations

from typing import Any

from ppg_exec.attempts import append_attempt
from ppg_exec.executor import Event
from ppg_exec.remote.load_plan import LoadPlan
from ppg_exec.remote.machine import RemoteMachine, RemoteTask
from ppg_exec.resources.placement import Needs, Placement
from ppg_exec.tasks import Died, End, LoadRepeated, Notice, Outcome, RunsIn, Succeeded

__all__ = ["TasksUnderWay"]


_ENDED_THERE = Died(None, None, "it ended on a machine that was lost before it had reported how")


class TasksUnderWay:
    """TasksUnderWay: holds tasks by their keys; each that is added leaves by `report`, with one outcome.

    Args:
        placement: has those that wait, and the machines of the others.
        loads: has the loads that have succeeded.

    """

    def __init__(self, placement: Placement[RemoteTask], loads: LoadPlan) -> None:
        self.placement: Placement[RemoteTask] = placement
        self.loads: LoadPlan = loads
        self.states: dict[str, RemoteTask] = {}
        self.events: list[Event] = []
        self.has_tasks_ahead: bool = False
        """whether tasks may wait on full machines"""
        self.wanted_cores: int = 0
        """how many cores the tasks that wait or run could use together"""
        self._numbers = 0

    def next_number(self) -> int:
        """A number that no other sending of a task has."""
        self._numbers += 1
        return self._numbers

    def add(self, state: RemoteTask) -> None:
        """Let a task wait for a machine."""
        task = state.task
        if task.key not in self.states:
            self.wanted_cores += max(1, task.cores)
        self.states[task.key] = state
        state.machine = None
        state.is_sent = state.is_running = False
        state.loads = self.loads.needs(task)
        may_wait = task.place is RunsIn.FORK and task.cores == 1
        needs = Needs(task.cores, task.memory, state.loads, may_wait)
        self.placement.add(state, needs, task.priority, state.order)

    def report(self, state: RemoteTask, end: End, **details: Any) -> None:
        """Report the end of a task that has left the placement."""
        del self.states[state.task.key]
        self.wanted_cores -= max(1, state.task.cores)
        if state.task.place is RunsIn.NODE and isinstance(end, Succeeded):
            self.loads.loaded(state.task)
        machine = "" if state.machine is None else state.machine.name
        if state.ended_there:
            details["attempts"] = details.get("attempts", 1) + state.ended_there
            earlier: tuple[End, ...] = ()
            for attempt in (*[_ENDED_THERE] * state.ended_there, *details.get("earlier", ())):
                earlier = append_attempt(earlier, attempt)
            details["earlier"] = earlier
        self.events.append(Outcome(state.task.key, end, machine=machine, lost=len(state.lost_on), **details))

    def repeat_ended(self, key: str, end: End, machine: str = "") -> None:
        """Report the end of a load that was repeated, by a machine that has tasks for its data."""
        self.events.append(LoadRepeated(key, end, machine))

    def drain(self, machine: RemoteMachine, why: str) -> None:
        """Let a machine get no more tasks, and say why; those that it has go on."""
        if machine.takes_tasks:
            machine.takes_tasks = False
            if machine.is_ready:
                self.placement.drain(machine.agent)
            self.events.append(Notice(f"the machine {machine.name} gets no more jobs: {why}"))

    def take_events(self) -> list[Event]:
        """The events since the last call."""
        events = self.events[:]
        self.events.clear()
        return events
