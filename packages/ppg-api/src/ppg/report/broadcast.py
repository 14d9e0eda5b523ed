"""Broadcast: passes each event to the listeners, so that no listener can harm the run or the other listeners.

A listener that raises OSError (it cannot write any more) is removed, and a warning gives the reason to the
others. A listener that raises any other error has a defect: it is removed, and its error is raised after the
run is recorded.
"""

from collections.abc import Iterable

from ppg.report.events import Event, Listener, Warned

__all__ = ["Broadcast"]


class Broadcast:
    """Broadcast: publishes the events of one run to its listeners.

    Parameters:
        listeners: called with every event, in this order.
    """

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._listeners = list(listeners)
        self._defects: list[Exception] = []

    def join(self, listeners: Iterable[Listener], *, first: bool = False) -> None:
        """Add listeners, which get the events from now on; with `first`, before all others."""
        self._listeners = [*listeners, *self._listeners] if first else [*self._listeners, *listeners]

    def publish(self, event: Event) -> None:
        """Call every listener with the event."""
        lost: list[OSError] = []
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except OSError as error:
                self._listeners.remove(listener)
                lost.append(error)
            except Exception as error:  # noqa: BLE001 (raised when the run is over)
                self._listeners.remove(listener)
                error.add_note(f"{listener!r} raised this on {type(event).__name__}; the run itself went on")
                self._defects.append(error)
        for problem in lost:
            self.publish(Warned(f"the run goes on, but is not logged completely: {problem}"))

    def raise_defects(self) -> None:
        """Raise the error of the first listener that had a defect, if there is any.

        Raises:
            Exception: the error that this listener raised.
        """
        if self._defects:
            raise self._defects[0]
