"""How a failed job is told: what, where, its output, and what to do."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from ppg.exceptions import CommandError, JobContractError, JobDiedException
from ppg.tries import earlier_tries

if TYPE_CHECKING:
    from ppg.result import JobOutcome
    from ppg_exec import Output

__all__ = ["failure_lines", "write_failure"]

OUTPUT_LINES = 20
TRACEBACK_LINES = 60
LINE_LENGTH = 1000
"""Characters of a line that are shown."""
BYTES_LOOKED_AT = 1 << 16
"""How much of the end of an output is read to find its last lines."""


def failure_lines(outcome: "JobOutcome") -> Iterator[str]:
    """The lines that tell a user about a failed job, as many as fit on a screen."""
    yield _headline(outcome)
    yield from _indented(earlier_tries(outcome.earlier, outcome.attempts), "  ")
    story = _story(outcome).splitlines()
    if len(story) > TRACEBACK_LINES:
        half = TRACEBACK_LINES // 2
        story = [*story[:half], f"... {len(story) - 2 * half} lines ...", *story[-half:]]
    yield from _indented(story, "  ")
    for name, output in _outputs(outcome):
        lines = output.text(BYTES_LOOKED_AT).splitlines()
        if output.size > BYTES_LOOKED_AT:
            # The first line is the end of one.
            note = f" (the end of {output.size:,} bytes)"
            lines = lines[1:] or lines
        elif len(lines) > OUTPUT_LINES:
            note = f" (the last {OUTPUT_LINES} of {len(lines)} lines)"
        else:
            note = ""
        yield f"  {name}{note}:"
        yield from _indented(lines[-OUTPUT_LINES:], "    ")


def write_failure(outcome: "JobOutcome", file: BinaryIO) -> None:
    """Write all about a failed job to a file: its complete output, byte by byte, however much that is."""
    tries = earlier_tries(outcome.earlier, outcome.attempts)
    file.write(_encoded("\n".join([_headline(outcome), *tries, _story(outcome), ""])))
    for name, output in _outputs(outcome):
        file.write(f"--- {name}, {output.size} bytes ---\n".encode())
        last = b""
        for last in output.chunks():
            file.write(last)
        file.write(b"" if last.endswith(b"\n") else b"\n")
    file.write(_encoded(f"--- end of '{outcome.job_id}' ---\n\n"))


def _headline(outcome: "JobOutcome") -> str:
    tries = f" (tried {outcome.attempts} times; this is the last)" if outcome.attempts > 1 else ""
    return f"FAILED '{outcome.job_id}'{tries}"


def _story(outcome: "JobOutcome") -> str:
    """The traceback where the user's code is to blame, else what ppg has to say."""
    exception = outcome.exception
    if outcome.traceback and not isinstance(exception, (CommandError, JobContractError, JobDiedException)):
        return outcome.traceback.rstrip()
    return f"{type(exception).__name__}: {exception}".rstrip()


def _outputs(outcome: "JobOutcome") -> list[tuple[str, "Output"]]:
    captures = (("stdout", outcome.stdout_capture), ("stderr", outcome.stderr_capture))
    return [(name, output) for name, output in captures if output]


def _indented(lines: Sequence[str], indent: str) -> Iterator[str]:
    for line in lines:
        rest = len(line) - LINE_LENGTH
        yield (
            f"{indent}{line}" if rest <= 0 else f"{indent}{line[:LINE_LENGTH]}... ({rest:,} characters more)"
        )


def _encoded(text: str) -> bytes:
    return text.encode(errors="backslashreplace")
