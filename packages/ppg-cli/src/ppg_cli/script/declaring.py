"""Declaring: runs a script up to where it would run its graph, for commands that run no job."""

from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

import typer

from ppg import Listener, Pipegraph
from ppg.report.frontend import FRONTEND
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.endings import report_ending
from ppg_cli.script.script import Script, last_pipegraph
from ppg_cli.terminal.streams import complain, finish_output, script_output_on_stderr

__all__ = ["look_at_declared"]

Seen = TypeVar("Seen")


class GraphDeclaredError(BaseException):
    """GraphDeclaredError: ends a script at its first run of a graph; `except Exception` does not catch it."""

    def __init__(self, pipegraph: Pipegraph) -> None:
        super().__init__()
        self.pipegraph = pipegraph


class NothingDeclaredError(Exception):
    """NothingDeclaredError: reports that the script made no graph; the message is for the user."""


class DeclareOnly:
    """DeclareOnly: is a front end that stops the script before a graph runs."""

    def before_run(self, pipegraph: Pipegraph) -> NoReturn:
        """End the script, and pass the graph to the caller.

        Raises:
            GraphDeclaredError: always.
        """
        raise GraphDeclaredError(pipegraph)

    def listeners(self, pipegraph: Pipegraph) -> Sequence[Listener]:  # noqa: ARG002 (of the protocol)
        """Return no listeners, since no graph runs."""
        return ()


def look_at_declared(
    script: Script,
    arguments: Sequence[str],
    look: Callable[[Pipegraph], Seen],
    *,
    if_interrupted: str = "nothing was run",
) -> Seen:
    """Run a script up to where it would run its graph, and look at the graph.

    Parameters:
        script: the script that declares the jobs.
        arguments: the arguments of the script.
        look: gets the graph; its output and the output of the script go to stderr.
        if_interrupted: the state that Ctrl-C leaves, in words.

    Returns:
        The value that `look` returned.

    Raises:
        typer.Exit: the script or `look` raised an error; the user has seen the message.
    """
    try:
        with script_output_on_stderr():
            return look(_declared(script, arguments))
    except NothingDeclaredError as error:
        complain(str(error))
        code: int = ExitCode.SCRIPT_ERROR
    except BaseException as error:  # noqa: BLE001 (any end of the script is reported, and ends the command)
        code = report_ending(error, script, left=if_interrupted)
    finish_output()
    raise typer.Exit(code)


def _declared(script: Script, arguments: Sequence[str]) -> Pipegraph:
    """Return the graph that the script was about to run, or else the last one that it made."""
    FRONTEND.current = DeclareOnly()
    try:
        script.run(arguments)
    except GraphDeclaredError as reached:
        return reached.pipegraph
    except SystemExit as request:
        # A script may end by `sys.exit(0)` after it has declared its jobs.
        if last_pipegraph() is None or request.code not in {None, 0}:
            raise
    pipegraph = last_pipegraph()
    if pipegraph is None:
        raise NothingDeclaredError(
            f"the script '{script}' made no pipegraph (it did not call new_pipegraph())"
        )
    return pipegraph
