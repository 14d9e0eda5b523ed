"""Naming: finds the jobs that the command line names; a name that no job has ends the command."""

from collections.abc import Iterable

from ppg import Job, Pipegraph
from ppg.graph.find import find_job, unknown_job
from ppg.text import one_line

__all__ = ["UnknownJobError", "jobs_named"]


class UnknownJobError(BaseException):
    """UnknownJobError: ends the command, and the script; `except Exception` of the script does not catch it."""


def jobs_named(pipegraph: Pipegraph, names: Iterable[str]) -> list[Job]:
    """Return the jobs with these ids, or that make or observe these files.

    Raises:
        UnknownJobError: a name that no job of the graph has; the message suggests the nearest names.
    """
    jobs: list[Job] = []
    for name in names:
        job = find_job(pipegraph, name)
        if job is None:
            nearest = one_line(unknown_job(name, (other.job_id for other in pipegraph)))
            raise UnknownJobError(f"{nearest}; arguments of the script come after '--'")
        jobs.append(job)
    return jobs
