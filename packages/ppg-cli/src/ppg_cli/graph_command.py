"""`ppg graph dump script.py`: the graph of a script, without running any job."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from ppg import Listener, Pipegraph, PyPipelineGraphError
from ppg.session import SESSION
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script import ScriptError, run_script, script_traceback
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
    pipegraph = _declared(script, arguments or [])
    kind: Literal["text", "dot", "json", "mermaid", "graphml"] = format_.value
    drawing = draw(pipegraph.dag, kind)
    if output is None:
        sys.stdout.write(drawing if drawing.endswith("\n") else drawing + "\n")
    else:
        output.write_text(drawing)


def _declared(script: Path, arguments: Sequence[str]) -> Pipegraph:
    """The graph that the script was about to run, or else the last one that it made."""
    SESSION.frontend = DeclareOnly()
    try:
        run_script(script, arguments)
        pipegraph = SESSION.pipegraph
    except GraphDeclaredError as reached:
        pipegraph = reached.pipegraph
    except (ScriptError, PyPipelineGraphError) as error:
        typer.echo(f"ppg: {error}", err=True)
        raise typer.Exit(ExitCode.SCRIPT_ERROR) from None
    except Exception as error:  # noqa: BLE001 (any error of the user's script is shown and ends the command)
        typer.echo(f"ppg: the script raised an error:\n{script_traceback(error, script)}", err=True)
        raise typer.Exit(ExitCode.SCRIPT_ERROR) from None
    if pipegraph is None:
        typer.echo(
            f"ppg: the script '{script}' made no pipegraph (it did not call new_pipegraph())", err=True
        )
        raise typer.Exit(ExitCode.SCRIPT_ERROR)
    pipegraph.complete()
    return pipegraph
