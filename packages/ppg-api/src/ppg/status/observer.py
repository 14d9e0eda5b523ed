"""Looks at the world for the evaluator: parameters, functions, input files, and the outputs on disk.

All files of one request are looked at in one pass of stats, and hashed, where they must be, on all cores.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from ppg.exceptions import InternalError
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.file_jobs import FileJob
from ppg.jobs.invariants import (
    FileChecksumInvariant,
    FileTimeInvariant,
    FunctionInvariant,
    ParameterInvariant,
)
from ppg.jobs.job import Job
from ppg.jobs.tool_version import ToolVersionInvariant
from ppg.paths import absolute
from ppg.status.history import Memory
from ppg_graph import Files, FileStatus, Fingerprint, NodeId, Observation, Unobservable
from ppg_invariants import (
    CannotFingerprint,
    FileComparison,
    FileState,
    FileUnobservable,
    Follow,
    StoredObservation,
    Verdict,
    compare_files,
    content_fingerprint,
    encode_parameters,
    fingerprint_encoding,
    fingerprint_function,
    observe_files,
    observe_modification_time,
)

__all__ = ["Observer", "unusual"]

INTACT = Files(FileStatus.INTACT)
"""What is observed of nearly all outputs; always this object."""
INTACT_FILE = Verdict.INTACT

# Several files of a job can be in different trouble; the first of these is reported.
SEVERITY = (Verdict.MISSING, Verdict.UNREADABLE, Verdict.EMPTY, Verdict.CHANGED)
STATUS = {
    Verdict.MISSING: FileStatus.MISSING,
    Verdict.UNREADABLE: FileStatus.CHANGED,
    Verdict.EMPTY: FileStatus.EMPTY,
    Verdict.CHANGED: FileStatus.CHANGED,
}


def unusual(observations: Mapping[NodeId, Observation]) -> Mapping[NodeId, Observation]:
    """Those of an `Observer` that are neither a fingerprint nor files that are as they were."""
    return {
        node: seen for node, seen in observations.items() if seen is not INTACT and type(seen) is not bytes
    }


class Observer:
    """Answers the evaluator's `Observe` effects.

    Parameters:
        pipegraph: the jobs to look at.
        memory: what is remembered of them; moves on where only a time stamp changed.
        should_stop: is asked while files are hashed or tools answer; may be called by other threads.
    """

    def __init__(
        self, pipegraph: DeclaredGraph, memory: Memory, should_stop: Callable[[], bool] | None = None
    ) -> None:
        self._pipegraph = pipegraph
        self._memory = memory
        self._should_stop = should_stop

    def observe(self, nodes: Iterable[NodeId]) -> Mapping[NodeId, Observation]:
        """What each node of the pipegraph observes, or whether its files are what its record says; see `look_at`."""
        return self.look_at(self._pipegraph.job_at(node) for node in nodes)

    def look_at(self, jobs: Iterable[Job]) -> Mapping[NodeId, Observation]:
        """What each job observes, or whether its files are what its record says, by the job's node.

        Raises:
            LookStopped: `should_stop` said so while files were hashed or tools asked.
        """
        observations: dict[NodeId, Observation] = {}
        inputs: list[FileChecksumInvariant] = []
        outputs: list[FileJob] = []
        tools: list[ToolVersionInvariant] = []
        # What names lead to belongs to one moment; all functions that are looked at now share it.
        follow = Follow()
        for job in jobs:
            node = job.node
            if isinstance(job, FunctionInvariant):
                observations[node] = self._function(job, follow)
            elif isinstance(job, FileJob):
                outputs.append(job)
            elif isinstance(job, ParameterInvariant):
                observations[node] = self._parameters(job)
            elif isinstance(job, FileChecksumInvariant):
                inputs.append(job)
            elif isinstance(job, FileTimeInvariant):
                observations[node] = self._modification_time(job)
            elif isinstance(job, ToolVersionInvariant):
                tools.append(job)
            else:
                raise InternalError(f"'{job.job_id}' is a {type(job).__name__}, which cannot be observed")
        self._inputs(inputs, observations)
        self._tool_versions(tools, observations)
        self._outputs(outputs, observations)
        return observations

    def _function(self, job: FunctionInvariant, follow: Follow) -> Observation:
        followed = (job.follow or self._pipegraph.follow) == "project"
        try:
            state = fingerprint_function(job.function, follow=follow if followed else None)
        except CannotFingerprint as error:
            return Unobservable(f"the function cannot be fingerprinted: {error}")
        fingerprint = self._memory.fingerprint_of(job.job_id, state)
        self._memory.saw(job.job_id, StoredObservation(fingerprint, function=state))
        return fingerprint

    def _parameters(self, job: ParameterInvariant) -> Observation:
        fingerprint = Fingerprint(fingerprint_encoding(job.encoding))
        self._memory.saw(job.job_id, StoredObservation(fingerprint, parameters=job.encoding))
        return fingerprint

    def _modification_time(self, job: FileTimeInvariant) -> Observation:
        try:
            nanoseconds = observe_modification_time(absolute(job.job_id, self._pipegraph.root))
        except FileUnobservable as error:
            return _missing_input(job, error)
        return Fingerprint(b"mtime:%d" % nanoseconds)

    def _tool_versions(
        self, jobs: Sequence[ToolVersionInvariant], observations: dict[NodeId, Observation]
    ) -> None:
        if not jobs:
            return
        from ppg.status.tool_versions import ask  # noqa: PLC0415 (starts programs; few graphs have tools)

        for job, answer in zip(jobs, ask(jobs, self._pipegraph.root, self._should_stop), strict=True):
            if isinstance(answer, Unobservable):
                observations[job.node] = answer
                continue
            encoding = encode_parameters(answer)
            fingerprint = Fingerprint(fingerprint_encoding(encoding))
            self._memory.saw(job.job_id, StoredObservation(fingerprint, parameters=encoding))
            observations[job.node] = fingerprint

    def _inputs(self, jobs: Sequence[FileChecksumInvariant], observations: dict[NodeId, Observation]) -> None:
        root = self._pipegraph.root
        by_algorithm: dict[str, list[FileChecksumInvariant]] = {}
        for job in jobs:
            by_algorithm.setdefault(job.algorithm, []).append(job)
        for algorithm, alike in by_algorithm.items():
            remembered = [(absolute(job.job_id, root), self._memory.input_file(job.job_id)) for job in alike]
            states = observe_files(remembered, algorithm=algorithm, should_stop=self._should_stop)
            for job, (_, before), state in zip(alike, remembered, states, strict=True):
                if isinstance(state, FileUnobservable):
                    observations[job.node] = _missing_input(job, state)
                    continue
                fingerprint = Fingerprint(content_fingerprint(state))
                if state is not before:
                    self._memory.saw(job.job_id, StoredObservation(fingerprint, file=state))
                observations[job.node] = fingerprint

    def _outputs(self, jobs: Sequence[FileJob], observations: dict[NodeId, Observation]) -> None:
        # One by one: what is recorded of a million files need not be unpacked all at once.
        results = iter(compare_files(self._recorded(jobs, observations), should_stop=self._should_stop))
        for job in jobs:
            if job.node in observations:
                continue
            files = job.files
            found = list(islice(results, len(files)))
            for comparison in found:
                if comparison.verdict is not INTACT_FILE:
                    observations[job.node] = self._judged(job, files, found)
                    break
            else:
                observations[job.node] = INTACT

    def _recorded(
        self, jobs: Iterable[FileJob], observations: dict[NodeId, Observation]
    ) -> Iterator[tuple[str, FileState]]:
        """The files of all jobs with their recorded states, but for jobs that make others now than recorded."""
        root = self._pipegraph.root
        files_of, own_file_of = self._memory.files, self._memory.own_file
        for job in jobs:
            job_id, files = job.job_id, job.files
            if files == (job_id,) and (state := own_file_of(job_id)) is not None:
                yield absolute(job_id, root), state
                continue
            recorded = files_of(job_id)
            unknown = [path for path in files if path not in recorded]
            if unknown:
                observations[job.node] = Files(FileStatus.CHANGED, tuple(unknown))
                continue
            for path in files:
                yield absolute(path, root), recorded[path]

    def _judged(self, job: FileJob, files: Sequence[str], found: Sequence[FileComparison]) -> Files:
        """What a job's files are, of which not all are provably what they were."""
        troubles: dict[Verdict, list[str]] = {}
        touched: dict[str, FileState] = {}
        for path, comparison in zip(files, found, strict=True):
            if comparison.verdict is Verdict.TOUCHED and comparison.state is not None:
                touched[path] = comparison.state
            elif comparison.verdict is not Verdict.INTACT:
                troubles.setdefault(comparison.verdict, []).append(path)
        if touched and not troubles:
            self._memory.files_were_touched(job.job_id, touched)
        worst = next((verdict for verdict in SEVERITY if verdict in troubles), None)
        return INTACT if worst is None else Files(STATUS[worst], tuple(troubles[worst]))


def _missing_input(job: Job, error: FileUnobservable) -> Unobservable:
    return Unobservable(
        f"the input file '{job.job_id}' {error.reason}; put it right, or correct its name in the script"
    )
