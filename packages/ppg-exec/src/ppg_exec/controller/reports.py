"""Reports: turns the messages of nodes and the forkserver into the ends of tasks."""

from __future__ import annotations

from typing import assert_never

from ppg_exec.attempts import memory_after_out_of_memory
from ppg_exec.controller.cancellation import Cancellation
from ppg_exec.controller.dispatcher import Dispatcher
from ppg_exec.controller.node_watch import NodeWatch
from ppg_exec.controller.outcomes import OomCounter, end_of, node_death, uses_of
from ppg_exec.controller.registry import (
    NO_OUTPUT,
    NO_USES,
    REPEATS,
    UNUSED,
    Registry,
    Role,
    Stage,
    Streams,
    TaskState,
    Uses,
    memory_warning,
)
from ppg_exec.controller.run_names import RunNames
from ppg_exec.hosts.local_host import NodeHandle
from ppg_exec.hosts.nodes import Nodes
from ppg_exec.job_output.report_socket import close_descriptors
from ppg_exec.sent_exceptions import SentValue
from ppg_exec.tasks import (
    Cancelled,
    Died,
    End,
    ExecutorError,
    Notice,
    Output,
    Raised,
    RunsIn,
    Started,
    TimedOut,
    Usage,
)
from ppg_exec.transport.channel import Channel, LostDescriptor
from ppg_exec.transport.forkserver_messages import FromForkserver, MemoryGrown, NodeDied, ToForkserver
from ppg_exec.transport.logbook import Activity, read_logbook
from ppg_exec.transport.node_messages import (
    FromNode,
    IdentitiesLost,
    NamesDiffer,
    NamesUnset,
    TaskEnded,
    TasksRecalled,
    TaskStarted,
    TaskUnread,
)

__all__ = ["Reports"]

_MOST_LOST = 3


