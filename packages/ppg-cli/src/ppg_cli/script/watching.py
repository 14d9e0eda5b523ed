"""Watching: runs a script again whenever its inputs or its code change, each time in a new process.

The process of a run writes down which files it depends on, and what they were like when it looked. So an edit during
the run is seen, too, and what the script itself writes before its run starts no other one.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ppg import FileChecksumInvariant, FileTimeInvariant, FolderInvariant, Pipegraph
from ppg.text import counted, one_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.script import Script
from ppg_cli.terminal.streams import complain
from ppg_graph import is_read, path_of_read

__all__ = ["WatchedFiles", "watch_script"]

SECONDS_BETWEEN_LOOKS = 0.3
NAMED = 3

State = list[int] | list[str] | None
"""What a file is like: its times, size and inode; of a folder the names in it; None if there is nothing."""


class WatchedFiles:
    """Watched files: collects the files that a run depends on, with their states.

    Parameters:
        script: the script that runs.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._states: dict[str, State] = {}
        self._graphs: list[Pipegraph] = []
        self._add([script.file_name])

    def add_graph(self, pipegraph: Pipegraph) -> None:
        """Take in the inputs of a graph that is about to run, and the modules that are loaded."""
        self._graphs.append(pipegraph)
        self._add(_inputs(pipegraph))
        self._add(_modules(pipegraph.root, self._script))

    def write(self, path: Path) -> None:
        """Write all files, also those that became known in the run."""
        for pipegraph in self._graphs:
            self._add(_inputs(pipegraph))
        self._add(_modules(os.getcwd(), self._script))  # noqa: PTH109 (a text)
        path.write_text(json.dumps(self._states))

    def _add(self, files: Sequence[str]) -> None:
        for file in files:
            if file not in self._states:
                self._states[file] = _state(file)


def watch_script(script: Script, command: Sequence[str]) -> int:
    """Run a command line of `ppg` again and again, until Ctrl-C; return the exit code.

    Parameters:
        script: the script that the command runs.
        command: the arguments of `ppg`, without `--watch`.
    """
    with tempfile.TemporaryDirectory(prefix="ppg-") as folder:
        noted = Path(folder) / "watched"
        program = [sys.executable, "-c", "from ppg_cli.main import main; main()"]
        words = [*command[:1], "--watched-files", str(noted), *command[1:]]
        while True:
            noted.unlink(missing_ok=True)
            code = _run([*program, *words])
            if code == ExitCode.INTERRUPTED:
                return code
            states = (
                json.loads(noted.read_text())
                if noted.exists()
                else {script.file_name: _state(script.file_name)}
            )
            try:
                changed = _wait_for_change(states)
            except KeyboardInterrupt:
                complain("no longer watching")
                return ExitCode.INTERRUPTED
            more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
            complain(
                one_line(f"{', '.join(map(os.path.relpath, changed[:NAMED]))}{more} changed; running again")
            )


def _run(program: Sequence[str]) -> int:
    with subprocess.Popen(program) as running:
        while True:
            try:
                code = running.wait()
            except KeyboardInterrupt:
                # The terminal has sent Ctrl-C to the run as well, which ends in order.
                continue
            return code


def _wait_for_change(states: dict[str, State]) -> list[str]:
    """Return the files that changed, when they have not changed any more between two looks."""
    complain(f"watching {counted(len(states), 'file')}; Ctrl-C ends it")
    while True:
        now = {file: _state(file) for file in states}
        changed = [file for file, state in states.items() if now[file] != state]
        time.sleep(SECONDS_BETWEEN_LOOKS)
        if changed and now == {file: _state(file) for file in states}:
            return changed


def _state(file: str) -> State:
    try:
        stat = os.stat(file)  # noqa: PTH116 (a text)
        if os.path.isdir(file):  # noqa: PTH112
            return sorted(os.listdir(file))  # noqa: PTH208
    except OSError:
        return None
    return [stat.st_mtime_ns, stat.st_size, stat.st_ino]


def _inputs(pipegraph: Pipegraph) -> list[str]:
    """Return the input files of a graph: declared ones, those in observed folders, and those that jobs have read."""
    found: list[str] = []
    for job in pipegraph:
        if isinstance(job, FolderInvariant):
            folder = os.path.join(pipegraph.root, job.path)  # noqa: PTH118
            found += [place for place, _, _ in os.walk(folder)]
            found += [str(file) for file in Path(folder).rglob(job.glob) if file.is_file()]
        elif isinstance(job, (FileChecksumInvariant, FileTimeInvariant)):
            found.append(os.path.join(pipegraph.root, job.job_id))  # noqa: PTH118
        elif is_read(job.job_id):
            found.append(os.path.join(pipegraph.root, path_of_read(job.job_id)))  # noqa: PTH118
    root = pipegraph.root.rstrip("/") + "/"
    return [file for file in found if not pipegraph._makes(file.removeprefix(root))]


def _modules(root: str, script: Script) -> list[str]:
    """Return the files of the loaded modules that lie in the project, and belong to no environment."""
    folders = {f"{folder.rstrip('/')}/" for folder in (root, os.path.dirname(script.file_name))}  # noqa: PTH120
    prefix = sys.prefix.rstrip("/") + "/"
    found: list[str] = []
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.startswith(tuple(folders)) and not file.startswith(prefix):
            found.append(file)
    return found
