"""`ppg log --listen`: receives and shows the log that runs send to this machine."""

import contextlib
import io
import json
import os
import selectors
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, cast

import typer

from ppg.text import counted, earlier_attempts, one_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.terminal.streams import complain, finish_output

__all__ = ["log_command"]

HEAD = frozenset({"ppg", "run", "number", "when", "root", "event"})
"""The fields of every line."""
LARGEST = 1 << 16
"""The size in bytes that no datagram exceeds."""
LARGEST_NUMBER = 1 << 53
"""Numbers in datagrams beyond this one are not those of a run."""
MOST_RUNS = 1000
"""Runs of which the listener remembers the number of the last line."""

Show = Callable[[bytes], str]


def log_command(
    listen: Annotated[
        bool, typer.Option("--listen", help="Show what runs of your own do, as it happens.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Show the runs of all projects, not only those in this folder.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            show_default="$PPG_LOG_PORT",
            help="Listen on this UDP port instead, to which runs with PPG_LOG_PORT send; any user can.",
        ),
    ] = None,
    raw: Annotated[bool, typer.Option("--json", help="The JSON lines as they come.")] = False,
) -> None:
    """Show what runs in this folder and below do, as it happens.

    Listens to the log of the runs of this user; Ctrl-C ends it.

    A run never waits for a listener; the output shows how many lines are lost.

    Example: ppg log --listen

    Exit codes: 2 usage error, or the port is not available; 130 interrupted.
    """
    if not listen:
        complain("say --listen; it shows what runs on this machine do, as it happens")
        raise typer.Exit(ExitCode.SCRIPT_ERROR)
    show: Show = _shown_raw if raw else _LogReader()
    code = _listen(_port(port), show if everything else _of_project(show, os.path.realpath(".")))
    finish_output()
    raise typer.Exit(code)


def _port(given: int | None) -> int | None:
    # Imported here, so that no other command pays for it.
    from ppg import PyPipelineGraphError  # noqa: PLC0415
    from ppg.report.udp_log import log_port  # noqa: PLC0415

    if given is not None:
        return given
    try:
        return log_port()
    except PyPipelineGraphError as error:
        complain(str(error))
        raise typer.Exit(ExitCode.SCRIPT_ERROR) from None


def _listen(port: int | None, show: Show) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The output may have an encoding without some of the characters.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return _listen_to_runs(show) if port is None else _listen_on_port(port, show)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.DONE


def _listen_on_port(port: int, show: Show) -> int:
    from ppg.report.udp_log import HOST  # noqa: PLC0415

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        try:
            listening.bind((HOST, port))
        except OSError as error:
            complain(
                f"port {port} cannot be had ({error.strerror}); another program listens there, or use --port"
            )
            return ExitCode.SCRIPT_ERROR
        complain(f"listening on {HOST}, port {port}; Ctrl-C ends it")
        while True:
            _print(show, listening.recv(LARGEST))


def _listen_to_runs(show: Show) -> int:
    from ppg.report.local_log import LogListener  # noqa: PLC0415

    try:
        listener = LogListener()
    except OSError as error:
        complain(
            f"cannot listen to runs: {error}; see that TMPDIR or XDG_RUNTIME_DIR names a folder of your own"
        )
        return ExitCode.SCRIPT_ERROR
    with contextlib.closing(listener), selectors.DefaultSelector() as ready:
        ready.register(listener.socket, selectors.EVENT_READ)
        complain(f"listening on {listener.place}; Ctrl-C ends it")
        while True:
            for key, _ in ready.select():
                if key.fileobj is listener.socket:
                    run = listener.accept()
                    if run is not None:
                        ready.register(run, selectors.EVENT_READ)
                    continue
                connection = cast("socket.socket", key.fileobj)
                try:
                    data = connection.recv(LARGEST)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    data = b""  # the run was killed
                if data:
                    _print(show, data)
                else:
                    ready.unregister(connection)
                    connection.close()


def _print(show: Show, data: bytes) -> None:
    try:
        text = show(data)
    except RecursionError:
        # Other programs can nest JSON as deep as they like; a run does not.
        text = _not_from_ppg(data)
    if text:
        # A BrokenPipeError, when the reader of the output has gone, ends the loop.
        typer.echo(text)


def _of_project(show: Show, folder: str) -> Show:
    """Show only what runs in a folder, or below it, have sent, and what no run has sent."""
    inside = folder.rstrip("/") + "/"

    def show_own(data: bytes) -> str:
        fields = _read(data)
        root = fields.get("root") if fields is not None else None
        if isinstance(root, str) and not f"{root.rstrip('/')}/".startswith(inside):
            return ""
        return show(data)

    return show_own


def _read(data: bytes) -> dict[str, Any] | None:
    """Return the object in a datagram; None if there is none."""
    try:
        fields = json.loads(data)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _not_from_ppg(data: bytes) -> str:
    return _printable(f"not from ppg: {data[:200]!r}")


def _printable(text: str) -> str:
    """Return one line in which control characters, and bytes of names that are no UTF-8, are escapes."""
    return "".join(
        ascii(character)[1:-1] if "\ud800" <= character <= "\udfff" else character
        for character in one_line(text)
    )


def _shown_raw(data: bytes) -> str:
    """Return the JSON; control sequences in other data become escapes, so that no terminal executes them."""
    return "\n".join(_printable(line) for line in data.decode(errors="backslashreplace").splitlines())


class _LogReader:
    """Log reader: turns datagrams into lines, and trusts none: any user of the machine can send to a port."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def __call__(self, data: bytes) -> str:
        """Return the lines for one datagram."""
        fields = _read(data)
        if fields is None:
            return _not_from_ppg(data)
        run, number = str(fields.get("run")), fields.get("number")
        lines = []
        if isinstance(number, int) and abs(number) < LARGEST_NUMBER:
            lost = number - self._next.pop(run, number)
            if lost > 0:
                lines.append(f"{run} ({counted(lost, 'line was', 'lines were')} lost)")
            self._next[run] = number + 1
            if len(self._next) > MOST_RUNS:
                del self._next[next(iter(self._next))]
        lines += [f"{run} {line}" for line in _described(fields)]
        return "\n".join(_printable(line) for line in lines)


def _described(fields: Mapping[str, object]) -> list[str]:
    """Return the content of one datagram in words; `ppg.report.udp_log` documents the fields."""
    match fields:
        case {"event": "run_started", "jobs": int() as jobs, "root": root} if abs(jobs) < LARGEST_NUMBER:
            return [f"run started: {counted(jobs, 'job')} in {root}"]
        case {"event": "up_to_date" | "not_needed" as what, "jobs": [*jobs]}:
            return [f"{what.replace('_', ' ')}: {job}" for job in jobs]
        case {"event": "queued", "job": job, "reasons": [*reasons]}:
            return [f"has to run: {job} ({'; '.join(map(str, reasons))})"]
        case {"event": "started", "job": job, "pid": pid}:
            return [f"started: {job} (pid {pid})"]
        case {"event": "finished", "job": job, "seconds": int() | float() as seconds} if (
            abs(seconds) < LARGEST_NUMBER
        ):
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
        case {"earlier": [*earlier], "attempts": int() as attempts} if abs(attempts) < LARGEST_NUMBER:
            return earlier_attempts([str(end) for end in earlier], attempts)
        case _:
            return []
