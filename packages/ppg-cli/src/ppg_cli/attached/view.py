"""View: shows a run of another terminal as its own terminal does, and passes on what is typed.

On a terminal the view is the block of `ppg.live`; elsewhere it is plain lines. There is no thread: the view waits for the run, for
the keyboard and for signals in one place.
"""

import enum
import select
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from ppg.control.interrupts import Interrupts
from ppg.control.terminal import Terminal
from ppg.live.picture import picture
from ppg.live.screen import MOST_ROWS, Screen, is_capable
from ppg.text import escape_control_sequences
from ppg.watch.client import Watching
from ppg.watch.wire import state_of
from ppg_cli.attached.choice import listed
from ppg_cli.terminal.streams import complain, write_result

__all__ = ["End", "Ended", "show_run", "wait_interruptibly"]

SECONDS_BETWEEN_DRAWINGS = 0.5
SECONDS_UNTIL_TOLD = 2.0
"""A run that says nothing for so long at first is busy, and the view says so."""
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 1.0, 60.0, 1.25
"""Seconds between plain lines about progress."""
LEAVING = frozenset({"quit", "q", "exit", "detach"})


class End(enum.Enum):
    """End: names the ways in which a view ends."""

    RUN_ENDED = enum.auto()
    """The run has ended, and told its account."""
    RUN_LOST = enum.auto()
    """The run is gone without an account."""
    LEFT = enum.auto()
    """The user left by a word; the run goes on."""
    INTERRUPTED = enum.auto()
    """The user left by Ctrl-C; the run goes on."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Ended: says how a view ended.

    Attributes:
        how: the way.
        code: the exit code of the run's jobs, if it told one.
    """

    how: End
    code: int = 1


class _Display(Protocol):
    """Display: shows what a run tells."""

    def tell(self, text: str, style: str) -> None:
        """Print lines."""

    def tell_account(self, line: str, style: str) -> None:
        """Print a line of the account."""

    def take(self, fields: Mapping[str, Any]) -> None:
        """Take a new state."""

    def look(self) -> None:
        """Show the newest state, if it is time."""

    def clear(self) -> None:
        """Remove what does not stay."""


def show_run(watching: Watching) -> Ended:
    """Show a run until it ends, or the user leaves.

    Raises:
        PyPipelineGraphError: the run refuses this program.
    """
    stream = sys.stdout
    sees_processes = watching.run.is_of_this_container
    display: _Display = _Live(stream, sees_processes=sees_processes) if is_capable(stream) else _Plain()
    complain(next(iter(listed([watching.run]))))
    terminal = Terminal()
    if terminal.is_there:
        complain("'help' lists the commands; Ctrl-C or 'quit' leaves, and the run goes on")
    with Interrupts() as interrupts:
        try:
            return _show(watching, display, terminal, interrupts)
        finally:
            display.clear()


def wait_interruptibly(seconds: float) -> bool:
    """Wait; return False if the user has pressed Ctrl-C."""
    try:
        time.sleep(seconds)
    except KeyboardInterrupt:
        return False
    return True


def _show(watching: Watching, display: _Display, terminal: Terminal, interrupts: Interrupts) -> Ended:
    is_heard, told_busy = False, time.monotonic() + SECONDS_UNTIL_TOLD
    while interrupts.received is None:
        poller = select.poll()
        poller.register(watching, select.POLLIN)
        poller.register(interrupts, select.POLLIN)
        keyboard = terminal.fileno()
        if keyboard is not None:
            poller.register(keyboard, select.POLLIN)
        ready = {descriptor for descriptor, _ in poller.poll(SECONDS_BETWEEN_DRAWINGS * 1000)}
        if interrupts.fileno() in ready:
            interrupts.drain()
            if interrupts.suspended:
                interrupts.suspended = False
                # The shell owns the terminal now.
                display.clear()
                signal.raise_signal(signal.SIGSTOP)
        if keyboard in ready:
            for line in terminal.read_lines():
                if line.strip().lower() in LEAVING:
                    return Ended(End.LEFT)
                watching.ask(line)
        if watching.fileno() in ready:
            for fields in watching.events():
                is_heard = True
                match fields:
                    case {"event": "told", "text": str() as text, "style": str() as style}:
                        display.tell(text, style)
                    case {"event": "missed", "lines": int() as lines}:
                        display.tell(
                            f"({lines:,} messages were missed: this view was slower than the run)", "dim"
                        )
                    case {"event": "state"}:
                        display.take(fields)
                    case {"event": "end", "told": [*told], "code": int() as code}:
                        display.clear()
                        for text, style in told:
                            display.tell_account(text, style)
                        return Ended(End.RUN_ENDED, code)
                    case _:
                        # `hello`, and what a newer ppg may say.
                        pass
            if watching.is_over:
                return Ended(End.RUN_LOST)
        if not is_heard and time.monotonic() > told_busy:
            is_heard = True
            display.tell("the run is busy, and answers later", "")
        display.look()
    return Ended(End.INTERRUPTED)


class _Live:
    """Live: shows a run as a block on a terminal."""

    def __init__(self, stream: TextIO, *, sees_processes: bool) -> None:
        self._screen = Screen(stream)
        self._sees_processes = sees_processes
        self._fields: Mapping[str, Any] | None = None
        self._drawn = 0.0

    def tell(self, text: str, style: str) -> None:
        """Print lines above the block."""
        self._screen.print(escape_control_sequences(text), style)

    def tell_account(self, line: str, style: str) -> None:
        """Print a line of the account, broken between words."""
        self._screen.print_account(escape_control_sequences(line), style)

    def take(self, fields: Mapping[str, Any]) -> None:
        """Take a new state."""
        if self._fields is None:
            self._drawn = 0.0
        self._fields = fields

    def look(self) -> None:
        """Draw the block again."""
        now = time.monotonic()
        if self._fields is None or now - self._drawn < SECONDS_BETWEEN_DRAWINGS or not self._screen.is_ours():
            return
        self._drawn = now
        state = state_of(self._fields, sees_processes=self._sees_processes)
        columns, rows = self._screen.size()
        self._screen.draw(picture(state, columns, min(rows - 2, MOST_ROWS)))

    def clear(self) -> None:
        """Remove the block."""
        self._drawn = 0.0
        self._screen.erase()


class _Plain:
    """Plain: writes lines about a run, fewer with time."""

    def __init__(self) -> None:
        self._line = ""
        self._written = ""
        self._last = 0.0
        self._pause = FIRST_PAUSE

    def tell(self, text: str, style: str) -> None:  # noqa: ARG002 (of the protocol)
        """Write lines."""
        write_result(f"{escape_control_sequences(text)}\n".encode(errors="backslashreplace"))
        sys.stdout.flush()

    def tell_account(self, line: str, style: str) -> None:
        """Write a line of the account."""
        self.tell(line, style)

    def take(self, fields: Mapping[str, Any]) -> None:
        """Take a new state."""
        self._line = ", ".join(fields["counts"])

    def look(self) -> None:
        """Write the counts, if they have changed."""
        now = time.monotonic()
        if self._line != self._written and (not self._written or now - self._last >= self._pause):
            if self._written:
                self._pause = min(self._pause * GROWTH, LONGEST_PAUSE)
            self._written, self._last = self._line, now
            self.tell(self._line, "")

    def clear(self) -> None:
        """Do nothing: all that is written stays."""
