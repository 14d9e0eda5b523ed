"""File jobs: make files."""

import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack

from ppg.arguments import require_flag
from ppg.jobs.callback_job import CallbackJob
from ppg.kinds.confining import refuse_sharing
from ppg.kinds.execution import AS_USUAL, Execution, ExecutionOptions, execution_of
from ppg.kinds.kind import JobOutputs, Observing, ProcessCall, WrongFilesError
from ppg.kinds.signature import Callback, wants_argument
from ppg.kinds.typed import MakesFile
from ppg.paths import NamedAfterFile, PathLike, absolute, require_no_obstacle, require_path
from ppg.session.namespaces import full_path
from ppg.worker.calls import make_files
from ppg_graph import Files, FileStatus, JobId, NodeKind, Observation
from ppg_invariants import (
    FileComparison,
    FileProblem,
    FileState,
    Problem,
    Verdict,
    compare_files,
    describe_files_plainly,
    described,
    fingerprint_outputs,
)

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = [
    "FileGeneratingJob",
    "FileJob",
    "TempFileGeneratingJob",
]

INTACT = Files(FileStatus.INTACT)
"""The observation of nearly all outputs; always this object."""
INTACT_FILE = Verdict.INTACT

# Several files of a job can have different problems; the first of these is reported.
SEVERITY = (Verdict.MISSING, Verdict.UNREADABLE, Verdict.EMPTY, Verdict.CHANGED)
STATUS = {
    Verdict.MISSING: FileStatus.MISSING,
    Verdict.UNREADABLE: FileStatus.CHANGED,
    Verdict.EMPTY: FileStatus.EMPTY,
    Verdict.CHANGED: FileStatus.CHANGED,
}


def _flag(name: str) -> Any:
    """Return an attribute of file jobs that can be set to True and False only."""
    slot = f"_{name}"

    def set_flag(job: "FileJob", value: object) -> None:
        if not isinstance(value, bool):
            require_flag(value, f"{name} of '{job.job_id}'")
        if value and name == "shares" and job.is_confined:
            refuse_sharing(f"'{job.job_id}'")
        setattr(job, slot, value)

    # Many decisions read these attributes, so no function of Python does it.
    return property(operator.attrgetter(slot), set_flag)


