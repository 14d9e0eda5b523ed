r"""UDP log: sends the events of a run as JSON lines to a port of this machine, if PPG_LOG_PORT names one.

Programs that follow runs from outside (`ppg log --listen --port 5005`, `nc -lu 127.0.0.1 5005`, a program of the
user) listen there. The run never waits for a listening program, and needs none. Without PPG_LOG_PORT the same lines
go to the listeners of the same user only (`ppg.report.local_log`).

Each datagram is one JSON object in ASCII with a newline at its end, of at most 8192 bytes. Every one has

    ppg     the version of this format, 1
    run     the same for all datagrams of a run, and different in every run: "<pid>-<nanoseconds>"
    number  counts the run's datagrams from 0; a gap means that datagrams were lost
    when    seconds since the epoch
    root    the pipegraph's folder
    event   one of the following, each with the fields that are named:

    run_started     jobs (the number that can do work)
    up_to_date      jobs (ids)
    not_needed      jobs (ids)
    queued          job, reasons
    started         job, pid
    finished        job, seconds, user_seconds, system_seconds, peak_memory (bytes),
                    attempts (how often it was started),
                    earlier (how the attempts before the last one ended),
                    taken_from_cache (true if the files come from the shared cache)
    failed          job, error (class name), message, traceback (or null), seconds (or null), attempts, earlier
    blocked         jobs (ids), cause (the job that failed)
    extended        generator, jobs (ids)
    warning         message
    winding_down    running (number of jobs)
    stopping        signal (number)
    suspended, resumed
    run_finished    ran, up_to_date, failed, blocked, not_needed, left_out, not_done (numbers of jobs), seconds

A job that runs on another machine has `machine` in started, finished and failed.

A list of ids that is too long for one datagram comes in several. Texts that are too long lose their middle
and other lists lose their end; the object then has `"cut": true`.

With `PPG_LOG_PORT=off` a run sends nothing, to no listener. Every user of the machine can listen on a port, and can
send to it. So name one only where the names of jobs and their errors are not confidential.
"""

import abc
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, assert_never

from ppg.exceptions import PyPipelineGraphError
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
    RunFinished,
    RunResumed,
    RunStarted,
    RunStopping,
    RunSuspended,
    RunWindingDown,
    StatusRequested,
    Warned,
)
from ppg.result import JobState

__all__ = [
    "HOST",
    "LARGEST_DATAGRAM",
    "SECONDS_BETWEEN_TRIES",
    "DatagramLog",
    "UdpLog",
    "is_log_off",
    "log_port",
    "rendered",
]

HOST = "127.0.0.1"
VARIABLE = "PPG_LOG_PORT"
LARGEST_DATAGRAM = 8192
"""Bytes. The limit of UDP itself is 65,507, but not every system passes datagrams of that size."""
SECONDS_BETWEEN_TRIES = 1.0
"""Pause in which nothing is sent or encoded, after the system reported that no program listens."""

Value: TypeAlias = str | int | float | Sequence[str] | None
Fields: TypeAlias = dict[str, Value]


