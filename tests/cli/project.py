"""A folder with a script in it, the real `ppg` command on that script, and what it leaves running."""

import fcntl
import os
import re
import select
import signal
import subprocess
import sys
import termios
import textwrap
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PPG", "Ended", "Project", "Terminal"]

PPG = str(Path(sys.executable).with_name("ppg"))
PATIENCE = 120
"""Seconds after which a test gives up; never what a test measures."""

FOREIGN = {
    "COLUMNS",
    "FORCE_COLOR",
    "NO_COLOR",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "TTY_COMPATIBLE",
}
"""Settings of whoever runs the tests that would change what they see."""

PRELUDE = """\
import os, sys, time
from pathlib import Path
import ppg

def writes(text):
    def write(path):
        path.write_text(text)
    return write

def waits(path):
    # Tells the test that it runs, and goes on when the test says so.
    os.close(os.open(f"{path}.began", os.O_WRONLY))
    os.close(os.open(f"{path}.go", os.O_RDONLY))
    path.write_text("waited")

"""
"""What most scripts need; `waits` needs the two FIFOs that `Project.gate` makes."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> tuple[int, ...] | None:
        """How many jobs ran, were up to date, failed, were blocked."""
        found = re.findall(r"(\d+) ran, (\d+) up to date, (\d+) failed, (\d+) blocked", self.err)
        return tuple(int(number) for number in found[-1]) if found else None


class Project:
    """A user's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marker = f"ppg-test-{uuid.uuid4().hex}"
        self._started: list[subprocess.Popen[str]] = []
        self.environment = {name: value for name, value in os.environ.items() if name not in FOREIGN} | {
            "PPG_TEST": self.marker,
            "TERM": "xterm-256color",
        }

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def script(self, text: str, name: str = "script.py", prelude: str = PRELUDE) -> Path:
        """Write a script; it begins with the prelude."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(prelude + textwrap.dedent(text))
        return path

    def ppg(self, *arguments: str | Path, **options: object) -> Ended:
        """Run `ppg` with these arguments to its end, with pipes for its output."""
        return self.command(PPG, *arguments, **options)

    def command(self, *command: str | Path, **options: object) -> Ended:
        """Run a command to its end."""
        given: dict = {
            "cwd": self.folder,
            "env": self.environment,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        } | options
        ended = subprocess.run(command, text=True, errors="backslashreplace", timeout=PATIENCE, **given)
        return Ended(ended.returncode, ended.stdout or "", ended.stderr or "")

    def start(self, *arguments: str | Path, **options: object) -> subprocess.Popen[str]:
        """Start `ppg` and go on; the fixture ends it if the test does not."""
        given: dict = {
            "cwd": self.folder,
            "env": self.environment,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
        } | options
        self._started.append(subprocess.Popen([PPG, *arguments], text=True, **given))
        return self._started[-1]

    # -- jobs that wait ----------------------------------------------------------------------------------

    def gate(self, job: str) -> None:
        """Make the two FIFOs of a job whose callback is `waits`."""
        for name in ("began", "go"):
            os.mkfifo(self.folder / f"{job}.{name}")

    def wait_until_began(self, job: str) -> None:
        """Return when the job's callback runs."""
        descriptor = os.open(self.folder / f"{job}.began", os.O_RDONLY | os.O_NONBLOCK)
        try:
            # A writer that came and went leaves the end of the file, which is readable.
            assert select.select([descriptor], [], [], PATIENCE)[0], f"{job} never began"
        finally:
            os.close(descriptor)

    def wait_until_logged(self, text: str, log: str = "logs/ppg_run.txt") -> str:
        """Return the log as soon as it has this text: a job may begin before its start is told."""
        give_up = time.monotonic() + PATIENCE
        path = self.folder / log
        while text not in (found := path.read_text() if path.exists() else ""):
            assert time.monotonic() < give_up, f"{text!r} did not appear in {found!r}"
            time.sleep(0.01)
        return found

    def let_go(self, job: str) -> None:
        """Let the job's callback end."""
        os.close(os.open(self.folder / f"{job}.go", os.O_WRONLY))

    # -- what is left --------------------------------------------------------------------------------------

    def running(self) -> dict[int, str]:
        """The processes that come from this project, with their command lines."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self.marker.encode() in (process / "environ").read_bytes():
                    found[int(process.name)] = (
                        (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    )
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found

    def wait_until_nothing_runs(self) -> None:
        """Return when every process that comes from this project has ended."""
        give_up = time.monotonic() + PATIENCE
        while running := self.running():
            for pid in running:
                try:
                    descriptor = os.pidfd_open(pid)
                except ProcessLookupError:
                    continue
                try:
                    assert select.select([descriptor], [], [], max(0, give_up - time.monotonic()))[0], running
                finally:
                    os.close(descriptor)

    def end_everything(self) -> None:
        """After a test, whatever it was."""
        for pid in self.running():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.wait_until_nothing_runs()
        for command in self._started:
            command.wait()
            if command.stdout is not None:
                command.stdout.close()


class Terminal:
    """A real terminal (a pty) with `ppg`, or another command, in its foreground."""

    def __init__(
        self,
        project: Project,
        *arguments: str | Path,
        stdout: int | None = None,
        command: tuple[str, ...] | None = None,
    ) -> None:
        self._keyboard, ours = os.openpty()
        termios.tcsetwinsize(ours, (40, 120))
        self.settings = termios.tcgetattr(ours)
        self._ours = ours
        self.said = ""
        self.process = subprocess.Popen(
            command or [PPG, *arguments],
            cwd=project.folder,
            env=project.environment,
            stdin=ours,
            stdout=ours if stdout is None else stdout,
            stderr=ours,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def type(self, keys: bytes) -> None:
        """Press keys; Ctrl-C is b"\\x03"."""
        os.write(self._keyboard, keys)

    def settings_now(self) -> list:
        """The terminal's settings."""
        return termios.tcgetattr(self._ours)

    def expect(self, pattern: str) -> re.Match[str]:
        """Read until the pattern appears behind what was expected before."""
        give_up = time.monotonic() + PATIENCE
        while (found := re.search(pattern, self.said)) is None:
            assert self._read(give_up), f"{pattern!r} did not appear in {self.said!r}"
        self.said = self.said[found.end() :]
        return found

    def wait(self) -> int:
        """Read until the process ends; its exit code. `said` has what was not expected before."""
        give_up = time.monotonic() + PATIENCE
        ended = os.pidfd_open(self.process.pid)
        try:
            while not select.select([ended], [], [], 0)[0]:
                assert time.monotonic() < give_up, self.said
                if select.select([self._keyboard, ended], [], [], 1)[0]:
                    self._read(0)
        finally:
            os.close(ended)
        while self._read(0):
            pass
        return self.process.wait()

    def wait_until_stopped(self) -> None:
        """Read until the process has been stopped by a signal."""
        stopped = threading.Event()

        def watch() -> None:
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
            stopped.set()

        threading.Thread(target=watch, daemon=True).start()
        assert stopped.wait(PATIENCE), self.said
        while self._read(0):
            pass

    def typed_but_not_read(self) -> bytes:
        """What was typed and entered, and no process has read."""
        ready, _, _ = select.select([self._ours], [], [], PATIENCE)
        return os.read(self._ours, 65536) if ready else b""

    def hang_up(self) -> None:
        """Close the window."""
        for descriptor in (self._ours, self._keyboard):
            os.close(descriptor)
        self._ours = self._keyboard = -1

    def close(self) -> None:
        """Give up the terminal."""
        if self._keyboard >= 0:
            self.hang_up()
        self.process.kill()
        self.process.wait()

    def _read(self, give_up: float) -> bool:
        if not select.select([self._keyboard], [], [], max(0, give_up - time.monotonic()))[0]:
            return False
        self.said += os.read(self._keyboard, 65536).decode(errors="replace")
        return True
