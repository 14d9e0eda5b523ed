"""What a new compute node repeats: enough for the same data, and no more than that needs."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ppg_exec import Task
from ppg_exec.controller.load_history import LoadHistory

KEYS = "abcd"


def load(data: dict[str, Any], key: str) -> None:
    """Load something that depends on all data that is there."""
    data[key] = (key, tuple(sorted(data.items())))


def unload(data: dict[str, Any], key: str) -> None:
    data.pop(key, None)


def repeated(history: LoadHistory) -> tuple[dict[str, Any], int]:
    """The data of a new node, and the number of loads that it took."""
    data: dict[str, Any] = {}
    loads = 0
    for key, task, undoes in history.steps():
        task.function(data, key)
        loads += not undoes
        assert (task.function is unload) == undoes
    return data, loads


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(KEYS))))
def test_a_new_node_has_the_data_of_the_former_one_whatever_was_loaded_and_unloaded(
    steps: list[tuple[bool, str]],
) -> None:
    history, data = LoadHistory(), dict[str, Any]()
    for loads, key in steps:
        if loads and key not in data:
            load(data, key)
            history.loaded(Task(key, load))
        elif not loads and key in data:
            unload(data, key)
            history.unloaded(key, Task(f"unload {key}", unload))
    assert repeated(history)[0] == data
    for key in list(data):
        history.unloaded(key, Task(f"unload {key}", unload))
    assert repeated(history) == ({}, 0)


def test_a_load_that_is_gone_is_repeated_only_for_a_later_load_that_is_needed() -> None:
    history = LoadHistory()
    for key in "ab":
        history.loaded(Task(key, load))
    history.unloaded("a", Task("unload a", unload))
    history.loaded(Task("c", load))
    assert [key for key, _, undoes in history.steps() if not undoes] == ["a", "b", "c"]
    history.unloaded("c", Task("unload c", unload))
    assert [key for key, _, undoes in history.steps() if not undoes] == ["a", "b"]
    history.unloaded("b", Task("unload b", unload))
    assert list(history.steps()) == []


def test_an_unload_that_must_not_be_repeated_leaves_its_load() -> None:
    history = LoadHistory()
    history.loaded(Task("a", load))
    history.loaded(Task("b", load))
    history.unloaded("a", None)
    assert [(key, undoes) for key, _, undoes in history.steps()] == [("a", False), ("b", False)]
