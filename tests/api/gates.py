"""Jobs that wait in the middle until something was done to the files, and what can be done to them."""

import os
import shutil
from pathlib import Path

import ppg

__all__ = ["Gates", "edited", "edited_and_restored", "joined", "pass_gate", "verified"]


GO_ON = b"go on"


class Gates:
    """Jobs that wait, after they have begun, until something was done to the files; the listener of a run."""

    def __init__(self):
        self._actions = {}
        self._open = []

    def close(self):
        """Close all gates; their jobs have ended."""
        for gate in self._open:
            os.close(gate)

    def while_runs(self, job_id, action):
        """Call `action` when the job has begun; the job's callback goes on after that."""
        os.mkfifo(f"gate of {job_id}")
        self._actions[job_id] = action

    def before_publication_of(self, job_id, action):
        """Call `action` when the job has been recorded as done, before any job below it starts."""
        self._actions["done", job_id] = action

    def __call__(self, event):
        if isinstance(event, ppg.JobStarted) and event.job_id in self._actions:
            self._actions.pop(event.job_id)()
            # Opened for both directions, a pipe never blocks; so a job that died before its gate ends the test.
            gate = os.open(f"gate of {event.job_id}", os.O_RDWR)
            os.write(gate, GO_ON)
            self._open.append(gate)
        if isinstance(event, ppg.JobFinished):
            self._actions.pop(("done", event.job_id), lambda: None)()


def joined(job_id, *inputs):
    """A callback that passes the gate of its job, and writes what is in other files into its own."""

    def write(path):
        texts = [Path(name).read_text() for name in inputs]
        pass_gate(job_id)
        texts += [Path(name).read_text() for name in inputs]
        path.write_text(f"{path.name}: " + " ".join(texts))

    return write


def pass_gate(job_id):
    gate = Path(f"gate of {job_id}")
    if gate.exists():
        with gate.open("rb") as pipe:
            pipe.read(len(GO_ON))
        gate.unlink()


def verified(declare):
    graph = ppg.new_pipegraph(quiet=True)
    declare()
    return graph.verify(rehash=True)


def edited(name, text="bad"):
    return lambda: Path(name).write_text(text)


def edited_and_restored(name):
    """Other bytes, and then the old ones with the old time, into the same file."""

    def edit():
        shutil.copy2(name, "backup")
        Path(name).write_text("bad")
        shutil.copy2("backup", name)

    return edit
