"""Place: where other programs of the same user find a run that goes on.

A run listens on a socket in a private folder of this machine (`ppg_exec.open_runtime_folder`). A file of JSON beside the socket
describes the run. The same JSON is in the pointer: the file `<status file>.watch` beside the store, which may be on a
file system that other machines see, too. A run removes all three at its end. What a killed run leaves is recognised, and
removed by the next run, or by the next program that looks.
"""

import contextlib
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ppg_exec import listening_socket, open_runtime_folder
from ppg_invariants import open_private

if TYPE_CHECKING:
    from ppg.graph.declared import DeclaredGraph

__all__ = ["FOLDER", "DescribedRun", "RunPlace", "described", "pointer_path"]

FOLDER = "ppg-runs"
WAITING = 100
"""Watchers that can connect before the run accepts them."""


class DescribedRun(NamedTuple):
    """Described run: says which run a socket belongs to.

    Attributes:
        host: the name of the machine.
        boot: what tells this start of the machine from others.
        namespace: what tells the numbers of processes from those of other containers.
        pid: the process.
        root: the pipegraph's folder.
        script: the script, or an empty text if there is none.
        store: the status file.
        since: when the run started, in seconds since the epoch.
        socket: the path of the socket.
    """

    host: str
    boot: str
    namespace: int
    pid: int
    root: str
    script: str
    store: str
    since: float
    socket: str

    @property
    def is_of_this_machine(self) -> bool:
        """Whether the run is, or was, on this machine, since it started last."""
        return (self.host, self.boot) == (socket.gethostname(), _boot())

    @property
    def is_of_this_container(self) -> bool:
        """Whether its processes have the numbers that this process sees."""
        return self.is_of_this_machine and self.namespace == _namespace()


class RunPlace:
    """Run place: is the socket of one run, with its description and its pointer.

    Parameters:
        pipegraph: the graph that runs.

    Attributes:
        listening: the socket, which does not block.
        description: what the files say.

    Raises:
        OSError: there is no safe folder for the socket, or a file cannot be written.
    """

    def __init__(self, pipegraph: "DeclaredGraph") -> None:
        self._folder = open_runtime_folder(FOLDER, lasting=True)
        self._name = f"{os.getpid()}-{os.urandom(8).hex()}"
        self._pointer = pointer_path(pipegraph.status_path)
        self.description: DescribedRun = DescribedRun(
            host=socket.gethostname(),
            boot=_boot(),
            namespace=_namespace(),
            pid=os.getpid(),
            root=os.path.realpath(pipegraph.root),
            script=_script(),
            store=os.path.realpath(pipegraph.status_path),
            since=time.time(),
            socket=f"{os.readlink(f'/proc/self/fd/{self._folder}')}/{self._name}",  # noqa: PTH115
        )
        self._remove_what_a_killed_run_left()
        try:
            data = json.dumps(self.description._asdict()).encode()
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            for descriptor in (
                os.open(f"{self._name}.json", flags, 0o600, dir_fd=self._folder),
                open_private(str(self._pointer)),
            ):
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
            self.listening: socket.socket = listening_socket(self._folder, self._name, WAITING)
        except OSError:
            self._remove()
            raise

    def _remove_what_a_killed_run_left(self) -> None:
        """Remove the socket to which the pointer leads; this run holds the store, so no other run goes on."""
        try:
            left = described(self._pointer.read_bytes())
        except OSError:
            return
        folder, _, name = ("", "", "") if left is None else left.socket.rpartition("/")
        if folder == self.description.socket.rpartition("/")[0]:
            for each in (name, f"{name}.json"):
                with contextlib.suppress(OSError):
                    os.unlink(each, dir_fd=self._folder)

    def close(self) -> None:
        """Remove the socket, its description and the pointer; no watcher can connect any more."""
        self.listening.close()
        self._remove()

    def _remove(self) -> None:
        # What stays because of an error is removed as that of a killed run; the run itself is well.
        for name in (self._name, f"{self._name}.json"):
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self._folder)
        with contextlib.suppress(OSError):
            self._pointer.unlink()
        os.close(self._folder)


def pointer_path(status_path: Path) -> Path:
    """Return the path of the pointer to the run that writes a store."""
    return status_path.with_name(f"{status_path.name}.watch")


def described(data: bytes | str) -> DescribedRun | None:
    """Return the run that JSON describes; None if this is no description, or that of a ppg to come."""
    try:
        fields: Any = json.loads(data)
        found = DescribedRun(*(fields[name] for name in DescribedRun._fields))
    except (ValueError, KeyError, TypeError):
        return None
    texts = (found.host, found.boot, found.root, found.script, found.store, found.socket)
    numbers = (found.namespace, found.pid, found.since)
    is_sound = all(isinstance(text, str) for text in texts) and all(
        isinstance(number, (int, float)) for number in numbers
    )
    return found if is_sound else None


def _script() -> str:
    name = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.realpath(name) if isinstance(name, str) else ""


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _namespace() -> int:
    try:
        return os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116 (it leads to no path)
    except OSError:
        return 0
