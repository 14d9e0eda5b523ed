"""`ppg graph dump script.py`: prints the graph of a script, and runs no job."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer.core import TyperCommand

from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.script import Script
from ppg_cli.terminal.streams import complain, finish_output, write_result

if TYPE_CHECKING:
    from ppg import Pipegraph

__all__ = ["graph_app"]

graph_app: typer.Typer = typer.Typer(help="Look at the graph of a script.", no_args_is_help=True)


class Format(StrEnum):
    """Format: names the formats in which a graph is printed."""

    TEXT = "text"
    DOT = "dot"
    JSON = "json"
    MERMAID = "mermaid"
    GRAPHML = "graphml"


class DumpCommand(TyperCommand):
    """DumpCommand: also takes its options directly after the script, as in `ppg graph dump script.py -f dot`.

    They count as options of `ppg` only if one of them names a format: a script may have its own `-f` and `-o`.
    """

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse the arguments, with the options that follow the script in front of it."""
        before = _length_of_options(args, 0)
        after = _length_of_options(args, before + 1)
        following = args[before + 1 : after]
        if any(_names_a_format(name, value) for name, value in _pairs(following)):
            args = [*args[:before], *following, *args[before : before + 1], *args[after:]]
        return super().parse_args(ctx, args)


_FORMAT = ("-f", "--format")
_TAKE_VALUES = (*_FORMAT, "-o", "--output")


def _length_of_options(args: Sequence[str], start: int) -> int:
    """Return where the options with their values end that begin at `start`."""
    while start < len(args) and args[start].partition("=")[0] in _TAKE_VALUES:
        start += 1 if args[start].startswith("--") and "=" in args[start] else 2
    return min(start, len(args))


def _pairs(options: Sequence[str]) -> Iterator[tuple[str, str]]:
    words = iter(options)
    for word in words:
        name, separator, value = word.partition("=")
        yield name, value if separator else next(words, "")


def _names_a_format(name: str, value: str) -> bool:
    return name in _FORMAT and value in list(Format)


@graph_app.command("dump", cls=DumpCommand, context_settings={"allow_interspersed_args": False})
def dump(
    script: Annotated[Path, typer.Argument(help="The Python script that declares the jobs.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments for the script.")] = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How to print the graph.")] = Format.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead of standard output.")
    ] = None,
) -> None:
    """Print the graph that a script declares. The script stops where it would run it, and no job runs.

    The options stand before the script, or directly after it if one of them is a format. All other arguments after
    the script are the script's.
    """
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
    # Imported here, so that no other command pays for it.
    from ppg_cli.script.declaring import look_at_declared  # noqa: PLC0415
    from ppg_graph import draw  # noqa: PLC0415

    def look(pipegraph: "Pipegraph") -> str:
        pipegraph._complete()
        return draw(pipegraph.dag, kind, labels=pipegraph._labels())

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