class Reports:
    """Reports: reads the messages of the other side, and settles them with the registry and the dispatcher.

    With `enforce_memory`, tasks that use more memory than they have stated are ended. With `keep_pickled`, what tasks have
    returned is a `SentValue` where it was pickled.
    """

    def __init__(
        self,
        registry: Registry,
        dispatcher: Dispatcher,
        cancellation: Cancellation,
        nodes: Nodes,
        names: RunNames,
        watch: NodeWatch,
        *,
        enforce_memory: bool,
        keep_pickled: bool,
    ) -> None:
        self._registry = registry
        self._keep_pickled = keep_pickled
        self._dispatcher = dispatcher
        self._cancellation = cancellation
        self._nodes = nodes
        self._names = names
        self._watch = watch
        self._enforce_memory = enforce_memory
        self._oom = OomCounter()

    def read(self, descriptor: int) -> None:
        """Read what has arrived at a descriptor of a node or of the forkserver."""
        control = self._nodes.control
        if control is not None and descriptor == control.fileno():
            self._read_forkserver(control)
            return
        for node in self._nodes.all():
            if descriptor == node.channel.fileno():
                self._read_node(node)

    def _read_node(self, node: NodeHandle) -> None:
        self._watch.heard(node)
        try:
            for message in node.channel.each():
                self._handle(node, message)
        except LostDescriptor as error:
            raise ExecutorError(
                f"{error}: long output of tasks is kept in files, so drop outcomes when they are dealt with, "
                "or raise the limit (ulimit -n)"
            ) from error
        except EOFError:
            # The forkserver reports how the node died, once every process beneath the node is gone.
            self._nodes.unwatch(node.channel)

    def _read_forkserver(self, control: Channel[ToForkserver, FromForkserver]) -> None:
        try:
            for message in control.each():
                match message:
                    case NodeDied():
                        for node in self._nodes.all():
                            if node.number == message.node:
                                self._node_died(node, message.status, self._nodes.host.stderr_tail())
                    case MemoryGrown():
                        self._note_memory(message.sizes)
                    case _:
                        assert_never(message)
        except EOFError:
            self._nodes.unwatch(control)
            code = self._nodes.host.abandon()
            words = self._nodes.host.stderr_tail()
            for node in self._nodes.all():
                self._node_died(node, None, words)
            if code == 1 and words:
                limit = "\nIs there a limit on processes or descriptors (ulimit -u, ulimit -n)?"
                remedy = limit if "[Errno" in words else ""
                raise ExecutorError(f"the forkserver cannot start: {_cause(words)}{remedy}") from None
            self._registry.events.append(
                Notice("the forkserver was killed; a new one is started when it is needed")
            )

    def _note_memory(self, sizes: dict[int, int]) -> None:
        for state in self._registry.sent.values():
            size = sizes.get(state.pid, 0) if state.stage is Stage.RUNNING else 0
            if size > state.peak_memory:
                state.peak_memory = size
                limit = state.memory
                enforced = self._enforce_memory or state.task.enforce_memory
                if enforced and limit is not None and size > limit and not state.is_over_memory:
                    self._cancellation.end_for_memory(state)

    def _handle(self, node: NodeHandle, message: FromNode) -> None:
        match message:
            case TaskStarted():
                state = self._registry.sent[message.number]
                state.stage = Stage.RUNNING
                state.pid = message.pid
                if state.role is Role.TASK:
                    self._registry.events.append(Started(state.task.key, message.pid, message.when))
                if state.cancelled or state.task.timeout is not None:
                    self._cancellation.has_begun(state)
            case TaskEnded():
                self._read_end(node, self._registry.sent.pop(message.number), message)
            case TasksRecalled():
                for number in message.numbers:
                    self._dispatcher.take_back(self._registry.sent.pop(number))
            case IdentitiesLost():
                node.shared.forget(message.identities)
            case NamesDiffer():
                self._names.answer(node, message.names, "answer")
            case NamesUnset():
                self._names.unset(message.names)
            case TaskUnread():
                node.shared.forget(message.identities)
                self._dispatcher.take_back(self._registry.sent.pop(message.number))
            case _:
                assert_never(message)

    def _read_end(self, node: NodeHandle, state: TaskState, message: TaskEnded) -> None:
        streams = Streams(_output(message.stdout), _output(message.stderr))
        if message.differing and self._has_new_values(node, state, message):
            # The task has run with other values, so it runs again.
            close_descriptors(message.report, message.uses)
            self._dispatcher.take_back(state, message.successor)
            return
        self._dispatcher.pass_on(state, message.successor)
        end = end_of(
            message,
            message.expected or state.ended_because,
            timeout=state.task.timeout,
            returns_plain=state.task.returns_plain,
            peak_memory=state.peak_memory,
            load=SentValue if self._keep_pickled else node.shared.load,
            oom=self._oom,
        )
        uses = uses_of(message.uses) if state.task.tracking is not None else NO_USES
        wall, user, system, peak = message.usage
        self._dispatcher.note_wall_time(state, wall)
        used = Usage(wall, user, system, max(peak, state.peak_memory))
        state.stage = Stage.WAITING
        warned = (*message.warnings, *memory_warning(state, used))
        self._settle(state, end, streams, used, warned, uses)

    def _has_new_values(self, node: NodeHandle, state: TaskState, message: TaskEnded) -> bool:
        """Send its node the values of names that a task has found to differ; returns whether it now has more than then."""
        names = [name for name in message.differing if [type(part) for part in name] == [str, str]]
        use = "late" if state.task.place is RunsIn.FRESH else "ahead"
        return self._names.answer(node, names, use, state.names_settled) and not state.ended_because

    def _settle(
        self,
        state: TaskState,
        end: End,
        streams: Streams,
        usage: Usage,
        warned: tuple[str, ...],
        uses: Uses = NO_USES,
    ) -> None:
        """Let the task wait for another attempt, or report its end."""
        failed = isinstance(end, Raised | Died | TimedOut)
        if not failed or state.attempt > state.task.retries or state.cancelled:
            self._registry.report(state, end, streams, usage, warned, uses)
        elif isinstance(end, Died) and end.of_memory:
            seen = max(usage.peak_memory, state.peak_memory)
            self._dispatcher.retry(state, end, memory_after_out_of_memory(state.memory, seen))
        else:
            self._dispatcher.retry(state, end, state.memory)

    # ---- the end of a node

    def _node_died(self, node: NodeHandle, status: int | None, words: str) -> None:
        """Settle what a dead node had been given; `words` are the last lines that it printed.

        No process is left beneath the node.
        """
        self._read_rest(node)
        activity, at_fault = read_logbook(node.logbook)
        self._nodes.drop(node)
        taken_back = 0
        for number, state in list(self._registry.sent.items()):
            if state.node is not node:
                continue
            del self._registry.sent[number]
            doing = ""
            if number == at_fault and activity != Activity.FORKING:
                did = "read this task" if activity == Activity.READING else "ran it"
                doing = f"the compute node died while it {did}"
            elif state.stage is Stage.RUNNING:
                doing = "the compute node died while it ran this task, and the task's process ended with it"
            elif state.lost >= _MOST_LOST:
                doing = "compute nodes died again and again before this task could start"
            if not doing and state.role in REPEATS:
                # The next node repeats all of them, and each just once.
                self._dispatcher.pass_on(state, 0)
                del self._registry.states[state.task.key]
                continue
            if not doing:
                state.lost += 1
                taken_back += state.role is Role.TASK
                self._dispatcher.take_back(state)
                continue
            self._dispatcher.pass_on(state, 0)
            end: End = node_death(status, words, doing, self._oom)
            if state.cancelled:
                end = Cancelled()
            elif state.timed_out:
                end = TimedOut(state.task.timeout or 0.0)
            state.step_back()
            self._settle(state, end, NO_OUTPUT, UNUSED, ())
        if taken_back:
            # A node may die just after it has forked, before it says so.
            self._registry.events.append(
                Notice(
                    f"a compute node died; {taken_back} of its jobs, which had not begun or just had, start again"
                )
            )

    def _read_rest(self, node: NodeHandle) -> None:
        """Read what a node sent before it died."""
        try:
            has_any = True
            while has_any:
                has_any = False
                for message in node.channel.each():
                    has_any = True
                    self._handle(node, message)
        except EOFError:
            return


def _output(content: bytes | int) -> Output:
    return Output(content) if isinstance(content, bytes) else Output(descriptor=content)


def _cause(words: str) -> str:
    """The exception of a traceback in what a process has printed, or else all of it."""
    before, found, _ = words.rpartition("Traceback (most recent call last):")
    lines = words.rstrip().splitlines()
    return f"{before}{lines[-1]}" if found else words
