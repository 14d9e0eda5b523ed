"""Remote machine: sends tasks to one agent, and keeps what both sides have in common."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ppg_exec.links.messages import (
    DefineTracking,
    ForgetShared,
    NamesGiven,
    OutputPart,
    SubmitTask,
    ToAgent,
    UnloadData,
)
from ppg_exec.pickling.send import SharedObjects, dump_alone
from ppg_exec.tasks import Output, RunsIn, Task
from ppg_exec.tracking.uses import Tracking
from ppg_exec.transport.messages import encode

__all__ = ["LoadStep", "RemoteMachine", "RemoteTask"]


@dataclass(slots=True, eq=False)
class RemoteTask:
    """RemoteTask: holds one task on its way.

    `order` is its place among equal priorities. `loads` are all that it needs, also by way of other loads. `lost_on` names the
    machines that were lost while it was there, and `suspected_on` those that it may have ended. `starts` counts its attempts on this machine, and `ended_there` those that ended on lost
    machines. `is_ahead`: it was placed there before a core was free. `is_repeat` marks a load that is repeated on another machine.
    """

    task: Task
    order: int
    loads: frozenset[str] = frozenset()
    number: int = 0
    machine: RemoteMachine | None = None
    is_sent: bool = False
    is_running: bool = False
    is_ahead: bool = False
    is_repeat: bool = False
    cancelled: bool = False
    lost_on: tuple[str, ...] = ()
    suspected_on: tuple[str, ...] = ()
    starts: int = 0
    ended_there: int = 0


class LoadStep(NamedTuple):
    """LoadStep: is a load, or the end of one, that a machine repeats before tasks that come after it."""

    key: str
    task: Task
    undoes: bool


@dataclass(eq=False)
class RemoteMachine:
    """RemoteMachine: is one agent as the controller sees it.

    Args:
        agent: the name that the fleet gives to the agent.
        send: sends a message.

    """

    agent: str
    send: Callable[[str, bytes], None]
    name: str = ""
    """the name of the machine, for the user"""
    is_ready: bool = False
    takes_tasks: bool = True
    loads: set[str] = field(default_factory=set)
    """the loads that it has, or gets"""
    queue: deque[LoadStep | RemoteTask] = field(default_factory=deque)
    """what it gets next, in order: tasks wait behind the loads that they need"""
    loading: RemoteTask | None = None
    """the load that it repeats now"""
    sent: dict[int, RemoteTask] = field(default_factory=dict)
    unloading: set[int] = field(default_factory=set)
    """the numbers of loads that are being undone"""

    def __post_init__(self) -> None:
        self.shared: SharedObjects = SharedObjects()
        self._trackings: dict[Tracking, int] = {}
        self._outputs: dict[tuple[int, bool], int] = {}

    def put(self, message: ToAgent) -> None:
        """Send a message."""
        self.send(self.agent, encode(message)[0])

    def submit(self, state: RemoteTask) -> None:
        """Send a task. Raises CannotPickle, and ValueError if it is too long to be sent."""
        task = state.task
        content: dict[str, object] = {
            "callback": task.function,
            "arguments": task.arguments,
            "after": task.after,
        }
        introduced: list[tuple[int, int]] = []
        if task.place is RunsIn.FRESH:
            payload = dump_alone(content)
        else:
            if unreferenced := self.shared.pop_unreferenced():
                self.put(ForgetShared(unreferenced))
            payload, introduced = self.shared.dump(content)
        tracking = self._number_of(task.tracking)
        message = SubmitTask(
            number=state.number,
            key=task.key,
            place=task.place.value,
            payload=payload,
            introduced=introduced,
            has_after=task.after is not None,
            cores=task.cores,
            memory=task.memory,
            enforce_memory=task.enforce_memory,
            priority=task.priority,
            timeout=task.timeout,
            retries=max(0, task.retries - state.ended_there),
            directory=task.working_directory,
            returns_plain=task.returns_plain,
            tracking=tracking,
            own_files=() if task.tracking is None else task.own_files,
            own_temporary_folder=task.own_temporary_folder,
            awaits=task.awaits,
        )
        try:
            self.put(message)
        except ValueError:
            self.shared.forget(pair[0] for pair in introduced)
            raise
        state.machine = self
        state.is_sent = True
        self.sent[state.number] = state

    def _number_of(self, tracking: Tracking | None) -> int:
        if tracking is None:
            return 0
        number = self._trackings.get(tracking)
        if number is None:
            number = self._trackings[tracking] = len(self._trackings) + 1
            self.put(
                DefineTracking(
                    number, tracking.root, tracking.unnoted, tracking.system, tracking.strace, tracking.exact
                )
            )
        return number

    def unload(self, number: int, key: str, function: Callable[[], object]) -> None:
        """Have a load undone. Raises CannotPickle."""
        payload, introduced = self.shared.dump({"callback": function})
        self.put(UnloadData(number, key, payload, introduced))
        self.unloading.add(number)

    def give_names(
        self, entries: list[tuple[str, str, bool, object]], not_sent: list[tuple[str, str]]
    ) -> None:
        """Answer a question for the values of names. Raises CannotPickle."""
        content: dict[str, object] = {f"{entry[0]}.{entry[1]}": entry for entry in entries}
        self.put(NamesGiven(*self.shared.dump(content), not_sent))

    # ---- outputs

    def take_part(self, part: OutputPart) -> None:
        """Keep a part of a long output in a file."""
        where = (part.number, part.is_stderr)
        descriptor = self._outputs.get(where)
        if descriptor is None:
            with tempfile.TemporaryFile() as file:
                descriptor = self._outputs[where] = os.dup(file.fileno())
        data = memoryview(part.data)
        while data:
            data = data[os.write(descriptor, data) :]

    def output(self, number: int, is_stderr: bool, content: bytes | None) -> Output:
        """What a task has printed; `content` if it was short."""
        descriptor = self._outputs.pop((number, is_stderr), None)
        if content is not None:
            return Output(content)
        return Output() if descriptor is None else Output(descriptor=descriptor)

    def close(self) -> None:
        """Close the files of outputs that are not complete."""
        for descriptor in self._outputs.values():
            os.close(descriptor)
        self._outputs.clear()
