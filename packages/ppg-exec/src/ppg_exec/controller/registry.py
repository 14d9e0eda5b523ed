"""Registry: holds what the local executor remembers of its tasks until they are given back.

Beside them stand the events that the caller is to be told, and the small decisions that hang on one task.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ppg_exec.executor import Event
from ppg_exec.tasks import Cancelled, End, Notice, Outcome, Output, RunsIn, Succeeded, Task, Usage

if TYPE_CHECKING:
    from ppg_exec.hosts.local_host import NodeHandle

__all__ = ["NO_OUTPUT", "UNUSED", "Registry", "Role", "Stage", "Streams", "TaskState", "memory_warning"]

UNUSED = Usage()
_FAR_ABOVE = 1.5


class Stage(enum.Enum):
    """Where a task is."""

    WAITING = "waiting"
    """in line"""
    AHEAD = "ahead"
    """sent to a node, without a claim"""
    GRANTED = "granted"
    """sent to a node, with a claim"""
    RUNNING = "running"
    """its process has been started"""


class Role(enum.Enum):
    """What an state is for."""

    TASK = "task"
    """a task of the caller"""
    RELOAD = "reload"
    """a load that is repeated because its node has died"""
    UNLOAD = "unload"
    """the end of a load"""


class Streams(NamedTuple):
    """What a task has printed."""

    stdout: Output = Output()
    stderr: Output = Output()


NO_OUTPUT = Streams()


@dataclass(slots=True, eq=False)
class TaskState:
    """One task on its way.

    `order` is its place among equal priorities, `claim` the cores that it takes, `memory` what it states now
    (more after it has died of too little), `number` what it is called in messages, new each time that it is
    sent; `earlier` says how the tries before this one ended; `lost` counts the nodes that died before they had
    started it.
    """

    task: Task
    order: int
    claim: int
    memory: int | None
    role: Role = Role.TASK
    stage: Stage = Stage.WAITING
    number: int = 0
    attempt: int = 1
    earlier: tuple[End, ...] = ()
    lost: int = 0
    node: NodeHandle | None = None
    pid: int = 0
    peak_memory: int = 0
    sent_at: float = 0.0
    cancelled: bool = False
    timed_out: bool = False
    is_over_memory: bool = False

    @property
    def ended_because(self) -> str:
        """Why the mcp has ended it, in a word that `outcomes.end_of` knows; empty if it has not."""
        if self.cancelled:
            return "cancelled"
        if self.timed_out:
            return "timed out"
        return "over memory" if self.is_over_memory else ""

    @property
    def is_load(self) -> bool:
        """Whether it runs in the node itself."""
        return self.task.place is RunsIn.NODE

    @property
    def may_go_ahead(self) -> bool:
        """Whether it may be sent before its turn, to follow another one of its kind."""
        return self.claim == 1 and self.task.place is RunsIn.FORK

    def step_back(self) -> None:
        """It is at no node any more."""
        self.stage = Stage.WAITING
        self.node = None


class Registry:
    """Every state by its key, those that are at a node by their number too, and the events to come.

    Each state that is added leaves by `report`, and its caller is told once.
    """

    def __init__(self) -> None:
        self.states: dict[str, TaskState] = {}
        self.sent: dict[int, TaskState] = {}
        self.loads: dict[str, Task] = {}
        """what a new node has to load again"""
        self.events: list[Event] = []
        self._numbers = 0

    def next_number(self) -> int:
        """A number that nothing else has."""
        self._numbers += 1
        return self._numbers

    def take_events(self) -> list[Event]:
        """What has happened since the last time."""
        events, self.events = self.events, []
        return events

    def report(
        self,
        state: TaskState,
        end: End,
        streams: Streams = NO_OUTPUT,
        usage: Usage = UNUSED,
        warned: tuple[str, ...] = (),
    ) -> None:
        """An state has ended for good."""
        del self.states[state.task.key]
        if state.role is Role.TASK:
            if state.task.place is RunsIn.NODE and isinstance(end, Succeeded):
                self.loads[state.task.key] = state.task
            self.events.append(
                Outcome(
                    state.task.key,
                    end,
                    streams.stdout,
                    streams.stderr,
                    usage,
                    warned,
                    state.attempt,
                    state.earlier,
                )
            )
        elif not isinstance(end, Succeeded | Cancelled):
            self.events.append(Notice(f"{state.task.key} failed: {end}"))


def memory_warning(state: TaskState, usage: Usage) -> tuple[str, ...]:
    """What to say of a task that used far more memory than it states."""
    stated = state.task.memory
    if stated is None or usage.peak_memory <= _FAR_ABOVE * stated or state.is_load:
        return ()
    warning = (
        f"it used {usage.peak_memory / 1e9:.2f} GB of memory and states {stated / 1e9:.2f} GB: "
        f"state memory={usage.peak_memory}, or others are started beside it until memory runs out"
    )
    return (warning,)
