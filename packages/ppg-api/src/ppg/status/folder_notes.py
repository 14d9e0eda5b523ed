"""Folder notes: stores the files of observed folders, and which jobs have begun to make theirs.

They are JSON texts beside the records, as the notes of runs are. A damaged note counts as none.
"""

from collections.abc import Mapping
from typing import Any

from ppg_graph import JobId
from ppg_invariants import FileState, StatusStore

__all__ = ["files_seen", "has_begun", "left_broken", "note_files_seen", "note_folder"]

FILES = "files"
FOLDER = "folder"


def note_files_seen(store: StatusStore, run_id: int, job_id: JobId, files: Mapping[str, FileState]) -> None:
    """Note the state of each file of an observed folder, by its name in the folder."""
    rows = {name: (*state[:5], state.digest.hex(), state.algorithm) for name, state in files.items()}
    store.note(run_id, FILES, job_id, {"files": rows})


def files_seen(store: StatusStore, job_id: JobId) -> dict[str, FileState]:
    """Return the state of each file at the last observation of a folder; nothing if it was never observed."""
    noted = store.noted(FILES, job_id)
    if noted is None:
        return {}
    details: Mapping[str, Any] = noted.details
    return {
        name: FileState(size, modified, changed, inode, looked, bytes.fromhex(digest), algorithm)
        for name, (size, modified, changed, inode, looked, digest, algorithm) in details["files"].items()
    }


def note_folder(
    store: StatusStore, run_id: int, job_id: JobId, *, has_begun: bool, left_broken: bool = False
) -> None:
    """Note that a job begins to make its folder, or that it has ended.

    Parameters:
        store: open for writing.
        run_id: the number of this run.
        job_id: the job.
        has_begun: whether what is in the folder may be a part of what the job makes.
        left_broken: whether the job has failed, and its partial folder was renamed.
    """
    store.note(run_id, FOLDER, job_id, {"begun": has_begun, "broken": left_broken})


def has_begun(store: StatusStore, job_id: JobId) -> bool:
    """Return whether a job began to make its folder, and no end was noted."""
    return _noted(store, job_id, "begun")


def left_broken(store: StatusStore, job_id: JobId) -> bool:
    """Return whether the partial folder of a failed job was renamed when the job last ended."""
    return _noted(store, job_id, "broken")


def _noted(store: StatusStore, job_id: JobId, what: str) -> bool:
    noted = store.noted(FOLDER, job_id)
    return noted is not None and bool(noted.details[what])
