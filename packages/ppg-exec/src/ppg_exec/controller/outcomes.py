"""Outcomes: turns what a node reports into the `End` of a task."""

from __future__ import annotations

import os
import re
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, assert_never, cast

from ppg_exec.controller.registry import NO_USES, Uses
from ppg_exec.linux import NODE_FAILED
from ppg_exec.sent_exceptions import SentException
from ppg_exec.tasks import Cancelled, Died, End, Raised, Succeeded, TimedOut, Unpicklable
from ppg_exec.tracking.received import received_uses
from ppg_exec.transport.messages import UnexpectedMessage, decode
from ppg_exec.transport.node_messages import (
    REPORTS,
    ExceptionRaised,
    PickleReturned,
    Report,
    ResultUnpicklable,
    TaskEnded,
    ValueReturned,
)

__all__ = ["OomCounter", "died", "end_of", "node_death", "uses_of"]

_LARGEST_REPORT = 1 << 31
_SIGNALS = {
    signal.SIGSEGV: "a segmentation fault: a bug in native code that it called",
    signal.SIGBUS: "a bus error: a file that it had mapped became shorter, or a disk or /dev/shm is full",
    signal.SIGABRT: "an abort: native code found itself in a state that it cannot go on from",
    signal.SIGFPE: "an arithmetic error in native code",
    signal.SIGILL: "an illegal instruction: native code built for another processor",
    signal.SIGKILL: "it was killed: often by a batch system, or by an administrator",
    signal.SIGTERM: "it was asked to end",
    signal.SIGXCPU: "its limit of processor time was reached (ulimit -t)",
    signal.SIGXFSZ: "its limit of file size was reached (ulimit -f)",
}
"""Why a process probably died, by the signal that ended it."""


def end_of(
    message: TaskEnded,
    expected: str,
    *,
    timeout: float | None,
    returns_plain: bool,
    peak_memory: int,
    load: Callable[[bytes], Any],
    oom: OomCounter,
) -> End:
    """How a task ended.

    Args:
        message: the report of the node.
        expected: "cancelled", "timed out" or "over memory" if the executor was ending it, else "".
        timeout: its timeout in seconds.
        returns_plain: whether a result that is pickled is none of its results.
        peak_memory: the most bytes that were measured of it.
        load: reads a pickled value; that of an exception only when it is asked for.
        oom: says whether the kernel killed a process because memory ran out.

    """
    if message.refusal:
        return Raised(None, "OSError", message.refusal, f"{message.refusal}\n")
    report: Report | None = None
    if message.report is not None:
        try:
            report = _report_of(message.report, returns_plain)
        except _InvalidReport as error:
            return Died(0, None, f"its report is invalid: {error}")
    match report:
        case ValueReturned():
            return Succeeded(report.value)
        case PickleReturned():
            try:
                return Succeeded(load(report.pickle))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - user code runs here, and fails only its own task
                return Unpicklable("result", f"it cannot be read: {type(error).__name__}: {error}")
        case _ if expected == "cancelled":
            return Cancelled()
        case _ if expected == "timed out":
            return TimedOut(timeout or 0.0)
        case _ if expected == "over memory":
            cause = f"it was ended because it used {peak_memory / 1e9:.2f} GB, more memory than it states: state more (memory_needed), or let it use less"
            return Died(None, signal.SIGTERM, cause, of_memory=True)
        case ExceptionRaised():
            name, text = report.type_name, report.message
            sent = None if report.pickle is None else SentException(report.pickle, load, name, text)
            # The field opens it when it is read.
            return Raised(cast("BaseException | None", sent), name, text, _with_sources(report.traceback))
        case ResultUnpicklable():
            return Unpicklable(report.path, report.message)
        case None:
            return died(message.status, message.cause, oom)
        case _:
            assert_never(report)


def uses_of(sent: bytes | int) -> Uses:
    """The files that a task has used, as its process has sent them; closes a descriptor of it."""
    if sent == b"":
        return NO_USES
    try:
        return Uses(*received_uses(_content(sent)))
    except (OSError, _InvalidReport) as error:
        return Uses((), f"the list of the files that it has used cannot be read: {error}")


