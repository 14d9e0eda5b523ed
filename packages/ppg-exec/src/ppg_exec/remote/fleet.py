"""Fleet: is the protocol of what starts agents, finds their machines, and carries messages."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ppg_exec.links.hello import Settings

__all__ = ["Arrived", "Fleet", "FleetEvent", "Joined", "Leaving", "Left", "Problem"]


class Joined(NamedTuple):
    """Joined: says that an agent was started; its first message follows."""

    machine: str
    """names the agent in all calls; the next agent of the same machine has another name"""


class Arrived(NamedTuple):
    """Arrived: has messages of an agent."""

    machine: str
    bodies: list[bytes]


class Leaving(NamedTuple):
    """Leaving: says that an agent should get no more tasks, and why."""

    machine: str
    why: str


class Left(NamedTuple):
    """Left: says that an agent has gone, and that it is certain that nothing of it runs any more.

    reading: the number of the task that it was reading as it died; 0: none. status: the wait status of the agent, if known.
    """

    machine: str
    why: str
    reading: int = 0
    status: int | None = None


class Problem(NamedTuple):
    """Problem: says, in a sentence, what keeps a machine from taking part, or what the user should know."""

    message: str


FleetEvent = Joined | Arrived | Leaving | Left | Problem


class Fleet(Protocol):
    """Fleet: starts agents and carries messages; it is for one thread."""

    settings: Settings
    """how agents run tasks"""

    def settings_of(self, machine: str) -> Settings:
        """How this agent runs tasks."""
        ...

    def start(self) -> None:
        """Start the agents of the machines that are known, without blocking."""
        ...

    def fileno(self) -> int:
        """A descriptor that is readable when `receive` has something."""
        ...

    def receive(self) -> list[FleetEvent]:
        """What has happened since the last call."""
        ...

    def send(self, machine: str, body: bytes) -> None:
        """Queue a message for an agent; ignored if that has left."""
        ...

    def flush(self, patience: float = 0.0) -> None:
        """Send what is queued, as far as that is possible within so many seconds."""
        ...

    def next_due(self) -> float | None:
        """When `receive` should be called in any case (monotonic seconds)."""
        ...

    def expects_more(self) -> bool:
        """Whether machines may still join."""
        ...

    def is_settled(self) -> bool:
        """Whether the machines that are there are probably all, so that a task that fits on none of them is refused."""
        ...

    def want(self, cores: int) -> None:
        """Say how many cores waiting and running tasks could use."""
        ...

    def dismiss(self, machine: str) -> None:
        """End an agent that cannot be used; it does not come back."""
        ...

    def close(self, patience: float) -> None:
        """End all agents; those that were asked to leave have so many seconds for that."""
        ...
