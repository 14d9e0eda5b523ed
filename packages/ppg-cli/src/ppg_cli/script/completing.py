"""Completing: suggests scripts and jobs where the shell completes a command line."""

import contextlib
from pathlib import Path

from ppg_cli.stores import status_files

__all__ = ["complete_jobs", "complete_scripts", "complete_scripts_and_jobs"]

MOST = 1000


def complete_jobs(incomplete: str) -> list[str]:
    """Return the jobs that the stores of this folder know, and that begin with a text."""
    stores = status_files()
    if not stores:
        return []
    from ppg import PyPipelineGraphError  # noqa: PLC0415 (a command without completion needs none of this)
    from ppg.inspect.forecast import read_only_history  # noqa: PLC0415
    from ppg_graph import is_read  # noqa: PLC0415

    found: set[str] = set()
    for store in stores:
        with contextlib.suppress(PyPipelineGraphError), read_only_history(store) as memory:
            # A shell that completes cannot show an error; the command itself will.
            found.update(
                str(job_id)
                for job_id in memory.job_ids()
                if job_id.startswith(incomplete)
                and not is_read(job_id)
                and memory.last_run(job_id) is not None
            )
    return sorted(found)[:MOST]


def complete_scripts(incomplete: str) -> list[str]:
    """Return the Python files, and the folders, that begin with a text."""
    folder, _, begin = incomplete.rpartition("/")
    place = Path(folder) if folder else Path("/" if incomplete.startswith("/") else ".")
    if not place.is_dir():
        return []
    before = incomplete[: len(incomplete) - len(begin)]
    found = [
        f"{before}{path.name}{'/' if path.is_dir() else ''}"
        for path in place.iterdir()
        if path.name.startswith(begin)
        and (path.suffix == ".py" or path.is_dir())
        and (begin or not path.name.startswith("."))
    ]
    return sorted(found)


def complete_scripts_and_jobs(incomplete: str) -> list[str]:
    """Return the scripts and the jobs that begin with a text."""
    return [*complete_scripts(incomplete), *complete_jobs(incomplete)]
