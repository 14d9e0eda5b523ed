"""Judged reads: turns the files that a job used into what its record says, and into warnings and errors.

The job process notes each file at its first use, before it opens the file (`ppg_exec.tracking`). Here the files are
compared with that note when the job has ended. So a record never has the content of a file that the job may not have
read.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ppg.exceptions import InputChangedError, JobContractError, PyPipelineGraphError
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.job import Job, JobFile
from ppg.kinds.undeclared import policy_of
from ppg.paths import absolute
from ppg.reads.in_graph import files_of, has_file, ignores_reads
from ppg.reads.kinds import OUTPUT_HASH, fingerprint_of_target
from ppg.reads.links import WithoutLinks
from ppg.reads.names_of_outputs import NamesOfOutputs, fingerprint_of_names
from ppg.reads.writes import WritesOfRun
from ppg.status.recorder import Recorder
from ppg_exec import DOUBTFUL, UNTRACED, FileUse, UseKind
from ppg_graph import (
    ABSENT,
    UNCERTAIN,
    Evaluator,
    Fingerprint,
    JobId,
    NodeId,
    NodeKind,
    NodeState,
    is_pattern,
    is_read,
    link_id,
    listing_id,
    path_of_read,
    read_id,
)
from ppg_invariants import FileState, StoredObservation, content_fingerprint, describe_file

__all__ = ["JudgedReads", "ReadsOfRun"]

UNKNOWN = Fingerprint(b"changed after it was read")
"""Fingerprint of content that was replaced since, so that it cannot be known: the job runs again."""

KNOWN = (NodeState.CLEAN, NodeState.DONE)


@dataclass(frozen=True, slots=True)
class JudgedReads:
    """Judged reads: what one job read without depending on it.

    Attributes:
        reads: for its record: the fingerprint of each file, absence, or listing.
        files: the states of the input files among them, by their name.
        unsettled: files that changed while the job ran, which are not recorded.
        warnings: messages for the user.
        error: why the job fails by what it read; None if it does not.
    """

    reads: dict[JobId, Fingerprint] = field(default_factory=dict)
    files: dict[str, FileState] = field(default_factory=dict)
    unsettled: set[JobId] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    error: PyPipelineGraphError | None = None


class ReadsOfRun:
    """Reads of a run: judges what the jobs of one run read, in the order in which the jobs end.

    Parameters:
        pipegraph: the jobs.
        recorder: the records, also of this run.
        evaluator: gives states and fingerprints of the jobs that made the files.
        names_of_outputs: knows the names in folders that do not count.
        writes: knows which files of others the jobs wrote.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        recorder: Recorder,
        evaluator: Evaluator,
        names_of_outputs: NamesOfOutputs,
        writes: WritesOfRun,
    ) -> None:
        self._pipegraph = pipegraph
        self._recorder = recorder
        self._evaluator = evaluator
        self._names_of_outputs = names_of_outputs
        self._writes = writes
        self._states: dict[str, FileState] = {}
        self._without_links = WithoutLinks(pipegraph.root)
        self._names_of: dict[str, tuple[str, ...]] = {}
        self._of_folders: dict[JobId, tuple[Mapping[str, FileState], Mapping[str, Fingerprint]]] = {}
        self._warned: set[tuple[JobId, JobId]] = set()
        self._warned_untraced: set[str] = set()

    def judge(self, job: Job, uses: Iterable[FileUse], incomplete: str = "") -> JudgedReads:
        """Judge the uses of a job that has ended, well or not, and record the state of the input files among them."""
        judged = JudgedReads()
        if ignores_reads(job, self._pipegraph):
            return judged
        if incomplete.startswith(f"{UNTRACED}:"):
            if incomplete not in self._warned_untraced:
                self._warned_untraced.add(incomplete)
                judged.warnings.append(
                    f"'{job.job_id}' has track=\"strace\", but {incomplete}. So the files are not known that only its "
                    "programs and native code read, and the same holds for other such jobs. Install strace and permit it "
                    "(docs/semantics.md has how), or declare what they read"
                )
        elif incomplete:
            judged.warnings.append(
                f"'{job.job_id}': not all files that it read are known: {incomplete}. Declare what it reads"
            )
        noted = list(uses)
        if not noted:
            return judged
        self._note_unread(job, noted)
        if (error := self._written(job, judged)) is not None:
            return replace(judged, error=error)
        written = {use.path for use in noted if use.kind is UseKind.WRITTEN}
        if len(written) == len(noted):
            return judged  # nearly all jobs without inputs
        declared = _Declared(job, self._pipegraph)
        for use in noted:
            if use.kind is UseKind.WRITTEN:
                continue
            if use.kind is UseKind.LISTED:
                error = self._listed(job, use, written, declared, judged)
                if error is not None:
                    return JudgedReads(warnings=judged.warnings, error=error)
                continue
            names = self._as_made(self._names(use.path), judged)
            if any(name in job.files or job.covers(name) for name in names):
                continue
            if use.path in written and use.stat is None and self._maker_of(names) is None:
                continue
            if (counted := next(filter(declared.has, names), None)) is not None:
                self._link(names, counted, judged)
                continue
            error = self._file(job, use, names, judged)
            if error is not None:
                return replace(judged, error=error)
        if (error := self._otherwise_than_before(job, judged)) is not None:
            return replace(judged, error=error)
        return judged

    def _written(self, job: Job, judged: JudgedReads) -> PyPipelineGraphError | None:
        """Judge what a job wrote to files of others; return the error by which it fails."""
        messages = list(self._writes.messages(job))
        if messages and policy_of(job.execution.undeclared, self._pipegraph.undeclared) == "fail":
            judged.warnings.extend(messages[1:])
            return JobContractError(messages[0])
        judged.warnings.extend(messages)
        return None

    def _otherwise_than_before(self, job: Job, judged: JudgedReads) -> PyPipelineGraphError | None:
        """Return the error of a temporary job that is made again, and read other content than its fingerprint stands for.

        Its new users would be made of other content than their record says.
        """
        if job.kind is not NodeKind.LAZY or self._evaluator.fingerprint(job._node) is None:
            return None
        for node in self._pipegraph.dag.upstreams(job._node):
            job_id = self._pipegraph.dag.job_id(node)
            before = self._evaluator.fingerprint(node)
            if job_id in judged.unsettled or judged.reads.get(job_id, before) != before:
                path = path_of_read(job_id)
                if job_id == listing_id(path):
                    return InputChangedError(
                        f"the names in '{path}' changed while the graph ran, before '{job.job_id}' listed it; run again. If "
                        f"another job makes a file there, let '{job.job_id}' depend on that job"
                    )
                return InputChangedError(
                    f"'{path}' changed while the graph ran, before '{job.job_id}' read it; run again. "
                    f"If it is an input, add .depends_on_file({path!r}) to '{job.job_id}'"
                )
        return None

    @staticmethod
    def _link(names: Sequence[str], counted: str, judged: JudgedReads) -> None:
        """Note the link, if the file was read by another name than the one that counts."""
        if counted != names[0]:
            judged.reads[link_id(names[0])] = fingerprint_of_target(names[-1])

    def _note_unread(self, job: Job, noted: Iterable[FileUse]) -> None:
        """Note the files that the job depends on and did not open."""
        if job.runs_program or job.kind is NodeKind.LOAD:
            return
        used = {name for use in noted if use.kind is UseKind.READ for name in self._names(use.path)}
        declared = _Declared(job, self._pipegraph)
        # A job need not read all files of a folder.
        if unread := [name for name in sorted(declared.names) if name not in used]:
            self._recorder.left_unread(job.job_id, unread)

    def _names(self, path: str) -> tuple[str, ...]:
        """Names of a file as a job may declare it: as it was used, and without links."""
        names = self._names_of.get(path)
        if names is None:
            relative = self._without_links.relative
            name, real = relative(path), relative(self._without_links.file(path))
            names = self._names_of[path] = (name,) if real == name else (name, real)
        return names

    def _as_made(self, names: tuple[str, ...], judged: JudgedReads) -> tuple[str, ...]:
        """Names of a file without that of a link in a job's folder that leads out of it: the folder has only the link."""
        if len(names) == 1:
            return names
        maker = self._pipegraph._maker_of(names[0])
        if not isinstance(maker, JobFile) or maker.job.whole_folder is None or maker.job.covers(names[1]):
            return names
        judged.reads[link_id(names[0])] = fingerprint_of_target(names[1])
        return names[1:]

    def _listed(
        self, job: Job, use: FileUse, written: Collection[str], declared: "_Declared", judged: JudgedReads
    ) -> PyPipelineGraphError | None:
        """Judge the listing of a folder; return the error by which the job fails."""
        folder = self._without_links.relative_folder(use.path)
        found = self._pipegraph._maker_of(f"{folder}/?")
        maker = found.job if isinstance(found, JobFile) else None
        if maker is job or declared.has_folder(folder, maker):
            return None
        if maker is not None:
            # All that is in the folder counts, because a job that lists it may read any of it.
            if (error := self._undeclared(job, maker, maker.job_id, judged)) is not None:
                return error
            known = self._evaluator.fingerprint(maker._node)
            is_known = self._evaluator.state(maker._node) in KNOWN and known is not None
            judged.reads[read_id(maker.job_id)] = known if is_known and known is not None else UNKNOWN
            return None
        own = {path.rpartition("/")[2] for path in written if path.rpartition("/")[0] == use.path}
        # What the job has seen there and left there is there at the next look, too.
        names = self._names_of_outputs.others(
            use.path, [name for name in use.names if name not in own or os.path.lexists(f"{use.path}/{name}")]
        )
        judged.reads[listing_id(folder)] = fingerprint_of_names(names)
        return None

    # -- files -------------------------------------------------------------------------------------------

    def _file(
        self, job: Job, use: FileUse, names: tuple[str, ...], judged: JudgedReads
    ) -> PyPipelineGraphError | None:
        """Judge a file that the job neither makes nor depends on; return the error by which the job fails."""
        maker = self._maker_of(names)
        if maker is None:
            self._input(job, use, names[0], judged)
            return None
        made = next(one for one in reversed(names) if one in maker.files or maker.covers(one))
        if (error := self._undeclared(job, maker, made, judged)) is not None:
            return error
        self._link(names, made, judged)
        judged.reads[read_id(made)] = self._of_made(maker, made, use)
        return None

    def _undeclared(
        self, job: Job, maker: Job, made: str, judged: JudgedReads
    ) -> PyPipelineGraphError | None:
        """Judge that a job read what another job makes, without depending on it; return the error by which it fails."""
        if maker.kind is not NodeKind.OUTPUT:
            return JobContractError(
                f"'{job.job_id}' read '{made}' without depending on it, and that is "
                f"{'a cache' if maker.keeps_files else 'a temporary file'} of '{maker.job_id}', which need not be "
                f"there; {_remedy(job, made)}"
            )
        if way := self._way(job, maker):
            return JobContractError(
                f"'{job.job_id}' read '{made}', which is made from its own results: {way}. "
                f"Let '{job.job_id}' read another file, or let '{maker.job_id}' not depend on it"
            )
        if not self._is_above(maker, job):
            message = (
                f"'{job.job_id}' read '{made}', which '{maker.job_id}' makes, without depending on it, so it may read "
                f"an old file or none; {_remedy(job, made)}"
            )
            if policy_of(job.execution.undeclared, self._pipegraph.undeclared) == "fail":
                return JobContractError(message)
            if (job.job_id, maker.job_id) not in self._warned:
                self._warned.add((job.job_id, maker.job_id))
                judged.warnings.append(message)
        return None

    def _maker_of(self, names: Iterable[str]) -> Job | None:
        found = next((maker for one in names if (maker := self._pipegraph._maker_of(one)) is not None), None)
        return found.job if isinstance(found, JobFile) else found

    def _of_made(self, maker: Job, made: str, use: FileUse) -> Fingerprint:
        """Fingerprint of a job's output as the reader found it."""
        if use.stat is None:
            return ABSENT
        if use.stat == DOUBTFUL:
            return UNCERTAIN
        if self._evaluator.state(maker._node) in KNOWN:
            fingerprint = self._evaluator.fingerprint(maker._node)
            files, parts = self._recorded(maker)
            recorded = files.get(made)
            if recorded is not None and fingerprint is not None and _is_stat_of(use, recorded):
                return parts.get(made, fingerprint)
        state = self._state_of(absolute(made, self._pipegraph.root), use, None)
        return UNKNOWN if state is None else Fingerprint(content_fingerprint(state))

    def _recorded(self, maker: Job) -> tuple[Mapping[str, FileState], Mapping[str, Fingerprint]]:
        """Files and parts of a record, kept for a folder, because many jobs may read one file of it each."""
        known = self._of_folders.get(maker.job_id)
        if known is not None:
            return known
        record = self._recorder.history.get(maker.job_id)
        found = ({}, {}) if record is None else (self._recorder.files(maker.job_id), record.parts)
        if maker.whole_folder is not None and record is not None:
            self._of_folders[maker.job_id] = found
        return found

    def _input(self, job: Job, use: FileUse, name: str, judged: JudgedReads) -> None:
        """Judge a file that no job makes."""
        job_id = read_id(name)
        if use.stat is None:
            judged.reads[job_id] = ABSENT
            return
        if use.stat == DOUBTFUL:
            judged.reads[job_id] = UNCERTAIN
            return
        before = self._recorder.input_file(job_id)
        state = self._state_of(use.path, use, before)
        if state is None:
            judged.unsettled.add(job_id)
            judged.warnings.append(
                f"'{name}' changed while '{job.job_id}' ran and read it, so the record of '{job.job_id}' does not have "
                "it; a change of it will not be noticed. If it is no input, read it elsewhere"
            )
            return
        fingerprint = Fingerprint(content_fingerprint(state))
        judged.reads[job_id] = fingerprint
        judged.files[name] = state
        if state is not before:
            self._recorder.saw(job_id, StoredObservation(fingerprint, file=state))

    def _state_of(self, path: str, use: FileUse, before: FileState | None) -> FileState | None:
        """State of a file, hashed only if it is not known; None if the file is not the one that was used."""
        known = self._states.get(path)
        if known is not None and _is_stat_of(use, known):
            return known if _is_now(path, use) else None
        if before is not None and _is_stat_of(use, before) and before.looked_ns > before.ctime_ns + 10**9:
            return before if _is_now(path, use) else None
        algorithm = OUTPUT_HASH if before is None else before.algorithm
        state = describe_file(path, algorithm=algorithm, empty_ok=True)
        if not isinstance(state, FileState) or not _is_stat_of(use, state):
            return None
        self._states[path] = state
        return state

    # -- the graph ---------------------------------------------------------------------------------------

    def _is_above(self, maker: Job, job: Job) -> bool:
        """Whether the job depends on the maker at any distance, by what the script declares."""
        pipegraph = self._pipegraph
        dag = pipegraph.dag

        def declared(node: NodeId) -> Iterator[NodeId]:
            return (one for one in dag.upstreams(node) if not is_read(dag.job_id(one)))

        seen: set[NodeId] = set()
        stack = [job._node]
        while stack:
            for node in declared(stack.pop()):
                if node == maker._node:
                    return True
                if node not in seen:
                    seen.add(node)
                    stack.append(node)
        return False

    def _way(self, job: Job, maker: Job) -> str:
        """The jobs from one to the other, downstream; empty if there is no way.

        A recorded read is a step only if its job would do again what it did then.
        """
        dag = self._pipegraph.dag
        came_from: dict[NodeId, NodeId] = {}
        queue = [job._node]
        for node in queue:
            is_of_record = is_read(dag.job_id(node))
            for downstream in dag.downstreams(node):
                if downstream not in came_from and not (is_of_record and self._has_changed(downstream)):
                    came_from[downstream] = node
                    queue.append(downstream)
        if maker._node not in came_from:
            return ""
        way = [maker._node]
        while way[-1] != job._node:
            way.append(came_from[way[-1]])
        shown = [f"'{dag.job_id(node)}'" for node in reversed(way) if not is_read(dag.job_id(node))]
        return " → ".join([*shown, shown[0]])

    def _has_changed(self, node: NodeId) -> bool:
        """Whether the code of a job, or another input that no job makes, is not what its record says."""
        dag = self._pipegraph.dag
        record = self._recorder.history.get(dag.job_id(node))
        return record is None or any(
            record.upstreams.get(dag.job_id(upstream)) != self._evaluator.fingerprint(upstream)
            for upstream in dag.upstreams(node)
            if dag.kind(upstream) is NodeKind.INVARIANT and not dag.upstreams(upstream)
        )


