"""`ppg inputs JOB`: lists what a job depends on, what it read besides, and what it did not read."""

from pathlib import Path
from typing import Annotated

import typer

from ppg.text import source_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.completing import complete_jobs
from ppg_cli.stores import STATUS_FILE, chosen_status_file
from ppg_cli.terminal.streams import complain, finish_output, write_result

__all__ = ["inputs_command"]


def inputs_command(
    job: Annotated[
        str,
        typer.Argument(
            autocompletion=complete_jobs, help="The job's id, or a file that it makes, in whatever spelling."
        ),
    ],
    status_file: Annotated[
        Path | None,
        typer.Option(
            "--status-file",
            callback=chosen_status_file,
            help="Where to look.",
            show_default="that of this folder",
        ),
    ] = None,
) -> None:
    """List what a job depends on, what it read besides, and what not.

    The list is that of the job's last success. Runs no job and writes nothing.

    Example: ppg inputs a.txt

    Exit codes: 0 shown; 2 there is no such job, or it never succeeded.
    """
    # Imported here, so that no other command pays for it.
    from ppg import PyPipelineGraphError  # noqa: PLC0415
    from ppg.inspect.inputs import inputs_from_store  # noqa: PLC0415

    code = ExitCode.DONE
    try:
        lines = inputs_from_store(status_file or STATUS_FILE, job)
        text = "".join(f"{source_line(line)}\n" for line in lines)
        write_result(text.encode(errors="surrogateescape"))
    except PyPipelineGraphError as error:
        complain(str(error))
        code = ExitCode.SCRIPT_ERROR
    finish_output()
    raise typer.Exit(code)
