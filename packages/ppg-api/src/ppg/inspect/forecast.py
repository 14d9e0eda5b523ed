"""Forecast: computes what a run would do, without running or changing anything.

It answers two questions. A *preview* lists the jobs that would start; there a generator always starts. A
*verification* checks whether everything is as the last run left it; there a generator counts as if it made
the same jobs again (`ppg.inspect.remembered_graph`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ppg.exceptions import PyPipelineGraphError
from ppg.graph.catalogue import Request
from ppg.graph.declared import DeclaredGraph
from ppg.inspect.remembered_graph import RememberedGraph
from ppg.jobs.job import Job
from ppg.reads.in_copy import copy_with_reads
from ppg.status.history import History
from ppg.status.observer import Observer
from ppg.status.reason_details import ReasonWords
from ppg_graph import (
    Dag,
    DryRun,
    Fingerprint,
    JobId,
    NodeId,
    Observation,
    Unobservable,
    dry_run,
    to_observe,
)
from ppg_invariants import (
    FileState,
    FunctionEvidence,
    FunctionState,
    StatusStore,
    StoreDamagedWarning,
    StoredObservation,
    StoreError,
)

__all__ = [
    "Forecast",
    "Preview",
    "ReadOnlyHistory",
    "forecast",
    "planned_forecast",
    "preview_of",
    "read_only_history",
    "remembered_forecast",
    "remembered_observations",
]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Forecast: the decisions that a run would make.

    Attributes:
        dag: the graph of the forecast.
        dry: the jobs that would run, and why.
        observations: the observations of this moment, by node.
    """

    dag: Dag
    dry: DryRun
    observations: Mapping[NodeId, Observation]


class ReadOnlyHistory(History):
    """Read-only history: serves callers that write nothing, and explains fingerprints seen just now.

    Parameters:
        store: open for reading.
        rehash: trust no stat; read every file.
    """

    def __init__(self, store: StatusStore, *, rehash: bool = False) -> None:
        super().__init__(store)
        self._rehash = rehash
        self._seen: dict[Fingerprint, bytes | FunctionState] = {}

    def saw(self, job_id: JobId, observation: StoredObservation) -> None:  # noqa: ARG002 (of the base class)
        """Keep the parameters or the function that explain a fingerprint."""
        seen = observation.parameters or observation.function
        if isinstance(seen, (bytes, FunctionState)):
            self._seen[observation.fingerprint] = seen

    def evidence(self, fingerprint: Fingerprint) -> bytes | FunctionEvidence | None:
        """Return the parameters or the function of a fingerprint, from this moment or from an earlier run."""
        seen = self._seen.get(fingerprint)
        if isinstance(seen, FunctionState):
            return self._store.evidence_of_function(seen)
        return super().evidence(fingerprint) if seen is None else seen

    def files(self, job_id: JobId) -> Mapping[str, FileState]:
        """Return the recorded state of each file; with `rehash`, states that no stat matches."""
        return {path: self._doubted(state) for path, state in super().files(job_id).items()}

    def own_file(self, job_id: JobId) -> FileState | None:
        """Return the recorded state of the job's one file; with `rehash`, a state that no stat matches."""
        state = super().own_file(job_id)
        return None if state is None else self._doubted(state)

    def input_file(self, job_id: JobId) -> FileState | None:
        """Return the file's state at the last observation; with `rehash`, a state that no stat matches."""
        state = super().input_file(job_id)
        return None if state is None else self._doubted(state)

    def files_seen(self, job_id: JobId) -> Mapping[str, FileState]:
        """Return the states of a folder's files; with `rehash`, states that no stat matches."""
        return {name: self._doubted(state) for name, state in super().files_seen(job_id).items()}

    def _doubted(self, state: FileState) -> FileState:
        # No file has this inode number, so the stat differs and the observer compares the content.
        return state._replace(inode=-1) if self._rehash else state


@contextmanager
def read_only_history(status_path: Path, *, rehash: bool = False) -> Iterator[ReadOnlyHistory]:
    """Open a status store for reading, or an empty temporary one if there is none; no file stays behind.

    Raises:
        PyPipelineGraphError: the store cannot be read.
    """
    try:
        if status_path.exists():
            with StatusStore.open(status_path, read_only=True) as store:
                yield ReadOnlyHistory(store, rehash=rehash)
        else:
            import tempfile  # noqa: PLC0415 (only where nothing was run)

            # Reading must not create a status file in a project that has never run.
            with (
                tempfile.TemporaryDirectory(prefix="ppg-") as folder,
                StatusStore.open(Path(folder) / "status") as store,
            ):
                yield ReadOnlyHistory(store, rehash=rehash)
    except (StoreError, StoreDamagedWarning) as error:
        raise PyPipelineGraphError(str(error)) from error


