"""What a run would do, without running anything: for dry runs and for verification."""

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ppg.engine.memory import Memory
from ppg.engine.observer import Observer
from ppg.exceptions import PyPipelineGraphError
from ppg.pipegraph import Pipegraph
from ppg_graph import NodeId, Unobservable, describe, dry_run, to_observe
from ppg_invariants import StatusStore, StoreError

__all__ = ["Preview", "preview_of"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do if no job failed.

    Attributes:
        will_run: the jobs that are certain to run, with the reasons in words.
        may_run: the jobs that run if others come out changed, with the ids of those others.
        generators: those among `will_run` that may add jobs nobody knows yet.
        blocked: the jobs that cannot run.
        problems: what cannot be observed, by job id, in words.
    """

    will_run: Mapping[str, tuple[str, ...]]
    may_run: Mapping[str, tuple[str, ...]]
    generators: tuple[str, ...]
    blocked: tuple[str, ...]
    problems: Mapping[str, str]

    @property
    def is_up_to_date(self) -> bool:
        """Whether a run would start nothing but generators, and nothing is in the way of deciding that."""
        return not (self.will_run.keys() - set(self.generators)) and not self.blocked and not self.problems


def preview_of(pipegraph: Pipegraph, targets: Collection[NodeId] | None) -> Preview:
    """Preview the run of a complete graph.

    Raises:
        PyPipelineGraphError: the status store cannot be read.
    """
    if not pipegraph.status_path.exists():
        # Nothing was run here yet; and looking must not leave a status file behind.
        with (
            tempfile.TemporaryDirectory(prefix="ppg-") as folder,
            StatusStore.open(Path(folder) / "status") as store,
        ):
            return _previewed(pipegraph, Memory(store), targets)
    try:
        with StatusStore.open(pipegraph.status_path, read_only=True) as store:
            return _previewed(pipegraph, Memory(store), targets)
    except StoreError as error:
        raise PyPipelineGraphError(str(error)) from error


def _previewed(pipegraph: Pipegraph, memory: Memory, targets: Collection[NodeId] | None) -> Preview:
    dag, history, pruned = pipegraph.dag, memory.history, pipegraph.pruned
    nodes = to_observe(dag, history, pruned=pruned, targets=targets)
    observations = Observer(pipegraph, memory).observe(nodes)
    dry = dry_run(dag, history, observations, pruned=pruned, targets=targets)
    return Preview(
        will_run={
            dag.job_id(node): tuple(describe(reason) for reason in reasons)
            for node, reasons in dry.will_run.items()
        },
        may_run={dag.job_id(node): tuple(may.depending_on) for node, may in dry.may_run.items()},
        generators=tuple(dag.job_id(node) for node in dry.generators),
        blocked=tuple(dag.job_id(node) for node in dry.blocked),
        problems={
            dag.job_id(node): seen.reason
            for node, seen in observations.items()
            if isinstance(seen, Unobservable)
        },
    )
