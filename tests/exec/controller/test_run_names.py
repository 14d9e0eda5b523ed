"""Names of modules stand for the same in tasks as in the caller, and those that cannot are reported."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ppg_exec import LocalExecutor, NameDiffers, Outcome, RunsIn, Succeeded, Task


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module that the caller has imported, and that tasks can import."""
    (tmp_path / "watched_here.py").write_text("V = 3\nOTHER = 4\nLOG = None\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield importlib.import_module("watched_here")
    del sys.modules["watched_here"]


def none(_module: str) -> bool:
    return False


@pytest.mark.parametrize("place", [RunsIn.FORK, RunsIn.FRESH])
def test_watched_names_are_set_in_tasks_and_others_are_left_alone(
    module: Any, run: Any, place: RunsIn
) -> None:
    module.V, module.OTHER = 7, 8

    def read() -> tuple[int, int]:
        found: Any = importlib.import_module("watched_here")
        return found.V, found.OTHER

    with LocalExecutor(cores=2) as executor:
        executor.watch([("watched_here", "V")], none)
        outcomes = run(executor, *(Task(str(number), read, place=place) for number in range(4)))
    assert [outcome.end for outcome in outcomes.values()] == [Succeeded((7, 4))] * 4


def test_a_name_with_a_value_that_cannot_be_sent_is_an_event_before_the_outcome(module: Any) -> None:
    module.V = 7

    def read() -> int:
        found: Any = importlib.import_module("watched_here")
        return int(found.V)

    with LocalExecutor(cores=1) as executor, Path("/dev/null").open("w") as log:
        module.LOG = log
        executor.watch([("watched_here", "LOG"), ("watched_here", "V")], none)
        executor.submit(Task("read", read))
        events: list[Any] = []
        while new := executor.poll(60):
            events += new
    kinds = [type(event) for event in events]
    assert kinds.index(NameDiffers) < kinds.index(Outcome)
    (differs,) = (event for event in events if isinstance(event, NameDiffers))
    assert (differs.module, differs.name, differs.is_edited) == ("watched_here", "LOG", False)
    (outcome,) = (event for event in events if isinstance(event, Outcome))
    assert outcome.end == Succeeded(7)
