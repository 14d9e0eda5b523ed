"""The executor for this machine.

The mcp's side only: it keeps the waiting line and the ledger, pickles what is to be sent, and turns what
comes back into outcomes. `forkserver`, `node` and `jobprocess` are the other side.

An entry's way:

    WAITING ──────────────→ GRANTED → RUNNING → (outcome)
       └→ AHEAD ─(successor)──┘ │         │
            └───────(recalled)──┘         └→ WAITING (a retry, or its node died before it began)

**Sent ahead.** Short tasks would spend their time waiting for the mcp. So a few tasks of one core are sent
before their turn; a node starts one in place of a job of one core that has ended, and says so in the same
message: the claim passes on and the ledger is never wrong. How many: as much as keeps the cores busy for
`_AHEAD_SECONDS`, judged by how long such jobs took lately; none while that is unknown or long.
"""

from __future__ import annotations

import enum
import math
import os
import select
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .causes import OomCounter
from .executor import Event
from .ledger import Ledger, Unsatisfiable, WaitingLine
from .logbook import Activity, read_logbook
from .machine import available_cores, available_memory
from .outcomes import end_of, node_death, whole
from .pool import OWN_VARIABLE, CorePool, TaskTokens, make_knows_fifos
from .sharing import CannotPickle, dump_alone
from .supervisor import NodeHandle, StartMethod, Supervisor, default_scratch
from .tasks import (
    Cancelled,
    Died,
    End,
    ExecutorError,
    Notice,
    Outcome,
    Output,
    Place,
    Raised,
    Refused,
    Started,
    Succeeded,
    Task,
    TimedOut,
    Unpicklable,
    Usage,
)
from .wire import Channel, LongMessage

__all__ = ["LocalExecutor"]

_AHEAD_SECONDS = 0.02
_MOST_AHEAD = 64
_FAR_ABOVE = 1.5
_MOST_LOST = 3
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS", "RAYON_NUM_THREADS",
)  # fmt: skip


class _Stage(enum.Enum):
    """Where a task is."""

    WAITING = "waiting"
    """in line"""
    AHEAD = "ahead"
    """sent to a node, without a claim"""
    GRANTED = "granted"
    """sent to a node, with a claim"""
    RUNNING = "running"
    """its process has been started"""


class _Role(enum.Enum):
    """What an entry is for."""

    TASK = "task"
    """a task of the caller"""
    RELOAD = "reload"
    """a load that is repeated because its node has died"""
    UNLOAD = "unload"
    """the end of a load"""


@dataclass(slots=True, eq=False)
class _Entry:
    task: Task
    order: int
    claim: int
    memory: int | None
    stage: _Stage = _Stage.WAITING
    number: int = 0
    attempt: int = 1
    lost: int = 0
    node: NodeHandle | None = None
    role: _Role = _Role.TASK
    pid: int = 0
    peak_memory: int = 0
    cancelled: bool = False
    timed_out: bool = False


