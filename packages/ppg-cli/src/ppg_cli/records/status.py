"""`ppg status script.py [jobs ...]`: shows which jobs are up to date, stale, failed, or never built."""

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import typer

from ppg.text import counted, one_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.arguments import script_arguments
from ppg_cli.script.parameters import ChosenJobs, DeclaringScript
from ppg_cli.script.script import Script
from ppg_cli.terminal.streams import finish_output, write_result

if TYPE_CHECKING:
    from ppg import Pipegraph, Standing

__all__ = ["status_command"]

LISTED = 5
"""Jobs with equal reasons beyond this number share one line."""
NAMED = 3


def status_command(
    context: typer.Context,
    script: DeclaringScript,
    jobs: ChosenJobs = None,
) -> None:
    """Show which jobs are up to date, stale, failed, or never built. Runs no job, writes nothing.

    Temporary files and loads are left out: they are made when a job needs them. The script's arguments come after `--`.

    Example: ppg status script.py

    Exit codes: 0 shown; 2 usage or script error.
    """
    # Imported here, so that no other command pays for it.
    from ppg_cli.script.declaring import look_at_declared  # noqa: PLC0415
    from ppg_cli.script.naming import jobs_named  # noqa: PLC0415

    # This command writes nothing, also no bytecode of the script's own modules.
    sys.dont_write_bytecode = True

    def look(pipegraph: "Pipegraph") -> "Standing":
        targets = jobs_named(pipegraph, jobs) if jobs else pipegraph._run_targets
        return pipegraph.standing(targets=targets)

    standing = look_at_declared(Script(script), script_arguments(context), look)
    text = "".join(f"{one_line(line)}\n" for line in _lines(standing))
    write_result(text.encode(errors="surrogateescape"))
    finish_output()
    raise typer.Exit(ExitCode.DONE)


def _lines(standing: "Standing") -> Iterator[str]:
    yield from _grouped("failed", standing.failed)
    yield from _grouped("stale", {job: "; ".join(reasons) for job, reasons in standing.stale.items()})
    causes = {
        job: f"if {' or '.join(causes[:NAMED])} changes" for job, causes in standing.maybe_stale.items()
    }
    yield from _grouped("may be stale", causes)
    yield from _grouped("never built", dict.fromkeys(standing.never_built, ""))
    for name, problem in standing.problems.items():
        yield f"{'problem':<12}  {name}: {problem}"
    yield from _grouped("cannot run", dict.fromkeys(standing.blocked, ""))
    counts = {
        "up to date": len(standing.up_to_date),
        "stale": len(standing.stale),
        "may be stale": len(standing.maybe_stale),
        "failed": len(standing.failed),
        "never built": len(standing.never_built),
        "cannot run": len(standing.blocked),
    }
    yield ", ".join(f"{count:,} {what}" for what, count in counts.items() if count or what == "up to date")


def _grouped(label: str, whys: Mapping[str, str]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for job_id, why in whys.items():
        groups.setdefault(why, []).append(job_id)
    for why, job_ids in groups.items():
        colon = f": {why}" if why else ""
        if len(job_ids) <= LISTED:
            yield from (f"{label:<12}  {job_id}{colon}" for job_id in job_ids)
        else:
            more = len(job_ids) - NAMED
            yield f"{label:<12}  {counted(len(job_ids), 'job')} ({', '.join(job_ids[:NAMED])} and {more} more){colon}"