def node_death(status: int | None, stderr_tail: str, doing: str, oom: OomCounter) -> Died:
    """The end of a task that ended with its node; `doing` says what was at fault."""
    words = f"; it said: {stderr_tail}" if stderr_tail else ""
    if status is None:
        return Died(None, None, f"{doing}{words}")
    # The node printed what kept it from going on.
    own = os.waitstatus_to_exitcode(status) == NODE_FAILED and bool(stderr_tail)
    known = died(status, "it could not go on" if own else None, oom)
    return Died(known.exit_code, known.signal, f"{doing} ({known.likely_cause}){words}", known.of_memory)


class OomCounter:
    """OomCounter: notices whether the kernel's out-of-memory killer has struck since the last check."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._sources = [root / "sys/fs/cgroup/memory.events", root / "proc/vmstat"]
        self._seen = self._count()

    def has_struck(self) -> bool:
        """Whether it has killed a process since the last call, here or elsewhere on the machine."""
        count = self._count()
        struck = count > self._seen
        self._seen = count
        return struck

    def _count(self) -> int:
        total = 0
        for source in self._sources:
            try:
                lines = source.read_text(encoding="ascii").splitlines()
            except OSError:
                continue  # this kernel, or this container, does not show it
            total += sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        return total


def died(status: int, cause: str | None, oom: OomCounter) -> Died:
    """The `Died` of a wait status; `cause` is the cause if it is known already."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        if cause is None:
            cause = (
                "it left with sys.exit() or os._exit() instead of returning: to fail, let the callback raise an exception"
                if code
                else "it left with sys.exit() or os._exit(0) instead of returning: return from the callback"
            )
        return Died(code, None, cause)
    number = -code
    if number == signal.SIGKILL and oom.has_struck():
        return Died(
            None, number,
            "the kernel killed it because memory ran out: state its memory_needed, or use a larger machine",
            of_memory=True,
        )  # fmt: skip
    try:
        known = signal.Signals(number)
    except ValueError:
        return Died(None, number, cause or f"signal {number}")
    return Died(None, number, cause or _SIGNALS.get(known, f"signal {known.name}"))


_FRAME = re.compile(r'(?P<indent>[ |]*)File "(?P<name>.+)", line (?P<number>[0-9]+)(?:, in .*)?')


def _with_sources(traceback: str) -> str:
    """The traceback with the source lines that only this process has: those of the cells of a notebook."""
    import linecache  # noqa: PLC0415 (only a task that failed needs it)

    lines = traceback.splitlines(keepends=True)
    shown: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        shown.append(line)
        frame = _FRAME.fullmatch(line.rstrip("\n"))
        if frame is None or frame["name"] not in linecache.cache:
            continue
        inner = f"{frame['indent']}  "
        source = linecache.getline(frame["name"], int(frame["number"])).strip()
        if source and not following.startswith(inner):
            shown.append(f"{inner}{source}\n")
    return "".join(shown)


class _InvalidReport(ValueError):  # noqa: N818 - reads as what happened
    """_InvalidReport: says that what a job process has sent is no report."""


def _report_of(sent: bytes | int, returns_plain: bool) -> Report:
    """The report that a job process has sent; closes a descriptor of it. Raises _InvalidReport."""
    try:
        report = decode(_content(sent), REPORTS)
    except (ValueError, EOFError, TypeError, IndexError, OSError, UnexpectedMessage) as error:
        raise _InvalidReport(f"{type(error).__name__}: {error}") from error
    match report:
        case ValueReturned():
            fits = True
        case PickleReturned(pickle):
            if returns_plain:
                raise _InvalidReport("it has a pickle in the place of plain values")
            fits = type(pickle) is bytes
        case ExceptionRaised(pickle, name, message, traceback):
            fits = (pickle is None or type(pickle) is bytes) and _are_texts(name, message, traceback)
        case ResultUnpicklable(path, message):
            fits = _are_texts(path, message)
        case _:
            assert_never(report)
    if not fits:
        raise _InvalidReport(f"a {type(report).__name__} has values of wrong types")
    return report


def _are_texts(*values: object) -> bool:
    return all(type(value) is str for value in values)


def _content(sent: bytes | int) -> bytes:
    # A file that a process can still shorten must not be mapped: reading it would end this process.
    if isinstance(sent, bytes):
        return sent
    with os.fdopen(sent, "rb") as file:
        seen = os.fstat(sent)
        if not stat.S_ISREG(seen.st_mode) or seen.st_nlink or seen.st_size > _LARGEST_REPORT:
            raise _InvalidReport("its file is no unlinked, regular file of less than 2 GiB")
        file.seek(0)
        return file.read(seen.st_size)
