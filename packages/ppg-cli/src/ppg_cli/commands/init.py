"""`ppg init [script.py]`: writes a first pipeline to edit."""

from pathlib import Path
from typing import Annotated

import typer

from ppg_cli.exit_codes import ExitCode
from ppg_cli.terminal.streams import complain, finish_output

__all__ = ["init_command"]

PIPELINE = '''"""A first pipeline: edit it, and run it with `ppg run {name}`."""

import ppg

ppg.new_pipegraph()

SAMPLES = ["control", "treated"]


def simulate(path, sample):
    """Write some numbers, as a measurement would."""
    numbers = [len(sample) * n % 7 for n in range(10)]
    path.write_text("\\n".join(map(str, numbers)) + "\\n")


def total(path, numbers):
    """Add the numbers of a sample up."""
    path.write_text(f"{{sum(map(int, numbers.read_text().split()))}}\\n")


totals = []
for sample in SAMPLES:
    # Each job is one file. It runs again if its code, its values, or the files that it gets have changed.
    numbers = ppg.file(f"results/{{sample}}.numbers")(simulate, sample=sample)
    totals.append(ppg.file(f"results/{{sample}}.total")(total, numbers=numbers))


@ppg.file("results/report.txt")
def report(path, totals=totals):
    path.write_text("".join(f"{{file.stem}}: {{file.read_text()}}" for file in totals))


ppg.run()
'''


def init_command(
    script: Annotated[Path, typer.Argument(help="The file to write.", show_default="pipeline.py")] = Path(
        "pipeline.py"
    ),
) -> None:
    """Write a first pipeline to edit.

    A file that exists is never overwritten.

    Example: ppg init

    Exit codes: 0 written; 2 the file exists, or cannot be written.
    """
    try:
        with script.open("x") as file:
            file.write(PIPELINE.format(name=script))
    except OSError as error:
        complain(f"'{script}' cannot be written: {error.strerror}; name another file")
        finish_output()
        raise typer.Exit(ExitCode.SCRIPT_ERROR) from None
    complain(f"wrote '{script}'; look at it, then: ppg run {script}")
    finish_output()
