"""`ppg log --listen`: receives and shows the log that runs send to this machine."""

import json
import socket
from collections.abc import Mapping
from typing import Annotated

import typer

from ppg.text import counted, earlier_attempts, one_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.terminal.streams import complain, finish_output

__all__ = ["log_command"]

HEAD = frozenset({"ppg", "run", "number", "when", "root", "event"})
"""The fields of every line."""
LARGEST = 1 << 16
"""The size in bytes that no datagram exceeds."""


def log_command(
    listen: Annotated[
        bool, typer.Option("--listen", help="Show what runs on this machine do, as it happens.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, show_default="$PPG_LOG_PORT, or 5005", help="Where to listen."),
    ] = None,
    raw: Annotated[bool, typer.Option("--json", help="The JSON lines as they come.")] = False,
) -> None:
    """Listen to the log that every run sends to this machine by UDP; Ctrl-C ends it.

    UDP does not guarantee delivery; the output shows how many lines are lost.

    Exit codes: 2 usage error, or the port is not available; 130 interrupted.
    """
    if not listen:
        complain("say --listen; it shows what runs on this machine do, as it happens")
        raise typer.Exit(ExitCode.SCRIPT_ERROR)
    code = _listen(_port(port), raw=raw)
    finish_output()
    raise typer.Exit(code)


def _port(given: int | None) -> int:
    # Imported here, so that no other command pays for it.
    from ppg import PyPipelineGraphError  # noqa: PLC0415
    from ppg.report.udp_log import DEFAULT_PORT, log_port  # noqa: PLC0415

    if given is not None:
        return given
    try:
        return log_port() or DEFAULT_PORT
    except PyPipelineGraphError as error:
        complain(str(error))
        raise typer.Exit(ExitCode.SCRIPT_ERROR) from None


def _listen(port: int, *, raw: bool) -> int:
    from ppg.report.udp_log import HOST  # noqa: PLC0415

    show = _shown_raw if raw else _LogReader()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        try:
            listening.bind((HOST, port))
        except OSError as error:
            complain(
                f"port {port} cannot be had ({error.strerror}); another program listens there, or use --port"
            )
            return ExitCode.SCRIPT_ERROR
        complain(f"listening on {HOST}, port {port}; Ctrl-C ends it")
        try:
            while True:
                text = show(listening.recv(LARGEST))
                if text:
                    # A BrokenPipeError, when the reader of the output has gone, ends the loop.
                    typer.echo(text)
        except KeyboardInterrupt:
            return ExitCode.INTERRUPTED
        except BrokenPipeError:
            return ExitCode.DONE


def _shown_raw(data: bytes) -> str:
    """Return the JSON; control sequences in other data become escapes, so that no terminal executes them."""
    return "\n".join(one_line(line) for line in data.decode(errors="backslashreplace").splitlines())


class _LogReader:
    """Log reader: turns datagrams into lines, and trusts none: any user of the machine can send datagrams."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def __call__(self, data: bytes) -> str:
        """Return the lines for one datagram."""
        try:
            fields = json.loads(data)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            return one_line(f"not from ppg: {data[:200]!r}")
        run, number = str(fields.get("run")), fields.get("number")
        lines = []
        if isinstance(number, int):
            lost = number - self._next.get(run, number)
            if lost > 0:
                lines.append(f"{run} ({counted(lost, 'line was', 'lines were')} lost)")
            self._next[run] = number + 1
        lines += [f"{run} {line}" for line in _described(fields)]
        return "\n".join(one_line(line) for line in lines)


def _described(fields: Mapping[str, object]) -> list[str]:
    """Return the content of one datagram in words; `ppg.report.udp_log` documents the fields."""
    match fields:
        case {"event": "run_started", "jobs": int() as jobs, "root": root}:
            return [f"run started: {counted(jobs, 'job')} in {root}"]
        case {"event": "up_to_date" | "not_needed" as what, "jobs": [*jobs]}:
            return [f"{what.replace('_', ' ')}: {job}" for job in jobs]
        case {"event": "queued", "job": job, "reasons": [*reasons]}:
            return [f"has to run: {job} ({'; '.join(map(str, reasons))})"]
        case {"event": "started", "job": job, "pid": pid}:
            return [f"started: {job} (pid {pid})"]
        case {"event": "finished", "job": job, "seconds": int() | float() as seconds}:
            how = "taken from the shared cache" if fields.get("taken_from_cache") is True else "done"
            return ["; ".join([f"{how}: {job} ({seconds:.3f} s)", *_earlier(fields)])]
        case {"event": "failed", "job": job, "error": error, "message": message}:
            number = fields.get("attempts")
            how_often = f", attempt {number}" if isinstance(number, int) and number > 1 else ""
            return ["; ".join([f"failed: {job} ({error}: {message}){how_often}", *_earlier(fields)])]
        case {"event": "blocked", "jobs": [*jobs], "cause": cause}:
            return [f"blocked: {job} (because of {cause})" for job in jobs]
        case {"event": "extended", "jobs": [*jobs], "generator": generator}:
            return [f"declared by {generator}: {job}" for job in jobs]
        case {"event": "warning", "message": message}:
            return [f"warning: {message}"]
        case {"event": "run_finished", "ran": ran, "failed": failed, "blocked": blocked}:
            return [f"run finished: {ran} ran, {failed} failed, {blocked} blocked"]
        case _:
            # A newer ppg may send other events.
            others = {name: value for name, value in fields.items() if name not in HEAD}
            return [f"{fields.get('event')} {others or ''}".rstrip()]


def _earlier(fields: Mapping[str, object]) -> list[str]:
    match fields:
        case {"earlier": [*earlier], "attempts": int() as attempts}:
            return earlier_attempts([str(end) for end in earlier], attempts)
        case _:
            return []
