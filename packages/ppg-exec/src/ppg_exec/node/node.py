"""Compute node: holds what is loaded, and forks one job process per task.

One thread runs one loop:

    wait → read messages, reap children → report to the controller → take in new tasks → start jobs → report to the controller

The node decides nothing about resources. A task comes with permission to start ("go"), or is sent ahead. A
task sent ahead takes over the claim of a job that ends here, so that short jobs need not wait for the
controller. `task_table` handles the jobs; this module reads tasks and runs loads.

While a load runs, the node does nothing else. The node writes what it is doing to its *logbook*, a small file
that it shares with the controller. When a task crashes the node, the controller finds the task there.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import select
import signal
import socket
import sys
import time

from ppg_exec.job_output.own_descriptors import OwnDescriptors
from ppg_exec.linux import flush_c_stdio, signal_when_parent_ends, stay_in_reach
from ppg_exec.node.children import JobProcesses
from ppg_exec.node.loads import WORTHWHILE, collapse, resident_memory, run_load
from ppg_exec.node.node_task import CallThatRaises, LateCall, NodeJob, call_of, names_of_own_files
from ppg_exec.node.open_files import OpenFiles, naming
from ppg_exec.node.task_table import TaskTable
from ppg_exec.pickling.main_module import prepare_main_module
from ppg_exec.pickling.receive import IdentityTable, UnknownIdentity
from ppg_exec.transport.channel import Channel
from ppg_exec.transport.logbook import Activity, sign_logbook, write_logbook
from ppg_exec.transport.messages import unhandled
from ppg_exec.transport.node_messages import (
    TO_NODE,
    EndTask,
    ForgetIdentities,
    Go,
    IdentitiesLost,
    ImportModules,
    NamesDiffer,
    NamesUnset,
    RecallTasks,
    RunTask,
    SetNames,
    TaskStarted,
    TaskUnread,
    TrackFiles,
    WatchNames,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from ppg_exec.tracking.hook import TrackedTask
    from ppg_exec.transport.node_messages import FromNode, ToNode

__all__ = ["run_node"]

_BEREAVED = signal.SIGPWR
"""The kernel sends it when the forkserver ends during a load; at other times the node watches a descriptor."""


class _Node:
    def __init__(
        self,
        connection: socket.socket,
        logbook: int,
        directory: str,
        forkserver: int,
        hooks: Sequence[Callable[[], Any]],
        *,
        huge_pages: bool,
        temporary: str,
    ) -> None:
        self._huge_pages = huge_pages
        self._temporary = temporary
        self._own = own = OwnDescriptors()
        connection = socket.socket(fileno=own.keep(connection.detach()))
        self._channel: Channel[FromNode, ToNode] = Channel(connection, TO_NODE)
        self._logbook = own.keep(logbook)
        sign_logbook(self._logbook, os.getpid())
        self._table = IdentityTable()
        self._backlog: list[ToNode] = []
        self._read_early: dict[int, NodeJob | None] = {}
        self._has_loaded = False
        with select.epoll() as waiting:
            self._waiting = select.epoll.fromfd(own.keep(os.dup(waiting.fileno())))
        self._processes = JobProcesses(
            own, self._waiting, self._logbook, directory, hooks, self._table, len(sys.modules)
        )
        self._tasks = TaskTable(self._channel, self._processes)
        self._flat_memory = self._tasks.resident = resident_memory()
        self._parent = forkserver
        self._forkserver = own.keep(os.pidfd_open(forkserver))
        self._files = OpenFiles(own.look_for_others())
        self._trackings: dict[int, TrackedTask] = {}
        self._directory = directory
        self._traced: dict[int, Callable[[], TrackedTask]] = {}

    def run(self) -> None:
        """Serve until the controller or the forkserver is gone; then end every process beneath."""
        try:
            self._serve()
        except EOFError:
            return
        finally:
            self._tasks.end_everything()

    def _serve(self) -> None:
        waiting = self._waiting
        tasks, processes = self._tasks, self._processes
        connection = self._channel.fileno()
        waiting.register(connection, select.EPOLLIN)
        waiting.register(self._forkserver, select.EPOLLIN)
        writing = False
        while True:
            if self._channel.has_waiting != writing:
                writing = not writing
                waiting.modify(connection, select.EPOLLIN | (select.EPOLLOUT if writing else 0))
            for descriptor, _ in waiting.poll(tasks.patience()):
                if descriptor == connection:
                    self._backlog += self._channel.receive()
                elif processes.has(descriptor):
                    tasks.reap(descriptor)
                else:
                    return  # the forkserver has ended
            tasks.go_on()
            if self._backlog:
                self._channel.flush()
                while self._backlog:
                    self._handle(self._backlog.pop(0))
            tasks.start_ready()
            self._channel.flush()
            tasks.prefork()

    # ---- messages of the controller

    def _handle(self, message: ToNode) -> None:
        match message:
            case RunTask():
                self._take_in(message)
            case Go():
                self._tasks.go(message.number)
            case RecallTasks():
                self._tasks.recall(message.numbers)
            case EndTask():
                self._tasks.end(message.number, message.grace, message.why)
            case ForgetIdentities():
                self._table.forget(message.identities)
            case ImportModules():
                for name in message.names:
                    __import__(name)
                gc.freeze()
            case WatchNames():
                self._watch_names(message.digests)
            case SetNames():
                self._set_names(message)
            case TrackFiles():
                self._track_files(message)
            case _:
                unhandled(message)

    def _take_in(self, order: RunTask) -> None:
        was_read = order.number in self._read_early
        job = self._read_early.pop(order.number) if was_read else self._read_task(order)
        if job is None:
            return
        job.directory = order.directory
        job.environment = order.environment
        if order.own_temporary_folder:
            job.temporary = f"{self._temporary}/{order.number}"
        if order.place in {"node", "unload"}:
            self._load(job)
        else:
            self._tasks.add(job, go=order.go)

    def _read_task(self, order: RunTask) -> NodeJob | None:
        write_logbook(self._logbook, Activity.READING, order.number)
        modules = len(sys.modules)
        warnings: tuple[str, ...] = ()
        call: Any
        tracked = self._tracked(order) if order.tracking else None
        own = names_of_own_files(order.own_files, order.directory)
        try:
            if order.place == "fresh":
                call = LateCall(order.payload, self._table.names, tracked, own)
            else:
                function, arguments, after = self._load_all(order.payload, order.introduced)
                call = call_of(function, arguments, after, tracked, own)
        except UnknownIdentity as error:
            identities = [error.args[0], *(pair[0] for pair in order.introduced)]
            self._channel.put(TaskUnread(order.number, identities))
            return None
        except BaseException as error:  # noqa: BLE001 - reading a message runs user code
            self._channel.put(IdentitiesLost([pair[0] for pair in order.introduced]))
            call = CallThatRaises(error)
        finally:
            write_logbook(self._logbook, Activity.NOTHING, 0)
        if len(sys.modules) != modules:
            gc.freeze()
            doing = "importing its modules"
            warnings = (*self._look_for_threads(doing), *self._look_for_files(doing))
        job = NodeJob(order.number, order.place, call, order.cores, order.timeout)
        job.warnings = warnings
        job.tracked = tracked
        return job

    def _load_all(self, payload: bytes, introduced: list[tuple[int, int]]) -> Any:
        """Read a pickle; names of the modules that it imports then stand for the same as in the main process."""
        names = self._table.names
        if names is None:
            return self._table.load(payload, introduced)
        names.begin()
        try:
            return self._table.load(payload, introduced)
        finally:
            names.end()

    # ---- files that tasks use

    def _track_files(self, message: TrackFiles) -> None:
        modules = len(sys.modules)
        from ppg_exec.tracking.hook import TrackedTask, install  # noqa: PLC0415 - only nodes with such tasks need it

        # Processes that were forked before have no hook.
        self._tasks.discard_preforked()
        install()
        root, unnoted, system = message.prefixes
        # What a task keeps in its own folder for temporary files is no input, wherever that folder is.
        own = {f"{folder}/" for folder in (self._temporary, os.path.realpath(self._temporary))}
        number, prefixes = message.number, (root, (*unnoted, *sorted(own)), system)
        self._trackings[number] = TrackedTask(prefixes, exact=message.exact)
        if message.strace:
            from ppg_exec.tracing.strace import Strace  # noqa: PLC0415 - the same

            self._traced[number] = lambda: TrackedTask(prefixes, Strace(self._directory))
        self._processes.lean += len(sys.modules) - modules

    def _tracked(self, order: RunTask) -> TrackedTask:
        # This process itself is never traced: its threads would be, and its other jobs.
        traced = self._traced.get(order.tracking) if order.place in {"fork", "fresh"} else None
        return self._trackings[order.tracking] if traced is None else traced()

    # ---- names that differ

    def _watch_names(self, digests: dict[str, dict[str, bytes]]) -> None:
        names = self._table.names
        if names is None:
            modules = len(sys.modules)
            from ppg_exec.names.node_names import NodeNames  # noqa: PLC0415 - only nodes with watched names need it

            self._processes.lean += len(sys.modules) - modules
            names = self._table.names = NodeNames()
            names.ask = self._ask_for_values
        names.is_after_load = self._has_loaded
        names.expect(digests)

    def _ask_for_values(self, differing: list[tuple[str, str]]) -> None:
        """Get the values of names from the controller, which answers at once, and set them."""
        self._channel.put(NamesDiffer(differing))
        answer: SetNames | None = None
        while answer is None:
            self._channel.flush()
            awaited = select.poll()
            awaited.register(
                self._channel.fileno(), select.POLLIN | (select.POLLOUT if self._channel.has_waiting else 0)
            )
            awaited.register(self._forkserver, select.POLLIN)
            if any(descriptor == self._forkserver for descriptor, _ in awaited.poll()):
                self._leave()
            for message in self._channel.receive():
                if isinstance(message, SetNames) and message.use == "answer":
                    answer = message
                else:
                    self._backlog.append(message)
        self._set_names(answer)

    def _set_names(self, message: SetNames) -> None:
        # Processes that were forked before have the former values.
        self._tasks.discard_preforked()
        names = self._table.names
        assert names is not None
        names.give_up(message.not_sent)
        try:
            try:
                entries = self._load_all(message.payload, message.introduced)
            except UnknownIdentity:
                # What an answer refers to may be in tasks that came before it, and wait to be read.
                self._read_backlog()
                entries = self._load_all(message.payload, message.introduced)
            failed = names.take_values(entries)
        except Exception as error:  # noqa: BLE001 - reading a message runs user code
            self._channel.put(IdentitiesLost([pair[0] for pair in message.introduced]))
            why = f"{type(error).__name__}: {error}"
            failed = [(module, path, why) for module, path in message.names]
        if failed:
            self._channel.put(NamesUnset(failed))

    def _read_backlog(self) -> None:
        for order in tuple(self._backlog):
            if isinstance(order, RunTask) and order.number not in self._read_early:
                self._read_early[order.number] = self._read_task(order)

    # ---- loads

    def _load(self, job: NodeJob) -> None:
        tasks, files = self._tasks, self._processes.files
        tasks.discard_preforked()
        try:
            output = files.acquire()
        except OSError as error:
            tasks.report_end(
                job,
                refusal=f"no file for its output: {error}; is there a limit on descriptors (ulimit -n), or is the disk full?",
            )
            return
        job.started = time.monotonic()
        self._channel.put(TaskStarted(job.number, os.getpid(), time.time()))
        self._channel.flush()
        call, job.call = job.call, None
        used = os.times()
        write_logbook(self._logbook, Activity.LOADING, job.number)
        signal.signal(_BEREAVED, self._leave)
        signal_when_parent_ends(_BEREAVED)
        if os.getppid() != self._parent:
            self._leave()
        report, job.status = run_load(
            call, output, self._table, job.directory, is_unload=job.place == "unload"
        )
        if job.tracked is not None:
            job.uses = job.tracked.encoded()
            job.tracked.renew()
        self._has_loaded = True
        signal_when_parent_ends(0)
        signal.signal(_BEREAVED, signal.SIG_DFL)
        if self._huge_pages and (resident := resident_memory()) > self._flat_memory + WORTHWHILE:
            collapse()
            self._flat_memory = resident
        tasks.resident = resident_memory()
        write_logbook(self._logbook, Activity.NOTHING, 0)
        del call
        job.ended = time.monotonic()
        now = os.times()
        job.usage = (now.user - used.user, now.system - used.system, resident_memory())
        job.report = report
        # Jobs may use a server that the load has started, so it stays.
        tasks.spare_new_children()
        job.warnings = (
            *job.warnings,
            *self._look_for_threads("the load"),
            *self._look_for_files("the load"),
        )
        tasks.report_end(job, *files.release(output, reuse=not tasks.orphans))

    def _leave(self, _number: int = 0, _frame: object = None) -> NoReturn:
        # The forkserver has ended during a load, or just before it.
        self._tasks.end_everything()
        os._exit(0)

    def _look_for_threads(self, doing: str) -> tuple[str, ...]:
        count = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - lean
        if count <= self._processes.threads:
            return ()
        self._processes.threads = count
        warning = (
            f"{doing} has left {count - 1} thread(s) running in the compute node. Jobs forked from it do not "
            "have these threads, and may hang on locks that they hold. End the threads when the load is done, "
            'limit the library to one thread, or give the jobs that use it isolation="fresh"'
        )
        return (warning,)

    def _look_for_files(self, doing: str) -> tuple[str, ...]:
        names = self._files.left_open(self._own.look_for_others())
        if not names:
            return ()
        warning = (
            f"{doing} has left {len(names)} file(s) open in the compute node: {naming(names)}. All jobs forked from "
            "it share one position in each of them, so what one job reads or writes moves it for the others. Close "
            "the files when the load is done, and open them in the jobs that use them"
        )
        return (warning,)


def run_node(
    connection: socket.socket,
    logbook: int,
    directory: str,
    forkserver: int,
    hooks: Sequence[Callable[[], Any]],
    *,
    huge_pages: bool,
    temporary: str,
) -> NoReturn:
    """Run a compute node in this process, just forked for it, until the other side of `connection` is gone.

    `logbook` is a descriptor that the controller reads, too. `directory` is where unlinked files go.
    `forkserver` is the pid of the parent. A job process runs `hooks` if this process has threads by then.
    With `huge_pages`, forks stay cheap after large loads. Tasks with temporary folders of their own get them
    in `temporary`, which is made when it is needed.
    """
    os.setsid()
    stay_in_reach()
    for stream in (sys.stdout, sys.stderr):
        # Buffer by line: what a job printed before it was killed is the best clue to its end.
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    # Look the C function up once here, not in every job.
    flush_c_stdio()
    # Jobs inherit the handlers and the descriptor, so a crash in native code prints its place to the job's output.
    faulthandler.enable(2)
    prepare_main_module()
    gc.disable()
    gc.freeze()
    _Node(connection, logbook, directory, forkserver, hooks, huge_pages=huge_pages, temporary=temporary).run()
    os._exit(0)
