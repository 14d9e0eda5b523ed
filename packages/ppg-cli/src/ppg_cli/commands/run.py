"""`ppg run script.py [jobs ...] [-- arguments ...]`: runs a script and shows its progress."""

from pathlib import Path
from typing import Annotated

import typer

from ppg_cli.script.arguments import script_arguments
from ppg_cli.script.script import Script
from ppg_cli.terminal.streams import finish_output

__all__ = ["run_command"]


def run_command(
    context: typer.Context,
    script: Annotated[Path, typer.Argument(help="The Python script that declares and runs the jobs.")],
    jobs: Annotated[
        list[str] | None,
        typer.Argument(help="Only these, and what they need: ids, or files that jobs make."),
    ] = None,
    cores: Annotated[
        int | None,
        typer.Option("--cores", "-j", min=1, help="Use at most so many cores.", show_default="all"),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Plain lines, also on a terminal.")] = False,
    inline: Annotated[
        bool,
        typer.Option("--inline", help="Run all jobs in one process, for debugging: breakpoint() works."),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Jobs fail that read files of other jobs without depending on them."),
    ] = False,
) -> None:
    """Run a script, show the progress, and list the jobs that ran, were up to date, or failed.

    The script's arguments come after `--`. Named jobs replace the targets of the script's own run_pipegraph().

    Example: ppg run script.py a.txt -j 4 -- --samples 3

    Exit codes: 0 done; 1 jobs failed; 2 usage or script error; 130 interrupted.
    """
    # Imported here, so that no other command pays for it.
    from ppg_cli.script.running import CommandFrontend, run_script  # noqa: PLC0415

    frontend = CommandFrontend(plain=plain, cores=cores, inline=inline, strict=strict, targets=jobs or None)
    code = run_script(Script(script), script_arguments(context), frontend)
    finish_output()
    raise typer.Exit(code)
