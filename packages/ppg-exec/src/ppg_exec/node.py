"""The compute node: holds what is loaded, and forks one job process per task.

One thread, one loop:

    wait → read messages, reap children → tell the mcp → take in new tasks → start jobs → tell the mcp

It decides nothing about resources: a task comes with permission to start ("go"), or is sent ahead, and then
takes over the claim of a job that ends here (its *successor*), so that short jobs need not wait for the mcp.

Ending a job is more than reaping it: what it has left behind is killed first (`remnants`), so that its output
is complete and nobody writes into the files of the next.

While a load runs, the node does nothing else. What it is doing at each moment stands in its *logbook*, a
small file shared with the mcp, which can so tell which task took the node with it.
"""

from __future__ import annotations

import gc
import marshal
import os
import select
import signal
import socket
import sys
import time
from collections import deque

from .capture import CaptureFiles
from .hugepages import WORTHWHILE, collapse
from .jobprocess import UNREPORTED, Reports, run_job
from .linux import stay_in_reach
from .loading import resident_memory, run_load
from .logbook import Activity, write_logbook
from .nodejob import CallThatRaises, LateCall, NodeJob, call_of
from .rebuild import IdentityTable, UnknownIdentity
from .remnants import Remnants
from .wire import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from .capture import Slot

__all__ = ["run_node"]

