"""Failures: groups jobs that failed in the same way.

Failures are equal if the same class of error was raised at the same place. Their messages may differ in numbers, in quoted
names, and in the name of the job. Without a place, quoted names must be the same.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ppg.text import one_line

if TYPE_CHECKING:
    from ppg.result import JobOutcome

__all__ = ["FailureGroup", "Failures", "error_line", "place_of"]

LONGEST_ERROR = 200
"""Characters of an error that its line shows."""

_FRAME = re.compile(r'^  File "(.+)", line (\d+), in (.+)$', re.MULTILINE)
_NUMBERS = re.compile(r"\d+")
_NUMBERS_AND_NAMES = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")
_INSTALLED = re.compile(r"/(?:site|dist)-packages/|/lib/python\d|^<")


@dataclass(slots=True)
class FailureGroup:
    """Failure group: jobs that failed in the same way.

    Attributes:
        error: class and message of the first failure, in one line.
        place: where the project's code raised it: `parse(), script.py:4`; empty if that is not known.
        job_ids: the jobs, in the order in which they failed.
        blocked: the jobs that cannot run because of these.
    """

    error: str
    place: str
    job_ids: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)


class Failures:
    """Failures: holds the failures of one run in groups.

    Attributes:
        groups: in the order of their first failure.
    """

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, ...], FailureGroup] = {}
        self._of_job: dict[str, FailureGroup] = {}

    @property
    def latest(self) -> Sequence[FailureGroup]:
        """The groups, that with the latest first failure first."""
        return list(reversed(self._by_key.values()))

    @property
    def groups(self) -> Sequence[FailureGroup]:
        """The groups, that with the most failed and blocked jobs first."""
        return sorted(
            self._by_key.values(),
            key=lambda group: (-len(group.job_ids) - len(group.blocked), group.error, group.place),
        )

    def take(self, outcome: "JobOutcome") -> FailureGroup:
        """Take the outcome of a failed job; return its group, which has one job if it is the first of its kind."""
        key = _key(outcome)
        group = self._by_key.get(key)
        if group is None:
            group = self._by_key[key] = FailureGroup(error_line(outcome), place_of(outcome.traceback or ""))
        group.job_ids.append(outcome.job_id)
        self._of_job[outcome.job_id] = group
        return group

    def block(self, job_ids: Iterable[str], cause: str) -> None:
        """Take jobs that cannot run because the job `cause` failed."""
        group = self._of_job.get(cause)
        if group is not None:
            group.blocked += job_ids


def error_line(outcome: "JobOutcome") -> str:
    """Return class and message of a failure in one line, which may be cut."""
    lines = (outcome.error or "").strip().splitlines()
    line = one_line(lines[0]) if lines else "no error is known"
    return line if len(line) <= LONGEST_ERROR else f"{line[:LONGEST_ERROR]}…"


def place_of(traceback: str) -> str:
    """Return where the innermost function of the project was: `parse(), script.py:4`; empty if none is known."""
    frames: list[tuple[str, str, str]] = _FRAME.findall(traceback)
    own = [frame for frame in frames if not _INSTALLED.search(frame[0])] or frames
    if not own:
        return ""
    file, line, function = own[-1]
    here = os.path.relpath(file) if file.startswith(f"{_folder()}/") else file
    called = f"{function}(), " if function.isidentifier() else ""
    return one_line(f"{called}{here}:{line}")


def _key(outcome: "JobOutcome") -> tuple[str, ...]:
    message = (outcome.error_message or "").replace(outcome.job_id, "JOB")
    places = tuple(":".join(frame) for frame in _FRAME.findall(outcome.traceback or ""))
    varying = _NUMBERS_AND_NAMES if places else _NUMBERS
    return (outcome.error_class or "", varying.sub("…", message), *places)


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 (Path.cwd costs more, and this is asked for each group)
    except FileNotFoundError:
        return "/"
