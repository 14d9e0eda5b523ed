"""What waits, who may start, and the way into the nodes.

An entry's way:

    WAITING ──────────────→ GRANTED → RUNNING → (outcome)
       └→ AHEAD ─(successor)──┘ │         │
            └───────(recalled)──┘         └→ WAITING (a retry, or its node died before it began)

A node starts what was sent ahead in place of a task of one core that has ended there, and says so in the same
message: the claim passes on, and the ledger is never wrong. `lookahead.Ahead` decides how many that are.
"""

from __future__ import annotations

import time
from dataclasses import replace

from ppg_exec.attempts import append_attempt
from ppg_exec.controller.lookahead import Ahead
from ppg_exec.controller.registry import Entry, Register, Role, Stage
from ppg_exec.hosts.local_host import NodeHandle
from ppg_exec.hosts.nodes import Fleet
from ppg_exec.pickling.culprit import CannotPickle
from ppg_exec.resources.core_grants import CoreEnvironment, CoreTokens
from ppg_exec.resources.ledger import Ledger, Unsatisfiable, WaitingLine
from ppg_exec.tasks import Cancelled, End, ExecutorError, Raised, Refused, RunsIn, Unpicklable
from ppg_exec.transport.channel import LongMessage
from ppg_exec.transport.messages import ForgetIdentities, Go, RecallTasks, RunTask

__all__ = ["Dispatcher"]


class Dispatcher:
    """Keeps the line and the ledger, and sends what may start.

    Args:
        register: where the entries are.
        fleet: the nodes to send them to.
        ledger: the cores to give away.
        tokens: what has to be asked for them besides.
        environment: what tasks are told of their cores.

    """

    def __init__(
        self,
        register: Register,
        fleet: Fleet,
        ledger: Ledger,
        tokens: CoreTokens,
        environment: CoreEnvironment,
    ) -> None:
        self._register = register
        self._fleet = fleet
        self._ledger = ledger
        self._tokens = tokens
        self._environment = environment
        self._line: WaitingLine[Entry] = WaitingLine(ledger)
        self._ahead = Ahead(ledger.cores)

    # ---- the line

    def accept(self, entry: Entry) -> None:
        """Take an entry, which then waits; if it asks for more than there is, it ends at once."""
        self._register.entries[entry.task.key] = entry
        try:
            entry.claim = self._ledger.claim(entry.task.cores, entry.memory)
        except Unsatisfiable as error:
            self._register.report(entry, Refused(str(error)))
        else:
            self._stand_in_line(entry)

    def withdraw(self, entry: Entry) -> None:
        """End an entry that waits."""
        self._line.remove(entry)
        self._register.report(entry, Cancelled())

    def retry(self, entry: Entry, end: End, memory: int | None) -> None:
        """Let an entry that has failed, and how, wait again; it needs `memory` bytes, or what there is."""
        entry.earlier = append_attempt(entry.earlier, end)
        entry.memory = memory and min(self._ledger.memory, memory)
        entry.attempt += 1
        entry.timed_out = False
        entry.is_over_memory = False
        entry.peak_memory = 0
        entry.step_back()
        self.accept(entry)

    def _stand_in_line(self, entry: Entry) -> None:
        self._line.add(entry, entry.claim, entry.task.priority, entry.order)

    # ---- into the nodes

    def start_what_may(self) -> None:
        """Start, or send ahead, as many as cores and tokens allow."""
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
            node.channel.put(RecallTasks([entry.number for entry in outranked]))
        while first is not None and first.may_go_ahead and self._ahead.has_room():
            self._line.remove(first)
            self._send(first, go=False)
            first = self._line.first()
        self._fleet.flush()

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
            oldest.node.channel.put(Go(oldest.number))

    def _send(self, entry: Entry, *, go: bool) -> None:
        task = entry.task
        try:
            node = self.node_for(task.place)
            if unreferenced := node.shared.pop_unreferenced():
                node.channel.put(ForgetIdentities(unreferenced))
            introduced: list[tuple[int, int]] = []
            content = {"callback": task.function, "arguments": task.arguments, "after": task.after}
            if task.place is RunsIn.FRESH:
                from ppg_exec.pickling.send import dump_alone  # noqa: PLC0415 (what pickles is only imported to send something)

                payload = dump_alone(content)
            else:
                payload, introduced = node.shared.dump(content)
            entry.number = self._register.next_number()
            environment = self._environment.of_task(entry.number, entry.claim)
            node.channel.put(
                RunTask(
                    number=entry.number,
                    go=go,
                    place="unload" if entry.role is Role.UNLOAD else task.place.value,
                    payload=payload,
                    introduced=introduced,
                    cores=entry.claim,
                    timeout=task.timeout,
                    directory=task.working_directory,
                    environment=environment,
                )
            )
        except (ExecutorError, KeyboardInterrupt):
            if go:
                self._ledger.give_back(entry.claim)
            self._stand_in_line(entry)
            raise
        except (CannotPickle, LongMessage) as error:
            if go:
                self._ledger.give_back(entry.claim)
            path = getattr(error, "unpicklable_path", "callback")
            self._register.report(entry, Unpicklable(path, str(error)))
            return
        except OSError as error:
            if go:
                self._ledger.give_back(entry.claim)
            text = f"no fifo for the tokens of its cores: {error}"
            self._register.report(entry, Raised(error, type(error).__name__, text, f"{text}\n"))
            return
        entry.node = node
        entry.stage = Stage.GRANTED if go else Stage.AHEAD
        if not go:
            entry.sent_at = time.monotonic()
            self._ahead.add(entry)
        self._register.sent[entry.number] = entry

    def node_for(self, place: RunsIn) -> NodeHandle:
        """The node for tasks of `place`; a new one gets the loads of the one before. Raises ExecutorError."""
        node = self._fleet.node(place)
        if node is None:
            node = self._fleet.start(place)
            if place is not RunsIn.FRESH:
                self._repeat_loads()
        return node

    def _repeat_loads(self) -> None:
        """A new node has lost what was loaded in the one before it. Loads go first, and cost no claim."""
        for task in self._register.loads.values():
            number = self._register.next_number()
            again = replace(task, key=f"{task.key} (repeated as {number})", retries=0)
            entry = Entry(again, number, 0, task.memory, Role.RELOAD)
            self._register.entries[again.key] = entry
            self._send(entry, go=True)

    # ---- out of the nodes

    def learn(self, entry: Entry, wall: float) -> None:
        """An entry has run for `wall` seconds."""
        self._ahead.learn(entry, wall)

    def pass_on(self, entry: Entry, successor: int) -> None:
        """Settle the claim of an entry that has ended: its successor's, or free."""
        self._environment.forget_task(entry.number)
        follower = self._register.sent.get(successor)
        if entry.stage is Stage.AHEAD:
            self._ahead.remove(entry)
        elif follower is not None and follower.stage is Stage.AHEAD:
            follower.stage = Stage.GRANTED
            self._ahead.remove(follower)
        else:
            self._ledger.give_back(entry.claim)

    def take_back(self, entry: Entry) -> None:
        """An entry did not start where it was sent: it waits again."""
        self.pass_on(entry, 0)
        entry.step_back()
        if entry.cancelled:
            self._register.report(entry, Cancelled())
        else:
            self._stand_in_line(entry)
