"""Tells listeners what happens. None of them can harm the run, or keep the others from hearing.

A listener that cannot write any more (OSError) is not told again, and the others hear why. Any other error is
a defect of the listener: it is not told again either, and its error is raised when the run is over and recorded.
"""

from collections.abc import Iterable

from ppg.report.events import Event, Listener, Warned

__all__ = ["Broadcast"]


class Broadcast:
    """The listeners of one run.

    Parameters:
        listeners: who is told, in this order.
    """

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._listeners = list(listeners)
        self._defects: list[Exception] = []

    def join(self, listeners: Iterable[Listener]) -> None:
        """More listeners, which hear what happens from now on."""
        self._listeners.extend(listeners)

    def tell(self, event: Event) -> None:
        """Call every listener."""
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
            self.tell(Warned(f"the run goes on, but is not logged completely: {problem}"))

    def raise_defects(self) -> None:
        """Raise what a listener raised, if one did.

        Raises:
            Exception: of the first such listener.
        """
        if self._defects:
            raise self._defects[0]
