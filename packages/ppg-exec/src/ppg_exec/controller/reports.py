"""What nodes and the forkserver say, turned into the ends of tasks."""

from __future__ import annotations

from typing import assert_never

from ppg_exec.attempts import memory_after_out_of_memory
from ppg_exec.controller.cancellation import Ending
from ppg_exec.controller.dispatcher import Dispatcher
from ppg_exec.controller.outcomes import OomCounter, end_of, node_death
from ppg_exec.controller.registry import (
    NO_OUTPUT,
    UNUSED,
    Entry,
    Register,
    Role,
    Stage,
    Streams,
    memory_warning,
)
from ppg_exec.hosts.local_host import NodeHandle
from ppg_exec.hosts.nodes import Fleet
from ppg_exec.tasks import (
    Cancelled,
    Died,
    End,
    ExecutorError,
    Notice,
    Output,
    Raised,
    Started,
    TimedOut,
    Usage,
)
from ppg_exec.transport.channel import Channel, LostDescriptor
from ppg_exec.transport.logbook import Activity, read_logbook
from ppg_exec.transport.messages import (
    FromForkserver,
    FromNode,
    IdentitiesLost,
    MemoryGrown,
    NodeDied,
    TaskEnded,
    TasksRecalled,
    TaskStarted,
    TaskUnread,
    ToForkserver,
)

__all__ = ["Reception"]

_MOST_LOST = 3


class Reception:
    """Hears the other side out, and settles what it says with the register and the dispatcher.

    With `enforce_memory`, tasks that use more memory than they have stated are ended.
    """

    def __init__(
        self,
        register: Register,
        dispatcher: Dispatcher,
        ending: Ending,
        fleet: Fleet,
        *,
        enforce_memory: bool,
    ) -> None:
        self._register = register
        self._dispatcher = dispatcher
        self._ending = ending
        self._fleet = fleet
        self._enforce_memory = enforce_memory
        self._oom = OomCounter()

    def hear(self, descriptor: int) -> None:
        """Read what has arrived at a descriptor of the fleet."""
        control = self._fleet.control
        if control is not None and descriptor == control.fileno():
            self._hear_forkserver(control)
            return
        for node in self._fleet.nodes():
            if descriptor == node.channel.fileno():
                self._hear_node(node)

    def _hear_node(self, node: NodeHandle) -> None:
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
            self._fleet.deafen(node.channel)

    def _hear_forkserver(self, control: Channel[ToForkserver, FromForkserver]) -> None:
        try:
            for message in control.receive():
                match message:
                    case NodeDied():
                        for node in self._fleet.nodes():
                            if node.number == message.node:
                                self._bury(node, message.status, self._fleet.supervisor.last_words())
                    case MemoryGrown():
                        self._note_memory(message.sizes)
                    case _:
                        assert_never(message)
        except EOFError:
            self._fleet.deafen(control)
            code = self._fleet.supervisor.abandon()
            words = self._fleet.supervisor.last_words()
            for node in self._fleet.nodes():
                self._bury(node, None, words)
            if code == 1 and words:
                limit = "\nIs there a limit on processes or descriptors (ulimit -u, ulimit -n)?"
                remedy = limit if "[Errno" in words else ""
                raise ExecutorError(f"the forkserver cannot start: {words}{remedy}") from None
            self._register.events.append(
                Notice("the forkserver was killed; a new one is started when it is needed")
            )

    def _note_memory(self, sizes: dict[int, int]) -> None:
        for entry in self._register.sent.values():
            size = sizes.get(entry.pid, 0) if entry.stage is Stage.RUNNING else 0
            if size > entry.peak_memory:
                entry.peak_memory = size
                limit = entry.memory
                enforced = self._enforce_memory or entry.task.enforce_memory
                if enforced and limit is not None and size > limit and not entry.is_over_memory:
                    self._ending.end_for_memory(entry)

    def _obey(self, node: NodeHandle, message: FromNode) -> None:
        match message:
            case TaskStarted():
                entry = self._register.sent[message.number]
                entry.stage = Stage.RUNNING
                entry.pid = message.pid
                if entry.role is Role.TASK:
                    self._register.events.append(Started(entry.task.key, message.pid, message.when))
                if entry.cancelled or entry.task.timeout is not None:
                    self._ending.has_begun(entry)
            case TaskEnded():
                self._hear_of_an_end(node, self._register.sent.pop(message.number), message)
            case TasksRecalled():
                for number in message.numbers:
                    self._dispatcher.take_back(self._register.sent.pop(number))
            case IdentitiesLost():
                node.shared.forget(message.identities)
            case TaskUnread():
                node.shared.forget(message.identities)
                self._dispatcher.take_back(self._register.sent.pop(message.number))
            case _:
                assert_never(message)

    def _hear_of_an_end(self, node: NodeHandle, entry: Entry, message: TaskEnded) -> None:
        streams = Streams(_output(message.stdout), _output(message.stderr))
        self._dispatcher.pass_on(entry, message.successor)
        end = end_of(
            message,
            message.expected or entry.ended_because,
            timeout=entry.task.timeout,
            peak_memory=entry.peak_memory,
            load=node.shared.load,
            oom=self._oom,
        )
        wall, user, system, peak = message.usage
        self._dispatcher.learn(entry, wall)
        used = Usage(wall, user, system, max(peak, entry.peak_memory))
        entry.stage = Stage.WAITING
        warned = (*message.warnings, *memory_warning(entry, used))
        self._settle(entry, end, streams, used, warned)

    def _settle(
        self, entry: Entry, end: End, streams: Streams, usage: Usage, warned: tuple[str, ...]
    ) -> None:
        """Try again, or report."""
        failed = isinstance(end, Raised | Died | TimedOut)
        if not failed or entry.attempt > entry.task.retries or entry.cancelled:
            self._register.report(entry, end, streams, usage, warned)
        elif isinstance(end, Died) and end.of_memory:
            seen = max(usage.peak_memory, entry.peak_memory)
            self._dispatcher.retry(entry, end, memory_after_out_of_memory(entry.memory, seen))
        else:
            self._dispatcher.retry(entry, end, entry.memory)

    # ---- the end of a node

    def _bury(self, node: NodeHandle, status: int | None, words: str) -> None:
        """A node is dead, with these words, and nothing is left beneath it: settle what it had been given."""
        self._hear_the_rest(node)
        activity, at_fault = read_logbook(node.logbook)
        self._fleet.drop(node)
        for number, entry in list(self._register.sent.items()):
            if entry.node is not node:
                continue
            del self._register.sent[number]
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
                self._dispatcher.take_back(entry)
                continue
            self._dispatcher.pass_on(entry, 0)
            end: End = node_death(status, words, doing, self._oom)
            if entry.cancelled:
                end = Cancelled()
            elif entry.timed_out:
                end = TimedOut(entry.task.timeout or 0.0)
            entry.step_back()
            self._settle(entry, end, NO_OUTPUT, UNUSED, ())

    def _hear_the_rest(self, node: NodeHandle) -> None:
        """What a node had said before it died."""
        try:
            while messages := node.channel.receive():
                for message in messages:
                    self._obey(node, message)
        except EOFError:
            return


def _output(content: bytes | int) -> Output:
    return Output(content) if isinstance(content, bytes) else Output(descriptor=content)
