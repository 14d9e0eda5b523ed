"""Why: finds in the status store why a job ran last, and in the graph whether and why it would run now."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from ppg.account.reasons import named
from ppg.exceptions import PyPipelineGraphError
from ppg.graph.declared import DeclaredGraph
from ppg.graph.find import as_invariant, find_job, spellings, unknown_job
from ppg.inspect.forecast import Forecast, ReadOnlyHistory, read_only_history, remembered_forecast
from ppg.inspect.remembered_graph import RememberedGraph
from ppg.paths import normalised
from ppg.result import JobState
from ppg.status.reason_details import ReasonWords
from ppg.status.run_notes import LastAccepted, LastRun
from ppg.text import counted, earlier_attempts
from ppg_graph import (
    AlwaysRuns,
    Demanded,
    Fingerprint,
    JobId,
    NodeId,
    NodeKind,
    NodeState,
    Reason,
    Unobservable,
    UpstreamChanged,
    is_read,
)

__all__ = ["job_in_store", "spellings_on_disk", "why_from_graph", "why_from_store"]

DEEPEST = 80
"""Characters of indentation up to which the reasons of a job are followed; 4 for each job."""
MOST_JOBS = 200
"""Number of jobs with reasons that are part of the story of one job."""
MOST_NAMES = 10


def why_from_store(status_path: Path, name: str) -> list[str]:
    """Tell why a job ran last, without the script that declares it.

    Parameters:
        status_path: the status file.
        name: the job's id, or a file in whatever spelling; the pipegraph's root is taken to be the folder of the
            status file.

    Returns:
        Lines of text.

    Raises:
        PyPipelineGraphError: there is no such status file, or it knows no such job.
    """
    with read_only_history(status_path) as memory:
        return list(_last(job_in_store(status_path, name, memory), memory, ReasonWords(memory, None)))


def job_in_store(status_path: Path, name: str, memory: ReadOnlyHistory) -> JobId:
    """Return the id of a job that a status store knows; the parameters and errors are those of `why_from_store`."""
    if not status_path.exists():
        raise PyPipelineGraphError(
            f"there is no status file '{status_path}'; nothing was run here yet; run the pipegraph once"
        )
    known = {job_id for job_id in memory.job_ids() if not is_read(job_id)}
    for job_id in spellings_on_disk(name, status_path):
        if job_id in known:
            return JobId(job_id)
    maker = _maker(set(spellings_on_disk(name, status_path)), memory)
    if maker is None:
        raise PyPipelineGraphError(unknown_job(name, known))
    return maker


def why_from_graph(pipegraph: DeclaredGraph, name: str) -> list[str]:
    """Tell why a job of a complete graph ran last, and whether and why it would run now.

    Parameters:
        pipegraph: complete and free of cycles.
        name: the job's id, or a file in whatever spelling.

    Returns:
        Lines of text.

    Raises:
        PyPipelineGraphError: there is no such job, or the status file cannot be read.
    """
    with read_only_history(pipegraph.status_path) as memory:
        targets = pipegraph._run_targets
        graph = RememberedGraph(pipegraph, memory, None if targets is None else pipegraph._nodes_of(targets))
        job_id = _named(pipegraph, graph, memory, name)
        words = ReasonWords(memory, graph.dag, root=Path(pipegraph.root))
        lines = list(_last(job_id, memory, words))
        if job_id not in graph.dag:
            return [*lines, "now: the script does not declare it any more"]
        seen = remembered_forecast(pipegraph, memory, graph)
        return [*lines, *_now(graph.dag.node(job_id), seen, graph, memory, words)]


# -- finding the job -----------------------------------------------------------------------------------


def _named(pipegraph: DeclaredGraph, graph: RememberedGraph, memory: ReadOnlyHistory, name: str) -> JobId:
    job = find_job(pipegraph, name)
    if job is not None:
        return job.job_id
    stored = set(memory.job_ids())
    names = [JobId(job_id) for job_id in spellings(name, pipegraph)]
    for job_id in names:
        if job_id in graph.dag or job_id in stored:
            return job_id
    maker = _maker(set(names), memory)
    if maker is None:
        raise PyPipelineGraphError(unknown_job(name, {*graph.dag.job_ids, *stored}))
    return maker


def spellings_on_disk(name: str, status_path: Path) -> Iterator[str]:
    """Ids that a job with this name may have, by the place of the status file."""
    yield name
    if name and "\0" not in name:
        root = os.path.abspath(status_path.parent)  # noqa: PTH100 (Path.absolute keeps '..')
        yield normalised(os.path.abspath(name), root)  # noqa: PTH100
        yield normalised(name, root)
    yield from as_invariant(name)


def _maker(files: set[str], memory: ReadOnlyHistory) -> JobId | None:
    """The job that made one of these files when it last succeeded."""
    for job_id in memory.history:
        if not files.isdisjoint(memory.files(job_id)):
            return job_id
    return None


# -- last time -----------------------------------------------------------------------------------------


def _last(job_id: JobId, memory: ReadOnlyHistory, words: ReasonWords) -> Iterator[str]:
    ran = memory.last_run(job_id)
    accepted = memory.last_accepted(job_id)
    if accepted is not None and (ran is None or ran.when < accepted.when):
        when = f"{_date(accepted.when)} (run {accepted.run_id})"
        yield f"{job_id} was accepted as it was, and not run, at {when}; else it would have run"
        yield from _because(job_id, accepted, memory, words, {job_id})
        if ran is not None:
            yield f"before that it {_ended(ran)}"
    elif ran is not None:
        yield f"{job_id} {_ended(ran)}"
        yield from (f"  {line}" for line in earlier_attempts(ran.earlier, ran.attempts))
        yield from _because(job_id, ran, memory, words, {job_id})
        # The report begins with the name and the error.
        yield from (f"  {line}" for line in ran.report.splitlines()[1:])
    elif (record := memory.last_success(job_id)) is not None:
        if record.duration is None:
            yield f"{job_id} was accepted as it was, and not run, at {_date(record.finished)}"
        else:
            yield f"{job_id} succeeded last at {_date(record.finished)}; why it ran is not known"
    elif memory.last_fingerprint(job_id) is not None:
        yield f"{job_id} is an invariant: it is looked at, and never runs"
    else:
        yield f"{job_id}: nothing is known of an earlier run"


def _ended(ran: LastRun) -> str:
    took = "" if ran.runtime is None else f", after {ran.runtime:.2f} s"
    if ran.attempts > 1:
        took += f", in the last of {ran.attempts} attempts"
    if ran.machine:
        took += f", on {ran.machine}"
    if ran.state is JobState.FAILED:
        return f"failed last at {_date(ran.when)} (run {ran.run_id}){took}: {ran.error}"
    if ran.taken_from_cache:
        return f"was taken last from the shared cache, at {_date(ran.when)} (run {ran.run_id}){took}"
    return f"ran last, and succeeded, at {_date(ran.when)} (run {ran.run_id}){took}"


def _because(
    job_id: JobId,
    ran: LastRun | LastAccepted,
    memory: ReadOnlyHistory,
    words: ReasonWords,
    shown: set[str],
    indent: str = "  ",
) -> Iterator[str]:
    """The reasons of one run of a job; where another job that it follows ran in the same run, also its reasons.

    Every path is followed to its beginning. Where it is not, a line says so.
    """
    for reason in ran.reasons:
        yield from _reason(job_id, reason, words, indent, is_past=True)
        followed = _followed(reason)
        other = None if followed is None else memory.last_run(followed)
        if followed is None or other is None:
            continue
        if other.run_id != ran.run_id:
            when = "before" if other.run_id < ran.run_id else "again later"
            yield f"{indent}  {followed} ran {when}, in run {other.run_id}; 'ppg why {followed}' shows why"
        elif followed in shown:
            yield f"{indent}  {followed} ran in the same run, as shown above"
        elif len(shown) >= MOST_JOBS or len(indent) >= DEEPEST:
            yield f"{indent}  {followed} ran in the same run; it goes on there: ppg why {followed}"
        else:
            shown.add(followed)
            yield f"{indent}  {followed} ran in the same run"
            yield from _because(followed, other, memory, words, shown, f"{indent}    ")
    if ran.more_reasons:
        yield f"{indent}and {counted(ran.more_reasons, 'more reason')}, which the status file does not keep"


def _followed(reason: Reason) -> JobId | None:
    """The job that a reason follows from; None for a reason of its own."""
    match reason:
        case UpstreamChanged(upstream):
            return upstream
        case Demanded(by):
            return by
        case _:
            return None


def _reason(
    job_id: JobId, reason: Reason, words: ReasonWords, indent: str, *, is_past: bool = False
) -> Iterator[str]:
    first, *others = words.lines(job_id, reason, is_past=is_past)
    yield f"{indent}because {first}"
    for line in others:
        yield f"{indent}{line}"


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


# -- now -----------------------------------------------------------------------------------------------


def _now(
    node: NodeId, seen: Forecast, graph: RememberedGraph, memory: ReadOnlyHistory, words: ReasonWords
) -> Iterator[str]:
    job_id, state = seen.dag.job_id(node), seen.dry.states[node]
    if job_id in graph.misfits:
        yield f"now: {graph.misfits[job_id]}"
    if state is NodeState.EXCLUDED:
        yield "now: it takes no part: it is pruned, or no target needs it"
    elif seen.dag.kind(node) is NodeKind.INVARIANT:
        yield from _invariant_now(node, job_id, seen, memory, words)
    elif state is NodeState.BLOCKED:
        missing = [
            f"'{seen.dag.job_id(upstream)}' cannot be observed: {observation.reason}"
            for upstream in seen.dag.ancestors([node])
            if isinstance(observation := seen.observations.get(upstream), Unobservable)
        ]
        yield "now: it cannot run"
        yield from (f"  because {line}" for line in sorted(missing)[:MOST_NAMES])
        if len(missing) > MOST_NAMES:
            yield f"  and {counted(len(missing) - MOST_NAMES, 'other')} cannot be observed; 'ppg verify' lists them"
    elif node in seen.dry.will_run:
        yield "now: it would run"
        yield from _because_now(node, seen, words, {node}, "  ")
    elif job_id in graph.made:
        yield "now: it would run"
        yield from _reason(job_id, AlwaysRuns(), words, "  ")
        yield "  nothing changed that it depends on, so it is taken to make the same as last time"
    elif node in seen.dry.may_run:
        names = seen.dry.may_run[node].depending_on
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        yield f"now: it would run if what these make changes: {', '.join(names[:MOST_NAMES])}{more}"
        shown = {node}
        for name in names[:MOST_NAMES]:
            yield from _of_other(name, seen, words, shown, "  ")
    elif state is NodeState.NOT_NEEDED:
        yield "now: it would not run: nothing that runs needs it"
    else:
        yield "now: it would not run: it is up to date"


def _because_now(
    node: NodeId, seen: Forecast, words: ReasonWords, shown: set[NodeId], indent: str
) -> Iterator[str]:
    """The reasons for which a job would run, and those of the jobs that it follows from."""
    for reason in seen.dry.will_run[node]:
        yield from _reason(seen.dag.job_id(node), reason, words, indent)
        followed = _followed(reason)
        if followed is not None and followed in seen.dag:
            yield from _of_other(followed, seen, words, shown, f"{indent}  ")


def _of_other(
    job_id: JobId, seen: Forecast, words: ReasonWords, shown: set[NodeId], indent: str
) -> Iterator[str]:
    """Whether and why another job would run."""
    node = seen.dag.node(job_id)
    if node in seen.dry.will_run:
        if node in shown:
            yield f"{indent}{job_id} would run, as shown above"
        elif len(shown) >= MOST_JOBS or len(indent) >= DEEPEST:
            yield f"{indent}{job_id} would run; it goes on there: ppg why {job_id}"
        else:
            shown.add(node)
            yield f"{indent}{job_id} would run"
            yield from _because_now(node, seen, words, shown, f"{indent}  ")
    elif node in seen.dry.may_run:
        names = seen.dry.may_run[node].depending_on
        yield f"{indent}{job_id} would run if what these make changes: {named(names, MOST_NAMES)}"
        if node in shown:
            yield f"{indent}  as shown above"
        elif len(shown) >= MOST_JOBS or len(indent) >= DEEPEST:
            yield f"{indent}  it goes on there: ppg why {job_id}"
        else:
            shown.add(node)
            for name in names[:MOST_NAMES]:
                yield from _of_other(name, seen, words, shown, f"{indent}  ")


def _invariant_now(
    node: NodeId, job_id: JobId, seen: Forecast, memory: ReadOnlyHistory, words: ReasonWords
) -> Iterator[str]:
    observation = seen.observations.get(node)
    before = memory.last_fingerprint(job_id)
    if observation is None:
        yield "now: nothing needs it, so it was not looked at"
    elif isinstance(observation, Unobservable):
        yield f"now: it cannot be observed: {observation.reason}"
    elif before is None or not isinstance(observation, bytes):
        yield "now: it was looked at; there is no earlier look to compare it with"
    elif observation == before:
        yield "now: it is what it was at the last look"
    else:
        yield "now: it is not what it was at the last look"
        reason = UpstreamChanged(job_id, before, Fingerprint(observation))
        yield from (f"  {line}" for line in words.lines(job_id, reason))
