"""`ppg runs` and `ppg diff RUN1 RUN2`: list past runs, and what differs between two of them."""

from typing import Annotated

import typer

from ppg_cli.records.store import StatusFile, found, show_lines

__all__ = ["diff_command", "runs_command"]


def runs_command(
    number: Annotated[int, typer.Option("--number", min=1, help="Show so many runs, the newest first.")] = 20,
    status_file: StatusFile = None,
) -> None:
    """List the last runs: when, how long, and how they ended.

    Example: ppg runs --number 5

    Exit codes: 0 listed; 2 nothing was run here yet, or usage error.
    """
    from ppg.inspect.past import past_runs  # noqa: PLC0415 (no other command pays for it)

    show_lines(lambda: past_runs(found(status_file), number))


def diff_command(
    run1: Annotated[int, typer.Argument(help="The number of a run, as `ppg runs` shows it.", min=1)],
    run2: Annotated[int, typer.Argument(help="The number of another run.", min=1)],
    status_file: StatusFile = None,
) -> None:
    """Show which results differ between two runs, and why.

    Example: ppg diff 1 2

    Exit codes: 0 shown; 2 there was no such run, or usage error.
    """
    from ppg.inspect.past import difference  # noqa: PLC0415 (no other command pays for it)

    show_lines(lambda: difference(found(status_file), run1, run2))
