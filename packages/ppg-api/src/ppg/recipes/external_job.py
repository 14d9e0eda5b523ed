"""External jobs: run a program that makes files.

An `ExternalJob` is a `MultiFileGeneratingJob` with a function that starts the program (`ppg.worker.command`).
Everything else works as for all jobs that make files. This module adds the declaration of the command:

- a text is passed to the program unchanged;
- a `Path` names an output of the job, or else a file that the job reads. The job depends on a file that it reads: on
  the job that makes it, or on its content;
- a job, or one file of a job, stands for the files that it makes.

The job observes the command as declared: its words, the declared environment and working directory, and the targets
of the streams. Files count by their names relative to the pipegraph's root.
"""

import functools
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from ppg.exceptions import PyPipelineGraphError
from ppg.jobs.invariants import ParameterInvariant
from ppg.jobs.job import Job, JobFile, unadmitted
from ppg.jobs.multi_file_jobs import MultiFileGeneratingJob
from ppg.jobs.tool_version import ToolVersionInvariant, checked_environment, checked_exit_codes
from ppg.kinds.confining import refuse_containers
from ppg.kinds.execution import ExecutionOptions
from ppg.paths import PathLike, absolute, require_folder, require_path
from ppg.recipes.inherited import graph_for
from ppg.session.namespaces import NameInNamespace, WholeName, name_in_namespace
from ppg.worker.command import Part, Placeholder, run_command
from ppg_graph import NodeKind

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["Argument", "ExternalJob", "TempExternalJob"]

Argument = str | os.PathLike[str] | float | Job | JobFile | Placeholder | None | tuple[Any, ...]
"""One argument of a command; the parts of a tuple make up one argument, and None makes none."""

_SHELL: tuple[tuple[Part, ...], ...] = (("bash",), ("-euo",), ("pipefail",), ("-c",))


