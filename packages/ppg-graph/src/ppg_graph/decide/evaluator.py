"""Evaluator: decides which jobs must run, and why. It takes events and returns effects."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import assert_never

from ppg_graph.decide.admission import Admission
from ppg_graph.decide.consistency import check_consistency
from ppg_graph.decide.explanation import Explanation, explain
from ppg_graph.decide.extension import extend, plan_extension
from ppg_graph.decide.propagation import Propagation
from ppg_graph.decide.run_state import InternalError, RunState
from ppg_graph.decide.staleness import reasons_to_run
from ppg_graph.model.dag import Dag
from ppg_graph.model.ids import Fingerprint, JobId, NodeId, NodeKind
from ppg_graph.model.parts import lacking_parts
from ppg_graph.model.reads import is_read
from ppg_graph.model.records import Record, combine
from ppg_graph.protocol.effects import (
    Commit,
    Effect,
    Forget,
    NonDeterministic,
    Observe,
    Rejected,
    Skip,
    SkipReason,
)
from ppg_graph.protocol.events import (
    Cancelled,
    Event,
    Failed,
    Files,
    Generated,
    LeftoverRejected,
    Observation,
    Observed,
    Stopped,
    Succeeded,
    Unobservable,
)
from ppg_graph.protocol.reasons import Reason
from ppg_graph.protocol.states import NodeState

__all__ = ["Evaluator", "ProtocolError"]

_INVARIANT = NodeKind.INVARIANT
_WAITING, _DUE, _STARTED = NodeState.WAITING, NodeState.DUE, NodeState.STARTED


class ProtocolError(Exception):
    """The driver reported something impossible, such as the success of a job that was not started."""


class Evaluator:
    """Evaluator: decides which jobs of one run must run, as a state machine.

    `start` and `handle` return effects for the driver, which answers with events until `finished`. The
    evaluator does no IO and reads no clock. The same events give the same effects.

    **When does a job run?** A job must run if its upstreams differ from those that its last success consumed.
    The record has what that success consumed: the fingerprint of every direct upstream. A job is *clean* if
    the fingerprints of its upstreams equal those of the record: same set, same values. The fingerprint of a
    clean job is the one in its record, known without a run. So decisions go downstream from what can be
    observed, and stop where nothing changed. If a job runs and its fingerprint is the same as before, the
    jobs downstream of it are clean.

    The kinds of job differ in what else makes them run (`NodeKind`):

    - An OUTPUT also runs if its files on disk are not as its record says.
    - A LAZY job makes files that other jobs need for a while, so missing files are no reason to run. It runs
      if a job directly downstream must run and needs the files (the LAZY job is *demanded*). It also runs if
      it is not clean and an OUTPUT or GENERATOR downstream, at any distance, cannot be decided without its
      new content.
    - A LOAD runs if it is demanded. Its fingerprint derives from its upstreams', so no decision needs a load.
    - A GENERATOR always runs. It may add jobs and edges, and all jobs downstream wait for it.
    - An INVARIANT never runs. It is observed if a job needs it.

    **When does a job start?** It starts when every upstream's fingerprint is known and every LAZY or LOAD job
    directly upstream is there. Demand goes out earlier. The first known reason makes a job *due*, and demands
    the LAZY and LOAD jobs directly upstream, and so on upwards. Reasons never go away. `UpstreamRemoved` could,
    so it does not count while a generator may still add that edge. Only a failure can undo a due job.

    **What if a job fails?** Its record is removed, unless it is a LOAD. If its fingerprint is unknown, no job downstream of it can
    be decided, and all of them are blocked. A LAZY or LOAD job that only had to be made again has a
    fingerprint. Jobs that need no more than that fingerprint go on, and only the jobs that must run without
    its files or data are blocked. So the same OUTPUTs are built, skipped, failed and blocked, in whatever
    order jobs complete. A blocked job withdraws its demand and its need, so that no job runs for it in vain.

    **What is removed?** The files of a LAZY job are removed when every job directly downstream has released them.
    A job releases them when it is settled. A LOAD keeps them until no job needs its data any more, because
    another process may have to load again. The files stay if one of these jobs failed, is blocked or was aborted.
    The data of a LOAD is removed in any case when every job directly downstream is settled. Intact files of a
    clean LAZY job from an earlier run are used. They are removed like others, but only after every generator has
    run, because they may have been kept for a generated job. A target is never removed, nor are the files of a
    job that keeps them (`Dag.add_node`): a cache.

    **What if an intact leftover is unusable?** Only a job that was started with it can find out. The driver
    then sends `LeftoverRejected` instead of `Failed`. The files count as missing and are demanded, and the
    job is due again.

    **Generators** may add jobs, and edges into jobs downstream of them. Those jobs are undecided, because
    they wait for the generator. Either all that a generator made is added, or nothing is added and the
    generator has failed. New jobs can change old ones: an unneeded job becomes needed, and a removed LAZY job
    runs again.

    **Records** are committed when a job succeeds. A clean LAZY job that runs again keeps its recorded
    fingerprint, because its downstream jobs are clean by it. If its new content differs, the effect
    `NonDeterministic` reports that.

    **Taking part.** Pruned jobs and all jobs downstream of them take no part. If targets are given, only
    these take part, with all jobs upstream of them and the jobs that a targeted generator makes. The user
    demands LAZY and LOAD targets. A run *until* a job is one in which all jobs downstream of it are pruned, and
    the user demands the job itself. The record of a *forced* job does not hold, so the job runs as
    if an input had changed. A LAZY job still runs only if a job downstream needs its content. With targets, the jobs of both
    kinds are targets, too.

    Raises ProtocolError if the driver reports something impossible, and InternalError on a bug in ppg_graph.
    After either error the evaluator is not usable.
    """

    __slots__ = ("_admission", "_awaited", "_check", "_closed", "_flow", "_run_state")

    def __init__(
        self,
        dag: Dag,
        history: Mapping[JobId, Record],
        *,
        pruned: Collection[NodeId] = (),
        targets: Collection[NodeId] | None = None,
        until: Collection[NodeId] = (),
        forced: Collection[NodeId] = (),
        check: bool = False,
    ) -> None:
        """Prepare the decisions of one run.

        - dag: the graph, which must not have a cycle. Only generators may add to it during the run.
        - history: the records of earlier runs, by job id; records of jobs outside the graph are ignored
        - pruned: jobs that take no part in this run, and neither do the jobs downstream of them
        - targets: the only jobs to bring up to date, with all jobs upstream of them; None: all jobs
        - until: jobs with which the run ends: the jobs downstream of them take no part, and LAZY ones are kept
        - forced: OUTPUT and LAZY jobs with a record that does not hold in this run; other kinds ignore it
        - check: check the whole run state after every event (slow, for tests)
        """
        self._run_state = RunState(dag, history)
        self._flow = Propagation(self._run_state)
        self._admission = Admission(self._run_state, self._flow, pruned, targets, until, forced)
        self._check = check
        self._awaited = 0
        self._closed = False

    # -- for the driver

    def start(self) -> list[Effect]:
        """Begin the run. Returns the first effects. If no job takes part, the run is `finished` at once."""
        self._admission.begin()
        return self._flush()

    def handle(self, event: Event) -> list[Effect]:
        """Take an event, and return the effects that follow from it."""
        if self._closed:
            if isinstance(event, Stopped) or (isinstance(event, Observed) and self._flow.stopped):
                return []  # the event crossed with the end of the run
            raise ProtocolError(f"the run is over: {event}")
        match event:
            case Observed(observations):
                self._observed(observations)
            case Succeeded():
                self._succeeded(event)
            case Generated():
                self._generated(event)
            case Failed(node):
                self._expect_started(node)
                self._fail(node)
            case LeftoverRejected(node, upstream):
                self._unusable(node, upstream)
            case Cancelled(node):
                self._cancelled(node)
            case Stopped():
                self._stopped()
            case _:
                assert_never(event)
        return self._flush()

    @property
    def finished(self) -> bool:
        """Whether the run is over: the evaluator expects no more events."""
        return self._closed

    # -- questions

    def state(self, node: NodeId) -> NodeState:
        """State of a job."""
        return self._run_state.state[node]

    def states(self) -> Sequence[NodeState]:
        """States of all jobs, by node. The caller must not change them."""
        return self._run_state.state

    def fingerprint(self, node: NodeId) -> Fingerprint | None:
        """Fingerprint of a job; None as long as it is unknown."""
        return self._run_state.fingerprint[node]

    def inputs(self, node: NodeId) -> Mapping[JobId, Fingerprint]:
        """Fingerprints that the job consumes, by job id. All must be known, which holds when the job starts."""
        return self._run_state.inputs(node)

    def reasons(self, node: NodeId) -> tuple[Reason, ...]:
        """Reasons why the job ran, runs or is due; empty for any other job."""
        run_state = self._run_state
        if run_state.state[node] is _DUE:
            return reasons_to_run(run_state, node)
        return run_state.reasons.get(node, ())

    def explain(self, node: NodeId) -> Explanation:
        """Explain the decision about the job."""
        return explain(self._run_state, node, self.reasons(node))

    # -- events

    def _observed(self, observations: Mapping[NodeId, Observation]) -> None:
        run_state, flow, kinds, awaited = (
            self._run_state,
            self._flow,
            self._run_state.kinds,
            self._run_state.awaited,
        )
        for node in sorted(observations):
            if not 0 <= node < len(kinds) or not awaited[node]:
                raise ProtocolError(f"the evaluator waits for no observation of node {node}")
            awaited[node] = 0
            self._awaited -= 1
            observation = observations[node]
            if kinds[node] is _INVARIANT:
                if isinstance(observation, (bytes, Unobservable)):
                    flow.invariant_observed(node, observation)
                    continue
            elif isinstance(observation, Files):
                flow.files_observed(node, observation)
                continue
            raise ProtocolError(f"{run_state.dag.job_id(node)!r} cannot be observed as {observation!r}")

    def _succeeded(self, event: Succeeded) -> None:
        run_state, node, fingerprint, parts = self._run_state, event.node, event.fingerprint, event.parts
        self._expect_started(node)
        kind = run_state.dag.kind(node)
        if kind is NodeKind.GENERATOR:
            raise ProtocolError(
                f"generator {run_state.dag.job_id(node)!r}: its success is reported as Generated"
            )
        unknown = lacking_parts(run_state.dag.wanted_parts(node), parts)
        if unknown:
            raise ProtocolError(f"{run_state.dag.job_id(node)!r} succeeded without {sorted(unknown)}")
        again, reads = run_state.fingerprint[node], event.reads
        if again is None:
            run_state.fingerprint[node] = fingerprint
            if parts:
                run_state.parts[node] = parts
        elif kind is NodeKind.LOAD:
            run_state.fingerprint[node] = self._loaded(node, again, reads)
        elif again != fingerprint and self._has_read_otherwise(node, reads):
            reads = self._reads_behind(
                node
            )  # the next run compares these, and makes the files for all jobs downstream
        elif again != fingerprint:
            self._flow.effects.append(NonDeterministic(node))
        if run_state.is_lazy[node]:
            run_state.reads[node] = reads
        run_state.present[node] = run_state.is_lazy[node]
        run_state.stale[node] = 0
        run_state.ran[node] = 1
        run_state.move(node, NodeState.DONE)
        self._commit(node, reads)
        if again is None:
            run_state.published.append(node)
        else:
            self._flow.arrive(node)

    def _generated(self, event: Generated) -> None:
        run_state, node = self._run_state, event.generator
        self._expect_started(node)
        if run_state.dag.kind(node) is not NodeKind.GENERATOR:
            raise ProtocolError(f"{run_state.dag.job_id(node)!r} is no generator")
        plan = plan_extension(run_state, event)
        if isinstance(plan, str):
            self._flow.effects.append(Rejected(node, plan))
            self._fail(node)
            return
        record = Record(NodeKind.GENERATOR, event.fingerprint, self._consumed(node, event.reads))
        self._flow.effects.append(Commit(node, record))
        extend(self._admission, plan)
        run_state.fingerprint[node] = event.fingerprint
        run_state.move(node, NodeState.DONE)
        run_state.published.append(node)

    def _fail(self, node: NodeId) -> None:
        run_state = self._run_state
        run_state.move(node, NodeState.FAILED)
        if run_state.dag.kind(node) is not NodeKind.LOAD:
            # The record of a LOAD is no reason to skip it. Without its reads, the next run could take an edited file
            # for the one that its consumers know.
            self._flow.effects.append(Forget(node))
        self._flow.spread(node)

    def _cancelled(self, node: NodeId) -> None:
        self._expect_started(node)
        self._run_state.move(node, NodeState.ABORTED)
        self._flow.spread(node, NodeState.ABORTED)

    def _unusable(self, node: NodeId, upstream: NodeId) -> None:
        run_state, flow = self._run_state, self._flow
        self._expect_started(node)
        if run_state.dag.kind(upstream) is not NodeKind.LAZY or not run_state.dag.has_edge(upstream, node):
            raise ProtocolError(f"{run_state.dag.job_id(node)!r} uses no files of node {upstream}")
        if run_state.present[upstream] and not run_state.ran[upstream]:
            run_state.present[upstream] = 0
            run_state.absent[upstream] = 1
            run_state.rejected_leftovers.add(upstream)
            run_state.recheck.append(upstream)
            for downstream in run_state.dag.downstreams(upstream):
                if run_state.state[downstream] is _DUE:
                    run_state.missing_inputs[downstream] += 1
        if flow.stopped:
            run_state.move(node, NodeState.ABORTED)
            flow.spread(node, NodeState.ABORTED)
            return
        run_state.move(node, _DUE)
        run_state.missing_inputs[node] = sum(
            not run_state.is_there(other) for other in run_state.lazy_upstreams(node)
        )
        run_state.recheck.append(node)

    def _stopped(self) -> None:
        run_state = self._run_state
        self._flow.stopped = True
        # The list is complete before the first move, because a move withdraws the need for jobs upstream.
        undecided = [
            NodeId(node)
            for node, state in enumerate(run_state.state)
            if state is _DUE or (state is _WAITING and (run_state.is_source[node] or run_state.needs[node]))
        ]
        for node in undecided:
            run_state.move(node, NodeState.ABORTED)

    # -- the rest of a step

    def _expect_started(self, node: NodeId) -> None:
        if not 0 <= node < len(self._run_state.state) or self._run_state.state[node] is not _STARTED:
            raise ProtocolError(f"node {node} was not started")

    def _consumed(self, node: NodeId, reads: Mapping[JobId, Fingerprint]) -> dict[JobId, Fingerprint]:
        """What the job has consumed: its declared upstreams, and what it read beside them in this run."""
        inputs = self._run_state.inputs(node)
        declared = {job_id: seen for job_id, seen in inputs.items() if not is_read(job_id)}
        return {**declared, **reads}

    def _loaded(self, node: NodeId, known: Fingerprint, reads: Mapping[JobId, Fingerprint]) -> Fingerprint:
        """Fingerprint of a LOAD that ran: the known one if its record holds, else made of all that it consumed.

        The known one is made of the reads of former runs. Jobs downstream record what the load has read now.
        """
        record = self._run_state.history.get(self._run_state.dag.job_id(node))
        holds = record is not None and record.kind is NodeKind.LOAD and record.fingerprint == known
        if holds and not self._has_read_otherwise(node, reads):
            return known
        return combine(self._consumed(node, reads).items())

    def _has_read_otherwise(self, node: NodeId, reads: Mapping[JobId, Fingerprint]) -> bool:
        """Whether a job that runs again found other content than the success behind its fingerprint."""
        return any(reads.get(job_id, old) != old for job_id, old in self._reads_behind(node).items())

    def _reads_behind(self, node: NodeId) -> Mapping[JobId, Fingerprint]:
        """What a LAZY or LOAD job read in the success that its fingerprint is from: in this run, or in its record."""
        run_state = self._run_state
        if node in run_state.reads:
            return run_state.reads[node]
        record = run_state.history.get(run_state.dag.job_id(node))
        return (
            {} if record is None else {name: old for name, old in record.upstreams.items() if is_read(name)}
        )

    def _commit(self, node: NodeId, reads: Mapping[JobId, Fingerprint]) -> None:
        run_state = self._run_state
        fingerprint = run_state.fingerprint[node]
        if fingerprint is None:
            raise InternalError(f"{run_state.dag.job_id(node)!r} succeeded without a fingerprint")
        consumed = self._consumed(node, reads)
        record = Record(run_state.dag.kind(node), fingerprint, consumed, run_state.parts.get(node, {}))
        self._flow.effects.append(Commit(node, record))

    def _flush(self) -> list[Effect]:
        flow, run_state = self._flow, self._run_state
        flow.run()
        observe = self._admission.take_observations()
        if observe:
            self._awaited += len(observe)
            flow.effects.append(Observe(observe))
        if flow.skipped:
            flow.effects.append(Skip(tuple(flow.skipped), SkipReason.CLEAN))
            flow.skipped = []
        if not run_state.started and (flow.stopped or not self._awaited):
            self._close()
        if self._check:
            check_consistency(run_state, flow, finished=self._closed)
        effects, flow.effects = flow.effects, []
        return effects

    def _close(self) -> None:
        """End the run, and report the lazy jobs that did not run. No generator can demand them any more."""
        run_state = self._run_state
        self._closed = True
        clean: list[NodeId] = []
        not_needed: list[NodeId] = []
        for index, state in enumerate(run_state.state):
            node = NodeId(index)
            if state is _WAITING or state is _DUE:
                if state is _DUE or run_state.is_source[node] or run_state.needs[node]:
                    raise InternalError(
                        f"{run_state.dag.job_id(node)!r} is {state.name} and nothing will change that"
                    )
                run_state.move(node, NodeState.NOT_NEEDED)
                not_needed.append(node)
                if not self._flow.stopped and self._flow.may_remove(node):
                    self._flow.remove(node)
            elif not run_state.is_lazy[node] or run_state.ran[node]:
                continue
            elif state is NodeState.CLEAN and run_state.dag.kind(node) is NodeKind.LOAD:
                run_state.move(node, NodeState.NOT_NEEDED)
                not_needed.append(node)
            elif state is NodeState.CLEAN or state is NodeState.CLEANED_UP:
                clean.append(node)
        run_state.resettle_due.clear()
        if clean:
            self._flow.effects.append(Skip(tuple(clean), SkipReason.CLEAN))
        if not_needed:
            self._flow.effects.append(Skip(tuple(not_needed), SkipReason.NOT_NEEDED))
