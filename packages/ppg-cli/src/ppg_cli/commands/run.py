"""`ppg run script.py [jobs ...] [-- arguments ...]`: runs a script and shows its progress, or what it would run."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppg_cli.exit_codes import ExitCode
from ppg_cli.imports import kept_for_good
from ppg_cli.script.arguments import bytes_of, script_arguments
from ppg_cli.script.completing import complete_jobs, complete_scripts
from ppg_cli.script.parameters import ChosenJobs
from ppg_cli.script.script import Script
from ppg_cli.terminal.streams import complain, finish_output, write_result

if TYPE_CHECKING:
    from ppg import Pipegraph, Plan
    from ppg_cli.script.options import RunOptions

__all__ = ["run_command"]


class Color(StrEnum):
    """Color: says where the display has colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def run_command(
    context: typer.Context,
    script: Annotated[
        Path,
        typer.Argument(
            autocompletion=complete_scripts, help="The Python script that declares and runs the jobs."
        ),
    ],
    jobs: ChosenJobs = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Only show what will run, what may run, and why.")
    ] = False,
    until: Annotated[
        list[str] | None,
        typer.Option(
            "--until",
            autocompletion=complete_jobs,
            metavar="JOB",
            help="End with this job: what depends on it does not run.",
        ),
    ] = None,
    force: Annotated[
        list[str] | None,
        typer.Option(
            "--force",
            autocompletion=complete_jobs,
            metavar="JOB",
            help="Run this job although nothing has changed.",
        ),
    ] = None,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Start no more jobs after the first failure.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Run again whenever inputs or code change; Ctrl-C ends it.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Run on without this terminal; 'ppg attach' shows the run.")
    ] = False,
    cores: Annotated[
        int | None,
        typer.Option("--cores", "-j", min=1, help="Use at most so many cores.", show_default="all"),
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(
            "--memory",
            parser=bytes_of,
            metavar="SIZE",
            help="Give at most so much memory to jobs that state their need: 16GB. With --on slurm: that of each machine.",
            show_default="all",
        ),
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option(
            "--strict/--no-strict",
            help="Jobs fail that read files of other jobs without depending on them.",
            show_default="no-strict",
        ),
    ] = None,
    inline: Annotated[
        bool,
        typer.Option("--inline", help="Run all jobs in one process, for debugging: breakpoint() works."),
    ] = False,
    events: Annotated[
        Path | None,
        typer.Option("--events", metavar="FILE", help="Write all that happens to this file, as JSON lines."),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Plain lines, also on a terminal.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show failures and warnings, and nothing else.")
    ] = False,
    watched_files: Annotated[Path | None, typer.Option("--watched-files", hidden=True)] = None,
    detached: Annotated[int | None, typer.Option("--detached", hidden=True)] = None,
    color: Annotated[
        Color, typer.Option("--color", help="Colours on a terminal; NO_COLOR switches them off, too.")
    ] = Color.AUTO,
    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            metavar="WHERE",
            help="Where the jobs run: local, slurm, srun, or the address of a Dask scheduler, tcp://HOST:PORT.",
            show_default="local",
        ),
    ] = None,
    machines: Annotated[
        int | None, typer.Option("--machines", min=1, help="With --on slurm: at most so many machines.")
    ] = None,
    cores_per_machine: Annotated[
        int | None,
        typer.Option("--cores-per-machine", min=1, help="With --on slurm: the cores of each machine."),
    ] = None,
    walltime: Annotated[
        str | None,
        typer.Option(
            "--walltime", metavar="TIME", help="With --on slurm: how long each machine may be used: 4h."
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="Use this profile of ppg.toml, or of [tool.ppg] in pyproject.toml.",
            show_default="PPG_PROFILE",
        ),
    ] = None,
) -> None:
    """Run a script: only stale jobs run. Shows the progress, and what ran, was up to date, or failed.

    The script's arguments come after `--`. Named jobs replace the targets of the script's own run_pipegraph().
    --until and --force may be given several times.

    Example: ppg run script.py a.txt -j 4 -- --samples 3

    Exit codes: 0 done; 1 jobs failed, or cannot run; 2 usage or script error, or no graph was run; 130 interrupted.
    """
    # Imported here, so that no other command pays for it.
    with kept_for_good():
        from ppg_cli.script.options import RunOptions  # noqa: PLC0415
        from ppg_cli.settings.chosen import Chosen  # noqa: PLC0415
        from ppg_cli.settings.keys import SettingsError  # noqa: PLC0415

    given = {
        "on": on, "cores": cores, "memory": memory, "machines": machines, "cores-per-machine": cores_per_machine,
        "walltime": walltime, "strict": strict,
    }  # fmt: skip
    if on not in {None, "local"} and inline:
        complain("--inline runs all jobs in this process, so leave --on out")
        raise typer.Exit(ExitCode.SCRIPT_ERROR)
    try:
        chosen = Chosen(given, profile, inline=inline)
    except SettingsError as error:
        complain(str(error))
        raise typer.Exit(ExitCode.SCRIPT_ERROR) from None
    if chosen.shared_cache is not None:
        # As if the user had set it; what the user has set is stronger.
        os.environ.setdefault("PPG_SHARED_CACHE", chosen.shared_cache)
    options = RunOptions(
        targets=tuple(jobs) if jobs else None,
        until=tuple(until or ()),
        force=tuple(force or ()),
        fail_fast=fail_fast,
        cores=chosen.cores,
        memory=chosen.memory,
        strict=chosen.strict,
        inline=inline,
        coordinator=chosen.coordinator,
        here=chosen.here,
        jobs=chosen.jobs,
        events=events,
        plain=plain,
        quiet=quiet,
        color={Color.AUTO: None, Color.ALWAYS: True, Color.NEVER: False}[color],
    )
    arguments = script_arguments(context)
    if dry_run and watch:
        complain("--dry-run runs nothing, so there is nothing to --watch; leave one of them out")
        raise typer.Exit(ExitCode.SCRIPT_ERROR)
    if detach and (dry_run or watch):
        other = "--dry-run runs nothing" if dry_run else "--watch goes on until Ctrl-C"
        complain(f"{other}, so there is nothing to --detach; leave one of them out")
        raise typer.Exit(ExitCode.SCRIPT_ERROR)
    if dry_run:
        code = _dry_run(Script(script), arguments, options)
    elif watch:
        from ppg_cli.script.watching import watch_script  # noqa: PLC0415

        code = watch_script(Script(script), _without("--watch", sys.argv[1:]))
    elif detach:
        from ppg_cli.attached.detached import run_detached  # noqa: PLC0415

        code = run_detached(Script(script), _without("--detach", sys.argv[1:]))
    elif detached is not None:
        code = _run_in_detached(Script(script), arguments, options, detached)
    else:
        code = _run(Script(script), arguments, options, watched_files)
    finish_output()
    raise typer.Exit(code)


