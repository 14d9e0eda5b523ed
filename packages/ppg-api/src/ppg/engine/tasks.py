"""From jobs to tasks: what the executor is told to run, and what its report means."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from ppg.engine.hints import late_variable, with_hint
from ppg.exceptions import (
    InternalError,
    JobContractError,
    JobDiedException,
    JobError,
    PyPipelineGraphError,
)
from ppg.graph.extension import Extension, extension_of
from ppg.graph.generate import generate
from ppg.graph.generated import GeneratedJobs
from ppg.jobs.callback_job import CallbackJob
from ppg.jobs.execution import AS_USUAL
from ppg.jobs.file_jobs import FileJob
from ppg.jobs.generating_jobs import JobGeneratingJob
from ppg.jobs.job import Job
from ppg.jobs.loading_jobs import AttributeLoadingJob, DictEntryLoadingJob, LoadingJob
from ppg.paths import absolute
from ppg.recipes.plot_job import ValueFileJob
from ppg.worker.cache_files import make_files_from
from ppg.worker.calls import (
    call_for_effect,
    keep_loaded,
    load_attribute,
    load_entry,
    make_files,
    take_or_make_files,
    unload_attribute,
    unload_entry,
)
from ppg_exec import (
    Cancelled,
    Died,
    Outcome,
    Place,
    Raised,
    Refused,
    Succeeded,
    Task,
    TimedOut,
    Unpicklable,
)
from ppg_graph import Fingerprint
from ppg_invariants import (
    FileProblem,
    FileState,
    Problem,
    describe_files_plainly,
    described,
    fingerprint_outputs,
)

if TYPE_CHECKING:
    from ppg.shared_cache.in_job import Use

__all__ = ["Failure", "Made", "judged", "task_for", "unloading"]

ASK_FOR_LESS = "Let it ask for less (cores_needed, memory_needed), or allow more (ppg run --cores, the arguments of LocalSystem)"


@dataclass(frozen=True, slots=True)
class Made:
    """A success: what the job made.

    Attributes:
        fingerprint: of the content of all its files.
        parts: of each file by itself, if there are several.
        files: the state of each file, by its name relative to the root.
        taken: whether the files come from the shared cache.
        warnings: of the shared cache: what several have in common if they say the same, and the message.
    """

    fingerprint: Fingerprint
    parts: Mapping[str, Fingerprint]
    files: Mapping[str, FileState]
    taken: bool = False
    warnings: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure: the exception to report, and the traceback as text if there is one."""

    exception: BaseException
    traceback: str | None = None


def task_for(job: Job, priority: float, use: "Use | None" = None) -> Task:
    """What the executor has to run for a job.

    Parameters:
        job: any but an invariant.
        priority: the larger, the earlier; seconds of the longest path that remains.
        use: how it uses the shared cache, if it does.
    """
    function, arguments = _call_of(job)
    execution = job.execution if isinstance(job, CallbackJob) else AS_USUAL
    after = None
    if use is not None:
        assert isinstance(job, FileJob)
        make = functools.partial(function, *arguments)
        function = functools.partial(take_or_make_files, empty_ok=job.empty_ok)
        arguments = (make, _paths(job), tuple(use))
    elif isinstance(job, FileJob):
        after = functools.partial(describe_files_plainly, _paths(job), empty_ok=job.empty_ok)
    return Task(
        key=job.job_id,
        function=function,
        arguments=arguments,
        after=after,
        place=_place_of(job),
        cores=job.cores_needed,
        memory=None if job.memory_needed == -1 else job.memory_needed,
        enforce_memory=execution.enforce_memory,
        priority=priority,
        timeout=execution.timeout,
        retries=execution.retries,
        working_directory=job.pipegraph.root,
    )


def unloading(job: LoadingJob) -> Callable[[], object]:
    """What undoes a load in the compute node."""
    match job:
        case AttributeLoadingJob():
            return functools.partial(unload_attribute, job.object, job.attribute_name)
        case DictEntryLoadingJob():
            return functools.partial(unload_entry, job.dictionary, job.key)
        case _:
            return keep_loaded


def _call_of(job: Job) -> tuple[Callable[..., object], tuple[object, ...]]:
    """What is called in the job's process, and with what."""
    match job:
        case ValueFileJob():
            return make_files_from, (job.cache_job.reading, job.make, _paths(job))
        case FileJob():
            return make_files, (job.call, job.callback_arguments, _paths(job))
        case AttributeLoadingJob():
            return load_attribute, (job.object, job.attribute_name, job.call)
        case DictEntryLoadingJob():
            return load_entry, (job.dictionary, job.key, job.call)
        case LoadingJob():
            return call_for_effect, (job.call,)
        case JobGeneratingJob():
            return generate, (job.call, job.pipegraph.root, str(job.pipegraph.cache_folder))
        case _:
            raise InternalError(f"'{job.job_id}' is a {type(job).__name__}, which is never run")


