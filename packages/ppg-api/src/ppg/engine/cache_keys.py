"""Cache keys: computes the key of a sharing job in the shared cache, or the reason why the job cannot share.

A job is a function of its inputs, so its key stands for everything that it consumes. That is the fingerprint
of every direct upstream, by the upstream's name. The key contains names, because a job that reads `a` and `b` gives
another result if their contents are exchanged. Files are named relative to the project, or by their absolute
name if they are outside of it. So projects share where they use the same names.

The guarantee is: **an entry is used only where this project itself would call the job clean, had it made the
entry.** Projects differ more than the states of one project do. So a job does not share at all in cases where
the guarantee would be weaker between projects:

- its code is not observed (`ignore_code_changes()`, `follow="none"`), so that it might be another function;
- it, or an upstream, has no cutoff: its fingerprint does not stand for the content of its files;
- it depends on a FileTimeInvariant: two different files may have the same time;
- one of these holds for a load that it depends on, directly or through other loads. A load has no content,
  and stands for the inputs that it consumes.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING

from ppg.graph.declared import DeclaredGraph
from ppg.jobs.file_jobs import FileJob
from ppg.jobs.job import Job
from ppg.kinds.kind import calling_hook
from ppg.outcomes.verdicts import Made
from ppg.paths import absolute
from ppg_graph import Evaluator, NodeId, NodeKind, is_read

if TYPE_CHECKING:
    from ppg.shared_cache.in_job import Use

__all__ = ["CacheKeys"]


VERSION = b"ppg shared cache 1"
"""Version of the key's format: its fields and their encoding."""


class CannotShareError(Exception):
    """Cannot share: a job has no key; the message is the reason."""


class CacheKeys:
    """Cache keys: gives each starting job of one run its use of the shared cache.

    Parameters:
        pipegraph: the jobs.
        evaluator: gives the fingerprints of the upstreams of a job that starts.
        warn: called with messages for the user.
        read_by_load: returns a file that a load read without depending on it; None if there is none.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        evaluator: Evaluator,
        warn: Callable[[str], None],
        read_by_load: Callable[[NodeId], str | None] = lambda _: None,
    ) -> None:
        self._pipegraph = pipegraph
        self._evaluator = evaluator
        self._warn = warn
        self._read_by_load = read_by_load
        self._warned_causes: set[str] = set()
        self._loads: dict[NodeId, bytes] = {}
        self._uses: dict[NodeId, Use] = {}

    def use_of(self, job: Job) -> "Use | None":
        """Return how a starting job uses the cache; None if it does not share."""
        cache = self._pipegraph.shared_cache
        if cache is None or not isinstance(job, FileJob) or not job.shares:
            return None
        try:
            key = self._key(job)
        except CannotShareError as why:
            self._warn(f"'{job.job_id}' is not shared: {why}")
            return None
        from ppg.shared_cache.in_job import Use  # noqa: PLC0415 (only runs that share need it)

        use = self._uses[job._node] = Use(
            str(cache.folder),
            key.hex(),
            tuple(map(self._portable, job.files)),
            cache.hard_links,
            self._pipegraph.root,
            # A pickle may name classes that this project does not have, so the job test-reads its files.
            job._reading,
            (),
            tuple(self._folders(job)),
        )
        return use

    def unshare(self, job: Job) -> None:
        """Remove the entry of a job that has made its files, because another job may have written to them meanwhile."""
        use = self._uses.get(job._node)
        if use is None:
            return
        from ppg.shared_cache.registry import discard  # noqa: PLC0415 (only runs that share need it)

        try:
            discard(use.cache, use.key)
        except OSError as error:
            self._warn(
                f"'{job.job_id}': its entry in the shared cache may have the bytes of another job, and cannot be removed: "
                f"{error}; remove it with ppg cache prune"
            )

    def _folders(self, job: Job) -> Iterable[str]:
        """Yield the folder that the job makes, and those of its upstreams, which may be listed."""
        for one in (job, *self._sorted_upstreams(job)):
            if one.whole_folder is not None:
                yield absolute(one.whole_folder, self._pipegraph.root)

    def ended(self, job: Job, made: Made) -> None:
        """Warn the user about problems with the cache; only once for each cause."""
        if made.taken:
            self._uses.pop(job._node, None)  # the entry is that of another run
        for cause, message in made.warnings:
            if cause not in self._warned_causes:
                self._warned_causes.add(cause)
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
                # The function gets its files by these names, which may have another order than the job's id.
                b"" if job._file_names is None else _digest(map(_bytes, job._file_names)),
                *self._consumed(job),
            ]
        )

    def _consumed(self, job: Job) -> Iterable[bytes]:
        """Yield the name and the consumed fingerprint of every direct upstream, sorted by name."""
        taken = self._evaluator.inputs(job._node)
        for upstream in self._sorted_upstreams(job):
            if upstream.kind is NodeKind.LOAD:
                fingerprint = self._load(upstream)
            else:
                self._require_content(upstream)
                fingerprint = taken[upstream.job_id]
            yield _bytes(self._name(upstream))
            yield fingerprint

    def _load(self, job: Job) -> bytes:
        """Return the digest of everything that a load consumes.

        Chains of loads can be longer than the stack, so the loop computes upstream loads first, without
        recursion.
        """
        pending = [job]
        while pending:
            load = pending[-1]
            missing = [
                upstream
                for upstream in self._sorted_upstreams(load)
                if upstream.kind is NodeKind.LOAD and upstream._node not in self._loads
            ]
            if missing:
                pending += missing
                continue
            pending.pop()
            if load._node not in self._loads:
                self._require_code(load)
                if (path := self._read_by_load(load._node)) is not None:
                    raise CannotShareError(
                        f"the load '{load.job_id}' read '{path}' without depending on it; let it depend on that file"
                    )
                self._loads[load._node] = _digest(self._consumed(load))
        return self._loads[job._node]

    def _sorted_upstreams(self, job: Job) -> list[Job]:
        """Return the upstreams that the script declares; what was read besides is in the manifest of the entry."""
        jobs = map(self._pipegraph._job_at, self._pipegraph.dag.upstreams(job._node))
        return sorted((upstream for upstream in jobs if not is_read(upstream.job_id)), key=self._name)

    def _require_content(self, job: Job) -> None:
        """Raise CannotShareError if the job's fingerprint does not stand for all its content."""
        with calling_hook(job, "sharing_obstacle"):
            obstacle = job.sharing_obstacle()
        if obstacle is not None:
            raise CannotShareError(obstacle)

    def _require_code(self, job: Job) -> None:
        """Raise CannotShareError if ppg does not observe all of the job's code that it could observe."""
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
        """Return the job's name, independent of the project's folder."""
        if job.files:
            return ":".join(map(self._portable, sorted(job.files)))
        return self._portable(job.job_id) if job.observes_file else job.job_id

    def _portable(self, path: str) -> str:
        """Return a file's name relative to the project; an absolute name if it is outside of the project."""
        return absolute(path, self._pipegraph.root) if path.startswith("../") else path


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _digest(fields: Iterable[bytes]) -> bytes:
    """Digest of a list of fields; it includes the lengths, so different lists have different digests."""
    digest = blake2b(digest_size=32)
    for field in fields:
        digest.update(len(field).to_bytes(8, "little"))
        digest.update(field)
    return digest.digest()