def forecast(pipegraph: DeclaredGraph, memory: History, targets: Collection[NodeId] | None) -> Forecast:
    """Forecast the run of a complete graph, without the jobs that generators would make."""
    dag, reads = copy_with_reads(pipegraph, memory)
    history, pruned = memory.history, pipegraph._pruned
    nodes = to_observe(dag, history, pruned=pruned, targets=targets)
    observations = Observer(pipegraph, memory).look_at(
        reads.get(node) or pipegraph._job_at(node) for node in nodes
    )
    return Forecast(dag, dry_run(dag, history, observations, pruned=pruned, targets=targets), observations)


def remembered_forecast(pipegraph: DeclaredGraph, memory: History, graph: RememberedGraph) -> Forecast:
    """Forecast a run in which each generator makes the same jobs as last time; no generator runs.

    A generator would run only if one of its inputs changed.
    """
    dag, history, pruned, targets = graph.dag, graph.history, pipegraph._pruned, graph.targets
    nodes = to_observe(dag, history, pruned=pruned, targets=targets)
    observations = remembered_observations(graph, Observer(pipegraph, memory), nodes)
    return Forecast(dag, dry_run(dag, history, observations, pruned=pruned, targets=targets), observations)


def remembered_observations(
    graph: RememberedGraph, observer: Observer, nodes: Iterable[NodeId]
) -> dict[NodeId, Observation]:
    """Return the observation of each node of a remembered graph; only nodes with a job are observed now."""
    observations: dict[NodeId, Observation] = {}
    to_look_at: list[Job] = []
    for node in nodes:
        known = graph.observation(node)
        if isinstance(known, Job):
            to_look_at.append(known)
        else:
            observations[node] = known
    observations.update(observer.look_at(to_look_at))
    return observations


def planned_forecast(
    pipegraph: DeclaredGraph,
    memory: History,
    graph: RememberedGraph,
    request: Request,
) -> Forecast:
    """Forecast a run in which generators run, and those with unchanged inputs make the same jobs as last time."""
    dag, history, pruned, targets = graph.dag, graph.history, pipegraph._pruned, graph.targets
    until, forced = request.until, request.forced
    nodes = to_observe(dag, history, pruned=pruned, targets=targets, until=until, forced=forced)
    observations = remembered_observations(graph, Observer(pipegraph, memory), nodes)
    dry = dry_run(
        dag,
        history,
        observations,
        pruned=pruned,
        targets=targets,
        until=until,
        forced=forced,
        same_generators=True,
    )
    return Forecast(dag, dry, observations)


@dataclass(frozen=True, slots=True)
class Preview:
    """Preview: the jobs that a run would start if no job failed.

        ppg.file("a.txt")(lambda out: out.write_text("a"))
        assert ppg.current_pipegraph().preview().will_run == {"a.txt": ("new: never built",)}

    Attributes:
        will_run: the jobs that are certain to run, with the reasons in words.
        may_run: the jobs that run if the results of other jobs change, with the ids of those jobs.
        generators: the jobs among `will_run` that may add new jobs during the run.
        blocked: the jobs that cannot run.
        problems: the jobs that cannot be observed, with the reason in words, by job id.
    """

    will_run: Mapping[str, tuple[str, ...]]
    may_run: Mapping[str, tuple[str, ...]]
    generators: tuple[str, ...]
    blocked: tuple[str, ...]
    problems: Mapping[str, str]

    @property
    def is_up_to_date(self) -> bool:
        """Whether a run would start only generators; False if a job is blocked or cannot be observed."""
        return not (self.will_run.keys() - set(self.generators)) and not self.blocked and not self.problems


def preview_of(pipegraph: DeclaredGraph, targets: Collection[NodeId] | None) -> Preview:
    """Preview the run of a complete graph.

    Raises:
        PyPipelineGraphError: the status store cannot be read.
    """
    with read_only_history(pipegraph.status_path) as memory:
        seen = forecast(pipegraph, memory, targets)
        return _preview(seen, ReasonWords(memory, seen.dag))


def _preview(seen: Forecast, words: ReasonWords) -> Preview:
    dag, dry = seen.dag, seen.dry
    return Preview(
        will_run={
            dag.job_id(node): words.sentences(dag.job_id(node), reasons)
            for node, reasons in dry.will_run.items()
        },
        may_run={dag.job_id(node): tuple(may.depending_on) for node, may in dry.may_run.items()},
        generators=tuple(dag.job_id(node) for node in dry.generators),
        blocked=tuple(dag.job_id(node) for node in dry.blocked),
        problems={
            dag.job_id(node): observation.reason
            for node, observation in seen.observations.items()
            if isinstance(observation, Unobservable)
        },
    )
