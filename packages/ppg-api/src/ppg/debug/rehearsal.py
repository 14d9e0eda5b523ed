"""Rehearsal: calls one job in this process, with its loads, and leads what it writes into a scratch copy."""

import contextlib
import filecmp
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ppg.debug.guard import guarded
from ppg.debug.needs import Needs
from ppg.debug.redirect import redirected
from ppg.debug.view import View
from ppg.exceptions import JobContractError
from ppg.graph.generated import GeneratedJobs
from ppg.jobs.callback_job import CallbackJob
from ppg.jobs.job import Job
from ppg.kinds.kind import ProcessCall, WrongFilesError
from ppg.kinds.signature import Callback
from ppg.launch.inline import as_in_a_process_of_its_own
from ppg.outcomes.tasks import call_of
from ppg.paths import absolute
from ppg.pipegraph import Pipegraph
from ppg.recipes.external_job import ExternalJob
from ppg.worker.calls import make_room
from ppg_graph import NodeKind

__all__ = ["Command", "MadeFile", "Rehearsal", "trace_of_user"]

OURS = {"ppg", "ppg_cli", "ppg_exec", "bdb", "pdb"}
"""Packages between the command and the function of the user."""
LARGEST_COMPARED = 1 << 30
"""Bytes of files that are compared with the real ones."""


@dataclass(frozen=True, slots=True)
class MadeFile:
    """Made file: one file that the job made in the scratch copy.

    Attributes:
        name: its name in the project, as in the job's declaration.
        place: where it lies.
        size: in bytes.
        is_same: whether the real file has the same bytes; None if there is none, or they are too many to compare.
    """

    name: str
    place: str
    size: int
    is_same: bool | None


@dataclass(frozen=True, slots=True)
class Command:
    """Command: what an ExternalJob runs, with the outputs in the scratch copy.

    Attributes:
        words: the program and its arguments.
        folder: the working directory.
        environment: the variables that differ from those of ppg.
        stdin, stdout, stderr: the files of its streams, or None.
    """

    words: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    stdin: str | None
    stdout: str | None
    stderr: str | None


