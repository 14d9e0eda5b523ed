"""Folders in work: lets a job empty its folder only if ppg knows that a job has made what is in it.

A folder may be emptied if it is empty already, if the record of its job has a file that is still there, or if its job
began to make it and nothing tells that it ended: then a run was killed. Otherwise the user has put the files there, and
they stay. The note that a job begins is on disk before the job starts.
"""

import itertools
import os
from pathlib import Path

from ppg.engine.cleanup import discard_files
from ppg.exceptions import JobContractError
from ppg.jobs.folder_jobs import FolderJob
from ppg.jobs.job import Job
from ppg.paths import absolute
from ppg.status.recorder import Recorder
from ppg.worker.folders import folder_obstacle, remove_folder

__all__ = ["FoldersInWork"]

MOST_NAMES = 3
"""Number of files that a message names."""


class FoldersInWork:
    """Folders in work: notes which jobs make their folders at this moment.

    Parameters:
        recorder: has the records and the notes.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def starts(self, job: Job) -> None:
        """Note that a job begins to make its folder, and remove what is left of its last failure.

        Raises:
            JobContractError: the folder has files that no job is known to have made.
        """
        if not isinstance(job, FolderJob):
            return
        path = absolute(job.job_id, job.pipegraph.root)
        if folder_obstacle(path) is None and not self._may_be_emptied(job, path):
            with os.scandir(path) as entries:
                names = sorted(entry.name for entry in itertools.islice(entries, MOST_NAMES))
            raise JobContractError(
                f"'{job.job_id}' was not started: it would empty the folder '{path}', which has "
                f"{', '.join(map(repr, names))}, and ppg does not know that a job has made that; move the folder away, "
                "or remove it if it can be made again, or declare another folder"
            )
        if self._recorder.left_broken(job.job_id):
            self._remove_broken(job, path)
        self._recorder.begins_folder(job.job_id)

    def succeeded(self, job: Job) -> None:
        """Note that a job has made its folder, which its record describes."""
        if isinstance(job, FolderJob):
            self._recorder.ended_folder(job.job_id)

    def discard(self, job: Job) -> list[str]:
        """Remove or rename the partial outputs of a failed job; return a message for each that stays."""
        problems = discard_files(job)
        if isinstance(job, FolderJob):
            path = absolute(job.job_id, job.pipegraph.root)
            if not os.path.lexists(path):
                self._recorder.ended_folder(job.job_id, left_broken=job.rename_broken)
        return problems

    def _may_be_emptied(self, job: FolderJob, path: str) -> bool:
        try:
            with os.scandir(path) as entries:
                if next(entries, None) is None:
                    return True
        except OSError:
            return True  # it is not there, or the job gets the error
        if self._recorder.has_begun(job.job_id):
            return True
        if job.job_id not in self._recorder.history:
            return False
        root = job.pipegraph.root
        return any(os.path.lexists(absolute(name, root)) for name in self._recorder.files(job.job_id))

    @staticmethod
    def _remove_broken(job: FolderJob, path: str) -> None:
        broken = f"{path}.broken"
        try:
            if Path(broken).is_dir() and folder_obstacle(broken) is None:
                remove_folder(broken)
        except OSError as error:
            raise JobContractError(
                f"'{job.job_id}' was not started: '{broken}', which it left when it failed, cannot be removed "
                f"({error.strerror}); remove it by hand"
            ) from error
