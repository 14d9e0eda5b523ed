"""Interrupts: receives the signals that end a run in order, and wakes the run loop with a descriptor."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interrupts"]

Handler = Callable[[int, FrameType | None], Any] | int | None


class Interrupts:
    """Interrupts: makes SIGINT, SIGTERM and SIGHUP readable from a descriptor, on which a loop can wait.

    Within the `with` block the signals raise nothing; the first one is kept in `received`. Outside of the
    main thread Python cannot handle signals, and the handlers stay as they are.

    Attributes:
        received: the number of the first signal, or None.
        count: the number of signals so far.
        suspended: Ctrl-Z was pressed (SIGTSTP); the reader of this flag stops the process and resets the
            flag.
        winding_down: the user wants no more jobs to start.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.received: int | None = None
        self.count: int = 0
        self.suspended: bool = False
        self.winding_down = False
        self._read_end = -1
        self._write_end = -1
        self._former: dict[int, Handler] = {}

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when a signal arrives."""
        return self._read_end

    def drain(self) -> None:
        """Make the descriptor unreadable until the next signal."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read_end, 512):
                pass

    def abort(self) -> None:
        """Behave as if Ctrl-C had been pressed."""
        self._receive(signal.SIGINT, None)

    def __enter__(self) -> Self:
        self._read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        if threading.current_thread() is threading.main_thread():
            for number in self.SIGNALS:
                # A signal that is ignored (nohup) stays ignored.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._former[number] = signal.signal(number, self._receive)
            if signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
                self._former[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._suspend)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        os.close(self._read_end)
        os.close(self._write_end)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.received is None:
            self.received = number
        self._wake()

    def _suspend(self, _number: int, _frame: FrameType | None) -> None:
        self.suspended = True
        self._wake()

    def _wake(self) -> None:
        # If the pipe is full, the descriptor is readable already, so the loop wakes.
        with contextlib.suppress(BlockingIOError):
            os.write(self._write_end, b"!")