class LocalExecutor:
    """Runs tasks in processes on this machine.

    Args:
        cores: how many to use; by default what this process may use (cgroup, Slurm, affinity).
        memory: bytes to share out among tasks that state theirs; by default what this process may use.
        scratch: directory for the output of running tasks (unlinked files); by default the one for
            temporary files.
        grace: seconds between SIGTERM and SIGKILL for tasks that are cancelled.
        huge_pages: whether to put huge pages under large loads, which costs about a second for each GB, and
            makes forking twenty times cheaper.
        enforce_memory: whether to end tasks that use more memory than they have stated. Otherwise those far
            above it get a warning in their outcome. Memory is looked at twice a second.
        pool: where to ask for every core beyond the first, if the cores are shared with other programs
            (`machine_pool`, `given_pool`). It belongs to the executor from now on, which closes it.
        start_method: "forkserver" starts compute nodes from a clean process; "fork" forks this process, for
            scripts that rely on what they have changed in modules. Forks are then dearer, and threads of
            this process may have left locks held.

    No process is started before the first task is submitted and polled for.

    """

    def __init__(
        self,
        *,
        cores: int | None = None,
        memory: int | None = None,
        scratch: str | None = None,
        grace: float = 5.0,
        huge_pages: bool = True,
        enforce_memory: bool = False,
        pool: CorePool | None = None,
        start_method: StartMethod = "forkserver",
    ) -> None:
        self._ledger = Ledger(
            cores if cores is not None else available_cores(),
            memory if memory is not None else available_memory(),
        )
        self._line: WaitingLine[_Entry] = WaitingLine(self._ledger)
        self._grace = grace
        self._enforce_memory = enforce_memory
        self._pool = pool
        self._tokens = 0
        self._wants_tokens = False
        self._make_knows_fifos: bool | None = None
        self._fifos: dict[int, TaskTokens] = {}
        self._directory = str(Path.cwd())
        environment = {name: "1" for name in _THREAD_VARIABLES if name not in os.environ}
        self._limited = tuple(environment)
        environment["MAKEFLAGS"] = " -j1"
        self.marker = uuid.uuid4().hex
        """The value of PPG_EXECUTOR in the environment of every process beneath."""
        self._supervisor = Supervisor(
            self.marker,
            self._directory,
            scratch or default_scratch(),
            environment,
            huge_pages=huge_pages,
            start_method=start_method,
        )
        self._nodes: dict[Place, NodeHandle] = {}
        self._entries: dict[str, _Entry] = {}
        self._sent: dict[int, _Entry] = {}
        self._loads: dict[str, Task] = {}
        self._load_deadlines: list[tuple[float, _Entry, bool]] = []
        self._ahead: dict[int, _Entry] = {}
        self._short = 0.0
        self._numbers = 0
        self._events: list[Event] = []
        self._epoll = select.epoll()
        self._attention = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._attention, select.EPOLLIN)
        self._watched: dict[int, NodeHandle | None] = {}
        self._writing: set[int] = set()
        self._oom = OomCounter()
        self._closed = False

    # ---- the protocol

    @property
    def cores(self) -> int:
        """How many cores it gives to tasks."""
        return self._ledger.cores

    def submit(self, task: Task) -> None:
        """Take a task. One that asks for more than there is gets its outcome, `Refused`, like any other."""
        if self._closed:
            raise ExecutorError(f"task {task.key!r} was submitted to an executor that is closed")
        if task.key in self._entries:
            raise ExecutorError(f"task {task.key!r} was submitted twice")
        self._numbers += 1
        self._accept(_Entry(task, self._numbers, 0, task.memory))

    def poll(self, timeout: float | None = None) -> list[Event]:
        """What has happened; see `Executor.poll`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        self._clear_attention()
        # Also a timeout of 0 looks once at what is there.
        self._dispatch()
        if not self._events and self._entries:
            self._attend(0)
        while True:
            self._dispatch()
            if self._events:
                # Take along what has arrived in the meantime, as the caller's work per call is dear.
                self._attend(0)
                self._dispatch()
                events, self._events = self._events, []
                return events
            if not self._entries:
                return []
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left < 0:
                return []
            self._attend(left)

    def fileno(self) -> int:
        """A descriptor that is readable when `poll` has something to do."""
        return self._epoll.fileno()

    def cancel(self, key: str) -> None:
        """End a task: SIGTERM, and SIGKILL after the grace period. Its outcome is `Cancelled`."""
        entry = self._entries.get(key)
        if entry is None or entry.cancelled:
            return
        entry.cancelled = True
        if entry.stage is _Stage.WAITING:
            self._line.remove(entry)
            self._report(entry, Cancelled())
        else:
            self._end(entry)
        self._call_attention()

    def _end(self, entry: _Entry) -> None:
        """End a task that is at a node; that node says when."""
        assert entry.node is not None
        if entry.task.place is not Place.NODE:
            entry.node.channel.put(("end", entry.number, self._grace, "cancelled"))
        elif entry.stage is _Stage.RUNNING:
            self._interrupt_load(entry)

    def _interrupt_load(self, entry: _Entry) -> None:
        assert entry.node is not None
        self._supervisor.interrupt_node(entry.node)
        self._load_deadlines.append((time.monotonic() + self._grace, entry, True))

    def _enforce_load_deadlines(self) -> float | None:
        """End the loads whose time is up; seconds until there may be more to do, None for never."""
        now = time.monotonic()
        due = [deadline for deadline in self._load_deadlines if deadline[0] <= now]
        self._load_deadlines = [
            deadline
            for deadline in self._load_deadlines
            if deadline[0] > now and deadline[1].stage is _Stage.RUNNING and deadline[1].number in self._sent
        ]
        for _, entry, is_last in due:
            if entry.number not in self._sent or entry.node is None:
                continue
            if is_last:
                self._supervisor.kill_node(entry.node)
            else:
                entry.timed_out = True
                self._interrupt_load(entry)
        if due:
            self._flush()
        return min((deadline[0] - now for deadline in self._load_deadlines), default=None)

    def unload(self, key: str, function: Callable[[], object]) -> None:
        """Undo a load in the compute node, if there is still the node that it was made in."""
        self._loads.pop(key, None)
        if Place.NODE in self._nodes:
            self._numbers += 1
            task = Task(f"unload {key} ({self._numbers})", function, place=Place.NODE, priority=math.inf)
            self._accept(_Entry(task, self._numbers, 0, None, role=_Role.UNLOAD))

    def pause(self) -> None:
        """Stop all tasks (SIGSTOP), say because this process is about to be stopped by Ctrl-Z.

        Timeouts go on. At once: it does not wait for the next `poll`.
        """
        self._supervisor.pause()
        self._flush()

    def resume(self) -> None:
        """Let stopped tasks go on."""
        self._supervisor.resume()
        self._flush()

    def close(self) -> None:
        """End what runs (SIGTERM, SIGKILL after the grace period) and every process beneath."""
        if self._closed:
            return
        self._closed = True
        try:
            self._end_what_runs()
        finally:
            for node in set(self._nodes.values()):
                self._drop(node)
            self._supervisor.close()
            for tokens in self._fifos.values():
                tokens.close()
            if self._pool is not None:
                self._pool.close()
            self._epoll.close()
            os.close(self._attention)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- into the nodes

    def _accept(self, entry: _Entry) -> None:
        self._entries[entry.task.key] = entry
        try:
            entry.claim = self._ledger.claim(entry.task.cores, entry.memory)
        except Unsatisfiable as error:
            self._report(entry, Refused(str(error)))
        else:
            self._line.add(entry, entry.claim, entry.task.priority, entry.order)
        self._call_attention()

    def _dispatch(self) -> None:
        while self._ahead and self._ledger.free:
            # It was sent too late to become a successor: nothing that it could have followed ran any more.
            first = self._ahead.pop(next(iter(self._ahead)))
            self._ledger.take(first.claim)
            first.stage = _Stage.GRANTED
            assert first.node is not None
            first.node.channel.put(("go", first.number))
        while (chosen := self._line.pop()) is not None:
            if not self._has_tokens():
                entry, claim = chosen
                self._ledger.give_back(claim)
                self._line.add(entry, claim, entry.task.priority, entry.order)
                break
            self._send(chosen[0], go=True)
        self._return_tokens()
        while len(self._ahead) < self._worth_sending_ahead():
            waiting = self._line.first()
            if waiting is None or waiting.claim != 1 or waiting.task.place is not Place.FORK:
                break
            self._line.remove(waiting)
            self._send(waiting, go=False)
        self._flush()

    def _has_tokens(self) -> bool:
        """Whether the pool allows for the cores that are taken; the first core needs no token."""
        if self._pool is None:
            return True
        missing = self._ledger.cores - self._ledger.free - 1 - self._tokens
        if missing > 0:
            self._tokens += self._pool.acquire(missing)
        lacks = self._ledger.cores - self._ledger.free - 1 > self._tokens
        if lacks != self._wants_tokens:
            self._wants_tokens = lacks
            if lacks:
                self._epoll.register(self._pool.fileno(), select.EPOLLIN)
            else:
                self._epoll.unregister(self._pool.fileno())
        return not lacks

    def _return_tokens(self) -> None:
        if self._pool is not None:
            spare = self._tokens - max(0, self._ledger.cores - self._ledger.free - 1)
            if spare > 0:
                self._pool.release(spare)
                self._tokens -= spare

    def _worth_sending_ahead(self) -> int:
        if not self._short:
            return 0
        return min(_MOST_AHEAD, int(_AHEAD_SECONDS * self._ledger.cores / self._short))

    def _send(self, entry: _Entry, *, go: bool) -> None:
        task = entry.task
        try:
            node = self._node_for(task.place)
            if unreferenced := node.shared.pop_unreferenced():
                node.channel.put(("forget", unreferenced))
            introduced: list[tuple[int, int]] = []
            content = {"callback": task.function, "arguments": task.arguments, "after": task.after}
            if task.place is Place.FRESH:
                payload = dump_alone(content)
            else:
                payload, introduced = node.shared.dump(content)
            self._numbers += 1
            entry.number = self._numbers
            node.channel.put(
                (
                    "task",
                    entry.number,
                    go,
                    "unload" if entry.role is _Role.UNLOAD else task.place.value,
                    payload, introduced, entry.claim,
                    task.timeout, task.working_directory, self._environment_for(entry),
                )
            )  # fmt: skip
        except ExecutorError:
            if go:
                self._ledger.give_back(entry.claim)
            self._line.add(entry, entry.claim, task.priority, entry.order)
            raise
        except (CannotPickle, LongMessage) as error:
            if go:
                self._ledger.give_back(entry.claim)
            self._report(entry, Unpicklable(getattr(error, "unpicklable_path", "callback"), str(error)))
            return
        entry.node = node
        entry.stage = _Stage.GRANTED if go else _Stage.AHEAD
        if not go:
            self._ahead[entry.number] = entry
        self._sent[entry.number] = entry

    def _environment_for(self, entry: _Entry) -> tuple[tuple[str, str], ...]:
        if entry.claim == 1:
            return ()
        if self._make_knows_fifos is None:
            self._make_knows_fifos = make_knows_fifos()
        tokens = self._fifos[entry.number] = TaskTokens(entry.claim)
        # An older make runs as many jobs by itself.
        auth = f" --jobserver-auth=fifo:{tokens.path}" if self._make_knows_fifos else ""
        flags = f" -j{entry.claim}{auth}"
        return (
            ("MAKEFLAGS", flags),
            (OWN_VARIABLE, tokens.path),
            *((name, str(entry.claim)) for name in self._limited),
        )

    def _node_for(self, place: Place) -> NodeHandle:
        key = Place.FRESH if place is Place.FRESH else Place.FORK
        node = self._nodes.get(key)
        if node is None:
            first = self._supervisor.channel is None
            node = self._nodes[key] = self._supervisor.new_node()
            if key is Place.FORK:
                self._nodes[Place.NODE] = node
            control = self._supervisor.channel
            assert control is not None
            if first:
                self._watch(control.fileno(), None)
            self._watch(node.channel.fileno(), node)
            if key is Place.FORK:
                self._repeat_loads()
        return node

    def _repeat_loads(self) -> None:
        """A new node has lost what was loaded in the one before it. Loads go first, and cost no claim."""
        for task in self._loads.values():
            self._numbers += 1
            again = replace(task, key=f"{task.key} (repeated as {self._numbers})", retries=0)
            entry = _Entry(again, self._numbers, 0, task.memory, role=_Role.RELOAD)
            self._entries[again.key] = entry
            self._send(entry, go=True)

    def _watch(self, descriptor: int, node: NodeHandle | None) -> None:
        self._watched[descriptor] = node
        self._epoll.register(descriptor, select.EPOLLIN)

    # ---- out of the nodes

    def _attend(self, timeout: float | None) -> None:
        """Wait until something is readable (or can be written again), and read it."""
        until_deadline = self._enforce_load_deadlines()
        if until_deadline is not None and (timeout is None or timeout > until_deadline):
            timeout = until_deadline
        for descriptor, happened in self._epoll.poll(timeout):
            if descriptor == self._attention:
                self._clear_attention()
                continue
            if descriptor not in self._watched:
                continue
            node = self._watched[descriptor]
            if happened & ~select.EPOLLOUT:
                if node is None:
                    self._hear_forkserver()
                else:
                    self._hear(node)
        self._flush()

    def _hear(self, node: NodeHandle) -> None:
        try:
            for message in node.channel.receive():
                self._obey(node, message)
        except EOFError:
            # The forkserver says how it died, once everything beneath it is gone.
            self._unwatch(node.channel.fileno())

    def _hear_forkserver(self) -> None:
        control = self._supervisor.channel
        assert control is not None
        try:
            for message in control.receive():
                match message:
                    case ("node died", number, status):
                        for node in set(self._nodes.values()):
                            if node.number == number:
                                self._bury(node, status)
                    case ("memory", sizes):
                        self._note_memory(sizes)
                    case _:
                        raise AssertionError(f"the forkserver sent the message {message[0]!r}")
        except EOFError:
            self._unwatch(control.fileno())
            code = self._supervisor.abandon()
            for node in set(self._nodes.values()):
                self._bury(node, None)
            words = self._supervisor.last_words()
            if code == 1 and words:
                raise ExecutorError(f"the forkserver cannot start: {words}") from None
            self._events.append(Notice("the forkserver was killed; a new one is started when it is needed"))

    def _note_memory(self, sizes: dict[int, int]) -> None:
        for entry in self._sent.values():
            size = sizes.get(entry.pid, 0) if entry.stage is _Stage.RUNNING else 0
            if size > entry.peak_memory:
                entry.peak_memory = size
                limit = entry.memory
                if self._enforce_memory and limit is not None and size > limit and entry.node is not None:
                    entry.node.channel.put(("end", entry.number, self._grace, "over memory"))

    def _obey(self, node: NodeHandle, message: tuple[Any, ...]) -> None:
        match message:
            case ("started", number, pid, when):
                entry = self._sent[number]
                entry.stage = _Stage.RUNNING
                entry.pid = pid
                if entry.role is _Role.TASK:
                    self._events.append(Started(entry.task.key, pid, when))
                if entry.task.place is Place.NODE and entry.cancelled:
                    self._interrupt_load(entry)
                elif entry.task.place is Place.NODE and entry.task.timeout is not None:
                    deadline = time.monotonic() + entry.task.timeout
                    self._load_deadlines.append((deadline, entry, False))
            case (
                "ended",
                number,
                successor,
                status,
                usage,
                has_report,
                report,
                *texts,
                expected,
                cause,
                warned,
            ):
                entry = self._sent.pop(number)
                if has_report and report is None:
                    report = whole(node.channel.next_descriptor())
                stdout, stderr = (
                    Output(descriptor=node.channel.next_descriptor()) if text is None else Output(text)
                    for text in texts
                )
                self._pass_on(entry, successor)
                if entry.task.place is Place.NODE:
                    expected = "cancelled" if entry.cancelled else "timed out" if entry.timed_out else ""
                end = end_of(
                    report, status, expected, cause,
                    timeout=entry.task.timeout,
                    peak_memory=entry.peak_memory, load=node.shared.load, oom=self._oom,
                )  # fmt: skip
                self._measure(entry, usage[0])
                wall, user, system, peak = usage
                used = Usage(wall, user, system, max(peak, entry.peak_memory))
                warned = (*warned, *self._memory_warning(entry, used))
                self._settle(entry, end, stdout, stderr, used, warned)
            case ("recalled", numbers):
                for number in numbers:
                    self._take_back(self._sent.pop(number))
            case ("unlearnt", identities):
                node.shared.forget(identities)
            case ("unread", number, identities):
                node.shared.forget(identities)
                self._take_back(self._sent.pop(number))
            case _:
                raise AssertionError(f"a node sent the message {message[0]!r}")

    def _pass_on(self, entry: _Entry, successor: int) -> None:
        """Settle the claim of an entry that has ended: its successor's, or free."""
        self._close_fifo(entry)
        follower = self._sent.get(successor)
        if entry.stage is _Stage.AHEAD:
            del self._ahead[entry.number]
        elif follower is not None and follower.stage is _Stage.AHEAD:
            follower.stage = _Stage.GRANTED
            del self._ahead[successor]
        else:
            self._ledger.give_back(entry.claim)

    def _measure(self, entry: _Entry, wall: float) -> None:
        if entry.claim == 1 and entry.task.place is Place.FORK:
            wall = max(wall, 0.0002)
            self._short = wall if not self._short else 0.8 * self._short + 0.2 * wall

    def _memory_warning(self, entry: _Entry, usage: Usage) -> tuple[str, ...]:
        stated = entry.task.memory
        if stated is None or usage.peak_memory <= _FAR_ABOVE * stated or entry.task.place is Place.NODE:
            return ()
        warning = (
            f"it used {usage.peak_memory / 1e9:.2f} GB of memory and states {stated / 1e9:.2f} GB: "
            f"state memory={usage.peak_memory}, or others are started beside it until memory runs out"
        )
        return (warning,)

    def _close_fifo(self, entry: _Entry) -> None:
        tokens = self._fifos.pop(entry.number, None)
        if tokens is not None:
            tokens.close()

    def _take_back(self, entry: _Entry) -> None:
        self._close_fifo(entry)
        if entry.stage is _Stage.AHEAD:
            del self._ahead[entry.number]
        else:
            self._ledger.give_back(entry.claim)
        entry.stage = _Stage.WAITING
        entry.node = None
        if entry.cancelled:
            self._report(entry, Cancelled())
        else:
            self._line.add(entry, entry.claim, entry.task.priority, entry.order)

    def _settle(
        self, entry: _Entry, end: End, stdout: Output, stderr: Output, usage: Usage, warned: tuple[str, ...]
    ) -> None:
        failed = isinstance(end, Raised | Died | TimedOut)
        if failed and entry.attempt <= entry.task.retries and not (entry.cancelled or self._closed):
            if isinstance(end, Died) and end.of_memory:
                entry.memory = min(self._ledger.memory, 2 * (entry.memory or usage.peak_memory or 1))
            entry.attempt += 1
            entry.timed_out = False
            entry.peak_memory = 0
            entry.stage = _Stage.WAITING
            entry.node = None
            self._accept(entry)
        else:
            self._report(entry, end, stdout, stderr, usage, warned)

    def _report(
        self,
        entry: _Entry,
        end: End,
        stdout: Output | None = None,
        stderr: Output | None = None,
        usage: Usage | None = None,
        warned: tuple[str, ...] = (),
    ) -> None:
        del self._entries[entry.task.key]
        if entry.role is _Role.TASK:
            if entry.task.place is Place.NODE and isinstance(end, Succeeded):
                self._loads[entry.task.key] = entry.task
            self._events.append(
                Outcome(
                    entry.task.key, end, stdout or Output(), stderr or Output(), usage or Usage(), warned,
                    entry.attempt,
                )
            )  # fmt: skip
        elif not isinstance(end, Succeeded | Cancelled):
            self._events.append(Notice(f"{entry.task.key} failed: {end}"))

    # ---- the end of a node

    def _bury(self, node: NodeHandle, status: int | None) -> None:
        """A node is dead and nothing is left beneath it: settle what it had been given."""
        try:
            while True:
                messages = node.channel.receive()
                for message in messages:
                    self._obey(node, message)
                if not messages:
                    break
        except EOFError:
            pass  # that was all it has said
        activity, at_fault = read_logbook(node.logbook)
        words = self._supervisor.last_words()
        self._drop(node)
        for number, entry in list(self._sent.items()):
            if entry.node is not node:
                continue
            del self._sent[number]
            blamed = number == at_fault and activity != Activity.FORKING
            if blamed or entry.stage is _Stage.RUNNING:
                doing = "the compute node died while it " + (
                    ("read this task" if activity == Activity.READING else "ran it")
                    if blamed
                    else "ran this task, whose process was ended with it"
                )
                self._pass_on(entry, 0)
                end: End = node_death(status, words, doing, self._oom)
                if entry.cancelled:
                    end = Cancelled()
                elif entry.timed_out:
                    end = TimedOut(entry.task.timeout or 0.0)
                self._settle(entry, end, Output(), Output(), Usage(), ())
            elif entry.lost < _MOST_LOST:
                entry.lost += 1
                self._take_back(entry)
            else:
                self._pass_on(entry, 0)
                doing = "compute nodes died again and again before this task could start"
                self._settle(
                    entry, node_death(status, words, doing, self._oom), Output(), Output(), Usage(), ()
                )

    def _drop(self, node: NodeHandle) -> None:
        self._unwatch(node.channel.fileno())
        for place in [place for place, known in self._nodes.items() if known is node]:
            del self._nodes[place]
        node.close()

    def _unwatch(self, descriptor: int) -> None:
        if descriptor in self._watched:
            del self._watched[descriptor]
            self._writing.discard(descriptor)
            self._epoll.unregister(descriptor)

    def _end_what_runs(self) -> None:
        for entry in list(self._entries.values()):
            if entry.stage is _Stage.WAITING:
                self._line.remove(entry)
                self._report(entry, Cancelled())
            elif not entry.cancelled:
                entry.cancelled = True
                self._end(entry)
        deadline = time.monotonic() + self._grace + 1.0
        while self._sent and (left := deadline - time.monotonic()) > 0:
            self._flush()
            self._attend(left)

    # ---- waiting and writing

    def _flush(self) -> None:
        """Write what is queued; what the other side does not take now is written when it can."""
        control = self._supervisor.channel
        if control is not None and control.has_waiting:
            self._write(control)
        for place in (Place.FORK, Place.FRESH):
            node = self._nodes.get(place)
            if node is not None and node.channel.has_waiting:
                self._write(node.channel)

    def _write(self, channel: Channel) -> None:
        try:
            channel.flush()
        except EOFError:
            return  # it is dead, which is dealt with where its death is read
        descriptor = channel.fileno()
        if channel.has_waiting != (descriptor in self._writing) and descriptor in self._watched:
            self._writing ^= {descriptor}
            self._epoll.modify(descriptor, select.EPOLLIN | (select.EPOLLOUT if channel.has_waiting else 0))

    def _call_attention(self) -> None:
        os.eventfd_write(self._attention, 1)

    def _clear_attention(self) -> None:
        try:
            os.eventfd_read(self._attention)
        except BlockingIOError:
            return
