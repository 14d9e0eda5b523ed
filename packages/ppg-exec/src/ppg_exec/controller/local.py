"""Local executor: runs tasks on this machine; this is the controller's side.

It has four parts around a registry of the tasks that have not ended:

    submit → dispatcher (the line, the ledger) → hosts.nodes (the nodes, the channels) → reports → events
                                    cancellation (tasks that end before their time)

`forkserver`, `node.node` and `node.job_process` are the other side.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Self

from ppg_exec.controller.cancellation import Cancellation
from ppg_exec.controller.dispatcher import Dispatcher
from ppg_exec.controller.node_watch import NodeWatch
from ppg_exec.controller.registry import Registry, Role, Stage, TaskState
from ppg_exec.controller.relay import Relay
from ppg_exec.controller.reports import Reports
from ppg_exec.controller.run_names import RunNames
from ppg_exec.executor import Event
from ppg_exec.hosts.local_host import LocalHost, StartMethod, default_scratch
from ppg_exec.hosts.nodes import Nodes
from ppg_exec.resources.core_grants import CoreEnvironment, CoreTokens
from ppg_exec.resources.jobserver import CorePool
from ppg_exec.resources.ledger import Ledger
from ppg_exec.resources.machine import available_cores, available_memory
from ppg_exec.tasks import ExecutorError, Notice, RunsIn, Task, working_directory
from ppg_exec.transport.node_messages import ImportModules, WatchNames
from ppg_exec.transport.poller import Poller

__all__ = ["LocalExecutor"]


class LocalExecutor:
    """LocalExecutor: runs tasks in processes on this machine.

    Args:
        cores: how many to use; by default what this process may use (cgroup, Slurm, affinity).
        memory: bytes to share out among tasks that state theirs; by default what this process may use.
        scratch: directory for the output of running tasks (unlinked files); by default the one for temporary
            files.
        grace: seconds between SIGTERM and SIGKILL for tasks that are cancelled.
        huge_pages: whether to put huge pages under large loads, which costs about a second for each GB, and
            makes forking twenty times cheaper.
        enforce_memory: whether to end tasks that use more memory than they have stated. Otherwise those far
            above it get a warning in their outcome. Memory is measured twice a second.
        pool: where to ask for every core beyond the first, if the cores are shared with other programs
            (`machine_pool`, `given_pool`). It belongs to the executor from now on, which closes it.
        start_method: "forkserver" starts compute nodes from a clean process. "fork" forks this process, for
            scripts that rely on what they have changed in modules. Forks are then dearer, and threads of this
            process may have left locks held.
        after_fork: called first in such a fork, to give up what belongs to this process alone. Another fork
            may be made when the first has died.
        notices: facts for the user, which the first `poll` after a task was submitted reports.
        relay: the process that the tasks come from, if that is another one.

    No process starts before the first task is submitted and `poll` is called, unless `prepare` is called.
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
        after_fork: Callable[[], object] | None = None,
        notices: Collection[str] = (),
        relay: Relay | None = None,
    ) -> None:
        self._ledger = Ledger(
            cores if cores is not None else available_cores(),
            memory if memory is not None else available_memory(),
        )
        self._grace = grace
        self._poller = Poller()
        self._tokens = CoreTokens(pool, self._ledger, self._poller)
        self._environment = CoreEnvironment()
        self.marker: str = os.urandom(16).hex() if relay is None else relay.marker
        """The value of PPG_EXECUTOR in the environment of every process beneath."""
        self._host = LocalHost(
            self.marker,
            working_directory(),
            scratch or default_scratch(),
            self._environment.of_one_core(),
            huge_pages=huge_pages,
            start_method=start_method,
            after_fork=after_fork,
            relayed=None if relay is None else relay.table,
        )
        self._registry = Registry()
        self._registry.events += map(Notice, notices)
        self._nodes = Nodes(self._host, self._poller)
        self._names = RunNames(self._registry.note, None if relay is None else relay.ask)
        self._dispatcher = Dispatcher(
            self._registry, self._nodes, self._names, self._ledger, self._tokens, self._environment
        )
        self._watch = NodeWatch(self._registry, self._nodes)
        self._cancellation = Cancellation(self._nodes, self._watch, grace)
        self._reports = Reports(
            self._registry,
            self._dispatcher,
            self._cancellation,
            self._nodes,
            self._names,
            self._watch,
            enforce_memory=enforce_memory,
            keep_pickled=relay is not None,
        )
        self._closed = False

    @property
    def cores(self) -> int:
        """How many cores it gives to tasks."""
        return self._ledger.cores

    def prepare(self, modules: Collection[str] = ()) -> None:
        """Start the compute node, which imports `modules`; see `Executor.prepare`.

        With `start_method="fork"` nothing starts, because this process is forked only for a task. Raises
        ExecutorError if the node cannot start.
        """
        if self._host.start_method == "forkserver" and self._nodes.node(RunsIn.FORK) is None:
            node = self._dispatcher.node_for(RunsIn.FORK)
            node.channel.put(ImportModules(tuple(modules)))
            self._nodes.flush()

    def watch(self, names: Collection[tuple[str, str]], is_own: Callable[[str], bool]) -> None:
        """Let names stand for the same as here; see `Executor.watch`. With `start_method="fork"` they do already."""
        if self._host.start_method == "forkserver":
            new = self._names.watch(names, is_own)
            if new is not None:
                self._send_to_nodes(new)

    def watch_digests(self, digests: Mapping[str, Mapping[str, bytes]]) -> None:
        """Let names stand for the same as in the process that the tasks come from, which has sent these digests."""
        self._names.take_in(digests)
        self._send_to_nodes(WatchNames({module: dict(paths) for module, paths in digests.items()}))

    def _send_to_nodes(self, names: WatchNames) -> None:
        for node in self._nodes.all():
            node.channel.put(names)

    def submit(self, task: Task) -> None:
        """Take a task. If it asks for more than there is, its outcome is `Refused`."""
        if self._closed:
            raise ExecutorError(
                f"task {task.key!r} was submitted to an executor that is closed; submit it to a new one"
            )
        if task.key in self._registry.states:
            raise ExecutorError(f"task {task.key!r} was submitted twice; give each task a key of its own")
        self._dispatcher.accept(TaskState(task, self._registry.next_number(), 0, task.memory))
        self._poller.wake()

    def poll(self, timeout: float | None = None) -> list[Event]:
        """Return what has happened; see `Executor.poll`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            return self._poll(deadline)
        finally:
            # Arm the timer so that a caller polling our descriptor wakes for the next deadline.
            self._poller.wake_at(self._next_due())

    def _poll(self, deadline: float | None) -> list[Event]:
        registry = self._registry
        self._poller.clear()
        # With a timeout of 0, too, messages that have arrived are read once.
        self._dispatcher.start_what_may()
        if not registry.events and registry.states:
            self._attend(0)
        while True:
            self._dispatcher.start_what_may()
            if registry.events:
                # Add what has arrived meanwhile, because each call costs the caller much work.
                self._attend(0)
                self._dispatcher.start_what_may()
                return registry.take_events()
            if not registry.states:
                return []
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left < 0:
                return []
            self._attend(left)

    def fileno(self) -> int:
        """A descriptor that is readable when `poll` has something to do."""
        return self._poller.fileno()

    def cancel(self, key: str) -> None:
        """End a task: SIGTERM, and SIGKILL after the grace period. Its outcome is `Cancelled`."""
        state = self._registry.states.get(key)
        if state is None or state.cancelled:
            return
        state.cancelled = True
        self._withdraw_or_end(state)
        self._poller.wake()

    def take_back(self, key: str) -> bool:
        """Take a task back that has never been sent to a node; returns whether it was. It then gets no outcome."""
        state = self._registry.states.get(key)
        if state is None or state.stage is not Stage.WAITING or state.attempt > 1 or state.cancelled:
            return False
        self._dispatcher.forget(state)
        return True

    def unload(self, key: str, function: Callable[[], object]) -> None:
        """Undo a load in the compute node, if the node that made it still runs."""
        self.begin_unload(key, function)

    def begin_unload(self, key: str, function: Callable[[], object]) -> str:
        """Undo a load; returns the name under which `is_under_way` knows that."""
        number = self._registry.next_number()
        task = Task(f"unload {key} ({number})", function, place=RunsIn.NODE, priority=math.inf)
        if self._nodes.node(RunsIn.NODE) is None:
            self._registry.loads.unloaded(key, task)
        else:
            self._dispatcher.accept(TaskState(task, number, 0, None, Role.UNLOAD, load=key))
            self._poller.wake()
        return task.key

    def is_under_way(self, key: str) -> bool:
        """Whether a task, or the end of a load, has not ended yet."""
        return key in self._registry.states

    def pause(self) -> None:
        """Stop all tasks (SIGSTOP), for example because Ctrl-Z is about to stop this process.

        Timeouts go on. The tasks stop at once, not at the next `poll`.
        """
        self._host.pause()
        self._nodes.flush()

    def resume(self) -> None:
        """Let stopped tasks go on."""
        self._host.resume()
        self._nodes.flush()

    def close(self) -> None:
        """End what runs (SIGTERM, SIGKILL after the grace period) and every process beneath."""
        if self._closed:
            return
        self._closed = True
        try:
            self._end_what_runs()
        finally:
            self._nodes.close()
            self._tokens.close()
            self._poller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attend(self, timeout: float | None) -> None:
        """Wait until a descriptor is readable (or can be written again), and read it."""
        self._cancellation.enforce()
        self._watch.look()
        self._nodes.flush()
        due = self._next_due()
        if due is not None:
            left = max(0.0, due - time.monotonic())
            timeout = left if timeout is None else max(0.0, min(timeout, left))
        for descriptor in self._poller.wait(timeout):
            self._reports.read(descriptor)
        self._nodes.flush()

    def _next_due(self) -> float | None:
        """When something is due that no descriptor reports (monotonic seconds)."""
        due = (self._cancellation.next(), self._tokens.retry_at, self._watch.next())
        return min((when for when in due if when is not None), default=None)

    def _withdraw_or_end(self, state: TaskState) -> None:
        if state.stage is Stage.WAITING:
            self._dispatcher.withdraw(state)
        else:
            self._cancellation.cancel(state)

    def _end_what_runs(self) -> None:
        for state in list(self._registry.states.values()):
            if not state.cancelled:
                state.cancelled = True
                self._withdraw_or_end(state)
        deadline = time.monotonic() + self._grace + 1.0
        while self._registry.sent and (left := deadline - time.monotonic()) > 0:
            self._nodes.flush()
            self._attend(left)
