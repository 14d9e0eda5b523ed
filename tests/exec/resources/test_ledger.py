"""The pure part: which task may start."""

import pytest

from ppg_exec import Ledger, Unsatisfiable, WaitingLine
from ppg_exec.resources.ledger import PATIENCE


def test_all_cores_means_every_core_there_is() -> None:
    assert Ledger(8, 80).claim(-1, None) == 8


@pytest.mark.parametrize(("memory", "claim"), [(None, 1), (0, 1), (10, 1), (11, 2), (20, 2), (80, 8)])
def test_memory_beyond_a_cores_share_takes_the_cores_that_it_belongs_to(
    memory: int | None, claim: int
) -> None:
    assert Ledger(8, 80).claim(1, memory) == claim


@pytest.mark.parametrize(("cores", "memory"), [(9, None), (1, 81)])
def test_more_than_there_is_is_refused_with_the_reason(cores: int, memory: int | None) -> None:
    with pytest.raises(Unsatisfiable, match="it needs"):
        Ledger(8, 80).claim(cores, memory)


def test_larger_priority_goes_first_then_the_order_of_submission() -> None:
    ledger = Ledger(9, 9)
    line: WaitingLine[str] = WaitingLine(ledger)
    for order, (name, priority) in enumerate([("b", 1.0), ("c", 1.0), ("a", 2.0), ("d", 0.5)]):
        line.add(name, 1, priority, order)
    popped = []
    while (chosen := line.pop()) is not None:
        popped.append(chosen[0])
    assert popped == ["a", "b", "c", "d"]


def test_small_tasks_overtake_a_wide_one_but_not_forever() -> None:
    ledger = Ledger(4, 4)
    line: WaitingLine[str] = WaitingLine(ledger)
    ledger.take(1)  # something that runs for long
    line.add("wide", 4, 1.0, 0)
    for number in range(100):
        line.add(f"small {number}", 1, 0.0, number + 1)
    overtaking = 0
    while (chosen := line.pop()) is not None:
        overtaking += 1
        ledger.give_back(chosen[1])
    assert overtaking == PATIENCE * 4
    ledger.give_back(1)
    assert line.pop() == ("wide", 4)


def test_a_removed_item_is_never_chosen() -> None:
    line: WaitingLine[str] = WaitingLine(Ledger(1, 1))
    line.add("a", 1, 0, 0)
    line.add("b", 1, 0, 1)
    line.remove("a")
    assert "a" not in line
    assert line.first() == "b"
    assert line.pop() == ("b", 1)
