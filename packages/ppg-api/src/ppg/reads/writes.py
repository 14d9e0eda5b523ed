"""Writes: knows which jobs of a run wrote to outputs of other jobs, or to input files.

Such a file is not what its record says. Usually the difference shows in the file itself, and the jobs that depend on it
fail. But if the maker ran at the same time, its record may describe the bytes of the other job. So that record is not
kept, and the next run makes the file again.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ppg.graph.declared import DeclaredGraph
from ppg.jobs.job import Job, JobFile
from ppg.paths import absolute
from ppg.reads.in_graph import files_of
from ppg.reads.links import WithoutLinks
from ppg.status.recorder import Recorder
from ppg.text import counted
from ppg_exec import FileUse, UseKind
from ppg_graph import Evaluator, NodeId, NodeState, is_read
from ppg_invariants import FileState

__all__ = ["WritesOfRun", "Written"]

KNOWN = (NodeState.CLEAN, NodeState.DONE)

MOST_NAMES = 3
"""Largest number of jobs that a message names."""


@dataclass(frozen=True, slots=True)
class Written:
    """Written: one file to which a job wrote, and which is not its own.

    Attributes:
        name: the file, as it was declared.
        owner: the job that makes it, or the invariant that observes it.
        is_doubtful: whether its maker ran at the same time, so that the maker's record may have the other job's bytes.
    """

    name: str
    owner: Job
    is_doubtful: bool


class WritesOfRun:
    """Writes of a run: takes in what the jobs of one run wrote, in the order in which they end.

    Parameters:
        pipegraph: the jobs.
        recorder: the records, also of this run.
        evaluator: gives the states of the jobs.
        without_links: has the names of files.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        recorder: Recorder,
        evaluator: Evaluator,
        without_links: WithoutLinks,
    ) -> None:
        self._pipegraph = pipegraph
        self._recorder = recorder
        self._evaluator = evaluator
        self._without_links = without_links
        self._steps = 0
        self._begun: dict[NodeId, int] = {}
        self._ended: dict[NodeId, int] = {}
        self._culprits: dict[str, list[str]] = {}
        self._of_job: dict[NodeId, tuple[Written, ...]] = {}
        self._warned: set[tuple[str, str]] = set()

    def begins(self, job: Job) -> None:
        """Note that a job begins."""
        self._steps += 1
        self._begun[job._node] = self._steps

    def ends(self, job: Job, uses: Iterable[FileUse]) -> Sequence[Written]:
        """Note that a job has ended, and what it wrote; return the files that are not its own, by name."""
        self._steps += 1
        self._ended[job._node] = self._steps
        own = set(job.files)
        found: dict[str, Written] = {}
        for use in uses:
            if use.kind is UseKind.WRITTEN:
                for written in self._owned(job, use.path, own):
                    found.setdefault(written.name, written)
        if not found:
            return ()
        in_order = [found[name] for name in sorted(found)]
        for written in in_order:
            self._culprits.setdefault(written.name, []).append(job.job_id)
        declared = set(self._declared(job))
        self._of_job[job._node] = tuple(written for written in in_order if written.name not in declared)
        return in_order

    def has_ended(self, job: Job) -> bool:
        """Return whether a job that has begun in this run has ended."""
        return job._node in self._ended

    def culprits(self, name: str) -> Sequence[str]:
        """Return the ids of the jobs that wrote to a file of another job, or to an input, in this run."""
        return self._culprits.get(name, ())

    def messages(self, job: Job) -> Iterator[str]:
        """Yield a message for each other job that has files to which a job has written, and for each input.

        A file on which the job depends itself is missing here: its job fails in any case.
        """
        files_of_owner: dict[Job, list[str]] = {}
        for written in self._of_job.get(job._node, ()):
            files_of_owner.setdefault(written.owner, []).append(written.name)
        for owner, names in files_of_owner.items():
            if (job.job_id, owner.job_id) in self._warned:
                continue
            self._warned.add((job.job_id, owner.job_id))
            shown = f"'{names[0]}'" + (
                f" and {counted(len(names) - 1, 'other file')}" if len(names) > 1 else ""
            )
            if owner.observes_file:
                users = self._users(owner)
                yield (
                    f"'{job.job_id}' wrote to {shown}, an input of {users}; let '{job.job_id}' write to another file, or "
                    "have a job make this one"
                )
            else:
                yield (
                    f"'{job.job_id}' wrote to {shown}, which '{owner.job_id}' makes, so it may have to be made again; "
                    f"let '{job.job_id}' write to another file"
                )

    def _users(self, owner: Job) -> str:
        pipegraph = self._pipegraph
        users = [f"'{pipegraph._job_at(node).job_id}'" for node in pipegraph.dag.downstreams(owner._node)]
        if not users:
            return "the graph"
        more = len(users) - MOST_NAMES
        return ", ".join(users[:MOST_NAMES]) + (f" and {counted(more, 'other job')}" if more > 0 else "")

    def _declared(self, job: Job) -> Iterator[str]:
        pipegraph = self._pipegraph
        dag = pipegraph.dag
        for node in dag.upstreams(job._node):
            upstream = pipegraph._job_at(node)
            if not is_read(upstream.job_id):
                names = dag.parts(node, job._node)
                yield from files_of(upstream) if names is None else names

    # -- one file ----------------------------------------------------------------------------------------

    def _owned(self, job: Job, path: str, own: set[str]) -> Iterator[Written]:
        """Yield the file that a job wrote by this name, if it is not its own and has changed."""
        name = self._without_links.relative(path)
        if name in own:
            return
        # A link that leads to a file may have been made or replaced itself.
        real = self._without_links.relative(self._without_links.file(path))
        for one in dict.fromkeys((name, real)):
            owner = self._owner(one)
            if owner is None or one in own or owner is job:
                continue
            is_doubtful = one == name and self._ran_meanwhile(owner, job)
            known = self._known(owner, one)
            if (
                is_doubtful
                or (known is None and one == name)
                or (known is not None and not self._is(one, known))
            ):
                yield Written(one, owner, is_doubtful)
            return

    def _owner(self, name: str) -> Job | None:
        if name.rpartition("/")[2] in {"", ".", ".."}:
            return None  # the root, or a folder above it
        maker = self._pipegraph._maker_of(name)
        if maker is not None:
            return maker.job if isinstance(maker, JobFile) else maker
        if name in self._pipegraph.dag:
            job = self._pipegraph.job(name)
            return job if job.observes_file else None
        return None

    def _ran_meanwhile(self, owner: Job, job: Job) -> bool:
        if owner._node not in self._begun or job._node not in self._begun:
            return False
        ended = self._ended.get(owner._node)
        return ended is None or ended > self._begun[job._node]

    def _known(self, owner: Job, name: str) -> FileState | None:
        """State of a file by the records, if that is its state before the job wrote to it."""
        if owner.observes_file:
            return self._recorder.input_file(owner.job_id)
        if owner.job_id not in self._recorder.history or self._evaluator.state(owner._node) not in KNOWN:
            return None
        return self._recorder.files(owner.job_id).get(name)

    def _is(self, name: str, known: FileState) -> bool:
        """Whether a file is as it was, so that the job has only opened it."""
        try:
            found = os.stat(absolute(name, self._pipegraph.root))  # noqa: PTH116 (paths are texts here)
        except OSError:
            return False
        now = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        return now == (known.inode, known.size, known.mtime_ns, known.ctime_ns)
