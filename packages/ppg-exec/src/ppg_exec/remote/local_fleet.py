"""Local fleet: runs agents on this machine, for example to try what agents do without other machines."""

from __future__ import annotations

import select
import time
from dataclasses import dataclass

from ppg_exec.links.hello import Settings
from ppg_exec.remote.agent_process import AgentProcess
from ppg_exec.remote.fleet import Arrived, FleetEvent, Joined, Left, Problem
from ppg_exec.remote.pipe import Pipe
from ppg_exec.tasks import working_directory

__all__ = ["LocalFleet"]

_MOST_STARTS = 3
"""How often an agent of one machine may die before it was ready."""


@dataclass(slots=True)
class _Agent:
    """_Agent: holds an agent that runs."""

    machine: int
    process: AgentProcess
    pipe: Pipe
    messages: int = 0
    """how many have come from it; with the second one it is ready"""


class LocalFleet:
    """LocalFleet: starts so many agents on this machine, and another one in the place of each that dies.

    Args:
        settings: how each of them runs tasks.
        machines: how many there are.

    """

    def __init__(self, settings: Settings, machines: int = 1) -> None:
        self.settings: Settings = settings
        self._machines = machines
        self._agents: dict[str, _Agent] = {}
        self._failures = dict.fromkeys(range(machines), 0)
        self._generation = 0
        self._events: list[FleetEvent] = []
        self._epoll = select.epoll()
        self._is_started = False

    def processes(self) -> dict[str, AgentProcess]:
        """The agents that run, by their names."""
        return {name: agent.process for name, agent in self._agents.items()}

    def start(self) -> None:
        """Start the agents."""
        if not self._is_started:
            self._is_started = True
            for machine in range(self._machines):
                self._start(machine)

    def _start(self, machine: int) -> None:
        self._generation += 1
        name = f"local-{machine}#{self._generation}"
        process = AgentProcess(working_directory())
        self._agents[name] = _Agent(machine, process, Pipe(process.socket))
        self._epoll.register(process.socket, select.EPOLLIN)
        self._events.append(Joined(name))

    def fileno(self) -> int:
        """A descriptor that is readable when `receive` has something."""
        return self._epoll.fileno()

    def receive(self) -> list[FleetEvent]:
        """What has happened since the last call."""
        readable = {descriptor for descriptor, _ in self._epoll.poll(0)}
        for name, agent in list(self._agents.items()):
            if agent.pipe.fileno() in readable:
                bodies, has_ended = agent.pipe.receive()
                if bodies:
                    agent.messages += len(bodies)
                    self._events.append(Arrived(name, bodies))
                if has_ended:
                    self._has_died(name, agent)
        events, self._events = self._events, []
        return events

    def _has_died(self, name: str, agent: _Agent) -> None:
        self._forget(name)
        reading = agent.process.reading()
        status = agent.process.end()
        words = agent.process.words()
        agent.process.close()
        self._events.append(Left(name, words or "it has died", reading, status))
        self._failures[agent.machine] = 0 if agent.messages > 1 else self._failures[agent.machine] + 1
        if self._failures[agent.machine] < _MOST_STARTS:
            self._start(agent.machine)
        else:
            self._events.append(Problem(f"the agent of this machine cannot start: {words}"))

    def _forget(self, name: str) -> None:
        agent = self._agents.pop(name)
        self._epoll.unregister(agent.pipe.fileno())

    def send(self, machine: str, body: bytes) -> None:
        """Queue a message for an agent."""
        agent = self._agents.get(machine)
        if agent is not None:
            agent.pipe.put(body)

    def settings_of(self, machine: str) -> Settings:  # noqa: ARG002 - all of them have the same
        """How this agent runs tasks."""
        return self.settings

    def flush(self, patience: float = 0.0) -> None:  # noqa: ARG002 - see below
        """Send what is queued. Agents on this machine read it soon, so `patience` is not needed."""
        for agent in self._agents.values():
            if agent.pipe.has_waiting:
                try:
                    has_more = agent.pipe.flush()
                except EOFError:
                    continue  # `receive` notices it, too
                wanted = select.EPOLLIN | (select.EPOLLOUT if has_more else 0)
                self._epoll.modify(agent.pipe.fileno(), wanted)

    def next_due(self) -> float | None:
        """Nothing is due that the descriptor does not show."""
        return None

    def expects_more(self) -> bool:
        """No machine joins beyond those that were started."""
        return False

    def is_settled(self) -> bool:
        """All machines are alike."""
        return True

    def want(self, cores: int) -> None:
        """Do nothing: the number of machines is fixed."""

    def dismiss(self, machine: str) -> None:
        """End an agent that cannot be used."""
        agent = self._agents.get(machine)
        if agent is not None:
            self._forget(machine)
            agent.process.end()
            agent.process.close()

    def close(self, patience: float) -> None:
        """End all agents."""
        self.flush()
        deadline = time.monotonic() + patience
        for name, agent in list(self._agents.items()):
            self._forget(name)
            agent.process.end(max(0.05, deadline - time.monotonic()))
            agent.process.close()
        self._epoll.close()
