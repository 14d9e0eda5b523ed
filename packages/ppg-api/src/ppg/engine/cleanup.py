"""What jobs leave on disk that nobody shall take for a result."""

import os
from collections.abc import Iterable
from pathlib import Path

from ppg.jobs.file_jobs import FileJob
from ppg.jobs.job import Job
from ppg.paths import absolute
from ppg_exec import Executor, Outcome, Started

__all__ = ["discard_files", "end_all"]

PATIENCE = 10.0
"""Seconds without any news after which tasks that were told to end are left to `Executor.close`."""


def discard_files(job: Job) -> list[str]:
    """Remove or rename what a failed job left; gives a message for each file where that is not possible."""
    problems = []
    for name in job.files:
        path = Path(absolute(name, job.pipegraph.root))
        if not os.path.lexists(path):
            continue
        try:
            if isinstance(job, FileJob) and job.rename_broken:
                path.rename(path.with_name(path.name + ".broken"))
            else:
                path.unlink()
        except OSError as error:
            problems.append(f"what '{job.job_id}' left behind cannot be removed: {error}; it is not believed")
    return problems


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
