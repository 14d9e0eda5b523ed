"""Dry run: words what a run would do, what it may do, and how long that took last time."""

from collections.abc import Collection, Iterator, Mapping

from ppg import Plan
from ppg.text import counted
from ppg_cli.terminal.grouping import grouped, grouped_problems

__all__ = ["plan_lines"]

CAUSES_NAMED = 5


def plan_lines(plan: Plan) -> Iterator[str]:
    """Return the lines of `ppg run --dry-run`."""
    reasons = {job_id: "; ".join(reasons) for job_id, reasons in plan.will_run.items()}
    yield from grouped("will run    ", reasons)
    causes = {job_id: f"if {_listed(causes)} changes" for job_id, causes in plan.may_run.items()}
    yield from grouped("may run     ", causes)
    yield from grouped_problems("problem     ", plan.problems)
    yield from grouped("cannot run  ", dict.fromkeys(plan.blocked, ""))
    for generator, made in plan.generators.items():
        if made is None:
            yield f"note: {generator} is a generator that never ran: its jobs are not known yet"
        elif generator in plan.uncertain:
            yield f"note: {generator} is a generator with changed inputs: it may make other jobs than last time"
        elif made:
            yield f"note: {generator} is a generator: {counted(len(made), 'job')} of the last run are taken to be made again"
    yield _summary(plan)


def _summary(plan: Plan) -> str:
    parts = [f"{counted(len(plan.will_run), 'job')} will run{_at_stake(plan.will_run, plan.seconds)}"]
    if plan.may_run:
        parts.append(f"{len(plan.may_run):,} may run{_at_stake(plan.may_run, plan.seconds)}")
    if plan.blocked:
        parts.append(f"{len(plan.blocked):,} cannot run")
    parts.append(f"{plan.up_to_date:,} up to date")
    if plan.left_out:
        parts.append(f"{plan.left_out:,} left out")
    return f"dry run: {', '.join(parts)}"


def _at_stake(job_ids: Collection[str], seconds: Mapping[str, float]) -> str:
    """Return how long these jobs took when they ran last, in brackets."""
    if not job_ids:
        return ""
    known = [seconds[job_id] for job_id in job_ids if job_id in seconds]
    new = len(job_ids) - len(known)
    parts = [f"{duration(sum(known))} by their last runs"] if known else []
    if new:
        parts.append(f"{new:,} never ran")
    return f" ({', '.join(parts)})"


def duration(seconds: float) -> str:
    """Return a duration in words: `3.2 s`, `12 min`, `1 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours:,} h {rest} min" if hours else f"{minutes} min"


def _listed(names: Collection[str]) -> str:
    first = list(names)[:CAUSES_NAMED]
    more = len(names) - len(first)
    return " or ".join(first) + (f" or one of {counted(more, 'other')}" if more > 0 else "")
