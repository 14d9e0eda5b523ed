"""What jobs leave on disk that nobody shall take for a result."""

import os
from pathlib import Path

from ppg.file_jobs import FileJob
from ppg.job import Job
from ppg.paths import absolute

__all__ = ["discard_files"]


def discard_files(job: Job) -> list[str]:
    """Remove or rename what a failed job left; gives a message for each file where that is not possible."""
    problems = []
    for name in job.files:
        path = Path(absolute(name, job.pipegraph.root))
        if not os.path.lexists(path):
            continue
        try:
            if isinstance(job, FileJob) and job.rename_broken:
                path.rename(path.with_name(path.name + ".broken"))
            else:
                path.unlink()
        except OSError as error:
            problems.append(f"what '{job.job_id}' left behind cannot be removed: {error}; it is not believed")
    return problems
