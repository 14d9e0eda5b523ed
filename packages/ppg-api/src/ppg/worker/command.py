"""Command: runs a program in the job process.

Every fork pays for the imports of its compute node. So this module, like `job_process`, imports nothing that job
processes would not need anyway; `subprocess` alone costs more than starting the program.
"""

import enum
import os
import signal
from collections.abc import Mapping, Sequence

__all__ = ["CORES", "Part", "Placeholder", "find_program", "run_command"]


class Placeholder(enum.Enum):
    r"""Placeholder: a part of an argument with a value that is fixed only when the job runs.

    For example:

        ppg.ExternalJob("cores.txt", ["echo", ppg.CORES], stdout="cores.txt", cores=1)
        ppg.run()
        assert Path("cores.txt").read_text() == "1\n"
    """

    CORES = "cores"
    """The number of cores that the job got."""


CORES = Placeholder.CORES

LONG = 1000
"""Maximum number of characters of a command in messages."""
SHELL_FOUND_NOTHING = 127
"""Exit code of shells if there is no such tool."""

Part = str | Placeholder
"""A piece of an argument."""


def run_command(
    argv: Sequence[Sequence[Part]],
    *,
    job_id: str,
    directory: str,
    environment: Mapping[str, str],
    stdin: str | None,
    stdout: str | None,
    stderr: str | None,
    success: frozenset[int],
) -> None:
    """Run a program until it ends, in the process group of the job.

    Parameters:
        argv: the program and its arguments, each as pieces to be joined.
        job_id: for messages.
        directory: the working directory, absolute.
        environment: variables that differ from those of the job process.
        stdin: the file to read, or None for an empty one.
        stdout, stderr: the files to write, or None for those of the job; they may be the same.
        success: the exit codes that mean success.

    Raises:
        CommandError: the program was not found, could not be started, or did not end with success.
    """
    __tracebackhide__ = True
    words = ["".join(map(_spelled, parts)) for parts in argv]
    variables = {**os.environ, **environment}
    # An executor without processes continues in this process, so the working directory is restored.
    came_from = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    opened: list[int] = []
    try:
        _enter(directory, words, job_id)
        program = find_program(words[0], variables)
        if program is None:
            raise _error(
                f"'{job_id}': the tool '{words[0]}' was not found in {_searched(words[0], variables, directory)}; "
                "install it, or give its path",
                words,
            )
        actions = _redirections(stdin, stdout, stderr, opened, words, job_id)
        try:
            # Python ignores SIGPIPE and SIGXFSZ, but programs expect them to end them, as when `head` has read enough.
            pid = os.posix_spawn(
                program,
                words,
                variables,
                file_actions=actions,
                setsigmask=(),
                setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
            )
        except OSError as error:
            hint = "; a script needs a first line like '#!/bin/sh'" if error.errno == 8 else ""
            raise _error(
                f"'{job_id}': '{program}' cannot be started: {error.strerror}{hint}", words
            ) from None
    finally:
        os.fchdir(came_from)
        for descriptor in (came_from, *opened):
            os.close(descriptor)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in success:
        if stderr is not None:
            # The file is removed with the other outputs of a failed job, but its text explains the failure.
            _show(stderr)
        raise _ended_badly(job_id, words, code, success)


def find_program(name: str, variables: Mapping[str, str]) -> str | None:
    """Return the file of a program: a path unchanged, a name searched in PATH; None if there is none."""
    if "/" in name:
        return name if os.path.exists(name) else None  # noqa: PTH110 (pathlib is not imported in job processes)
    for folder in os.get_exec_path(variables):
        path = os.path.join(folder, name)  # noqa: PTH118 (the same)
        if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113 (the same)
            return path
    return None


def _spelled(part: Part) -> str:
    if isinstance(part, str):
        return part
    # The executor sets PPG_CORES; an executor that does not set it runs one job at a time.
    return os.environ.get("PPG_CORES", "1")


def _enter(directory: str, words: Sequence[str], job_id: str) -> None:
    try:
        os.chdir(directory)
    except OSError as error:
        raise _error(
            f"'{job_id}': the working directory '{directory}' cannot be entered: {error.strerror}; make it, or correct working_directory",
            words,
        ) from None


def _redirections(
    stdin: str | None,
    stdout: str | None,
    stderr: str | None,
    opened: list[int],
    words: Sequence[str],
    job_id: str,
) -> list[tuple[int, int, int]]:
    """Return the file actions for the new process; add the descriptors opened for them to `opened`."""
    create = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    wanted = [(0, stdin or os.devnull, os.O_RDONLY)]
    if stdout is not None:
        wanted.append((1, stdout, create))
    if stderr is not None and stderr != stdout:
        wanted.append((2, stderr, create))
    actions = []
    for target, path, flags in wanted:
        try:
            opened.append(os.open(path, flags | os.O_CLOEXEC, 0o666))
        except OSError as error:
            raise _error(f"'{job_id}': '{path}' cannot be opened: {error.strerror}", words) from None
        actions.append((os.POSIX_SPAWN_DUP2, opened[-1], target))
    if stderr is not None and stderr == stdout:
        actions.append((os.POSIX_SPAWN_DUP2, 1, 2))
    return actions


def _show(path: str) -> None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
            while chunk := file.read(1 << 16):
                os.write(2, chunk)
    except FileNotFoundError:
        # If the program removed the file, the message has only the exit code.
        return


def _searched(name: str, variables: Mapping[str, str], directory: str) -> str:
    return f"'{directory}'" if "/" in name else f"PATH ({':'.join(os.get_exec_path(variables))})"


def _ended_badly(job_id: str, words: Sequence[str], code: int, success: frozenset[int]) -> Exception:
    if code < 0:
        try:
            name = f" ({signal.Signals(-code).name})"
        except ValueError:
            name = ""
        return _error(f"'{job_id}': {words[0]} was ended by signal {-code}{name}", words, signal_number=-code)
    expected = " or ".join(str(one) for one in sorted(success))
    hint = " (a tool in it was not found)" if code == SHELL_FOUND_NOTHING else ""
    return _error(
        f"'{job_id}': {words[0]} exited with code {code}, not {expected}{hint}", words, exit_code=code
    )


def _error(
    what: str, words: Sequence[str], exit_code: int | None = None, signal_number: int | None = None
) -> Exception:
    import shlex  # noqa: PLC0415 (only a job that failed needs it)

    from ppg.exceptions import CommandError  # noqa: PLC0415 (the same)

    shown = shlex.join(words)
    if len(shown) > LONG:
        shown = f"{shown[:LONG]} ... ({len(shown) - LONG:,} characters more)"
    return CommandError(f"{what}. The command was: {shown}", words, exit_code, signal_number)
