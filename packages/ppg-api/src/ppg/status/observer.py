"""Observer: observes jobs for the evaluator, in one pass for all jobs of one request.

Each kind of job defines its observation (`ppg.kinds.kind`). Jobs of one kind are observed together, so that
their files are stat'ed in one pass, and hashed on all cores where necessary.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ppg.exceptions import JobContractError
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.file_jobs import INTACT
from ppg.jobs.invariants import readable_name
from ppg.jobs.job import Job
from ppg.kinds.kind import Observing, calling_hook, hook_name, is_own_hook
from ppg.status.history import History
from ppg_graph import Files, NodeId, NodeKind, Observation, Record, Unobservable
from ppg_invariants import Follow

__all__ = ["Observer", "unusual"]

MOST_NAMES = 10
"""Number of names in a message."""


def unusual(observations: Mapping[NodeId, Observation]) -> Mapping[NodeId, Observation]:
    """Return the observations of an `Observer` that are neither a fingerprint nor intact files."""
    return {
        node: seen for node, seen in observations.items() if seen is not INTACT and type(seen) is not bytes
    }


class Observer:
    """Observer: makes the observations for the evaluator's `Observe` effects.

    Parameters:
        pipegraph: the jobs to observe.
        memory: the history of these jobs; it takes the new stat of files if only a time stamp changed.
        should_stop: called while files are hashed or tools answer, also from other threads; True interrupts
            them.
        warn: called with messages for the user.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        memory: History,
        should_stop: Callable[[], bool] | None = None,
        warn: Callable[[str], None] = lambda _message: None,
    ) -> None:
        self._pipegraph = pipegraph
        self._memory = memory
        self._should_stop = should_stop
        self._warn = warn
        self._told: set[str] = set()
        self._has_told_of_watching = False
        self._ignored: Observing | None = None
        self._passes: list[Observing] = []

    def observe(self, nodes: Iterable[NodeId]) -> Mapping[NodeId, Observation]:
        """Return the observation of each node of the pipegraph; see `look_at`."""
        return self.look_at(self._pipegraph._job_at(node) for node in nodes)

    def look_at(self, jobs: Iterable[Job]) -> Mapping[NodeId, Observation]:
        """Return each job's observation by its node: a fingerprint, or whether its files match its record.

        Raises:
            ObservationInterrupted: `should_stop` returned True while files were hashed or tools answered.
            JobContractError: a kind of job cannot be observed.
        """
        observing = self._observing()
        observations: dict[NodeId, Observation] = {}
        for alike in _by_kind(jobs):
            observations.update(zip([job._node for job in alike], _observed(alike, observing), strict=True))
        self._tell_news(observing)
        return observations

    def _tell_news(self, observing: Observing) -> None:
        """Say what is watched since now, and what cannot be; each once in a run."""
        for job_id, (name, why, is_module) in observing.left_out:
            if name in self._told:
                continue
            self._told.add(name)
            if is_module:
                self._warn(
                    f"the module '{name}' is not watched, although {readable_name(job_id)} imports it: {why}. Import it "
                    f"at the top of the script; or ppg.unwatched('{name.strip('.').partition('.')[0]}') in the module "
                    "of the function says that this is right"
                )
            else:
                self._warn(
                    f"the value of '{name}' is not watched, although {readable_name(job_id)} reads it: {why}. "
                    f"ppg.unwatched('{name}') in its module says that this is right"
                )
        if observing.newly_watched and not self._has_told_of_watching:
            self._has_told_of_watching = True
            names = observing.functions.names_of_values
            if not names:
                return
            shown = ", ".join(names[:MOST_NAMES]) + (
                f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
            )
            self._warn(
                f"now watched: {shown}. If a value of these changes, the jobs that read it run again. "
                "Nothing runs because of this message"
            )

    def take_names(self) -> set[tuple[str, str]]:
        """Return the names in modules of the project that functions read which were observed since the last call."""
        passes, self._passes = self._passes, []
        return {
            name
            for observing in passes
            for follow in (observing.functions, observing.functions_without_values)
            for name in follow.names_in_modules()
        }

    def with_ignored_code(self, job: Job, record: Record) -> Record:
        """Return the record of a job, with the fingerprint of its code if the job ignores changes of its code.

        When the job does not ignore them any more, this fingerprint shows whether the code has changed since.
        """
        invariant = job.ignored_invariant()
        if invariant is None or invariant.job_id in record.upstreams:
            return record
        if self._ignored is None:
            self._ignored = self._observing()
        fingerprint = invariant.observe(self._ignored)
        if isinstance(fingerprint, Unobservable):
            return record
        return record._replace(upstreams={**record.upstreams, invariant.job_id: fingerprint})

    def _observing(self) -> Observing:
        pipegraph = self._pipegraph
        # All functions of one pass share one `Follow`, so that a name means the same object in all of them.
        observing = Observing(
            pipegraph.root,
            self._memory,
            pipegraph.follow,
            Follow(root=pipegraph.root),
            self._should_stop,
            Follow(values=False, root=pipegraph.root),
            watch_globals=pipegraph.watch_globals,
        )
        self._passes.append(observing)
        return observing


def _by_kind(jobs: Iterable[Job]) -> Iterable[Sequence[Job]]:
    """Group jobs by the hooks that observe them; classes with the same hooks are one group."""
    by_hooks: dict[tuple[Any, Any], list[Job]] = {}
    by_class: dict[type[Job], list[Job]] = {}
    for job in jobs:
        cls = type(job)
        alike = by_class.get(cls)
        if alike is None:
            alike = by_class[cls] = by_hooks.setdefault((cls.observe_together, cls.observe), [])
        alike.append(job)
    return by_hooks.values()


def _observed(alike: Sequence[Job], observing: Observing) -> Sequence[Observation]:
    """Observations of jobs of one kind, in order."""
    first = alike[0]
    cls = type(first)
    name = "observe" if cls.observe_together is Job.observe_together else "observe_together"
    with calling_hook(first, name):
        found = list(cls.observe_together(alike, observing))
    if is_own_hook(cls, name):
        return found
    hook = hook_name(cls, name)
    if len(found) != len(alike):
        raise JobContractError(
            f"'{first.job_id}' cannot be observed: {hook} gave {len(found)} observations for {len(alike)} jobs"
        )
    for job, seen in zip(alike, found, strict=True):
        if not isinstance(seen, (bytes, Unobservable) if job.kind is NodeKind.INVARIANT else Files):
            wanted = "a fingerprint (bytes) or Unobservable" if job.kind is NodeKind.INVARIANT else "Files"
            raise JobContractError(
                f"'{job.job_id}' cannot be observed: {hook} must give {wanted}, not {seen!r}"
            )
    return found
