"""Choice: finds the run that the user means, among those that go on."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ppg.text import one_line
from ppg.watch.found import live_runs, pointed
from ppg.watch.place import DescribedRun

__all__ = ["STATUS_FILE", "NoRunError", "chosen_run", "listed", "runs_at", "runs_that_go_on"]

STATUS_FILE = Path(".pypipegraph_status_robust")


class NoRunError(Exception):
    """NoRunError: reports that no run is meant, or several are; the message is for the user."""


def runs_that_go_on(folder: Path) -> tuple[list[DescribedRun], str]:
    """Return the runs of this user, with the one to which the pointer of a folder leads, and why it leads to none.

    Raises:
        NoRunError: another user can change the folder for sockets.
    """
    try:
        runs = live_runs()
    except OSError as error:
        raise NoRunError(f"no run can be found: {error}") from None
    here = pointed(folder / STATUS_FILE)
    if here.run is not None and here.run.socket not in {run.socket for run in runs}:
        runs.append(here.run)
    return runs, here.why_not


def runs_at(runs: Sequence[DescribedRun], where: Path | None) -> list[DescribedRun]:
    """Return the runs of a script, or those in a folder and below it.

    Parameters:
        runs: those that go on.
        where: a script or a folder; None for this folder.
    """
    place = os.path.realpath("." if where is None else where)
    inside = f"{place.rstrip('/')}/"
    return [
        run
        for run in runs
        if place in {run.script, run.root}
        or run.root.startswith(inside)
        or os.path.dirname(run.script) == place  # noqa: PTH120 (a text)
    ]


def chosen_run(where: Path | None, *, anywhere: bool) -> DescribedRun:
    """Return the run that is meant.

    Parameters:
        where: a script or a folder; None for this folder.
        anywhere: whether the only run of this user is meant, too, if this folder has none.

    Raises:
        NoRunError: there is none, or there are several.
    """
    folder = Path() if where is None else where if where.is_dir() else where.parent
    runs, why_not = runs_that_go_on(folder)
    found = runs_at(runs, where)
    if not found and where is None and anywhere:
        found = runs
    if len(found) == 1:
        return found[0]
    if found:
        lines = "\n".join(f"  {line}" for line in listed(found))
        raise NoRunError(f"{len(found)} runs go on; name the script or the folder of one:\n{lines}")
    if why_not:
        raise NoRunError(why_not)
    others = f"; {len(runs)} of your runs go on elsewhere, and 'ppg top --list' lists them" if runs else ""
    name = "this folder" if where is None else f"'{where}'"
    raise NoRunError(
        f"no run of yours goes on at {name}{others}; 'ppg runs' lists what ended"
        if where is not None or runs or not anywhere
        else "no run of yours goes on on this machine; 'ppg runs' lists what ended"
    )


def listed(runs: Sequence[DescribedRun]) -> Iterator[str]:
    """Yield a line for each run: script, process and start."""
    for run in runs:
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.since))
        name = os.path.relpath(run.script, run.root) if run.script.startswith(f"{run.root}/") else run.script
        yield one_line(f"{run.root}  {name or 'no script'}  process {run.pid}, since {since}")
