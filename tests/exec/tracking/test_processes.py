"""Processes that a task starts in Python note their files for the task."""

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
from tests.exec.tracking import actions
from tests.exec.tracking.conftest import new_executors

Tracked = Callable[..., Outcome]
Uses = list[tuple[str, str]]
WAYS = ("job", "fresh", "load", "inline")
METHODS = ("fork", "spawn", "forkserver")


@pytest.fixture
def executors() -> Iterator[dict[str, Executor]]:
    """Executors of one test: a forkserver that a load has started is no child of a job, so jobs cannot use it."""
    yield from new_executors()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_pool_of_processes_notes_the_files_of_its_workers(
    uses: Callable[..., Uses], project: Path, way: str, method: str
) -> None:
    """What a worker has written is the task's own."""
    found = uses(way, actions.use_pool, str(project), method)
    assert sorted(found) == [
        ("read", "a.txt"), ("read", "b.txt"), ("read", "sub/c.txt"), ("written", "of_child.txt"),
    ]  # fmt: skip
    assert found[-1] == ("written", "of_child.txt")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("way", ["job", "load"])
def test_processes_of_processes_note_their_files(
    uses: Callable[..., Uses], project: Path, way: str, method: str
) -> None:
    assert uses(way, actions.use_process, str(project), method) == [("read", "a.txt"), ("read", "b.txt")]


def test_what_a_process_would_get_can_be_pickled_where_no_process_starts(
    uses: Callable[..., Uses], project: Path
) -> None:
    assert uses("job", pickle_preparation, str(project)) == [("read", "a.txt")]


def pickle_preparation(folder: str) -> None:
    import pickle
    import threading
    from multiprocessing import popen_spawn_posix, spawn

    assert popen_spawn_posix.Popen.method == "spawn"
    prepared = spawn.get_preparation_data("name")
    assert pickle.loads(pickle.dumps(prepared["ppg_tracking"])) == {}
    assert threading.active_count() == 1
    actions.read(f"{folder}/a.txt")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_node_that_is_a_fork_of_the_caller_notes_the_files_of_each_task(
    run: Callable[..., dict[str, Outcome]], project: Path
) -> None:
    rules = Tracking(str(project), (), system_folders())
    with InlineExecutor() as inline:
        run(inline, Task("inline", actions.read_once, (str(project),), tracking=rules))
    with LocalExecutor(cores=1, grace=0.5, start_method="fork") as executor:
        outcomes = run(
            executor,
            Task("load", actions.read_link, (str(project),), place=RunsIn.NODE, tracking=rules),
            Task("job", actions.fork_and_write, (str(project),), tracking=rules),
            Task("untracked", actions.read_once, (str(project),)),
        )
    found = {key: [os.path.relpath(use.path, project) for use in each.uses] for key, each in outcomes.items()}
    assert found == {"load": ["link"], "job": ["of_child.txt", "of_parent.txt"], "untracked": []}


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_process_that_does_not_find_ppg_works_and_the_outcome_says_that_uses_are_missing(
    tracked: Tracked, project: Path, method: str
) -> None:
    outcome = tracked("job", use_process_without_ppg, str(project), method)
    assert isinstance(outcome.end, Succeeded), outcome.stderr.text()
    assert (
        "a process that it has started does not note its files: ModuleNotFoundError"
        in outcome.uses_incomplete
    )
    assert [use.path for use in outcome.uses] == [f"{project}/link"]


def use_process_without_ppg(folder: str, method: str) -> None:
    import multiprocessing

    from ppg_exec.tracking import children

    children.__dict__["_JOIN"] = children._JOIN.replace("ppg_exec.tracking.hook", "ppg_exec_gone.tracking")
    actions.read(f"{folder}/link")
    process = multiprocessing.get_context(method).Process(target=actions.read, args=(f"{folder}/a.txt",))
    process.start()
    process.join()
    assert process.exitcode == 0


def test_a_closed_log_is_said_and_files_of_the_user_stay_as_they_are(tracked: Tracked, project: Path) -> None:
    """The task opens its own file under the number of the log."""
    outcome = tracked("job", actions.close_all_then_fork, str(project))
    assert isinstance(outcome.end, Succeeded), outcome
    assert (project / "b.txt").read_text() == "b"
    assert "the log of the processes that it has forked cannot be" in outcome.uses_incomplete
    assert f"{project}/a.txt" in [use.path for use in outcome.uses]


def test_a_load_leaves_no_log_open_in_the_node(tracked: Tracked, project: Path) -> None:
    for way in ("load", "load", "inline"):
        tracked(way, actions.fork_and_read, str(project))
    assert tracked("load", open_logs).end == Succeeded(0)
    assert open_logs() == 0


def open_logs() -> int:
    names = [
        os.readlink(f"/proc/self/fd/{each}")
        for each in os.listdir("/proc/self/fd")
        if int(each) > 2 and os.path.lexists(f"/proc/self/fd/{each}")
    ]
    return sum(name.startswith("/memfd:ppg-uses") for name in names)


def test_other_programs_and_what_is_beneath_them_are_not_noted(
    uses: Callable[..., Uses], project: Path
) -> None:
    assert uses("job", run_a_program, str(project)) == []


def run_a_program(folder: str) -> None:
    import subprocess
    import sys

    program = f"open('{folder}/a.txt').read(); import os; print([n for n in os.listdir('/proc/self/fd') if int(n) > 3])"
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert said == "[]\n", said
