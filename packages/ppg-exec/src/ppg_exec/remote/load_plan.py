"""Load plan: says which loads a machine repeats before a task can run there."""

from __future__ import annotations

from collections.abc import Collection

from ppg_exec.controller.load_history import LoadHistory
from ppg_exec.remote.machine import LoadStep
from ppg_exec.tasks import RunsIn, Task

__all__ = ["LoadPlan"]


class LoadPlan:
    """LoadPlan: holds the loads that have succeeded, and what each of them needs."""

    def __init__(self) -> None:
        self._history = LoadHistory()
        self._tasks: dict[str, Task] = {}
        self._current: set[str] = set()

    def loaded(self, task: Task) -> None:
        """Note that a load has succeeded for the first time."""
        self._history.loaded(task)
        self._tasks.pop(task.key, None)
        self._tasks[task.key] = task
        self._current.add(task.key)

    def unloaded(self, key: str, task: Task) -> None:
        """Note that a load was undone, by `task`."""
        self._history.unloaded(key, task)
        self._current.discard(key)

    def needs(self, task: Task) -> frozenset[str]:
        """The loads of which a task needs the data on its machine, with those that these need."""
        if task.place is RunsIn.FRESH:
            return frozenset()
        if task.needs is None:
            return frozenset(self._current)
        return frozenset(self._current.intersection(self._with_needs(task.needs)))

    def steps(self, needs: Collection[str], present: Collection[str]) -> list[LoadStep]:
        """What a machine with some loads has to repeat, in order, for a task that needs others.

        A load may need the data of a load that was undone since; this is then repeated and undone, too.
        """
        missing = {key for key in needs if key not in present and key in self._current}
        if not missing:
            return []
        wanted = self._with_needs(missing).difference(present)
        return [LoadStep(key, task, undoes) for key, task, undoes in self._history.steps() if key in wanted]

    def _with_needs(self, keys: Collection[str]) -> set[str]:
        found: set[str] = set()
        left = list(keys)
        while left:
            key = left.pop()
            task = self._tasks.get(key)
            if key in found or task is None:
                continue
            found.add(key)
            if task.needs is not None:
                left += task.needs
                continue
            for earlier in self._tasks:
                if earlier == key:
                    break
                left.append(earlier)
        return found
