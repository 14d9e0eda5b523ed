"""Node watch: notices that a compute node has stopped, or spins, and so reports nothing any more.

A signal may stop a node, and a thread that a load has left in it may keep it from running. Tasks then neither
start nor end, although every process is there. So when a node with tasks has been silent for a while, the
controller sends it a message without effect, and checks whether the node reads it. A node that runs a load, or
that imports what a task needs, reads no messages for long; the logbook shows that.
"""

from __future__ import annotations

import fcntl
import termios
import time
from dataclasses import dataclass, field

from ppg_exec.controller.registry import Registry, Stage, TaskState
from ppg_exec.hosts.local_host import NodeHandle
from ppg_exec.hosts.nodes import Nodes
from ppg_exec.linux import stat_fields
from ppg_exec.tasks import Notice
from ppg_exec.transport.logbook import Activity, read_logbook, read_owner
from ppg_exec.transport.node_messages import ForgetIdentities

__all__ = ["NodeWatch"]

_SILENCE = 10.0
"""seconds without a message after which a node is looked at"""
_INTERVAL = 5.0
"""seconds between two looks at a silent node"""
_UNREAD = 1.0
"""seconds for which a message stays unread at a node that is stuck"""

_BUSY = frozenset({Activity.READING, Activity.LOADING})
_STOPPED = frozenset({b"T", b"t"})


@dataclass(slots=True)
class _Sample:
    """_Sample: holds what the last look at a node has found."""

    heard: float
    when: float = 0.0
    unread_since: float | None = None
    """since when a message for the node has not been read, as far as the looks show"""
    was_stopped: bool = False
    told: set[object] = field(default_factory=set)
    """what was said of this node: "stopped", "spins", or the pid of a stopped job"""


class NodeWatch:
    """NodeWatch: looks at nodes that are silent although they have tasks."""

    def __init__(self, registry: Registry, nodes: Nodes) -> None:
        self._registry = registry
        self._nodes = nodes
        self._samples: dict[int, _Sample] = {}
        self._due: float | None = None

    def heard(self, node: NodeHandle) -> None:
        """Note that a message of the node has arrived."""
        sample = self._samples.get(node.number)
        if sample is None or sample.told:
            self._samples[node.number] = _Sample(time.monotonic())
        else:
            sample.heard = time.monotonic()

    def next(self) -> float | None:
        """When `look` is due (monotonic seconds); None if no node has a task.

        A message from a node moves that time only when it has come, because each move costs a system call.
        """
        if self._due is None and self._registry.sent:
            self._due = min(map(self._due_of, self._nodes.all()), default=None)
        return self._due

    def _due_of(self, node: NodeHandle) -> float:
        sample = self._samples.get(node.number)
        if sample is None:
            sample = self._samples[node.number] = _Sample(time.monotonic())
        return max(sample.heard + _SILENCE, sample.when + _INTERVAL)

    def look(self) -> None:
        """Look at the silent nodes, and report each that is stopped or spins, and their stopped jobs."""
        now = time.monotonic()
        if self._due is None or now < self._due:
            return
        self._due = None
        for node in self._nodes.all():
            sample = self._samples.get(node.number)
            if sample is None or now < self._due_of(node):
                continue
            was_stopped = sample.was_stopped
            self._measure(node, sample, now)
            if not any(state.node is node for state in self._registry.sent.values()):
                continue
            pid = read_owner(node.logbook)
            # After Ctrl-Z and `fg`, a node is stopped for one look perhaps, until the forkserver lets it go on.
            if sample.was_stopped and was_stopped:
                self._report(
                    sample,
                    "stopped",
                    f"the compute node (pid {pid}) is stopped, so no task starts or ends: "
                    f"kill -CONT {pid} lets it go on",
                )
            elif self._ignores_messages(sample, now):
                self._report(
                    sample,
                    "spins",
                    f"the compute node (pid {pid}) reads no messages, so no task starts or ends. "
                    "A load may have left a thread that keeps it busy. Stop the run, and end the thread "
                    "in the load",
                )
            else:
                for state in self._running(node):
                    if _state_of(state.pid) in _STOPPED:
                        self._report(
                            sample,
                            state.pid,
                            f"task {state.task.key!r} (pid {state.pid}) is stopped: "
                            f"kill -CONT {state.pid} lets it go on",
                        )

    def is_stuck(self, node: NodeHandle) -> bool:
        """Whether a node cannot end its tasks at the moment, because it is stopped or spins."""
        now = time.monotonic()
        sample = self._samples.setdefault(node.number, _Sample(now))
        self._measure(node, sample, now)
        return sample.was_stopped or self._ignores_messages(sample, now)

    def has_ended(self, state: TaskState) -> bool:
        """Whether the process of a job has ended, which its node has perhaps not reported."""
        return _state_of(state.pid) in {b"", b"Z", b"X"}

    def all_must_end(self, node: NodeHandle) -> bool:
        """Whether every task that runs in the node, or beneath it, was asked to end."""
        return all(
            state.cancelled or state.timed_out or state.is_over_memory for state in self._running(node)
        )

    def _running(self, node: NodeHandle) -> list[TaskState]:
        return [
            state
            for state in self._registry.sent.values()
            if state.node is node and state.stage is Stage.RUNNING and not state.is_load
        ]

    def _measure(self, node: NodeHandle, sample: _Sample, now: float) -> None:
        sample.when = now
        sample.was_stopped = _state_of(read_owner(node.logbook)) in _STOPPED
        if not _unread(node) or read_logbook(node.logbook)[0] in _BUSY:
            sample.unread_since = None
            node.channel.put(ForgetIdentities([]))
        elif sample.unread_since is None:
            sample.unread_since = now

    def _ignores_messages(self, sample: _Sample, now: float) -> bool:
        return sample.unread_since is not None and now - sample.unread_since >= _UNREAD

    def _report(self, sample: _Sample, what: object, message: str) -> None:
        if what not in sample.told:
            sample.told.add(what)
            self._registry.events.append(Notice(message))


def _unread(node: NodeHandle) -> bool:
    """Whether the node has not read all that was sent to it."""
    in_kernel = fcntl.ioctl(node.channel.fileno(), termios.TIOCOUTQ, bytes(4))
    return node.channel.has_waiting or any(in_kernel)


def _state_of(pid: int) -> bytes:
    fields = stat_fields(pid) if pid else []
    return fields[0] if fields else b""
