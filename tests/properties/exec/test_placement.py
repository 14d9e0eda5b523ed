"""Placement keeps its promises for any machines, tasks, loads and order of events."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ppg_exec.resources.ledger import PATIENCE, Ledger, Unsatisfiable
from ppg_exec.resources.placement import Needs, Placement

NEEDS = st.builds(
    Needs,
    cores=st.sampled_from([1, 1, 1, 2, 3, -1]),
    memory=st.sampled_from([None, None, 10, 60]),
    loads=st.sampled_from([frozenset(), frozenset(), frozenset("a"), frozenset("ab"), frozenset("c")]),
    may_wait_there=st.booleans(),
)


class Machines(RuleBasedStateMachine):
    """A model beside the placement: what is where, and what waits."""

    def __init__(self) -> None:
        super().__init__()
        self.placement: Placement[int] = Placement()
        self.shapes: dict[str, tuple[int, int]] = {}
        self.draining: set[str] = set()
        self.waiting: dict[int, Needs] = {}
        self.there: dict[int, tuple[str, Needs]] = {}
        self.number = 0

    def claim(self, needs: Needs, name: str) -> int:
        return Ledger(*self.shapes[name]).claim(needs.cores, needs.memory)

    @rule(cores=st.integers(1, 4), memory=st.sampled_from([40, 100]))
    def join(self, cores: int, memory: int) -> None:
        self.number += 1
        name = f"m{self.number}"
        self.shapes[name] = (cores, memory)
        self.placement.add_machine(name, cores, memory)

    @precondition(lambda self: self.shapes)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.shapes)))
        lost = self.placement.remove_machine(name)
        assert set(lost) == {item for item, (on, _) in self.there.items() if on == name}
        del self.shapes[name]
        self.draining.discard(name)
        for item in lost:
            _, needs = self.there.pop(item)
            self.waiting[item] = needs
            self.placement.add(item, needs, 0.0, item)

    @precondition(lambda self: self.shapes)
    @rule(data=st.data())
    def drain(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.shapes)))
        self.draining.add(name)
        self.placement.drain(name)

    @rule(needs=NEEDS, priority=st.sampled_from([0.0, 0.0, 1.0]))
    def submit(self, needs: Needs, priority: float) -> None:
        self.number += 1
        self.waiting[self.number] = needs
        self.placement.add(self.number, needs, priority, self.number)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(sorted(self.waiting)))
        del self.waiting[item]
        self.placement.remove(item)

    @precondition(lambda self: self.there)
    @rule(data=st.data(), wall=st.sampled_from([None, 0.001, 0.05, 5.0]))
    def end(self, data: st.DataObject, wall: float | None) -> None:
        item = data.draw(st.sampled_from(sorted(self.there)))
        del self.there[item]
        self.placement.ended(item, wall)

    @precondition(lambda self: self.shapes)
    @rule(data=st.data(), load=st.sampled_from("abc"))
    def unload(self, data: st.DataObject, load: str) -> None:
        self.placement.forget_load(data.draw(st.sampled_from(sorted(self.shapes))), load)

    @rule()
    def place(self) -> None:
        for item, name, is_ahead in self.placement.place():
            needs = self.waiting.pop(item)
            assert name in self.shapes
            assert name not in self.draining
            claim = self.claim(needs, name)  # raises if the machine is too small
            taken = sum(self.claim(other, on) for on, other in self.there.values() if on == name)
            free = self.shapes[name][0] - taken
            assert is_ahead == (claim > free)
            if is_ahead:
                assert claim == 1
                assert needs.may_wait_there
            assert needs.loads <= set(self.placement.loads_on(name))
            self.there[item] = (name, needs)
        # No task of one core without memory waits beside a free core.
        for needs in self.waiting.values():
            if needs.cores == 1 and needs.memory is None and not needs.loads:
                for name in self.shapes.keys() - self.draining:
                    is_reserved = self.placement.is_reserved(name)
                    taken = sum(self.claim(other, on) for on, other in self.there.values() if on == name)
                    assert is_reserved or taken >= self.shapes[name][0]

    @rule()
    def refuse(self) -> None:
        for item, why in self.placement.unsatisfiable():
            assert why
            assert self.shapes.keys() - self.draining, (
                "without a machine that takes tasks, another one may come"
            )
            for name in self.shapes.keys() - self.draining:
                try:
                    self.claim(self.waiting[item], name)
                except Unsatisfiable:
                    continue
                raise AssertionError("it fits there")

    @invariant()
    def counts_agree(self) -> None:
        assert self.placement.waiting() == len(self.waiting)
        assert all(self.placement.machine_of(item) == name for item, (name, _) in self.there.items())


TestMachines = Machines.TestCase
TestMachines.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@given(st.integers(1, 4), st.integers(2, 6))
def test_a_wide_task_starts_although_small_ones_never_stop_coming(machines: int, cores: int) -> None:
    placement: Placement[int] = Placement()
    for number in range(machines):
        placement.add_machine(f"m{number}", cores, 100)
    running: list[int] = []
    item = 0
    for _ in range(machines * cores):
        item += 1
        placement.add(item, Needs(may_wait_there=False), 0.0, item)
    running += [placed.item for placed in placement.place()]
    wide = item = item + 1
    placement.add(wide, Needs(cores=cores), 0.0, wide)
    for _turn in range((PATIENCE + 3) * cores * machines + 2 * cores):
        placement.ended(running.pop(0), 1.0)
        item += 1
        placement.add(item, Needs(may_wait_there=False), 0.0, item)
        placed = [each.item for each in placement.place()]
        if wide in placed:
            return
        running += placed
    raise AssertionError("the wide task has not started")


def test_a_task_goes_where_its_loads_are_unless_that_is_full() -> None:
    placement: Placement[str] = Placement()
    for name in ("m1", "m2"):
        placement.add_machine(name, 2, 100)
    placement.note_load("m2", "genome")
    needs = Needs(loads=frozenset({"genome"}), may_wait_there=False)
    for number in range(4):
        placement.add(f"t{number}", needs, 0.0, number)
    assert [placed.machine for placed in placement.place()] == ["m2", "m2", "m1", "m1"]
    assert placement.loads_on("m1") == {"genome"}


def test_a_task_waits_for_the_machine_that_has_its_data_if_loading_would_take_longer() -> None:
    placement: Placement[str] = Placement()
    for name in ("m1", "m2"):
        placement.add_machine(name, 1, 100)
    placement.note_load("m1", "genome")
    placement.note_load_time("genome", 100.0)
    needs = Needs(loads=frozenset({"genome"}), may_wait_there=False)
    placement.add("first", needs, 0.0, 1)
    placement.add("second", needs, 0.0, 2)
    assert [placed.machine for placed in placement.place()] == ["m1", "m2"], (
        "nothing is known of the tasks yet"
    )
    placement.ended("second", 1.0)
    placement.forget_load("m2", "genome")
    placement.add("third", needs, 0.0, 3)
    assert placement.place() == [], "it takes 100 s to load, and 1 s to wait"
    for number in range(150):
        placement.add(f"more {number}", needs, 0.0, 10 + number)
    assert [placed.machine for placed in placement.place()] == ["m2"], "150 s of work wait for one core"


def test_tasks_that_wait_on_a_full_machine_come_back_when_another_one_is_idle() -> None:
    placement: Placement[int] = Placement()
    placement.add_machine("m1", 1, 100)
    placement.add(0, Needs(), 0.0, 0)
    placement.place()
    placement.add(1, Needs(), 0.0, 1)
    placement.add(2, Needs(), 0.0, 2)
    placement.place()
    placement.ended(0, 0.01)
    for number in range(3, 6):
        placement.add(number, Needs(), 0.0, number)
    placement.place()
    assert placement.waiting() == 0
    placement.add_machine("m2", 2, 100)
    assert len(placement.to_recall()) == 2
