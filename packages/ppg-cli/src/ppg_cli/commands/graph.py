"""`ppg graph dump script.py`: prints the graph of a script, and runs no job."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.arguments import ScriptCommand, script_arguments
from ppg_cli.script.parameters import ChosenJobs, DeclaringScript
from ppg_cli.script.script import Script
from ppg_cli.terminal.streams import complain, finish_output, write_result

if TYPE_CHECKING:
    from ppg import Pipegraph

__all__ = ["graph_app"]

graph_app: typer.Typer = typer.Typer(
    help="Look at the graph of a script.", no_args_is_help=True, rich_markup_mode=None
)


class Format(StrEnum):
    """Format: names the formats in which a graph is printed."""

    TEXT = "text"
    DOT = "dot"
    JSON = "json"
    MERMAID = "mermaid"
    GRAPHML = "graphml"


@graph_app.command("dump", cls=ScriptCommand)
def dump(
    context: typer.Context,
    script: DeclaringScript,
    jobs: ChosenJobs = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How to print the graph.")] = Format.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead of standard output.")
    ] = None,
) -> None:
    """Print the graph that a script declares. The script stops where it would run it, and no job runs.

    The script's arguments come after `--`.

    Example: ppg graph dump script.py -f dot

    Exit codes: 0 printed; 2 usage or script error.
    """
    kind: Literal["text", "dot", "json", "mermaid", "graphml"] = format_.value
    code = _dump(Script(script), script_arguments(context), jobs or [], kind, output)
    finish_output()
    raise typer.Exit(code)


def _dump(
    script: Script,
    arguments: Sequence[str],
    jobs: Sequence[str],
    kind: Literal["text", "dot", "json", "mermaid", "graphml"],
    output: Path | None,
) -> int:
    # Imported here, so that no other command pays for it.
    from ppg_cli.script.declaring import look_at_declared  # noqa: PLC0415
    from ppg_cli.script.naming import jobs_named  # noqa: PLC0415
    from ppg_graph import draw  # noqa: PLC0415

    def look(pipegraph: "Pipegraph") -> str:
        pipegraph._complete()
        dag = pipegraph.dag
        if jobs:
            nodes = [job._node for job in jobs_named(pipegraph, jobs)]
            dag = dag.subgraph({*nodes, *dag.ancestors(nodes)})
        return draw(dag, kind, labels=pipegraph._labels())

    drawing = look_at_declared(script, arguments, look)
    # The name of a file may be bytes that are not UTF-8; surrogates keep them, so that the name fits.
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
