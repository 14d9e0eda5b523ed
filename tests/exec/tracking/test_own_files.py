"""The files that a task makes: their uses are not noted, by whichever name; those of other files are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ppg_exec import Executor, Outcome, RunsIn, Succeeded, Task, Tracking, system_folders
from tests.exec.tracking import actions

PLACES = {"job": RunsIn.FORK, "fresh": RunsIn.FRESH, "load": RunsIn.NODE, "inline": RunsIn.FORK}
Run = Callable[..., list[tuple[str, str]]]


def make_both(folder: str) -> None:
    """By an absolute name, by one from the folder, and by a path."""
    actions.write(f"{folder}/made.txt")
    actions.write("sub/made.txt")
    Path("sub/made.txt").read_text()
    os.replace("sub/made.txt", "made.txt")
    actions.write("other.txt")


def move_and_write(folder: str) -> None:
    """From another folder, the same name is another file."""
    os.chdir(f"{folder}/sub")
    actions.write("made.txt")
    actions.write(f"{folder}/made.txt")


def leave_one(folder: str) -> None:
    """A file with the name of one that another task makes."""
    actions.write(f"{folder}/made.txt")


@pytest.fixture(params=PLACES)
def run(request: pytest.FixtureRequest, executors: dict[str, Executor], project: Path) -> Run:
    """`run(function, *own)` returns the kinds and names that a task has used which makes the files `own`."""

    def used(function: Callable[[str], None], *own: str) -> list[tuple[str, str]]:
        executor = executors[request.param]
        executor.submit(
            Task(
                os.urandom(8).hex(),
                function,
                (str(project),),
                place=PLACES[request.param],
                working_directory=str(project),
                tracking=Tracking(str(project), (), system_folders()),
                own_files=tuple(f"{project}/{name}" for name in own),
            )
        )
        while True:
            for event in executor.poll(60):
                if isinstance(event, Outcome):
                    assert isinstance(event.end, Succeeded), event
                    assert event.uses_incomplete == ""
                    return [(use.kind.value, use.path.removeprefix(f"{project}/")) for use in event.uses]

    return used


def test_uses_of_files_that_a_task_makes_are_not_noted(run: Run) -> None:
    assert run(make_both, "made.txt", "sub/made.txt") == [("written", "other.txt")]


def test_after_a_change_of_folder_the_same_name_is_another_file(run: Run) -> None:
    assert run(move_and_write, "made.txt") == [("written", "sub/made.txt")]


def test_a_task_has_not_the_files_of_the_task_before_it(run: Run) -> None:
    assert run(leave_one, "made.txt") == []
    assert run(leave_one) == [("written", "made.txt")]
