"""Parameters: declares the parameters that several commands share, with their completion and help."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from ppg_cli.script.completing import complete_jobs, complete_scripts

__all__ = ["ChosenJobs", "DeclaringScript"]

DeclaringScript: TypeAlias = Annotated[
    Path,
    typer.Argument(autocompletion=complete_scripts, help="The Python script that declares the jobs."),
]
ChosenJobs: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        autocompletion=complete_jobs, help="Only these, and what they need: ids, or files that jobs make."
    ),
]
