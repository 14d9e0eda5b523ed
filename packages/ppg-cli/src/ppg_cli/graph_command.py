"""`ppg graph dump script.py`: the graph of a script, without running any job."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from ppg import Listener, Pipegraph
from ppg.session import SESSION
from ppg_cli.endings import tell_ending
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script import Script
from ppg_cli.streams import complain, finish_output, script_output_on_stderr, write_result
from ppg_graph import draw

__all__ = ["graph_app"]

graph_app = typer.Typer(help="Look at the graph of a script.", no_args_is_help=True)


class Format(StrEnum):
    """How to print a graph."""

    TEXT = "text"
    DOT = "dot"
    JSON = "json"
    MERMAID = "mermaid"
    GRAPHML = "graphml"


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


@graph_app.command("dump", context_settings={"allow_interspersed_args": False})
def dump(
    script: Annotated[Path, typer.Argument(help="The Python script that declares the jobs.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments for the script.")] = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How to print the graph.")] = Format.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead of standard output.")
    ] = None,
) -> None:
    """Print the graph that a script declares, up to where it would run it. No job runs."""
    kind: Literal["text", "dot", "json", "mermaid", "graphml"] = format_.value
    code = _dump(Script(script), arguments or [], kind, output)
    finish_output()
    raise typer.Exit(code)


def _dump(
    script: Script,
    arguments: Sequence[str],
    kind: Literal["text", "dot", "json", "mermaid", "graphml"],
    output: Path | None,
) -> int:
    try:
        with script_output_on_stderr():
            pipegraph = _declared(script, arguments)
            pipegraph.complete()
    except NothingDeclaredError as error:
        complain(str(error))
        return ExitCode.SCRIPT_ERROR
    except BaseException as error:  # noqa: BLE001 (whatever ends the user's script is told, and ends the command)
        return tell_ending(error, script)
    drawing = draw(pipegraph.dag, kind)
    # Names of files may be bytes that are not UTF-8; the file that they name is found again from this.
    data = (drawing if drawing.endswith("\n") else drawing + "\n").encode(errors="surrogateescape")
    if output is None:
        write_result(data)
        return ExitCode.DONE
    try:
        output.write_bytes(data)
    except OSError as error:
        complain(f"the graph cannot be written: {error}")
        return ExitCode.SCRIPT_ERROR
    return ExitCode.DONE


def _declared(script: Script, arguments: Sequence[str]) -> Pipegraph:
    """The graph that the script was about to run, or else the last one that it made."""
    SESSION.frontend = DeclareOnly()
    try:
        script.run(arguments)
    except GraphDeclaredError as reached:
        return reached.pipegraph
    except SystemExit as request:
        # A script that has declared its jobs may end like this, too.
        if SESSION.pipegraph is None or request.code not in {None, 0}:
            raise
    if SESSION.pipegraph is None:
        raise NothingDeclaredError(
            f"the script '{script}' made no pipegraph (it did not call new_pipegraph())"
        )
    return SESSION.pipegraph