class ExternalJob(MultiFileGeneratingJob):
    r"""ExternalJob: runs a program that makes one or several files.

    The job succeeds if the exit code means success and all outputs are there; otherwise its outputs are removed. The
    program's printed text is the job's output, as for all jobs. The program, and all processes that it starts, end
    with the job.

        Path("words.txt").write_text("b\na\n")
        job = ppg.ExternalJob("sorted.txt", ["sort", Path("words.txt")], stdout="sorted.txt", timeout="10m")
        job.depends_on("words.txt")
        ppg.run()
        assert job.path.read_text() == "a\nb\n"

    Parameters:
        filenames: the file that it makes, or several as an iterable, or as a dictionary of names to files.
        command: the program and its arguments. Texts and numbers are passed unchanged. A `Path` is an output, a
            folder of outputs, or else a file that the job reads, and so depends on. A job stands for its files (each
            is an argument), `job["name"]` for one of them. Pass a folder that the program reads as a text. `CORES` is
            the number of cores that the job got. The parts of a tuple make up one argument: `("--threads=", CORES)`.
            None is left out.
        shell: `command` is a line for the shell (or a list that makes up one, in which only texts are not quoted).
            `bash -euo pipefail` runs it: a part of a pipe that fails, and a variable that is not set, is an error.
        stdin: a file to read, or a job that makes one file; nothing by default.
        stdout, stderr: the output to which the stream goes, by file or by name; by default it is captured.
            They may be the same.
        environment: variables to set for the program, besides the inherited ones. Only these count as a change.
        working_directory: the folder in which the program runs, relative to the pipegraph's root, which is the
            default. Files are passed relative to the root, or, with another folder, as absolute names.
        success: the exit codes that mean success.
        version: a command that prints the tool's version, `["samtools", "--version"]`, or a ToolVersionInvariant:
            the job runs again with another version.
        rename_broken, empty_ok, cutoff: see `FileJob`.
        share: see `shares` of `FileJob`.
        timeout, retries, cores, memory, enforce_memory, isolation, confine: see `Execution`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
        JobContractError: another job makes one of the files, or an earlier declaration of the job differs.
        PyPipelineGraphError: a job in the command belongs to another pipegraph.
    """

    __slots__ = (
        "_declared",
        "_folder",
        "_input_files",
        "_inputs_by_name",
        "_is_single",
        "_success",
        "_version",
    )
    runs_program: ClassVar[bool] = True

    def __init__(
        self,
        filenames: PathLike | Iterable[PathLike] | Mapping[str, PathLike],
        command: Sequence[Argument] | str,
        *,
        shell: bool = False,
        stdin: PathLike | Job | JobFile | None = None,
        stdout: PathLike | None = None,
        stderr: PathLike | None = None,
        environment: Mapping[str, PathLike] | None = None,
        working_directory: PathLike | None = None,
        success: Iterable[int] = (0,),
        version: Sequence[str | os.PathLike[str]] | ToolVersionInvariant | None = None,
        rename_broken: bool = False,
        empty_ok: bool = False,
        cutoff: bool = True,
        share: bool = False,
        pipegraph: "GraphProtocol | None" = None,
        **options: Unpack[ExecutionOptions],
    ) -> None:
        self._is_single = isinstance(filenames, (str, os.PathLike))
        several = [filenames] if isinstance(filenames, (str, os.PathLike)) else filenames
        pipegraph = graph_for(pipegraph, _given_jobs(command, stdin), f"{type(self).__name__} {filenames!r}")
        # Reading the command needs the job's files, and the function needs the command, so `_unset` takes its place.
        super().__init__(
            several,
            _unset,
            rename_broken,
            empty_ok,
            cutoff=cutoff,
            share=share,
            pipegraph=pipegraph,
            **options,
        )
        what = f"{type(self).__name__} '{self.job_id}'"
        root = self.pipegraph.root
        folder = (
            root
            if working_directory is None
            else absolute(require_folder(working_directory, f"{what}: working_directory"), root)
        )
        self._folder = folder
        reader = _Reader(self, what, folder, quoting=shell)
        for word in _words(command, what, shell=shell):
            reader.take(word)
        if not reader.argv or reader.argv[0] == ("",):
            raise ValueError(f"{what}: command must name a program")
        if self.is_confined:
            texts = ["".join(part for part in parts if isinstance(part, str)) for parts in reader.argv]
            refuse_containers(what, texts, shell=shell)
        argv = [*_SHELL, _joined(reader.argv)] if shell else reader.argv
        source = None if stdin is None else reader.the_one_file(stdin, "stdin")
        if source in self.files:
            raise ValueError(
                f"{what}: stdin reads '{source}', which is one of its outputs; let it read another file"
            )
        targets = [
            None if to is None else self._output(to, what, stream)
            for stream, to in (("stdout", stdout), ("stderr", stderr))
        ]
        variables = checked_environment(environment, what)
        self._success = checked_exit_codes(success, what)
        self._version = _version(version, variables, self.pipegraph)
        self._inputs_by_name = tuple(
            name for name in reader.names if self.pipegraph._file_id(name.name) not in self.files
        )
        self._input_files = tuple(dict.fromkeys([*reader.inputs, *([source] if source else [])]))
        self._declared = {
            "arguments": reader.declared,
            "shell": shell,
            "stdin": source,
            "stdout": targets[0],
            "stderr": targets[1],
            "environment": variables,
            "working directory": self.pipegraph._file_id(folder),
        }
        self._callback = functools.partial(
            run_command,
            tuple(argv),
            job_id=self.job_id,
            directory=folder,
            environment=variables,
            stdin=None if source is None else absolute(source, root),
            stdout=None if targets[0] is None else absolute(targets[0], root),
            stderr=None if targets[1] is None else absolute(targets[1], root),
            success=self._success,
        )

    def definition(self) -> dict[str, object]:
        """Files, command and options."""
        version = None if self._version is None else (self._version.job_id, self._version.definition())
        named = {"command": self._declared, "success": self._success, "version": version}
        return {name: value for name, value in super().definition().items() if name != "function"} | named

    @property
    def folder(self) -> str:
        """The folder in which the program runs, absolute."""
        return self._folder

    @property
    def made(self) -> Path | list[Path] | dict[str, Path]:
        """The file's path if `filenames` was one; else as for `MultiFileGeneratingJob`."""
        return Path(self.files[0]) if self._is_single else super().made

    @property
    def path(self) -> Path:
        """The file, relative to the pipegraph's root, if the job makes only one.

        Raises:
            AttributeError: the job makes several files.
        """
        if len(self.files) > 1:
            raise AttributeError(f"{self!r} has no attribute 'path'; {self._several}")
        return Path(self.files[0])

    def __fspath__(self) -> str:
        if len(self.files) > 1:
            raise TypeError(f"{self!r} is no path; {self._several}")
        return self.files[0]

    @property
    def _several(self) -> str:
        return f'it makes {len(self.files)} files, so name one: job["{(self._file_names or self.files)[0]}"]'

    @property
    def input_files(self) -> tuple[str, ...]:
        """The files that the command reads, as far as the command names them as files."""
        return self._input_files

    @property
    def _named_inputs(self) -> Sequence[NameInNamespace]:
        """The files among them that the command names in a namespace."""
        return getattr(self, "_inputs_by_name", ())  # a job that an older ppg has pickled has none

    def implicit_invariants(self) -> Iterable[Job]:
        """The invariant of the command, unless the job ignores its changes, and that of the tool's version."""
        if not self.ignores_code_changes:
            yield self._command_invariant()
        if self._version is not None:
            self._version._join(self.pipegraph)
            yield self._version

    def ignored_invariant(self) -> Job | None:
        """The invariant of the command, if the job ignores its changes."""
        return self._command_invariant() if self.ignores_code_changes else None

    def _command_invariant(self) -> Job:
        return unadmitted(CommandInvariant, WholeName(self.job_id), self._declared, pipegraph=self.pipegraph)

    def _output(self, to: PathLike, what: str, stream: str) -> str:
        try:
            return str(self[to].path)
        except KeyError:
            raise ValueError(
                f"{what}: {stream} goes to '{os.fspath(to)}', which is none of its outputs; add it to them"
            ) from None


