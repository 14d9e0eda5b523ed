"""Dispatcher: keeps the waiting line and the ledger, and sends tasks to the nodes.

A *node* is a process that runs loads, and forks a job process for each other task. The *ledger* counts the free cores and memory.
A task that starts takes its *claim* from the ledger, the cores that it needs, and returns it at its end.

Short tasks are sent ahead: a node gets them before their claim is free, and waits. When a task of one core
ends, its node starts such a task at once, the *successor*. It reports the end and the successor in the same
message. So the claim passes from task to task, and the ledger is never wrong. `lookahead.Lookahead` decides
how many tasks are sent ahead.

The stages of a task (`registry.Stage`):

    WAITING ──────────────→ GRANTED → RUNNING → (outcome)
       └→ AHEAD ─(successor)──┘ │         │
            └───────(recalled)──┘         └→ WAITING (a retry, or its node died before it began)
"""

from __future__ import annotations

import time
from dataclasses import replace

from ppg_exec.attempts import append_attempt
from ppg_exec.controller.lookahead import Lookahead
from ppg_exec.controller.registry import UNLOADS, Registry, Role, Stage, TaskState
from ppg_exec.controller.run_names import RunNames
from ppg_exec.hosts.local_host import NodeHandle
from ppg_exec.hosts.nodes import Nodes
from ppg_exec.pickling.culprit import CannotPickle
from ppg_exec.resources.core_grants import CoreEnvironment, CoreTokens
from ppg_exec.resources.ledger import Ledger, Unsatisfiable, WaitingLine
from ppg_exec.tasks import Cancelled, End, ExecutorError, Refused, RunsIn, Unpicklable
from ppg_exec.transport.channel import LongMessage
from ppg_exec.transport.node_messages import ForgetIdentities, Go, RecallTasks, RunTask

__all__ = ["Dispatcher"]


