"""Start: starts a run; the processes for jobs start while the main process imports modules and plans."""

import contextlib
import functools
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

from ppg.graph.catalogue import Request
from ppg.graph.declared import DeclaredGraph
from ppg.report.frontend import Frontend
from ppg.result import RunResult
from ppg.worker.calls import make_files
from ppg_exec import Event, Executor, ExecutorError, Task
from ppg_invariants import describe_files_plainly

__all__ = ["LateExecutor", "start_run"]

NEEDED_BY_JOBS = (make_files.__module__, describe_files_plainly.__module__, "pathlib")
"""Modules that jobs that make files import, and callbacks that take a Path."""


def start_run(pipegraph: DeclaredGraph, frontend: Frontend, request: Request) -> RunResult:
    """Run a complete graph, or the part of it that is asked for; raises the errors of `run_graph`."""
    with LateExecutor(lambda: _executor_for(pipegraph)) as executor:
        if len(pipegraph) and not pipegraph.status_path.exists():
            # The project has no status file yet, so a task is likely.
            executor.prepare()
        from ppg.engine.run import run_graph  # noqa: PLC0415 (while processes start)

        return run_graph(pipegraph, frontend, executor, request)


def _executor_for(pipegraph: DeclaredGraph) -> Executor:
    """New executor for the jobs of one run, as the coordinator states; imports only the needed modules."""
    coordinator = pipegraph.resource_coordinator
    if coordinator.inline:
        from ppg.launch.inline import inline_executor  # noqa: PLC0415

        return inline_executor(pipegraph)
    if getattr(coordinator, "start_method", None) == "fork":
        from ppg.launch.forked_node import leave_script_behind  # noqa: PLC0415

        return coordinator.executor(functools.partial(leave_script_behind, pipegraph))
    return coordinator.executor()


class LateExecutor:
    """Late executor: passes all calls to an executor, which it makes for the first task.

    Most runs of a large graph have nothing to execute.

    Parameters:
        make: returns the executor.
    """

    def __init__(self, make: Callable[[], Executor]) -> None:
        self._make = make
        self._made: Executor | None = None

    def _made_now(self) -> Executor:
        if self._made is None:
            self._made = self._make().__enter__()
        return self._made

    def prepare(self, modules: Collection[str] = NEEDED_BY_JOBS) -> None:
        """Make the executor and let it start, without blocking, the processes for the first task.

        If that fails, the first task starts them again, and fails with the reason if they still cannot start.
        """
        with contextlib.suppress(ExecutorError, OSError):
            self._made_now().prepare(modules)

    def watch(self, names: Collection[tuple[str, str]], is_own: Callable[[str], bool]) -> None:
        """Let names of modules stand for the same in the processes of jobs as here."""
        self._made_now().watch(names, is_own)

    def submit(self, task: Task) -> None:
        """Submit a task."""
        self._made_now().submit(task)

    def poll(self, timeout: float | None = None) -> list[Event]:
        """Return the events of tasks; an empty list before the first task."""
        return [] if self._made is None else self._made.poll(timeout)

    def fileno(self) -> int:
        """Return a descriptor that is readable when `poll` has events or work.

        Raises:
            ValueError: there was no task yet, so no event can come.
        """
        if self._made is None:
            raise ValueError("Nothing was submitted to this executor, so there is nothing to wait for")
        return self._made.fileno()

    def cancel(self, key: str) -> None:
        """Cancel a task."""
        if self._made is not None:
            self._made.cancel(key)

    def unload(self, key: str, function: Callable[[], object]) -> None:
        """Undo a load."""
        if self._made is not None:
            self._made.unload(key, function)

    def pause(self) -> None:
        """Pause all running tasks until `resume`."""
        if self._made is not None:
            self._made.pause()

    def resume(self) -> None:
        """Continue all paused tasks."""
        if self._made is not None:
            self._made.resume()

    def close(self) -> None:
        """End all tasks that still run."""
        if self._made is not None:
            self._made.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._made is not None:
            self._made.__exit__(kind, error, trace)
