"""`ppg doctor [FOLDER]`: shows what of the machine and the environment makes a difference to ppg."""

from pathlib import Path
from typing import Annotated

import typer

from ppg.text import one_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.terminal.streams import complain, finish_output, write_result

__all__ = ["doctor_command"]


def doctor_command(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
) -> None:
    """Show what of this machine matters to ppg, with remedies.

    These are the file system, the kernel, limits, versions and variables.

    Runs no script and leaves no file. One line for each finding.

    Example: ppg doctor

    Exit codes: 0, also if something is missing; 2 there is no such folder.
    """
    # Imported here, so that no other command pays for it.
    from ppg.doctor.examine import examine  # noqa: PLC0415

    if not folder.is_dir():
        complain(f"there is no folder '{folder}'; name the folder of a project, or leave it out for this one")
        finish_output()
        raise typer.Exit(ExitCode.SCRIPT_ERROR)
    for finding in examine(folder):
        write_result(f"{one_line(str(finding))}\n".encode(errors="surrogateescape"))
    finish_output()
