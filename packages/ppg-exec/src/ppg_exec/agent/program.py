"""Program of the agent: runs the tasks of a controller with a local executor, on the machine where it was started.

It ends, and its tasks with it, when the controller goes, falls silent, or asks for it. It starts with a bare interpreter, so that
its main module has nothing that a script could look for.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
from collections import deque
from collections.abc import Collection
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, NoReturn

from ppg_exec.agent.connection import Connection
from ppg_exec.agent.reading import Reading, Unreadable
from ppg_exec.agent.replies import Replies
from ppg_exec.controller.local import LocalExecutor
from ppg_exec.controller.relay import Relay
from ppg_exec.controller.run_names import Entry, Name
from ppg_exec.links.hello import Facts, Settings, about_this_process
from ppg_exec.links.messages import (
    TO_AGENT,
    AgentFailed,
    AgentHello,
    AgentReady,
    CancelSubmitted,
    ConfigureAgent,
    DefineTracking,
    ForgetShared,
    KeepAlive,
    LeaveMachine,
    NamesAsked,
    NamesGiven,
    PauseTasks,
    PrepareNode,
    RecallSubmitted,
    ResumeTasks,
    SubmitTask,
    SubmittedRecalled,
    ToAgent,
    UnloadData,
    UnloadEnded,
    WatchDigests,
)
from ppg_exec.linux import MARKER
from ppg_exec.resources.jobserver import machine_pool
from ppg_exec.resources.machine import available_cores, available_memory
from ppg_exec.tasks import ExecutorError, Outcome, Task
from ppg_exec.transport.messages import decode, unhandled

__all__ = ["Agent", "main"]


class _ReadEarly(NamedTuple):
    """_ReadEarly: holds a task that was read while the agent waited for an answer."""

    number: int
    key: str
    task: Task | Unreadable


class _AskedToLeave(Exception):  # noqa: N818 - nothing has failed
    """The controller ended the run, and owes no answer any more."""


class Agent:
    """Agent: passes tasks from its connection to a local executor, and events back.

    Args:
        connection: to the controller.
        logbook: a descriptor, where it writes which task it reads.
        marker: the value of PPG_EXECUTOR in the environment of every process beneath.

    """

    def __init__(self, connection: Connection, logbook: int, marker: str) -> None:
        self._connection = connection
        self._reading = Reading(logbook)
        self._replies = Replies(connection)
        self._marker = marker
        self._executor: LocalExecutor | None = None
        self._backlog: deque[ToAgent | _ReadEarly] = deque()
        self._keys: dict[int, str] = {}
        self._unloads: dict[int, str] = {}

    def run(self) -> None:
        """Serve until the controller goes, or asks the agent to leave."""
        self._connection.put(AgentHello(about_this_process()))
        try:
            while True:
                if not self._backlog:  # it has what arrived while the executor asked for names
                    self._wait()
                for body in self._connection.take():
                    self._backlog.append(decode(body, TO_AGENT))
                while self._backlog:
                    if not self._handle(self._backlog.popleft()):
                        return
                if self._executor is not None:
                    self._report(self._executor)
        except _AskedToLeave:
            return
        except ExecutorError as error:
            self._connection.put(AgentFailed(str(error)))
            self._connection.write()
        finally:
            if self._executor is not None:
                self._executor.close()

    def _report(self, executor: LocalExecutor) -> None:
        for event in executor.poll(0):
            self._replies.send(event)
            if isinstance(event, Outcome):
                del self._keys[self._replies.numbers.pop(event.key)]
        for number, key in list(self._unloads.items()):
            if not executor.is_under_way(key):
                del self._unloads[number]
                self._connection.put(UnloadEnded(number))

    def _wait(self) -> None:
        waiting = select.poll()
        waiting.register(self._connection.fileno(), select.POLLIN)
        if self._executor is not None:
            waiting.register(self._executor.fileno(), select.POLLIN)
        self._connection.write()
        if self._connection.has_waiting:
            waiting.register(self._connection.socket_fileno, select.POLLOUT)
        waiting.poll()

    def _handle(self, message: ToAgent | _ReadEarly) -> bool:
        """Do what a message says; returns whether the agent goes on."""
        if self._executor is None:
            # The controller sends no task before it has the answer to this.
            if isinstance(message, ConfigureAgent):
                self._configure(message)
            return not isinstance(message, LeaveMachine)
        executor = self._executor
        match message:
            case SubmitTask():
                self._take(message.number, message.key, self._reading.task(message))
            case CancelSubmitted():
                executor.cancel(self._keys.get(message.number, ""))
            case RecallSubmitted():
                self._recall(message.numbers)
            case UnloadData():
                function = self._reading.unloading(message)
                if isinstance(function, Unreadable):
                    self._send(function)
                    self._connection.put(UnloadEnded(message.number))
                else:
                    self._unloads[message.number] = executor.begin_unload(message.key, function)
            case DefineTracking():
                self._reading.define_tracking(message)
            case PrepareNode():
                with contextlib.suppress(ExecutorError, OSError):  # the first task reports it
                    executor.prepare(message.modules)
            case WatchDigests():
                executor.watch_digests(message.digests)
            case ForgetShared():
                self._reading.table.forget(message.identities)
            case PauseTasks():
                self._connection.pause_silence()
                executor.pause()
            case ResumeTasks():
                executor.resume()
                self._connection.resume_silence()
            case LeaveMachine():
                return False
            case KeepAlive() | ConfigureAgent() | NamesGiven():
                pass
            case _ReadEarly():
                self._take(*message)
            case _:
                unhandled(message)
        return True

    # ---- tasks

    def _take(self, number: int, key: str, task: Task | Unreadable) -> None:
        if isinstance(task, Unreadable):
            self._send(task)
            return
        assert self._executor is not None
        self._replies.numbers[key] = number
        self._keys[number] = key
        self._executor.submit(task)

    def _send(self, unreadable: Unreadable) -> None:
        for message in unreadable.messages:
            self._connection.put(message)

    def _recall(self, numbers: Collection[int]) -> None:
        assert self._executor is not None
        back = []
        for number in numbers:
            key = self._keys.get(number, "")
            if self._replies.numbers.get(key) == number and self._executor.take_back(key):
                del self._replies.numbers[key], self._keys[number]
                back.append(number)
        if back:
            self._connection.put(SubmittedRecalled(back))

    # ---- names

    def _ask(self, names: Collection[Name]) -> tuple[list[Entry], list[Name]]:
        """The values of names in the main process, which answers as soon as it polls."""
        self._connection.put(NamesAsked(list(names)))
        answer: NamesGiven | None = None
        while answer is None:
            self._connection.wait()
            for body in self._connection.take():
                message = decode(body, TO_AGENT)
                if answer is not None:
                    self._backlog.append(message)
                elif isinstance(message, NamesGiven):
                    answer = message
                else:
                    self._put_off(message)
        found = self._reading.names(answer)
        if isinstance(found, Unreadable):
            self._send(found)
            return [], list(names)
        return found

    def _put_off(self, message: ToAgent) -> None:
        """Do of a message what the answer may need, and leave the rest for later."""
        match message:
            case DefineTracking():
                self._reading.define_tracking(message)
                return
            case LeaveMachine():
                raise _AskedToLeave
            case SubmitTask():
                # The answer may refer to what this task has in full.
                task = self._reading.task(message)
                self._backlog.append(_ReadEarly(message.number, message.key, task))
                return
            case PauseTasks():
                # The controller is about to stop, so no answer is due.
                self._connection.pause_silence()
            case _:
                pass
        self._backlog.append(message)

    # ---- settings

    def _configure(self, message: ConfigureAgent) -> None:
        settings = Settings.from_json(message.settings)
        problems = []
        os.environ.update(message.environment)
        os.environ[MARKER] = self._marker
        sys.path[:] = settings.path
        sys.argv[:] = settings.arguments
        try:
            os.chdir(settings.directory)
        except OSError as error:
            problems.append(f"the folder of the run cannot be entered there: {error}")
        problems += _problem_of_proof(settings.proof)
        problems += _problem_of_scratch(settings.scratch)
        cores = settings.cores or available_cores()
        memory = settings.memory or available_memory()
        facts = Facts(cores, memory, _versions(settings.packages), tuple(problems))
        self._connection.limit_silence(settings.silence)
        self._connection.put(AgentReady(facts.to_json()))
        if problems:
            return
        notices = []
        pool = None
        if settings.shares_cores:
            try:
                # Workers may have more threads than there are cores; runs share what the workers offer.
                pool = machine_pool(max(cores, available_cores()))
            except OSError as error:
                notices = [f"this run shares no cores with other runs: {error}"]
        self._executor = LocalExecutor(
            cores=cores,
            memory=memory,
            scratch=settings.scratch,
            grace=settings.grace,
            huge_pages=settings.huge_pages,
            enforce_memory=settings.enforce_memory,
            pool=pool,
            notices=notices,
            relay=Relay(self._reading.table, self._ask, self._marker),
        )


def _versions(packages: Collection[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def _problem_of_proof(proof: tuple[str, str] | None) -> list[str]:
    if proof is None:
        return []
    name, content = proof
    try:
        seen = Path(name).read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        return [f"it does not see the files of the run, as {name} cannot be read there: {error}"]
    return (
        [] if seen == content else [f"it does not see the files of the run, as {name} is another file there"]
    )


def _problem_of_scratch(scratch: str | None) -> list[str]:
    import tempfile  # noqa: PLC0415 (the environment says where temporary files go)

    try:
        with tempfile.TemporaryFile(dir=scratch) as file:
            file.write(b"ppg")
            file.flush()
    except OSError as error:
        return [f"no temporary file can be written there: {error}"]
    return []


def main(connection: int, logbook: int, marker: str) -> NoReturn:
    """Run the agent: `connection` is the descriptor of a connected socket, `logbook` that of a logbook."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTSTP, signal.SIGTTOU, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    Agent(Connection(socket.socket(fileno=connection)), logbook, marker).run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
