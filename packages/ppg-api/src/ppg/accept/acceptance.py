"""Acceptance: records existing outputs as if the jobs had just made them, for results made before their jobs.

The user claims that the files are what the jobs would make; ppg cannot check that. So by default only outputs
without a record are accepted, because they contradict no record. The user must ask for an output in three
cases: its record no longer holds, its job failed, or the file may be incomplete because a run was killed.
`ppg.accept.takeover` decides which outputs can be accepted.

All decisions are made before anything is written. A signal during the decisions ends them, and nothing is
accepted. A signal during the writing takes effect after the writing is complete, which takes no longer than
at the end of a run.
"""

import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ppg.accept.takeover import Changed, NotMade, Refused, Taken, TakeOver, UpToDate
from ppg.control.interrupts import Interrupts
from ppg.exceptions import PyPipelineGraphError
from ppg.graph.declared import DeclaredGraph
from ppg.inspect.forecast import ReadOnlyHistory, read_only_history
from ppg.jobs.job import Job
from ppg.paths import PathLike
from ppg.status.run_notes import note_accepted
from ppg.text import counted
from ppg_graph import JobId, NodeKind
from ppg_invariants import (
    ObservationInterrupted,
    RunEnd,
    StatusStore,
    StoreDamagedWarning,
    StoredObservation,
    StoredRecord,
    StoreError,
)

__all__ = ["Acceptance", "acceptance_of"]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Acceptance: the jobs that were accepted, and those that were not.

    The groups contain job ids, in the order of declaration; each job is in one group only.

        Path("kept.txt").write_text("made long ago")
        ppg.file("kept.txt")(lambda out: out.write_text("new"))
        acceptance = ppg.current_pipegraph().accept()
        assert list(acceptance.accepted) == ["kept.txt"]
        assert ppg.run().ran == []

    Attributes:
        accepted: the jobs with files that count as made now, and the reasons in words why they would have
            run.
        refused: the jobs that were asked for and cannot be accepted, with the reason.
        changed: the jobs with a record that no longer holds, which were not asked for, with the reasons in
            words.
        not_made: the jobs that have no output yet.
        up_to_date: the jobs that were named and have a record that holds.
        generators: the generators; the outputs of the jobs that they make are never accepted.
        dry_run: whether nothing was written.
    """

    accepted: Mapping[str, tuple[str, ...]]
    refused: Mapping[str, str]
    changed: Mapping[str, tuple[str, ...]]
    not_made: tuple[str, ...]
    up_to_date: tuple[str, ...]
    generators: tuple[str, ...]
    dry_run: bool

    @property
    def is_complete(self) -> bool:
        """Whether nothing was refused."""
        return not self.refused


def acceptance_of(
    pipegraph: DeclaredGraph,
    jobs: Iterable[Job | PathLike] | None = None,
    *,
    changed: bool = False,
    dry_run: bool = False,
) -> Acceptance:
    """Accept outputs of a complete graph; the parameters and errors are those of `Pipegraph.accept`."""
    if isinstance(jobs, (str, os.PathLike, Job)):
        raise TypeError(f"jobs must be a list of jobs and files, not {jobs!r}")
    named = None if jobs is None else list(jobs)
    acceptance = None
    with Interrupts() as interrupts:

        def should_stop() -> bool:
            if interrupts.suspended:
                # Ctrl-Z: no job runs that would have to pause as well.
                interrupts.suspended = False
                signal.raise_signal(signal.SIGSTOP)
            return interrupts.received is not None

        def decided(memory: ReadOnlyHistory) -> TakeOver:
            takeover = TakeOver(pipegraph, memory, named, changed, should_stop)
            takeover.decide()
            if should_stop():
                raise ObservationInterrupted
            return takeover

        try:
            if dry_run:
                with read_only_history(pipegraph.status_path) as memory:
                    acceptance = _describe(pipegraph, decided(memory), dry_run)
            else:
                with StatusStore.open(pipegraph.status_path) as store:
                    noticing = _Noticing(store)
                    takeover = decided(noticing)
                    _write(store, noticing, takeover)
                    acceptance = _describe(pipegraph, takeover, dry_run)
        except ObservationInterrupted:
            # `_deliver` below raises the signal again, with the handlers restored.
            assert interrupts.received is not None
        except (StoreError, StoreDamagedWarning) as error:
            raise PyPipelineGraphError(str(error)) from error
    if interrupts.received is not None:
        _deliver(interrupts.received, acceptance)
    if acceptance is None:
        raise KeyboardInterrupt
    return acceptance


def _deliver(number: int, acceptance: Acceptance | None) -> None:
    """Raise a signal again with its usual effect; a note of KeyboardInterrupt counts the accepted jobs."""
    try:
        signal.raise_signal(number)
    except KeyboardInterrupt as interrupt:
        if acceptance is not None and acceptance.accepted and not acceptance.dry_run:
            interrupt.add_note(f"{counted(len(acceptance.accepted), 'job')} had been accepted already")
        raise


class _Noticing(ReadOnlyHistory):
    """History for an acceptance: keeps the observations, which are written after all decisions."""

    def __init__(self, store: StatusStore) -> None:
        super().__init__(store)
        self.noticed: dict[JobId, StoredObservation] = {}

    def saw(self, job_id: JobId, observation: StoredObservation) -> None:
        """Keep the observation until `_write`."""
        super().saw(job_id, observation)
        self.noticed[job_id] = observation


def _write(store: StatusStore, memory: _Noticing, takeover: TakeOver) -> None:
    accepted = {node: verdict for node, verdict in takeover.verdicts.items() if isinstance(verdict, Taken)}
    if not accepted:
        return
    run_id = store.begin_run({"accepted": len(accepted)})
    for job_id, observation in memory.noticed.items():
        store.remember(job_id, observation)
    now = time.time()
    for node, taken in accepted.items():
        job_id = takeover.dag.job_id(node)
        store.put(job_id, StoredRecord(taken.record, taken.files, finished=now))
        note_accepted(store, run_id, job_id, taken.reasons)
    store.end_run(run_id, RunEnd.DONE)


def _describe(pipegraph: DeclaredGraph, takeover: TakeOver, dry_run: bool) -> Acceptance:
    """Acceptance with the verdicts, by group and in words."""
    verdicts = [(takeover.dag.job_id(node), verdict) for node, verdict in sorted(takeover.verdicts.items())]
    return Acceptance(
        accepted={
            job_id: takeover.words.sentences(job_id, verdict.reasons)
            for job_id, verdict in verdicts
            if isinstance(verdict, Taken)
        },
        refused={job_id: verdict.why for job_id, verdict in verdicts if isinstance(verdict, Refused)},
        changed={
            job_id: takeover.words.sentences(job_id, verdict.reasons)
            for job_id, verdict in verdicts
            if isinstance(verdict, Changed)
        },
        not_made=tuple(job_id for job_id, verdict in verdicts if isinstance(verdict, NotMade)),
        up_to_date=tuple(job_id for job_id, verdict in verdicts if isinstance(verdict, UpToDate)),
        generators=tuple(job.job_id for job in pipegraph if job.kind is NodeKind.GENERATOR),
        dry_run=dry_run,
    )
