"""Names of outputs: tells which names in a folder belong to the jobs and to ppg, and not to the inputs."""

import os
from collections.abc import Collection, Iterable

from ppg.graph.declared import DeclaredGraph
from ppg.paths import absolute
from ppg.reads.links import WithoutLinks
from ppg.status.history import History
from ppg_graph import Fingerprint, combine, is_read

__all__ = ["NamesOfOutputs", "fingerprint_of_names"]

BROKEN = ".broken"
CACHED_CODE = "__pycache__"


def fingerprint_of_names(names: Iterable[str]) -> Fingerprint:
    """Return the fingerprint of the names in a folder."""
    return combine((name, Fingerprint(b"")) for name in names)


class NamesOfOutputs:
    """Names of outputs: has the names that a listing of a folder leaves out, because jobs or ppg make them.

    Otherwise a job that lists the folder of its own output would run again in each run. The names are those of the
    outputs in the graph and in the records, and of the folders that lead to them.

    Parameters:
        pipegraph: the jobs.
        history: the records.
    """

    def __init__(self, pipegraph: DeclaredGraph, history: History) -> None:
        self._pipegraph = pipegraph
        self._history = history
        self._by_folder: dict[str, set[str]] = {}
        self._real = WithoutLinks(pipegraph.root).folder
        self._known_jobs = -1

    def others(self, folder: str, names: Collection[str]) -> list[str]:
        """Return the names in a folder that are no outputs, sorted.

        Parameters:
            folder: its absolute name.
            names: of all files and folders in it.
        """
        self._refresh()
        folder = self._real(os.path.normpath(folder))
        outputs = self._by_folder.get(folder, set())
        own = self._pipegraph.status_path
        prefix = own.name if folder == self._real(str(own.parent)) else None
        return sorted(
            name
            for name in names
            if name not in outputs
            and name != CACHED_CODE
            and name.removesuffix(BROKEN) not in outputs
            and not (prefix is not None and name.startswith(prefix))
        )

    def _refresh(self) -> None:
        if self._known_jobs == len(self._pipegraph):
            return
        root = self._pipegraph.root
        if self._known_jobs < 0:
            self._add(f"{root.rstrip('/')}/logs")
            self._add(str(self._pipegraph.cache_folder))
            for job_id in self._history.history:
                if not is_read(job_id):
                    for name in self._history.files(job_id):
                        self._add(absolute(name, root))
        for job in list(self._pipegraph)[max(self._known_jobs, 0) :]:
            for name in job.files:
                self._add(absolute(name, root))
        self._known_jobs = len(self._pipegraph)

    def _add(self, path: str) -> None:
        """Add a name to its folder, and each folder above it to the next one, up to the root, also behind links."""
        while True:
            folder, _, name = path.rpartition("/")
            real = self._real(folder or "/")
            names = self._by_folder.setdefault(real, set())
            if name in names or not name:
                return
            names.add(name)
            if real != folder:
                self._add(real)
            path = folder
