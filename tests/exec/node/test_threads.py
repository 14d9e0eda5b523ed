"""Libraries with threads that do not survive a fork: where they were used, and where they can be used then."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from ppg_exec import LocalExecutor, RunsIn, Succeeded, Task, TimedOut
from tests.exec.threaded import use_blas, use_openmp, use_polars

Use = Callable[[str], bool]


@pytest.mark.parametrize("use", [use_openmp, use_polars, use_blas])
@pytest.mark.usefixtures("three_threads")
def test_a_caller_that_has_used_a_library_with_threads_can_run_tasks_that_use_it(
    local: LocalExecutor, run: Any, library: str, use: Use
) -> None:
    assert use(library)
    assert len(os.listdir("/proc/self/task")) > 1
    outcomes = run(local, *(Task(str(n), use, (library,), timeout=60) for n in range(4)))
    assert [outcome.end for outcome in outcomes.values()] == [Succeeded(True)] * 4


@pytest.mark.parametrize("use", [use_openmp, use_polars, use_blas])
@pytest.mark.usefixtures("three_threads")
def test_a_load_that_leaves_a_librarys_threads_is_named_and_fresh_tasks_can_use_it_anyway(
    local: LocalExecutor, run: Any, library: str, use: Use
) -> None:
    outcome = run(local, Task("load", use, (library,), place=RunsIn.NODE))["load"]
    assert outcome.end == Succeeded(True)
    (warning,) = outcome.warnings
    assert "thread(s) running in the compute node" in warning
    assert 'isolation="fresh"' in warning
    fresh = [Task(str(n), use, (library,), place=RunsIn.FRESH, timeout=60) for n in range(2)]
    assert [outcome.end for outcome in run(local, *fresh).values()] == [Succeeded(True)] * 2


@pytest.mark.usefixtures("three_threads")
def test_a_fork_that_needs_the_threads_of_a_load_hangs_until_its_time_is_up(
    local: LocalExecutor, run: Any, library: str
) -> None:
    # Why there are warnings: GNU's OpenMP waits for threads that the fork does not have.
    run(local, Task("load", use_openmp, (library,), place=RunsIn.NODE))
    assert run(local, Task("fork", use_openmp, (library,), timeout=1))["fork"].end == TimedOut(1)
    assert run(local, Task("next", int))["next"].end == Succeeded(0)


def test_with_one_thread_per_core_a_load_leaves_no_threads_and_forks_can_use_the_library(
    run: Any, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with LocalExecutor(cores=2) as executor:
        outcome = run(executor, Task("load", use_openmp, (library,), place=RunsIn.NODE))["load"]
        assert (outcome.end, outcome.warnings) == (Succeeded(True), ())
        assert run(executor, Task("fork", use_openmp, (library,), timeout=60))["fork"].end == Succeeded(True)


def test_a_fresh_task_of_two_cores_has_two_threads(
    run: Any, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with LocalExecutor(cores=2) as executor:
        task = Task("t", use_openmp, (library,), place=RunsIn.FRESH, cores=2, timeout=60)
        assert run(executor, task)["t"].end == Succeeded(True)
