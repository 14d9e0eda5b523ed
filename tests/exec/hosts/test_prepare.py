"""Processes that are started before there is a task."""

import os
import signal
import sys
import time

import pytest

from ppg_exec import Died, InlineExecutor, LocalExecutor, RunsIn, Succeeded, Task
from tests.exec.conftest import assert_nothing_is_left, marked


def processes_of(executor: LocalExecutor, count: int) -> set[int]:
    """Its processes, as soon as there are so many."""
    deadline = time.monotonic() + 60
    while len(found := set(marked(executor.marker))) < count:
        assert time.monotonic() < deadline, found
        os.sched_yield()  # these processes send no signal to us when they begin
    return found


def test_a_prepared_executor_has_its_node_before_the_first_task_which_uses_it(run) -> None:
    with LocalExecutor(cores=2) as executor:
        executor.prepare()
        guard_forkserver_node = processes_of(executor, 3)
        executor.prepare()
        end = run(executor, Task("a", os.getppid))["a"].end
        assert isinstance(end, Succeeded)
        assert end.value in guard_forkserver_node
        assert set(marked(executor.marker)) == guard_forkserver_node
    assert_nothing_is_left(executor.marker)


def test_modules_that_tasks_will_need_are_imported_once_in_the_node(run) -> None:
    def knows_it():
        return "colorsys" in sys.modules

    with LocalExecutor(cores=2) as executor:
        executor.prepare(["colorsys"])
        end = run(executor, Task("a", knows_it))["a"].end
        assert isinstance(end, Succeeded)
        assert end.value is True
    with LocalExecutor(cores=2) as executor:
        end = run(executor, Task("a", knows_it))["a"].end
        assert isinstance(end, Succeeded)
        assert end.value is False


def test_nothing_is_left_of_an_executor_that_was_prepared_in_vain() -> None:
    with LocalExecutor(cores=2) as executor:
        executor.prepare()
    assert_nothing_is_left(executor.marker)


def test_a_prepared_node_that_dies_before_the_first_task_is_replaced(run) -> None:
    with LocalExecutor(cores=2) as executor:
        executor.prepare()
        guard_forkserver_node = processes_of(executor, 3)
        os.kill(max(guard_forkserver_node), 9)
        assert isinstance(run(executor, Task("a", os.getpid))["a"].end, Succeeded)
    assert_nothing_is_left(executor.marker)


def test_a_node_that_is_prepared_in_place_of_a_dead_one_has_what_was_loaded(run) -> None:
    class Holder:
        value = None

    def load():
        Holder.value = "loaded"

    with LocalExecutor(cores=2) as executor:
        run(executor, Task("load", load, place=RunsIn.NODE))
        # The executor has read of the death when it reports the task that died with the node.
        killed = run(executor, Task("kill", lambda: os.kill(os.getppid(), signal.SIGKILL) or signal.pause()))[
            "kill"
        ]
        assert isinstance(killed.end, Died)
        executor.prepare()
        end = run(executor, Task("a", lambda: Holder.value))["a"].end
        assert isinstance(end, Succeeded)
        assert end.value == "loaded"
    assert_nothing_is_left(executor.marker)


def test_a_fork_of_this_process_is_not_made_before_there_is_a_task(run) -> None:
    with LocalExecutor(cores=2, start_method="fork") as executor:
        executor.prepare()
        assert not set(marked(executor.marker))
        assert isinstance(run(executor, Task("a", os.getpid))["a"].end, Succeeded)
    assert_nothing_is_left(executor.marker)


@pytest.mark.parametrize("place", [RunsIn.FORK, RunsIn.NODE, RunsIn.FRESH])
def test_a_prepared_executor_runs_tasks_of_all_places(run, place) -> None:
    with LocalExecutor(cores=2) as executor:
        executor.prepare()
        assert isinstance(run(executor, Task("a", os.getpid, place=place))["a"].end, Succeeded)
    assert_nothing_is_left(executor.marker)


def test_an_inline_executor_can_be_prepared(run) -> None:
    with InlineExecutor() as executor:
        executor.prepare()
        assert isinstance(run(executor, Task("a", os.getpid))["a"].end, Succeeded)
