"""Inline executor: runs tasks in the caller's own process, one per poll, without other processes.

It is for debugging (`breakpoint()` works, as standard input and output are the terminal's) and for tests. It
lacks what needs a separate process: output is not captured, and nothing limits or ends a task. A task that
ends the process ends the caller.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

from ppg_exec.attempts import append_attempt
from ppg_exec.executor import Event
from ppg_exec.job_output.results import exception_text, text_of
from ppg_exec.job_output.streams import StandardStreams, flush_streams
from ppg_exec.node.loads import Interrupted
from ppg_exec.node.node_task import end_copy, names_of_own_files
from ppg_exec.resources.ledger import Ledger, Unsatisfiable, WaitingLine
from ppg_exec.resources.machine import available_cores, available_memory
from ppg_exec.tasks import (
    Cancelled,
    Died,
    End,
    ExecutorError,
    Notice,
    Outcome,
    Raised,
    Refused,
    Started,
    Succeeded,
    Task,
    Usage,
    working_directory,
)
from ppg_exec.tracking.hook import TrackedTask, install
from ppg_exec.tracking.places import prefixes_of
from ppg_exec.tracking.received import received_uses
from ppg_exec.tracking.uses import UNTRACED, Tracking

__all__ = ["InlineExecutor"]


class InlineExecutor:
    """InlineExecutor: runs tasks in this process.

    Args:
        cores, memory: what tasks may ask for, as for `LocalExecutor`; one task runs at a time in any case.
        around: gives a context manager in which a task runs. If the context manager keeps a KeyboardInterrupt
            to itself, that is the end of the task, which is then `Cancelled`. So is a task in which a signal
            handler has raised `Interrupted`.

    """

    def __init__(
        self,
        *,
        cores: int | None = None,
        memory: int | None = None,
        around: Callable[[Task], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._ledger = Ledger(
            cores if cores is not None else available_cores(),
            memory if memory is not None else available_memory(),
        )
        self._around = around
        self._line: WaitingLine[str] = WaitingLine(self._ledger)
        self._tasks: dict[str, Task] = {}
        self._events: list[Event] = []
        self._order = 0
        self._prefixes: dict[Tracking, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {}
        self._attention = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._closed = False

    def prepare(self, modules: Collection[str] = ()) -> None:
        """Do nothing: the first task needs nothing that must start before it."""

    def watch(self, names: Collection[tuple[str, str]], is_own: Callable[[str], bool]) -> None:
        """Do nothing: tasks run in this process."""

    def submit(self, task: Task) -> None:
        """Take a task, which a later `poll` runs."""
        if self._closed:
            raise ExecutorError(
                f"task {task.key!r} was submitted to an executor that is closed; submit it to a new one"
            )
        if task.key in self._tasks:
            raise ExecutorError(f"task {task.key!r} was submitted twice; give each task a key of its own")
        self._order += 1
        os.eventfd_write(self._attention, 1)
        try:
            claim = self._ledger.claim(task.cores, task.memory)
        except Unsatisfiable as error:
            self._events.append(Outcome(task.key, Refused(str(error))))
            return
        self._tasks[task.key] = task
        self._line.add(task.key, claim, task.priority, self._order)

    def poll(self, timeout: float | None = None) -> list[Event]:  # noqa: ARG002 - nothing is waited for
        """Run the next task; returns its `Started` and its `Outcome`.

        Raises KeyboardInterrupt if that ends the task; the next poll then reports the task.
        """
        if not self._events and (chosen := self._line.pop()) is not None:
            key, claim = chosen
            self._events.append(Started(key, os.getpid(), time.time()))
            # It stays `Cancelled` only if an interrupt ends more than the task.
            outcome = Outcome(key, Cancelled())
            try:
                outcome = self._run(self._tasks.pop(key))
            finally:
                self._events.append(outcome)
                self._ledger.give_back(claim)
        events, self._events = self._events, []
        if not self._tasks:
            try:
                os.eventfd_read(self._attention)
            except BlockingIOError:
                return events
        return events

    def fileno(self) -> int:
        """A descriptor that is readable while there is something to run."""
        return self._attention

    def cancel(self, key: str) -> None:
        """Take back a task that has not run."""
        if key in self._line:
            self._line.remove(key)
            del self._tasks[key]
            self._events.append(Outcome(key, Cancelled()))

    def unload(self, key: str, function: Callable[[], object]) -> None:
        """Undo a load, at once."""
        try:
            function()
        except Exception as error:  # noqa: BLE001 - reported as the protocol says
            self._events.append(Notice(f"unload {key} failed: {type(error).__name__}: {text_of(error)}"))

    def pause(self) -> None:
        """Do nothing: what runs is the caller itself."""

    def resume(self) -> None:
        """Do nothing: nothing was stopped."""

    def close(self) -> None:
        """Forget the tasks that have not run."""
        if not self._closed:
            self._closed = True
            os.close(self._attention)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, task: Task) -> Outcome:
        directory = working_directory()
        attempt = 0
        earlier: tuple[End, ...] = ()
        while True:
            attempt += 1
            began = time.monotonic()
            before = resource.getrusage(resource.RUSAGE_SELF)
            streams = StandardStreams(keep_descriptors=True)
            # It stays `Cancelled` only if `around` keeps the exception to itself.
            end: End = Cancelled()
            tracked = self._tracked(task.tracking)
            try:
                with self._around(task):
                    end = _end_of(task, tracked)
            finally:
                os.chdir(directory)
                # A separate process would have its own streams. The other tasks and the caller print as before.
                flush_streams()
                streams.restore()
            after = resource.getrusage(resource.RUSAGE_SELF)
            if attempt > task.retries or isinstance(end, Succeeded | Cancelled):
                break
            earlier = append_attempt(earlier, end)
        usage = Usage(
            time.monotonic() - began,
            after.ru_utime - before.ru_utime,
            after.ru_stime - before.ru_stime,
            after.ru_maxrss * 1024,
        )
        uses, incomplete = ((), "") if tracked is None else received_uses(tracked.encoded())
        if task.tracking is not None and task.tracking.strace:
            incomplete = incomplete or f"{UNTRACED}: the task runs in the process of the caller"
        return Outcome(
            task.key,
            end,
            usage=usage,
            attempts=attempt,
            earlier=earlier,
            uses=uses,
            uses_incomplete=incomplete,
        )

    def _tracked(self, tracking: Tracking | None) -> TrackedTask | None:
        if tracking is None:
            return None
        if tracking not in self._prefixes:
            install()
            self._prefixes[tracking] = prefixes_of(tracking)
        return TrackedTask(self._prefixes[tracking], exact=tracking.exact)


def _end_of(task: Task, tracked: TrackedTask | None) -> End:
    process = os.getpid()
    try:
        return _end_in_this_process(task, tracked)
    finally:
        if os.getpid() != process:
            end_copy()


def _end_in_this_process(task: Task, tracked: TrackedTask | None) -> End:
    try:
        if task.working_directory is not None:
            os.chdir(task.working_directory)
        function, arguments = task.function, task.arguments
        value = (
            function(*arguments)
            if tracked is None
            else tracked.call(function, arguments, names_of_own_files(task.own_files, task.working_directory))
        )
        return Succeeded(value if task.after is None else task.after())
    except KeyboardInterrupt:
        raise  # the caller's Ctrl-C, as there is no other process that it can be for
    except Interrupted:
        return Cancelled()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        remedy = "to fail, let the callback raise an exception" if code else "return from the callback"
        return Died(code & 0xFF, None, f"it left with sys.exit() instead of returning: {remedy}")
    except BaseException as error:  # noqa: BLE001 - any exception is the end of this task
        return Raised(error, type(error).__qualname__, text_of(error), exception_text(error))
