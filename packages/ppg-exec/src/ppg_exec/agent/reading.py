"""Reading: rebuilds tasks in the agent, with the objects that they share, as a compute node does.

Reading runs user code, as it imports modules. A task that cannot be read fails as it would in a compute node. If it ends the
agent, the logbook says which task it was. A task for a fresh process is not read here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ppg_exec.controller.outcomes import OomCounter, died
from ppg_exec.controller.run_names import Entry, Name
from ppg_exec.job_output.results import describe_exception
from ppg_exec.links.ends import encode_end
from ppg_exec.links.messages import (
    DefineTracking,
    FromAgent,
    NamesGiven,
    NoticeGiven,
    SharedLost,
    SubmitTask,
    SubmittedEnded,
    SubmittedUnread,
    UnloadData,
)
from ppg_exec.node.arrived_files import AfterArrival
from ppg_exec.pickling.receive import IdentityTable, UnknownIdentity
from ppg_exec.tasks import RunsIn, Task
from ppg_exec.tracking.uses import Tracking
from ppg_exec.transport.logbook import Activity, write_logbook
from ppg_exec.transport.messages import decode
from ppg_exec.transport.node_messages import REPORTS, ExceptionRaised, ResultUnpicklable

__all__ = ["Reading", "UnreadTask", "Unreadable"]


class UnreadTask:
    """UnreadTask: reads a task in its own process, so that nothing else reads it."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._after: Callable[[], object] | None = None

    def call(self) -> object:
        """Read the task and call its function."""
        function, arguments, self._after = IdentityTable().load(self._payload, ())
        value: object = function(*arguments)
        return value

    def after(self) -> object:
        """Call what the task has to do after its function."""
        assert self._after is not None
        return self._after()


class Unreadable(NamedTuple):
    """Unreadable: has the messages that say what became of a task that was not read."""

    messages: tuple[FromAgent, ...]


class Reading:
    """Reading: reads the messages of a controller that have pickles.

    Args:
        logbook: a descriptor, where the agent writes which task it reads.

    """

    def __init__(self, logbook: int) -> None:
        self.table: IdentityTable = IdentityTable()
        self._logbook = logbook
        self._trackings: dict[int, Tracking] = {}
        self._oom = OomCounter()

    def define_tracking(self, message: DefineTracking) -> None:
        """Note what the number of a tracking stands for."""
        self._trackings[message.number] = Tracking(
            message.root, message.unnoted, message.system, message.strace, message.exact
        )

    def task(self, message: SubmitTask) -> Task | Unreadable:
        """The task of a message."""
        place = RunsIn(message.place)
        if place is RunsIn.FRESH:
            unread = UnreadTask(message.payload)
            return self._task(message, place, unread.call, (), unread.after if message.has_after else None)
        write_logbook(self._logbook, Activity.READING, message.number)
        try:
            function, arguments, after = self.table.load(message.payload, message.introduced)
        except UnknownIdentity as error:
            return Unreadable((SubmittedUnread(message.number, [error.args[0], *_numbers(message)]),))
        except BaseException as error:  # noqa: BLE001 - reading a message runs user code
            return Unreadable((SharedLost(_numbers(message)), self._failure(message.number, error)))
        finally:
            write_logbook(self._logbook, Activity.NOTHING, 0)
        return self._task(message, place, function, arguments, after)

    def _task(
        self,
        message: SubmitTask,
        place: RunsIn,
        function: Callable[..., object],
        arguments: tuple[object, ...],
        after: Callable[[], object] | None,
    ) -> Task:
        return Task(
            key=message.key,
            function=AfterArrival(function, message.awaits) if message.awaits else function,
            arguments=arguments,
            after=after,
            place=place,
            cores=message.cores,
            memory=message.memory,
            enforce_memory=message.enforce_memory,
            priority=message.priority,
            timeout=message.timeout,
            retries=message.retries,
            working_directory=message.directory,
            returns_plain=message.returns_plain,
            tracking=self._trackings[message.tracking] if message.tracking else None,
            own_files=message.own_files,
            own_temporary_folder=message.own_temporary_folder,
        )

    def unloading(self, message: UnloadData) -> Callable[[], object] | Unreadable:
        """The function that undoes a load."""
        try:
            (function,) = self.table.load(message.payload, message.introduced)
        except Exception as error:  # noqa: BLE001 - reading a message runs user code
            return Unreadable((SharedLost(_numbers(message)), _unload_failed(message.key, error)))
        return function  # type: ignore[no-any-return]

    def names(self, message: NamesGiven) -> tuple[list[Entry], list[Name]] | Unreadable:
        """The values of names, and the names with values that cannot be sent."""
        try:
            entries = self.table.load(message.payload, message.introduced)
        except Exception:  # noqa: BLE001 - reading a message runs user code
            return Unreadable((SharedLost(_numbers(message)),))
        return list(entries), message.not_sent

    def _failure(self, number: int, error: BaseException) -> SubmittedEnded:
        end: tuple[Any, ...]
        if isinstance(error, SystemExit):
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
            end = encode_end(died((code & 0xFF) << 8, None, self._oom))
        else:
            report = decode(describe_exception(error, self.table), REPORTS)
            if isinstance(report, ResultUnpicklable):
                end = ("unpicklable", report.path, report.message)
            else:
                assert isinstance(report, ExceptionRaised)
                end = ("raised", *report)
        return SubmittedEnded(number, end, b"", b"", (0.0, 0.0, 0.0, 0), (), 1, (), b"")


def _unload_failed(key: str, error: BaseException) -> FromAgent:
    return NoticeGiven(f"unload {key} failed: {type(error).__name__}: {error}")


def _numbers(message: SubmitTask | UnloadData | NamesGiven) -> list[int]:
    return [pair[0] for pair in message.introduced]
