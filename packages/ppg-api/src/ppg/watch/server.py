"""Server: shows a run to its watchers, and takes their commands.

The run loop waits for the watchers as it waits for its terminal; there is no thread. A watcher gets the whole state of the run,
at most twice a second, and each text that displays print. Nothing waits for a watcher: what it has not taken stays here up
to a limit. Beyond that the texts are dropped, and it gets the newest state when it reads again.
"""

import contextlib
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ppg.report.events import Answered, Event, RunFinished, RunStarted, StatusRequested, Warned
from ppg.report.progress import RunSoFar, StyledText
from ppg.watch.place import RunPlace
from ppg.watch.wire import FORMAT, encoded, state_fields
from ppg_exec import peer_of

if TYPE_CHECKING:
    from ppg.graph.declared import DeclaredGraph
    from ppg.result import RunResult

__all__ = ["Asked", "RunWatch"]

SECONDS_BETWEEN_STATES = 0.5
MOST_WAITING = 1 << 18
"""Bytes that wait for a watcher."""
LONGEST_LINE = 4096
REPEATED = 20
"""How many of the last texts a new watcher gets."""


class Asked:
    """Asked: is a line that a watcher sent, and its way back.

    Attributes:
        line: the line, without its end.
    """

    def __init__(self, line: str, answer: Callable[[str], None]) -> None:
        self.line: str = line
        self.answer: Callable[[str], None] = answer


class RunWatch:
    """Run watch: is a listener of one run, which shows it to watchers.

    Parameters:
        pipegraph: the graph that runs.
        publish: publishes an event to all listeners.
    """

    def __init__(self, pipegraph: "DeclaredGraph", publish: Callable[[Event], None]) -> None:
        self._publish = publish
        self._so_far = RunSoFar()
        self._told: deque[StyledText] = deque(maxlen=REPEATED)
        self._watchers: list[_Watcher] = []
        self._asked: list[Asked] = []
        self._has_changed = False
        self._next_state = 0.0
        self._next_look = 0.0
        self._admits_from = 0.0
        self._place: RunPlace | None = None
        self._problem: OSError | None = None
        try:
            self._place = RunPlace(pipegraph)
        except OSError as error:
            self._problem = error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._place is not None:
            self._place.close()
            self._place = None
        for watcher in self._watchers:
            watcher.close()
        self._watchers.clear()

    # -- as a listener ---------------------------------------------------------------------------------

    def __call__(self, event: Event) -> None:
        """Count an event, and keep for the watchers what displays print."""
        told = self._so_far.take(event)
        self._has_changed = True
        if isinstance(event, RunStarted) and self._problem is not None:
            self._publish(Warned(f"'ppg top' and 'ppg attach' cannot show this run: {self._problem}"))
        elif isinstance(event, RunFinished):
            self._end(event.result)
        elif told is not None and not isinstance(event, (Answered, StatusRequested)):
            self._told.append(told)
            self._tell(told)

    def _tell(self, told: StyledText) -> None:
        if self._watchers:
            line = encoded("told", text=told[0], style=told[1])
            for watcher in self._watchers:
                watcher.add(line)

    def _end(self, result: "RunResult") -> None:
        if not self._watchers:
            return
        code = 130 if result.interrupted_by is not None else int(bool(result.failed or result.blocked))
        line = encoded("end", told=list(self._so_far.ending(result)), code=code)
        for watcher in self._watchers:
            watcher.add(line)
            watcher.send()

    # -- in the run loop -------------------------------------------------------------------------------

    def register(self, poller: select.poll) -> None:
        """Let a poller wait for watchers that connect, that ask, or that take again what waits for them."""
        if self._place is not None and time.monotonic() >= self._admits_from:
            poller.register(self._place.listening, select.POLLIN)
        for watcher in self._watchers:
            if not watcher.is_full:
                watcher.send()
            poller.register(watcher.connection, select.POLLIN | (select.POLLOUT if watcher.is_full else 0))

    @property
    def seconds_until_due(self) -> float | None:
        """Seconds until the watchers get the next state; None if nothing has changed, or there is no watcher."""
        if self._asked:
            return 0.0
        if not self._watchers or not self._has_changed:
            return None
        return max(0.0, self._next_state - time.monotonic())

    def serve(self, ready: Collection[int] | None = None) -> None:
        """Admit new watchers, read what they ask, and send the state if it is time; never wait.

        Parameters:
            ready: the descriptors with something to read; None if that is not known.
        """
        if self._place is not None and (ready is None or self._place.listening.fileno() in ready):
            self._admit()
        if not self._watchers:
            return
        for watcher in self._watchers:
            if ready is None or watcher.connection.fileno() in ready:
                self._asked += watcher.read()
                watcher.is_full = False
        if self._has_changed and time.monotonic() >= self._next_state:
            # A job is named when it has run for a moment, of which no event tells.
            self._has_changed = self._so_far.will_show_more()
            self._next_state = time.monotonic() + SECONDS_BETWEEN_STATES
            line = self._state()
            for watcher in self._watchers:
                watcher.state = line
        for watcher in self._watchers:
            if not watcher.is_full:
                watcher.send()
        for watcher in [watcher for watcher in self._watchers if watcher.is_gone]:
            self._watchers.remove(watcher)
            watcher.close()

    def serve_sometimes(self) -> None:
        """Serve if it is time; long steps of the run loop call it often."""
        if self._place is not None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + SECONDS_BETWEEN_STATES
            self.serve()

    def asked(self) -> Iterator[Asked]:
        """Yield what watchers have asked; the caller answers."""
        while self._asked:
            yield self._asked.pop(0)

    def announce(self, text: str) -> None:
        """Tell the run's own displays, and all watchers, what a watcher does to the run."""
        self._publish(Answered(text))
        self._tell((text, "yellow"))

    def process_of(self, job_id: str) -> int | None:
        """Return the process of a running job; None if it runs on another machine, or in this process."""
        return self._so_far.process_of(job_id)

    def running_text(self) -> str:
        """Return the counts, and the running jobs."""
        return "\n".join(self._so_far.tally.running_lines(time.time()))

    def _state(self) -> bytes:
        return encoded("state", **state_fields(self._so_far))

    def _admit(self) -> None:
        assert self._place is not None
        while True:
            try:
                connection, _ = self._place.listening.accept()
            except (BlockingIOError, ConnectionError):
                # There is no other one, or it is gone already.
                return
            except OSError:
                # This process can open no more files. The watcher waits, and the loop must not look again and again.
                self._admits_from = time.monotonic() + SECONDS_BETWEEN_STATES
                return
            connection.setblocking(False)
            pid, user = peer_of(connection)
            watcher = _Watcher(connection)
            if user not in {0, os.geteuid()}:
                watcher.add(encoded("refused", why=f"this run belongs to another user than process {pid}"))
                watcher.send()
                watcher.close()
                continue
            self._so_far.begin_pace()
            watcher.add(encoded("hello", ppg=FORMAT, **self._place.description._asdict()))
            for text, style in self._told:
                watcher.add(encoded("told", text=text, style=style))
            watcher.state = self._state()
            self._has_changed = True
            self._watchers.append(watcher)


