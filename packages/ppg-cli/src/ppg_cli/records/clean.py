"""`ppg clean script.py`: removes the files and records of jobs that are not declared any more, after a question."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from ppg.text import counted, one_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.arguments import script_arguments
from ppg_cli.script.parameters import DeclaringScript
from ppg_cli.script.script import Script
from ppg_cli.terminal.streams import complain, finish_output, write_result

if TYPE_CHECKING:
    from ppg import Leftovers, Pipegraph

__all__ = ["clean_command"]


def clean_command(
    context: typer.Context,
    script: DeclaringScript,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
) -> None:
    """Remove what no job makes any more: shows it, then asks.

    These are files, and the records of such jobs.

    Files that were changed since a job made them are kept. The jobs that generators made last time count as declared.
    Other scripts with the same status file are not looked at. The script's arguments come after `--`.

    Example: ppg clean script.py

    Exit codes: 0 done, or nothing to do; 1 not removed; 2 usage or script error.
    """
    # Imported here, so that no other command pays for it.
    from ppg import PyPipelineGraphError  # noqa: PLC0415
    from ppg.inspect.leftovers import remove_leftovers  # noqa: PLC0415
    from ppg_cli.script.declaring import look_at_declared  # noqa: PLC0415

    def look(pipegraph: "Pipegraph") -> "tuple[Pipegraph, Leftovers]":
        return pipegraph, pipegraph.leftovers()

    pipegraph, left = look_at_declared(Script(script), script_arguments(context), look)
    text = "".join(f"{one_line(line)}\n" for line in _lines(left))
    write_result(text.encode(errors="surrogateescape"))
    finish_output()
    if not left.records:
        raise typer.Exit(ExitCode.DONE)
    if not yes and not _is_confirmed():
        raise typer.Exit(ExitCode.NOT_REMOVED)
    try:
        removed = remove_leftovers(pipegraph, left)
    except PyPipelineGraphError as error:
        complain(str(error))
        raise typer.Exit(ExitCode.SCRIPT_ERROR) from None
    complain(f"removed {counted(removed, 'file')} and {counted(len(left.records), 'record')}")
    finish_output()


def _is_confirmed() -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        complain("nothing was removed; say --yes to remove these without a question")
        return False
    return typer.confirm("Remove these files and records?", err=True)


def _lines(left: "Leftovers") -> Iterator[str]:
    for job_id, names in left.files.items():
        yield from (f"file     {name}" + ("" if name == job_id else f" (of {job_id})") for name in names)
    for job_id, names in left.altered.items():
        yield from (f"kept     {name}: it is not as {job_id} left it" for name in names)
    yield from (f"record   {job_id}" for job_id in left.records)
    if left.records:
        yield "note: another script with the same status file, or other arguments, may still make these"
    else:
        yield "nothing is left of jobs that are not declared any more"
