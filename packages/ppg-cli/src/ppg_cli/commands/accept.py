"""`ppg accept script.py [JOBS ...] [-- arguments ...]`: takes existing outputs over, and runs no job."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from ppg.text import counted, one_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.arguments import script_arguments
from ppg_cli.script.completing import complete_jobs
from ppg_cli.script.parameters import DeclaringScript
from ppg_cli.script.script import Script
from ppg_cli.terminal.streams import complain, finish_output, write_result

if TYPE_CHECKING:
    from ppg import Acceptance, Pipegraph

__all__ = ["accept_command"]

NOT_MADE_LISTED = 20


def accept_command(
    context: typer.Context,
    script: DeclaringScript,
    jobs: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=complete_jobs,
            help="Only these: ids, or files that jobs make; also if something has changed since they ran.",
            show_default="all outputs of which there is no record",
        ),
    ] = None,
    changed: Annotated[
        bool,
        typer.Option(
            "--changed",
            help="Also all outputs with a record of an earlier state: something has changed since.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Only show what would be accepted; write nothing.")
    ] = False,
) -> None:
    """Take existing outputs over, as if jobs had just made them.

    Runs no job.

    By this command you state that these files are what the jobs would make; ppg records them as such. The
    script runs up to where it would run its (first) graph. The script's arguments come after `--`.

    Example: ppg accept script.py a.txt

    Exit codes: 0 nothing was refused; 1 something was refused, and the list says why; 2 usage or script
    error.
    """
    # Imported here, so that no other command pays for it.
    from ppg import PyPipelineGraphError  # noqa: PLC0415
    from ppg_cli.script.declaring import look_at_declared  # noqa: PLC0415

    if jobs and changed:
        complain("--changed is for all outputs; named jobs are accepted in any case")
        raise typer.Exit(ExitCode.SCRIPT_ERROR)

    def accept(pipegraph: "Pipegraph") -> "Acceptance | PyPipelineGraphError":
        try:
            return pipegraph.accept(jobs or None, changed=changed, dry_run=dry_run)
        except PyPipelineGraphError as error:
            # The error lies in the arguments of the command, not in the script.
            return error

    seen = look_at_declared(
        Script(script),
        script_arguments(context),
        accept,
        if_interrupted="nothing was accepted",
    )
    if isinstance(seen, PyPipelineGraphError):
        complain(str(seen))
        code = ExitCode.SCRIPT_ERROR
    else:
        text = "".join(f"{one_line(line)}\n" for line in _lines(seen))
        write_result(text.encode(errors="surrogateescape"))
        code = ExitCode.DONE if seen.is_complete else ExitCode.NOT_ACCEPTED
    finish_output()
    raise typer.Exit(code)


def _lines(seen: "Acceptance") -> Iterator[str]:
    done = "acceptable" if seen.dry_run else "accepted"
    for job_id, reasons in seen.accepted.items():
        yield f"{done:<10}  {job_id} ({'; '.join(reasons)})"
    for job_id in seen.up_to_date:
        yield f"up to date  {job_id}"
    for job_id, why in seen.refused.items():
        yield f"refused     {job_id}: {why}"
    for job_id, reasons in seen.changed.items():
        yield f"changed     {job_id}: {'; '.join(reasons)}"
    for job_id in seen.not_made[:NOT_MADE_LISTED]:
        yield f"not made    {job_id}"
    if len(seen.not_made) > NOT_MADE_LISTED:
        yield f"not made    {len(seen.not_made) - NOT_MADE_LISTED} more"
    if seen.changed:
        yield "note: changed jobs are accepted only if you name them, or pass --changed"
    for job_id in seen.generators:
        yield f"note: {job_id} is a generator: its jobs cannot be accepted, and those without a record run"
    parts = [counted(len(seen.accepted), "job")]
    for count, what in ((seen.refused, "refused"), (seen.changed, "changed"), (seen.not_made, "not made")):
        if count:
            parts.append(f"{len(count)} {what}")
    yield f"{'would accept' if seen.dry_run else 'accepted'} {', '.join(parts)}"
