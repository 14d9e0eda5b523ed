"""What the local executor's tests demand holds for tasks on the workers of a Dask cluster, too."""

from collections.abc import Callable
from typing import Any

import pytest
from distributed import Client

from ppg_exec import RemoteExecutor, Task
from tests.exec import test_ways_to_end
from tests.exec.dask.clusters import Cluster
from tests.exec.node import test_loads
from tests.exec.remote.test_contract import OF_THE_NODE
from tests.exec.test_ways_to_end import KINDS, POINTS

# One of each group; all of them run against an agent without Dask.
SOME = ["exception", "sys.exit(7)", "SIGKILL", "segmentation fault", "1 MiB of output", "a daemon"]

test_output = test_ways_to_end.test_256_mib_of_output_arrive_complete_and_are_not_held_in_memory
test_culprit = test_ways_to_end.test_a_callback_that_cannot_be_pickled_is_named_with_the_way_to_the_culprit
test_refused = test_ways_to_end.test_a_task_that_asks_for_more_than_there_is_is_refused_and_others_run
test_exceptions = test_ways_to_end.test_exceptions_survive_with_their_type_and_attributes
test_unloading = test_loads.test_an_unload_that_fails_is_a_notice


@pytest.mark.parametrize("kind", SOME)
@pytest.mark.parametrize("point", POINTS)
def test_a_task_that_fails_anywhere_says_how(
    local: RemoteExecutor, point: str, kind: str, run: Callable[..., Any]
) -> None:
    if (point, kind) not in OF_THE_NODE and kind in KINDS:
        test_ways_to_end.test_a_task_that_fails_anywhere_in_any_way_says_how_and_leaves_nothing(
            local, point, kind, run
        )


def test_many_tasks_put_nothing_on_the_scheduler(
    cluster: Cluster, local: RemoteExecutor, run: Callable[..., Any]
) -> None:
    outcomes = run(local, *(Task(str(number), int) for number in range(1000)))
    assert len(outcomes) == 1000
    with Client(cluster.address, set_as_default=False) as client:
        identity = client.run_on_scheduler(
            lambda dask_scheduler: (len(dask_scheduler.tasks), dask_scheduler.transition_counter)
        )
    assert identity == (0, 0)