class _Declared:
    """Declared: the files on which a job depends, as far as the script says it."""

    def __init__(self, job: Job, pipegraph: DeclaredGraph) -> None:
        dag = pipegraph.dag
        self.names: set[str] = set()
        self._folders: list[tuple[Job, frozenset[str] | None]] = []
        for node in dag.upstreams(job._node):
            upstream = pipegraph._job_at(node)
            if is_read(upstream.job_id):
                continue
            parts = dag.parts(node, job._node)
            if upstream.whole_folder is not None:
                self._folders.append((upstream, parts))
                self.names.update(part for part in parts or () if not is_pattern(part))
            else:
                self.names.update(files_of(upstream) if parts is None else parts)

    def has(self, name: str) -> bool:
        """Whether the job depends on this file."""
        return name in self.names or any(has_file(job, parts, name) for job, parts in self._folders)

    def has_folder(self, folder: str, maker: Job | None) -> bool:
        """Whether the job depends on files in this folder, which `maker` makes: it has to list them to find them."""
        return any(
            job is maker
            if job.kind is not NodeKind.INVARIANT
            else job.whole_folder in {folder, "."} or folder.startswith(f"{job.whole_folder}/")
            for job, _ in self._folders
        )


def _remedy(job: Job, name: str) -> str:
    return f"add .depends_on({name!r}) to '{job.job_id}'"


def _is_stat_of(use: FileUse, state: FileState) -> bool:
    if use.stat is None:
        return False
    _, inode, size, modified, changed = use.stat
    return (state.inode, state.size, state.mtime_ns, state.ctime_ns) == (inode, size, modified, changed)


def _is_now(path: str, use: FileUse) -> bool:
    try:
        found = os.stat(path)  # noqa: PTH116 (paths are texts here)
    except OSError:
        return False
    return use.stat == (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
