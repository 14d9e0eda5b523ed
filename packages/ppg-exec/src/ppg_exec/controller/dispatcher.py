"""Dispatcher: keeps the waiting line and the ledger, and sends tasks to the nodes.

The stages of a task:

    WAITING ──────────────→ GRANTED → RUNNING → (outcome)
       └→ AHEAD ─(successor)──┘ │         │
            └───────(recalled)──┘         └→ WAITING (a retry, or its node died before it began)

When a task of one core has ended at a node, the node starts a task that was sent ahead, and reports both in
the same message. So the claim passes on, and the ledger is never wrong. `lookahead.Lookahead` decides how
many tasks are sent ahead.
"""

from __future__ import annotations

import time
from dataclasses import replace

from ppg_exec.attempts import append_attempt
from ppg_exec.controller.lookahead import Lookahead
from ppg_exec.controller.registry import Registry, Role, Stage, TaskState
from ppg_exec.hosts.local_host import NodeHandle
from ppg_exec.hosts.nodes import Nodes
from ppg_exec.pickling.culprit import CannotPickle
from ppg_exec.resources.core_grants import CoreEnvironment, CoreTokens
from ppg_exec.resources.ledger import Ledger, Unsatisfiable, WaitingLine
from ppg_exec.tasks import Cancelled, End, ExecutorError, Raised, Refused, RunsIn, Unpicklable
from ppg_exec.transport.channel import LongMessage
from ppg_exec.transport.messages import ForgetIdentities, Go, RecallTasks, RunTask

__all__ = ["Dispatcher"]


class Dispatcher:
    """Dispatcher: keeps the waiting line and the ledger, and sends the tasks that may start.

    Args:
        registry: holds the tasks.
        nodes: run the tasks.
        ledger: has the cores to give away.
        tokens: are needed besides, if other programs share the cores.
        environment: gives tasks the number of their cores.

    """

    def __init__(
        self,
        registry: Registry,
        nodes: Nodes,
        ledger: Ledger,
        tokens: CoreTokens,
        environment: CoreEnvironment,
    ) -> None:
        self._registry = registry
        self._nodes = nodes
        self._ledger = ledger
        self._tokens = tokens
        self._environment = environment
        self._line: WaitingLine[TaskState] = WaitingLine(ledger)
        self._lookahead = Lookahead(ledger.cores)

    # ---- the line

    def accept(self, state: TaskState) -> None:
        """Take a task, which then waits; a task that asks for more than there is ends at once."""
        self._registry.states[state.task.key] = state
        try:
            state.claim = self._ledger.claim(state.task.cores, state.memory)
        except Unsatisfiable as error:
            self._registry.report(state, Refused(str(error)))
        else:
            self._stand_in_line(state)

    def withdraw(self, state: TaskState) -> None:
        """End a task that waits."""
        self._line.remove(state)
        self._registry.report(state, Cancelled())

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

    def _stand_in_line(self, state: TaskState) -> None:
        self._line.add(state, state.claim, state.task.priority, state.order)

    # ---- into the nodes

    def start_what_may(self) -> None:
        """Start, or send ahead, as many tasks as cores and tokens allow."""
        self._tokens.stop_waiting()
        self._grant_what_is_ahead()
        while (chosen := self._line.pop()) is not None:
            state, claim = chosen
            if not self._tokens.suffice():
                self._ledger.give_back(claim)
                self._stand_in_line(state)
                break
            self._send(state, go=True)
        self._tokens.return_spare()
        first = self._line.first()
        if outranked := self._lookahead.outranked(first, time.monotonic()):
            node = outranked[0].node
            assert node is not None
            node.channel.put(RecallTasks([state.number for state in outranked]))
        while first is not None and first.may_go_ahead and self._lookahead.has_room():
            self._line.remove(first)
            self._send(first, go=False)
            first = self._line.first()
        self._nodes.flush()

    def _grant_what_is_ahead(self) -> None:
        """Start tasks that were sent ahead too late: no task that they could follow still runs."""
        while self._ledger.free and (oldest := self._lookahead.oldest()) is not None:
            self._ledger.take(oldest.claim)
            if not self._tokens.suffice():
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
            content = {"callback": task.function, "arguments": task.arguments, "after": task.after}
            if task.place is RunsIn.FRESH:
                from ppg_exec.pickling.send import dump_alone  # noqa: PLC0415 (pickling is imported only when a task is sent)

                payload = dump_alone(content)
            else:
                payload, introduced = node.shared.dump(content)
            state.number = self._registry.next_number()
            environment = self._environment.of_task(state.number, state.claim)
            node.channel.put(
                RunTask(
                    number=state.number,
                    go=go,
                    place="unload" if state.role is Role.UNLOAD else task.place.value,
                    payload=payload,
                    introduced=introduced,
                    cores=state.claim,
                    timeout=task.timeout,
                    directory=task.working_directory,
                    environment=environment,
                )
            )
        except (ExecutorError, KeyboardInterrupt):
            if go:
                self._ledger.give_back(state.claim)
            self._stand_in_line(state)
            raise
        except (CannotPickle, LongMessage) as error:
            if go:
                self._ledger.give_back(state.claim)
            path = getattr(error, "unpicklable_path", "callback")
            self._registry.report(state, Unpicklable(path, str(error)))
            return
        except OSError as error:
            if go:
                self._ledger.give_back(state.claim)
            text = f"no fifo for the tokens of its cores: {error}"
            self._registry.report(state, Raised(error, type(error).__name__, text, f"{text}\n"))
            return
        state.node = node
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
            if place is not RunsIn.FRESH:
                self._repeat_loads()
        return node

    def _repeat_loads(self) -> None:
        """Send a new node the loads of the former one. Loads go first, and cost no claim."""
        for task in self._registry.loads.values():
            number = self._registry.next_number()
            again = replace(task, key=f"{task.key} (repeated as {number})", retries=0)
            state = TaskState(again, number, 0, task.memory, Role.RELOAD)
            self._registry.states[again.key] = state
            self._send(state, go=True)

    # ---- out of the nodes

    def learn(self, state: TaskState, wall: float) -> None:
        """Note that a task has run for `wall` seconds."""
        self._lookahead.learn(state, wall)

    def pass_on(self, state: TaskState, successor: int) -> None:
        """Settle the claim of a task that has ended: its successor gets it, or it becomes free."""
        self._environment.forget_task(state.number)
        follower = self._registry.sent.get(successor)
        if state.stage is Stage.AHEAD:
            self._lookahead.remove(state)
        elif follower is not None and follower.stage is Stage.AHEAD:
            follower.stage = Stage.GRANTED
            self._lookahead.remove(follower)
        else:
            self._ledger.give_back(state.claim)

    def take_back(self, state: TaskState) -> None:
        """Let a task wait again that did not start at its node, unless it was cancelled."""
        self.pass_on(state, 0)
        state.step_back()
        if state.cancelled:
            self._registry.report(state, Cancelled())
        else:
            self._stand_in_line(state)
