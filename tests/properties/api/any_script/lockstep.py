"""One real run, and the reference evaluator beside it: a listener that tells the reference what has happened.

The reference hears of the ends of jobs in the order in which the run loop took them, so what must not depend on the
schedule need not be told apart from what may. After each end both must want the same jobs to start; when the run
is over, the same jobs must be done, clean, failed and blocked, and the same files removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ppg.pipegraph import Pipegraph
from ppg.report.events import (
    Event,
    JobFailed,
    JobFinished,
    JobQueued,
    Listener,
    RunFinished,
    RunStarted,
    Warned,
)
from ppg.result import JobState, RunResult
from tests.graph.reference.evaluator import Reference
from tests.graph.reference.facts import INTACT, Past, Step, below
from tests.properties.api.any_script.model import ALL, FOLDERS, Graph, Job, Kind, Script

__all__ = ["Disk", "Entry", "Lockstep", "made_files"]

Disk = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """What there is to remember of a job's last success, and what its files were like then."""

    past: Past
    files: Mapping[str, bytes]


@dataclass(slots=True)
class Lockstep:
    """The front end of one run.

    Parameters:
        script: what runs.
        root: where.
        store: what the reference remembers of earlier runs; moves on.
        harmed: names of callbacks that fail in this run.
        missing: names of input files that are not there in this run.
        pruned, targets: node ids.
    """

    script: Script
    root: Path
    store: dict[str, Entry]
    harmed: Collection[str] = ()
    missing: Collection[str] = ()
    pruned: Collection[str] = ()
    targets: Collection[str] | None = None
    until: Collection[str] = ()
    forced: Collection[str] = ()
    started: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    disk: Disk = field(default_factory=dict)
    graph: Graph = field(init=False)
    reference: Reference = field(init=False)
    failed: set[str] = field(default_factory=set)
    is_over: bool = False
    _expected: dict[str, dict[str, str]] = field(init=False)
    _removable: Sequence[str] = ()
    _generated: dict[str, list[str]] = field(default_factory=dict)

    # --- what a front end has -----------------------------------------------------------------------------------

    def before_run(self, pipegraph: Pipegraph) -> None:
        """Let it run."""

    def listeners(self, pipegraph: Pipegraph) -> Sequence[Listener]:
        """Just this one."""
        return (self.hear,)

    def hear(self, event: Event) -> None:
        """Keep up with the run."""
        match event:
            case RunStarted():
                self._begin()
            case JobQueued(job_id):
                self.started.append(job_id)
            case JobFinished(job_id):
                self._ended(job_id, succeeded=True)
            case JobFailed(job_id) if self.graph.kinds[job_id] != "INVARIANT":
                self._ended(job_id, succeeded=False)
            case Warned(message):
                self.warnings.append(message)
            case RunFinished(result):
                self._over(result)
            case _:
                pass

    # --- the reference ------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.graph = self.script.graph()
        self._expected = self.script.expected()
        self.disk = made_files(self.root)
        self.reference = Reference(
            self.graph.kinds,
            self.graph.edges,
            {node: entry.past for node, entry in self.store.items()},
            self._look,
            pruned=self.pruned,
            targets=self.targets,
            until=self.until,
            forced=self.forced,
            patient=True,
        )
        step = self.reference.start()
        step.add(self.reference.observe())
        self._take(step)

    def _ended(self, node: str, *, succeeded: bool) -> None:
        self._compare_starts()
        self._notice_removals()
        reference, job = self.reference, self.graph.makers[node]
        assert node in reference.running, f"{node} ended, but does not run"
        called = self.graph.called.get(node)
        if not succeeded:
            assert called in self.harmed, f"{node} failed without having been told to"
            for file in self._files_on_disk(node):
                self.disk.pop(file, None)
            step = reference.did_fail(node)
        elif self.graph.kinds[node] == "GENERATOR":
            step = self._extend(node, job)
        else:
            assert called not in self.harmed, f"{node} was told to fail and has not"
            step = self._made(node, job)
        step.add(reference.observe())
        self._take(step)

    def _extend(self, node: str, job: Job) -> Step:
        more = self.script.extension(job)
        self.graph.kinds.update(more.kinds)
        self.graph.makers.update(more.makers)
        self.graph.called.update(more.called)
        self.graph.files.update(more.files)
        self.graph.caches |= more.caches
        self.graph.ignored |= more.ignored
        self._generated[node] = list(more.kinds)
        print_ = (frozenset(more.kinds.items()), frozenset(more.edges.items()))
        step = self.reference.generated(node, print_, more.kinds, more.edges)
        assert not step.rejected, f"the extension of {node} is against the rules"
        return step

    def _made(self, node: str, job: Job) -> Step:
        """The job has made what it should, whatever was there before."""
        files = {name: (self.root / name).read_bytes() for name in self.graph.files.get(node, ())}
        for file in self._files_on_disk(node):
            self.disk.pop(file, None)  # a folder may have had more
        self.disk |= files
        if node not in self.graph.caches:
            expected = (
                {job.files[part]: text.encode() for part, text in self._expected[job.name].items()}
                if files
                else {}
            )
            assert files == expected, f"{node} made {files} instead of {expected}"
        if job.kind in FOLDERS:
            whole = frozenset(files.items())
            return self.reference.succeeded(node, whole, {**files, f"{node}//{ALL}": whole})
        if len(files) == 1:
            # The fingerprint of one file is that of the file as a part of several.
            return self.reference.succeeded(node, next(iter(files.values())))
        return self.reference.succeeded(node, frozenset(files.items()), files)

    def _take(self, step: Step) -> None:
        """What the reference makes of an event."""
        assert not step.surprises, f"made something else of the same inputs: {step.surprises}"
        self.wanted += step.starts
        self._removable = [node for node in step.removable if node not in self.graph.caches]
        for node in step.forgotten:
            self.store.pop(node, None)
        for node, past in step.commits.items():
            files = {file: self.disk[file] for file in self.graph.files.get(node, ())}
            if node in self.graph.ignored:
                code = self.graph.makers[node].print
                past = replace(past, consumed={**past.consumed, f"FI:{node}": code})
            self.store[node] = Entry(past, files)

    def _look(self, node: str) -> Hashable:
        """The reference's eyes."""
        job = self.graph.makers[node]
        if node.startswith("FI:"):
            return job.print
        if self.graph.kinds[node] != "INVARIANT":
            recorded = self.store[node].files
            files = {*self._files_on_disk(node), *recorded} if job.kind in FOLDERS else self.graph.files[node]
            is_intact = all(file in recorded and self.disk.get(file) == recorded[file] for file in files)
            return INTACT if is_intact else "not intact"
        if job.name in self.missing:
            return None
        match job.kind:
            case Kind.FUNCTION:
                return job.code.print
            case Kind.TIME:
                return ("time", job.stamp)
            case _:
                return ("value", job.value)

    def _notice_removals(self) -> None:
        """What the run was allowed to remove, and has removed."""
        for node in self._removable:
            files = self._files_on_disk(node)
            if not any((self.root / file).exists() for file in files):
                self.reference.remove([node])
                for file in files:
                    self.disk.pop(file, None)
        self._removable = []

    def _files_on_disk(self, node: str) -> list[str]:
        """The files that the job makes; of a folder all that are in it."""
        if self.graph.makers[node].kind in FOLDERS:
            return [file for file in self.disk if file.startswith(f"{node}/")]
        return list(self.graph.files.get(node, ()))

    def oversights(self) -> list[tuple[str, ...]]:
        """The words of each warning of a declaration without effect."""
        reference = self.reference
        injections = [
            node
            for node, job in self.graph.makers.items()
            if job.kind is Kind.INJECTION and node in reference.made and not reference.downstreams(node)
        ]
        found: list[tuple[str, ...]] = [(f"'{node}' injects nothing",) for node in injections]
        for generator, made in self._generated.items():
            idle = [
                f"'{node}'"
                for node in made
                if reference.kinds[node] in ("LAZY", "LOAD") and not reference.downstreams(node)
            ]
            if idle:
                found.append((f"'{generator}' made", *idle))
        return found

    # --- the comparison -----------------------------------------------------------------------------------------

    def _compare_starts(self) -> None:
        assert Counter(self.started) == Counter(self.wanted), (
            f"started too much: {Counter(self.started) - Counter(self.wanted)}; "
            f"too little: {Counter(self.wanted) - Counter(self.started)}"
        )

    def _over(self, result: RunResult) -> None:
        self.is_over = True
        if result.interrupted_by is not None:
            return  # whoever runs the test wants to stop, which `run` raises
        self._compare_starts()
        self._notice_removals()
        reference, now = self.reference, self.reference.now
        assert not reference.running, f"the run is over before these are: {reference.running}"
        left = [node for node in reference.conclude().removable if node not in self.graph.caches]
        assert not left, f"not cleaned up: {left}"
        assert set(result) == set(self.graph.kinds)
        for node, kind in self.graph.kinds.items():
            state = result[node].state
            if node in reference.excluded:
                expected = {JobState.LEFT_OUT}
            elif node in reference.failed:
                expected = {JobState.FAILED}
                if kind == "INVARIANT" and self._is_in_vain(node):
                    # Nobody has to look at it.
                    expected.add(JobState.UP_TO_DATE)
            elif node in reference.made:
                expected = {JobState.RAN}
            elif kind == "INVARIANT":
                expected = {JobState.UP_TO_DATE, JobState.NOT_NEEDED}
            elif kind in ("LAZY", "LOAD"):
                # Whether one that is below a failure is blocked, or nobody needs it any more, is open.
                expected = {JobState.UP_TO_DATE, JobState.NOT_NEEDED, JobState.BLOCKED}
            elif node in reference.blocked:
                expected = {JobState.BLOCKED}
            else:
                assert node in now.clean, f"{node} is {state} and was left undecided"
                expected = {JobState.UP_TO_DATE}
            assert state in expected, f"{node} is {state}, and should be {expected}"
            if state is JobState.FAILED:
                self.failed.add(node)

    def _is_in_vain(self, invariant: str) -> bool:
        """Whether all that it could make run is blocked."""
        reference = self.reference
        over = reference.blocked | reference.failed | reference.excluded
        return all(
            node in over or reference.kinds[node] in ("LAZY", "LOAD")
            for node in below({invariant}, reference.edges)
        )


def made_files(root: Path) -> Disk:
    """All files that jobs have made, or left."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for folder in ("out", "cache")
        for path in sorted((root / folder).glob("**/*"))
        if path.is_file()
    }
