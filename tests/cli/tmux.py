"""A real terminal emulator: tmux, with a shell in it; what it shows is read as text."""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence

import pytest

from tests.cli.project import PATIENCE, Project

__all__ = ["Tmux", "require_tmux"]

PROMPT = "shell: "


def require_tmux() -> None:
    """Skip the test where tmux is missing; fail it where a missing tool is a failure."""
    if shutil.which("tmux") is None:
        assert "PPG_REQUIRE_TOOLS" not in os.environ, "tmux is missing"
        pytest.skip("needs tmux")


class Tmux:
    """A server of tmux of its own, with one window in which a shell runs in the project's folder."""

    def __init__(self, project: Project, columns: int = 80, rows: int = 24, **environment: str) -> None:
        self._name = f"ppg-{uuid.uuid4().hex}"
        self._environment = project.environment | environment
        self._environment.pop("TMUX", None)
        # The shell's own settings would change the prompt.
        shell = ["env", f"PS1={PROMPT}", "bash", "--norc", "--noprofile", "-i"]
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(project.folder),
            *shell,
        )  # fmt: skip
        self.wait_for(lambda lines: PROMPT.strip() in "".join(lines))
        # tmux sets its own.
        for name, value in environment.items():
            self.enter(f"export {name}={value}")

    def enter(self, text: str) -> None:
        """Type a line, and press Enter."""
        if text:
            self._tmux("send-keys", "-l", "--", text)
        self.press("Enter")

    def type(self, text: str) -> None:
        """Type text without Enter."""
        self._tmux("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names, such as C-c."""
        self._tmux("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self) -> list[str]:
        """Return the visible rows."""
        return self._tmux("capture-pane", "-p").split("\n")[:-1]

    def everything(self) -> list[str]:
        """Return the visible rows and what has scrolled away, with wrapped lines joined."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-").split("\n")[:-1]

    def coloured(self) -> str:
        """Return what is visible with its escape sequences for colours."""
        return self._tmux("capture-pane", "-p", "-e")

    def cursor(self) -> tuple[int, int]:
        """Return column and row of the cursor, from 0."""
        column, row = self._tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return int(column), int(row)

    def wait_for(self, holds: Callable[[Sequence[str]], bool]) -> list[str]:
        """Return the visible rows as soon as a condition holds for them."""
        give_up = time.monotonic() + PATIENCE
        while not holds(rows := self.screen()):
            assert time.monotonic() < give_up, "\n".join(["the screen never came to it:", *rows])
            time.sleep(0.05)
        return rows

    def wait_for_text(self, *texts: str) -> list[str]:
        """Return the visible rows as soon as all the texts are among them."""
        return self.wait_for(lambda rows: all(any(text in row for row in rows) for text in texts))

    def wait_for_prompt(self) -> list[str]:
        """Return the visible rows as soon as the shell waits for a command in the last of them."""
        return self.wait_for(lambda rows: _last(rows) == PROMPT.strip())

    def close(self) -> None:
        """End the server, and what runs in it."""
        subprocess.run(["tmux", "-L", self._name, "kill-server"], check=False, capture_output=True)

    def _tmux(self, *arguments: str) -> str:
        ended = subprocess.run(
            ["tmux", "-L", self._name, *arguments],
            env=self._environment,
            text=True,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


def _last(rows: Sequence[str]) -> str:
    return next((row.strip() for row in reversed(rows) if row.strip()), "")
