"""Confined: runs a job in its process such that it reads and writes only what it declares.

Only processes of confined jobs import this module. `ppg.outcomes.confinement` has the main process's part.
"""

# ruff: noqa: PTH116
# Paths are strings here, as everywhere in job processes, because these do not import pathlib.

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ppg.exceptions import JobContractError
from ppg.worker.calls import LOADED, make_room
from ppg.worker.folders import prepare_folder
from ppg_exec import TEMPORARY_FOLDER, CommonAccess, confine_process, landlock_abi

__all__ = ["Limits", "call_confined", "report_made"]

landlock_abi()  # The node imports this module, so that its forks need not look the system call up.

_NEVER = 0
"""The modification time of an output until the job has written it."""

_untouched: dict[str, tuple[int, int]] = {}
"""Of each output that ppg has made, its inode and the time that the file system has kept."""
_hidden: list[object] = []
"""What loads had set that this job must not see. It stays in memory, because taking it apart would copy its pages."""


class Limits(NamedTuple):
    """Limits: what a confined job may use, besides what all confined jobs may.

    - job_id: for messages
    - reads: files, absolute
    - writes: files, absolute
    - makes: whether the job makes these files, so that ppg prepares them
    - loads: ids of the loads that the job depends on
    - folders: folders in which it may do everything, absolute
    """

    job_id: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    makes: bool
    loads: frozenset[str]
    folders: tuple[str, ...] = ()


def call_confined(
    function: Callable[..., object],
    common: CommonAccess,
    limits: Limits,
    *arguments: object,
) -> object:
    """Confine this process, and call a function.

    Parameters:
        function: calls the user's callback.
        common: what all confined jobs may use.
        limits: what this job may use besides.
        arguments: of the function.
    """
    __tracebackhide__ = True
    private = os.environ.get(TEMPORARY_FOLDER)
    if private is None:
        raise JobContractError(
            f"'{limits.job_id}' cannot be confined: its executor gives it no folder for temporary files; "
            "use LocalSystem, or leave confine out"
        )
    if limits.makes:
        # The outputs must exist, because the kernel allows access by file. The job cannot make them again.
        make_room(limits.writes)
        _create(limits.writes)
    for folder in limits.folders:
        # The kernel allows access by inode, so the folder must exist.
        prepare_folder(folder)
    for job_id in LOADED.keys() - limits.loads:
        _hide(*LOADED[job_id])
    confine_process(common, limits.reads, limits.writes, private, limits.folders)
    return function(*arguments)


def _create(paths: Sequence[str]) -> None:
    for path in paths:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        os.utime(path, ns=(_NEVER, _NEVER))
        state = os.stat(path)
        _untouched[path] = state.st_ino, state.st_mtime_ns


def _hide(owner: object, name: object, is_attribute: bool) -> None:
    """Take from this process what a load has set on which the job does not depend."""
    if is_attribute:
        assert isinstance(name, str)
        try:
            _hidden.append(getattr(owner, name))
            delattr(owner, name)
        except AttributeError:
            return  # it is not there any more
    else:
        _hidden.append(owner.pop(name, None))  # type: ignore[attr-defined]


def report_made(report: Callable[[], object], paths: tuple[str, ...]) -> object:
    """Return a report in which outputs are missing that the job has not written.

    Parameters:
        report: describes the outputs, in order.
        paths: their absolute names.
    """
    described = report()
    if not isinstance(described, list) or len(described) != len(paths):
        return described
    return [
        (path, "MISSING", "was not written") if _is_untouched(path) else state
        for path, state in zip(paths, described, strict=True)
    ]


def _is_untouched(path: str) -> bool:
    try:
        state = os.stat(path)
    except OSError:
        return False  # the report says what is wrong with it
    return state.st_size == 0 and _untouched.get(path) == (state.st_ino, state.st_mtime_ns)
