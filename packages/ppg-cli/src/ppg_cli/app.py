"""App: lists the subcommands of `ppg`."""

from typing import Annotated

import typer

from ppg_cli.attached.top import attach_command, top_command
from ppg_cli.commands.accept import accept_command
from ppg_cli.commands.cache import cache_app
from ppg_cli.commands.doctor import doctor_command
from ppg_cli.commands.graph import graph_app
from ppg_cli.commands.init import init_command
from ppg_cli.commands.inputs import inputs_command
from ppg_cli.commands.log import log_command
from ppg_cli.commands.run import run_command
from ppg_cli.commands.verify import verify_command
from ppg_cli.commands.why import why_command
from ppg_cli.debugging.command import debug_command
from ppg_cli.records.clean import clean_command
from ppg_cli.records.forget import forget_command
from ppg_cli.records.output import output_command
from ppg_cli.records.runs import diff_command, runs_command
from ppg_cli.records.status import status_command
from ppg_cli.script.arguments import ScriptCommand, StoreCommand
from ppg_cli.version import installed_versions

__all__ = ["app"]

app: typer.Typer = typer.Typer(
    name="ppg",
    help="Run pipelines of jobs: only stale jobs run again, and ppg shows why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain help and messages: they stay on their lines in a log, and rich takes long to import.
    rich_markup_mode=None,
)
app.command("run", cls=ScriptCommand)(run_command)
app.command("verify", cls=ScriptCommand)(verify_command)
app.command("debug", cls=ScriptCommand)(debug_command)
app.command("accept", cls=ScriptCommand)(accept_command)
app.command("why", cls=ScriptCommand)(why_command)
app.command("inputs", cls=StoreCommand)(inputs_command)
app.command("init", cls=StoreCommand)(init_command)
app.command("status", cls=ScriptCommand)(status_command)
app.command("output", cls=StoreCommand)(output_command)
app.command("forget", cls=StoreCommand)(forget_command)
app.command("clean", cls=ScriptCommand)(clean_command)
app.command("runs", cls=StoreCommand)(runs_command)
app.command("diff", cls=StoreCommand)(diff_command)
app.command("top", cls=StoreCommand)(top_command)
app.command("attach", cls=StoreCommand)(attach_command)
app.command("log", cls=StoreCommand)(log_command)
app.command("doctor", cls=StoreCommand)(doctor_command)
app.add_typer(graph_app, name="graph")
app.add_typer(cache_app, name="cache")


def _print_version(wanted: bool) -> None:
    if wanted:
        for name, version in installed_versions():
            typer.echo(f"{name} {version}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the versions and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Run pipelines of jobs: only stale jobs run again, and ppg shows why."""
