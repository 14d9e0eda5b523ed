"""Failures: report a failed job with its error, its place, its output and the remedy."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

import ppg_exec
from ppg.account.failures import LONGEST_ERROR, error_line
from ppg.exceptions import CommandError, JobContractError, JobDiedException
from ppg.text import earlier_attempts, escape_control_sequences, one_line

if TYPE_CHECKING:
    from ppg.result import JobOutcome
    from ppg_exec import Output

__all__ = ["failure_lines", "write_failure"]

TELL_ENOUGH = frozenset(kind.__name__ for kind in (CommandError, JobContractError, JobDiedException))
"""Classes of errors with messages that say more than their tracebacks."""
OUTPUT_LINES = 20
TRACEBACK_LINES = 60
SHORT_OUTPUT = 5
SHORT_TRACEBACK = 7
SHORT_BEGINNING = 3
"""Lines of a long traceback that are kept at its beginning, where the job's own function is."""
LINE_LENGTH = 1000
"""Longest line that is shown, in characters."""
OWN_FRAMES = tuple(
    f'  File "{folder}/'
    for folder in (os.path.dirname(os.path.dirname(__file__)), ppg_exec.__path__[0])  # noqa: PTH120
)
"""Beginnings of the lines in a crash report that name code of ppg."""
BYTES_LOOKED_AT = 1 << 16
"""Number of bytes at the end of an output that are read to find its last lines."""


def failure_lines(outcome: "JobOutcome", *, shortly: bool = False) -> Iterator[str]:
    """Lines that report a failed job to the user, the error first.

    Parameters:
        outcome: of the failed job.
        shortly: show fewer lines of the traceback and of the outputs, so that the report leaves room on a screen.
    """
    most, most_of_output = (SHORT_TRACEBACK, SHORT_OUTPUT) if shortly else (TRACEBACK_LINES, OUTPUT_LINES)
    yield f"{_headline(outcome)}: {error_line(outcome)}"
    yield from _indented(map(one_line, earlier_attempts(outcome.earlier, outcome.attempts)), "  ")
    error_lines = list(_without_own_frames(escape_control_sequences(_error_text(outcome)).splitlines()))
    if not _has_traceback(outcome):
        # The first line is that of the headline, unless that is cut.
        error_lines = error_lines[len(error_lines[0]) <= LONGEST_ERROR :]
    if shortly:
        error_lines = [line for line in error_lines if line.strip(" ^~")]
    if len(error_lines) > most:
        end = max(most // 2, most - SHORT_BEGINNING)
        error_lines = [
            *error_lines[: most - end],
            f"... {len(error_lines) - most} lines ...",
            *error_lines[-end:],
        ]
    yield from _indented(error_lines, "  ")
    for name, output in _outputs(outcome):
        lines = list(_without_own_frames(output.text(BYTES_LOOKED_AT).splitlines()))
        if shortly:
            lines = [line for line in lines if line.strip() and not line.startswith("Extension modules: ")]
        if output.size > BYTES_LOOKED_AT:
            # The read begins within a line, so its first line is incomplete.
            note = f" (the end of {output.size:,} bytes)"
            lines = lines[1:] or lines
        elif len(lines) > most_of_output:
            note = f" (the last {most_of_output} of {len(lines)} lines)"
        else:
            note = ""
        yield f"  {name}{note}:"
        yield from _indented(lines[-most_of_output:], "    ")


def write_failure(outcome: "JobOutcome", file: BinaryIO) -> None:
    """Write the report of a failed job to a file, with its complete output, byte by byte, of any size."""
    attempts = map(one_line, earlier_attempts(outcome.earlier, outcome.attempts))
    file.write(_encoded("\n".join([_headline(outcome), *attempts, _error_text(outcome), ""])))
    for name, output in _outputs(outcome):
        file.write(f"--- {name}, {output.size} bytes ---\n".encode())
        last = b""
        for last in output.chunks():
            file.write(last)
        file.write(b"" if last.endswith(b"\n") else b"\n")
    file.write(_encoded(f"--- end of '{one_line(outcome.job_id)}' ---\n\n"))


def _headline(outcome: "JobOutcome") -> str:
    attempts = f" (attempt {outcome.attempts}, the last)" if outcome.attempts > 1 else ""
    place = f" on {one_line(outcome.machine)}" if outcome.machine else ""
    return f"FAILED '{one_line(outcome.job_id)}'{attempts}{place}"


def _error_text(outcome: "JobOutcome") -> str:
    """Traceback if the user's code raised the error, else the message and where the job is declared."""
    if outcome.traceback and _has_traceback(outcome):
        return outcome.traceback.rstrip()
    place = f"\nIt is declared at {outcome.declared_at}" if outcome.declared_at else ""
    return (outcome.error or "").rstrip() + place


def _has_traceback(outcome: "JobOutcome") -> bool:
    return bool(outcome.traceback) and outcome.error_class not in TELL_ENOUGH


def _outputs(outcome: "JobOutcome") -> list[tuple[str, "Output"]]:
    captures = (("stdout", outcome.stdout_capture), ("stderr", outcome.stderr_capture))
    return [(name, output) for name, output in captures if output]


def _without_own_frames(lines: Sequence[str]) -> Iterator[str]:
    """Crash report of Python without ppg's frames above the job's function, which do not help the user."""
    in_crash = False
    for line in lines:
        in_crash = line.endswith("(most recent call first):") or (in_crash and line.startswith("  File "))
        if not (in_crash and (line.startswith(OWN_FRAMES) or line.startswith('  File "<string>"'))):
            yield line


def _indented(lines: Iterable[str], indent: str) -> Iterator[str]:
    for line in lines:
        rest = len(line) - LINE_LENGTH
        yield (
            f"{indent}{line}" if rest <= 0 else f"{indent}{line[:LINE_LENGTH]}... ({rest:,} characters more)"
        )


def _encoded(text: str) -> bytes:
    return text.encode(errors="backslashreplace")
