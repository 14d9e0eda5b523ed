"""The first moments of a run: the processes for its jobs start while this one imports what a run needs, and plans."""

import contextlib
import functools
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

from ppg.graph.declared import DeclaredGraph
from ppg.report.frontend import Frontend
from ppg.result import RunResult
from ppg.worker.calls import make_files
from ppg_exec import Executor, ExecutorError, Notice, Outcome, Started, Task
from ppg_graph import NodeId
from ppg_invariants import describe_files_plainly

__all__ = ["LateExecutor", "start_run"]

NEEDED_BY_JOBS = (make_files.__module__, describe_files_plainly.__module__, "pathlib")
"""What jobs that make files import, and callbacks that take a Path."""


def start_run(
    pipegraph: DeclaredGraph, frontend: Frontend, targets: Collection[NodeId] | None = None
) -> RunResult:
    """Run a complete graph, or only what some targets need; see `run_graph` for what that raises."""
    with LateExecutor(lambda: _executor_for(pipegraph)) as executor:
        if len(pipegraph) and not pipegraph.status_path.exists():
            # Nothing was ever done here, so something will be.
            executor.prepare()
        from ppg.engine.run import run_graph  # noqa: PLC0415 (while processes start)

        return run_graph(pipegraph, frontend, executor, targets)


def _executor_for(pipegraph: DeclaredGraph) -> Executor:
    """A new executor for the jobs of one run, where its coordinator says; what it does not need is not imported."""
    coordinator = pipegraph.resource_coordinator
    if coordinator.inline:
        from ppg.launch.inline import inline_executor  # noqa: PLC0415

        return inline_executor(pipegraph)
    if getattr(coordinator, "start_method", None) == "fork":
        from ppg.launch.forked_node import leave_script_behind  # noqa: PLC0415

        return coordinator.executor(functools.partial(leave_script_behind, pipegraph))
    return coordinator.executor()


class LateExecutor:
    """Follows the protocol of executors, with one that is made for the first task.

    Most runs of a large graph have nothing to execute.

    Parameters:
        make: gives the executor.
    """

    def __init__(self, make: Callable[[], Executor]) -> None:
        self._make = make
        self._made: Executor | None = None

    def _made_now(self) -> Executor:
        if self._made is None:
            self._made = self._make().__enter__()
        return self._made

    def prepare(self, modules: Collection[str] = NEEDED_BY_JOBS) -> None:
        """Make the executor, and let it start what the first task will need while the caller does something else.

        What cannot be had now is asked for again with the first task, which then fails with the reason.
        """
        with contextlib.suppress(ExecutorError, OSError):
            self._made_now().prepare(modules)

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._made_now().submit(task)

    def poll(self, timeout: float | None = None) -> list[Started | Outcome | Notice]:
        """What has happened; nothing before there was a task."""
        return [] if self._made is None else self._made.poll(timeout)

    def fileno(self) -> int:
        """A descriptor that is readable when `poll` has something to do.

        Raises:
            ValueError: there was no task yet, so nothing can happen.
        """
        if self._made is None:
            raise ValueError("Nothing was submitted to this executor, so there is nothing to wait for")
        return self._made.fileno()

    def cancel(self, key: str) -> None:
        """End a task."""
        if self._made is not None:
            self._made.cancel(key)

    def unload(self, key: str, function: Callable[[], object]) -> None:
        """Undo a load."""
        if self._made is not None:
            self._made.unload(key, function)

    def pause(self) -> None:
        """Stop everything that runs, until `resume`."""
        if self._made is not None:
            self._made.pause()

    def resume(self) -> None:
        """Let everything go on."""
        if self._made is not None:
            self._made.resume()

    def close(self) -> None:
        """End everything that still runs."""
        if self._made is not None:
            self._made.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._made is not None:
            self._made.__exit__(kind, error, trace)
