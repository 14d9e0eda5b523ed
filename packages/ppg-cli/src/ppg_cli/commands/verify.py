"""`ppg verify script.py [arguments ...]`: checks whether everything is as the last run left it."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppg.account.reasons import grouped_reasons, named
from ppg.text import counted, one_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.script import Script
from ppg_cli.terminal.streams import finish_output, write_result

if TYPE_CHECKING:
    from ppg import Verification

__all__ = ["verify_command"]

NOTES_LISTED = 5
CAUSES_LISTED = 5
LISTED = 5
"""Number of jobs with equal reasons that have a line each; more have one line with their number."""


def verify_command(
    script: Annotated[Path, typer.Argument(help="The Python script that declares the jobs.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments for the script.")] = None,
    rehash: Annotated[
        bool,
        typer.Option("--hash", help="Read every file, also those with unchanged size and times."),
    ] = False,
) -> None:
    """Check that no job would run and that every output matches its record. Runs no job, writes nothing.

    The script runs up to where it would run its (first) graph. Generators do not run: the command checks the
    jobs that each made last time.

    Exit codes: 0 everything is as the last run left it; 1 it is not, and the list says why; 2 usage or
    script error.
    """
    # Imported here, so that no other command pays for it.
    from ppg_cli.script.declaring import look_at_declared  # noqa: PLC0415

    # This command writes nothing, also no bytecode of the script's own modules.
    sys.dont_write_bytecode = True
    verification = look_at_declared(
        Script(script),
        arguments or [],
        lambda pipegraph: pipegraph.verify(targets=pipegraph.run_targets, rehash=rehash),
    )
    text = "".join(f"{one_line(line)}\n" for line in _lines(verification))
    write_result(text.encode(errors="surrogateescape"))
    finish_output()
    raise typer.Exit(ExitCode.DONE if verification.holds else ExitCode.NOT_VERIFIED)


def _lines(seen: "Verification") -> Iterator[str]:
    yield from _will_run(seen)
    yield from _folded(
        "may run     ", {job_id: f"if {_listed(causes)} changes" for job_id, causes in seen.may_run.items()}
    )
    yield from _folded(
        "problem     ", seen.problems, lambda job_id, problem: problem.replace(f"'{job_id}'", "…")
    )
    if len(seen.blocked) > LISTED:
        yield f"cannot run  {counted(len(seen.blocked), 'job')} ({named(seen.blocked)})"
    else:
        yield from (f"cannot run  {job_id}" for job_id in seen.blocked)
    yield from (f"note: {note}" for note in _notes(seen))
    if seen.holds:
        yield f"verified: nothing would run, and every output is what its record says ({counted(seen.checked, 'job')})"
        return
    counts = {
        "would run": len(seen.will_run),
        "may run": len(seen.may_run),
        "problem" if len(seen.problems) == 1 else "problems": len(seen.problems),
        "cannot run": len(seen.blocked),
    }
    summary = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    yield f"not verified: {summary}; {counted(seen.checked, 'job was', 'jobs were')} checked"


def _will_run(seen: "Verification") -> Iterator[str]:
    """Return a line for each job, or for all jobs with equal reasons if they are many; these come first."""
    alone: set[str] = set()
    grouped = grouped_reasons(seen.causes, seen.will_run)
    for group in grouped.groups:
        if len(group.job_ids) > LISTED:
            yield f"would run   {counted(len(group.job_ids), 'job')}: {group.words} ({named(group.job_ids)})"
        else:
            alone.update(group.job_ids)
    following = [job_id for group in grouped.groups for job_id in group.followers] + [*grouped.of_several]
    if len(following) > LISTED:
        yield f"would run   {counted(len(following), 'job')}: jobs above need them ({named(following)})"
    else:
        alone.update(following)
    for job_id in seen.will_run:
        if job_id in alone:
            yield f"would run   {job_id}: {'; '.join(cause.text for cause in seen.causes[job_id])}"


def _folded(
    kind: str,
    jobs: Mapping[str, str],
    in_general: Callable[[str, str], str] = lambda _, text: text,
) -> Iterator[str]:
    """Return a line for each job, or for all jobs with equal texts if they are many."""
    alike: dict[str, list[str]] = {}
    for job_id, text in jobs.items():
        alike.setdefault(in_general(job_id, text), []).append(job_id)
    for general, job_ids in alike.items():
        if len(job_ids) > LISTED:
            yield f"{kind}{counted(len(job_ids), 'job')}: {general} ({named(job_ids)})"
        else:
            yield from (f"{kind}{job_id}: {jobs[job_id]}" for job_id in job_ids)


def _notes(seen: "Verification") -> Iterator[str]:
    if seen.is_first:
        yield "there is no status file; nothing was run here yet"
    for generator, made in seen.generators.items():
        if generator in seen.will_run:
            yield f"{generator} is a generator that was not run: it may make other jobs now than last time"
        else:
            jobs = counted(len(made), "job")
            yield f"{generator} is a generator that was not run: its jobs of last time were checked ({jobs})"
    for job_id, state in seen.altered.items():
        yield f"{job_id} {state}; nothing needs it now, and it is made again when something does"
    yield from _accepted(seen.accepted)
    for job_id in seen.left_out[:NOTES_LISTED]:
        yield f"{job_id} was not checked: it is pruned, or no target needs it"
    if len(seen.left_out) > NOTES_LISTED:
        yield f"{len(seen.left_out) - NOTES_LISTED} more were not checked"
    for job_id in seen.undeclared[:NOTES_LISTED]:
        yield f"{job_id} ran in former times, and is not declared any more"
    if len(seen.undeclared) > NOTES_LISTED:
        yield f"{len(seen.undeclared) - NOTES_LISTED} more are not declared any more"


def _accepted(accepted: Mapping[str, float]) -> Iterator[str]:
    for job_id in islice(accepted, NOTES_LISTED):
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(accepted[job_id]))
        yield f"{job_id} was accepted as it was at {when}; ppg has not run it since"
    if len(accepted) > NOTES_LISTED:
        yield f"{len(accepted) - NOTES_LISTED} more were accepted"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - CAUSES_LISTED
    return " or ".join(names[:CAUSES_LISTED]) + (f" or one of {counted(more, 'other')}" if more > 0 else "")