class FileJob(CallbackJob):
    """FileJob: the base of jobs that make files.

    Attributes:
        rename_broken: after a failure the files that the callback left are renamed to `*.broken`
            instead of removed.
        empty_ok: a file of 0 bytes counts as made.
        cutoff: the job counts as changed only if its files' content changed. With False every rerun
            counts, for jobs with an effect that is not in the file.
        shares: the files are taken from the pipegraph's shared cache if they are there; if not, the made files are
            kept there (see `SharedCache`). Without a shared cache it has no effect. For jobs that take longer than
            copying their files.
    """

    __slots__ = ("_cutoff", "_empty_ok", "_passes_argument", "_rename_broken", "_shares")
    kind: ClassVar[NodeKind] = NodeKind.OUTPUT
    if TYPE_CHECKING:
        rename_broken: bool
        empty_ok: bool
        cutoff: bool
        shares: bool
    else:
        rename_broken = _flag("rename_broken")
        empty_ok = _flag("empty_ok")
        cutoff = _flag("cutoff")
        shares = _flag("shares")

    def __init__(
        self,
        job_id: str,
        function: Callback,
        pipegraph: "GraphProtocol | None",
        *,
        rename_broken: bool,
        empty_ok: bool,
        cutoff: bool,
        execution: Execution,
        share: bool = False,
    ) -> None:
        self._passes_argument = wants_argument(function, job_id)
        super().__init__(job_id, function, pipegraph, execution)
        self._rename_broken = rename_broken
        self._empty_ok = empty_ok
        self._cutoff = cutoff
        self._shares = share
        defaults = rename_broken is False and empty_ok is False and cutoff is True and share is False
        if not defaults:
            flags = {"rename_broken": rename_broken, "empty_ok": empty_ok, "cutoff": cutoff, "share": share}
            for name, flag in flags.items():
                require_flag(flag, f"{type(self).__name__} '{job_id}': {name}")
            if share and self.is_confined:
                refuse_sharing(f"{type(self).__name__} '{job_id}'")

    def share(self, wanted: bool = True) -> Self:
        """Take the files from the pipegraph's shared cache and keep them there, or do not; return the job."""
        self.pipegraph._require_declaring(f"change '{self.job_id}'")
        if require_flag(wanted, f"share of '{self.job_id}'") and self.is_confined:
            refuse_sharing(f"'{self.job_id}'")
        self._shares = wanted
        return self

    def definition(self) -> dict[str, object]:
        """Files, function and options."""
        return super().definition() | {
            "files": self.files,
            "rename_broken": self.rename_broken,
            "empty_ok": self.empty_ok,
            "cutoff": self.cutoff,
        }

    @property
    def _callback_arguments(self) -> tuple[object, ...]:
        """The arguments of the callback: none, or the paths that it makes."""
        return (self.made,) if self._passes_argument else ()

    @property
    def made(self) -> Path | list[Path] | dict[str, Path]:
        """The paths that the job makes, as its own function and functions of other jobs get them."""
        raise NotImplementedError

    @property
    def _file_names(self) -> tuple[str, ...] | None:
        """The names by which the function gets the files; None if it gets them without names."""
        return None

    @property
    def _reading(self) -> Callable[[], object] | None:
        """The function that reads the value in the files, if they are a cache; else None."""
        return None

    # -- hooks of the kind -------------------------------------------------------------------------

    @property
    def _absolute_files(self) -> tuple[str, ...]:
        """The absolute names of the files."""
        root = self.pipegraph.root
        return tuple(absolute(path, root) for path in self.files)

    def process_call(self) -> ProcessCall:
        """Return the call that removes old files, calls the callback, and describes the new files.

        Raises:
            JobContractError: something that is no file stands in the place of an output.
        """
        paths = self._places()
        return ProcessCall(
            make_files,
            (self.call, self._callback_arguments, paths, *self._patience),
            self._describing(paths),
            returns_plain=True,
        )

    def outputs_of(self, returned: Any, run_id: int) -> JobOutputs:
        """Describe the content of the files."""
        files: dict[str, FileState] = {}
        troubles: dict[Problem, list[str]] = {}
        for path, state in zip(self.files, map(described, returned), strict=True):
            if isinstance(state, FileProblem):
                troubles.setdefault(state.problem, []).append(path)
            else:
                files[path] = state
        if troubles:
            raise WrongFilesError(troubles)
        # A job without cutoff counts as changed whenever it ran, so its fingerprint is new in every run.
        fingerprint, parts = fingerprint_outputs(files, salt=b"" if self.cutoff else b"#%d" % run_id)
        return JobOutputs(fingerprint, parts, files)

    @staticmethod
    def observe_together(jobs: Sequence["FileJob"], observing: Observing) -> Iterable[Observation]:
        """Yield for each job whether its files match its record."""
        known: dict[JobId, Files] = {}
        # The generator unpacks one record at a time, because the records of a million files need much memory.
        recorded = _recorded(jobs, observing, known)
        results = iter(compare_files(recorded, should_stop=observing.should_stop))
        for job in jobs:
            if job.job_id in known:
                yield known[job.job_id]
                continue
            files = job.files
            found = list(islice(results, len(files)))
            for comparison in found:
                if comparison.verdict is not INTACT_FILE:
                    yield _state_of(job, found, observing)
                    break
            else:
                yield INTACT

    def sharing_obstacle(self) -> str | None:
        """Return a reason if the job has no cutoff: its fingerprint is then not that of its content."""
        if self.cutoff:
            return None
        return f"'{self.job_id}' has cutoff=False: its effect is not only in its files"

    @property
    def _patience(self) -> tuple[float | None, float]:
        """The timeout, and the seconds for threads that a callback leaves, for `make_files`."""
        return self.execution.timeout, self.pipegraph._seconds_for_threads

    def _places(self) -> tuple[str, ...]:
        """Return the absolute names of the files.

        Raises:
            JobContractError: something that is no file stands at one of them.
        """
        paths = self._absolute_files
        require_no_obstacle(paths, f"'{self.job_id}'")
        return paths

    def _describing(self, paths: tuple[str, ...]) -> Callable[[], object]:
        return functools.partial(describe_files_plainly, paths, empty_ok=self.empty_ok)


