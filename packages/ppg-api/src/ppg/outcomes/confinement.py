"""Confinement: finds what a confined job may read and write, for its process and for the hint after a failure."""

import functools
import itertools
import os
import sys
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ppg.jobs.file_jobs import FileJob
from ppg.jobs.folder_invariant import FolderInvariant
from ppg.jobs.job import Job
from ppg.kinds.kind import ProcessCall
from ppg.paths import absolute
from ppg.worker.calls import Prepared
from ppg.worker.confined import Limits, call_confined, report_made
from ppg.worker.folders import files_in
from ppg_exec import CommonAccess, FileUse, UseKind, common_access
from ppg_graph import NodeKind

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["common_of", "confined_call", "denied_reads", "limits_of"]

_PACKAGES = ("ppg", "ppg_cli", "ppg_exec", "ppg_graph", "ppg_invariants")


class _Latest:
    """Latest: keeps what all confined jobs of the last asked run may use; finding it reads folders."""

    def __init__(self) -> None:
        self._graph: weakref.ref[Any] | None = None
        self._result: object = None
        self._found: CommonAccess | None = None
        self._seen = 0

    def of(self, graph: "GraphProtocol") -> CommonAccess:
        """Return what the confined jobs of a pipegraph may use. A pipegraph that runs again is looked at again."""
        result = getattr(graph, "_last_result", None)
        if (
            self._found is None
            or self._graph is None
            or self._graph() is not graph
            or self._result is not result
            or self._writes_beside_modules(graph)
        ):
            modules = [sys.modules.get(name) for name in _PACKAGES]
            files = [getattr(module, "__file__", None) for module in modules]
            folders = [os.path.dirname(file) for file in files if isinstance(file, str)]  # noqa: PTH120
            self._found = common_access(graph.root, folders, _outputs(graph, graph.root))
            self._graph, self._result = weakref.ref(graph), result
            self._seen = len(graph)
        return self._found

    def _writes_beside_modules(self, graph: "GraphProtocol") -> bool:
        """Whether new jobs of generators make modules, or files in a package that has had nothing but modules."""
        assert self._found is not None
        count = len(graph)
        if count == self._seen:
            return False
        new = itertools.islice(graph, self._seen, None)
        self._seen = count
        named = [path.rpartition("/") for path in _outputs(new, graph.root)]
        folders = {folder: os.path.realpath(folder or "/") for folder, _, _ in named}
        files = {f"{folders[folder]}/{name}" for folder, _, name in named}
        return not files.isdisjoint(self._found.modules) or any(map(self._found.may_read, folders.values()))


def _outputs(jobs: Iterable[Job], root: str) -> list[str]:
    return [absolute(path, root) for job in jobs for path in job.files]


_latest = _Latest()


def common_of(job: Job) -> CommonAccess:
    """Return what all confined jobs of a job's pipegraph may use: the system, and modules of the project."""
    return _latest.of(job.pipegraph)


def limits_of(job: Job) -> Limits:
    """Return what a confined job may use besides."""
    reads: dict[str, None] = {}
    loads: set[str] = set()
    _collect(job, reads, loads)
    root = job.pipegraph.root
    return Limits(
        job.job_id,
        tuple(absolute(path, root) for path in reads),
        () if job.whole_folder is not None else tuple(absolute(path, root) for path in job.files),
        isinstance(job, FileJob),
        frozenset(loads),
        () if job.whole_folder is None else (absolute(job.whole_folder, root),),
    )


def _collect(job: Job, reads: dict[str, None], loads: set[str]) -> None:
    """Add the files that a job depends on, and its loads with all that they depend on."""
    graph = job.pipegraph
    pending = [job]
    while pending:
        downstream = pending.pop()
        for node in graph.dag.upstreams(downstream._node):
            upstream: Job = graph._job_at(node)
            if upstream.kind is NodeKind.LOAD:
                # Its data may refer to its files, as a memory map or a lazy table does.
                if upstream.job_id not in loads:
                    loads.add(upstream.job_id)
                    pending.append(upstream)
            elif upstream.observes_file:
                reads[upstream.job_id] = None
            elif isinstance(upstream, FolderInvariant):
                reads.update(dict.fromkeys(_files_in(upstream.path, upstream.glob, graph.root)))
            elif upstream.kind is not NodeKind.INVARIANT:
                parts = graph.dag.parts(node, downstream._node)
                for part in upstream.files if parts is None else parts:
                    folder, is_several, pattern = part.partition("//")
                    reads.update(
                        dict.fromkeys(_files_in(folder, pattern, graph.root) if is_several else (part,))
                    )


def _files_in(folder: str, pattern: str, root: str) -> list[str]:
    """Return the files of a folder that match a pattern, as they are now."""
    try:
        return files_in(absolute(folder, root), pattern)
    except OSError:
        return []


def denied_reads(job: Job, uses: Iterable[FileUse]) -> list[FileUse]:
    """Return those uses of a confined job that were no reads, because the kernel has denied them."""
    limits = limits_of(job)
    named = {*limits.reads, *limits.writes}
    others = [use for use in uses if use.kind is UseKind.READ and use.path not in named]
    if not others:
        return []
    real = set(map(os.path.realpath, named))
    folders = tuple(f"{name}/" for name in (*named, *limits.folders, *real) if os.path.isdir(name))  # noqa: PTH112 (texts)
    # Other names of an allowed file, too, are allowed.
    identities = {(state.st_dev, state.st_ino) for path in named if (state := _stat_of(path)) is not None}
    may_read = common_of(job).may_read
    return [
        use
        for use in others
        if use.stat is not None
        and use.stat[:2] not in identities
        and (path := os.path.realpath(use.path)) not in real
        and not use.path.startswith(folders)
        and not path.startswith(folders)
        and not may_read(path)
    ]


def _stat_of(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 (paths are texts here)
    except OSError:
        return None  # it is not there any more


def confined_call(job: Job, call: ProcessCall) -> ProcessCall:
    """Return a call that confines the job's process before it calls the user's function."""
    limits = limits_of(job)
    arguments, report = call.arguments, call.report
    if limits.makes:
        # The process makes room for the outputs before it is confined, and cannot do so afterwards.
        arguments = tuple(
            Prepared(limits.writes) if type(argument) is tuple and argument == limits.writes else argument
            for argument in arguments
        )
        if report is not None:
            report = functools.partial(report_made, report, limits.writes)
    function = functools.partial(call_confined, call.function, common_of(job), limits)
    return ProcessCall(function, arguments, report, call.returns_plain)
