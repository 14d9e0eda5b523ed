"""Tasks: makes the task that the executor runs for a job."""

import functools
from typing import TYPE_CHECKING

from ppg.exceptions import JobContractError
from ppg.graph.generate import generate
from ppg.jobs.file_jobs import FileJob
from ppg.jobs.generating_jobs import JobGeneratingJob
from ppg.jobs.job import Job
from ppg.kinds.kind import ProcessCall, calling_hook, require_given
from ppg.worker.calls import take_or_make_files
from ppg.worker.folders import take_or_make_folder
from ppg_exec import RunsIn, Task, Tracking
from ppg_graph import NodeKind

if TYPE_CHECKING:
    from ppg.shared_cache.in_job import Use

__all__ = ["call_of", "task_for"]


def task_for(
    job: Job,
    priority: float,
    use: "Use | None" = None,
    tracking: Tracking | None = None,
    needs: tuple[str, ...] | None = None,
    awaits: tuple[tuple[str, int, int], ...] = (),
) -> Task:
    """Return the task that the executor runs for a job.

    Parameters:
        job: any job but an invariant.
        priority: seconds of the longest path that remains; a larger priority starts earlier.
        use: how the job uses the shared cache; None if it does not.
        tracking: which uses of files its process notes; None if none.
        needs: the loads of which it uses the data.
        awaits: files that it depends on which other machines have made.

    Raises:
        PyPipelineGraphError: the hook `process_call` of the job's kind failed.
    """
    call = call_of(job)
    execution, defaults = job.execution, job.pipegraph._job_defaults
    is_confined = runs_confined(job)
    if is_confined:
        from ppg.outcomes.confinement import confined_call  # noqa: PLC0415 (only runs with confined jobs need it)

        call = confined_call(job, call)
    function, arguments, report, returns_plain = call
    if use is not None:
        assert isinstance(job, FileJob)
        make = functools.partial(function, *arguments)
        if job.whole_folder is not None:
            function, arguments = take_or_make_folder, (make, *job._absolute_files, tuple(use))
        else:
            function = functools.partial(take_or_make_files, empty_ok=job.empty_ok)
            arguments = (make, job._absolute_files, tuple(use))
        report = None
    return Task(
        key=job.job_id,
        function=function,
        arguments=arguments,
        after=report,
        place=_place_of(job),
        cores=job.cores_needed,
        memory=defaults.memory if job.memory_needed == -1 else job.memory_needed,
        enforce_memory=execution.enforce_memory,
        priority=priority,
        timeout=defaults.timeout if execution.timeout is None else execution.timeout,
        retries=execution.retries or defaults.retries,
        working_directory=job.pipegraph.root,
        returns_plain=returns_plain,
        tracking=tracking,
        own_files=job._absolute_files if isinstance(job, FileJob) else (),
        own_temporary_folder=is_confined,
        needs=needs,
        awaits=awaits,
    )


def runs_confined(job: Job) -> bool:
    """Return whether a job's process is confined in the run of its pipegraph.

    An inline job runs in the main process, which must keep its rights. A warning says so.
    """
    coordinator = getattr(job.pipegraph, "resource_coordinator", None)
    return job.is_confined and not getattr(coordinator, "inline", False)


def call_of(job: Job) -> ProcessCall:
    """Return the function that the job's process calls, and its arguments."""
    if job.kind is NodeKind.GENERATOR:
        # A generator declares jobs in a new graph in its process; the hooks of kinds cannot set that up.
        if not isinstance(job, JobGeneratingJob):
            raise JobContractError(
                f"'{job.job_id}' cannot run: {type(job).__name__} plays GENERATOR, and must derive from JobGeneratingJob"
            )
        graph = job.pipegraph
        arguments = job.call, graph.root, str(graph.cache_folder), graph.confine, job.namespace
        return ProcessCall(generate, arguments)
    with calling_hook(job, "process_call"):
        call = job.process_call()
    require_given(job, "process_call", call, ProcessCall, "a ProcessCall")
    return call


def _place_of(job: Job) -> RunsIn:
    if job.kind is NodeKind.LOAD:
        return RunsIn.NODE
    return RunsIn.FRESH if job.execution.isolation == "fresh" else RunsIn.FORK
