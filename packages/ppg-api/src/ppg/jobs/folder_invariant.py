"""Folder invariant: observes the files of an input folder, which no job makes."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ppg.jobs.job import Job, unadmitted
from ppg.kinds.kind import HistoryProtocol, Observing
from ppg.paths import PathLike, absolute, normalised_folder, require_folder
from ppg.session.namespaces import WholeName
from ppg_graph import Fingerprint, JobId, NodeKind, Observation, Unobservable, combine, matcher
from ppg_invariants import (
    FileProblem,
    FileState,
    Problem,
    StoredObservation,
    content_fingerprint,
    encode_parameters,
    observe_tree,
    require_algorithm,
)

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["FolderInvariant", "require_pattern"]

ALL = ("**", "**/*")
"""Patterns that match every file."""
MOST_EXPLAINED = 10_000
"""Number of files up to which the store keeps what explains a change of the folder."""


class FolderInvariant(Job):
    """FolderInvariant: observes the files of an input folder: names, contents, executable bits.

    A file that is added, removed or changed is a change, if its name matches. Files with an unchanged stat are not
    read. A link to a file counts as the file. A link to a folder counts by its target. The files that jobs of the
    pipegraph make do not count.

        Path("reads").mkdir()
        Path("reads/a.fastq").write_text("ACGT")
        reads = ppg.FolderInvariant("reads", "*.fastq")
        count = ppg.file("count.txt")(lambda out: out.write_text(str(len(list(Path("reads").glob("*.fastq"))))))
        count.depends_on(reads)
        ppg.run()
        assert count.path.read_text() == "1"

    Parameters:
        path: the folder; relative to the pipegraph's root, or absolute.
        glob: the files that count, as of `Path.glob`: `*` stops at a slash, `**` is any number of folders.
            By default all count.
        algorithm: the hash: xxh3_128 (the fastest), md5, sha256, blake2b, or another of hashlib's.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
        JobContractError: a job makes the folder.
    """

    __slots__ = ("_matches", "algorithm", "glob", "path")
    kind: ClassVar[NodeKind] = NodeKind.INVARIANT
    _name_space: ClassVar[str] = "folder:"
    path: str
    """The folder, relative to the pipegraph's root."""
    glob: str
    algorithm: str

    def __init__(
        self,
        path: PathLike,
        glob: str = "**/*",
        *,
        algorithm: str = "xxh3_128",
        pipegraph: "GraphProtocol | None" = None,
    ) -> None:
        text = require_folder(path, "FolderInvariant: path")
        self.glob = require_pattern(glob, "FolderInvariant: glob")
        require_algorithm(algorithm)
        self.algorithm = algorithm
        self._matches: Callable[[str], bool] | None = None
        super().__init__(WholeName(text), pipegraph)
        self.path = normalised_folder(text, self.pipegraph.root)
        self.job_id: JobId = JobId(f"{self._name_space}{self.path}/{self.glob}")

    def _state(self) -> dict[str, object]:
        # The function of a pattern cannot be pickled.
        return super()._state() | {"_matches": None}

    def definition(self) -> dict[str, object]:
        """Return the name of the hash."""
        return {"algorithm": self.algorithm}

    @property
    def whole_folder(self) -> str:
        """The folder."""
        return self.path

    def covers(self, path: str) -> bool:
        """Whether the name of a file matches."""
        begin = "" if self.path == "." else f"{self.path}/"
        return path.startswith(begin) and self._counts(path[len(begin) :])

    def observe(self, observing: Observing) -> Observation:
        """Return the fingerprint of the names and contents of all files that match."""
        history, before = observing.history, observing.history.files_seen(self.job_id)
        files, problems = observe_tree(
            absolute(self.path, observing.root),
            before,
            algorithm=self.algorithm,
            selects=self._counts,
            follows_links=True,
            should_stop=observing.should_stop,
        )
        if problems:
            return Unobservable(self._problem(problems[0]))
        files = {name: state for name, state in files.items() if state.algorithm != "folder"}
        fingerprint = combine(
            (name, Fingerprint(content_fingerprint(state))) for name, state in files.items()
        )
        if len(files) != len(before) or any(before.get(name) is not state for name, state in files.items()):
            history.saw_files(self.job_id, files)
            history.saw(self.job_id, StoredObservation(fingerprint, parameters=_explained(files)))
        return fingerprint

    def _counts(self, name: str) -> bool:
        if self.glob not in ALL:
            if self._matches is None:
                self._matches = matcher(self.glob)
            if not self._matches(name):
                return False
        path = name if self.path == "." else f"{self.path}/{name}"
        return not self.pipegraph._makes(path) and not self.pipegraph._is_own(path)

    def _problem(self, problem: FileProblem) -> str:
        if not problem.path:
            what = "is not there" if problem.problem is Problem.MISSING else problem.message
            return f"the input folder '{self.path}' {what}; put it right, or correct its name in the script"
        return (
            f"'{self.path}/{problem.path}' {problem.message}; put it right, or name the files that count: "
            f"FolderInvariant('{self.path}', '*.txt')"
        )

    def stand_in_notes(self) -> object:
        """Return folder, pattern and hash."""
        return [self.path, self.glob, self.algorithm]

    @classmethod
    def stand_in(
        cls, job_id: JobId, notes: Any, history: HistoryProtocol, pipegraph: "GraphProtocol"
    ) -> "FolderInvariant":
        """Return an invariant that observes the same folder."""
        path, glob, algorithm = notes
        return unadmitted(cls, path, glob, algorithm=algorithm, pipegraph=pipegraph)


def require_pattern(value: object, argument: str) -> str:
    """Return a pattern of names of files in a folder.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a pattern such as '*.txt', not {value!r}")
    steps = value.split("/")
    if not value or "\0" in value or any(step in {"", ".", ".."} for step in steps):
        raise ValueError(
            f"{argument} must be a pattern of names in the folder, such as '*.txt' or '**/*.txt', not {value!r}"
        )
    return value


def _explained(files: Mapping[str, FileState]) -> bytes | None:
    """Return what tells which file of the folder changed; None if there are too many to read about."""
    if len(files) > MOST_EXPLAINED:
        return None
    return encode_parameters({name: content_fingerprint(state).hex() for name, state in files.items()})
