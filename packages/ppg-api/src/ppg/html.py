"""How pipegraphs and results look in a notebook: one small table, made of nothing but escaped text."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from ppg.result import JobOutcome, JobState, RunResult
from ppg.text import counted
from ppg_graph import NodeKind

if TYPE_CHECKING:
    from ppg.graph.declared import Pipegraph

__all__ = ["graph_html", "result_html"]

ROWS = 50
"""Jobs that are shown; of the rest there is only the number."""
NEIGHBOURS = 5
"""Upstream jobs that are shown for a job."""
TEXT = 200
"""Characters that are shown of a name or message."""

COLOURS = {
    JobState.RAN: "#2e7d32",
    JobState.UP_TO_DATE: "inherit",
    JobState.FAILED: "#c62828",
    JobState.BLOCKED: "#ef6c00",
    JobState.NOT_NEEDED: "#757575",
    JobState.LEFT_OUT: "#757575",
    JobState.NOT_DONE: "#ef6c00",
}

URGENCY = (
    JobState.FAILED,
    JobState.BLOCKED,
    JobState.NOT_DONE,
    JobState.RAN,
    JobState.UP_TO_DATE,
    JobState.NOT_NEEDED,
    JobState.LEFT_OUT,
)
"""The order in which jobs are shown: if not all of them are, then those that want attention."""


def graph_html(pipegraph: "Pipegraph") -> str:
    """The working jobs of a graph: id, kind, what each depends on, and how the last run ended for it."""
    jobs = [job for job in pipegraph if job.kind is not NodeKind.INVARIANT]
    result = pipegraph.last_result
    rows = []
    for job in jobs[:ROWS]:
        upstreams = [str(upstream) for upstream in job.upstreams if upstream.kind is not NodeKind.INVARIANT]
        more = f", and {len(upstreams) - NEIGHBOURS} more" if len(upstreams) > NEIGHBOURS else ""
        state = result[job.job_id].state if result is not None and job.job_id in result else None
        rows.append(
            (
                _code(job.job_id),
                _text(type(job).__name__),
                ", ".join(map(_code, upstreams[:NEIGHBOURS])) + more,
                "" if state is None else _state(state),
            )
        )
    kinds = f"{counted(len(jobs), 'job')}, {counted(len(pipegraph) - len(jobs), 'invariant')}"
    summary = f"Pipegraph in {_code(pipegraph.root)}: {kinds}"
    if result is not None:
        summary += f". Last run: {_text(result.summary())}"
    return _table(summary, ("job", "kind", "depends on", "last run"), rows, len(jobs))


def result_html(result: RunResult) -> str:
    """What a run did: the counts, and the jobs, with those first that want attention."""
    outcomes: list[JobOutcome] = []
    total = 0
    for state in URGENCY:
        job_ids = result.in_state(state)
        total += len(job_ids)
        outcomes += [result[job_id] for job_id in job_ids[: max(0, ROWS - len(outcomes))]]
    rows = [
        (
            _code(outcome.job_id),
            _state(outcome.state),
            "" if outcome.runtime is None else f"{outcome.runtime:.2f} s",
            _why(outcome),
        )
        for outcome in outcomes
    ]
    summary = f"{_text(result.summary())} in {result.duration:.1f} s"
    return _table(summary, ("job", "outcome", "time", "why"), rows, total)


def _why(outcome: JobOutcome) -> str:
    if outcome.exception is not None:
        first_line = (str(outcome.exception).splitlines() or [""])[0]
        return _text(f"{type(outcome.exception).__name__}: {first_line}")
    if outcome.cause is not None:
        return f"because of {_code(outcome.cause)}"
    taken = " (taken from the shared cache)" if outcome.taken_from_cache else ""
    return _text("; ".join(outcome.reasons) + taken)


def _table(summary: str, headings: Sequence[str], rows: Iterable[Sequence[str]], total: int) -> str:
    left = 'style="text-align: left"'
    lines = [
        f"<div><p>{summary}</p>",
        f"<table><thead><tr>{_cells('th', left, headings)}</tr></thead><tbody>",
    ]
    shown = 0
    for row in rows:
        shown += 1
        lines.append(f"<tr>{_cells('td', left, row)}</tr>")
    lines.append("</tbody></table>")
    if total > shown:
        lines.append(f"<p>and {counted(total - shown, 'more job')}</p>")
    lines.append("</div>")
    return "\n".join(lines)


def _cells(tag: str, attributes: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag} {attributes}>{text}</{tag}>" for text in texts)


def _state(state: JobState) -> str:
    return f'<span style="color: {COLOURS[state]}">{state.value}</span>'


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


def _text(text: str) -> str:
    """Text as HTML; names of files may hold bytes that are no text, and these must not stop a notebook either."""
    shortened = text if len(text) <= TEXT else f"{text[: TEXT - 1]}…"
    return escape(shortened.encode(errors="backslashreplace").decode())
