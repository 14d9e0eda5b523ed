"""Open outputs: completes, after a callback has returned, the outputs that are still open.

A file that a global name or a circle of references still holds may have text in its buffer, which the process of a job
would lose. So such files are flushed before the outputs are described. Compressed files and archives write their end only
when they are closed, so they are closed, and so are files of h5py. What other processes of the job write is waited for. Only jobs that leave an
output open import this module.
"""

# ruff: noqa: PTH116, PTH123, PTH208
# Paths are strings here, as everywhere in job processes, because these do not import pathlib.

import ctypes
import gc
import io
import os
import select
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ppg.worker.settling import Limit, shown

__all__ = ["complete_outputs"]

_BUFFERS = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
_ARCHIVES = (("zipfile", "ZipFile", "fp"), ("tarfile", "TarFile", "fileobj"))
"""Module, class, and the attribute with the open file."""

LONGEST_LOOK = 0.1
"""Seconds after which the processes are looked at again, because one may close an output and go on."""


def complete_outputs(paths: Sequence[str], limit: Limit) -> None:
    """Write what buffers of this process hold for outputs that are open, and wait for other processes.

    Parameters:
        paths: the absolute names of the outputs.
        limit: how long to wait.

    Raises:
        JobContractError: a buffer cannot be written, or another process does not end.
    """
    __tracebackhide__ = True
    outputs = _by_number(paths)
    held = _open_for_writing("self", outputs)
    if held:
        is_collecting = gc.isenabled()
        # The collector may close the buffer of a text file first, and what the text file holds is lost.
        gc.disable()
        try:
            _flush(held)
        finally:
            if is_collecting:
                gc.enable()
    _wait_for_writers(outputs, limit)


def _flush(held: Mapping[int, str]) -> None:
    __tracebackhide__ = True
    # Objects from before the fork are frozen, and not among these. The outer ones of several layers come first.
    found = [(layer, one) for one in gc.get_objects() if (layer := _layer(one)) is not None]
    for _, one in sorted(found, key=lambda pair: pair[0]):
        path = held.get(_descriptor_of(one))
        if path is not None:
            _complete(path, one, one.flush if isinstance(one, _BUFFERS) else one.close)
    if "h5py" in sys.modules:
        _close_hdf5(sys.modules["h5py"], held)
    # Libraries in C have buffers of their own.
    ctypes.CDLL(None).fflush(None)


def _close_hdf5(h5py: Any, held: Mapping[int, str]) -> None:
    __tracebackhide__ = True
    # A dataset keeps its file open, also if the object of the file is gone.
    h5f = h5py.h5f
    for one in h5f.get_obj_ids(types=h5f.OBJ_FILE | h5f.OBJ_GROUP | h5f.OBJ_DATASET | h5f.OBJ_ATTR):
        if not one.valid:
            continue  # it was closed with its file
        file = h5py.h5i.get_file_id(one)
        try:
            path = held.get(file.get_vfd_handle())
        except (NotImplementedError, RuntimeError, TypeError, ValueError):
            continue  # it is in memory, or an object of Python has it, so it is none of the outputs
        if path is not None:
            _complete(path, file, h5py.File(file).close)


def _complete(path: str, one: Any, write: Callable[[], object]) -> None:
    __tracebackhide__ = True
    try:
        write()
    except Exception as error:
        from ppg.exceptions import JobContractError  # noqa: PLC0415 (only a job that failed needs it)

        raise JobContractError(
            f"The callback has left its output '{path}' open, and the rest of it cannot be written by its "
            f"{type(one).__name__} ({type(error).__name__}: {error}); close it in the callback"
        ) from error


def _by_number(paths: Sequence[str]) -> Mapping[tuple[int, int], str]:
    """Return files by device and inode."""
    outputs = {}
    for path in paths:
        try:
            found = os.stat(path)
        except OSError:
            continue  # the description of the outputs tells what is wrong with it
        outputs[found.st_dev, found.st_ino] = path
    return outputs


