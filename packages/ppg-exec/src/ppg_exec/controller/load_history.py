"""Load history: the loads and unloads that give a new compute node the data of the former one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ppg_exec.tasks import Task

__all__ = ["LoadHistory"]


@dataclass(slots=True)
class _Step:
    """_Step: holds a load, and what undid it. Times count the steps of a node."""

    task: Task
    loaded_at: int
    unload: Task | None = None
    unloaded_at: int | None = None


class LoadHistory:
    """LoadHistory: holds the loads that a new node repeats, in the order in which they ran.

    A load may use the data of earlier loads, some of which are unloaded by now. The executor does not know which. So it
    repeats an unloaded load, too, and unloads it again, if another load that is still needed ran between the two.
    """

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._current: dict[str, _Step] = {}
        self._time = 0

    def loaded(self, task: Task) -> None:
        """Add a load that succeeded."""
        self._time += 1
        step = _Step(task, self._time)
        self._steps.append(step)
        self._current[task.key] = step

    def unloaded(self, key: str, unload: Task | None) -> None:
        """Note that the data of a load is gone; `unload` undid the load, and is None if it must not be repeated."""
        step = self._current.pop(key, None)
        if step is None:
            return
        self._time += 1
        step.unload, step.unloaded_at = unload, self._time
        # A load that a later one kept here goes when that one goes: then it is the last.
        while self._steps and self._steps[-1].unloaded_at is not None:
            self._steps.pop()

    def steps(self) -> Iterator[tuple[str, Task, bool]]:
        """Yield the key of a load, the task to repeat, and whether that undoes the load, in order."""
        steps = [(step.loaded_at, step.task, step.task, False) for step in self._steps]
        steps += [
            (step.unloaded_at, step.task, step.unload, True)
            for step in self._steps
            if step.unload is not None and step.unloaded_at is not None
        ]
        for _, load, task, undoes in sorted(steps, key=lambda each: each[0]):
            yield load.key, task, undoes
