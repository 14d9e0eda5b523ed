"""Verdicts: whether a job kept its contract, from the executor's report of its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from ppg.exceptions import JobContractError, JobDiedException, JobError, PyPipelineGraphError
from ppg.graph.extension import Extension, extension_of
from ppg.graph.generated import GeneratedJobs
from ppg.jobs.generating_jobs import JobGeneratingJob
from ppg.jobs.job import Job
from ppg.kinds.kind import JobOutputs, WrongFilesError, calling_hook, hook_name
from ppg.outcomes.hints import late_variable, not_allowed, with_hint
from ppg.outcomes.tasks import call_of
from ppg_exec import (
    Cancelled,
    Died,
    Outcome,
    Output,
    Raised,
    Refused,
    SentException,
    Succeeded,
    TimedOut,
    Unpicklable,
    unopened_exception,
)
from ppg_graph import NodeKind
from ppg_invariants import Problem

__all__ = ["Failure", "Made", "extension_verdict", "verdict_of"]

ASK_FOR_LESS = "Let it ask for less (cores_needed, memory_needed), or allow more (ppg run --cores, the arguments of LocalSystem)"


@dataclass(frozen=True, slots=True)
class Made:
    """Made: success of a job.

    Attributes:
        outputs: the job's outputs.
        taken: whether its files come from the shared cache.
        warnings: of the shared cache: the cause, the same for all affected jobs, and the message.
    """

    outputs: JobOutputs
    taken: bool = False
    warnings: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Failure: holds the exception to report, and the traceback as text if there is one."""

    exception: BaseException | SentException
    traceback: str | None = None


def verdict_of(job: Job, outcome: Outcome, run_id: int) -> Made | GeneratedJobs | Failure:
    """Return the outputs or declarations of a job that kept its contract, or its failure.

    Parameters:
        job: the job.
        outcome: the executor's report.
        run_id: the number of this run, which makes the fingerprint of jobs without cutoff new in every run.
    """
    end = outcome.end
    match end:
        case Succeeded(value):
            if job.kind is NodeKind.GENERATOR:
                assert isinstance(value, GeneratedJobs)
                return value
            return _checked(job, value, run_id, outcome.stderr)
        case Raised(type_name=type_name, message=message, traceback=traceback):
            exception = unopened_exception(end)
            if isinstance(exception, SentException):
                exception.otherwise = _job_error
            elif exception is None or not _has_text(exception):
                exception = _job_error(type_name, message)
            return Failure(exception, with_hint(job, type_name, traceback, outcome.stderr))
        case Died(exit_code, signal_number, likely_cause):
            denied = not_allowed(job, "", outcome.stderr)
            cause = likely_cause if denied is None else f"{likely_cause}. {denied}"
            return Failure(JobDiedException(job.job_id, exit_code, signal_number, cause))
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


def extension_verdict(job: Job, declared: GeneratedJobs) -> Extension | Failure:
    """Return the extension by a generator's declarations, or the failure if they do not fit the graph as it is now.

    The graph must not be extended between this call and the evaluator's event. Otherwise a job that two generators
    declare is new for both of them.
    """
    assert isinstance(job, JobGeneratingJob)
    try:
        return extension_of(job, declared)
    except (PyPipelineGraphError, TypeError, ValueError) as error:
        return Failure(error)


def _in_terms_of(job: Job, path: str) -> str:
    """Path to the value that cannot be pickled, starting at the job's function instead of ppg's arguments."""
    # The job's function is the last callable argument; an earlier one may be a class that a load changes.
    position = max(index for index, argument in enumerate(call_of(job).arguments) if callable(argument))
    ours = f"arguments → [{position}]"
    return f"function{path.removeprefix(ours)}" if path.startswith(ours) else path


def _job_error(type_name: str, message: str) -> JobError:
    """Return the error that stands for an exception that cannot be sent or read."""
    return JobError(f"{type_name}: {message}", type_name)


def _has_text(exception: BaseException) -> bool:
    """Whether an exception of the user's code can be converted to text without raising another one."""
    try:
        str(exception)
    except Exception:  # noqa: BLE001 (an error in the exception's __str__ must not end the run or its listeners)
        return False
    return True


def _checked(job: Job, value: object, run_id: int, stderr: Output) -> Made | Failure:
    # Only a job that shares returns more than its files: whether they were taken, and warnings.
    taken, returned, warnings = value if job.shares and isinstance(value, tuple) else (False, value, ())
    try:
        with calling_hook(job, "outputs_of"):
            outputs = job.outputs_of(returned, run_id)
    except WrongFilesError as error:
        problems = "; ".join(
            f"{problem.value}: {', '.join(paths)}" for problem, paths in error.troubles.items()
        )
        hint = " (empty_ok=True allows that)" if list(error.troubles) == [Problem.EMPTY] else ""
        if Problem.MISSING in error.troubles and (late := late_variable(job)) is not None:
            hint = f". Probably {late}"
        elif (denied := not_allowed(job, "", stderr)) is not None:
            hint = f". {denied}"
        return Failure(
            JobContractError(
                f"'{job.job_id}' returned, but its files are not as they should be: {problems}{hint}"
            )
        )
    except PyPipelineGraphError as error:
        return Failure(error)
    given: object = outputs
    if not isinstance(given, JobOutputs) or type(given.fingerprint) is not bytes:
        return Failure(
            JobContractError(
                f"'{job.job_id}': the hook {hook_name(type(job), 'outputs_of')} must give JobOutputs with a fingerprint, "
                f"not {given!r}"
            )
        )
    return Made(outputs, taken, warnings)