class _Watcher:
    """Watcher: is the connection to one watching program, with what waits for it.

    Attributes:
        connection: the socket, which does not block.
        state: the newest state that it has not got, or nothing.
        is_full: whether the system takes no more for it at this moment.
        is_gone: whether the other end is closed.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection: socket.socket = connection
        self.state: bytes = b""
        self.is_full: bool = False
        self.is_gone: bool = False
        self._begun = b""
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._missed = 0
        self._unfinished = b""

    def add(self, line: bytes) -> None:
        """Let a line wait for the watcher; if too much waits, drop all of it."""
        self._waiting.append(line)
        self._size += len(line)
        if self._size > MOST_WAITING:
            self._missed += len(self._waiting)
            self._waiting.clear()
            self._size = 0

    def send(self) -> None:
        """Send what waits, and then the newest state, as far as the system takes it."""
        line = b""
        try:
            while (line := self._begun or self._next()) and not self.is_gone:
                sent = self.connection.send(line, socket.MSG_NOSIGNAL)
                self._begun = line[sent:]
        except BlockingIOError:
            self._begun = line
            self.is_full = True
        except OSError:
            self.is_gone = True
        else:
            self.is_full = False

    def _next(self) -> bytes:
        if self._missed:
            missed, self._missed = self._missed, 0
            return encoded("missed", lines=missed)
        if self._waiting:
            line = self._waiting.popleft()
            self._size -= len(line)
            return line
        line, self.state = self.state, b""
        return line

    def read(self) -> list[Asked]:
        """Return the lines that have arrived."""
        try:
            data = self.connection.recv(LONGEST_LINE)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.is_gone = True
        *lines, unfinished = (self._unfinished + data).split(b"\n")
        self._unfinished = unfinished[:LONGEST_LINE]
        return [Asked(line[:LONGEST_LINE].decode(errors="replace"), self._answer) for line in lines]

    def _answer(self, text: str) -> None:
        self.add(encoded("told", text=text, style=""))

    def close(self) -> None:
        """End the connection; what was sent can still be read."""
        with contextlib.suppress(OSError):
            # A process that was forked meanwhile may have the socket, too.
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()
