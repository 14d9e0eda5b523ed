"""Cleanup: removes partial outputs of failed jobs, temporary outputs and loaded data, and ends tasks."""

from collections.abc import Callable, Iterable

from ppg.exceptions import PyPipelineGraphError
from ppg.jobs.job import Job
from ppg.kinds.kind import calling_hook, require_given
from ppg_exec import Executor, Outcome, Started
from ppg_graph import NodeKind

__all__ = ["clean_up", "discard_files", "end_all", "remove_files", "unloading_of"]

PATIENCE = 10.0
"""Seconds without any event, after which cancelled tasks are left to `Executor.close`."""


def discard_files(job: Job) -> list[str]:
    """Remove or rename the partial outputs of a failed job; return a message for each file that stays."""
    try:
        with calling_hook(job, "discard"):
            problems = job.discard()
        require_given(job, "discard", problems, list, "a list of messages")
    except PyPipelineGraphError as error:
        return [f"partial outputs of a failed job may still be there: {error}"]
    return problems


def remove_files(job: Job) -> list[str]:
    """Remove the temporary outputs of a job; return a message for each file that stays."""
    try:
        with calling_hook(job, "remove"):
            problems = job.remove()
        require_given(job, "remove", problems, list, "a list of messages")
    except PyPipelineGraphError as error:
        return [f"temporary outputs of a job may still be there: {error}"]
    return problems


def clean_up(job: Job, executor: Executor) -> list[str]:
    """Remove the temporary outputs of a job, or unload its data; return a message for each that stays."""
    if job.kind is not NodeKind.LOAD:
        return remove_files(job)
    try:
        function = unloading_of(job)
    except PyPipelineGraphError as error:
        return [f"loaded data stays in memory until the run ends: {error}"]
    executor.unload(job.job_id, function)
    return []


def unloading_of(job: Job) -> Callable[[], object]:
    """Return the function that unloads the data of a load, in the compute node.

    Raises:
        PyPipelineGraphError: the hook `unloading_call` of the job's kind failed.
    """
    with calling_hook(job, "unloading_call"):
        function = job.unloading_call()
    require_given(job, "unloading_call", function, Callable, "a function")  # type: ignore[arg-type]
    return function


def end_all(executor: Executor, keys: Iterable[str]) -> set[str]:
    """Cancel tasks and close the executor; return the tasks that the executor reports as started only now.

    Such a job may have written a part of its file before the run loop received `Started`.
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