def is_log_off(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether PPG_LOG_PORT switches the log off."""
    return environment.get(VARIABLE, "").strip().lower() in {"off", "0"}


def log_port(environment: Mapping[str, str] = os.environ) -> int | None:
    """Return the port that the log goes to, besides the listeners of the same user; None if there is none.

    Raises:
        PyPipelineGraphError: PPG_LOG_PORT is no port.
    """
    text = environment.get(VARIABLE, "").strip().lower()
    if not text or is_log_off(environment):
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise PyPipelineGraphError(f"{VARIABLE} must be a port from 1 to 65535, or 'off', not '{text}'")
    return int(text)


class DatagramLog(abc.ABC):
    """Datagram log: turns the events of one run into datagrams; subclasses send them.

    Parameters:
        root: the pipegraph's folder.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._run = f"{os.getpid()}-{time.time_ns()}"
        self._number = 0

    @abc.abstractmethod
    def is_heard(self) -> bool:
        """Whether a program listens, so that it is worth to make datagrams."""

    @abc.abstractmethod
    def send(self, data: bytes) -> bool:
        """Send a datagram; return whether more datagrams can be sent now."""

    @abc.abstractmethod
    def close(self) -> None:
        """Give up what is open; the run has ended."""

    def __call__(self, event: Event) -> None:
        """Send an event, unless no program listens."""
        if self.is_heard():
            # One event can be hundreds of datagrams; `all` stops to encode them when one is refused.
            all(self._sends(name, fields) for name, fields in rendered(event))
        if isinstance(event, RunFinished):
            self.close()

    def _sends(self, name: str, fields: Fields) -> bool:
        """Send one datagram; return whether more datagrams can be sent now."""
        head: Fields = {
            "ppg": 1,
            "run": self._run,
            "number": self._number,
            "when": time.time(),
            "root": self._root,
            "event": name,
        }
        self._number += 1
        return self.send(_encoded({**head, **fields}))


class UdpLog(DatagramLog):
    """UDP log: sends the events of one run to a port.

    Parameters:
        port: the port on this machine.
        root: the pipegraph's folder.
    """

    def __init__(self, port: int, root: str) -> None:
        super().__init__(root)
        self._address = (HOST, port)
        self._pause_until = 0.0
        self._socket: socket.socket | None = None

    def is_heard(self) -> bool:
        """Whether no pause is on, because no program listened."""
        return time.monotonic() >= self._pause_until

    def send(self, data: bytes) -> bool:
        """Send a datagram; return whether more datagrams can be sent now."""
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
                # Only on a connected socket does the system report that no program listens.
                self._socket.connect(self._address)
            self._socket.send(data)
        except BlockingIOError:
            # The listening program is slower than the run; it sees the gap in the numbers.
            return True
        except OSError:
            # No program listens, or this machine has no network; neither is an error of the run.
            self._pause_until = time.monotonic() + SECONDS_BETWEEN_TRIES
            return False
        return True

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def rendered(event: Event) -> Iterator[tuple[str, Fields]]:
    """Yield the name and the fields of each datagram of an event."""
    match event:
        case RunStarted(_, _, jobs):
            yield "run_started", {"jobs": jobs}
        case JobsUpToDate(job_ids):
            yield from _listed("up_to_date", job_ids)
        case JobsNotNeeded(job_ids):
            yield from _listed("not_needed", job_ids)
        case JobQueued(job_id, reasons):
            yield "queued", {"job": job_id, "reasons": reasons}
        case JobStarted(job_id, pid, _, machine):
            yield "started", {"job": job_id, "pid": pid, **_of_machine(machine)}
        case JobFinished(job_id, outcome):
            yield (
                "finished",
                {
                    "job": job_id,
                    "seconds": outcome.runtime,
                    "user_seconds": outcome.user_time,
                    "system_seconds": outcome.system_time,
                    "peak_memory": outcome.peak_memory,
                    "attempts": outcome.attempts,
                    "earlier": list(outcome.earlier),
                    "taken_from_cache": outcome.taken_from_cache,
                    **_of_machine(outcome.machine),
                },
            )
        case JobFailed(job_id, outcome):
            yield (
                "failed",
                {
                    "job": job_id,
                    "error": outcome.error_class,
                    "message": outcome.error_message,
                    "traceback": outcome.traceback,
                    "seconds": outcome.runtime,
                    "attempts": outcome.attempts,
                    "earlier": list(outcome.earlier),
                    **_of_machine(outcome.machine),
                },
            )
        case JobsBlocked(job_ids, cause):
            yield from _listed("blocked", job_ids, cause=cause)
        case GraphExtended(generator, job_ids):
            yield from _listed("extended", job_ids, generator=generator)
        case Warned(message):
            yield "warning", {"message": message}
        case RunWindingDown(running):
            yield "winding_down", {"running": running}
        case RunStopping(number):
            yield "stopping", {"signal": number}
        case RunSuspended():
            yield "suspended", {}
        case RunResumed():
            yield "resumed", {}
        case RunFinished(result):
            counts: Fields = {state.name.lower(): len(result.in_state(state)) for state in JobState}
            yield "run_finished", {**counts, "seconds": result.duration}
        case StatusRequested() | Answered():
            # A command and its answer concern only the user at the terminal.
            return
        case _:
            assert_never(event)


def _of_machine(name: str) -> Fields:
    return {"machine": name} if name else {}


def _listed(event: str, job_ids: Sequence[str], **others: str) -> Iterator[tuple[str, Fields]]:
    """Yield the event once or more, each time with ids that leave room for the rest of the datagram."""
    some: list[str] = []
    size = 0
    for job_id in job_ids:
        needed = len(json.dumps(job_id)) + 2
        if some and size + needed > LARGEST_DATAGRAM // 2:
            yield event, {"jobs": some, **others}
            some, size = [], 0
        some.append(job_id)
        size += needed
    if some:
        yield event, {"jobs": some, **others}


def _encoded(fields: Fields) -> bytes:
    """The fields as one line of JSON, the longest fields cut until the line fits a datagram."""
    data = json.dumps(fields).encode() + b"\n"
    while len(data) > LARGEST_DATAGRAM:
        fields["cut"] = True
        longest = max(fields, key=lambda name: len(json.dumps(fields[name])))
        fields[longest] = _shortened(fields[longest])
        data = json.dumps(fields).encode() + b"\n"
    return data


def _shortened(value: Value) -> Value:
    """Shortened value: the beginning and the end of a text, the first half of a list."""
    if isinstance(value, str):
        # A very long text shrinks to the limit at once, instead of by half in every step.
        kept = min(len(value) // 4, LARGEST_DATAGRAM // 4)
        return f"{value[:kept]} ... {value[-kept:]}"
    if isinstance(value, Sequence) and len(value) > 1:
        return value[: len(value) // 2]
    if isinstance(value, Sequence):
        return [str(_shortened(text)) for text in value]
    raise AssertionError(f"a number is never the longest field: {value!r}")
