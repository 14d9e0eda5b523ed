"""`ppg status [script.py] [jobs ...]`: shows which jobs are up to date, stale, failed, or never built."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppg_cli.exit_codes import ExitCode
from ppg_cli.records.store import show_lines
from ppg_cli.script.arguments import script_arguments
from ppg_cli.script.completing import complete_scripts_and_jobs
from ppg_cli.script.script import Script
from ppg_cli.stores import chosen_status_file, status_files
from ppg_cli.terminal.grouping import grouped, grouped_problems
from ppg_cli.terminal.streams import complain

if TYPE_CHECKING:
    from ppg import Pipegraph, Standing

__all__ = ["status_command"]

NAMED = 3


def status_command(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=complete_scripts_and_jobs,
            metavar="[script.py] [JOB ...]",
            help="A first name that ends with .py is the script that declares the jobs. The others are the only jobs to "
            "tell of: ids, or files that jobs make.",
        ),
    ] = None,
    status_file: Annotated[
        Path | None,
        typer.Option(
            "--status-file", help="Where to look without a script.", show_default="all of this folder"
        ),
    ] = None,
) -> None:
    """Show which jobs are up to date, stale, failed, or never built. Runs no job, writes nothing.

    Temporary files and loads are left out: they are made when a job needs them. The script's arguments come after `--`.

    Without a script: what the status files of this folder remember, and whether the files are as they were left. Only the
    script knows whether code, parameters or versions of tools have changed.

    Example: ppg status script.py

    Exit codes: 0 shown; 2 usage or script error, or there is no such job.
    """
    # This command writes nothing, also no bytecode of the script's own modules.
    sys.dont_write_bytecode = True
    first, *others = names or [""]
    arguments = script_arguments(context)
    if not first.endswith(".py"):
        if arguments:
            complain("name the script of these arguments: ppg status script.py -- ...")
            raise typer.Exit(ExitCode.SCRIPT_ERROR)
        show_lines(lambda: _of_stores(names or [], status_file))
    if status_file is not None:
        complain("with a script, --status-file is not needed: the script says where it is")
        raise typer.Exit(ExitCode.SCRIPT_ERROR)
    show_lines(lambda: _lines(_of_script(Script(Path(first)), arguments, others)))


def _of_script(script: Script, arguments: list[str], jobs: list[str]) -> "Standing":
    # Imported here, so that no other command pays for it.
    from ppg_cli.script.declaring import look_at_declared  # noqa: PLC0415
    from ppg_cli.script.naming import jobs_named  # noqa: PLC0415

    def look(pipegraph: "Pipegraph") -> "Standing":
        targets = jobs_named(pipegraph, jobs) if jobs else pipegraph._run_targets
        return pipegraph.standing(targets=targets)

    return look_at_declared(script, arguments, look)


def _of_stores(names: list[str], given: Path | None) -> Iterator[str]:
    from ppg.inspect.standing_in_store import standing_in_store  # noqa: PLC0415 (no other command pays for it)

    # With names one store is meant, as for the other commands about the past.
    stores = status_files() if given is None and not names else []
    stores = stores or [chosen_status_file(given)]
    for number, store in enumerate(stores):
        if len(stores) > 1:
            yield from [""] if number else []
            yield f"{store}:"
        yield from _lines(standing_in_store(store, names))
    yield "note: code, parameters and tools are known to the script alone: ppg status script.py"


def _lines(standing: "Standing") -> Iterator[str]:
    yield from grouped("failed        ", standing.failed)
    yield from grouped("stale         ", {job: "; ".join(reasons) for job, reasons in standing.stale.items()})
    causes = {
        job: f"if {' or '.join(causes[:NAMED])} changes" for job, causes in standing.maybe_stale.items()
    }
    yield from grouped("may be stale  ", causes)
    yield from grouped("never built   ", dict.fromkeys(standing.never_built, ""))
    yield from grouped_problems("problem       ", standing.problems)
    yield from grouped("cannot run    ", dict.fromkeys(standing.blocked, ""))
    counts = {
        "up to date": len(standing.up_to_date),
        "stale": len(standing.stale),
        "may be stale": len(standing.maybe_stale),
        "failed": len(standing.failed),
        "never built": len(standing.never_built),
        "cannot run": len(standing.blocked),
    }
    yield ", ".join(f"{count:,} {what}" for what, count in counts.items() if count or what == "up to date")
