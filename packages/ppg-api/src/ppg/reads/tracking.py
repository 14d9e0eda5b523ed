"""Tracking: which uses of files the processes of jobs note, in one run."""

from ppg.graph.declared import DeclaredGraph
from ppg_exec import Tracking

__all__ = ["tracking_of"]

OWN = ("", "-wal", "-shm", "-journal", ".lock", ".output", ".debug", ".watch", ".detached")
"""Ends of the names of ppg's own files and folders, after the name of the status file."""


def tracking_of(pipegraph: DeclaredGraph, *, strace: bool) -> Tracking:
    """Return what the jobs of a run note: uses in the project, and outside of the system; not those of ppg itself.

    Parameters:
        pipegraph: the jobs.
        strace: whether what native code and programs use is noted, too.
    """
    from ppg_exec import interpreter_folders, system_folders  # noqa: PLC0415 (a run that starts no job needs none)

    root, status = pipegraph.root.rstrip("/"), str(pipegraph.status_path)
    own = (*(status + suffix for suffix in OWN), f"{root}/logs")
    # A project may have an environment in its folder, and the packages in there are no inputs.
    packages = (folder for folder in interpreter_folders() if folder.startswith(f"{root}/"))
    cache = () if pipegraph.shared_cache is None else (str(pipegraph.shared_cache.folder),)
    return Tracking(pipegraph.root, (*own, *cache, *packages), system_folders(), strace)
