"""Forkserver: is a clean, small process that forks compute nodes and ends what they leave behind.

It never runs user code and never blocks, so it acts reliably when a node dies, and when the main process
dies. Every process beneath it stays its descendant for as long as it lives, because it is a subreaper.

- A node has died: every process that was beneath it is now a child of the forkserver. The forkserver kills
  until none is left, and then reports the death to the controller.
- The main process is gone, or sends `Close`: the forkserver kills every process beneath, and ends.
- The forkserver itself is killed: its parent, the `guard`, inherits every process beneath, and kills it.
"""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import socket
import sys

from ppg_exec.forkserver.fork_hooks import import_threading
from ppg_exec.forkserver.memory_watch import MemoryWatch
from ppg_exec.linux import (
    BIND_NOW,
    MARKER,
    NODE_FAILED,
    ChildList,
    descendants,
    end_children,
    stat_fields,
    stay_in_reach,
)
from ppg_exec.node import node as node_program
from ppg_exec.node.loads import INTERRUPT
from ppg_exec.node.temporary_folders import random_folder, remove_folder
from ppg_exec.transport.channel import Channel
from ppg_exec.transport.forkserver_messages import (
    TO_FORKSERVER,
    Close,
    InterruptNode,
    KillNode,
    MemoryGrown,
    NodeDied,
    Pause,
    Resume,
    SignalJob,
    StartNode,
)
from ppg_exec.transport.messages import unhandled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from ppg_exec.transport.forkserver_messages import FromForkserver, ToForkserver

__all__ = ["main", "print_why"]

_REFUSALS = frozenset(
    {
        errno.EAGAIN,
        errno.EDQUOT,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.ENOSPC,
    }
)
"""Errors by which the machine refuses something, so that a traceback of ppg does not help."""


class _Forkserver:
    def __init__(self, control: socket.socket, controller: int, guard: int) -> None:
        self._hooks = import_threading()
        self._memory = MemoryWatch()
        self._channel: Channel[FromForkserver, ToForkserver] = Channel(control, TO_FORKSERVER)
        self._children = ChildList()
        self._nodes: dict[int, int] = {}
        self._temporary: dict[int, str] = {}
        # A fork of the main process may hold its end of the socket open, so a pidfd watches for its death.
        self._needed = [os.pidfd_open(pid) for pid in (controller, guard)]
        wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._wake = wake_read
        self._wake_write = wake_write
        signal.signal(signal.SIGCHLD, _notice)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve until the main process is gone or sends `Close`; then leave no process behind."""
        waiting = select.poll()
        control = self._channel.fileno()
        for descriptor in (control, self._wake, *self._needed):
            waiting.register(descriptor, select.POLLIN)
        try:
            while True:
                for descriptor, _ in waiting.poll(self._patience()):
                    if descriptor == control:
                        for message in self._channel.receive():
                            if not self._handle(message):
                                return
                    elif descriptor == self._wake:
                        os.read(self._wake, 4096)
                        self._reap()
                    else:
                        return
                self._look_at_memory()
                self._channel.flush()
        except EOFError:
            return
        finally:
            self._channel.close()
            end_children(self._children, ())
            for folder in self._temporary.values():
                remove_folder(folder)

    def _patience(self) -> int | None:
        return int(self._memory.patience() * 1000) + 1 if self._nodes else None

    def _look_at_memory(self) -> None:
        if self._nodes and not self._memory.patience():
            grown = self._memory.look(self._nodes)
            if grown:
                self._channel.put(MemoryGrown(grown))

    def _handle(self, message: ToForkserver) -> bool:
        match message:
            case StartNode():
                self._fork_node(message)
            case KillNode():
                self._signal_node(message.node, signal.SIGKILL)
            case InterruptNode():
                self._signal_node(message.node, INTERRUPT)
            case SignalJob():
                self._signal_job(message)
            case Pause():
                self._signal_all(signal.SIGSTOP)
            case Resume():
                self._signal_all(signal.SIGCONT)
            case Close():
                return False
            case _:
                unhandled(message)
        return True

    def _signal_all(self, which: signal.Signals) -> None:
        # Nodes first, so that none starts a job meanwhile. What a job starts after this look is not signalled.
        for pid in self._nodes:
            os.kill(pid, which)
        for pid in descendants(self._nodes):
            try:
                os.kill(pid, which)
            except ProcessLookupError:
                continue  # it has just ended

    def _signal_node(self, number: int, which: signal.Signals) -> None:
        for pid, known in self._nodes.items():
            if known == number:
                os.kill(pid, which)

    def _signal_job(self, order: SignalJob) -> None:
        # While the job is a child of its node, the node has not waited for it, so the pid is its own.
        fields = stat_fields(order.pid)
        if not fields or self._nodes.get(int(fields[1])) != order.node:
            return
        try:
            os.killpg(order.pid, order.signal)
        except ProcessLookupError:
            return  # it has just ended

    def _fork_node(self, order: StartNode) -> None:
        connection = socket.socket(fileno=order.connection)
        own = os.getpid()
        temporary = random_folder(order.directory)
        pid = os.fork()
        if pid == 0:
            try:
                self._channel.close()
                self._children.close()
                signal.set_wakeup_fd(-1)
                for changed in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTSTP, signal.SIGTTOU):
                    signal.signal(changed, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                for descriptor in (self._wake, self._wake_write, *self._needed):
                    os.close(descriptor)
                node_program.run_node(
                    connection, order.logbook, order.directory, own, self._hooks,
                    huge_pages=order.huge_pages, temporary=temporary,
                )  # fmt: skip
            except KeyboardInterrupt:
                # Like any program that SIGINT ends: the status of the node says so, where a traceback would mislead.
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                os.kill(os.getpid(), signal.SIGINT)
            except BaseException:  # noqa: BLE001 - the node ends here, and prints why
                print_why()
            finally:
                os._exit(NODE_FAILED)
        self._nodes[pid] = order.node
        self._temporary[pid] = temporary
        connection.close()
        os.close(order.logbook)

    def _reap(self) -> None:
        died = []
        left = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            number = self._nodes.pop(pid, None)
            if number is not None:
                died.append((number, status))
                left.append(self._temporary.pop(pid))
        if not died:
            return
        end_children(self._children, self._nodes)
        for folder in left:
            remove_folder(folder)
        for number, status in died:
            self._channel.put(NodeDied(number, status))


def _notice(_number: int, _frame: object) -> None:
    """Do nothing: the wakeup descriptor does the work, but a handler must exist for it."""


def print_why() -> None:
    """Print the current exception: a refusal of the machine in one line, any other with its traceback."""
    error = sys.exception()
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        sys.stderr.write(f"{error}\n")
    else:
        sys.excepthook(*sys.exc_info())
    sys.stderr.flush()


def main(control: int, controller: int, guard: int) -> NoReturn:
    """Run the forkserver.

    `control` is a connected socket, `controller` the pid of the main process, `guard` the pid of the parent.
    """
    if os.environ.get(BIND_NOW) == MARKER:
        del os.environ[BIND_NOW]  # meant for this program, not for those that tasks start
    stay_in_reach()
    server = _Forkserver(socket.socket(fileno=control), controller, guard)
    gc.disable()
    gc.freeze()
    server.run()
    os._exit(0)
