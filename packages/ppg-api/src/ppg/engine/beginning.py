"""The first moments of a run: the processes for its jobs start while this one imports what a run needs, and plans."""

import functools
from collections.abc import Collection

from ppg.engine.frontend import Frontend
from ppg.engine.late_executor import LateExecutor
from ppg.pipegraph import Pipegraph
from ppg.result import RunResult
from ppg_exec import Executor
from ppg_graph import NodeId

__all__ = ["begin"]


def begin(pipegraph: Pipegraph, frontend: Frontend, targets: Collection[NodeId] | None = None) -> RunResult:
    """Run a complete graph, or only what some targets need; see `run_graph` for what that raises."""
    with LateExecutor(lambda: _executor_for(pipegraph)) as executor:
        if len(pipegraph) and not pipegraph.status_path.exists():
            # Nothing was ever done here, so something will be.
            executor.prepare()
        from ppg.engine.run import run_graph  # noqa: PLC0415 (while processes start)

        return run_graph(pipegraph, frontend, executor, targets)


def _executor_for(pipegraph: Pipegraph) -> Executor:
    """A new executor for the jobs of one run, where its coordinator says; what it does not need is not imported."""
    coordinator = pipegraph.resource_coordinator
    if coordinator.inline:
        from ppg.engine.inline import inline_executor  # noqa: PLC0415

        return inline_executor(pipegraph)
    if getattr(coordinator, "start_method", None) == "fork":
        from ppg.engine.forking import leave_script_behind  # noqa: PLC0415

        return coordinator.executor(functools.partial(leave_script_behind, pipegraph))
    return coordinator.executor()
