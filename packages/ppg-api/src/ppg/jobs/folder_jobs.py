"""Folder jobs: make folders, with files that need not be known before.

The record of such a job has every file, link and empty folder in it, so a run finds an unchanged folder by stats alone. A
job downstream depends on the folder, on one file in it (`job["a.txt"]`), or on those of a pattern (`job["*.txt"]`). A part
has the fingerprint of its files only.
"""

import functools
import os
import posixpath
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from ppg.exceptions import JobContractError
from ppg.jobs.file_jobs import INTACT, FileJob
from ppg.jobs.folder_invariant import require_pattern
from ppg.jobs.job import Job, JobFile, JobPart, unadmitted
from ppg.kinds.execution import ExecutionOptions, execution_of
from ppg.kinds.kind import HistoryProtocol, JobOutputs, Observing, ProcessCall, WrongFilesError
from ppg.kinds.typed import MakesFile
from ppg.paths import PathLike, absolute, normalised_folder, require_folder
from ppg.session.namespaces import full_path
from ppg.worker.folders import folder_obstacle, make_folder, paths_in, remove_folder
from ppg_graph import Files, FileStatus, Fingerprint, JobId, NodeKind, Observation, combine, is_pattern
from ppg_invariants import (
    Problem,
    content_fingerprint,
    describe_tree_plainly,
    observe_tree,
    tree_described,
)

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = [
    "CachedDirectoryGeneratingJob",
    "DirectoryGeneratingJob",
    "FolderJob",
    "JobFiles",
    "TempDirectoryGeneratingJob",
]

MOST_NAMES = 10
"""Number of files that a reason or a message names."""
WILD = frozenset("*?[")


class JobFiles(JobPart):
    """JobFiles: the files of a job's folder that match a pattern, so that a job can depend on these alone.

    `ppg.upstream(job["*.txt"])` gives a function the list of their paths.

        parts = ppg.directory("parts")(lambda folder: (folder / "a.txt").write_text("a"))

        @ppg.file("names.txt")
        def names(out: Path, parts: list[Path] = ppg.upstream(parts["*.txt"])) -> None:
            out.write_text(" ".join(path.name for path in parts))

        ppg.run()
        assert Path("names.txt").read_text() == "a.txt"

    Attributes:
        job: the job that makes the folder.
        path: folder and pattern, relative to the pipegraph's root.
        pattern: relative to the folder.
    """

    __slots__ = ("job", "path", "pattern")

    def __init__(self, job: "FolderJob", pattern: str) -> None:
        self.job: Job = job
        self.path: str = f"{job.job_id}/{pattern}"
        self.pattern: str = pattern

    @property
    def _part(self) -> str:
        """The name of the part in the graph."""
        return f"{self.job.job_id}//{self.pattern}"

    def __repr__(self) -> str:
        return f"<files '{self.pattern}' of {self.job!r}>"

    def paths(self) -> list[Path]:
        """Return the files that are there now, sorted; relative to the pipegraph's root.

        Raises:
            FileNotFoundError: the folder is not there.
        """
        return paths_in(self.job.job_id, self.pattern)


