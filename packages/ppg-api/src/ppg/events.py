"""Events: what the listeners of a run get, one class for each kind.

    class Notes(ppg.Frontend):
        def listeners(self, pipegraph):
            return [self.note]

        def note(self, event):
            if isinstance(event, ppg.events.JobFailed):
                print(event)

`ppg.report.events` has the definitions.
"""

from ppg.report import events as _defined
from ppg.report.events import *  # noqa: F403 (the list of names is in one place)

__all__ = _defined.__all__
