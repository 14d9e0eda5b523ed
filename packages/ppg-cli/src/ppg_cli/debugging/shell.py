"""Shell: opens an interactive shell in which the command of a job is at hand."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppg.debug.rehearsal import Command

__all__ = ["command_line", "open_shell"]

BASH = """\
[ -f ~/.bashrc ] && . ~/.bashrc
cd -- "$PPG_FOLDER"
unset PPG_FOLDER
history -s -- "$PPG_COMMAND"
"""
ZSH = """\
ZDOTDIR=$HOME
[ -f ~/.zshrc ] && . ~/.zshrc
cd -- "$PPG_FOLDER"
unset PPG_FOLDER
print -s -- "$PPG_COMMAND"
"""


def command_line(command: "Command") -> str:
    """Return the line that does in a shell what the job does."""
    streams = [f"< {shlex.quote(command.stdin)}"] if command.stdin is not None else []
    if command.stdout is not None:
        streams.append(f"> {shlex.quote(command.stdout)}")
    if command.stderr is not None:
        both = command.stderr == command.stdout
        streams.append("2>&1" if both else f"2> {shlex.quote(command.stderr)}")
    return " ".join([shlex.join(command.words), *streams])


def open_shell(command: "Command") -> None:
    """Open the user's shell in the folder and environment of the command, and wait until it ends.

    Raises:
        OSError: no shell can be started.
    """
    program = shutil.which(os.environ.get("SHELL", "")) or "/bin/sh"
    environment = os.environ | command.environment
    environment |= {"PPG_COMMAND": command_line(command), "PPG_FOLDER": command.folder}
    with tempfile.TemporaryDirectory(prefix="ppg-") as folder:
        words = [program]
        if Path(program).name == "bash":
            begin = Path(folder) / "bashrc"
            begin.write_text(BASH)
            words = [program, "--rcfile", str(begin), "-i"]
        elif Path(program).name == "zsh":
            (Path(folder) / ".zshrc").write_text(ZSH)
            environment["ZDOTDIR"] = folder
        # Ctrl-C and Ctrl-\\ are for the shell, and for what runs in it.
        kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGQUIT)}
        try:
            subprocess.run(
                words,
                cwd=command.folder,
                env=environment,
                check=False,
                restore_signals=True,
                preexec_fn=_usual_signals,
            )
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)


def _usual_signals() -> None:
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