def _place_of(job: Job) -> Place:
    if isinstance(job, LoadingJob):
        return Place.NODE
    fresh = isinstance(job, CallbackJob) and job.execution.isolation == "fresh"
    return Place.FRESH if fresh else Place.FORK


def _paths(job: FileJob) -> tuple[str, ...]:
    return tuple(absolute(path, job.pipegraph.root) for path in job.files)


def judged(job: Job, outcome: Outcome, run_id: int) -> Made | Extension | Failure:
    """Whether the job kept its contract, and what it made.

    Parameters:
        job: the job.
        outcome: the executor's report.
        run_id: the number of this run; makes the fingerprint of jobs without cutoff new in every run.
    """
    end = outcome.end
    match end:
        case Succeeded(value):
            if isinstance(job, LoadingJob):
                # Its fingerprint derives from what it depends on, never from the data.
                return Made(Fingerprint(b""), {}, {})
            if isinstance(job, JobGeneratingJob):
                return _extension(job, value)
            return _checked(job, value, run_id)
        case Raised(exception, type_name, message, traceback):
            if exception is None or not _has_text(exception):
                exception = JobError(f"{type_name}: {message}", type_name)
            return Failure(exception, with_hint(job, exception, traceback))
        case Died(exit_code, signal_number, likely_cause):
            return Failure(JobDiedException(job.job_id, exit_code, signal_number, likely_cause))
        case Unpicklable(path, message):
            return Failure(
                PyPipelineGraphError(
                    f"'{job.job_id}' cannot be sent to its process: {_in_terms_of(job, path)} cannot be pickled "
                    f"({message}). Create it inside the function instead of capturing it"
                )
            )
        case Refused(reason):
            return Failure(PyPipelineGraphError(f"'{job.job_id}' cannot run here: {reason}. {ASK_FOR_LESS}"))
        case TimedOut(seconds):
            return Failure(
                JobDiedException(
                    job.job_id,
                    None,
                    None,
                    f"it took longer than its timeout of {seconds:g} s; give it more (timeout=...) if it needs that",
                )
            )
        case Cancelled():
            return Failure(JobDiedException(job.job_id, None, None, "it was killed by the user"))
        case _:
            assert_never(end)


def _in_terms_of(job: Job, path: str) -> str:
    """The way to what cannot be pickled, from the job's function, which is an argument of ours."""
    # It is the last callable: what a load sets an attribute of may be a class.
    position = max(index for index, argument in enumerate(_call_of(job)[1]) if callable(argument))
    ours = f"arguments → [{position}]"
    return f"function{path.removeprefix(ours)}" if path.startswith(ours) else path


def _has_text(exception: BaseException) -> bool:
    """Whether an exception of the user's can be shown without raising another one."""
    try:
        str(exception)
    except Exception:  # noqa: BLE001 (whatever its __str__ raises must end neither the run nor what shows its end)
        return False
    return True


def _extension(job: JobGeneratingJob, value: object) -> Extension | Failure:
    assert isinstance(value, GeneratedJobs)
    try:
        return extension_of(job, value)
    except (PyPipelineGraphError, TypeError, ValueError) as error:
        return Failure(error)


def _checked(job: Job, value: object, run_id: int) -> Made | Failure:
    assert isinstance(job, FileJob)
    # Only a job that shares says more than what its files are.
    taken, value, warnings = value if isinstance(value, tuple) else (False, value, ())
    assert isinstance(value, list)
    files: dict[str, FileState] = {}
    troubles: dict[Problem, list[str]] = {}
    for path, state in zip(job.files, map(described, value), strict=True):
        if isinstance(state, FileProblem):
            troubles.setdefault(state.problem, []).append(path)
        else:
            files[path] = state
    if not troubles:
        return _made(job, files, run_id, taken, warnings)
    told = "; ".join(f"{problem.value}: {', '.join(paths)}" for problem, paths in troubles.items())
    hint = " (empty_ok=True allows empty files)" if list(troubles) == [Problem.EMPTY] else ""
    if Problem.MISSING in troubles and (late := late_variable(job)) is not None:
        hint = f". Probably {late}"
    return Failure(
        JobContractError(f"'{job.job_id}' returned, but its files are not as they should be: {told}{hint}")
    )


def _made(
    job: FileJob,
    files: dict[str, FileState],
    run_id: int,
    taken: bool,
    warnings: Sequence[tuple[str, str]],
) -> Made:
    # A job without cutoff counts as changed whenever it ran, so its fingerprint is new in every run.
    fingerprint, parts = fingerprint_outputs(files, salt=b"" if job.cutoff else b"#%d" % run_id)
    return Made(fingerprint, parts, files, taken, warnings)