def _run(script: Script, arguments: list[str], options: "RunOptions", watched_files: Path | None) -> int:
    from ppg_cli.script.running import run_script  # noqa: PLC0415 (the other commands do not need it)

    if watched_files is None:
        return run_script(script, arguments, options)
    from ppg_cli.script.watching import WatchedFiles  # noqa: PLC0415 (most runs are not watched)

    watched = WatchedFiles(script)
    try:
        return run_script(script, arguments, options, watched)
    finally:
        watched.write(watched_files)


def _run_in_detached(script: Script, arguments: list[str], options: "RunOptions", descriptor: int) -> int:
    """Run in the process that `--detach` has started."""
    from ppg_cli.attached.detached import begin_detached, tell_end  # noqa: PLC0415 (the others do not need it)
    from ppg_cli.script.running import run_script  # noqa: PLC0415

    code = run_script(script, arguments, options, begins=begin_detached(script, descriptor))
    finish_output()
    tell_end(code)
    return code


def _without(option: str, words: list[str]) -> list[str]:
    """Return the command line without the option, but for what belongs to the script."""
    end = words.index("--") if "--" in words else len(words)
    return [word for word in words[:end] if word != option] + words[end:]


def _dry_run(script: Script, arguments: list[str], options: "RunOptions") -> int:
    from ppg.text import one_line  # noqa: PLC0415
    from ppg_cli.script.declaring import look_at_declared  # noqa: PLC0415
    from ppg_cli.script.dry_run import plan_lines  # noqa: PLC0415

    def look(pipegraph: "Pipegraph") -> "Plan":
        options.apply(pipegraph)
        return pipegraph.plan(
            targets=pipegraph._run_targets, until=pipegraph._run_until, force=pipegraph._run_forced
        )

    plan = look_at_declared(script, arguments, look)
    text = "".join(f"{one_line(line)}\n" for line in plan_lines(plan))
    write_result(text.encode(errors="surrogateescape"))
    return ExitCode.JOBS_FAILED if plan.blocked or plan.problems else ExitCode.DONE
