"""Grouping: words many jobs of which the same is to be said in one line."""

from collections.abc import Iterator, Mapping, Sequence

from ppg.text import counted

__all__ = ["grouped", "grouped_problems"]

LISTED = 5
"""Jobs of which the same is to be said beyond this number share one line."""
NAMED = 3


def grouped(label: str, whys: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each job, or for all jobs with equal reasons if they are many.

    Parameters:
        label: the beginning of each line.
        whys: what is to be said of each job; an empty text if the label says it all.
    """
    groups: dict[str, list[str]] = {}
    for job_id, why in whys.items():
        groups.setdefault(why, []).append(job_id)
    for why, job_ids in groups.items():
        yield from _lines(label, why, job_ids, whys)


def grouped_problems(label: str, problems: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each problem, or for all that differ in the name of the job alone if they are many."""
    groups: dict[str, list[str]] = {}
    for job_id, problem in problems.items():
        groups.setdefault(problem.replace(f"'{job_id}'", "…"), []).append(job_id)
    for problem, job_ids in groups.items():
        yield from _lines(label, problem, job_ids, problems)


def _lines(label: str, general: str, job_ids: Sequence[str], texts: Mapping[str, str]) -> Iterator[str]:
    if len(job_ids) <= LISTED:
        yield from (f"{label}{job_id}{_after_colon(texts[job_id])}" for job_id in job_ids)
        return
    names = f"{', '.join(job_ids[:NAMED])} and {len(job_ids) - NAMED} more"
    yield f"{label}{counted(len(job_ids), 'job')} ({names}){_after_colon(general)}"


def _after_colon(text: str) -> str:
    return f": {text}" if text else ""
