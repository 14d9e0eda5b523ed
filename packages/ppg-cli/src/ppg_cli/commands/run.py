"""`ppg run script.py [arguments ...]`: runs a script and shows its progress."""

from pathlib import Path
from typing import Annotated

import typer

from ppg_cli.script.script import Script
from ppg_cli.terminal.streams import finish_output

__all__ = ["run_command"]


def run_command(
    script: Annotated[Path, typer.Argument(help="The Python script that declares and runs the jobs.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments for the script.")] = None,
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
    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            metavar="ADDRESS",
            help="Run the jobs on the Dask cluster of this scheduler: tcp://HOST:PORT.",
        ),
    ] = None,
) -> None:
    """Run a script, show the progress, and list the jobs that ran, were up to date, or failed.

    Exit codes: 0 done; 1 jobs failed; 2 usage or script error; 130 interrupted.
    """
    # Imported here, so that no other command pays for it.
    from ppg_cli.script.running import CommandFrontend, run_script  # noqa: PLC0415

    if on is not None and (inline or cores is not None):
        raise typer.BadParameter(
            "jobs on other machines have the cores of these; leave --cores and --inline out"
        )
    if on is not None and "://" not in on:
        raise typer.BadParameter(
            f"--on takes the address of a scheduler, such as tcp://10.0.0.1:8786, not {on!r}"
        )
    frontend = CommandFrontend(plain=plain, cores=cores, inline=inline, strict=strict, on=on)
    code = run_script(Script(script), arguments or [], frontend)
    finish_output()
    raise typer.Exit(code)
