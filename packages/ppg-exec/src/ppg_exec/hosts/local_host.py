"""Local host: starts the forkserver, asks it for nodes, and ends every process, for the controller."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

from ppg_exec.hosts.forked_process import ForkedProcess
from ppg_exec.linux import BIND_NOW, MARKER, await_end, sweep
from ppg_exec.tasks import ExecutorError
from ppg_exec.transport.channel import Channel, pair
from ppg_exec.transport.forkserver_messages import (
    FROM_FORKSERVER,
    Close,
    FromForkserver,
    InterruptNode,
    KillNode,
    Pause,
    Resume,
    SignalJob,
    StartNode,
    ToForkserver,
)
from ppg_exec.transport.logbook import new_logbook
from ppg_exec.transport.node_messages import FROM_NODE, FromNode, ToNode, TrackFiles

if TYPE_CHECKING:
    from ppg_exec.pickling.inherited import InheritedObjects
    from ppg_exec.pickling.receive import IdentityTable
    from ppg_exec.pickling.send import SharedObjects
    from ppg_exec.tracking.uses import Tracking

__all__ = ["LocalHost", "NodeHandle", "StartMethod", "default_scratch"]

StartMethod = Literal["forkserver", "fork"]

_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; sys.argv[:] = {argv!r}; "
    "from ppg_exec.forkserver.guard import main; main({control}, {controller})"
)


@dataclass(slots=True, eq=False)
class NodeHandle:
    """NodeHandle: is one compute node as the controller sees it."""

    number: int
    channel: Channel[ToNode, FromNode]
    logbook: int
    inherited: InheritedObjects | None = None
    relayed: IdentityTable | None = None
    _shared: SharedObjects | None = None
    _trackings: dict[Tracking, int] = field(default_factory=dict)

    def tracking(self, tracking: Tracking | None) -> int:
        """The number by which the node knows which uses of files to note; tells it before the first task."""
        if tracking is None:
            return 0
        number = self._trackings.get(tracking)
        if number is None:
            from ppg_exec.tracking.places import prefixes_of  # noqa: PLC0415 (only a run that notes files needs it)

            number = self._trackings[tracking] = len(self._trackings) + 1
            self.channel.put(TrackFiles(number, prefixes_of(tracking), tracking.strace, tracking.exact))
        return number

    @property
    def shared(self) -> SharedObjects:
        """The objects that the node and the controller both have."""
        if self._shared is None:
            from ppg_exec.pickling.send import SharedObjects  # noqa: PLC0415 (a node starts while the controller imports pickling)

            self._shared = SharedObjects(self.inherited, self.relayed)
        return self._shared

    def close(self) -> None:
        """Close the descriptors."""
        self.channel.close()
        os.close(self.logbook)


class LocalHost:
    """LocalHost: runs the forkserver of one executor, from its first use on, and again if it dies.

    Args:
        marker: the name of the executor, which all processes beneath it carry in their environment.
        directory: where the processes run.
        scratch: where unlinked files for output go.
        environment: variables that the processes have beyond those of the main process.
        huge_pages: whether nodes put huge pages under what was loaded.
        start_method: "forkserver", a clean program; or "fork", a fork of this process.
        after_fork: called first in such a fork.
        relayed: the objects of the process that the tasks come from, if that is another one.

    """

    def __init__(
        self,
        marker: str,
        directory: str,
        scratch: str,
        environment: Mapping[str, str],
        *,
        huge_pages: bool,
        start_method: StartMethod,
        after_fork: Callable[[], object] | None = None,
        relayed: IdentityTable | None = None,
    ) -> None:
        self._marker = marker
        self._relayed = relayed
        self._directory = directory
        self._scratch = scratch
        self._environment = environment
        self._huge_pages = huge_pages
        self.start_method: StartMethod = start_method
        self._after_fork = after_fork
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None
        self._inherited: InheritedObjects | None = None
        self._messages: int = -1
        self._read_up_to = 0
        self._next_node = 1
        self.channel: Channel[ToForkserver, FromForkserver] | None = None

    @property
    def pid(self) -> int | None:
        """The pid of the guard, the forkserver's parent, while it runs."""
        return self._process.pid if self._process else None

    def new_node(self) -> NodeHandle:
        """Start a compute node, and the forkserver if need be. Raises ExecutorError if that is impossible."""
        try:
            if self.channel is None:
                self._start()
            assert self.channel is not None
            ours, theirs = pair()
            logbook = new_logbook()
            node = NodeHandle(
                self._next_node, Channel(ours, FROM_NODE), logbook, self._inherited, self._relayed
            )
            self._next_node += 1
            self.channel.put(
                StartNode(
                    node=node.number,
                    directory=self._scratch,
                    huge_pages=self._huge_pages,
                    connection=theirs.detach(),
                    logbook=os.dup(logbook),
                )
            )
        except OSError as error:
            raise ExecutorError(
                f"cannot start a compute node: {error}. Is there a limit on processes or descriptors "
                "(ulimit -u, ulimit -n)?"
            ) from error
        return node

    def _start(self) -> None:
        if self._messages < 0:
            # Output of processes that is no job's output: an interpreter that dies prints why.
            with tempfile.TemporaryFile(dir=self._scratch) as file:
                self._messages = os.dup(file.fileno())
        ours, theirs = pair()
        variables = {**self._environment, MARKER: self._marker}
        if self.start_method == "fork":
            # With a clean program, only that program imports this module.
            from ppg_exec.forkserver.guard import main as guard_program  # noqa: PLC0415
            from ppg_exec.pickling.inherited import INHERITED, InheritedObjects  # noqa: PLC0415

            control, controller = theirs.fileno(), os.getpid()
            inherited = self._inherited = InheritedObjects()

            def program() -> NoReturn:
                ours.close()
                INHERITED.take_over(inherited)
                os.chdir(self._directory)
                if self._after_fork is not None:
                    self._after_fork()
                guard_program(control, controller)

            inherited.list_all()
            self._process = ForkedProcess(program, self._messages, variables)
            theirs.close()
            self.channel = Channel(ours, FROM_FORKSERVER)
            return
        with theirs:
            program_text = _PROGRAM.format(
                path=sys.path, argv=sys.argv, control=theirs.fileno(), controller=os.getpid()
            )
            # Look native symbols up once, instead of in every job process that is the first to use them.
            if BIND_NOW not in os.environ:
                variables[BIND_NOW] = MARKER
            flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
            self._process = subprocess.Popen(
                [sys.executable, *flags, "-c", program_text],
                stdin=subprocess.DEVNULL,
                stdout=self._messages,
                stderr=self._messages,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd=self._directory,
                env={**os.environ, **variables},
            )
        self.channel = Channel(ours, FROM_FORKSERVER)

    def kill_node(self, node: NodeHandle) -> None:
        """End a node and everything beneath it; the forkserver reports its death."""
        if self.channel is not None:
            self.channel.put(KillNode(node.number))

    def interrupt_node(self, node: NodeHandle) -> None:
        """Raise an exception in the load that the node runs, if it runs one."""
        if self.channel is not None:
            self.channel.put(InterruptNode(node.number))

    def signal_job(self, node: NodeHandle, pid: int, which: int) -> None:
        """Signal a job and its process group, past a node that is busy; not if the job has ended."""
        if self.channel is not None:
            self.channel.put(SignalJob(node.number, pid, int(which)))

    def pause(self) -> None:
        """Stop every process beneath except the forkserver."""
        if self.channel is not None:
            self.channel.put(Pause())

    def resume(self) -> None:
        """Let stopped processes go on."""
        if self.channel is not None:
            self.channel.put(Resume())

    def stderr_tail(self, most: int = 16_384) -> str:
        """The end of what the processes have printed themselves since the last call."""
        if self._messages < 0:
            return ""
        size = os.fstat(self._messages).st_size
        start, self._read_up_to = max(self._read_up_to, size - most), size
        return os.pread(self._messages, size - start, start).decode(errors="replace").strip()

    def abandon(self, patience: float = 10.0) -> int:
        """After the forkserver's death: wait until its processes have ended; returns its return code."""
        assert self._process is not None
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        code = self._wait(self._process, patience)
        self._process = None
        # If the guard was killed, the forkserver ends, too, and may not have killed every process yet.
        sweep(self._marker)
        return code

    def close(self, patience: float = 10.0) -> None:
        """End every process beneath, and wait for that."""
        if self._process is not None:
            assert self.channel is not None
            self.channel.put(Close())
            with contextlib.suppress(EOFError):
                self.channel.flush()
            self.channel.close()
            self.channel = None
            self._wait(self._process, patience)
            self._process = None
        self._inherited = None
        if self._messages >= 0:
            os.close(self._messages)
            self._messages = -1

    def _wait(self, process: subprocess.Popen[bytes] | ForkedProcess, patience: float) -> int:
        """The return code of the guard, which ends when no process is left; at last by force."""
        if process.returncode is not None or await_end(process.pid, patience):
            return process.wait()
        process.kill()
        code = process.wait()
        sweep(self._marker)
        return code


def default_scratch() -> str:
    """The default place of unlinked files: the directory for temporary files."""
    return str(Path(tempfile.gettempdir()))
