"""Live view: shows a run on a terminal as a block that changes in its place, with unusual events above it, and an account at the end.

The run loop calls the view with each event, and a thread of the view draws the block. Drawing costs nothing that depends on
the number of jobs: the thread looks at the few jobs that it shows.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

from ppg.live.picture import picture
from ppg.live.processes import looked_at
from ppg.live.screen import MOST_ROWS, Above, Screen
from ppg.report.events import Event, JobQueued, RunFinished, RunResumed, RunStarted, RunSuspended
from ppg.report.progress import RunSoFar

__all__ = ["LiveView"]

SECONDS_BETWEEN_DRAWINGS = 0.5


class LiveView:
    """Live view: shows one run on a terminal.

    Parameters:
        stream: the terminal; see `ppg.live.screen.is_capable`.
        colours: whether to use colours; None for what NO_COLOR says.
    """

    def __init__(self, stream: TextIO, *, colours: bool | None = None) -> None:
        self._screen = Screen(stream, colours=colours)
        self._so_far = RunSoFar()
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._defect: Exception | None = None
        self._is_gone = False
        self._is_suspended = False

    def __call__(self, event: Event) -> None:
        """Count an event, and show it."""
        if isinstance(event, RunFinished):
            self._over.set()
            if self._thread is not None:
                self._thread.join()
        with self._lock:
            told = self._so_far.take(event)
            if isinstance(event, JobQueued):
                # Most runs of a large graph have nothing to do, so their durations are not looked up.
                self._so_far.begin_pace()
            if not self._is_gone:
                with self._while_there():
                    self._show(event)
                    if told is not None:
                        self._screen.print(*told)
        if self._defect is not None and self._over.is_set():
            raise self._defect

    @contextlib.contextmanager
    def _while_there(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # The terminal is closed, but the run goes on.
            self._is_gone = True

    def _show(self, event: Event) -> None:
        screen = self._screen
        match event:
            case RunStarted():
                self._take_streams()
                self._thread = threading.Thread(
                    target=self._draw_until_over, name="ppg live view", daemon=True
                )
                self._thread.start()
            case RunSuspended():
                # The shell owns the terminal now.
                screen.erase()
                self._is_suspended = True
            case RunResumed():
                self._is_suspended = False
            case RunFinished(result):
                screen.erase()
                self._give_streams_back()
                for text, style in self._so_far.ending(result):
                    screen.print_account(text, style)
            case _:
                pass

    # -- the standard streams ----------------------------------------------------------------------------

    def _take_streams(self) -> None:
        """Let the script print above the block, if it prints to a terminal."""
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None and not isinstance(stream, Above) and stream.isatty():
                setattr(sys, name, Above(stream, self._print_for_script))

    def _print_for_script(self, text: str) -> None:
        with self._lock:
            if not self._is_gone:
                with self._while_there():
                    self._screen.print(text)

    def _give_streams_back(self) -> None:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if isinstance(stream, Above):
                setattr(sys, name, stream.leave())

    # -- the thread --------------------------------------------------------------------------------------

    def _draw_until_over(self) -> None:
        try:
            self._draw_repeatedly()
        except Exception as error:  # noqa: BLE001 (raised when the run is over, as that of any listener)
            self._defect = error

    def _draw_repeatedly(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_DRAWINGS):
            with self._lock:
                shown = self._so_far.oldest()
            now = time.time()
            jobs = [looked_at(job_id, now - since, pid, machine) for job_id, since, pid, machine in shown]
            with self._lock:
                if self._over.is_set() or self._is_gone:
                    return
                if self._is_suspended or not self._screen.is_ours():
                    continue
                with self._while_there():
                    columns, rows = self._screen.size()
                    state = self._so_far.state(jobs)
                    self._screen.draw(picture(state, columns, min(rows - 2, MOST_ROWS)))
