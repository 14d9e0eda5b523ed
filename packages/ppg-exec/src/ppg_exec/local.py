"""The executor for this machine.

The mcp's side only: it keeps the waiting line and the ledger, pickles what is to be sent, and turns what
comes back into outcomes. `forkserver`, `node` and `jobprocess` are the other side.

An entry's way:

    WAITING ──────────────→ GRANTED → RUNNING → (outcome)
       └→ AHEAD ─(successor)──┘ │         │
            └───────(recalled)──┘         └→ WAITING (a retry, or its node died before it began)

A node starts what was sent ahead in place of a task of one core that has ended there, and says so in the same
message: the claim passes on, and the ledger is never wrong. `entries.Ahead` decides how many that are.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from .causes import OomCounter
from .cores import CoreEnvironment, CoreTokens
from .entries import Ahead, Entry, LoadDeadlines, Role, Stage, memory_warning
from .executor import Event
from .ledger import Ledger, Unsatisfiable, WaitingLine
from .logbook import Activity, read_logbook
from .machine import available_cores, available_memory
from .outcomes import end_of, node_death, whole
from .pool import CorePool
from .readiness import Readiness
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
from .wire import Channel, LongMessage, LostDescriptor

__all__ = ["LocalExecutor"]

_MOST_LOST = 3


class _Streams(NamedTuple):
    """What a task has printed."""

    stdout: Output = Output()
    stderr: Output = Output()


_NO_OUTPUT = _Streams()
_UNUSED = Usage()


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
        self._line: WaitingLine[Entry] = WaitingLine(self._ledger)
        self._grace = grace
        self._enforce_memory = enforce_memory
        self._readiness = Readiness()
        self._tokens = CoreTokens(pool, self._ledger, self._readiness)
        self._environment = CoreEnvironment()
        self.marker = uuid.uuid4().hex
        """The value of PPG_EXECUTOR in the environment of every process beneath."""
        self._supervisor = Supervisor(
            self.marker,
            str(Path.cwd()),
            scratch or default_scratch(),
            self._environment.of_one_core(),
            huge_pages=huge_pages,
            start_method=start_method,
        )
        self._nodes: dict[Place, NodeHandle] = {}
        self._entries: dict[str, Entry] = {}
        self._sent: dict[int, Entry] = {}
        self._loads: dict[str, Task] = {}
        self._deadlines = LoadDeadlines()
        self._ahead = Ahead(self._ledger.cores)
        self._numbers = 0
        self._events: list[Event] = []
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
        self._accept(Entry(task, self._numbers, 0, task.memory))

    def poll(self, timeout: float | None = None) -> list[Event]:
        """What has happened; see `Executor.poll`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        self._readiness.silence()
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
        return self._readiness.fileno()

    def cancel(self, key: str) -> None:
        """End a task: SIGTERM, and SIGKILL after the grace period. Its outcome is `Cancelled`."""
        entry = self._entries.get(key)
        if entry is None or entry.cancelled:
            return
        entry.cancelled = True
        if entry.stage is Stage.WAITING:
            self._line.remove(entry)
            self._report(entry, Cancelled())
        else:
            self._end(entry)
        self._readiness.ring()

    def unload(self, key: str, function: Callable[[], object]) -> None:
        """Undo a load in the compute node, if there is still the node that it was made in."""
        self._loads.pop(key, None)
        if Place.NODE in self._nodes:
            self._numbers += 1
            task = Task(f"unload {key} ({self._numbers})", function, place=Place.NODE, priority=math.inf)
            self._accept(Entry(task, self._numbers, 0, None, Role.UNLOAD))

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
            self._environment.close()
            self._tokens.close()
            self._readiness.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- into the nodes

    def _accept(self, entry: Entry) -> None:
        self._entries[entry.task.key] = entry
        try:
            entry.claim = self._ledger.claim(entry.task.cores, entry.memory)
        except Unsatisfiable as error:
            self._report(entry, Refused(str(error)))
        else:
            self._stand_in_line(entry)
        self._readiness.ring()

    def _dispatch(self) -> None:
        self._tokens.stop_waiting()
        self._grant_what_is_ahead()
        while (chosen := self._line.pop()) is not None:
            entry, claim = chosen
            if not self._tokens.suffice():
                self._ledger.give_back(claim)
                self._stand_in_line(entry)
                break
            self._send(entry, go=True)
        self._tokens.return_spare()
        first = self._line.first()
        if outranked := self._ahead.outranked(first, time.monotonic()):
            node = outranked[0].node
            assert node is not None
            node.channel.put(("recall", [entry.number for entry in outranked]))
        while first is not None and first.may_go_ahead and self._ahead.has_room():
            self._line.remove(first)
            self._send(first, go=False)
            first = self._line.first()
        self._flush()

    def _grant_what_is_ahead(self) -> None:
        """Start what was sent ahead too late to follow another task: none that it could follow ran any more."""
        while self._ledger.free and (oldest := self._ahead.oldest()) is not None:
            self._ledger.take(oldest.claim)
            if not self._tokens.suffice():
                self._ledger.give_back(oldest.claim)
                return
            self._ahead.remove(oldest)
            oldest.stage = Stage.GRANTED
            assert oldest.node is not None
            oldest.node.channel.put(("go", oldest.number))

    def _stand_in_line(self, entry: Entry) -> None:
        self._line.add(entry, entry.claim, entry.task.priority, entry.order)

    def _send(self, entry: Entry, *, go: bool) -> None:
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
            environment = self._environment.of_task(entry.number, entry.claim)
            node.channel.put(
                (
                    "task",
                    entry.number,
                    go,
                    "unload" if entry.role is Role.UNLOAD else task.place.value,
                    payload, introduced, entry.claim,
                    task.timeout, task.working_directory, environment,
                )
            )  # fmt: skip
        except (ExecutorError, KeyboardInterrupt):
            if go:
                self._ledger.give_back(entry.claim)
            self._stand_in_line(entry)
            raise
        except (CannotPickle, LongMessage) as error:
            if go:
                self._ledger.give_back(entry.claim)
            self._report(entry, Unpicklable(getattr(error, "unpicklable_path", "callback"), str(error)))
            return
        except OSError as error:
            if go:
                self._ledger.give_back(entry.claim)
            text = f"no fifo for the tokens of its cores: {error}"
            self._report(entry, Raised(error, type(error).__name__, text, f"{text}\n"))
            return
        entry.node = node
        entry.stage = Stage.GRANTED if go else Stage.AHEAD
        if not go:
            entry.sent_at = time.monotonic()
            self._ahead.add(entry)
        self._sent[entry.number] = entry

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
                self._readiness.watch(control.fileno())
            self._readiness.watch(node.channel.fileno())
            if key is Place.FORK:
                self._repeat_loads()
        return node

    def _repeat_loads(self) -> None:
        """A new node has lost what was loaded in the one before it. Loads go first, and cost no claim."""
        for task in self._loads.values():
            self._numbers += 1
            again = replace(task, key=f"{task.key} (repeated as {self._numbers})", retries=0)
            entry = Entry(again, self._numbers, 0, task.memory, Role.RELOAD)
            self._entries[again.key] = entry
            self._send(entry, go=True)

    def _end(self, entry: Entry) -> None:
        """End a task that is at a node; that node says when."""
        assert entry.node is not None
        if not entry.is_load:
            entry.node.channel.put(("end", entry.number, self._grace, "cancelled"))
        elif entry.stage is Stage.RUNNING:
            self._interrupt_load(entry)

    def _interrupt_load(self, entry: Entry) -> None:
        assert entry.node is not None
        self._supervisor.interrupt_node(entry.node)
        self._deadlines.add(time.monotonic() + self._grace, entry, is_last=True)

    def _enforce_load_deadlines(self) -> None:
        for entry, is_last in self._deadlines.due(time.monotonic()):
            assert entry.node is not None
            if is_last:
                self._supervisor.kill_node(entry.node)
            else:
                entry.timed_out = True
                self._interrupt_load(entry)
        self._flush()

    # ---- out of the nodes

    def _attend(self, timeout: float | None) -> None:
        """Wait until something is readable (or can be written again), and read it."""
        self._enforce_load_deadlines()
        now = time.monotonic()
        for when in (self._deadlines.next(), self._tokens.retry_at):
            if when is not None:
                timeout = max(0.0, when - now) if timeout is None else max(0.0, min(timeout, when - now))
        for descriptor in self._readiness.wait(timeout):
            control = self._supervisor.channel
            if control is not None and descriptor == control.fileno():
                self._hear_forkserver(control)
                continue
            for node in set(self._nodes.values()):
                if descriptor == node.channel.fileno():
                    self._hear(node)
        self._flush()

    def _hear(self, node: NodeHandle) -> None:
        try:
            for message in node.channel.receive():
                self._obey(node, message)
        except LostDescriptor as error:
            raise ExecutorError(
                f"{error}: long output of tasks is kept in files, so drop outcomes when they are dealt with, "
                "or raise the limit (ulimit -n)"
            ) from error
        except EOFError:
            # The forkserver says how it died, once everything beneath it is gone.
            self._readiness.unwatch(node.channel.fileno())

    def _hear_forkserver(self, control: Channel) -> None:
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
            self._readiness.unwatch(control.fileno())
            code = self._supervisor.abandon()
            for node in set(self._nodes.values()):
                self._bury(node, None)
            words = self._supervisor.last_words()
            if code == 1 and words:
                raise ExecutorError(f"the forkserver cannot start: {words}") from None
            self._events.append(Notice("the forkserver was killed; a new one is started when it is needed"))

    def _note_memory(self, sizes: dict[int, int]) -> None:
        for entry in self._sent.values():
            size = sizes.get(entry.pid, 0) if entry.stage is Stage.RUNNING else 0
            if size > entry.peak_memory:
                entry.peak_memory = size
                limit = entry.memory
                if self._enforce_memory and limit is not None and size > limit and entry.node is not None:
                    entry.node.channel.put(("end", entry.number, self._grace, "over memory"))

    def _obey(self, node: NodeHandle, message: tuple[Any, ...]) -> None:
        match message:
            case ("started", number, pid, when):
                entry = self._sent[number]
                entry.stage = Stage.RUNNING
                entry.pid = pid
                if entry.role is Role.TASK:
                    self._events.append(Started(entry.task.key, pid, when))
                if entry.is_load and entry.cancelled:
                    self._interrupt_load(entry)
                elif entry.is_load and entry.task.timeout is not None:
                    self._deadlines.add(time.monotonic() + entry.task.timeout, entry, is_last=False)
            case ("ended", number, *rest):
                self._hear_of_an_end(node, self._sent.pop(number), *rest)
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

    def _hear_of_an_end(
        self,
        node: NodeHandle,
        entry: Entry,
        successor: int,
        status: int,
        usage: tuple[float, float, float, int],
        has_report: bool,
        report: bytes | tuple[str, str] | None,
        stdout: bytes | None,
        stderr: bytes | None,
        expected: str,
        cause: str | None,
        warned: tuple[str, ...],
    ) -> None:
        if has_report and report is None:
            report = whole(node.channel.next_descriptor())
        streams = _Streams(
            *(
                Output(descriptor=node.channel.next_descriptor()) if text is None else Output(text)
                for text in (stdout, stderr)
            )
        )
        self._pass_on(entry, successor)
        if entry.is_load:
            expected = "cancelled" if entry.cancelled else "timed out" if entry.timed_out else ""
        end = end_of(
            report,
            status,
            expected,
            cause,
            timeout=entry.task.timeout,
            peak_memory=entry.peak_memory,
            load=node.shared.load,
            oom=self._oom,
        )
        wall, user, system, peak = usage
        self._ahead.learn(entry, wall)
        used = Usage(wall, user, system, max(peak, entry.peak_memory))
        entry.stage = Stage.WAITING
        self._settle(entry, end, streams, used, (*warned, *memory_warning(entry, used)))

    def _pass_on(self, entry: Entry, successor: int) -> None:
        """Settle the claim of an entry that has ended: its successor's, or free."""
        self._environment.forget_task(entry.number)
        follower = self._sent.get(successor)
        if entry.stage is Stage.AHEAD:
            self._ahead.remove(entry)
        elif follower is not None and follower.stage is Stage.AHEAD:
            follower.stage = Stage.GRANTED
            self._ahead.remove(follower)
        else:
            self._ledger.give_back(entry.claim)

    def _take_back(self, entry: Entry) -> None:
        """It did not start where it was sent."""
        self._pass_on(entry, 0)
        entry.step_back()
        if entry.cancelled:
            self._report(entry, Cancelled())
        else:
            self._stand_in_line(entry)

    def _settle(
        self, entry: Entry, end: End, streams: _Streams, usage: Usage, warned: tuple[str, ...]
    ) -> None:
        """Try again, or report."""
        failed = isinstance(end, Raised | Died | TimedOut)
        if failed and entry.attempt <= entry.task.retries and not (entry.cancelled or self._closed):
            if isinstance(end, Died) and end.of_memory:
                entry.memory = min(self._ledger.memory, 2 * (entry.memory or usage.peak_memory or 1))
            entry.attempt += 1
            entry.timed_out = False
            entry.peak_memory = 0
            entry.step_back()
            self._accept(entry)
        else:
            self._report(entry, end, streams, usage, warned)

    def _report(
        self,
        entry: Entry,
        end: End,
        streams: _Streams = _NO_OUTPUT,
        usage: Usage = _UNUSED,
        warned: tuple[str, ...] = (),
    ) -> None:
        del self._entries[entry.task.key]
        if entry.role is Role.TASK:
            if entry.task.place is Place.NODE and isinstance(end, Succeeded):
                self._loads[entry.task.key] = entry.task
            self._events.append(
                Outcome(
                    entry.task.key, end, streams.stdout, streams.stderr, usage, warned, entry.attempt
                )
            )  # fmt: skip
        elif not isinstance(end, Succeeded | Cancelled):
            self._events.append(Notice(f"{entry.task.key} failed: {end}"))

    # ---- the end of a node

    def _bury(self, node: NodeHandle, status: int | None) -> None:
        """A node is dead and nothing is left beneath it: settle what it had been given."""
        self._hear_the_rest(node)
        activity, at_fault = read_logbook(node.logbook)
        words = self._supervisor.last_words()
        self._drop(node)
        for number, entry in list(self._sent.items()):
            if entry.node is not node:
                continue
            del self._sent[number]
            doing = ""
            if number == at_fault and activity != Activity.FORKING:
                did = "read this task" if activity == Activity.READING else "ran it"
                doing = f"the compute node died while it {did}"
            elif entry.stage is Stage.RUNNING:
                doing = "the compute node died while it ran this task, whose process was ended with it"
            elif entry.lost >= _MOST_LOST:
                doing = "compute nodes died again and again before this task could start"
            if not doing:
                entry.lost += 1
                self._take_back(entry)
                continue
            self._pass_on(entry, 0)
            end: End = node_death(status, words, doing, self._oom)
            if entry.cancelled:
                end = Cancelled()
            elif entry.timed_out:
                end = TimedOut(entry.task.timeout or 0.0)
            entry.step_back()
            self._settle(entry, end, _NO_OUTPUT, _UNUSED, ())

    def _hear_the_rest(self, node: NodeHandle) -> None:
        """What a node had said before it died."""
        try:
            while messages := node.channel.receive():
                for message in messages:
                    self._obey(node, message)
        except EOFError:
            return

    def _drop(self, node: NodeHandle) -> None:
        self._readiness.unwatch(node.channel.fileno())
        for place in [place for place, known in self._nodes.items() if known is node]:
            del self._nodes[place]
        node.close()

    def _end_what_runs(self) -> None:
        for entry in list(self._entries.values()):
            if entry.stage is Stage.WAITING:
                self._line.remove(entry)
                self._report(entry, Cancelled())
            elif not entry.cancelled:
                entry.cancelled = True
                self._end(entry)
        deadline = time.monotonic() + self._grace + 1.0
        while self._sent and (left := deadline - time.monotonic()) > 0:
            self._flush()
            self._attend(left)

    def _flush(self) -> None:
        """Write what is queued; what the other side does not take now is written when it can."""
        if self._supervisor.channel is not None:
            self._readiness.write(self._supervisor.channel)
        for place in (Place.FORK, Place.FRESH):
            node = self._nodes.get(place)
            if node is not None:
                self._readiness.write(node.channel)