class Rehearsal:
    """Rehearsal: is a context in which a job can be called; its scratch copy stays afterwards if anything is in it.

    Parameters:
        pipegraph: the graph.
        needs: the job, and what it needs.
    """

    def __init__(self, pipegraph: Pipegraph, needs: Needs) -> None:
        self._pipegraph = pipegraph
        self._needs = needs
        self.job: Job = needs.job
        root = pipegraph.root
        self._made = tuple(absolute(path, root) for path in self.job.files)
        entered = [self.job.folder] if isinstance(self.job, ExternalJob) else []
        self._folders = [
            root,
            *entered,
            *(str(folder) for path in self._made for folder in Path(path).parents),
        ]
        self.folder: str = _scratch_folder(pipegraph.status_path, self.job.job_id)
        own = str(pipegraph.status_path)
        self.view: View = View(self.folder, root, self._made, entered, own)
        self._own = own
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._open.callback(os.chdir, os.getcwd())  # noqa: PTH109 (a text)
        os.chdir(self.view.place_of(self._pipegraph.root))
        os.environ["PPG_CORES"] = str(_cores(self.job))
        self._open.enter_context(guarded(self.view, self._needs.outputs, self._made, self._own))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def load(self, load: Job) -> None:
        """Call a load that the job needs.

        Raises:
            BaseException: it failed.
        """
        __tracebackhide__ = True
        call = call_of(load)
        with as_in_a_process_of_its_own(self._pipegraph, generates=False):
            call.function(*call.arguments)

    def call(self, debugged: Callable[[Callback], Callback]) -> object:
        """Call the job; return what it returned: of a generator the jobs that it declared.

        Parameters:
            debugged: returns what is called in place of the user's function.

        Raises:
            JobContractError: the job returned, but its files are not as they should be.
            BaseException: the job failed.
        """
        __tracebackhide__ = True
        call = self._redirected(debugged)
        generates = self.job.kind is NodeKind.GENERATOR
        with as_in_a_process_of_its_own(self._pipegraph, generates=generates):
            returned = call.function(*call.arguments)
            described = None if call.report is None else call.report()
        if call.report is not None:
            self._check(described)
        return returned

    def declared_by(self, returned: object) -> list[str] | None:
        """Return the ids of the jobs that a generator declared; None if the job is no generator."""
        return [job.job_id for job in returned.jobs] if isinstance(returned, GeneratedJobs) else None

    def command(self) -> Command:
        """Return the command of an ExternalJob, and make room for its outputs."""
        call = self._redirected(lambda function: function)
        make_room(tuple(map(self.view.place_of, self._made)))
        from ppg.worker.command import run_command  # noqa: PLC0415 (only jobs that run programs need it)

        run = next(part for part in call.arguments if getattr(part, "func", None) is run_command)
        given = run.keywords
        words = tuple(
            "".join(part if isinstance(part, str) else str(_cores(self.job)) for part in parts)
            for parts in run.args[0]
        )
        return Command(
            words,
            given["directory"],
            dict(given["environment"]),
            given["stdin"],
            given["stdout"],
            given["stderr"],
        )

    def made_files(self) -> list[MadeFile]:
        """Return the files that the job made, of the folder that it makes, and what it wrote besides."""
        root = self._pipegraph.root.rstrip("/") + "/"
        found = []
        for real in self.view.made():
            place = self.view.place_of(real)
            size = os.stat(place).st_size  # noqa: PTH116
            is_compared = size <= LARGEST_COMPARED and os.path.isfile(real)  # noqa: PTH113
            is_same = filecmp.cmp(place, real, shallow=False) if is_compared else None
            found.append(MadeFile(real.removeprefix(root), place, size, is_same))
        return found

    def remove_if_empty(self) -> None:
        """Remove the scratch copy if the job made nothing."""
        if not self.view.made():
            import shutil  # noqa: PLC0415 (most rehearsals make something)

            shutil.rmtree(self.folder)

    def _redirected(self, debugged: Callable[[Callback], Callback]) -> ProcessCall:
        job = self.job
        if isinstance(job, CallbackJob) and not isinstance(job, ExternalJob):
            kept = job._callback
            job._callback = debugged(kept)
            try:
                call = call_of(job)
            finally:
                job._callback = kept
        else:
            call = call_of(job)
        folders = self._folders if isinstance(job, ExternalJob) else ()
        return redirected(call, self._made, self.view.place_of, [name for name in folders if name != "/"])

    def _check(self, described: object) -> None:
        if self.job.job_id not in self._pipegraph.dag:
            return  # what other jobs of its generator want of its files is not known
        try:
            self.job.outputs_of(described, 0)
        except WrongFilesError as error:
            problems = "; ".join(
                f"{problem.value}: {', '.join(paths)}" for problem, paths in error.troubles.items()
            )
            raise JobContractError(
                f"'{self.job.job_id}' returned, but its files are not as they should be: {problems}"
            ) from None


def _cores(job: Job) -> int:
    return job.cores_needed if job.cores_needed > 0 else os.cpu_count() or 1


def _scratch_folder(status_path: Path, job_id: str) -> str:
    """Make an empty folder beside the store, or where temporary files go if that cannot be written."""
    prefix = re.sub(r"[^\w.-]+", "_", job_id)[:40].strip(".") + "-"
    beside = status_path.with_name(f"{status_path.name}.debug")
    try:
        beside.mkdir(mode=0o700, exist_ok=True)
        return os.path.realpath(tempfile.mkdtemp(prefix=prefix, dir=beside))
    except OSError:
        return os.path.realpath(tempfile.mkdtemp(prefix=f"ppg-debug-{prefix}"))


def trace_of_user(error: BaseException) -> TracebackType | None:
    """Return the traceback of an error from the first frame that is not ppg's; None if there is none."""
    trace = error.__traceback__
    while trace is not None and _package(trace) in OURS:
        trace = trace.tb_next
    last = trace
    while last is not None and last.tb_next is not None:
        if _module(last.tb_next).startswith("ppg.debug."):
            last.tb_next = None  # the guard has refused a write of the user
        last = last.tb_next
    return trace


def _module(trace: TracebackType) -> str:
    return str(trace.tb_frame.f_globals.get("__name__", ""))


def _package(trace: TracebackType) -> str:
    return _module(trace).partition(".")[0]
