"""`ppg forget JOB ...`: removes the records of jobs, so that they run again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ppg_cli.records.store import StatusFile, found, show_lines
from ppg_cli.script.completing import complete_jobs

__all__ = ["forget_command"]


def forget_command(
    jobs: Annotated[
        list[str],
        typer.Argument(
            autocompletion=complete_jobs, help="Ids, or files that jobs make, in whatever spelling."
        ),
    ],
    status_file: StatusFile = None,
) -> None:
    """Forget what is recorded of jobs: the next run makes them again.

    No file is removed.

    Example: ppg forget a.txt

    Exit codes: 0 forgotten; 2 there is no such job, a run goes on, or usage error.
    """
    show_lines(lambda: _forgotten(jobs, found(status_file)))


def _forgotten(jobs: list[str], status_file: Path) -> Iterator[str]:
    # Imported here, so that no other command pays for it.
    from ppg.inspect.forecast import read_only_history  # noqa: PLC0415
    from ppg.inspect.leftovers import forget_records  # noqa: PLC0415
    from ppg.inspect.why import job_in_store  # noqa: PLC0415

    with read_only_history(status_file) as memory:
        job_ids = [job_in_store(status_file, job, memory) for job in jobs]
        recorded = {job_id for job_id in job_ids if job_id in memory.history}
    forget_records(status_file, recorded)
    for job_id in dict.fromkeys(job_ids):
        yield f"{job_id} is forgotten, and runs again" if job_id in recorded else f"{job_id} has no record"
