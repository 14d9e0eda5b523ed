"""Stored values: reads the values of jobs in the process of the script, and only if they are what a run would give.

After a run, its result says whether a value is that of the jobs as they are declared. Without a run, a verification of
the job and of all that it needs says so. The file with the value must be the one that the store has recorded.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.graph.declared import DeclaredGraph
from ppg.inspect.forecast import read_only_history
from ppg.inspect.verification import Verification, verification_of
from ppg.jobs.job import Job
from ppg.kinds.graph_protocol import not_in_a_job
from ppg.paths import absolute
from ppg.recipes.stored_job import FOLDER, StoredValueJob
from ppg.recipes.value_loading import ValueLoadingJob
from ppg.result import JobState
from ppg.status.history import History
from ppg.worker.role import ROLE, Role
from ppg.worker.stored_values import FORMATS, read_stored
from ppg_graph import JobId, NodeKind
from ppg_invariants import FileState, Verdict, compare_files

__all__ = ["value_named", "value_of"]

_AGAIN = "or use read(stale_ok=True) for the value of the last success"


def value_of(graph: DeclaredGraph, job: Job, *, stale_ok: bool) -> object:
    """Return the value that a job has stored, or would load.

    Raises:
        JobContractError: this is the process of a job; or a load cannot be done here.
        PyPipelineGraphError: the value is not up to date, or the file is not the one of the record.
        CacheUnreadableError: the file cannot be read.
    """
    if ROLE.now is not Role.SCRIPT:
        raise not_in_a_job(job.job_id)
    if not isinstance(job, StoredValueJob):
        return _loaded_here(graph, job, stale_ok=stale_ok)
    if not stale_ok:
        _require_up_to_date(graph, job, [job])
    _require_recorded(graph, [job])
    return job._reading()


def value_named(graph: DeclaredGraph, name: str, *, stale_ok: bool) -> object:
    """Return the value of a name, which the graph need not declare.

    Raises:
        TypeError: the name is no text.
        PyPipelineGraphError: there is no such value; or see `value_of`.
    """
    if not isinstance(name, str):
        raise TypeError(f"ppg.read: name must be a str, not {name!r}; a job has a method read()")
    found: list[Job] = [job for job in graph if isinstance(job, StoredValueJob) and job.name == name]
    if not found and name in graph:
        found = [one for one in [graph[name]] if isinstance(one, (StoredValueJob, ValueLoadingJob))]
    if len(found) > 1:
        raise PyPipelineGraphError(
            f"Two jobs store a value '{name}': {found[0]!r} and {found[1]!r}; name the file, or use read() of the job"
        )
    if found:
        return value_of(graph, found[0], stale_ok=stale_ok)
    return _undeclared_value(graph, name)


def _undeclared_value(graph: DeclaredGraph, name: str) -> object:
    """Return a value of the last run that the graph does not declare."""
    beginning = graph._file_id(str(graph.cache_folder / FOLDER / "?"))[:-1]
    forms = {suffix: form for form, suffix in FORMATS.items()}
    with read_only_history(graph.status_path) as history:
        known: dict[str, list[JobId]] = {}
        for job_id in history.history:
            if job_id.startswith(beginning):
                known.setdefault(job_id.removeprefix(beginning).rpartition(".")[0], []).append(job_id)
        if name not in known:
            names = ", ".join(sorted(known)[:10])
            raise PyPipelineGraphError(
                f"There is no stored value '{name}' in '{graph.root}'; "
                + (
                    f"correct the name, there are: {names}"
                    if known
                    else "run the script that declares it there"
                )
            )
        # Under another format, or before it, the name was that of another file.
        job_id = max(known[name], key=lambda one: _finished(history, one))
        path = absolute(job_id, graph.root)
        _require_unchanged(job_id, path, _recorded(history, job_id))
    form = forms.get(Path(job_id).suffix)
    if form is None:
        raise PyPipelineGraphError(
            f"The value '{name}' is stored in a format of the script's own ('{job_id}'); import the module that declares "
            "the job, and use read() of the job"
        )
    return read_stored(path, job_id, form)


def _recorded(history: History, job_id: JobId) -> FileState | None:
    return history.files(job_id).get(job_id) if job_id in history.history else None


def _finished(history: History, job_id: JobId) -> float:
    record = history.last_success(job_id)
    return 0.0 if record is None else record.finished


# -- what must hold ------------------------------------------------------------------------------------------


def _require_up_to_date(graph: DeclaredGraph, subject: Job, jobs: Sequence[Job]) -> None:
    """Require that a run would leave these jobs as they are.

    Parameters:
        graph: of the jobs.
        subject: the job that is read, for messages.
        jobs: the job itself, or those that it needs.

    Raises:
        PyPipelineGraphError: one of them is not up to date.
    """
    if not jobs:
        return
    if graph._has_results:
        for job in jobs:
            _require_success(graph, subject, job)
        return
    graph._complete()
    graph._check()
    seen = verification_of(graph, [job._node for job in jobs])
    if not seen.holds:
        raise PyPipelineGraphError(
            f"The value of '{subject.job_id}' is not up to date: {_why(seen, subject.job_id)}. Run the pipegraph first, "
            f"{_AGAIN}"
        )


def _why(seen: Verification, subject: JobId) -> str:
    """Return why a verification does not hold, in words."""
    for job_id, reasons in sorted(seen.will_run.items(), key=lambda item: item[0] != subject):
        return f"'{job_id}' has to run ({', '.join(reasons)})"
    for job_id, reason in seen.problems.items():
        return f"'{job_id}': {reason}"
    for job_id in seen.blocked:
        return f"'{job_id}' cannot be decided"
    for job_id, others in seen.may_run.items():
        return f"'{job_id}' may have to run (it depends on {', '.join(others)})"
    return "it would run"


def _require_success(graph: DeclaredGraph, subject: Job, job: Job) -> None:
    outcome = graph.result.outcome(job.job_id)
    state = outcome.state
    if state in (JobState.RAN, JobState.UP_TO_DATE):
        return
    if state is JobState.NOT_NEEDED and job.kind is NodeKind.LAZY:
        return  # whether its file is there is looked at
    what = f"The value of '{subject.job_id}' cannot be read"
    if state is JobState.FAILED:
        raise PyPipelineGraphError(f"{what}: '{job.job_id}' failed ({outcome.error}); mend it, and run again")
    if state is JobState.BLOCKED:
        raise PyPipelineGraphError(
            f"{what}: '{job.job_id}' did not run, because '{outcome.cause}' failed; mend that job, and run again"
        )
    raise PyPipelineGraphError(f"{what}: '{job.job_id}' was {state.value} in the last run; run it, {_AGAIN}")


def _require_recorded(graph: DeclaredGraph, jobs: Iterable[Job]) -> None:
    """Require that the files of jobs are those that the jobs have left.

    Raises:
        PyPipelineGraphError: one of them is not.
    """
    with read_only_history(graph.status_path) as history:
        for job in jobs:
            _require_unchanged(job.job_id, absolute(job.job_id, graph.root), _recorded(history, job.job_id))


def _require_unchanged(job_id: JobId, path: str, state: FileState | None) -> None:
    what = f"The value of '{job_id}' cannot be read"
    if state is None:
        raise PyPipelineGraphError(f"{what}: its job has not succeeded yet; run the pipegraph first")
    (found,) = compare_files([(path, state)])
    if found.verdict is Verdict.MISSING:
        raise PyPipelineGraphError(f"{what}: the file is not there; run the pipegraph, which makes it again")
    if found.verdict not in (Verdict.INTACT, Verdict.TOUCHED):
        raise PyPipelineGraphError(
            f"{what}: the file is not as its job has left it (it {found.message}); run the pipegraph, which makes it again"
        )


# -- loads ---------------------------------------------------------------------------------------------------


def _loaded_here(graph: DeclaredGraph, job: Job, *, stale_ok: bool) -> object:
    """Return what a load would load, without a compute node."""
    above: dict[ValueLoadingJob[Any], list[ValueLoadingJob[Any]]] = {}
    makers: dict[Job, None] = {}
    pending = [job]
    while pending:
        load = pending.pop()
        if not isinstance(load, ValueLoadingJob):
            raise JobContractError(
                f"The value of '{job.job_id}' cannot be read here: it depends on {load!r}, which loads in runs alone; let "
                "it depend on a job of @ppg.data or @ppg.cached instead"
            )
        if load in above:
            continue
        upstreams = [one for one in load.upstreams if one.kind is not NodeKind.INVARIANT]
        loads = [one for one in upstreams if one.kind is NodeKind.LOAD]
        above[load] = loads
        pending += loads
        makers.update(dict.fromkeys(one for one in upstreams if one.kind is not NodeKind.LOAD))
    graph._check()  # no circles
    if not stale_ok:
        _require_up_to_date(graph, job, list(makers))
    _require_recorded(graph, [one for one in makers if isinstance(one, StoredValueJob)])
    for maker in makers:
        for path in maker.files:
            if not Path(absolute(path, graph.root)).exists():
                raise PyPipelineGraphError(
                    f"The value of '{job.job_id}' cannot be read here: '{path}', which it depends on, is not there; keep the "
                    "file, by @ppg.file instead of @ppg.temp_file, or run the pipegraph"
                )
    with contextlib.chdir(graph.root), _emptied_again(above):
        for load in TopologicalSorter(above).static_order():
            load.object.value = load.call()
        return job.object.value  # type: ignore[attr-defined]


@contextlib.contextmanager
def _emptied_again(loads: Iterable[ValueLoadingJob[Any]]) -> Iterator[None]:
    """Remove the values again, which only jobs of a run get by themselves."""
    try:
        yield
    finally:
        for load in loads:
            with contextlib.suppress(AttributeError):
                del load.object.value
