"""Picture: lays out the state of a run as the lines of a block; pure, so that tests need no terminal."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ppg.live.screen import Line, cut, cut_front
from ppg.text import one_line

__all__ = ["RunState", "RunningJob", "picture"]

WIDEST_BAR = 40
SOON = 100
"""Seconds; an end that is further away is shown as a time of the day."""
LEAST_OF_NAME = 16
"""Columns of a job's name that are shown in any case."""


@dataclass(frozen=True, slots=True)
class RunningJob:
    """Running job: what a block shows of one job.

    Attributes:
        job_id: the job.
        seconds: for how long it runs.
        memory: bytes of its processes; None if that is not known.
        output: the last line that it printed.
        machine: where it runs; empty if that is this machine.
    """

    job_id: str
    seconds: float
    memory: int | None = None
    output: str = ""
    machine: str = ""


@dataclass(frozen=True, slots=True)
class RunState:
    """Run state: what a block shows of a run.

    Attributes:
        counts: the counts of the run, as texts: `12 of 100 jobs`, `3 failed`.
        done: the part of the jobs that are settled, from 0 to 1.
        elapsed: seconds since the run started.
        left: the estimate of the seconds until its end; None, or 0, if that is not known.
        running: the running jobs that are shown.
        more_running: the number of other running jobs.
        failures: the latest kinds of failures, with the number of jobs.
        more_failures: the number of other kinds.
    """

    counts: Sequence[str]
    done: float
    elapsed: float
    left: float | None = None
    running: Sequence[RunningJob] = ()
    more_running: int = 0
    failures: Sequence[str] = ()
    more_failures: int = 0


def picture(state: RunState, columns: int, rows: int) -> list[Line]:
    """Return the lines of the block, none of them wider than the terminal.

    Parameters:
        state: the state of the run.
        columns: of the terminal.
        rows: the most lines that the block may have; the counts come first, and running jobs give way first.
    """
    head = [*_counts(state, columns), _time(state, columns)]
    failures: list[Line] = [
        [("red", "failed  "), ("", cut(one_line(text), columns - 8))] for text in state.failures
    ]
    if state.more_failures:
        failures.append(
            [("", f"        and {state.more_failures:,} other kinds of failures; 'errors' lists them")]
        )
    running = list(_running(state, columns, rows - len(head) - len(failures)))
    return [*head, *running, *failures][: max(rows, 0)]


def duration(seconds: float) -> str:
    """Return a duration in few characters: `12.3 s`, `12:34`, `1:02:03`."""
    if seconds < 100:
        return f"{max(seconds, 0.0):.1f} s"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _counts(state: RunState, columns: int) -> Iterator[Line]:
    """The counts, in as many lines as they need."""
    line = ""
    for text in state.counts:
        longer = f"{line}, {text}" if line else text
        if line and len(longer) > columns:
            yield [("bold", f"{line},"[:columns])]
            longer = text
        line = longer
    yield [("bold", cut(line, columns))]


def _time(state: RunState, columns: int) -> Line:
    text = f"{duration(state.elapsed)} so far"
    if state.left:
        # A job that takes longer than estimated leaves nothing to tell.
        text += f", {_end(state.left)}"
    width = min(WIDEST_BAR, columns - len(text) - 11)
    if width < 5:
        return [("", cut(text, columns))]
    filled = min(width, int(state.done * width))
    bar = [("", "["), ("green", "=" * filled), ("dim", "." * (width - filled)), ("", "]")]
    return [*bar, ("", f" {int(state.done * 100):3} %  {text}")]


def _end(left: float) -> str:
    """The end of the run: soon, or at a time of the day."""
    if left < SOON:
        return f"about {math.ceil(left)} s left"
    now = time.time()
    end = time.localtime(now + left)
    day = "" if end[:3] == time.localtime(now)[:3] else f"{time.strftime('%a', end)} "
    return f"ends about {day}{time.strftime('%H:%M', end)}"


def _running(state: RunState, columns: int, rows: int) -> Iterator[Line]:
    more = state.more_running
    shown = state.running
    if len(shown) + bool(more) > rows:
        kept = max(rows - 1, 0)
        more += len(shown) - kept
        shown = shown[:kept]
    names = [one_line(f"{job.job_id} on {job.machine}" if job.machine else job.job_id) for job in shown]
    outputs = any(job.output for job in shown)
    left = columns - 20
    widest = max(left // 2, LEAST_OF_NAME) if outputs else left
    width = min(max(map(len, names), default=0), max(widest, 0))
    for name, job in zip(names, shown, strict=True):
        shown_name = cut_front(name, width)
        line: list[tuple[str, str]] = [
            ("cyan", f"{duration(job.seconds):>8}"),
            ("", f"{_bytes(job.memory):>9}  {shown_name}"),
        ]
        if job.output:
            line.append(("dim", f"{' ' * (width - len(shown_name))}  {one_line(job.output)}"))
        yield line
    if more and rows > 0:
        yield [("", f"{'':19}and {more:,} more run; Enter lists all")]


def _bytes(number: int | None) -> str:
    if number is None:
        return ""
    size = float(number)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if size >= 100 or unit == "B" else f"{size:.1f} {unit}"
