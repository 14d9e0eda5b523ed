"""Wire: what a run and its watchers say to each other, as lines of JSON and as typed lines.

A run sends one JSON object a line. Each has the field `event`:

| event | other fields |
| --- | --- |
| `hello` | `ppg`: the version of this format, 1; the fields of `ppg.watch.place.DescribedRun` |
| `state` | the fields of `ppg.live.picture.RunState`; a running job is id, start, process id and machine |
| `told` | `text` and `style`: what a display prints above its block |
| `missed` | `lines`: how many texts are left out, because the watcher was slower than the run |
| `end` | `told`: texts with their styles, the account; `code`: the exit code of the jobs |
| `refused` | `why` |

A watcher sends lines, as a user types them at the run's own terminal.
"""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ppg.report.progress import RunSoFar

if TYPE_CHECKING:
    from ppg.live.picture import RunState

__all__ = ["FORMAT", "Fields", "encoded", "fields_of", "state_fields", "state_of"]

FORMAT = 1
Fields = dict[str, Any]


def encoded(event: str, **fields: object) -> bytes:
    """Return a line."""
    return json.dumps({"event": event, **fields}).encode() + b"\n"


def fields_of(line: bytes) -> Fields:
    """Return what a line says; an event without a name if it is not one of ppg."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": ""}


def state_fields(so_far: RunSoFar) -> Fields:
    """Return the state of a run."""
    from dataclasses import asdict, replace  # noqa: PLC0415 (only a run that is watched needs it)

    from ppg.live.picture import RunningJob  # noqa: PLC0415 (the same)

    now = time.time()
    running = so_far.oldest()
    state = so_far.state([RunningJob(job_id, now - since) for job_id, since, _, _ in running])
    return {**asdict(replace(state, running=())), "running": running, "when": now}


def state_of(fields: Mapping[str, Any], *, sees_processes: bool) -> "RunState":
    """Return the state that a run sent, as it is now.

    Parameters:
        fields: those of the event.
        sees_processes: whether the process ids mean the same here.
    """
    from ppg.live.picture import RunState  # noqa: PLC0415 (only a watcher needs it)
    from ppg.live.processes import looked_at  # noqa: PLC0415 (the same)

    now = time.time()
    running = (
        looked_at(job_id, now - since, pid if sees_processes else None, machine)
        for job_id, since, pid, machine in fields["running"]
    )
    age = max(0.0, now - fields["when"])
    left = fields["left"]
    return RunState(
        fields["counts"],
        fields["done"],
        fields["elapsed"] + age,
        None if left is None else max(0.0, left - age),
        list(running),
        fields["more_running"],
        fields["failures"],
        fields["more_failures"],
    )
