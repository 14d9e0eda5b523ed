"""`ppg top` and `ppg attach`: show runs that go on in other terminals, or without one, and pass commands to them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.completing import complete_scripts
from ppg_cli.terminal.streams import complain, finish_output, write_result

if TYPE_CHECKING:
    from ppg.watch.place import DescribedRun
    from ppg_cli.attached.detached import DetachedLog

__all__ = ["attach_command", "top_command"]


def top_command(
    where: Annotated[
        Path | None,
        typer.Argument(
            autocompletion=complete_scripts,
            metavar="[SCRIPT_OR_FOLDER]",
            help="The script of the run, or its folder.",
            show_default="this folder, or the only run",
        ),
    ] = None,
    list_runs: Annotated[bool, typer.Option("--list", "-l", help="Only list the runs that go on.")] = False,
) -> None:
    """Show a run that goes on, as its own terminal does, and pass commands to it.

    Finds all runs of this user on this machine. Type 'help' for the commands: 'why JOB', 'output JOB', 'kill JOB', 'stop' and more.
    Ctrl-C or 'quit' leaves the view; the run goes on.

    Example: ppg top script.py

    Exit codes: 0 the run ended, or was left by 'quit'; 2 there is no such run, or several; 130 left by Ctrl-C.
    """
    # Imported here, so that no other command pays for it.
    from ppg import PyPipelineGraphError  # noqa: PLC0415
    from ppg.watch.client import Watching  # noqa: PLC0415
    from ppg_cli.attached.choice import NoRunError, chosen_run, listed, runs_at, runs_that_go_on  # noqa: PLC0415
    from ppg_cli.attached.view import End, show_run  # noqa: PLC0415

    code: int = ExitCode.DONE
    try:
        if list_runs:
            runs, _ = runs_that_go_on(Path())
            lines = listed(runs if where is None else runs_at(runs, where))
            write_result("".join(f"{line}\n" for line in lines).encode(errors="surrogateescape"))
        else:
            run = chosen_run(where, anywhere=True)
            watching = Watching(run)
            how = show_run(watching).how
            watching.close()
            if how is End.RUN_LOST:
                complain("the run is gone; 'ppg status' and 'ppg runs' show what it did")
            elif how is not End.RUN_ENDED:
                complain("left; the run goes on")
            code = ExitCode.INTERRUPTED if how is End.INTERRUPTED else ExitCode.DONE
    except (NoRunError, PyPipelineGraphError) as error:
        complain(str(error))
        code = ExitCode.SCRIPT_ERROR
    finish_output()
    raise typer.Exit(code)


def attach_command(
    script: Annotated[
        Path | None,
        typer.Argument(
            autocompletion=complete_scripts,
            help="The script of the run.",
            show_default="that of the run in this folder",
        ),
    ] = None,
) -> None:
    """Show the run of a script to its end, and end with its exit code.

    The run was started by 'ppg run --detach', or goes on in another terminal. If a detached run has ended already, its last lines are
    shown. Commands are those of the run's own terminal. Ctrl-C or 'quit' leaves the view; the run goes on, and 'abort' ends it.

    Example: ppg attach script.py

    Exit codes: that of the run; 0 also if it was left by 'quit'; 2 there is no such run, or several; 130 left by Ctrl-C.
    """
    # Imported here, so that no other command pays for it.
    from ppg import PyPipelineGraphError  # noqa: PLC0415
    from ppg_cli.attached.choice import NoRunError  # noqa: PLC0415

    try:
        code = _attach(script)
    except (NoRunError, PyPipelineGraphError) as error:
        complain(str(error))
        code = ExitCode.SCRIPT_ERROR
    finish_output()
    raise typer.Exit(code)


def _attach(script: Path | None) -> int:
    from ppg.watch.client import Watching  # noqa: PLC0415 (no other command needs it)
    from ppg_cli.attached.choice import NoRunError, chosen_run  # noqa: PLC0415 (the same)
    from ppg_cli.attached.detached import last_log, log_of_process  # noqa: PLC0415 (the same)
    from ppg_cli.attached.view import End, show_run  # noqa: PLC0415 (the same)

    run: DescribedRun | None = None
    try:
        run = chosen_run(script, anywhere=False)
        log = log_of_process(run.pid)
    except NoRunError:
        log = last_log(script)
        if log is None:
            raise
    was_shown = run is not None
    while run is not None:
        watching = Watching(run)
        ended = show_run(watching)
        watching.close()
        if ended.how in {End.LEFT, End.INTERRUPTED}:
            complain("left; the run goes on, and 'ppg attach' shows it again")
            return ExitCode.DONE if ended.how is End.LEFT else ExitCode.INTERRUPTED
        if log is None:
            if ended.how is End.RUN_LOST:
                complain("the run is gone without an account; 'ppg status' and 'ppg runs' show what it did")
            return ended.code
        # A detached script is followed to its end; it may run other graphs.
        if not _wait(log, run):
            return ExitCode.INTERRUPTED
        run = _next_run(log, run)
    assert log is not None
    if not was_shown and not _wait(log, None):
        return ExitCode.INTERRUPTED
    return _told_by(log, was_shown=was_shown)


def _next_run(log: "DetachedLog", last: "DescribedRun | None") -> "DescribedRun | None":
    """Return the run of the process that writes a log, if it is another one than the last."""
    from ppg.watch.found import live_runs  # noqa: PLC0415 (no other command needs it)

    pid = log.process
    runs = [run for run in live_runs() if run.pid == pid and (last is None or run.socket != last.socket)]
    return runs[-1] if runs else None


def _wait(log: "DetachedLog", last: "DescribedRun | None") -> bool:
    """Wait until a detached process has ended, or runs another graph; return False if the user has pressed Ctrl-C."""
    from ppg_cli.attached.detached import SECONDS_BETWEEN_LOOKS  # noqa: PLC0415 (no other command needs it)
    from ppg_cli.attached.view import wait_interruptibly  # noqa: PLC0415 (the same)

    while log.goes_on and _next_run(log, last) is None:
        if not wait_interruptibly(SECONDS_BETWEEN_LOOKS):
            return False
    return True


def _told_by(log: "DetachedLog", *, was_shown: bool) -> int:
    """Tell how a detached process ended, by its log; return its exit code."""
    import time  # noqa: PLC0415 (no other command needs it)

    if not was_shown:
        write_result(log.tail().encode(errors="surrogateescape"))
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(log.path.stat().st_mtime))
        complain(f"this detached run has ended at {when}; all of its output is in {log.path}")
    code = log.exit_code
    if code is None:
        complain(
            f"the detached run was killed; {log.path} has its output, and 'ppg status' shows what is done"
        )
        return ExitCode.JOBS_FAILED
    return code