class CommandInvariant(ParameterInvariant):
    """CommandInvariant: observes the command of an external job, and is named after that job."""

    __slots__ = ()
    _name_space: ClassVar[str] = "command:"
    _if_declared_twice: ClassVar[str] = Job._if_declared_twice


class TempExternalJob(ExternalJob):
    """TempExternalJob: runs a program that makes temporary files; see `TempFileGeneratingJob` and `ExternalJob`.

    For example:

        words = ppg.TempExternalJob("words.tmp", ["echo", "b a"], stdout="words.tmp")
        ppg.file("copy.txt")(lambda out: out.write_text(Path("words.tmp").read_text())).depends_on(words)
        ppg.run()
        assert not Path("words.tmp").exists()
    """

    __slots__ = ()
    kind: ClassVar[NodeKind] = NodeKind.LAZY


class _Reader:
    """_Reader: translates the words of one job's command into arguments.

    Attributes:
        argv: the arguments, each as its parts.
        declared: the observed form of the arguments, with files as paths relative to the root.
        inputs: the files that the command reads.
        names: those among them, and among the outputs, that the command names in a namespace.
    """

    def __init__(self, job: ExternalJob, what: str, folder: str, *, quoting: bool) -> None:
        self._job = job
        self._what = what
        self._folder = folder
        self._quoting = quoting
        self.argv: list[tuple[Part, ...]] = []
        self.declared: list[object] = []
        self.inputs: list[str] = []
        self.names: list[NameInNamespace] = []

    def take(self, word: Argument) -> None:
        """Add the arguments of one word of the command: one, several, or none."""
        if word is None:
            return
        if isinstance(word, Job):
            for path in self._files_of(word):
                self._add([JobFile(word, path)])
        elif isinstance(word, tuple):
            self._add(word)
        else:
            self._add([word])

    def _add(self, pieces: Sequence[object]) -> None:
        """Add one argument."""
        alone = len(pieces) == 1
        declared: list[object] = []
        parts: list[Part] = []
        for piece in pieces:
            if isinstance(piece, Placeholder):
                declared.append(piece)
                parts.append(piece)
            elif _is_text(piece):
                text = str(piece)
                if "\0" in text:
                    raise ValueError(f"{self._what}: an argument cannot contain a NUL: {text!r}")
                declared.append(text)
                parts.append(text)
            else:
                path = self._file(piece)
                declared.append(PurePath(path))
                parts.append(self._spelled(path, alone=alone))
        self.declared.append(declared[0] if alone else tuple(declared))
        self.argv.append(tuple(parts))

    def the_one_file(self, given: object, argument: str) -> str:
        """Return the one file that an argument or `stdin` names."""
        if isinstance(given, Job):
            files = self._files_of(given)
            if len(files) != 1:
                raise ValueError(
                    f"{self._what}: {argument} must be one file, but {given!r} makes {len(files)}"
                )
            return files[0]
        if isinstance(given, JobFile):
            return self._files_of(given.job, str(given.path))[0]
        path = require_path(given, f"{self._what}: {argument}")
        if argument != "stdin" and (own := self._job._declared_path(path)) is not None and self._is_own(own):
            return own
        if (name := name_in_namespace(path)) is not None:
            self.names.append(name)
        return self._job.pipegraph._file_id(path)

    def _file(self, piece: object) -> str:
        """Return the file that a part of an argument names; add it to the inputs if the command reads it."""
        if not isinstance(piece, (str, Job, JobFile, os.PathLike)):
            raise TypeError(
                f"{self._what}: an argument must be a text, a number, a Path, a job or CORES, not "
                f"{type(piece).__name__}: {piece!r}"
            )
        path = self.the_one_file(piece, "a part of an argument")
        if not self._is_own(path):
            self.inputs.append(path)
        return path

    def _is_own(self, path: str) -> bool:
        """Whether the path is an output, or a folder that contains outputs, up to the root and beyond."""
        root = self._job.pipegraph.root
        folder = absolute(path, root).rstrip("/") + "/"
        return path in self._job.files or any(
            absolute(output, root).startswith(folder) for output in self._job.files
        )

    def _files_of(self, job: Job, path: str | None = None) -> tuple[str, ...]:
        if job.pipegraph is not self._job.pipegraph:
            raise PyPipelineGraphError(
                f"{self._what}: its command names {job!r}, which belongs to another pipegraph; declare it in this one"
            )
        if not job.files:
            raise TypeError(
                f"{self._what}: its command names {job!r}, which makes no files; use depends_on for it"
            )
        return job.files if path is None else (path,)

    def _spelled(self, path: str, *, alone: bool) -> str:
        """Return the name that the program gets, such that it is neither an option nor a tool in PATH."""
        root = self._job.pipegraph.root
        name = path if self._folder == root else absolute(path, root)
        if alone and (name.startswith("-") or not (self.argv or "/" in name)):
            name = f"./{name}"
        return shlex.quote(name) if self._quoting else name


