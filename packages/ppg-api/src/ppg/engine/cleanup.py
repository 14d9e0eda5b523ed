"""What jobs leave on disk that nobody shall take for a result."""

from collections.abc import Iterable

from ppg.exceptions import PyPipelineGraphError
from ppg.jobs.job import Job
from ppg.jobs.kind import calling_hook
from ppg_exec import Executor, Outcome, Started

__all__ = ["discard_files", "end_all", "remove_files"]

PATIENCE = 10.0
"""Seconds without any news after which tasks that were told to end are left to `Executor.close`."""


def discard_files(job: Job) -> list[str]:
    """Remove or rename what a failed job left; gives a message for each file where that is not possible."""
    try:
        with calling_hook(job, "discard"):
            return job.discard()
    except PyPipelineGraphError as error:
        return [f"what a failed job left may still be there: {error}"]


def remove_files(job: Job) -> list[str]:
    """Remove what a job made for others; gives a message for each file where that is not possible."""
    try:
        with calling_hook(job, "remove"):
            return job.remove()
    except PyPipelineGraphError as error:
        return [f"what a job made for others may still be there: {error}"]


def end_all(executor: Executor, keys: Iterable[str]) -> set[str]:
    """End tasks, and close the executor; gives those that had begun without anybody having heard of it yet.

    A job can have written half of its file before it is known here that it runs.
    """
    awaited = set(keys)
    for key in awaited:
        executor.cancel(key)
    begun: set[str] = set()
    while awaited and (events := executor.poll(PATIENCE)):
        begun |= {event.key for event in events if isinstance(event, Started)}
        awaited -= {event.key for event in events if isinstance(event, Outcome)}
    executor.close()
    return begun