def _recorded(
    jobs: Iterable[FileJob], observing: Observing, known: dict[JobId, Files]
) -> Iterator[tuple[str, FileState]]:
    """Yield the files of all jobs with their recorded states; add jobs with unrecorded files to `known`."""
    root, history = observing.root, observing.history
    files_of, own_file_of = history.files, history.own_file
    for job in jobs:
        job_id, files = job.job_id, job.files
        if files == (job_id,) and (state := own_file_of(job_id)) is not None:
            yield absolute(job_id, root), state
            continue
        recorded = files_of(job_id)
        unknown = [path for path in files if path not in recorded]
        if unknown:
            known[job_id] = Files(FileStatus.CHANGED, tuple(unknown))
            continue
        for path in files:
            yield absolute(path, root), recorded[path]


def _state_of(job: FileJob, found: Sequence[FileComparison], observing: Observing) -> Files:
    """Return the state of a job's files after a comparison in which not all are intact."""
    troubles: dict[Verdict, list[str]] = {}
    touched: dict[str, FileState] = {}
    for path, comparison in zip(job.files, found, strict=True):
        if comparison.verdict is Verdict.TOUCHED and comparison.state is not None:
            touched[path] = comparison.state
        elif comparison.verdict is not Verdict.INTACT:
            troubles.setdefault(comparison.verdict, []).append(path)
    if touched and not troubles:
        observing.history.files_were_touched(job.job_id, touched)
    worst = next((verdict for verdict in SEVERITY if verdict in troubles), None)
    return INTACT if worst is None else Files(STATUS[worst], tuple(troubles[worst]))


class FileGeneratingJob(NamedAfterFile, FileJob):
    """FileGeneratingJob: makes one file.

    The job runs when the file is missing, empty or different from its record, and when one of its dependencies has
    changed. The file's folder is created first. If the new file has the same bytes as the old one, nothing
    downstream runs.

        job = ppg.FileGeneratingJob("a.txt", lambda path: path.write_text("a"))
        assert ppg.run().ran == ["a.txt"]
        assert job.path.read_text() == "a"

    Parameters:
        output_filename: the file; relative to the pipegraph's root, or absolute. It is the job's id.
        function: writes the file; called without arguments, or with the file's `Path` if it takes one.
        rename_broken, empty_ok, cutoff: see `FileJob`.
        share: see `shares` of `FileJob`.
        timeout, retries, cores, memory, enforce_memory, isolation, confine: see `Execution`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
        JobContractError: another job makes this file, or an earlier declaration of the job differs.
    """

    __slots__ = ()

    def __init__(
        self,
        output_filename: PathLike,
        function: MakesFile,
        rename_broken: bool = False,
        empty_ok: bool = False,
        *,
        cutoff: bool = True,
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        path = full_path(require_path(output_filename, "output_filename", self))
        super().__init__(
            path,
            function,
            pipegraph,
            rename_broken=rename_broken,
            empty_ok=empty_ok,
            cutoff=cutoff,
            share=share,
            # A graph has many of these jobs, so the text for messages is made only if there are options to check.
            execution=execution_of(options, ExecutionOptions, f"{type(self).__name__} '{path}'")
            if options
            else AS_USUAL,
        )
        self.job_id: JobId = self.pipegraph._file_id(str(path))

    @property
    def files(self) -> tuple[str, ...]:
        """The one file."""
        return (self.job_id,)

    @property
    def made(self) -> Path:
        """The file's path."""
        return self.path


class TempFileGeneratingJob(FileGeneratingJob):
    """TempFileGeneratingJob: makes a file that only other jobs need, for as long as they need it.

    The job runs only if a job that depends on it must run, or cannot be decided without it. The file is removed when
    all jobs directly downstream are done; it is kept for the next run if one of them failed.
    The parameters are those of `FileGeneratingJob`.

        part = ppg.TempFileGeneratingJob("part.tmp", lambda path: path.write_text("1"))
        ppg.file("copy.txt")(lambda out: out.write_text(Path("part.tmp").read_text())).depends_on(part)
        ppg.run()
        assert not Path("part.tmp").exists()
    """

    __slots__ = ()
    kind: ClassVar[NodeKind] = NodeKind.LAZY
