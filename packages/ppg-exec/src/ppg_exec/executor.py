"""The protocol that all executors follow."""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import TracebackType
from typing import Protocol, Self

from ppg_exec.tasks import Notice, Outcome, Started, Task

__all__ = ["Event", "Executor"]

Event = Started | Outcome | Notice


class Executor(Protocol):
    """Runs tasks and reports how each ended. For one thread of the caller; it starts none of its own.

    Each submitted task gets exactly one `Outcome`, and before that a `Started` if and when its process runs.
    """

    def prepare(self, modules: Collection[str] = ()) -> None:
        """Start now what the first task will need, without waiting for that: for who expects to have one soon.

        Args:
            modules: names of modules that most tasks will need, and that can be imported.

        """
        ...

    def submit(self, task: Task) -> None:
        """Take a task, any number of them. The executor owns the waiting line and starts what fits."""
        ...

    def poll(self, timeout: float | None = None) -> list[Event]:
        """What has happened: waits until there is something, at most `timeout` seconds (None: forever).

        Returns an empty list if the time is up, or if there is nothing left to wait for.
        """
        ...

    def fileno(self) -> int:
        """A descriptor that is readable when `poll` has something to do: for callers that wait for several."""
        ...

    def cancel(self, key: str) -> None:
        """End a task, wherever it is; unknown keys are ignored, as the task may just have ended."""
        ...

    def unload(self, key: str, function: Callable[[], object]) -> None:
        """Undo the load `key`: run `function` where it ran. Only a failure is reported, as a Notice."""
        ...

    def pause(self) -> None:
        """Stop everything that runs, until `resume`; nothing is started meanwhile."""
        ...

    def resume(self) -> None:
        """Let everything go on."""
        ...

    def close(self) -> None:
        """End everything that still runs. Can be called twice."""
        ...

    def __enter__(self) -> Self:
        """Nothing is started before the first task, or `prepare`."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        ...
