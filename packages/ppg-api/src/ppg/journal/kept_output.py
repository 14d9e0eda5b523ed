r"""Kept output: writes what the jobs of a run have printed, and how they failed, to one indexed file beside the store.

The files are in the folder `<status file>.output`, one for each run that had any output: `run-7`. A file begins with a line
that names its format. Each job that printed or failed has an entry: a line of JSON, then the bytes of stdout, those of
stderr, and a line end. When the run has ended, an index follows, and then the position of the index. The file of a run
that was killed has no index; its entries are found one after the other.

All files together have at most so many bytes as `PPG_KEEP_OUTPUT` says: 100 MB by default, `off` for none. The oldest files
go first. If one run has more, the end of each output is kept as long as there is room.
"""

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

from ppg.exceptions import PyPipelineGraphError
from ppg.kinds.resources import bytes_of
from ppg.report.events import Event, JobFailed, JobFinished, RunFinished
from ppg.result import JobOutcome
from ppg_exec import Output
from ppg_invariants import open_private

__all__ = ["KeptEntry", "KeptOutput", "kept_entries", "make_folder", "most_kept", "output_folder"]

VARIABLE = "PPG_KEEP_OUTPUT"
BY_DEFAULT = 100_000_000
FORMAT = b"ppg output 1\n"
LONGEST_ERROR = 100_000
TRAILER = 21
"""Bytes at the end of a complete file: the position of the index, and a line end."""
MOST_OF_ENTRY = 1 << 20
"""Bytes of the line of JSON that no entry exceeds."""
_RUN = re.compile(r"run-([0-9]+)")

Fields: TypeAlias = dict[str, Any]


