"""Requests: passes what the user types, at the run's own terminal and at others, to the commands."""

import select
from collections.abc import Callable, Collection

from ppg.control.commands import CHANGING, Commands
from ppg.control.terminal import Terminal
from ppg.report.events import Answered, Event, StatusRequested
from ppg.watch.server import Asked, RunWatch

__all__ = ["Requests"]

SECONDS_BETWEEN_LOOKS = 1.0
"""Interval in which a run in the background checks whether it is in the foreground again."""


class Requests:
    """Requests: waits for typed lines in the run loop, and has them answered.

    Parameters:
        terminal: the run's own terminal.
        watch: the other terminals.
        commands: executes the lines.
        publish: publishes the answers for the run's own terminal.
    """

    def __init__(
        self, terminal: Terminal, watch: RunWatch, commands: Commands, publish: Callable[[Event], None]
    ) -> None:
        self._terminal = terminal
        self._watch = watch
        self._commands = commands
        self._publish = publish
        self._keyboard: int | None = None

    def register(self, poller: select.poll) -> float | None:
        """Let a poller wait for lines; return the seconds after which it must not wait any more, or None."""
        self._keyboard = self._terminal.fileno()
        if self._keyboard is not None:
            poller.register(self._keyboard, select.POLLIN)
        self._watch.register(poller)
        due = self._watch.seconds_until_due
        if self._keyboard is None and self._terminal.is_there:
            return SECONDS_BETWEEN_LOOKS if due is None else min(due, SECONDS_BETWEEN_LOOKS)
        return due

    def handle(self, ready: Collection[int]) -> None:
        """Execute the lines that have arrived at some of the descriptors."""
        if self._keyboard in ready:
            for line in self._terminal.read_lines():
                if (answer := self._commands.execute(line)) is not None:
                    self._publish(answer)
        self._watch.serve(ready)
        for asked in self._watch.asked():
            self._answer(asked)

    def _answer(self, asked: Asked) -> None:
        if asked.line.strip().partition(" ")[0].lower() in CHANGING:
            self._watch.announce(f"from another terminal: {asked.line.strip()}")
        match self._commands.execute(asked.line):
            case Answered(text):
                asked.answer(text)
            case StatusRequested():
                asked.answer(self._watch.running_text())
            case _:
                # All displays tell what follows from it.
                pass
