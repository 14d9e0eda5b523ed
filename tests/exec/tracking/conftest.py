"""A project with files, and the uses of one task in it, by each way in which a task can run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ppg_exec import (
    Executor,
    InlineExecutor,
    LocalExecutor,
    Outcome,
    RunsIn,
    Succeeded,
    Task,
    Tracking,
    system_folders,
)

Uses = list[tuple[str, str]]
SYSTEM = system_folders()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "b.txt").write_text("b")
    (folder / "sub/c.txt").write_text("c")
    (folder / "link").symlink_to("a.txt")
    return folder


@pytest.fixture(scope="module")
def executors() -> Iterator[dict[str, Executor]]:
    """Executors that all tests of a module use."""
    yield from new_executors()


def new_executors() -> Iterator[dict[str, Executor]]:
    """Executors by the way in which a task runs."""
    with LocalExecutor(cores=2, grace=0.5) as local, InlineExecutor() as inline:
        yield {"job": local, "fresh": local, "load": local, "inline": inline}


@pytest.fixture
def tracked(executors: dict[str, Executor], project: Path) -> Callable[..., Outcome]:
    """`tracked(way, function, *arguments)` runs a task, and returns its outcome."""
    places = {"job": RunsIn.FORK, "fresh": RunsIn.FRESH, "load": RunsIn.NODE, "inline": RunsIn.FORK}

    def run(
        way: str, function: Callable[..., object], *arguments: object, tracking: Tracking | None = None
    ) -> Outcome:
        rules = Tracking(str(project), (), SYSTEM) if tracking is None else tracking
        task = Task(os.urandom(8).hex(), function, arguments, place=places[way], tracking=rules)
        executors[way].submit(task)
        while True:
            events = executors[way].poll(60)
            assert events, "nothing happened for a minute"
            for event in events:
                if isinstance(event, Outcome):
                    return event

    return run


@pytest.fixture
def uses(tracked: Callable[..., Outcome], project: Path) -> Callable[..., Uses]:
    """`uses(way, function, *arguments)` returns the kinds and paths that a successful task has used; paths in the project."""

    def run(way: str, function: Callable[..., object], *arguments: object) -> Uses:
        outcome = tracked(way, function, *arguments)
        assert isinstance(outcome.end, Succeeded), (outcome.end, outcome.stderr.text())
        assert outcome.uses_incomplete == ""
        return [(use.kind.value, use.path.removeprefix(f"{project}/")) for use in outcome.uses]

    return run
