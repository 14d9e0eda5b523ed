"""Which key a sharing job has in the shared cache, and why some have none.

A job is a function of its inputs, so what stands for it is all that it consumes, by role: the fingerprint of every
direct upstream, by the upstream's name. Names, because a job that reads `a` and `b` is another one if their contents are
exchanged. Files are named relative to the project, or by their absolute name if they are outside of it. So
projects share where they call things by the same names.

The claim is: **an entry is used only where this project itself would call the job clean, had it made the entry.** What
makes that weaker than it should be between projects, which differ more than the states of one project do, keeps a job
from sharing at all:

- its code is not observed (`ignore_code_changes()`, `follow="none"`), so that it might be another function altogether;
- it, or an upstream, has no cutoff: what it does is not what is in its files;
- it depends on a FileTimeInvariant: two different files may have the same time;
- one of these holds for a load that it depends on, directly or through other loads: loads have no content of their own,
  and stand for what they consume.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING

from ppg.engine.verdicts import Made
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.file_jobs import FileJob
from ppg.jobs.job import Job
from ppg.jobs.kind import calling_hook
from ppg.paths import absolute
from ppg_graph import Evaluator, NodeId, NodeKind

if TYPE_CHECKING:
    from ppg.shared_cache.in_job import Use

__all__ = ["CacheKeys"]


VERSION = b"ppg shared cache 1"
"""Of what goes into a key, and how."""


class CannotShareError(Exception):
    """Why a job has no key."""


class CacheKeys:
    """The shared cache of one run.

    Parameters:
        pipegraph: the jobs.
        evaluator: knows the fingerprints of what is upstream of a job that starts.
        warn: takes messages for the user.
    """

    def __init__(self, pipegraph: DeclaredGraph, evaluator: Evaluator, warn: Callable[[str], None]) -> None:
        self._pipegraph = pipegraph
        self._evaluator = evaluator
        self._warn = warn
        self._told: set[str] = set()
        self._loads: dict[NodeId, bytes] = {}

    def use_of(self, job: Job) -> "Use | None":
        """How a job that starts uses the cache; None if it does not share."""
        cache = self._pipegraph.shared_cache
        if cache is None or not isinstance(job, FileJob) or not job.shares:
            return None
        try:
            key = self._key(job)
        except CannotShareError as why:
            self._warn(f"'{job.job_id}' is not shared: {why}")
            return None
        from ppg.shared_cache.in_job import Use  # noqa: PLC0415 (only runs that share need it)

        return Use(
            str(cache.folder),
            key.hex(),
            tuple(map(self._portable, job.files)),
            cache.hard_links,
            self._pipegraph.root,
            # A pickle may name what is not here.
            job.reading,
        )

    def ended(self, job: Job, made: Made) -> None:
        """Tell the user what was wrong with the cache; once, if it is the same for all jobs."""
        for cause, message in made.warnings:
            if cause not in self._told:
                self._told.add(cause)
                self._warn(f"'{job.job_id}': {message}")

    def _key(self, job: FileJob) -> bytes:
        self._require_content(job)
        self._require_code(job)
        return _digest(
            [
                VERSION,
                type(job).__name__.encode(),
                b"empty files" if job.empty_ok else b"",
                _digest(_bytes(self._portable(path)) for path in job.files),
                # By what names the function gets them, which may be in another order than those of the job's id.
                b"" if job.file_names is None else _digest(map(_bytes, job.file_names)),
                *self._consumed(job),
            ]
        )

    def _consumed(self, job: Job) -> Iterable[bytes]:
        """Every direct upstream: its name and what the job takes of it, in an order that is always the same."""
        taken = self._evaluator.inputs(job.node)
        for upstream in self._sorted_upstreams(job):
            if upstream.kind is NodeKind.LOAD:
                fingerprint = self._load(upstream)
            else:
                self._require_content(upstream)
                fingerprint = taken[upstream.job_id]
            yield _bytes(self._name(upstream))
            yield fingerprint

    def _load(self, job: Job) -> bytes:
        """What stands for a load. Chains of loads can be longer than the stack, so the first of them go first."""
        pending = [job]
        while pending:
            load = pending[-1]
            missing = [
                upstream
                for upstream in self._sorted_upstreams(load)
                if upstream.kind is NodeKind.LOAD and upstream.node not in self._loads
            ]
            if missing:
                pending += missing
                continue
            pending.pop()
            if load.node not in self._loads:
                self._require_code(load)
                self._loads[load.node] = _digest(self._consumed(load))
        return self._loads[job.node]

    def _sorted_upstreams(self, job: Job) -> list[Job]:
        nodes = self._pipegraph.dag.upstreams(job.node)
        return sorted((self._pipegraph.job_at(node) for node in nodes), key=self._name)

    def _require_content(self, job: Job) -> None:
        """Refuse a job whose fingerprint says less than what it made or saw."""
        with calling_hook(job, "sharing_obstacle"):
            obstacle = job.sharing_obstacle()
        if obstacle is not None:
            raise CannotShareError(obstacle)

    def _require_code(self, job: Job) -> None:
        """Refuse a job of which not all code is observed that ppg can observe."""
        if job.ignores_code_changes:
            raise CannotShareError(
                f"'{job.job_id}' ignores changes of its code, so in another project it may be another job"
            )
        for upstream in self._sorted_upstreams(job):
            with calling_hook(upstream, "leaves_code_unobserved"):
                leaves = upstream.leaves_code_unobserved(self._pipegraph.follow)
            if leaves:
                raise CannotShareError(
                    f"'{upstream.job_id}' does not follow the names in its function (follow=\"none\"), so in another "
                    "project they may stand for something else"
                )

    def _name(self, job: Job) -> str:
        """What a job is called wherever the project lies."""
        if job.files:
            return ":".join(map(self._portable, sorted(job.files)))
        return self._portable(job.job_id) if job.observes_file else job.job_id

    def _portable(self, path: str) -> str:
        """A file's name relative to the project, or its absolute name if it is elsewhere."""
        return absolute(path, self._pipegraph.root) if path.startswith("../") else path


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _digest(fields: Iterable[bytes]) -> bytes:
    """A hash that no two different lists of fields share."""
    digest = blake2b(digest_size=32)
    for field in fields:
        digest.update(len(field).to_bytes(8, "little"))
        digest.update(field)
    return digest.digest()
