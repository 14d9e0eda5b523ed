"""Tasks: what the executor is told to run for a job."""

import functools
from typing import TYPE_CHECKING

from ppg.exceptions import JobContractError
from ppg.graph.generate import generate
from ppg.jobs.file_jobs import FileJob
from ppg.jobs.generating_jobs import JobGeneratingJob
from ppg.jobs.job import Job
from ppg.jobs.kind import ProcessCall, calling_hook
from ppg.worker.calls import take_or_make_files
from ppg_exec import RunsIn, Task
from ppg_graph import NodeKind

if TYPE_CHECKING:
    from ppg.shared_cache.in_job import Use

__all__ = ["call_of", "task_for"]


def task_for(job: Job, priority: float, use: "Use | None" = None) -> Task:
    """What the executor has to run for a job.

    Parameters:
        job: any but an invariant.
        priority: the larger, the earlier; seconds of the longest path that remains.
        use: how it uses the shared cache, if it does.

    Raises:
        PyPipelineGraphError: the kind of job cannot say what to call.
    """
    function, arguments, report = call_of(job)
    execution = job.execution
    if use is not None:
        assert isinstance(job, FileJob)
        make = functools.partial(function, *arguments)
        function = functools.partial(take_or_make_files, empty_ok=job.empty_ok)
        arguments, report = (make, job.absolute_files, tuple(use)), None
    return Task(
        key=job.job_id,
        function=function,
        arguments=arguments,
        after=report,
        place=_place_of(job),
        cores=job.cores_needed,
        memory=None if job.memory_needed == -1 else job.memory_needed,
        enforce_memory=execution.enforce_memory,
        priority=priority,
        timeout=execution.timeout,
        retries=execution.retries,
        working_directory=job.pipegraph.root,
    )


def call_of(job: Job) -> ProcessCall:
    """What is called in the job's process, and with what."""
    if job.kind is NodeKind.GENERATOR:
        # A generator declares into a graph of its own, which kinds of jobs know nothing of.
        if not isinstance(job, JobGeneratingJob):
            raise JobContractError(
                f"'{job.job_id}' cannot run: {type(job).__name__} plays GENERATOR, and must derive from JobGeneratingJob"
            )
        return ProcessCall(generate, (job.call, job.pipegraph.root, str(job.pipegraph.cache_folder)))
    with calling_hook(job, "process_call"):
        return job.process_call()


def _place_of(job: Job) -> RunsIn:
    if job.kind is NodeKind.LOAD:
        return RunsIn.NODE
    return RunsIn.FRESH if job.execution.isolation == "fresh" else RunsIn.FORK
