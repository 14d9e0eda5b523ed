"""Driver: runs one pipegraph; it carries out the evaluator's effects, and feeds the results back to it.

The driver decides nothing. The evaluator (`ppg_graph`) decides which jobs to observe, start, record and clean
up, and returns these decisions as *effects*. The driver has the observer, the executor and the recorder do
that work. What happened goes back to the evaluator (`ppg_graph.Succeeded` and others), which returns new
effects, until the run is over. Beside that, the driver publishes what the user may want to see to the
listeners (`ppg.report.events`).

All waiting happens in one place (`_wait`): for the executor, for signals, and for the user at the terminal. A
run can end early in two ways. It *winds down* if no more jobs are to start, and running jobs end as usual. It
*stops* if running jobs are ended, too.
"""

import select
import signal
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import assert_never

import ppg_graph
from ppg.account.failure_report import failure_lines
from ppg.control.commands import Commands
from ppg.control.gc_pause import collected_later
from ppg.control.interrupts import Interrupts
from ppg.control.requests import Requests
from ppg.control.terminal import Terminal
from ppg.engine.cache_keys import CacheKeys
from ppg.engine.cache_watch import CacheWatch
from ppg.engine.cleanup import clean_up
from ppg.engine.consumed_files import ConsumedFiles
from ppg.engine.early_end import EarlyEnd
from ppg.engine.folders_in_work import FoldersInWork
from ppg.engine.in_flight import EndedWell, InFlight
from ppg.engine.node_differences import NodeDifferences
from ppg.engine.run_reads import RunReads
from ppg.exceptions import InternalError, JobContractError, PyPipelineGraphError
from ppg.graph.catalogue import Request
from ppg.graph.declared import DeclaredGraph
from ppg.graph.extension import Extension
from ppg.graph.generated import GeneratedJobs
from ppg.outcomes.outcomes import job_outcome_of
from ppg.outcomes.output_archive import OutputArchive
from ppg.outcomes.run_outcomes import RunOutcomes
from ppg.outcomes.tasks import task_for
from ppg.outcomes.verdicts import Failure, Made, extension_verdict, verdict_of
from ppg.reads.in_graph import ReadsInGraph
from ppg.reads.links import WithoutLinks
from ppg.reads.writes import WritesOfRun
from ppg.report import events
from ppg.report.broadcast import Broadcast
from ppg.result import JobOutcome, JobState, RunResult
from ppg.status.causes import Cause
from ppg.status.observed_before import as_observed_before
from ppg.status.observer import Observer, unusual
from ppg.status.reason_details import ReasonWords
from ppg.status.recorder import Recorder
from ppg.status.same_names import SameNames
from ppg.watch.server import RunWatch
from ppg_exec import Cancelled, Event, Executor, LoadRepeated, NameDiffers, Notice, Outcome, Started
from ppg_graph import Effect, Evaluator, Fingerprint, JobId, NodeId, NodeKind, Record
from ppg_invariants import ObservationInterrupted

__all__ = ["Driver"]

INVARIANT = NodeKind.INVARIANT
"""Looked up once, because under Python 3.11 the look-up takes longer than the comparison."""


