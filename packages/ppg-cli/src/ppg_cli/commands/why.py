"""`ppg why [script.py] JOB ...`: explains why a job ran last, and whether and why it would run now."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppg.text import one_line, source_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.arguments import script_arguments
from ppg_cli.script.completing import complete_scripts_and_jobs
from ppg_cli.script.script import Script
from ppg_cli.stores import chosen_status_file
from ppg_cli.terminal.streams import complain, finish_output, write_result

if TYPE_CHECKING:
    from ppg import Pipegraph

__all__ = ["why_command"]


def why_command(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            autocompletion=complete_scripts_and_jobs,
            metavar="[script.py] JOB ...",
            help="Jobs: ids, or files that they make, in whatever spelling. Of several names the first one is the script "
            "that declares them: shows also whether they would run now.",
        ),
    ],
    status_file: Annotated[
        Path | None,
        typer.Option(
            "--status-file", help="Where to look without a script.", show_default="that of this folder"
        ),
    ] = None,
) -> None:
    """Show why a job ran last: what had changed, and how.

    Runs no job and writes nothing. With a script also: whether and why the job would run now. The script's
    arguments come after `--`.

    Example: ppg why script.py a.txt

    Exit codes: 0 shown; 2 there is no such job, or usage or script error.
    """
    # Imported here, so that no other command pays for it.
    from ppg import PyPipelineGraphError  # noqa: PLC0415
    from ppg.inspect.why import why_from_store  # noqa: PLC0415

    code = ExitCode.DONE
    arguments = script_arguments(context)
    *before, job = names
    try:
        if not before:
            if arguments:
                complain(one_line(f"name the script of these arguments: ppg why script.py '{job}' -- ..."))
                raise typer.Exit(ExitCode.SCRIPT_ERROR)
            lines = why_from_store(chosen_status_file(status_file), job)
        elif status_file is not None:
            complain("with a script, --status-file is not needed: the script says where it is")
            raise typer.Exit(ExitCode.SCRIPT_ERROR)
        elif names[-1].endswith(".py") and not names[0].endswith(".py"):
            complain(one_line(f"the script comes first: ppg why {names[-1]} {' '.join(names[:-1])}"))
            raise typer.Exit(ExitCode.SCRIPT_ERROR)
        else:
            lines = _with_script(names[1:], Script(Path(names[0])), arguments)
        text = "".join(f"{source_line(line)}\n" for line in lines)
        write_result(text.encode(errors="surrogateescape"))
    except PyPipelineGraphError as error:
        complain(str(error))
        code = ExitCode.SCRIPT_ERROR
    finish_output()
    raise typer.Exit(code)


def _with_script(jobs: list[str], script: Script, arguments: list[str]) -> list[str]:
    from ppg import PyPipelineGraphError  # noqa: PLC0415
    from ppg.inspect.why import why_from_graph  # noqa: PLC0415
    from ppg_cli.script.declaring import look_at_declared  # noqa: PLC0415

    def look(pipegraph: "Pipegraph") -> list[str] | PyPipelineGraphError:
        pipegraph._complete()
        pipegraph._check()
        try:
            return [line for job in jobs for line in why_from_graph(pipegraph, job)]
        except PyPipelineGraphError as error:
            # The error lies in the arguments of the command, not in the script.
            return error

    seen = look_at_declared(script, arguments, look)
    if isinstance(seen, PyPipelineGraphError):
        raise seen
    return seen
