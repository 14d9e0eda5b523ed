"""Lost machines: what becomes of the tasks of a machine that is gone, or that cannot load what they need."""

from __future__ import annotations

from ppg_exec.controller.outcomes import OomCounter, node_death
from ppg_exec.remote.fleet import Left
from ppg_exec.remote.machine import LoadStep, RemoteMachine, RemoteTask
from ppg_exec.remote.tasks_under_way import TasksUnderWay
from ppg_exec.tasks import Cancelled, Died, End, Notice, RunsIn, Succeeded

__all__ = ["MOST_LOST", "FailedLoads", "LostMachines"]

MOST_LOST = 3
"""A task that has lost so many machines is not started again."""


class LostMachines:
    """LostMachines: lets the tasks of lost machines start elsewhere, which counts as no attempt of theirs.

    A task that was lost `MOST_LOST` times ends, as it may be what ends the machines. So does a task that ended its agent while
    that read it.
    """

    def __init__(self, under_way: TasksUnderWay) -> None:
        self._under_way = under_way
        self._oom = OomCounter()

    def settle(self, machine: RemoteMachine, left: Left) -> None:
        """Settle the tasks of a machine; nothing of them runs any more."""
        under_way = self._under_way
        states: list[RemoteTask] = (
            under_way.placement.remove_machine(machine.agent) if machine.is_ready else []
        )
        started = 0
        for state in states:
            # Another start follows only the end of an attempt, of which nothing more is known.
            state.ended_there += max(0, state.starts - 1)
            state.starts = 0
            if state.is_sent:
                state.lost_on = (*state.lost_on, machine.name)
            # A task that waited there for a core has not ended the machine.
            if state.is_sent and (state.is_running or not state.is_ahead):
                state.suspected_on = (*state.suspected_on, machine.name)
            if left.reading and state.number == left.reading:
                doing = f"the agent of {machine.name} died while it read this task"
                state.lost_on = state.lost_on[:-1]
                under_way.report(state, node_death(left.status, left.why, doing, self._oom))
            elif state.cancelled:
                under_way.report(state, Cancelled())
            elif len(state.suspected_on) >= MOST_LOST:
                under_way.report(state, _lost_too_often(state))
            else:
                started += state.is_running
                under_way.add(state)
        if machine.is_ready and (started or not left.reading):
            why = f" ({left.why.splitlines()[-1]})" if left.why else ""
            again = f"; {started} of its running jobs start again elsewhere" if started else ""
            under_way.events.append(Notice(f"the machine {machine.name} was lost{why}{again}"))


class FailedLoads:
    """FailedLoads: lets no task run on a machine that has not got the data that the task needs.

    The load succeeded on another machine. So this one gets no more tasks, and those that wait there go elsewhere. If no other
    machine takes tasks, those that need the data end.
    """

    def __init__(self, under_way: TasksUnderWay) -> None:
        self._under_way = under_way

    def repeat_ended(self, machine: RemoteMachine, key: str, end: End) -> None:
        """Take in the end of a load that a machine has repeated."""
        machine.loading = None
        self._under_way.repeat_ended(key, end, machine.name)
        if isinstance(end, Succeeded):
            return
        self._has_not(machine, key)
        goes_elsewhere = self._under_way.placement.takes_tasks_beside(machine.agent)
        if goes_elsewhere:
            self._under_way.drain(machine, f"'{key}' could not be loaded again there")
        waiting = list(machine.queue)
        machine.queue.clear()
        for item in waiting:
            if isinstance(item, LoadStep):
                # It may need the data of the one that failed.
                self._has_not(machine, item.key)
                continue
            self._leave(machine, item)
            if goes_elsewhere or key not in item.loads:
                self._under_way.add(item)
            else:
                self._under_way.report(item, _lacks_data(key, machine.name))

    def _leave(self, machine: RemoteMachine, state: RemoteTask) -> None:
        self._under_way.placement.ended(state)
        if state.task.place is RunsIn.NODE:
            self._has_not(machine, state.task.key)

    def _has_not(self, machine: RemoteMachine, key: str) -> None:
        machine.loads.discard(key)
        self._under_way.placement.forget_load(machine.agent, key)


def _lacks_data(key: str, machine: str) -> Died:
    return Died(
        None,
        None,
        f"it never started, because it needs the data of '{key}', which could not be loaded again on {machine}: "
        "see the warning about that, and run again",
    )


def _lost_too_often(state: RemoteTask) -> Died:
    names = ", ".join(state.suspected_on)
    return Died(
        None,
        None,
        f"its machine was lost {len(state.suspected_on)} times while it was there ({names}), so it is not started again: "
        "look whether it is what ends them, for example by too much memory",
    )