def most_kept(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many bytes of output are kept beside a store.

    Raises:
        PyPipelineGraphError: PPG_KEEP_OUTPUT is no size.
    """
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return BY_DEFAULT
    if text.lower() in {"off", "0"}:
        return 0
    try:
        return bytes_of(text, VARIABLE)
    except (TypeError, ValueError) as error:
        raise PyPipelineGraphError(f"{error}; write {VARIABLE}=100MB, or {VARIABLE}=off") from None


def output_folder(status_path: Path) -> Path:
    """Return the folder with the kept outputs of a store."""
    return status_path.with_name(f"{status_path.name}.output")


def make_folder(folder: Path) -> None:
    """Make the folder of kept outputs, as private as the store, and as open to a group as a folder of that group."""
    mode = 0o2770 if folder.parent.stat().st_mode & 0o2020 == 0o2020 else 0o700
    folder.mkdir(mode=mode, exist_ok=True)


class KeptOutput:
    """Kept output: is a listener that writes the file of one run; a run without output writes none.

    Parameters:
        folder: for the files of all runs.
        run_id: the number of this run.
        most: bytes of all files together.
    """

    def __init__(self, folder: Path, run_id: int, most: int) -> None:
        self._folder = folder
        self._path = folder / f"run-{run_id}"
        self._most = most
        self._file: IO[bytes] | None = None
        self._index: dict[str, int] = {}

    def __call__(self, event: Event) -> None:
        """Keep the output of a job that ended; complete the file at the end of the run."""
        match event:
            case JobFinished(_, outcome) if outcome.stdout_capture or outcome.stderr_capture:
                self._keep(outcome)
            case JobFailed(_, outcome):
                self._keep(outcome)
            case RunFinished() if self._file is not None:
                self._complete(self._file)
            case _:
                pass

    def _keep(self, outcome: JobOutcome) -> None:
        file = self._file or self._begin()
        position = file.tell()
        error = outcome.traceback or outcome.error or ""
        fields: Fields = {
            "job": outcome.job_id,
            "state": outcome.state.name,
            "when": time.time(),
            "error": error[-LONGEST_ERROR:] if outcome.failed else "",
        }
        room = self._most - position
        outputs: list[tuple[Output, int]] = []
        for name, output in (("stdout", outcome.stdout_capture), ("stderr", outcome.stderr_capture)):
            size = 0 if output is None else output.size
            kept = min(size, max(0, room))
            room -= kept
            fields |= {name: kept, f"{name}_size": size}
            if output is not None:
                outputs.append((output, kept))
        file.write(json.dumps(fields).encode() + b"\n")
        for output, kept in outputs:
            start = output.size - kept
            for begin in range(start, output.size, 1 << 20):
                file.write(output.read(begin, min(1 << 20, output.size - begin)))
        file.write(b"\n")
        file.flush()
        self._index[outcome.job_id] = position

    def _begin(self) -> IO[bytes]:
        make_folder(self._folder)
        self._file = file = os.fdopen(open_private(str(self._path)), "wb")
        file.write(FORMAT)
        return file

    def _complete(self, file: IO[bytes]) -> None:
        position = file.tell()
        file.write(json.dumps({"index": self._index}).encode() + b"\n")
        file.write(b"%020d\n" % position)
        file.close()
        _remove_oldest(self._folder, self._most, self._path)


def _remove_oldest(folder: Path, most: int, newest: Path) -> None:
    """Remove the files of the oldest runs until the rest has at most so many bytes; the newest file stays."""
    files = [path for _, path in _files(folder)]
    total = sum(path.stat().st_size for path in files)
    for path in reversed(files):
        if total <= most or path == newest:
            return
        total -= path.stat().st_size
        path.unlink()


def _files(folder: Path) -> list[tuple[int, Path]]:
    """Return the files with the numbers of their runs, the newest first."""
    if not folder.is_dir():
        return []
    found = ((_RUN.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted(((int(match[1]), path) for match, path in found if match is not None), reverse=True)


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """Kept entry: says what a job left in one run.

    Attributes:
        run_id: the number of the run.
        job_id: the job.
        state: the name of its `JobState`.
        when: when it ended, in seconds since the epoch.
        error: traceback or message, if it failed.
        stdout, stderr: the kept bytes, which are the end of the output.
        stdout_size, stderr_size: the number of bytes that were printed.
    """

    run_id: int
    job_id: str
    state: str
    when: float
    error: str
    stdout: bytes
    stderr: bytes
    stdout_size: int
    stderr_size: int

    @property
    def lost(self) -> int:
        """The number of bytes that were not kept."""
        return self.stdout_size + self.stderr_size - len(self.stdout) - len(self.stderr)


def kept_entries(folder: Path, job_id: str) -> Iterator[KeptEntry]:
    """Yield what a job left in the runs with kept output, the newest first."""
    for run_id, path in _files(folder):
        with path.open("rb") as file:
            position = _position(file, job_id)
            if position is not None and (entry := _read(file, position, run_id)) is not None:
                yield entry


def _position(file: IO[bytes], job_id: str) -> int | None:
    """Return where the entry of a job begins: by the index, or by all entries if the run was killed."""
    if file.readline(len(FORMAT)) != FORMAT:
        return None
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TRAILER))
    trailer = file.read()
    if trailer[:-1].isdigit() and len(trailer) == TRAILER and int(trailer) < size:
        file.seek(int(trailer))
        try:
            found = json.loads(file.readline())["index"].get(job_id)
        except (ValueError, KeyError, AttributeError):
            found = None
        return found if isinstance(found, int) else None
    position, last = len(FORMAT), None
    while (fields := _fields(file, position)) is not None:
        if fields["job"] == job_id:
            last = position
        position = file.tell() + fields["stdout"] + fields["stderr"] + 1
    return last


def _fields(file: IO[bytes], position: int) -> Fields | None:
    """Return the line of JSON at a position; None if there is no complete entry."""
    file.seek(position)
    try:
        fields = json.loads(file.readline(MOST_OF_ENTRY))
    except ValueError:
        return None
    if not isinstance(fields, dict) or not all(
        isinstance(fields.get(name), int) for name in ("stdout", "stderr")
    ):
        return None
    return fields


def _read(file: IO[bytes], position: int, run_id: int) -> KeptEntry | None:
    fields = _fields(file, position)
    if fields is None:
        return None
    stdout, stderr = file.read(fields["stdout"]), file.read(fields["stderr"])
    return KeptEntry(
        run_id,
        fields["job"],
        fields["state"],
        fields["when"],
        fields["error"],
        stdout,
        stderr,
        fields["stdout_size"],
        fields["stderr_size"],
    )
