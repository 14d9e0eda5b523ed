"""`ppg cache`: lists the entries of a shared cache, and removes old ones."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppg.text import counted, one_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.arguments import StoreCommand, bytes_of
from ppg_cli.terminal.streams import complain, finish_output, write_result

if TYPE_CHECKING:
    from ppg import CachedEntry, SharedCache

__all__ = ["cache_app"]

cache_app: typer.Typer = typer.Typer(
    help="Look after a cache that projects share their outputs in.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Folder = Annotated[
    Path | None,
    typer.Argument(help="The folder of the cache.", show_default="$PPG_SHARED_CACHE"),
]


@cache_app.command("list", cls=StoreCommand)
def list_entries(folder: Folder = None) -> None:
    """Show the entries of the cache: size, last use, files, and the job that made them; last used first.

    Example: ppg cache list /data/ppg-cache

    Exit codes: 0; 2 usage error, or the cache cannot be read.
    """
    cache = _cache(folder)
    try:
        entries = sorted(cache.entries(), key=lambda entry: (-entry.used, entry.key))
    except OSError as error:
        raise _refused(error) from None
    _show(entries)
    complain(f"{_count(entries)} in '{cache.folder}'")
    finish_output()


@cache_app.command("prune", cls=StoreCommand)
def prune(
    max_size: Annotated[
        int,
        typer.Option(
            parser=bytes_of, metavar="SIZE", help="The size that the rest may have: 500GB, 2TiB, 0."
        ),
    ],
    folder: Folder = None,
) -> None:
    """Remove the least recently used entries until the rest fits; pipelines may run meanwhile.

    Example: ppg cache prune --max-size 500GB

    Exit codes: 0; 2 usage error, or an entry cannot be read or removed.
    """
    cache = _cache(folder)
    try:
        removed = cache.prune(max_size)
    except OSError as error:
        raise _refused(error) from None
    _show(removed)
    complain(f"removed {_count(removed)} from '{cache.folder}'")
    finish_output()


def _cache(folder: Path | None) -> "SharedCache":
    # Imported here, so that no other command pays for it.
    from ppg import SharedCache  # noqa: PLC0415

    given = folder or os.environ.get("PPG_SHARED_CACHE")
    if not given:
        complain("say which folder the cache is, or set PPG_SHARED_CACHE")
        raise typer.Exit(ExitCode.SCRIPT_ERROR)
    if not Path(given).is_dir():
        complain(
            f"there is no folder '{one_line(os.fspath(given))}'; name the folder that was given to SharedCache"
        )
        raise typer.Exit(ExitCode.SCRIPT_ERROR)
    return SharedCache(given)


def _refused(error: OSError) -> typer.Exit:
    complain(f"the cache cannot be used: {error}")
    return typer.Exit(ExitCode.SCRIPT_ERROR)


def _show(entries: Iterable["CachedEntry"]) -> None:
    for entry in entries:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        files = ", ".join(entry.files) or f"damaged: {entry.key}"
        line = one_line(f"{_size(entry.size):>8}  {used}  {files}  {entry.made_by}".rstrip())
        write_result(f"{line}\n".encode(errors="surrogateescape"))


def _count(entries: list["CachedEntry"]) -> str:
    return f"{counted(len(entries), 'entry', 'entries')}, {_size(sum(entry.size for entry in entries))}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