_GRACE = 5.0  # seconds between SIGTERM and SIGKILL for a job that has timed out
_LONGEST_WAIT = 86_400.0  # seconds; epoll takes no more than 24 days
_PATIENCE = 10.0  # seconds for which a job is not reported because something of it cannot be killed


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
    ) -> None:
        self._hooks = hooks
        self._huge_pages = huge_pages
        self._flat_memory = self._resident = resident_memory()
        self._channel = Channel(connection)
        self._logbook = logbook
        self._files = CaptureFiles(directory)
        self._reports = Reports(directory)
        self._remnants = Remnants()
        self._table = IdentityTable()
        self._ready: deque[NodeJob] = deque()
        self._ahead: deque[NodeJob] = deque()
        self._running: dict[int, NodeJob] = {}
        self._by_number: dict[int, NodeJob] = {}
        self._ending: list[NodeJob] = []
        self._deadlines: list[tuple[float, int, int]] = []
        self._threads = 1
        self._lean = len(sys.modules)
        self._waiting = select.epoll()
        # A descriptor per child rather than SIGCHLD: a job process then has no handler to undo.
        self._watched: dict[int, int] = {}
        self._forkserver = os.pidfd_open(forkserver)

    def run(self) -> None:
        """Serve until the mcp or the forkserver is gone."""
        try:
            self._serve()
        except EOFError:
            return

    def _serve(self) -> None:
        waiting = self._waiting
        connection = self._channel.fileno()
        waiting.register(connection, select.EPOLLIN)
        waiting.register(self._forkserver, select.EPOLLIN)
        waiting.register(self._reports.fileno(), select.EPOLLIN)
        writing = False
        received: list[tuple[Any, ...]] = []
        while True:
            if self._channel.has_waiting != writing:
                writing = not writing
                waiting.modify(connection, select.EPOLLIN | (select.EPOLLOUT if writing else 0))
            for descriptor, _ in waiting.poll(self._patience()):
                if descriptor == connection:
                    received = self._channel.receive()
                elif descriptor in self._watched:
                    self._reap(descriptor)
                elif descriptor == self._forkserver:
                    return
                else:
                    self._take_reports()
            if self._ending:
                self._finish_ending()
            if self._deadlines:
                self._enforce_deadlines()
            if received:
                self._channel.flush()
                for message in received:
                    self._obey(message)
                received = []
            while self._ready:
                self._start(self._ready.popleft())
            self._channel.flush()

    def end_everything(self) -> None:
        """Leave nothing behind, even if there is no forkserver any more to see to that."""
        self._remnants.end_everything()

    def _patience(self) -> float | None:
        if self._deadlines:
            soon = min(max(0.0, min(self._deadlines)[0] - time.monotonic()), _LONGEST_WAIT)
        elif not self._ending:
            return None
        else:
            soon = _PATIENCE
        return min(soon, _PATIENCE / 10) if self._ending else soon

    # ---- what the mcp says

    def _obey(self, message: tuple[Any, ...]) -> None:
        match message:
            case ("task", number, go, place, payload, introduced, cores, timeout, directory, environment):
                job = self._read_task(number, place, payload, introduced, cores, timeout)
                if job is None:
                    return
                job.directory = directory
                job.environment = environment
                self._by_number[number] = job
                if place in {"node", "unload"}:
                    self._load(job)
                elif go:
                    self._ready.append(job)
                else:
                    self._ahead.append(job)
            case ("go", number):
                job = self._by_number.get(number)
                if job is not None and job in self._ahead:
                    self._ahead.remove(job)
                    self._ready.append(job)
            case ("recall", numbers):
                given = [job.number for job in self._ahead if job.number in numbers]
                self._ahead = deque(job for job in self._ahead if job.number not in given)
                for number in given:
                    del self._by_number[number]
                self._channel.put(("recalled", given))
            case ("end", number, grace, why):
                self._end(number, grace, why)
            case ("forget", numbers):
                self._table.forget(numbers)
            case _:
                raise AssertionError(f"the node does not know the message {message[0]!r}")

    def _read_task(
        self, number: int, place: str, payload: bytes, introduced: Any, cores: int, timeout: float | None
    ) -> NodeJob | None:
        write_logbook(self._logbook, Activity.READING, number)
        modules = len(sys.modules)
        warnings: tuple[str, ...] = ()
        call: Any
        try:
            if place == "fresh":
                call = LateCall(payload)
            else:
                function, arguments, after = self._table.load(payload, introduced)
                call = call_of(function, arguments, after)
        except UnknownIdentity as error:
            self._channel.put(("unread", number, [error.args[0], *(pair[0] for pair in introduced)]))
            return None
        except BaseException as error:  # noqa: BLE001 - user code runs while a message is read
            self._channel.put(("unlearnt", [pair[0] for pair in introduced]))
            call = CallThatRaises(error)
        finally:
            write_logbook(self._logbook, Activity.NOTHING, 0)
        if len(sys.modules) != modules:
            gc.freeze()
            warnings = self._look_for_threads("importing its modules")
        job = NodeJob(number, place, call, cores, timeout)
        job.warnings = warnings
        return job

    # ---- jobs

    def _start(self, job: NodeJob) -> None:
        try:
            job.slot = self._files.acquire()
        except OSError as error:
            self._refuse(job, f"no file for its output: {error}")
            return
        write_logbook(self._logbook, Activity.FORKING, job.number)
        try:
            pid = os.fork()
        except OSError as error:
            self._files.release(job.slot, reuse=True)
            self._refuse(job, f"no process for it: {error}")
            return
        if pid == 0:
            self._become(job, job.slot)
        job.pid = pid
        job.started = time.monotonic()
        job.call = None
        try:
            self._watch(pid)
        except OSError as error:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self._files.release(job.slot, reuse=True)
            self._refuse(job, f"no descriptor for it: {error}")
            return
        self._running[pid] = job
        self._channel.put(("started", job.number, pid, time.time()))
        if job.timeout is not None:
            self._deadlines.append((job.started + job.timeout, job.number, signal.SIGTERM))

    def _become(self, job: NodeJob, slot: Slot) -> NoReturn:
        # In the job process. The node's descriptors are left open, as closing them would take longer than
        # all else here; no program that the job starts inherits them, and their other ends do not care.
        if self._threads > 1:
            for hook in self._hooks:
                hook()
        run_job(
            job.number, job.call, slot, self._reports, self._table,
            lean=self._lean, directory=job.directory, environment=job.environment,
        )  # fmt: skip

    def _refuse(self, job: NodeJob, cause: str) -> None:
        self._put_ended(job, ("failed", cause), b"", b"", None)

    def _watch(self, pid: int) -> None:
        descriptor = os.pidfd_open(pid)
        self._watched[descriptor] = pid
        self._waiting.register(descriptor, select.EPOLLIN)

    def _reap(self, descriptor: int) -> None:
        pid = self._watched.pop(descriptor)
        self._waiting.unregister(descriptor)
        os.close(descriptor)
        try:
            _, status, usage = os.wait4(pid, 0)
        except ChildProcessError:
            # A load that waits for any child has got this one.
            status, usage = 0, None
        self._remnants.forget(pid)
        job = self._running.pop(pid, None)
        if job is not None:
            job.status = status
            job.ended = time.monotonic()
            if usage is not None:
                # What a fork has resident from the start is the node's.
                own = max(0, usage.ru_maxrss * 1024 - self._resident)
                job.usage = (usage.ru_utime, usage.ru_stime, own)
            self._ending.append(job)

    def _finish_ending(self) -> None:
        """Report the jobs that have ended, unless something of theirs still has to be killed."""
        self._take_reports()
        for pid in self._remnants.look({job.pid for job in self._ending}, self._running):
            self._watch(pid)
        if self._remnants.kill(self._running) and time.monotonic() < self._ending[0].ended + _PATIENCE:
            return
        for job in self._ending:
            self._finish(job)
        self._ending.clear()

    def _take_reports(self) -> None:
        for number, when, report in self._reports.receive():
            job = self._by_number.get(number)
            if job is not None and job.report is None:
                job.report = report
                job.ended = when
            elif isinstance(report, int):
                os.close(report)

    def _finish(self, job: NodeJob) -> None:
        slot = job.slot
        assert slot is not None
        # A daemon of uncertain origin may still write to the files of the job that has started it.
        stdout, stderr = self._files.release(slot, reuse=not self._remnants)
        cause = None
        if job.report is None and job.status == UNREPORTED << 8:
            cause = "it had closed the descriptor through which it was to report its end"
        successor = None
        if job.cores == 1 and self._ahead:
            successor = self._ahead.popleft()
            self._ready.append(successor)
        self._put_ended(job, job.report, stdout, stderr, cause, successor)

    def _put_ended(
        self,
        job: NodeJob,
        report: bytes | int | tuple[str, str] | None,
        stdout: bytes | int,
        stderr: bytes | int,
        cause: str | None,
        successor: NodeJob | None = None,
    ) -> None:
        del self._by_number[job.number]
        descriptors = tuple(each for each in (report, stdout, stderr) if isinstance(each, int))
        fields = [None if isinstance(each, int) else each for each in (report, stdout, stderr)]
        ended = job.ended or time.monotonic()
        wall = ended - job.started if job.started else 0.0
        self._channel.put(
            (
                "ended", job.number, successor.number if successor else 0, job.status, (wall, *job.usage),
                report is not None, *fields, job.expected, cause, job.warnings,
            ),
            descriptors,
        )  # fmt: skip

    # ---- ending jobs before their time

    def _end(self, number: int, grace: float, why: str) -> None:
        job = self._by_number.get(number)
        if job is None:
            return
        job.expected = job.expected or why
        if job in self._ahead:
            self._ahead.remove(job)
            self._put_ended(job, None, b"", b"", None)
        elif job in self._ready:
            self._ready.remove(job)
            self._put_ended(job, None, b"", b"", None)
        elif job.pid in self._running:
            _signal(job.pid, signal.SIGTERM)
            self._deadlines.append((time.monotonic() + grace, number, signal.SIGKILL))

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        due = sorted(deadline for deadline in self._deadlines if deadline[0] <= now)
        self._deadlines = [
            deadline for deadline in self._deadlines if deadline[0] > now and deadline[1] in self._by_number
        ]
        for _, number, which in due:
            job = self._by_number.get(number)
            if job is None or job.pid not in self._running:
                continue
            if which == signal.SIGTERM:
                self._end(number, _GRACE, "timed out")
            else:
                _signal(job.pid, signal.SIGKILL)

    # ---- loads

    def _load(self, job: NodeJob) -> None:
        try:
            slot = self._files.acquire()
        except OSError as error:
            self._refuse(job, f"no file for its output: {error}")
            return
        job.started = time.monotonic()
        self._channel.put(("started", job.number, os.getpid(), time.time()))
        self._channel.flush()
        call, job.call = job.call, None
        used = os.times()
        write_logbook(self._logbook, Activity.LOADING, job.number)
        report, job.status = run_load(call, slot, self._table, job.directory, is_unload=job.place == "unload")
        if self._huge_pages and (resident := resident_memory()) > self._flat_memory + WORTHWHILE:
            collapse()
            self._flat_memory = resident
        self._resident = resident_memory()
        write_logbook(self._logbook, Activity.NOTHING, 0)
        del call
        job.ended = time.monotonic()
        now = os.times()
        job.usage = (now.user - used.user, now.system - used.system, resident_memory())
        if report is not None:
            body: Any = report
            job.report = marshal.dumps((job.number, job.ended, *body))
        # A server that a load has started is there for the jobs.
        self._remnants.spare_new_children(self._running)
        job.warnings = (*job.warnings, *self._look_for_threads("the load"))
        self._put_ended(job, job.report, *self._files.release(slot, reuse=not self._remnants), None)

    def _look_for_threads(self, doing: str) -> tuple[str, ...]:
        count = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - lean
        if count <= self._threads:
            return ()
        self._threads = count
        warning = (
            f"{doing} has left {count - 1} thread(s) running in the compute node; jobs forked from it do not "
            "have them and may hang in what they hold: end them when the load is done, limit the library to "
            'one thread, or give the jobs that use it isolation="fresh"'
        )
        return (warning,)


def _signal(pid: int, which: signal.Signals) -> None:
    # The job has not been reaped, so its pid is its own. It may not have its own session yet.
    try:
        os.killpg(pid, which)
    except ProcessLookupError:
        os.kill(pid, which)


def run_node(
    connection: socket.socket,
    logbook: int,
    directory: str,
    forkserver: int,
    hooks: Sequence[Callable[[], Any]],
    *,
    huge_pages: bool,
) -> NoReturn:
    """Be a compute node in this process, just forked for it, until the other side of `connection` is gone.

    `logbook` is a descriptor that the mcp reads, too; `directory` is where unlinked files go; `forkserver`
    is the pid of the parent; `hooks` are to be run in a job process if this one has threads by then.
    With `huge_pages`, forks are kept cheap after large loads.
    """
    os.setsid()
    stay_in_reach()
    for stream in (sys.stdout, sys.stderr):
        # Line by line: what a job has printed before it was killed is the best clue there is.
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    gc.disable()
    gc.freeze()
    node = _Node(connection, logbook, directory, forkserver, hooks, huge_pages=huge_pages)
    node.run()
    node.end_everything()
    os._exit(0)