def _given_jobs(command: object, stdin: object) -> Iterator[object]:
    """Yield the arguments of a command that may be jobs, and `stdin`."""
    if isinstance(command, Iterable) and not isinstance(command, str):
        for word in command:
            yield from word if isinstance(word, tuple) else (word,)
    yield stdin


def _words(command: object, what: str, *, shell: bool) -> list[Any]:
    if isinstance(command, str):
        if not shell:
            raise TypeError(
                f"{what}: command must be a list, the program and its arguments ({shlex.split(command)!r}), "
                "or else say shell=True"
            )
        return [command]
    if not isinstance(command, Sequence):
        raise TypeError(f"{what}: command must be a list of arguments, not {command!r}")
    return list(command)


def _joined(argv: Iterable[tuple[Part, ...]]) -> tuple[Part, ...]:
    """Join the arguments to one line."""
    line: list[Part] = []
    for parts in argv:
        line += [" ", *parts] if line else parts
    return tuple(line)


def _version(
    version: Sequence[str | os.PathLike[str]] | ToolVersionInvariant | None,
    environment: Mapping[str, str],
    pipegraph: "GraphProtocol",
) -> ToolVersionInvariant | None:
    if version is None or isinstance(version, ToolVersionInvariant):
        return version
    return unadmitted(ToolVersionInvariant, version, environment=environment, pipegraph=pipegraph)


def _is_text(piece: object) -> bool:
    """Whether the argument is passed unchanged: texts and numbers, but not truth values."""
    return isinstance(piece, str) or (type(piece) is not bool and isinstance(piece, Real))


def _unset() -> None:
    raise AssertionError("the command was not set")
