"""Remote executor: runs tasks by the agents of one or many machines; this is the controller's side.

    submit → placement (which machine) → RemoteMachine (loads first, then the task) → fleet → agents
    agents → fleet → `received` → events

An agent is a local executor behind a link. So timeouts, retries, limits, outputs and the ends of tasks are its business. What
is left here: where a task runs, which loads a machine repeats, and what happens when a machine is lost.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

from ppg_exec.controller.run_names import RunNames
from ppg_exec.executor import Event
from ppg_exec.links.messages import (
    CancelSubmitted,
    LeaveMachine,
    PauseTasks,
    PrepareNode,
    RecallSubmitted,
    ResumeTasks,
    WatchDigests,
)
from ppg_exec.pickling.culprit import CannotPickle
from ppg_exec.remote.fleet import Fleet
from ppg_exec.remote.load_plan import LoadPlan
from ppg_exec.remote.lost import FailedLoads, LostMachines
from ppg_exec.remote.machine import LoadStep, RemoteMachine, RemoteTask
from ppg_exec.remote.received import Received
from ppg_exec.remote.tasks_under_way import TasksUnderWay
from ppg_exec.resources.placement import Placement
from ppg_exec.tasks import Cancelled, ExecutorError, Notice, Refused, RunsIn, Task, Unpicklable
from ppg_exec.transport.poller import Poller

__all__ = ["RemoteExecutor"]

_PATIENCE = 2.0
_STALE_SECONDS = 0.2
"""How long a task may wait on a full machine while another one is idle."""


class RemoteExecutor:
    """RemoteExecutor: runs tasks on the machines of a fleet, which starts with the first task.

    Args:
        fleet: starts the agents; it belongs to the executor from now on, which closes it.

    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._poller = Poller()
        self._under_way = TasksUnderWay(Placement(), LoadPlan())
        self._names = RunNames(self._under_way.events.append)
        self._failed_loads = FailedLoads(self._under_way)
        lost = LostMachines(self._under_way)
        self._received = Received(
            fleet, self._under_way, self._names, lost, self._failed_loads, self._begin_next
        )
        self._orders = itertools.count(1)
        self._modules: tuple[str, ...] | None = None
        self._looked_at = 0.0
        self._is_started = False
        self._closed = False

    @property
    def cores(self) -> int:
        """How many cores the machines that have joined give to tasks."""
        return self._under_way.placement.cores()

    def prepare(self, modules: Collection[str] = ()) -> None:
        """Start the agents, which import `modules` in their nodes; see `Executor.prepare`."""
        self._received.modules = tuple(modules)
        self._start()
        for machine in self._received.ready():
            machine.put(PrepareNode(tuple(modules)))

    def _start(self) -> None:
        if not self._is_started:
            self._is_started = True
            self._fleet.start()
            self._poller.watch(self._fleet.fileno())

    def watch(self, names: Collection[tuple[str, str]], is_own: Callable[[str], bool]) -> None:
        """Let names stand for the same on all machines as here; see `Executor.watch`."""
        new = self._names.watch(names, is_own)
        if new is not None:
            for machine in self._received.ready():
                machine.put(WatchDigests(new.digests))

    def submit(self, task: Task) -> None:
        """Take a task. If no machine is large enough, its outcome is `Refused`."""
        if self._closed:
            raise ExecutorError(
                f"task {task.key!r} was submitted to an executor that is closed; submit it to a new one"
            )
        if task.key in self._under_way.states:
            raise ExecutorError(f"task {task.key!r} was submitted twice; give each task a key of its own")
        self._start()
        self._under_way.add(RemoteTask(task, next(self._orders)))
        self._poller.wake()

    def poll(self, timeout: float | None = None) -> list[Event]:
        """Return what has happened; see `Executor.poll`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            return self._poll(deadline)
        finally:
            self._poller.wake_at(self._next_due())

    def _poll(self, deadline: float | None) -> list[Event]:
        under_way = self._under_way
        self._poller.clear()
        while True:
            self._received.read()
            self._place()
            self._fleet.flush()
            if under_way.events:
                return under_way.take_events()
            if not under_way.states and not any(machine.unloading for machine in self._received.ready()):
                return []
            self._require_machines()
            now = time.monotonic()
            if deadline is not None and now > deadline:
                return []
            due = [each for each in (deadline, self._next_due()) if each is not None]
            self._poller.wait(max(0.0, min(due) - now) if due else None)
            if deadline is not None:
                # With a timeout of 0, too, what has arrived is read once more.
                deadline = max(deadline, now) if time.monotonic() < deadline else -math.inf

    def fileno(self) -> int:
        """A descriptor that is readable when `poll` has something to do."""
        return self._poller.fileno()

    def cancel(self, key: str) -> None:
        """End a task, wherever it is."""
        state = self._under_way.states.get(key)
        if state is None or state.cancelled:
            return
        state.cancelled = True
        if state.machine is None:
            self._under_way.placement.remove(state)
            self._under_way.report(state, Cancelled())
        elif state.is_sent:
            state.machine.put(CancelSubmitted(state.number))
        else:
            state.machine.queue.remove(state)
            self._under_way.placement.ended(state)
            self._under_way.report(state, Cancelled())
        self._poller.wake()

    def unload(self, key: str, function: Callable[[], object]) -> None:
        """Undo a load on each machine that has it."""
        order = next(self._orders)
        task = Task(f"unload {key} ({order})", function, place=RunsIn.NODE, priority=math.inf, needs=())
        self._under_way.loads.unloaded(key, task)
        for machine in self._received.ready():
            if key in machine.loads:
                machine.loads.discard(key)
                self._under_way.placement.forget_load(machine.agent, key)
                self._send_unload(machine, key, function)
        self._poller.wake()

    def _send_unload(self, machine: RemoteMachine, key: str, function: Callable[[], object]) -> None:
        try:
            machine.unload(self._under_way.next_number(), key, function)
        except (CannotPickle, ValueError) as error:
            self._under_way.events.append(Notice(f"unload {key} failed: {error}"))

    def pause(self) -> None:
        """Stop all tasks on all machines."""
        for machine in self._received.ready():
            machine.put(PauseTasks())
        # This process is about to stop.
        self._fleet.flush(_PATIENCE)

    def resume(self) -> None:
        """Let stopped tasks go on."""
        for machine in self._received.ready():
            machine.put(ResumeTasks())
        self._fleet.flush()

    def close(self) -> None:
        """End what runs, and all agents."""
        if self._closed:
            return
        self._closed = True
        try:
            for machine in self._received.ready():
                machine.put(LeaveMachine())
        finally:
            self._fleet.close(self._fleet.settings.grace + 5.0)
            self._received.close()
            self._poller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- to the machines

    def _next_due(self) -> float | None:
        due = [self._fleet.next_due()]
        if self._under_way.has_tasks_ahead:
            due.append(self._looked_at + _STALE_SECONDS)
        return min((each for each in due if each is not None), default=None)

    def _place(self) -> None:
        placement = self._under_way.placement
        self._fleet.want(self._under_way.wanted_cores)
        touched: dict[RemoteMachine, None] = {}
        is_ahead = False
        for placed in placement.place():
            state, machine = placed.item, self._received.machines[placed.machine]
            state.machine = machine
            state.is_ahead = placed.is_ahead
            is_ahead = is_ahead or placed.is_ahead
            steps = self._under_way.loads.steps(state.loads, machine.loads)
            for step in steps:
                machine.queue.append(step)
                (machine.loads.discard if step.undoes else machine.loads.add)(step.key)
            if state.task.place is RunsIn.NODE:
                placement.note_load(machine.agent, state.task.key)
                machine.loads.add(state.task.key)
            machine.queue.append(state)
            touched[machine] = None
        for machine in touched:
            self._begin_next(machine)
        now = time.monotonic()
        if is_ahead and not self._under_way.has_tasks_ahead:
            self._under_way.has_tasks_ahead = True
            self._looked_at = now
        elif self._under_way.has_tasks_ahead and now >= self._looked_at + _STALE_SECONDS:
            self._looked_at = now
            self._recall()
        if placement.waiting() and placement.machines() and self._fleet.is_settled():
            for state, why in placement.unsatisfiable():
                placement.remove(state)
                self._under_way.report(state, Refused(why))

    def _recall(self) -> None:
        """Ask for tasks back that wait on a full machine while others are idle."""
        recalled: dict[RemoteMachine, list[int]] = {}
        waits = False
        for state in self._under_way.placement.to_recall():
            waits = True
            if state.machine is not None and state.is_sent and not state.is_running:
                recalled.setdefault(state.machine, []).append(state.number)
        for machine, numbers in recalled.items():
            machine.put(RecallSubmitted(numbers))
        self._under_way.has_tasks_ahead = waits or self._under_way.placement.has_ahead()

    def _begin_next(self, machine: RemoteMachine) -> None:
        """Send what a machine is to get, up to the next load that others wait for."""
        while machine.queue and machine.loading is None:
            following = machine.queue.popleft()
            if isinstance(following, LoadStep):
                self._begin_step(machine, following)
            else:
                self._send(machine, following)

    def _begin_step(self, machine: RemoteMachine, step: LoadStep) -> None:
        if step.undoes:
            # Unloading is part of the history, so its task has the function alone.
            self._send_unload(machine, step.key, step.task.function)
            return
        state = RemoteTask(step.task, next(self._orders), is_repeat=True)
        state.number = self._under_way.next_number()
        try:
            machine.submit(state)
        except (CannotPickle, ValueError) as error:
            path = getattr(error, "unpicklable_path", "callback")
            self._failed_loads.repeat_ended(machine, step.key, Unpicklable(path, str(error)))
        else:
            machine.loading = state

    def _send(self, machine: RemoteMachine, state: RemoteTask) -> None:
        state.number = self._under_way.next_number()
        try:
            machine.submit(state)
        except (CannotPickle, ValueError) as error:
            path = getattr(error, "unpicklable_path", "callback")
            self._under_way.placement.ended(state)
            self._under_way.report(state, Unpicklable(path, str(error)))

    def _require_machines(self) -> None:
        if not self._received.machines and not self._fleet.expects_more():
            raise ExecutorError(self._received.why_none())
