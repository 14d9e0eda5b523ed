"""Received: turns the messages of agents, and what happens to their machines, into the ends of tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import assert_never

from ppg_exec.controller.run_names import RunNames
from ppg_exec.links.ends import decode_end
from ppg_exec.links.hello import Facts, problem_of, read_about
from ppg_exec.links.messages import (
    FROM_AGENT,
    AgentFailed,
    AgentHello,
    AgentReady,
    ConfigureAgent,
    FromAgent,
    LoadRepeatEnded,
    NameDiffered,
    NamesAsked,
    NoticeGiven,
    OutputPart,
    PrepareNode,
    SharedLost,
    SubmittedEnded,
    SubmittedRecalled,
    SubmittedStarted,
    SubmittedUnread,
    UnloadEnded,
    WatchDigests,
)
from ppg_exec.remote.environment import variables_of_tasks
from ppg_exec.remote.fleet import Arrived, Fleet, Joined, Leaving, Left, Problem
from ppg_exec.remote.lost import FailedLoads, LostMachines
from ppg_exec.remote.machine import RemoteMachine, RemoteTask
from ppg_exec.remote.tasks_under_way import TasksUnderWay
from ppg_exec.tasks import Cancelled, NameDiffers, Notice, RunsIn, Started, Succeeded, Usage
from ppg_exec.tracking.received import received_uses
from ppg_exec.transport.messages import decode

__all__ = ["Received"]


class Received:
    """Received: reads what a fleet has received, and settles it.

    Args:
        fleet: carries the messages.
        under_way: holds the tasks.
        names: watched names of this process.
        lost: settles the tasks of lost machines.
        failed_loads: settles the tasks of machines that cannot load.
        begin_next: sends a machine what waits for it.

    """

    def __init__(
        self,
        fleet: Fleet,
        under_way: TasksUnderWay,
        names: RunNames,
        lost: LostMachines,
        failed_loads: FailedLoads,
        begin_next: Callable[[RemoteMachine], object],
    ) -> None:
        self._fleet = fleet
        self._under_way = under_way
        self._names = names
        self._lost = lost
        self._failed_loads = failed_loads
        self._begin_next = begin_next
        self.machines: dict[str, RemoteMachine] = {}
        self.modules: tuple[str, ...] | None = None
        """what nodes import before their first task"""
        self._problems: list[str] = []

    def ready(self) -> Iterator[RemoteMachine]:
        """The machines that take messages about tasks."""
        return (machine for machine in self.machines.values() if machine.is_ready)

    def why_none(self) -> str:
        """Why there is no machine."""
        return "; ".join(self._problems) or "there is no machine to run jobs on"

    def read(self) -> None:
        """Read all that has arrived."""
        for event in self._fleet.receive():
            match event:
                case Joined(agent):
                    self.machines[agent] = RemoteMachine(agent, self._fleet.send)
                case Arrived(agent, bodies):
                    for body in bodies:
                        machine = self.machines.get(agent)
                        if machine is not None:
                            self._handle(machine, decode(body, FROM_AGENT))
                case Leaving(agent, why):
                    if (machine := self.machines.get(agent)) is not None:
                        self._under_way.drain(machine, why)
                case Left(agent):
                    machine = self.machines.pop(agent, None)
                    if machine is not None:
                        machine.close()
                        self._lost.settle(machine, event)
                case Problem(message):
                    self._note_problem(message)
                case _:
                    assert_never(event)

    def _note_problem(self, message: str) -> None:
        self._problems.append(message)
        self._under_way.events.append(Notice(message))

    # ---- messages

    def _handle(self, machine: RemoteMachine, message: FromAgent) -> None:
        match message:
            case AgentHello():
                self._greet(machine, message.about)
            case AgentReady():
                self._admit(machine, Facts.from_json(message.about))
            case SubmittedStarted():
                state = machine.sent.get(message.number)
                if state is not None and not state.is_repeat:
                    state.is_running = True
                    state.starts += 1
                    self._under_way.events.append(
                        Started(state.task.key, message.pid, message.when, machine.name)
                    )
            case OutputPart():
                machine.take_part(message)
            case SubmittedEnded():
                self._read_end(machine, message)
            case SubmittedRecalled():
                for number in message.numbers:
                    self._take_back(machine, number)
            case SubmittedUnread():
                machine.shared.forget(message.identities)
                self._send_again(machine, message.number)
            case SharedLost():
                machine.shared.forget(message.identities)
            case LoadRepeatEnded():
                self._under_way.repeat_ended(message.key, decode_end(message.end, machine.shared.load))
            case UnloadEnded():
                machine.unloading.discard(message.number)
            case NamesAsked():
                machine.give_names(*self._names.entries(message.names))
            case NameDiffered():
                self._under_way.events.append(NameDiffers(*message))
            case NoticeGiven():
                self._under_way.events.append(Notice(message.message))
            case AgentFailed():
                self._note_problem(f"{machine.name} cannot run jobs: {message.message}")
                self._dismiss(machine)
            case _:
                assert_never(message)

    def _greet(self, machine: RemoteMachine, about: str) -> None:
        machine.name, problem = read_about(about)
        if problem:
            self._note_problem(problem)
            self._dismiss(machine)
        else:
            machine.put(
                ConfigureAgent(self._fleet.settings_of(machine.agent).to_json(), variables_of_tasks())
            )

    def _admit(self, machine: RemoteMachine, facts: Facts) -> None:
        problem = problem_of(machine.name, facts, self._fleet.settings_of(machine.agent))
        if problem:
            self._note_problem(problem)
            self._dismiss(machine)
            return
        machine.is_ready = True
        self._under_way.placement.add_machine(machine.agent, facts.cores, facts.memory)
        if not machine.takes_tasks:
            self._under_way.placement.drain(machine.agent)
        if (names := self._names.all()) is not None:
            machine.put(WatchDigests(names.digests))
        if self.modules is not None:
            machine.put(PrepareNode(self.modules))

    def _dismiss(self, machine: RemoteMachine) -> None:
        """Do without a machine."""
        self._fleet.dismiss(machine.agent)
        self.machines.pop(machine.agent)
        machine.close()
        self._lost.settle(machine, Left(machine.agent, self._problems[-1]))

    # ---- tasks

    def _read_end(self, machine: RemoteMachine, message: SubmittedEnded) -> None:
        state = machine.sent.pop(message.number)
        end = decode_end(message.end, machine.shared.load)
        wall = message.usage[0]
        stdout = machine.output(message.number, False, message.stdout)
        stderr = machine.output(message.number, True, message.stderr)
        placement = self._under_way.placement
        is_load = state.task.place is RunsIn.NODE
        if is_load and isinstance(end, Succeeded):
            placement.note_load_time(state.task.key, wall)
        if state.is_repeat:
            self._failed_loads.repeat_ended(machine, state.task.key, end)
            self._begin_next(machine)
            return
        placement.ended(state, wall if isinstance(end, Succeeded) and not is_load else None)
        if is_load and not isinstance(end, Succeeded):
            machine.loads.discard(state.task.key)
            placement.forget_load(machine.agent, state.task.key)
        uses, incomplete = received_uses(message.uses)
        self._under_way.report(
            state,
            end,
            stdout=stdout,
            stderr=stderr,
            usage=Usage(*message.usage),
            warnings=message.warnings,
            attempts=message.attempts,
            earlier=tuple(decode_end(each, machine.shared.load) for each in message.earlier),
            uses=uses if state.task.tracking is not None else (),
            uses_incomplete=incomplete if state.task.tracking is not None else "",
        )

    def _take_back(self, machine: RemoteMachine, number: int) -> None:
        """Let a task wait for another machine that this one has given back."""
        state = machine.sent.pop(number)
        self._under_way.placement.ended(state)
        if state.cancelled:
            self._under_way.report(state, Cancelled())
        else:
            self._under_way.add(state)

    def _send_again(self, machine: RemoteMachine, number: int) -> None:
        state: RemoteTask = machine.sent.pop(number)
        if state.is_repeat:
            state.number = self._under_way.next_number()
            machine.submit(state)
        else:
            machine.queue.appendleft(state)
            self._begin_next(machine)

    def close(self) -> None:
        """Close the files of outputs that are not complete."""
        for machine in self.machines.values():
            machine.close()