class Dispatcher:
    """Dispatcher: keeps the waiting line and the ledger, and sends the tasks that may start.

    Args:
        registry: holds the tasks.
        nodes: run the tasks.
        names: lets names stand for the same in the nodes.
        ledger: counts the free cores and memory.
        tokens: the jobserver tokens that a start needs beside its claim, if other programs share the cores.
        environment: the variables that give a task the number of its cores.

    """

    def __init__(
        self,
        registry: Registry,
        nodes: Nodes,
        names: RunNames,
        ledger: Ledger,
        tokens: CoreTokens,
        environment: CoreEnvironment,
    ) -> None:
        self._registry = registry
        self._nodes = nodes
        self._names = names
        self._ledger = ledger
        self._tokens = tokens
        self._environment = environment
        self._line: WaitingLine[TaskState] = WaitingLine(ledger)
        self._lookahead = Lookahead(ledger.cores)

    # ---- the line

    def accept(self, state: TaskState) -> None:
        """Put a task into the line; a task that needs more than the ledger has in all ends at once as Refused."""
        self._registry.states[state.task.key] = state
        try:
            state.claim = self._ledger.claim(state.task.cores, state.memory)
        except Unsatisfiable as error:
            self._registry.report(state, Refused(str(error)))
        else:
            self._add_to_line(state)

    def withdraw(self, state: TaskState) -> None:
        """Cancel a task in the line."""
        self._line.remove(state)
        self._registry.report(state, Cancelled())

    def forget(self, state: TaskState) -> None:
        """Take a task out of the line, without an outcome."""
        self._line.remove(state)
        del self._registry.states[state.task.key]

    def retry(self, state: TaskState, end: End, memory: int | None) -> None:
        """Let a task wait again after an attempt that ended as `end`.

        The next attempt needs `memory` bytes, or all that the ledger has if that is less.
        """
        state.earlier = append_attempt(state.earlier, end)
        state.memory = memory and min(self._ledger.memory, memory)
        state.attempt += 1
        state.timed_out = False
        state.is_over_memory = False
        state.peak_memory = 0
        state.step_back()
        self.accept(state)

    def _add_to_line(self, state: TaskState) -> None:
        self._line.add(state, state.claim, state.task.priority, state.order)

    # ---- into the nodes

    def start_what_may(self) -> None:
        """Start, or send ahead, as many tasks as cores and tokens allow."""
        self._tokens.stop_waiting()
        self._tokens.look(len(self._line) + len(self._lookahead))
        self._grant_tasks_ahead()
        while (chosen := self._line.pop()) is not None:
            state, claim = chosen
            enough = False
            try:
                enough = self._tokens.suffice(claim)
            finally:
                if not enough:
                    self._ledger.give_back(claim)
                    self._add_to_line(state)
            if not enough:
                break
            self._send(state, go=True)
        self._tokens.return_spare()
        first = self._line.first()
        is_over = self._tokens.is_over()
        if (
            back := self._lookahead.all_back()
            if is_over
            else self._lookahead.outranked(first, time.monotonic())
        ):
            node = back[0].node
            assert node is not None
            node.channel.put(RecallTasks([state.number for state in back]))
        while not is_over and first is not None and first.may_go_ahead and self._lookahead.has_room():
            self._line.remove(first)
            self._send(first, go=False)
            first = self._line.first()
        self._nodes.flush()

    def _grant_tasks_ahead(self) -> None:
        """Start tasks that were sent ahead on free cores, because no running task is left that they can follow."""
        while self._ledger.free and (oldest := self._lookahead.oldest()) is not None:
            self._ledger.take(oldest.claim)
            if not self._tokens.suffice(oldest.claim):
                self._ledger.give_back(oldest.claim)
                return
            self._lookahead.remove(oldest)
            oldest.stage = Stage.GRANTED
            assert oldest.node is not None
            oldest.node.channel.put(Go(oldest.number))

    def _send(self, state: TaskState, *, go: bool) -> None:
        task = state.task
        try:
            node = self.node_for(task.place)
            if unreferenced := node.shared.pop_unreferenced():
                node.channel.put(ForgetIdentities(unreferenced))
            introduced: list[tuple[int, int]] = []
            content: dict[str, object] = {
                "callback": task.function,
                "arguments": task.arguments,
                "after": task.after,
            }
            if task.place is RunsIn.FRESH:
                from ppg_exec.pickling.send import dump_alone  # noqa: PLC0415 (pickling is imported only when a task is sent)

                payload = dump_alone({**content, "names": self._names.late(node)}, node.inherited)
            else:
                payload, introduced = node.shared.dump(content)
            state.number = self._registry.next_number()
            environment = self._environment.of_task(state.claim)
            node.channel.put(
                RunTask(
                    number=state.number,
                    go=go,
                    place="unload" if state.role in UNLOADS else task.place.value,
                    payload=payload,
                    introduced=introduced,
                    cores=state.claim,
                    timeout=task.timeout,
                    directory=task.working_directory,
                    environment=environment,
                    tracking=node.tracking(task.tracking),
                    own_files=() if task.tracking is None else task.own_files,
                    own_temporary_folder=task.own_temporary_folder,
                )
            )
        except (ExecutorError, KeyboardInterrupt):
            if go:
                self._ledger.give_back(state.claim)
            self._add_to_line(state)
            raise
        except (CannotPickle, LongMessage) as error:
            if go:
                self._ledger.give_back(state.claim)
            path = getattr(error, "unpicklable_path", "callback")
            self._registry.report(state, Unpicklable(path, str(error)))
            return
        state.node = node
        state.names_settled = self._names.messages
        state.stage = Stage.GRANTED if go else Stage.AHEAD
        if not go:
            state.sent_at = time.monotonic()
            self._lookahead.add(state)
        self._registry.sent[state.number] = state

    def node_for(self, place: RunsIn) -> NodeHandle:
        """The node for tasks of `place`; a new node repeats the loads of the former. Raises ExecutorError."""
        node = self._nodes.node(place)
        if node is None:
            node = self._nodes.start(place)
            if (names := self._names.all()) is not None:
                node.channel.put(names)
            if place is not RunsIn.FRESH:
                self._repeat_loads()
        return node

    def _repeat_loads(self) -> None:
        """Give a new node the data of the former one. This goes before other tasks, and takes no claim."""
        for load, task, undoes in self._registry.loads.steps():
            number = self._registry.next_number()
            again = replace(task, key=f"{task.key} (repeated as {number})", retries=0, tracking=None)
            role = Role.REPEATED_UNLOAD if undoes else Role.RELOAD
            state = TaskState(again, number, 0, task.memory, role, load=load)
            self._registry.states[again.key] = state
            self._send(state, go=True)

    # ---- out of the nodes

    def note_wall_time(self, state: TaskState, wall: float) -> None:
        """Note that a task has run for `wall` seconds."""
        self._lookahead.note_wall_time(state, wall)

    def pass_on(self, state: TaskState, successor: int) -> None:
        """Settle the claim of a task that has ended: its successor gets it, or it becomes free."""
        follower = self._registry.sent.get(successor)
        if state.stage is Stage.AHEAD:
            self._lookahead.remove(state)
        elif follower is not None and follower.stage is Stage.AHEAD:
            follower.stage = Stage.GRANTED
            self._lookahead.remove(follower)
        else:
            self._ledger.give_back(state.claim)

    def take_back(self, state: TaskState, successor: int = 0) -> None:
        """Put a task that its node did not start, or that counts as not started, back into the line.

        A task that was cancelled is reported instead.
        """
        self.pass_on(state, successor)
        state.step_back()
        if state.cancelled:
            self._registry.report(state, Cancelled())
        else:
            self._add_to_line(state)
