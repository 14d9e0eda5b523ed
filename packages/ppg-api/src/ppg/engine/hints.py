"""What to tell a user about a job's exception that its traceback cannot tell."""

from ppg.callback_job import CallbackJob
from ppg.job import Job
from ppg.loading_jobs import LoadingJob

__all__ = ["with_hint"]

MOST_NAMES = 5

LOOKS_NOT_LOADED = (AttributeError, LookupError, NameError, TypeError)
"""What comes of using data that is not there: no attribute, entry or name, or None in its place."""


def with_hint(job: Job, exception: BaseException, traceback: str) -> str:
    """The traceback of a job that raised, with a line for the user at its end if there is something to say."""
    hint = _not_loaded(job, exception) or _no_memory(job, exception)
    return traceback if hint is None else f"{traceback.rstrip()}\n{hint}"


def _not_loaded(job: Job, exception: BaseException) -> str | None:
    if not isinstance(job, CallbackJob) or job.execution.isolation != "fresh":
        return None
    loads = [upstream.job_id for upstream in job.upstreams if isinstance(upstream, LoadingJob)]
    if not loads or not isinstance(exception, LOOKS_NOT_LOADED):
        return None
    names = ", ".join(f"'{name}'" for name in loads[:MOST_NAMES]) + (
        ", ..." if len(loads) > MOST_NAMES else ""
    )
    return (
        f"'{job.job_id}' has isolation=\"fresh\", so nothing is in its process that was loaded by {names}: "
        "read the data in the job itself, or leave the option out"
    )


def _no_memory(job: Job, exception: BaseException) -> str | None:
    if not isinstance(exception, MemoryError):
        return None
    return (
        f"'{job.job_id}' got no more memory: there may be a limit (ulimit -v, a batch system). If it is others that "
        "leave too little, state what it needs (memory_needed, in bytes), so that fewer run beside it"
    )
