"""Runs a script up to where it would run its graph: for commands that only look at it."""

from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

import typer

from ppg import Listener, Pipegraph
from ppg.report.frontend import FRONTEND
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.endings import tell_ending
from ppg_cli.script.script import Script, last_pipegraph
from ppg_cli.terminal.streams import complain, finish_output, script_output_on_stderr

__all__ = ["look_at_declared"]

Seen = TypeVar("Seen")


class GraphDeclaredError(BaseException):
    """Ends a script where it would have run its graph; no `except Exception` of the script stops it."""

    def __init__(self, pipegraph: Pipegraph) -> None:
        super().__init__()
        self.pipegraph = pipegraph


class NothingDeclaredError(Exception):
    """There is no graph to look at; the message is for the user."""


class DeclareOnly:
    """A front end that lets no graph run."""

    def before_run(self, pipegraph: Pipegraph) -> NoReturn:
        """Take the graph as it is declared.

        Raises:
            GraphDeclaredError: always.
        """
        raise GraphDeclaredError(pipegraph)

    def listeners(self, pipegraph: Pipegraph) -> Sequence[Listener]:  # noqa: ARG002 (of the protocol)
        """Nobody listens: nothing runs."""
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
        script: what declares the jobs.
        arguments: its arguments.
        look: is given the graph; what it and the script print goes to stderr.
        if_interrupted: what Ctrl-C leaves, in words.

    Returns:
        What `look` saw.

    Raises:
        typer.Exit: the script, or the look, ended with an error, which has been told.
    """
    try:
        with script_output_on_stderr():
            return look(_declared(script, arguments))
    except NothingDeclaredError as error:
        complain(str(error))
        code: int = ExitCode.SCRIPT_ERROR
    except BaseException as error:  # noqa: BLE001 (whatever ends the user's script is told, and ends the command)
        code = tell_ending(error, script, left=if_interrupted)
    finish_output()
    raise typer.Exit(code)


def _declared(script: Script, arguments: Sequence[str]) -> Pipegraph:
    """The graph that the script was about to run, or else the last one that it made."""
    FRONTEND.current = DeclareOnly()
    try:
        script.run(arguments)
    except GraphDeclaredError as reached:
        return reached.pipegraph
    except SystemExit as request:
        # A script that has declared its jobs may end like this, too.
        if last_pipegraph() is None or request.code not in {None, 0}:
            raise
    pipegraph = last_pipegraph()
    if pipegraph is None:
        raise NothingDeclaredError(
            f"the script '{script}' made no pipegraph (it did not call new_pipegraph())"
        )
    return pipegraph
