"""Placement: decides on which machine each task runs; it needs no clock, no processes and no network.

**Where.** A task goes where the data of its loads is. If those machines are full, it goes to another one, which repeats the
loads, if waiting would take longer than loading: to the one with the most free cores. Memory is paid in cores, as in `ledger`.

**Order.** Larger priority first, then first come, first served. A task that fits nowhere is overtaken by others. After
`PATIENCE` tasks for each core of a machine, one machine is reserved for it, and starts nothing else until the task fits. Few machines
are reserved at a time. So wide tasks cannot starve, and all other machines go on.

**Ahead.** A machine with short tasks gets some before their turn, because messages take a while. It gets as many as keep its
cores busy for `AHEAD_SECONDS`. Tasks that wait there while other machines are idle can be recalled.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from ppg_exec.resources.ledger import PATIENCE, Ledger, Unsatisfiable
from ppg_exec.resources.room_index import Machine, RoomIndex

__all__ = ["AHEAD_SECONDS", "MOST_AHEAD", "Needs", "Placed", "Placement"]

AHEAD_SECONDS = 0.1
"""How long the tasks that were sent ahead keep a machine busy."""
MOST_AHEAD = 8
"""How many tasks for each core of a machine are sent ahead at most."""
_SHORTEST = 0.0005
_ONE_IN = 20
"""Of so many machines one is reserved at most; one in any case."""

Item = TypeVar("Item")


class Needs(NamedTuple):
    """Needs: says what a task needs of a machine.

    cores: how many it keeps busy; -1 for all of a machine. memory: bytes, or None. loads: keys of the loads that it uses.
    may_wait_there: whether it may be sent ahead.
    """

    cores: int = 1
    memory: int | None = None
    loads: frozenset[str] = frozenset()
    may_wait_there: bool = True


class Placed(NamedTuple, Generic[Item]):
    """Placed: says where a task is to run."""

    item: Item
    machine: str
    is_ahead: bool
    """whether it has to wait there for a free core"""


_Rank = tuple[float, int, int]


@dataclass(slots=True, eq=False)
class _Kind(Generic[Item]):
    """_Kind: holds the waiting tasks that need the same."""

    needs: Needs
    number: int
    heap: list[tuple[_Rank, Item]] = field(default_factory=list)
    waiting: dict[Item, _Rank] = field(default_factory=dict)
    usual_wall: float = 0.0
    alive: int = 0
    """how many of its tasks wait or run"""
    blocked: Item | None = None
    """its first task, if it was found to fit nowhere"""
    overtaken: int = 0
    """how many less important tasks were placed since then"""

    def first(self) -> tuple[_Rank, Item] | None:
        while self.heap and self.waiting.get(self.heap[0][1]) != self.heap[0][0]:
            heapq.heappop(self.heap)
        return self.heap[0] if self.heap else None


class Placement(Generic[Item]):
    """Placement: holds the waiting tasks and the machines. Items must be hashable."""

    def __init__(self) -> None:
        self._machines: dict[str, Machine] = {}
        self._all: dict[tuple[int, int], RoomIndex] = {}
        self._having: dict[frozenset[str], dict[tuple[int, int], RoomIndex]] = {}
        self._kinds: dict[Needs, _Kind[Item]] = {}
        self._kind_of: dict[Item, _Kind[Item]] = {}
        self._placed_on: dict[Item, Machine] = {}
        self._reserved: dict[Item, Machine] = {}
        self._users: Counter[frozenset[str]] = Counter()
        """how many kinds need each set of loads"""
        self._load_seconds: dict[str, float] = {}
        self._serial = itertools.count()
        self._line: list[tuple[_Rank, int, _Kind[Item]]] = []
        """the kinds by their first tasks; an entry with another rank than that of the first task is stale"""
        self._short: dict[_Kind[Item], None] = {}
        """kinds with tasks so short that some are sent ahead"""
        self._unchecked: dict[_Kind[Item], None] = {}
        """kinds that may fit on no machine"""
        self._claims: dict[tuple[int, int | None, tuple[int, int]], int | None] = {}

    # ---- machines

    def add_machine(self, name: str, cores: int, memory: int) -> None:
        """Add a machine without tasks."""
        machine = Machine(name, cores, memory, room=cores)
        self._machines[name] = machine
        self._put_into_indexes(machine)

    def drain(self, name: str) -> None:
        """Place nothing more on a machine; its tasks go on."""
        machine = self._machines[name]
        if not machine.is_draining:
            machine.is_draining = True
            self._take_out_of_indexes(machine)
            self._free_reservation(machine)
            self._unchecked.update(dict.fromkeys(self._kinds.values()))

    def remove_machine(self, name: str) -> list[Item]:
        """Forget a machine; returns the tasks that were there, which the caller has to `add` again."""
        self.drain(name)
        machine = self._machines.pop(name)
        lost: list[Item] = [item for item, on in self._placed_on.items() if on is machine]
        for item in lost:
            del self._placed_on[item]
            self._leave_kind(item)
        return lost

    def machines(self) -> Collection[str]:
        """The names of all machines."""
        return self._machines.keys()

    def takes_tasks_beside(self, name: str) -> bool:
        """Whether another machine than this one takes tasks."""
        return any(machine.name != name for machine in self._usable())

    def is_reserved(self, name: str) -> bool:
        """Whether a machine takes no task but the one that it is reserved for."""
        return self._machines[name].reserved is not None

    def kept_free(self) -> int:
        """How many free cores are on machines that are reserved for a task."""
        return sum(machine.room for machine in self._reserved.values())

    def cores(self) -> int:
        """How many cores there are in all."""
        return sum(machine.cores for machine in self._machines.values())

    # ---- loads

    def note_load(self, name: str, load: str) -> None:
        """Note that a machine has the data of a load, or is about to load it."""
        machine = self._machines[name]
        if load not in machine.loads:
            machine.loads.add(load)
            self._index_again(machine)

    def forget_load(self, name: str, load: str) -> None:
        """Note that a machine has not got the data of a load any more."""
        machine = self._machines[name]
        if load in machine.loads:
            machine.loads.discard(load)
            self._index_again(machine)

    def note_load_time(self, load: str, seconds: float) -> None:
        """Note how long a load has taken."""
        self._load_seconds[load] = seconds

    def loads_on(self, name: str) -> Collection[str]:
        """The loads that a machine has, or is to get."""
        return self._machines[name].loads

    # ---- tasks

    def add(self, item: Item, needs: Needs, priority: float, order: int) -> None:
        """Add a waiting task; `order` decides between equal priorities: smaller first."""
        kind = self._kinds.get(needs)
        if kind is None:
            kind = self._kinds[needs] = _Kind(needs, next(self._serial))
            self._unchecked[kind] = None
            self._users[needs.loads] += 1
            self._index_loads(needs.loads)
        rank = (-priority, order, next(self._serial))
        kind.waiting[item] = rank
        heapq.heappush(kind.heap, (rank, item))
        kind.alive += 1
        self._kind_of[item] = kind
        first = kind.first()
        if first is not None and first[0] is rank:
            self._line_up(kind)

    def remove(self, item: Item) -> None:
        """Take a waiting task out."""
        kind = self._leave_kind(item)
        del kind.waiting[item]
        self._line_up(kind)
        machine = self._reserved.pop(item, None)
        if machine is not None:
            self._free_reservation(machine)

    def ended(self, item: Item, wall: float | None = None) -> None:
        """Note that a placed task has ended, after `wall` seconds, or has come back from its machine."""
        kind = self._leave_kind(item)
        machine = self._placed_on.pop(item)
        self._change_room(machine, machine.tasks.pop(item))
        if wall is not None:
            wall = max(wall, _SHORTEST)
            kind.usual_wall = wall if not kind.usual_wall else 0.8 * kind.usual_wall + 0.2 * wall
            is_short = kind.usual_wall <= AHEAD_SECONDS * machine.cores
            if kind.alive and kind.needs.may_wait_there and is_short:
                self._short[kind] = None
            else:
                self._short.pop(kind, None)

    def _leave_kind(self, item: Item) -> _Kind[Item]:
        kind = self._kind_of.pop(item)
        kind.alive -= 1
        if not kind.alive:
            del self._kinds[kind.needs]
            self._short.pop(kind, None)
            self._unchecked.pop(kind, None)
            loads = kind.needs.loads
            self._users[loads] -= 1
            if loads and not self._users[loads]:
                del self._users[loads]
                for index in self._having.pop(loads).values():
                    for machine in list(index):
                        machine.indexes.remove(index)
        return kind

    def waiting(self) -> int:
        """How many tasks wait."""
        return len(self._kind_of) - len(self._placed_on)

    def machine_of(self, item: Item) -> str | None:
        """The machine on which a task was placed."""
        machine = self._placed_on.get(item)
        return None if machine is None else machine.name

    def place(self) -> list[Placed[Item]]:
        """Place as many waiting tasks as there is room for."""
        placed: list[Placed[Item]] = []
        for item, machine in list(self._reserved.items()):
            claim = self._claim(self._kind_of[item].needs, machine.shape)
            if claim is not None and claim <= machine.room:
                del self._reserved[item]
                self._free_reservation(machine)
                placed.append(self._put(item, self._kind_of[item], machine, claim))
        looked_at: dict[_Kind[Item], tuple[_Rank, int, _Kind[Item]]] = {}
        blocked: list[_Kind[Item]] = []
        room = self._most_room()
        while self._line and room > 0:
            entry = heapq.heappop(self._line)
            kind = entry[2]
            first = kind.first()
            if first is None or first[0] != entry[0] or kind in looked_at:
                continue
            item = first[1]
            # A task with a reservation waits for its machine; the tasks of its kind behind it do not overtake it.
            is_hopeless = kind.needs.cores > room or item in self._reserved
            chosen = None if is_hopeless else self._choose(kind)
            if chosen is not None:
                kind.blocked = None
                for waiting in blocked:
                    waiting.overtaken += 1
                placed.append(self._put(item, kind, *chosen))
                room = self._most_room()
                continue
            looked_at[kind] = entry
            is_wide = kind.needs.cores != 1 or kind.needs.memory is not None
            if is_wide and item not in self._reserved:
                self._note_blocked(kind, item)
                blocked.append(kind)
        for entry in looked_at.values():
            heapq.heappush(self._line, entry)
        placed += self._send_ahead()
        return placed

    def _line_up(self, kind: _Kind[Item]) -> None:
        first = kind.first()
        if first is not None:
            heapq.heappush(self._line, (first[0], kind.number, kind))

    def _most_room(self) -> int:
        """The most free cores of a machine that is not reserved."""
        machines = (index.roomiest() for index in self._all.values())
        return max((machine.room for machine in machines if machine is not None), default=0)

    def _send_ahead(self) -> list[Placed[Item]]:
        """Place short tasks on full machines, which get them before their turn, the most important ones first."""
        placed: list[Placed[Item]] = []
        waiting = [
            (first[0], kind.number, kind) for kind in self._short if (first := kind.first()) is not None
        ]
        heapq.heapify(waiting)
        while waiting:
            _, _, kind = heapq.heappop(waiting)
            first = kind.first()
            assert first is not None
            chosen = None if first[1] in self._reserved else self._choose(kind)
            if chosen is not None:
                placed.append(self._put(first[1], kind, *chosen))
                if (following := kind.first()) is not None:
                    heapq.heappush(waiting, (following[0], kind.number, kind))
        return placed

    def unsatisfiable(self) -> list[tuple[Item, str]]:
        """The waiting tasks that fit on no machine even when nothing else runs, each with the reason.

        While no machine takes tasks, this is not known of any: another machine may come.
        """
        found: list[tuple[Item, str]] = []
        if not self._unchecked or not (shapes := self._shapes()):
            return found
        for kind in list(self._unchecked):
            if any(self._claim(kind.needs, shape) for shape in shapes):
                del self._unchecked[kind]
            elif kind.waiting:
                why = self._why_unsatisfiable(kind.needs)
                found += [(item, why) for item in kind.waiting]
        return found

    def has_ahead(self) -> bool:
        """Whether any machine has tasks that were sent ahead."""
        return any(machine.room < 0 for machine in self._machines.values())

    def to_recall(self) -> list[Item]:
        """Tasks that wait on full machines while other machines are idle, those that were placed last first."""
        idle = sum(machine.room for machine in self._usable() if machine.room > 0)
        if not idle or self.waiting():
            return []
        recalled: list[Item] = []
        for machine in self._machines.values():
            for item in itertools.islice(reversed(machine.tasks), max(0, -machine.room)):
                if len(recalled) < idle and machine.tasks[item] == 1:
                    recalled.append(item)
        return recalled

    # ---- the choice

    def _choose(self, kind: _Kind[Item]) -> tuple[Machine, int] | None:
        """The machine for the first task of a kind, and the cores that it takes there; None if it has to wait."""
        needs = kind.needs
        own = self._having.get(needs.loads, {}) if needs.loads else self._all
        chosen = self._roomiest(needs, own)
        if chosen is None and needs.loads and self._is_worth_loading(kind, own):
            chosen = self._roomiest(needs, self._all)
        if chosen is None and needs.may_wait_there and kind.usual_wall:
            chosen = self._ahead(kind, own)
        return chosen

    def _roomiest(
        self, needs: Needs, indexes: dict[tuple[int, int], RoomIndex]
    ) -> tuple[Machine, int] | None:
        best: tuple[Machine, int] | None = None
        best_key: tuple[int, int, int] | None = None
        for shape, index in indexes.items():
            claim = self._claim(needs, shape)
            machine = index.roomiest()
            if claim is None or machine is None or machine.room < claim:
                continue
            # A task that takes all cores wants many; others spare the machines with much memory.
            key = (-claim, 0, 0) if needs.cores == -1 else (claim, shape[1], -machine.room)
            if best_key is None or key < best_key:
                best, best_key = (machine, claim), key
        return best

    def _ahead(
        self, kind: _Kind[Item], indexes: dict[tuple[int, int], RoomIndex]
    ) -> tuple[Machine, int] | None:
        for shape, index in indexes.items():
            machine = index.roomiest()
            if machine is None or self._claim(kind.needs, shape) != 1:
                continue
            most = min(MOST_AHEAD * machine.cores, int(AHEAD_SECONDS * machine.cores / kind.usual_wall))
            if -machine.room < most:
                return machine, 1
        return None

    def _is_worth_loading(self, kind: _Kind[Item], own: dict[tuple[int, int], RoomIndex]) -> bool:
        """Whether the waiting tasks of a kind would wait longer for the machines that have the data than loading takes."""
        cores = sum(index.cores for index in own.values())
        seconds = sum(self._load_seconds.get(load, 0.0) for load in kind.needs.loads)
        if not cores or not seconds or not kind.usual_wall:
            return True
        return len(kind.waiting) * kind.usual_wall / cores > seconds

    def _claim(self, needs: Needs, shape: tuple[int, int]) -> int | None:
        """The cores that a task takes on a machine of this shape; None if it never fits."""
        key = (needs.cores, needs.memory, shape)
        if key not in self._claims:
            try:
                self._claims[key] = Ledger(*shape).claim(needs.cores, needs.memory)
            except Unsatisfiable:
                self._claims[key] = None
        return self._claims[key]

    def _why_unsatisfiable(self, needs: Needs) -> str:
        cores, memory = max(self._shapes())
        try:
            Ledger(cores, memory).claim(needs.cores, needs.memory)
        except Unsatisfiable as error:
            return f"{error} on the largest machine"
        return "it needs more memory than the machines with enough cores have"

    def _put(self, item: Item, kind: _Kind[Item], machine: Machine, claim: int) -> Placed[Item]:
        is_ahead = machine.room < claim
        del kind.waiting[item]
        self._line_up(kind)
        self._placed_on[item] = machine
        machine.tasks[item] = claim
        self._change_room(machine, -claim)
        for load in kind.needs.loads:
            if load not in machine.loads:
                machine.loads.update(kind.needs.loads)
                self._index_again(machine)
                break
        return Placed(item, machine.name, is_ahead)

    def _note_blocked(self, kind: _Kind[Item], item: Item) -> None:
        if kind.blocked is not item:
            kind.blocked, kind.overtaken = item, 0
        # Cores of reserved machines idle, so only few are reserved at a time.
        if kind.overtaken < PATIENCE or len(self._reserved) >= max(1, len(self._machines) // _ONE_IN):
            return
        least = min((shape[0] for shape in self._all if self._claim(kind.needs, shape)), default=None)
        if least is None or kind.overtaken < PATIENCE * least:
            return
        fitting = [
            machine
            for machine in self._usable()
            if machine.reserved is None and self._claim(kind.needs, machine.shape) is not None
        ]
        if not fitting or kind.overtaken < PATIENCE * fitting[0].cores:
            return
        machine = max(fitting, key=lambda each: (kind.needs.loads <= each.loads, each.room))
        machine.reserved = item
        self._reserved[item] = machine
        self._take_out_of_indexes(machine)

    def _free_reservation(self, machine: Machine) -> None:
        if machine.reserved is not None:
            self._reserved.pop(machine.reserved, None)
            machine.reserved = None
            if not machine.is_draining:
                self._put_into_indexes(machine)

    # ---- the indexes

    def _usable(self) -> Iterator[Machine]:
        return (machine for machine in self._machines.values() if not machine.is_draining)

    def _shapes(self) -> set[tuple[int, int]]:
        return {machine.shape for machine in self._usable()}

    def _change_room(self, machine: Machine, by: int) -> None:
        for index in machine.indexes:
            index.remove(machine)
        machine.room += by
        for index in machine.indexes:
            index.add(machine)

    def _put_into_indexes(self, machine: Machine) -> None:
        machine.indexes.append(self._all.setdefault(machine.shape, RoomIndex()))
        machine.indexes += [
            indexes.setdefault(machine.shape, RoomIndex())
            for loads, indexes in self._having.items()
            if loads <= machine.loads
        ]
        for index in machine.indexes:
            index.add(machine)

    def _take_out_of_indexes(self, machine: Machine) -> None:
        for index in machine.indexes:
            index.remove(machine)
        machine.indexes.clear()

    def _index_again(self, machine: Machine) -> None:
        if machine.indexes:
            self._take_out_of_indexes(machine)
            self._put_into_indexes(machine)

    def _index_loads(self, loads: frozenset[str]) -> None:
        """Index the machines that have a set of loads, once tasks need it."""
        if not loads or loads in self._having:
            return
        indexes: dict[tuple[int, int], RoomIndex] = {}
        self._having[loads] = indexes
        for machine in self._machines.values():
            if machine.indexes and loads <= machine.loads:
                index = indexes.setdefault(machine.shape, RoomIndex())
                machine.indexes.append(index)
                index.add(machine)
