"""Replies: turns what a local executor reports into messages for the controller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from ppg_exec.agent.connection import Connection
from ppg_exec.executor import Event
from ppg_exec.links.ends import encode_end
from ppg_exec.links.messages import (
    FromAgent,
    LoadRepeatEnded,
    NameDiffered,
    NoticeGiven,
    OutputPart,
    SubmittedEnded,
    SubmittedStarted,
)
from ppg_exec.tasks import LoadRepeated, NameDiffers, Notice, Outcome, Output, Started
from ppg_exec.tracking.received import encoded_uses

__all__ = ["Replies"]

_SHORT = 1 << 16
"""Bytes of an output that go with the message of the task's end."""
_PART = 1 << 18


class Replies:
    """Replies: sends what happens to the tasks of an agent.

    Args:
        connection: to the controller.

    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.numbers: dict[str, int] = {}
        """of the tasks that have not ended, by their keys"""

    def send(self, event: Event) -> None:
        """Send what an event says."""
        match event:
            case Started():
                number = self.numbers.get(event.key)
                if number is not None:
                    self._connection.put(SubmittedStarted(number, event.pid, event.when))
            case Outcome():
                self._send_end(self.numbers[event.key], event)
            case LoadRepeated():
                self._connection.put(LoadRepeatEnded(event.key, encode_end(event.end)))
            case NameDiffers():
                self._connection.put(NameDiffered(event.module, event.name, event.problem, event.is_edited))
            case Notice():
                self._connection.put(NoticeGiven(event.message))
            case _:
                assert_never(event)

    def _send_end(self, number: int, outcome: Outcome) -> None:
        usage = outcome.usage
        long = [
            (is_stderr, output)
            for is_stderr, output in ((False, outcome.stdout), (True, outcome.stderr))
            if output.size > _SHORT
        ]
        ended = SubmittedEnded(
            number=number,
            end=encode_end(outcome.end),
            stdout=_short(outcome.stdout),
            stderr=_short(outcome.stderr),
            usage=(usage.wall, usage.user, usage.system, usage.peak_memory),
            warnings=outcome.warnings,
            attempts=outcome.attempts,
            earlier=tuple(encode_end(end) for end in outcome.earlier),
            uses=encoded_uses(outcome.uses, outcome.uses_incomplete),
        )
        if long:
            self._connection.put_later(_in_parts(number, long, ended))
        else:
            self._connection.put(ended)


def _short(output: Output) -> bytes | None:
    return None if output.size > _SHORT else output.read(0, _SHORT)


def _in_parts(number: int, outputs: list[tuple[bool, Output]], ended: SubmittedEnded) -> Iterator[FromAgent]:
    for is_stderr, output in outputs:
        for chunk in output.chunks(_PART):
            yield OutputPart(number, is_stderr, chunk)
    yield ended
