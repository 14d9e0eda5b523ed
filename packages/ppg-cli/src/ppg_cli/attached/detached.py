"""Detached: starts a run that goes on without its terminal, and knows its log.

The run is a process in a session of its own. Its output goes to a file in the folder `.pypipegraph_status_robust.detached`, beside
the store. The first line of this log names the process, the last one the exit code. Until the first graph runs, the
starting command waits. So the terminal shows errors before that.
"""

import contextlib
import os
import re
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ppg.text import one_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.script import Script
from ppg_cli.terminal.streams import complain, write_to_stderr

__all__ = [
    "SECONDS_BETWEEN_LOOKS",
    "DetachedLog",
    "begin_detached",
    "last_log",
    "log_of_process",
    "run_detached",
    "tell_end",
]

FOLDER = Path(".pypipegraph_status_robust.detached")
MOST_LOGS = 20
TAIL = 40
"""Lines of a log that are shown when its run has ended."""
BYTES_LOOKED_AT = 1 << 16
SECONDS_BETWEEN_LOOKS = 0.2
STARTED = b"started"
_FIRST = re.compile(rb"ppg: process (\d+) runs .*\n")
_LAST = re.compile(rb"ppg: the detached run ended with exit code (-?\d+)\n$")


@dataclass(frozen=True, slots=True)
class DetachedLog:
    """Detached log: has what a detached run wrote.

    Attributes:
        path: the file.
    """

    path: Path

    @property
    def process(self) -> int | None:
        """The process that writes or wrote the log; None if it has not begun."""
        with self.path.open("rb") as file:
            found = _FIRST.match(file.readline(BYTES_LOOKED_AT))
        return int(found[1]) if found else None

    @property
    def exit_code(self) -> int | None:
        """The exit code; None if the run goes on, or was killed."""
        found = _LAST.search(self._end())
        return int(found[1]) if found else None

    @property
    def goes_on(self) -> bool:
        """Whether the process that writes the log lives."""
        pid = self.process
        if pid is None or log_of_process(pid) != DetachedLog(self.path.resolve()):
            return False
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        try:
            # It is readable when the process has ended, even if its parent has not taken notice yet.
            return not select.select([process], [], [], 0)[0]
        finally:
            os.close(process)

    def tail(self) -> str:
        """Return the last lines, but for the one with the exit code."""
        text = _LAST.sub(b"", self._end()).decode(errors="backslashreplace")
        return "".join(text.splitlines(keepends=True)[-TAIL:])

    def _end(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - BYTES_LOOKED_AT))
            return file.read()


def run_detached(script: Script, command: Sequence[str]) -> int:
    """Run a command line of `ppg` in a session of its own, and return when its first graph runs, or when it ended.

    Parameters:
        script: the script that the command runs.
        command: the arguments of `ppg`, without `--detach`.
    """
    problem = _make_folder()
    if problem:
        complain(problem)
        return ExitCode.SCRIPT_ERROR
    path = FOLDER / f"{script.path.name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    told, tells = os.pipe()
    program = [sys.executable, "-u", "-c", "from ppg_cli.main import main; main()"]
    try:
        running = subprocess.Popen(
            [*program, *command[:1], "--detached", str(tells), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(tells,),
            start_new_session=True,
        )
    finally:
        os.close(log)
        os.close(tells)
    found = DetachedLog(path)
    if _wait_for(told, running) == STARTED:
        _remove_oldest()
        name = one_line(str(script))
        complain(f"{name} runs on as process {running.pid}; 'ppg attach {name}' shows it until its end")
        complain(f"its output goes to {path}")
        return ExitCode.DONE
    # It has ended before it ran a graph, and this terminal is the place to say why.
    code = running.wait()
    write_to_stderr(_without_first_line(found.tail()))
    path.unlink()
    with contextlib.suppress(OSError):
        FOLDER.rmdir()
    return 128 - code if code < 0 else code


def _make_folder() -> str:
    """Make the folder for logs; return why that is not possible, or an empty text."""
    try:
        mode = 0o2770 if Path().stat().st_mode & 0o2020 == 0o2020 else 0o700
        FOLDER.mkdir(mode=mode, exist_ok=True)
        found = FOLDER.lstat()
    except OSError as error:
        return (
            f"the log of a detached run cannot be written: {error}; start it in a folder that you can write"
        )
    # A folder that is meant for a group has logs of several users.
    if not stat.S_ISDIR(found.st_mode) or (found.st_uid != os.geteuid() and not found.st_mode & stat.S_ISGID):
        return f"'{FOLDER}' is not a folder of yours, so no log of a detached run can be written; remove it"
    return ""


def _wait_for(told: int, running: "subprocess.Popen[bytes]") -> bytes:
    """Return what the run says; nothing if it has ended before."""
    with os.fdopen(told, "rb") as pipe:
        while True:
            try:
                return pipe.read(len(STARTED))
            except KeyboardInterrupt:
                # It has not begun, so Ctrl-C ends it as usual.
                running.send_signal(signal.SIGINT)


def _without_first_line(text: str) -> str:
    first, end, rest = text.partition("\n")
    return rest if _FIRST.match((first + end).encode()) else text


def begin_detached(script: Script, descriptor: int) -> Callable[[], None]:
    """Begin the log in the detached process; return what tells the starting command that a graph runs."""
    os.set_inheritable(descriptor, False)
    complain(one_line(f"process {os.getpid()} runs {script} without a terminal"))
    has_told = False

    def tell() -> None:
        nonlocal has_told
        if not has_told:
            has_told = True
            # The command may have been killed meanwhile.
            with contextlib.suppress(BrokenPipeError):
                os.write(descriptor, STARTED)
            os.close(descriptor)

    return tell


def tell_end(code: int) -> None:
    """Write the last line of the log."""
    complain(f"the detached run ended with exit code {code}")


def log_of_process(pid: int) -> DetachedLog | None:
    """Return the log of a process that runs detached; None of another one."""
    try:
        path = Path(f"/proc/{pid}/fd/2").readlink()
    except OSError:
        return None
    return DetachedLog(path) if path.parent.name == FOLDER.name and path.suffix == ".log" else None


def last_log(script: Path | None) -> DetachedLog | None:
    """Return the newest log in this folder, of a script or of any."""
    begin = "" if script is None else f"{script.name}-"
    logs = [path for path in _logs() if path.name.startswith(begin)]
    return DetachedLog(logs[0]) if logs else None


def _logs() -> list[Path]:
    """The logs in this folder, the newest first."""
    if not FOLDER.is_dir():
        return []
    found = [(path.stat(), path) for path in FOLDER.glob("*.log")]
    own = [(state.st_mtime_ns, path) for state, path in found if state.st_uid == os.geteuid()]
    return [path for _, path in sorted(own, reverse=True)]


def _remove_oldest() -> None:
    for path in _logs()[MOST_LOGS:]:
        if not DetachedLog(path).goes_on:
            path.unlink(missing_ok=True)
