"""Store: finds the status file for a command, and shows lines or the error."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ppg.text import source_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.stores import chosen_status_file
from ppg_cli.terminal.streams import complain, finish_output, write_result

__all__ = ["StatusFile", "found", "show_lines"]

StatusFile = Annotated[
    Path | None,
    typer.Option(
        "--status-file",
        callback=chosen_status_file,
        help="Where to look.",
        show_default="that of this folder",
    ),
]


def found(status_file: Path | None) -> Path:
    """Return the status file that the option's callback has found."""
    assert status_file is not None
    return status_file


def show_lines(lines: Callable[[], Iterable[str]]) -> NoReturn:
    """Write lines to stdout, or the error of ppg that prevents it, and end the command.

    Raises:
        typer.Exit: always.
    """
    # Imported here, so that no other command pays for it.
    from ppg import PyPipelineGraphError  # noqa: PLC0415

    code = ExitCode.DONE
    try:
        text = "".join(f"{source_line(line)}\n" for line in lines())
        write_result(text.encode(errors="surrogateescape"))
    except PyPipelineGraphError as error:
        complain(str(error))
        code = ExitCode.SCRIPT_ERROR
    finish_output()
    raise typer.Exit(code)
