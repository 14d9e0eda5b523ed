"""Consumed files: finds the files that changed between their fingerprint and the end of a job that read them.

A job's record says that the job consumed the fingerprints of its upstreams. If one of their files was edited after its
fingerprint was taken, the job read other bytes, so it must get no record. The files that a job consumes are those of
its direct upstreams: input files, the programs of tool versions, and outputs. A load's own inputs are compared when
the load has ended; after that, the data is in memory.

Jobs that have ended are checked in batches, and each distinct file is stat'ed once for each batch. So 5,000 jobs that
all read the same 5,000 files cost 5,000 stats, not 25 million. `ppg_invariants.FileWatch` has the comparison.

A file that another machine has made in this run may look different here for a while, as file systems of networks have caches.
So this process does not look at it: what that machine has reported counts. Jobs that depend on the file compare it in their own
processes (`awaited`).
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ppg.exceptions import InputChangedError
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.invariants import (
    FileChecksumInvariant,
    FileTimeInvariant,
    FunctionInvariant,
    ParameterInvariant,
)
from ppg.jobs.job import Job
from ppg.paths import absolute
from ppg.status.history import History
from ppg_graph import Evaluator, NodeId, NodeKind, parts_matching
from ppg_invariants import FileState, FileWatch, KnownFile, is_file, plain_file

if TYPE_CHECKING:
    from typing import TypeGuard

    from ppg.jobs.tool_version import ToolVersionInvariant

__all__ = ["ConsumedFiles"]

FEW_FILES = 16
"""Files that a job may read and still be checked at once: looking at them takes less than forking its process."""

Source: TypeAlias = "NodeId | tuple[NodeId, frozenset[str]]"
"""What a job depends on: an upstream, or some of its files."""

WITHOUT_FILES = (FunctionInvariant, ParameterInvariant)


class ConsumedFiles:
    """Consumed files: compares the files behind the upstreams of jobs with their fingerprints, in one run.

    Parameters:
        pipegraph: the jobs.
        history: the states of the files, with those of this run.
        evaluator: gives the fingerprints.
        culprits: returns the ids of the jobs that wrote to a file that is not theirs.
        should_stop: called while large files are hashed; if it returns true, ObservationInterrupted is raised.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        history: History,
        evaluator: Evaluator,
        culprits: Callable[[str], Sequence[str]] = lambda _: (),
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        self._pipegraph = pipegraph
        self._history = history
        self._evaluator = evaluator
        self._culprits = culprits
        self._watch = FileWatch(should_stop)
        self._begun: set[Source] = set()
        """Sources that a started job consumes."""
        self._reads: dict[NodeId, list[Source]] = {}
        """What each job reads that has begun, and each load: its sources that have files."""
        self._names: dict[Source, tuple[str, ...]] = {}
        """The files of each of these, as far as it has any."""
        self._folders: dict[NodeId, dict[str, FileState]] = {}
        """The files of each folder that a job consumes."""
        self._known: dict[str, KnownFile] = {}
        """What is known of each of these files."""
        self._reported: dict[str, FileState] = {}
        """Files that other machines have made in this run."""
        self._changed: set[str] = set()
        """Files that changed; no job that reads them can be recorded in this run."""

    def require_unchanged(self, job: Job) -> None:
        """Note the files that a starting job consumes, and refuse the start if one of them has changed already.

        Raises:
            InputChangedError: a file changed after its fingerprint was taken.
        """
        sources = self._sources(job._node)
        if not self._begun.issuperset(sources):
            for source in sources:
                if source not in self._begun:
                    self._begin(source)
        with_files = [source for source in sources if source in self._names]
        if not with_files:
            return  # about half of all jobs depend on functions and parameters alone
        self._reads[job._node] = with_files
        name = self._changed_one(with_files)
        if name is not None:
            cause = self._cause(name)
            raise InputChangedError(
                f"'{name}' changed while the graph ran, before '{job.job_id}' began{cause}; run again"
            )

    def _cause(self, name: str) -> str:
        culprits = [f"'{culprit}'" for culprit in sorted(set(self._culprits(name)))]
        return f", because {' and '.join(culprits)} wrote to it" if culprits else ""

    def changed_while_it_ran(self, name: str, job_id: str) -> InputChangedError:
        """Return the error of a job that has ended, and depends on a file that changed meanwhile."""
        if job_id in self._culprits(name):
            return InputChangedError(
                f"'{name}' changed while '{job_id}' ran, because '{job_id}' itself wrote to it; let it write to a copy"
            )
        if cause := self._cause(name):
            return InputChangedError(f"'{name}' changed while '{job_id}' ran{cause}; run again")
        return InputChangedError(
            f"'{name}' changed while '{job_id}' ran; run again. "
            f"If '{job_id}' itself writes to that file, let it write to a copy"
        )

    def look_again(self, names: Iterable[str]) -> None:
        """Compare files at once, because a job wrote to them, so that no job begins that depends on them."""
        for name in names:
            if (known := self._known.get(name)) is not None:
                now = self._watch.holds(self._path(name), known)
                if now is not known:
                    self._note(name, now)

    def spoil(self, names: Iterable[str]) -> None:
        """Take in files that are not what their maker's record says, although they look like it."""
        for name in names:
            self._note(name, None)

    def ended(self, nodes: Iterable[NodeId]) -> Mapping[NodeId, str]:
        """Return for each of these jobs, which have ended, a file that changed before; omit the other jobs."""
        reads = self._reads
        sources_of = {node: reads[node] for node in nodes if node in reads}
        if not sources_of:
            return {}
        checked: set[Source] = set()
        looked_at: set[str] = set()
        for sources in sources_of.values():
            if not checked.issuperset(sources):
                new = [source for source in sources if source not in checked]
                checked.update(new)
                self._check(new, looked_at)
        for node in sources_of:
            if self._pipegraph.dag.kind(node) is not NodeKind.LOAD:  # a load may be repeated
                del reads[node]
        if not self._changed:
            return {}
        found = ((node, self._changed_one(sources)) for node, sources in sources_of.items())
        return {node: name for node, name in found if name is not None}

    def read_besides(self, load: NodeId, files: Mapping[str, FileState]) -> None:
        """Take in the files that a load read without depending on them, to compare them if it has to be repeated."""
        source = (load, frozenset(files))
        self._names[source] = tuple(files)
        self._begun.add(source)
        for name, state in files.items():
            self._note(name, self._watch.begins(self._path(name), state))
        self._reads.setdefault(load, []).append(source)

    def reads_few(self, node: NodeId) -> bool:
        """Return whether a job that has begun reads at most `FEW_FILES` files."""
        count = 0
        for source in self._reads.get(node, ()):
            count += len(self._names[source])
            if count > FEW_FILES:
                return False
        return True

    def made(self, files: Mapping[str, FileState], *, elsewhere: bool = False) -> None:
        """Take in the new state of files, which a temporary job may have made for the second time.

        Parameters:
            files: by their names.
            elsewhere: whether another machine has made them.
        """
        for name, state in files.items():
            if elsewhere:
                self._known.pop(name, None)
                self._changed.discard(name)
                if is_file(state):
                    self._reported[name] = state
                continue
            self._reported.pop(name, None)
            if name in self._known or name in self._changed:
                self._note(name, self._watch.begins(self._path(name), plain_file(state)))

    def awaited(self, node: NodeId) -> tuple[tuple[str, int, int], ...]:
        """Return path, size and time of each file of another machine that a starting job consumes."""
        if not self._reported:
            return ()
        names = dict.fromkeys(name for source in self._reads.get(node, ()) for name in self._names[source])
        states = ((name, self._reported.get(name)) for name in names)
        return tuple(
            (self._path(name), state.size, state.mtime_ns) for name, state in states if state is not None
        )

    def stats(self, node: NodeId) -> list[tuple[str, tuple[int, ...]]]:
        """Return path and identity (see `FileStat`) of each file that a starting job consumes."""
        names = dict.fromkeys(name for source in self._reads.get(node, ()) for name in self._names[source])
        return [(self._path(name), self._known[name].stat.identity) for name in names if name in self._known]

    def _sources(self, node: NodeId) -> Sequence[Source]:
        dag = self._pipegraph.dag
        upstreams = dag.upstreams(node)
        if not dag.names_parts:
            return upstreams
        parts = ((upstream, dag.parts(upstream, node)) for upstream in upstreams)
        return [upstream if named is None else (upstream, named) for upstream, named in parts]

    def _begin(self, source: Source) -> None:
        self._begun.add(source)
        node, parts = source if isinstance(source, tuple) else (source, None)
        job = self._pipegraph._job_at(node)
        if isinstance(job, WITHOUT_FILES):
            return  # about half of all upstreams are functions
        names = []
        for name, look in self._files_of(job, parts):
            names.append(name)
            if name not in self._known and name not in self._changed and name not in self._reported:
                self._note(name, look())
        if names:
            self._names[source] = tuple(names)

    def _note(self, name: str, known: KnownFile | None) -> None:
        if known is None:
            self._known.pop(name, None)
            self._changed.add(name)
        else:
            self._known[name] = known
            self._changed.discard(name)

    def _check(self, sources: Iterable[Source], looked_at: set[str]) -> None:
        for source in sources:
            for name in self._names.get(source, ()):
                if name not in looked_at and name not in self._changed:
                    looked_at.add(name)
                    self.look_again((name,))

    def _changed_one(self, sources: Iterable[Source]) -> str | None:
        if not self._changed:
            return None
        names = (name for source in sources for name in self._names.get(source, ()))
        return next((name for name in names if name in self._changed), None)

    def _path(self, name: str) -> str:
        return absolute(name, self._pipegraph.root)

    def _files_of(
        self, job: Job, parts: frozenset[str] | None
    ) -> Iterator[tuple[str, Callable[[], KnownFile | None]]]:
        """Yield the name of each file, or of those among `parts`, and the function that compares it."""
        if job.kind is NodeKind.INVARIANT and job.whole_folder is None:
            if _is_tool_version(job):
                if job.asked is not None:
                    program, stat = job.asked
                    yield program, lambda: self._watch.holds(program, KnownFile(None, stat))
            elif isinstance(job, FileTimeInvariant):
                # A user's kind with an observation of its own may ignore some changes of the time.
                if type(job).observe is FileTimeInvariant.observe:
                    yield job.job_id, lambda: self._at_its_time(job)
            elif isinstance(job, FileChecksumInvariant):
                state = self._history.input_file(job.job_id)
                if state is not None:
                    yield job.job_id, self._beginning(job.job_id, state)
        elif job.whole_folder is not None:
            yield from self._files_of_folder(job, parts)
        elif job.kind is NodeKind.OUTPUT or job.kind is NodeKind.LAZY:
            if job.job_id not in self._history.history:
                # The record was forgotten, because another job wrote to a file.
                for name in job.files:
                    if name in self._changed and (parts is None or name in parts):
                        yield name, lambda: None
                return
            for name, state in self._history.files(job.job_id).items():
                if parts is None or name in parts:
                    yield name, self._beginning(name, state)

    def _files_of_folder(
        self, job: Job, parts: frozenset[str] | None
    ) -> Iterator[tuple[str, Callable[[], KnownFile | None]]]:
        """The same for a folder. Each of many jobs may depend on one file of it, so all files are looked up once."""
        states = self._folders.get(job._node)
        if states is None:
            states = self._folders[job._node] = self._states_in_folder(job)
        names = (
            states
            if parts is None
            else (name for part in sorted(parts) for name in parts_matching(states, part))
        )
        for name in names:
            yield name, self._beginning(name, states[name])

    def _states_in_folder(self, job: Job) -> dict[str, FileState]:
        if job.kind is NodeKind.INVARIANT:
            begin = "" if job.whole_folder == "." else f"{job.whole_folder}/"
            found = {begin + name: state for name, state in self._history.files_seen(job.job_id).items()}
        else:
            found = dict(self._history.files(job.job_id))
        # Links and folders have no content that a job could have read before it was changed.
        return {name: plain_file(state) for name, state in found.items() if is_file(state)}

    def _beginning(self, name: str, state: FileState) -> Callable[[], KnownFile | None]:
        return lambda: self._watch.begins(self._path(name), state)

    def _at_its_time(self, job: FileTimeInvariant) -> KnownFile | None:
        now = self._watch.look(self._path(job.job_id))
        if now is None or job.fingerprint_of(now.mtime_ns) != self._evaluator.fingerprint(job._node):
            return None
        return KnownFile(None, now)


def _is_tool_version(job: Job) -> "TypeGuard[ToolVersionInvariant]":
    # A pipegraph without tool versions does not import their module.
    module = sys.modules.get("ppg.jobs.tool_version")
    return module is not None and isinstance(job, module.ToolVersionInvariant)
