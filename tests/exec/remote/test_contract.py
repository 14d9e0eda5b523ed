"""What the local executor's tests demand holds for an executor whose tasks an agent runs."""

import inspect
from typing import Any

import pytest

from ppg_exec import Died, RemoteExecutor, Task
from tests.exec import test_sharing, test_ways_to_end
from tests.exec.controller import test_dispatch
from tests.exec.failures import FailsWhenRead, nothing
from tests.exec.job_output import test_streams
from tests.exec.node import test_hostile_jobs, test_loads
from tests.exec.test_ways_to_end import CASES, KINDS, POINTS

executor = test_ways_to_end.executor
__all__ = ["executor"]

# What reads a task in the compute node of a local executor ends that; an agent reads it itself.
OF_THE_NODE = {("while it is read", "closed descriptors")}
# They look at processes and messages of the local executor.
OF_THE_LOCAL_EXECUTOR = {
    "test_a_task_that_fails_anywhere_in_any_way_says_how_and_leaves_nothing",
    "test_a_node_that_is_stopped_is_reported_with_what_lets_it_go_on",
    "test_a_job_that_is_stopped_is_reported_by_its_name",
    "test_a_node_that_spins_is_reported",
}

for module in (test_ways_to_end, test_sharing, test_loads, test_hostile_jobs, test_dispatch, test_streams):
    for name, function in vars(module).items():
        is_test = name.startswith("test_") and inspect.isfunction(function)
        if (
            is_test
            and name not in OF_THE_LOCAL_EXECUTOR
            and "local" in inspect.signature(function).parameters
        ):
            globals()[name] = function


@pytest.mark.parametrize(
    ("executor", "point", "kind"),
    [case for case in CASES if case[0] == "local" and case[1:] not in OF_THE_NODE],
    indirect=["executor"],
)
def test_a_task_that_fails_anywhere_in_any_way_says_how(
    executor: RemoteExecutor, point: str, kind: str, run: Any
) -> None:
    test_ways_to_end.test_a_task_that_fails_anywhere_in_any_way_says_how_and_leaves_nothing(
        executor, point, kind, run
    )


def test_a_task_that_closes_the_descriptors_of_the_agent_that_reads_it_ends_that_agent_and_itself(
    local: RemoteExecutor, run: Any
) -> None:
    outcome = run(local, Task("t", nothing, (FailsWhenRead(KINDS["closed descriptors"].fail),)))["t"]
    assert isinstance(outcome.end, Died)
    assert "read this task" in outcome.end.likely_cause
    assert list(POINTS)