class FolderJob(FileJob):
    """FolderJob: the base of jobs that make a folder."""

    __slots__ = ()
    # `__getitem__` would make the job iterable, but a job is one dependency, not a list of files.
    __iter__: ClassVar[None] = None

    def __init__(
        self,
        folder: PathLike,
        function: MakesFile,
        rename_broken: bool = False,
        empty_ok: bool = False,
        *,
        cutoff: bool = True,
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        what = type(self).__name__
        text = full_path(require_folder(folder, f"{what}: folder"))
        super().__init__(
            text,
            function,
            pipegraph,
            rename_broken=rename_broken,
            empty_ok=empty_ok,
            cutoff=cutoff,
            share=share,
            execution=execution_of(options, ExecutionOptions, f"{what} '{text}'"),
        )
        self.job_id: JobId = JobId(normalised_folder(str(text), self.pipegraph.root))
        _refuse_precious(self.job_id, f"{what} '{text}'", self.pipegraph)

    @property
    def files(self) -> tuple[str, ...]:
        """The folder."""
        return (self.job_id,)

    @property
    def whole_folder(self) -> str:
        """The folder."""
        return self.job_id

    @property
    def path(self) -> Path:
        """The folder, relative to the pipegraph's root."""
        return Path(self.job_id)

    @property
    def made(self) -> Path:
        """The folder's path."""
        return self.path

    def covers(self, path: str) -> bool:
        """Whether a file of this name is in the folder."""
        return path.startswith(f"{self.job_id}/")

    def __getitem__(self, name: PathLike) -> Any:
        """Return one file of the folder, or the files that match a pattern.

        Parameters:
            name: relative to the folder: "a.txt", "part/*.txt", "**/*.txt". `glob.escape` makes a pattern of the name
                of one file that contains `*`, `?` or `[`.

        Returns:
            A `JobFile`, or `JobFiles` for a pattern.

        Raises:
            KeyError: the name leads out of the folder.
            TypeError: the name is no text and no path.
        """
        if not isinstance(name, (str, os.PathLike)):
            raise TypeError(
                f"{self!r}[{name!r}]: a file of a folder has a name, or a pattern such as '*.txt'"
            )
        text = os.fspath(name)
        if isinstance(name, str) and not WILD.isdisjoint(text):
            return JobFiles(self, require_pattern(text, f"{self!r}[...]"))
        return self.file(text)

    def file(self, name: str) -> JobFile:
        """Return one file of the folder, also if its name looks like a pattern.

        Raises:
            KeyError: the name leads out of the folder.
        """
        path = posixpath.normpath(f"{self.job_id}/{name}")
        if not name or name.startswith("/") or not self.covers(path):
            raise KeyError(
                f"{self!r}: '{name}' is no name of a file in the folder; name it relative to the folder"
            )
        return JobFile(self, path)

    # -- hooks of the kind -------------------------------------------------------------------------

    def process_call(self) -> ProcessCall:
        """Return the call that empties the folder, calls the callback, and describes what is in the folder.

        Raises:
            JobContractError: something that is no folder stands in its place.
        """
        (path,) = self._absolute_files
        if (what := folder_obstacle(path)) is not None:
            raise JobContractError(
                f"'{self.job_id}' was not started: its output '{path}' is {what}, which ppg neither removes nor "
                "replaces; move it away, or declare another folder"
            )
        return ProcessCall(
            make_folder,
            (
                self.call,
                self._callback_arguments,
                path,
                self.execution.timeout,
                self.pipegraph._seconds_for_threads,
            ),
            functools.partial(describe_tree_plainly, path),
            returns_plain=True,
        )

    def outputs_of(self, returned: Any, run_id: int) -> JobOutputs:
        """Describe the content of the folder."""
        tree = tree_described(returned)
        troubles: dict[Problem, list[str]] = {}
        for problem in tree.problems:
            troubles.setdefault(problem.problem, []).append(self._named(problem.path))
        if (
            not troubles
            and not self.empty_ok
            and all(state.algorithm == "folder" for state in tree.files.values())
        ):
            troubles[Problem.EMPTY] = [self.job_id]
        if troubles:
            raise WrongFilesError({problem: _cut(names) for problem, names in troubles.items()})
        # A job without cutoff counts as changed whenever it ran, so its fingerprint is new in every run.
        salt = b"" if self.cutoff else b"#%d" % run_id
        by_name = {name: Fingerprint(content_fingerprint(state) + salt) for name, state in tree.files.items()}
        parts = {self._named(name): fingerprint for name, fingerprint in by_name.items()}
        self._require_wanted(parts)
        files = {self._named(name): state for name, state in tree.files.items()}
        return JobOutputs(Fingerprint(combine(by_name.items()) + salt), parts, files)

    def _named(self, name: str) -> str:
        """The name of an entry, relative to the root."""
        return f"{self.job_id}/{name}" if name else self.job_id

    def _require_wanted(self, parts: dict[str, Fingerprint]) -> None:
        """Refuse a folder without a file on which a job depends.

        Raises:
            JobContractError: there is none.
        """
        dag, node = self.pipegraph.dag, self._node
        missing = sorted(name for name in dag.wanted_parts(node) - parts.keys() if not is_pattern(name))
        if missing:
            users = [
                dag.job_id(user)
                for user in dag.downstreams(node)
                if missing[0] in (dag.parts(node, user) or ())
            ]
            raise JobContractError(
                f"'{self.job_id}' returned, but its folder has no {', '.join(map(repr, _cut(missing)))}, on which "
                f"'{users[0]}' depends; let the job make it, or correct the name"
            )

    @staticmethod
    def observe_together(jobs: Sequence[Any], observing: Observing) -> Iterable[Observation]:
        """Yield for each job whether its folder matches its record."""
        return [job._observed(observing) for job in jobs]

    def _observed(self, observing: Observing) -> Files:
        begin = len(self.job_id) + 1
        recorded = {path[begin:]: state for path, state in observing.history.files(self.job_id).items()}
        tree = observe_tree(
            absolute(self.job_id, observing.root), recorded, should_stop=observing.should_stop
        )
        if tree.problems and not tree.problems[0].path:
            problem = tree.problems[0].problem
            status = FileStatus.MISSING if problem is Problem.MISSING else FileStatus.CHANGED
            return Files(status, (self.job_id,))
        found = tree.files
        if len(found) == len(recorded) and not tree.problems:
            # Nearly always all are the objects of the record.
            others = [name for name, state in found.items() if recorded.get(name) is not state]
        else:
            others = [name for name in {**recorded, **found} if recorded.get(name) is not found.get(name)]
        missing = [name for name in others if name not in found]
        if missing:
            return self._files(FileStatus.MISSING, missing)
        changed = [
            name for name in others if name not in recorded or not found[name].has_content_of(recorded[name])
        ]
        changed += [problem.path for problem in tree.problems]
        if changed:
            return self._files(FileStatus.CHANGED, changed)
        if others:
            touched = {self._named(name): found[name] for name in others}
            observing.history.files_were_touched(self.job_id, touched)
        return INTACT

    def _files(self, status: FileStatus, names: Iterable[str]) -> Files:
        return Files(status, tuple(_cut([self._named(name) for name in sorted(names)])))

    def discard(self) -> list[str]:
        """Remove or rename the partial folder of a failed job; return a message if it stays."""
        (path,) = self._absolute_files
        if folder_obstacle(path) is not None or not os.path.lexists(path):
            return []  # it was never the job's
        aside = f"{path}.broken"
        try:
            if not self.rename_broken:
                remove_folder(path)
            elif not os.path.lexists(aside):
                os.rename(path, aside)  # noqa: PTH104 (paths are texts here)
            else:
                name = posixpath.basename(aside)
                return [
                    f"'{self.job_id}' stays, although it failed, because there is a '{name}' already; move that away"
                ]
        except (OSError, JobContractError) as error:
            return [
                f"the folder that '{self.job_id}' left cannot be removed: {error}; the next run does not use it"
            ]
        return []

    def remove(self) -> list[str]:
        """Remove the folder, which other jobs need no more; return a message if it stays."""
        (path,) = self._absolute_files
        if (what := folder_obstacle(path)) is not None:
            return [
                f"the temporary folder '{self.job_id}' stays, because it is {what}; it can be removed by hand"
            ]
        try:
            remove_folder(path)
        except (OSError, JobContractError) as error:
            return [
                f"the temporary folder '{self.job_id}' cannot be removed: {error}; it can be removed by hand"
            ]
        return []

    def stand_in_notes(self) -> object:
        """Return a value, because a folder of this id is observed, and not a file."""
        return []

    @classmethod
    def stand_in(
        cls, job_id: JobId, notes: Any, history: HistoryProtocol, pipegraph: "GraphProtocol"
    ) -> "FolderJob":
        """Return a job that observes the same folder."""
        return unadmitted(cls, job_id, _nothing, pipegraph=pipegraph)


class DirectoryGeneratingJob(FolderJob):
    """DirectoryGeneratingJob: makes a folder with any number of files.

    The function gets an empty folder. What is in it afterwards counts: names, contents, executable bits, targets of
    links, empty folders. The job runs when the folder is not as its record says, also by a file that was added, and
    when one of its dependencies has changed. If the new folder has the same content, nothing downstream runs.

    **Before each start the folder is emptied.** The first time, ppg refuses a folder that has anything in it.

        def split(folder: Path) -> None:
            for name, sequence in {"a": "ACGT", "b": "GGCC"}.items():
                (folder / f"{name}.fa").write_text(sequence)

        genomes = ppg.DirectoryGeneratingJob("genomes", split)

        @ppg.file("first.txt")
        def first(out: Path, genome: Path = ppg.upstream(genomes["a.fa"])) -> None:
            out.write_text(genome.read_text())

        @ppg.file("all.txt")
        def joined(out: Path, genomes: list[Path] = ppg.upstream(genomes["*.fa"])) -> None:
            out.write_text("".join(path.read_text() for path in genomes))

        ppg.run()
        assert Path("all.txt").read_text() == "ACGTGGCC"

    Parameters:
        folder: the folder; relative to the pipegraph's root, or absolute. It is the job's id.
        function: fills the folder; called without arguments, or with the folder's `Path` if it takes one.
        rename_broken: after a failure the folder is renamed to `*.broken` instead of removed, until the next start.
        empty_ok: a folder without files counts as made.
        cutoff: see `FileJob`.
        share: see `shares` of `FileJob`.
        timeout, retries, enforce_memory, isolation, confine: see `Execution`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
        JobContractError: another job makes a file in the folder, an earlier declaration of the job differs, or the folder
            contains the project, the script, a repository, or files of ppg.
    """

    __slots__ = ()


class TempDirectoryGeneratingJob(FolderJob):
    """TempDirectoryGeneratingJob: makes a folder that only other jobs need, for as long as they need it.

    See `TempFileGeneratingJob` and `DirectoryGeneratingJob`.

        parts = ppg.TempDirectoryGeneratingJob("parts", lambda folder: (folder / "a.txt").write_text("a"))
        ppg.file("copy.txt")(lambda out: out.write_text(Path("parts/a.txt").read_text())).depends_on(parts)
        ppg.run()
        assert not Path("parts").exists()
    """

    __slots__ = ()
    kind: ClassVar[NodeKind] = NodeKind.LAZY


class CachedDirectoryGeneratingJob(FolderJob):
    """CachedDirectoryGeneratingJob: makes a folder when a job first needs it, and keeps it.

    The job runs only if a job that depends on it must run, or cannot be decided without it. The parameters are those
    of `DirectoryGeneratingJob`.

        parts = ppg.CachedDirectoryGeneratingJob("parts", lambda folder: (folder / "a.txt").write_text("a"))
        copy = ppg.FileGeneratingJob("copy.txt", lambda out: out.write_text(Path("parts/a.txt").read_text()))
        copy.depends_on(parts)
        ppg.run()
        assert Path("parts/a.txt").exists()
    """

    __slots__ = ()
    kind: ClassVar[NodeKind] = NodeKind.LAZY
    keeps_files: ClassVar[bool] = True


def _cut(names: list[str]) -> list[str]:
    if len(names) <= MOST_NAMES:
        return names
    return [*names[:MOST_NAMES], f"… ({len(names) - MOST_NAMES} more)"]


def _refuse_precious(folder: str, what: str, pipegraph: "GraphProtocol") -> None:
    """Refuse a folder that has what must never be removed.

    Raises:
        JobContractError: it has.
    """
    root = pipegraph.root
    path = absolute(folder, root)
    for name, precious in _precious(path, pipegraph):
        if precious == path or precious.startswith(f"{path.rstrip('/')}/"):
            raise JobContractError(
                f"{what}: the folder is emptied before each start, and '{path}' is or contains {name} ('{precious}'); "
                "declare a folder that nothing else uses"
            )


def _precious(path: str, pipegraph: "GraphProtocol") -> Iterator[tuple[str, str]]:
    root = pipegraph.root
    yield "the root of the pipegraph", root
    yield "the working directory", os.getcwd()  # noqa: PTH109 (paths are texts here)
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if isinstance(script, str):
        yield "the script", os.path.abspath(script)  # noqa: PTH100
    yield "the folder for caches", str(pipegraph.cache_folder)
    yield "the folder for logs", f"{root.rstrip('/')}/logs"
    status = getattr(pipegraph, "status_path", None)
    if status is not None:
        yield "the status file", str(status)
    repository = f"{path}/.git"
    if os.path.lexists(repository):
        yield "a repository", repository


def _nothing() -> None:
    """Stand for the function of a job that a generator made."""
