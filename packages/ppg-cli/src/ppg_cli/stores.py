"""Stores: finds the status files of the current folder, for commands that run no script."""

from pathlib import Path

import typer

__all__ = ["STATUS_FILE", "chosen_status_file", "status_files"]

STATUS_FILE = Path(".pypipegraph_status_robust")
NAMED = 5


def status_files() -> list[Path]:
    """Return the status files in the current folder: first the one with the usual name, then those of other names."""
    from ppg_invariants import is_status_file  # noqa: PLC0415 (`ppg --help` needs none of it)

    found = sorted(path for path in Path().iterdir() if path != STATUS_FILE and is_status_file(path))
    return [STATUS_FILE, *found] if STATUS_FILE.exists() else found


def chosen_status_file(given: Path | None) -> Path:
    """Return the status file that a command reads: the given one, the one with the usual name, or the only one here.

    Raises:
        typer.BadParameter: there are several with other names.
    """
    if given is not None or STATUS_FILE.exists():
        return given or STATUS_FILE
    found = status_files()
    if len(found) > 1:
        named = ", ".join(f"'{path}'" for path in found[:NAMED])
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise typer.BadParameter(
            f"there are several status files here: {named}{more}; name one by --status-file"
        )
    return found[0] if found else STATUS_FILE
