"""Lost machines: what becomes of the tasks of a machine that is gone."""

from __future__ import annotations

from ppg_exec.controller.outcomes import OomCounter, node_death
from ppg_exec.remote.fleet import Left
from ppg_exec.remote.machine import RemoteMachine, RemoteTask
from ppg_exec.remote.tasks_under_way import TasksUnderWay
from ppg_exec.tasks import Cancelled, Died, Notice

__all__ = ["MOST_LOST", "LostMachines"]

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


def _lost_too_often(state: RemoteTask) -> Died:
    names = ", ".join(state.suspected_on)
    return Died(
        None,
        None,
        f"its machine was lost {len(state.suspected_on)} times while it was there ({names}), so it is not started again: "
        "look whether it is what ends them, for example by too much memory",
    )
