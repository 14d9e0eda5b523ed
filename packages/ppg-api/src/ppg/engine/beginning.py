"""The first moments of a run: the processes for its jobs start while this one imports what a run needs, and plans."""

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

    def make() -> Executor:
        from ppg.engine.inline import executor_for  # noqa: PLC0415 (what executors import, an idle run does without)

        return executor_for(pipegraph)

    with LateExecutor(make) as executor:
        if len(pipegraph) and not pipegraph.status_path.exists():
            # Nothing was ever done here, so something will be.
            executor.prepare()
        from ppg.engine.run import run_graph  # noqa: PLC0415 (see above)

        return run_graph(pipegraph, frontend, executor, targets)
