"""`ppg output JOB [-f]`: shows what a job printed, and how it failed, or follows what it prints."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppg_cli.exit_codes import ExitCode
from ppg_cli.records.store import StatusFile, found
from ppg_cli.script.completing import complete_jobs
from ppg_cli.terminal.streams import complain, finish_output, write_result

if TYPE_CHECKING:
    from ppg.journal.kept_output import KeptEntry

__all__ = ["output_command"]


def output_command(
    job: Annotated[
        str,
        typer.Argument(
            autocompletion=complete_jobs, help="The job's id, or a file that it makes, in whatever spelling."
        ),
    ],
    run: Annotated[
        int | None,
        typer.Option("--run", min=1, help="That of this run.", show_default="the last one with any output"),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="If the job runs now, show what it prints until it has ended."),
    ] = False,
    status_file: StatusFile = None,
) -> None:
    """Show what a job printed when it ran last, and its error.

    Runs in which the job printed nothing, and did not fail, are left out. If it printed to stdout alone, the bytes are
    those that it wrote; otherwise each part has a headline. With --follow, what a running job prints goes to the same
    streams, and its error to stderr.

    Example: ppg output a.txt -f

    Exit codes: 0 shown; 1 nothing was kept; 2 there is no such job, or usage error; 130 Ctrl-C.
    """
    # Imported here, so that no other command pays for it.
    from ppg import PyPipelineGraphError  # noqa: PLC0415
    from ppg.inspect.forecast import read_only_history  # noqa: PLC0415
    from ppg.inspect.why import job_in_store  # noqa: PLC0415
    from ppg.journal.kept_output import kept_entries, output_folder  # noqa: PLC0415
    from ppg.text import counted, one_line  # noqa: PLC0415

    store = found(status_file)
    folder = output_folder(store)
    if follow and run is not None:
        complain("a past run prints no more, so there is nothing to --follow; leave one of them out")
        raise typer.Exit(ExitCode.SCRIPT_ERROR)
    if follow and (code := _followed(folder, job, store)) is not None:
        finish_output()
        raise typer.Exit(code)
    job_id = os.path.normpath(job)
    # The record of a job may be lost with a run that was killed; what the job printed is not.
    if next(kept_entries(folder, job_id), None) is None:
        try:
            with read_only_history(store) as memory:
                job_id = job_in_store(store, job, memory)
        except PyPipelineGraphError as error:
            complain(str(error))
            finish_output()
            raise typer.Exit(ExitCode.SCRIPT_ERROR) from None
    entries = kept_entries(folder, job_id)
    entry = next((entry for entry in entries if run is None or entry.run_id == run), None)
    if entry is None:
        where = "any run" if run is None else f"run {run}"
        complain(
            one_line(
                f"nothing is kept of '{job_id}' in {where}: it printed nothing and did not fail, or that was long ago"
            )
        )
        finish_output()
        raise typer.Exit(ExitCode.NOT_KEPT)
    complain(one_line(_ended(entry)))
    if entry.lost:
        complain(f"{counted(entry.lost, 'byte')} were not kept; raise PPG_KEEP_OUTPUT to keep more")
    sections = {
        "stdout": entry.stdout,
        "stderr": entry.stderr,
        "error": entry.error.encode(errors="backslashreplace"),
    }
    filled = {name: data for name, data in sections.items() if data}
    for name, data in filled.items():
        if list(filled) != ["stdout"]:
            write_result(f"--- {name}\n".encode())
        write_result(data if data.endswith(b"\n") or list(filled) == ["stdout"] else data + b"\n")
    finish_output()


def _ended(entry: "KeptEntry") -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.when))
    return f"'{entry.job_id}' {entry.state.lower()} at {when} (run {entry.run_id})"


def _followed(folder: Path, job: str, status_file: Path) -> int | None:
    """Follow a job that runs now, and return the exit code; None if it does not run."""
    from ppg.inspect.why import spellings_on_disk  # noqa: PLC0415 (no other command pays for it)
    from ppg.journal.running_jobs import now_running  # noqa: PLC0415 (the same)
    from ppg.text import one_line  # noqa: PLC0415 (the same)
    from ppg_cli.records.following import follow, running_names  # noqa: PLC0415 (the same)

    now = now_running(folder)
    if now is None:
        return None
    job_id = next(running_names(now, set(spellings_on_disk(job, status_file))), None)
    if job_id is None:
        return None
    complain(one_line(f"following '{job_id}' (run {now.run_id}); Ctrl-C ends it"))
    try:
        entry = follow(folder, job_id, now)
    except KeyboardInterrupt:
        complain("no longer following; the job runs on")
        return ExitCode.INTERRUPTED
    if entry is None:
        complain(one_line(f"'{job_id}' has ended, and nothing is kept of what it printed"))
        return ExitCode.DONE
    complain(one_line(_ended(entry)))
    if entry.error:
        complain(entry.error.rstrip())
    return ExitCode.DONE