def _open_for_writing(process: str, outputs: Mapping[tuple[int, int], str]) -> Mapping[int, str]:
    """Return the outputs that a process has open for writing, by descriptor."""
    held = {}
    for name in os.listdir(f"/proc/{process}/fd"):
        try:
            found = os.stat(f"/proc/{process}/fd/{name}")
            path = outputs.get((found.st_dev, found.st_ino))
            if path is not None and _flags(process, name) & os.O_ACCMODE != os.O_RDONLY:
                held[int(name)] = path
        except OSError:
            continue  # it is closed by now
    return held


def _flags(process: str, descriptor: str) -> int:
    """Return how a file was opened."""
    with open(f"/proc/{process}/fdinfo/{descriptor}") as file:
        return next((int(line.split()[1], 8) for line in file if line.startswith("flags:")), 0)


# -- other processes -------------------------------------------------------------------------------------


def _wait_for_writers(outputs: Mapping[tuple[int, int], str], limit: Limit) -> None:
    __tracebackhide__ = True

    def ended(seconds: float | None) -> bool:
        until = None if seconds is None else time.monotonic() + seconds
        while writers := _writers(outputs):
            left = LONGEST_LOOK if until is None else min(until - time.monotonic(), LONGEST_LOOK)
            if left <= 0:
                return False
            _wait_for_one(writers, left)
        return True

    limit.wait(
        ended, lambda: shown([f"the process '{_name(pid)}' ({pid})" for pid in sorted(_writers(outputs))])
    )


def _writers(outputs: Mapping[tuple[int, int], str]) -> list[int]:
    """Return the other processes of this session that have outputs open for writing.

    A daemon of multiprocessing, such as a process of a pool that is not closed, may have inherited an open output.
    Python ends such processes at its end, so they do not count.
    """
    processes = sys.modules.get("multiprocessing.process")
    ignored = {child.pid for child in (processes._children if processes else ()) if child.daemon}
    ignored.add(os.getpid())
    session = os.getsid(0)
    found = []
    for name in os.listdir("/proc"):
        if not name.isdecimal() or int(name) in ignored:
            continue
        try:
            if os.getsid(int(name)) == session and _open_for_writing(name, outputs):
                found.append(int(name))
        except OSError:
            continue  # it has ended, or belongs to another user
    return found


def _wait_for_one(processes: Sequence[int], seconds: float) -> None:
    """Wait until one of some processes ends, or some seconds have passed."""
    poller = select.poll()
    descriptors = []
    try:
        for pid in processes:
            try:
                descriptors.append(os.pidfd_open(pid))
            except ProcessLookupError:
                return
            poller.register(descriptors[-1], select.POLLIN)
        poller.poll(max(seconds * 1000, 1))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", errors="backslashreplace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return "?"  # it has ended


# -- buffers ---------------------------------------------------------------------------------------------


def _layer(one: Any) -> int | None:
    """Return how far inside a stack of files an object is: an archive, text, other files, buffers; None for others."""
    kinds = type(one).__mro__
    if io.TextIOWrapper in kinds:
        return 1
    if io.BufferedWriter in kinds or io.BufferedRandom in kinds:
        return 3
    if io.IOBase in kinds:
        # Raw files have no buffer.
        return None if io.FileIO in kinds else 2
    for module, name, _ in _ARCHIVES:
        if module in sys.modules and getattr(sys.modules[module], name) in kinds:
            return 0
    return None


def _descriptor_of(one: Any) -> int:
    """Return the descriptor to which a file or an archive writes; -1 if there is none."""
    for module, name, attribute in _ARCHIVES:
        if module in sys.modules and isinstance(one, getattr(sys.modules[module], name)):
            one = None if getattr(one, "closed", False) or one.mode == "r" else getattr(one, attribute)
            break
    try:
        return int(one.fileno())
    except Exception:  # noqa: BLE001 (a class of the user's may raise anything; such an object writes to no output)
        return -1
