"""Registry: holds the local executor's tasks until their outcomes are reported.

It also holds the events for the caller, and makes the small decisions that depend on one task.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ppg_exec.controller.load_history import LoadHistory
from ppg_exec.executor import Event
from ppg_exec.tasks import (
    Cancelled,
    Died,
    End,
    LoadRepeated,
    Notice,
    Outcome,
    Output,
    RunsIn,
    Succeeded,
    Task,
    Usage,
)
from ppg_exec.tracking.uses import FileUse

if TYPE_CHECKING:
    from ppg_exec.hosts.local_host import NodeHandle

__all__ = [
    "NO_OUTPUT",
    "NO_USES",
    "REPEATS",
    "UNLOADS",
    "UNUSED",
    "Registry",
    "Role",
    "Stage",
    "Streams",
    "TaskState",
    "Uses",
    "memory_warning",
]

UNUSED = Usage()
_FAR_ABOVE = 1.5


class Stage(enum.Enum):
    """Stage: says where a task is."""

    WAITING = "waiting"
    """in line"""
    AHEAD = "ahead"
    """sent to a node, without a claim"""
    GRANTED = "granted"
    """sent to a node, with a claim"""
    RUNNING = "running"
    """its process has started"""


class Role(enum.Enum):
    """Role: says what a task is for."""

    TASK = "task"
    """a task that the caller has submitted"""
    RELOAD = "reload"
    """a load that is repeated because its node has died"""
    UNLOAD = "unload"
    """the end of a load"""
    REPEATED_UNLOAD = "repeated unload"
    """the end of a load that had ended before its node died, and was needed by a later load"""


REPEATS = frozenset({Role.RELOAD, Role.REPEATED_UNLOAD})
UNLOADS = frozenset({Role.UNLOAD, Role.REPEATED_UNLOAD})


class Streams(NamedTuple):
    """Streams: holds what a task has printed."""

    stdout: Output = Output()
    stderr: Output = Output()


NO_OUTPUT = Streams()


class Uses(NamedTuple):
    """Uses: holds the files that a task has used, and why some are missing, if so."""

    files: Sequence[FileUse] = ()
    incomplete: str = ""


NO_USES = Uses()


@dataclass(slots=True, eq=False)
class TaskState:
    """TaskState: holds one task on its way through the executor.

    `order` is its place among equal priorities, and `claim` the number of cores that it takes. `memory` is
    what it states now, which is more after it has died of too little. `number` names it in messages, and is
    new each time that it is sent. `earlier` says how the attempts before this one ended. `lost` counts the
    nodes that died before they had started it. `names_settled` is `RunNames.messages` as it was sent. `load` is the key of the load that it repeats or undoes.
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
    load: str = ""
    node: NodeHandle | None = None
    pid: int = 0
    peak_memory: int = 0
    sent_at: float = 0.0
    names_settled: int = 0
    cancelled: bool = False
    timed_out: bool = False
    is_over_memory: bool = False

    @property
    def ended_because(self) -> str:
        """Why the controller has ended it, in a word for `outcomes.end_of`; empty if it has not."""
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
        """Whether it may be sent before its turn, to follow another task of its kind."""
        return self.claim == 1 and self.task.place is RunsIn.FORK

    def step_back(self) -> None:
        """Note that it is at no node any more."""
        self.stage = Stage.WAITING
        self.node = None


class Registry:
    """Registry: holds every task by its key, those at a node by their number too, and the events to come.

    Each task that is added leaves by `report`, and the caller gets one outcome of it.
    """

    def __init__(self) -> None:
        self.states: dict[str, TaskState] = {}
        self.sent: dict[int, TaskState] = {}
        self.loads: LoadHistory = LoadHistory()
        self.events: list[Event] = []
        self._numbers = 0

    def next_number(self) -> int:
        """A number that no other task has."""
        self._numbers += 1
        return self._numbers

    def take_events(self) -> list[Event]:
        """Events since the last call."""
        events, self.events = self.events, []
        return events

    def note(self, event: Event) -> None:
        """Add an event that is no task's outcome."""
        self.events.append(event)

    def report(
        self,
        state: TaskState,
        end: End,
        streams: Streams = NO_OUTPUT,
        usage: Usage = UNUSED,
        warned: tuple[str, ...] = (),
        uses: Uses = NO_USES,
    ) -> None:
        """Report the final end of a task."""
        del self.states[state.task.key]
        if state.role is Role.TASK:
            if state.task.place is RunsIn.NODE and isinstance(end, Succeeded):
                self.loads.loaded(state.task)
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
                    uses.files,
                    uses.incomplete,
                )
            )
        elif state.role is Role.RELOAD:
            self.events.append(LoadRepeated(state.load, end))
        if state.role is Role.UNLOAD:
            # An unload that ended the node would end the next one, too.
            self.loads.unloaded(state.load, None if isinstance(end, Died) else state.task)
        if state.role in UNLOADS and not isinstance(end, Succeeded | Cancelled):
            self.events.append(Notice(f"{state.task.key} failed: {end}"))


def memory_warning(state: TaskState, usage: Usage) -> tuple[str, ...]:
    """The warning of a task that used far more memory than it states."""
    stated = state.task.memory
    if stated is None or usage.peak_memory <= _FAR_ABOVE * stated or state.is_load:
        return ()
    warning = (
        f"it used {usage.peak_memory / 1e9:.2f} GB of memory and states {stated / 1e9:.2f} GB: "
        f"state {usage.peak_memory} bytes (memory_needed), or others are started beside it until memory runs out"
    )
    return (warning,)
