"""Events: what the listeners of a run get, one class for each kind.

    class Notes(ppg.Frontend):
        def listeners(self, pipegraph):
            return [self.note]

        def note(self, event):
            if isinstance(event, ppg.events.JobFailed):
                print(event)

`ppg.report.events` has the definitions.
"""

from ppg.report.events import (
    Answered,
    Event,
    GraphExtended,
    JobFailed,
    JobFinished,
    JobQueued,
    JobsBlocked,
    JobsNotNeeded,
    JobStarted,
    JobsUpToDate,
    Listener,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStopping,
    RunSuspended,
    RunWindingDown,
    StatusRequested,
    Warned,
)

__all__ = [
    "Answered",
    "Event",
    "GraphExtended",
    "JobFailed",
    "JobFinished",
    "JobQueued",
    "JobStarted",
    "JobsBlocked",
    "JobsNotNeeded",
    "JobsUpToDate",
    "Listener",
    "RunFinished",
    "RunResumed",
    "RunStarted",
    "RunStopping",
    "RunSuspended",
    "RunWindingDown",
    "StatusRequested",
    "Warned",
]
