"""Executor: is the protocol that all executors follow."""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import TracebackType
from typing import Protocol, Self

from ppg_exec.tasks import LoadRepeated, NameDiffers, Notice, Outcome, Started, Task

__all__ = ["Event", "Executor"]

Event = Started | Outcome | LoadRepeated | NameDiffers | Notice


class Executor(Protocol):
    """Executor: runs tasks and reports how each ended. It is for one thread, and starts no thread.

    Each submitted task gets exactly one `Outcome`, and before that a `Started` if and when its process runs.
    """

    def prepare(self, modules: Collection[str] = ()) -> None:
        """Start, without blocking, what the first task needs. Call it when a task is likely.

        Args:
            modules: names of modules that most tasks will need, and that can be imported.

        """
        ...

    def watch(self, names: Collection[tuple[str, str]], is_own: Callable[[str], bool]) -> None:
        """Let names of modules stand for the same, for later tasks, as in this process now.

        It imports nothing. A `NameDiffers` says that this was not possible.

        Args:
            names: a module and a name in it, of those that tasks may read.
            is_own: whether a module is part of the caller's project, so that its classes may have been changed.

        """
        ...

    def submit(self, task: Task) -> None:
        """Take a task, any number of them. The executor owns the waiting line and starts what fits."""
        ...

    def poll(self, timeout: float | None = None) -> list[Event]:
        """Return what has happened: waits for an event, at most `timeout` seconds (None: forever).

        Returns an empty list if the time is up, or if there is nothing left to wait for.
        """
        ...

    def fileno(self) -> int:
        """A descriptor, to wait on beside others, that is readable when `poll` has something to do."""
        ...

    def cancel(self, key: str) -> None:
        """End a task, wherever it is; ignores unknown keys, because the task may just have ended."""
        ...

    def unload(self, key: str, function: Callable[[], object]) -> None:
        """Undo the load `key`: run `function` where it ran. Only a failure is reported, as a Notice."""
        ...

    def pause(self) -> None:
        """Stop everything that runs, until `resume`; no task starts meanwhile."""
        ...

    def resume(self) -> None:
        """Let everything go on."""
        ...

    def close(self) -> None:
        """End everything that still runs. It can be called twice."""
        ...

    def __enter__(self) -> Self:
        """Return the executor. Nothing starts before the first task, or `prepare`."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the executor."""
        ...