class Driver:
    """Driver: runs one pipegraph once.

    Parameters:
        pipegraph: complete and free of cycles.
        recorder: the status store, open for writing.
        executor: runs the jobs; if the run is stopped, the driver closes it.
        interrupts: the signals and commands with which the user stops the run.
        broadcast: publishes the events to the listeners.
        terminal: the terminal for the user's commands.
        watch: other terminals, which see this run.
        request: what the user asks of this run.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        recorder: Recorder,
        executor: Executor,
        interrupts: Interrupts,
        broadcast: Broadcast,
        terminal: Terminal,
        watch: RunWatch,
        request: Request,
    ) -> None:
        graph_of_reads = ReadsInGraph(pipegraph, recorder)
        graph_of_reads.add()
        self._pipegraph = pipegraph
        self._recorder = recorder
        self._executor = executor
        self._interrupts = interrupts
        self._publish = broadcast.publish
        self._observer = Observer(pipegraph, recorder, self._should_stop, self._warn)
        self._fails_fast = request.fail_fast
        self._evaluator = Evaluator(
            pipegraph.dag,
            recorder.history,
            pruned=pipegraph._pruned,
            targets=request.targets,
            until=request.until,
            forced=request.forced,
        )
        writes = WritesOfRun(pipegraph, recorder, self._evaluator, WithoutLinks(pipegraph.root))
        self._folders = FoldersInWork(recorder)
        self._consumed = ConsumedFiles(
            pipegraph, recorder, self._evaluator, writes.culprits, self._should_stop
        )
        self._reads = RunReads(
            pipegraph,
            recorder,
            self._evaluator,
            graph_of_reads,
            self._consumed,
            writes,
            self._warn,
            lambda job: self._cache_keys.unshare(job),  # noqa: PLW0108 (it is made below)
        )
        self._node_differences = NodeDifferences(
            pipegraph, self._consumed, SameNames(pipegraph, self._observer)
        )
        self._ended_well = EndedWell(self._consumed, self._node_differences, lambda: not self._something_runs)
        self._cache_watch = CacheWatch(pipegraph, self._evaluator, self._warn)
        self._cache_keys = CacheKeys(pipegraph, self._evaluator, self._warn, self._reads.read_by_load)
        self._effects: deque[Effect] = deque()
        self._in_flight: dict[NodeId, InFlight] = {}
        self._outcomes = RunOutcomes(pipegraph, self._publish)
        self._archive = OutputArchive()
        # A store that this run has made holds no failures of earlier runs.
        self._reason_words = ReasonWords(recorder, pipegraph.dag, runs_before=recorder.run_id > 1)
        self._is_winding_down = False
        self._commands = Commands(
            pipegraph,
            self._evaluator,
            executor,
            interrupts,
            self._is_with_executor,
            lambda node: node in self._in_flight and self._in_flight[node].has_begun,
            watch.process_of,
            self._outcomes.so_far,
            self._reason_words,
        )
        self._watch = watch
        self._requests = Requests(terminal, watch, self._commands, self._publish)
        self._early_end = EarlyEnd(
            pipegraph,
            self._in_flight,
            self._evaluator,
            executor,
            self._outcomes,
            self._publish,
            self._carry_out_all,
            self._folders.discard,
        )
        self._started_at = time.monotonic()

    def _should_stop(self) -> bool:
        self._watch.serve_sometimes()
        return self._interrupts.received is not None

    def _warn(self, message: str) -> None:
        self._publish(events.Warned(message))

    def run(self) -> None:
        """Run until no work is left, or the user stops the run."""
        kinds = self._pipegraph.dag.kinds
        job_count = sum(kind is not INVARIANT for kind in kinds)
        self._publish(events.RunStarted(self._pipegraph, time.time(), job_count, self._durations))
        with collected_later():
            self._carry_out_all(self._evaluator.start())
        while not self._evaluator.finished and self._interrupts.received is None:
            if not self._is_winding_down and (self._interrupts.winding_down or self._has_failed_fast):
                self._wind_down()
                continue
            if not self._something_runs:
                raise InternalError("The run has work left, but nothing runs")
            self._wait()
        if not self._evaluator.finished:
            self._stop()

    def result(self) -> RunResult:
        """Return the result so far; jobs without a final state count as not done."""
        duration = time.monotonic() - self._started_at
        ended_by = self._interrupts.received
        result = self._outcomes.result(self._evaluator.states(), duration, ended_by)
        by_user = self._is_winding_down and (self._interrupts.winding_down or not self._has_failed_fast)
        if by_user and ended_by is None and result.in_state(JobState.NOT_DONE):
            result.interrupted_by = signal.SIGINT
        return result

    @property
    def _has_failed_fast(self) -> bool:
        return self._fails_fast and self._outcomes.any_failed

    # -- waiting ---------------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Sleep until the executor, a signal, the terminal or the recorder needs attention, and handle it."""
        poller = select.poll()
        poller.register(self._executor.fileno(), select.POLLIN)
        poller.register(self._interrupts.fileno(), select.POLLIN)
        dues = (
            self._requests.register(poller),
            self._recorder.seconds_until_due,
            self._ended_well.seconds_until_due,
        )
        due = min((seconds for seconds in dues if seconds is not None), default=None)
        ready = {descriptor for descriptor, _ in poller.poll(None if due is None else due * 1000)}
        self._requests.handle(ready)
        if self._interrupts.fileno() in ready:
            self._interrupts.drain()
            if self._interrupts.suspended:
                self._suspend()
        for report in self._executor.poll(0):
            if isinstance(report, Started) and self._ended_well.is_due:
                # The job that ended on this core is published before the job that starts on it.
                self._check_ended()
            self._handle(report)
        if self._ended_well.is_due:
            self._check_ended()
        self._recorder.commit_if_due()

    def _handle(self, report: Event) -> None:
        match report:
            case Started(key, pid, when, machine):
                flight = self._in_flight[self._pipegraph.job(key)._node]
                flight.has_begun = True
                self._reads.begins(flight.job)
                self._publish(events.JobStarted(key, pid, when, machine))
            case Outcome():
                self._job_ended(report)
            case LoadRepeated() | NameDiffers():
                if (problem := self._node_differences.take(report)) is not None:
                    self._warn(problem)
            case Notice(message):
                self._publish(events.Warned(message))
            case _:
                assert_never(report)

    # -- jobs that end -----------------------------------------------------------------------------------

    def _job_ended(self, outcome: Outcome) -> None:
        job = self._pipegraph.job(outcome.key)
        node = job._node
        flight = self._in_flight[node]
        flight.with_executor = False
        flight.uses, flight.uses_incomplete = outcome.uses, outcome.uses_incomplete
        self._reads.ended(flight)
        for warning in outcome.warnings:
            self._publish(events.Warned(f"'{job.job_id}': {warning}"))
        if isinstance(outcome.end, Cancelled) and job.job_id not in self._commands.killed:
            if flight.has_begun:
                # An inline job ends with the signal before the loop reads it; it must block no other job.
                self._carry_out_all(self._evaluator.handle(ppg_graph.Stopped()))
            self._early_end.discard(node)
            return
        job_outcome = job_outcome_of(outcome, self._reasons(node), self._archive, has_begun=flight.has_begun)
        verdict = self._node_differences.explained(job, verdict_of(job, outcome, self._recorder.run_id))
        if not isinstance(verdict, Failure):
            flight.success, flight.job_outcome = verdict, job_outcome
            self._ended_well.add(flight)
        elif (cache := self._cache_watch.unusable(job, verdict.exception)) is not None:
            del self._in_flight[node]
            self._carry_out_all(self._evaluator.handle(ppg_graph.LeftoverRejected(node, cache)))
        else:
            self._reads.failed(flight)
            self._carry_out_all(self._job_failed(flight, verdict, job_outcome))

    def _check_ended(self) -> None:
        """Hand over the jobs that have ended well; those of them that read a changed file, or lost data, fail."""
        try:
            checked = self._ended_well.take()
        except ObservationInterrupted:
            # The user stops the run while a large file is hashed; these jobs count as never started.
            return
        for flight, error in checked:
            if error is None:
                reads = self._reads.of(flight)
            else:
                reads = error
                self._reads.failed(flight)
            if not isinstance(reads, PyPipelineGraphError):
                self._job_succeeded(flight, reads)
                continue
            assert flight.job_outcome is not None
            self._carry_out_all(self._job_failed(flight, Failure(reads), flight.job_outcome))
            if flight.job.kind is NodeKind.LOAD:
                self._clean_up(flight.job._node)

    def _job_succeeded(self, flight: InFlight, reads: Mapping[JobId, Fingerprint]) -> None:
        job, success, job_outcome = flight.job, flight.success, flight.job_outcome
        assert success is not None
        assert job_outcome is not None
        if isinstance(success, GeneratedJobs):
            extension = extension_verdict(job, success)
            if isinstance(extension, Failure):
                self._carry_out_all(self._job_failed(flight, extension, job_outcome))
                return
            flight.success = extension = self._reads.extended(extension)
            self._outcomes.keep(job_outcome)
            self._carry_out_all(self._evaluator.handle(replace(extension.event, reads=reads)))
        else:
            assert isinstance(success, Made)
            self._cache_keys.ended(job, success)
            if success.taken:
                job_outcome = replace(job_outcome, taken_from_cache=True)
            flight.job_outcome = job_outcome
            self._outcomes.keep(job_outcome)
            outputs = as_observed_before(job, success.outputs, self._recorder)
            self._consumed.made(outputs.files, elsewhere=bool(job_outcome.machine))
            self._reads.made(job)
            succeeded = ppg_graph.Succeeded(job._node, outputs.fingerprint, outputs.parts, reads)
            effects = self._evaluator.handle(succeeded)
            self._publish(events.JobFinished(job.job_id, job_outcome))
            self._carry_out_all(effects)
        del self._in_flight[job._node]

    def _job_failed(self, flight: InFlight, failure: Failure, job_outcome: JobOutcome) -> Sequence[Effect]:
        """Publish and record a failure; return the effects that follow."""
        job = flight.job
        del self._in_flight[job._node]
        job_outcome = self._outcomes.failed(job, job_outcome, failure.exception, failure.traceback)
        # If the job never began, its files are the result of an earlier run and must stay.
        problems = self._folders.discard(job) if flight.has_begun else []
        report = "\n".join(failure_lines(job_outcome))
        self._recorder.ran(job_outcome, self._evaluator.reasons(job._node), report)
        self._publish(events.JobFailed(job.job_id, job_outcome))
        for problem in problems:
            self._publish(events.Warned(problem))
        return self._evaluator.handle(ppg_graph.Failed(job._node))

    @property
    def _something_runs(self) -> bool:
        return any(flight.with_executor for flight in self._in_flight.values())

    def _is_with_executor(self, node: NodeId) -> bool:
        flight = self._in_flight.get(node)
        return flight is not None and flight.with_executor

    def _reasons(self, node: NodeId) -> tuple[str, ...]:
        return self._reason_words.sentences(self._pipegraph.dag.job_id(node), self._evaluator.reasons(node))

    def _durations(self) -> Mapping[str, float]:
        return self._recorder.durations  # type: ignore[return-value]

    @cached_property
    def _priorities(self) -> Sequence[float]:
        """Seconds of the longest path that remains from each node; computed only if a job runs."""
        return ppg_graph.longest_remaining(self._pipegraph.dag, self._recorder.durations)

    # -- effects -----------------------------------------------------------------------------------------

    def _carry_out_all(self, effects: Iterable[Effect]) -> None:
        """Carry out effects, and the effects that follow from them, in order."""
        self._effects.extend(effects)
        while self._effects:
            self._carry_out(self._effects.popleft())

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case ppg_graph.Observe(nodes):
                self._observe(nodes)
            case ppg_graph.Start(node, reasons):
                self._start(node, self._reason_words.causes(self._pipegraph.dag.job_id(node), reasons))
            case ppg_graph.Skip(nodes, why):
                self._outcomes.skipped(nodes, why)
            case ppg_graph.Block(nodes, cause):
                self._outcomes.blocked(nodes, cause)
            case ppg_graph.Commit(node, record):
                self._commit(self._in_flight[node], record)
            case ppg_graph.Forget(node):
                self._reads.forget(self._pipegraph._job_at(node))
            case ppg_graph.NonDeterministic(node):
                self._publish(
                    events.Warned(
                        f"'{self._pipegraph._job_at(node).job_id}' made other bytes from the same inputs; "
                        "its downstream jobs do not run again because of that"
                    )
                )
            case ppg_graph.CleanUp(node):
                self._clean_up(node)
            case ppg_graph.Extended(generator, nodes):
                self._extended(generator, nodes)
            case ppg_graph.Rejected(generator, message):
                self._generated_rejected(generator, message)
            case _:
                assert_never(effect)

    def _start(self, node: NodeId, causes: tuple[Cause, ...]) -> None:
        job = self._pipegraph._job_at(node)
        reasons = tuple(cause.text for cause in causes)
        flight = self._in_flight[node] = InFlight(job)
        self._cache_watch.starting(job)
        self._publish(events.JobQueued(job.job_id, reasons, causes))
        try:
            self._consumed.require_unchanged(job)
            self._folders.starts(job)
            use = self._cache_keys.use_of(job)
            if use is not None:
                use = use._replace(consumed=tuple(self._consumed.stats(node)))
            needs = self._loads_above(node)
            awaits = self._consumed.awaited(node)
            task = task_for(job, self._priorities[node], use, self._reads.tracking_of(job), needs, awaits)
        except ObservationInterrupted:
            # The user stops the run; `run` handles that next, and the job never began.
            flight.with_executor = False
        except PyPipelineGraphError as error:
            job_outcome = JobOutcome(job.job_id, JobState.FAILED, reasons=reasons)
            self._effects.extend(self._job_failed(flight, Failure(error), job_outcome))
        else:
            self._node_differences.names.watch(self._executor)
            self._executor.submit(task)

    def _loads_above(self, node: NodeId) -> tuple[str, ...]:
        """The loads of which a job uses the data. Each machine repeats those that its jobs need."""
        if not self._loads:
            return ()
        dag = self._pipegraph.dag
        return tuple(map(dag.job_id, sorted(self._loads.intersection(dag.upstreams(node)))))

    @cached_property
    def _loads(self) -> frozenset[NodeId]:
        """The nodes of all loads."""
        kinds = enumerate(self._pipegraph.dag.kinds)
        return frozenset(NodeId(node) for node, kind in kinds if kind is NodeKind.LOAD)

    def _commit(self, flight: InFlight, record: Record) -> None:
        """Record a success; publish that of a generator."""
        success, job_outcome = flight.success, flight.job_outcome
        assert success is not None
        assert job_outcome is not None
        job_id = flight.job.job_id
        files = success.outputs.files if isinstance(success, Made) else {}
        self._folders.succeeded(flight.job)
        self._recorder.succeeded(
            job_id, self._observer.with_ignored_code(flight.job, record), files, job_outcome
        )
        self._recorder.ran(job_outcome, self._evaluator.reasons(flight.job._node))
        self._reads.recorded(flight.job)
        if isinstance(success, Extension):
            # Only now, because the evaluator could still have rejected the jobs that the generator declared.
            self._recorder.generated(job_id, success)
            self._publish(events.JobFinished(job_id, job_outcome))

    def _extended(self, generator: NodeId, nodes: Sequence[NodeId]) -> None:
        """Add the jobs that a generator declared to the pipegraph, with the nodes that the evaluator gave them."""
        flight = self._in_flight[generator]
        assert isinstance(flight.success, Extension)
        self._pipegraph._take_generated(flight.success.jobs, nodes)
        # Longer paths may lead through the new jobs.
        self.__dict__.pop("_priorities", None)
        self.__dict__.pop("_loads", None)
        self._publish(events.GraphExtended(flight.job.job_id, self._outcomes.working_ids(nodes)))

    def _generated_rejected(self, generator: NodeId, message: str) -> None:
        """Publish that a generator failed because its jobs do not fit the graph; none of them was added."""
        flight = self._in_flight[generator]
        assert flight.job_outcome is not None
        job_outcome = self._outcomes.failed(flight.job, flight.job_outcome, JobContractError(message))
        report = "\n".join(failure_lines(job_outcome))
        self._recorder.ran(job_outcome, self._evaluator.reasons(generator), report)
        self._publish(events.JobFailed(job_outcome.job_id, job_outcome))

    def _clean_up(self, node: NodeId) -> None:
        """Remove the temporary files or unload the data of a job, because its downstream jobs are done."""
        for problem in clean_up(self._pipegraph._job_at(node), self._executor):
            self._publish(events.Warned(problem))

    def _observe(self, nodes: Iterable[NodeId]) -> None:
        try:
            observations = self._observer.observe(nodes)
        except ObservationInterrupted:
            # The user stops the run; `run` handles that next.
            return
        notable = unusual(observations)
        for node, observation in notable.items():
            if isinstance(observation, ppg_graph.Unobservable):
                self._outcomes.unobservable(self._pipegraph._job_at(node), observation.reason)
        self._cache_watch.observed(notable)
        if self._recorder.has_changed_invariants:
            # A changed invariant makes a task likely, so a process starts while the other jobs are observed.
            self._executor.prepare()
        self._effects.extend(self._evaluator.handle(ppg_graph.Observed(observations)))

    def _suspend(self) -> None:
        """Handle Ctrl-Z: pause the jobs, which are in other sessions, while this process is stopped."""
        self._interrupts.suspended = False
        self._executor.pause()
        self._publish(events.RunSuspended())
        signal.raise_signal(signal.SIGSTOP)
        self._publish(events.RunResumed())
        self._executor.resume()

    # -- stopping ----------------------------------------------------------------------------------------

    def _wind_down(self) -> None:
        """Start no more jobs; running jobs continue to their end and are recorded as usual."""
        self._is_winding_down = True
        self._early_end.cancel_waiting()

    def _stop(self) -> None:
        """End the running jobs; finished jobs stay recorded, unfinished ones count as never started."""
        assert self._interrupts.received is not None
        self._publish(events.RunStopping(self._interrupts.received))
        self._carry_out_all(self._evaluator.handle(ppg_graph.Stopped()))
        self._check_ended()
        self._early_end.discard_all()

    def abandon(self) -> int:
        """End the running jobs and remove their partial outputs after an error; return their number."""
        return self._early_end.abandon()
