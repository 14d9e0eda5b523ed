"""Open outputs: completes, after a callback has returned, the outputs that it has left open.

A file that a global name or a circle of references still holds may have text in its buffer, which the process of a job
would lose. So such files are flushed before the outputs are described. Compressed files and archives write their end only
when they are closed, so they are closed. Only jobs that leave an output open import this module.
"""

import ctypes
import fcntl
import gc
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["complete_outputs"]

_BUFFERS = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
_ARCHIVES = (("zipfile", "ZipFile", "fp"), ("tarfile", "TarFile", "fileobj"))
"""Module, class, and the attribute with the open file."""


def complete_outputs(paths: Sequence[str]) -> None:
    """Write what buffers of this process hold for outputs that are open.

    Parameters:
        paths: the absolute names of the outputs.

    Raises:
        JobContractError: a buffer cannot be written.
    """
    __tracebackhide__ = True
    held = _open_for_writing(paths)
    if not held:
        return
    # Objects from before the fork are frozen, and not among these. The outer ones of several layers come first.
    found = [(layer, one) for one in gc.get_objects() if (layer := _layer(one)) is not None]
    for _, one in sorted(found, key=lambda pair: pair[0]):
        path = held.get(_descriptor_of(one))
        if path is None:
            continue
        try:
            if isinstance(one, _BUFFERS):
                one.flush()
            else:
                one.close()
        except Exception as error:
            from ppg.exceptions import JobContractError  # noqa: PLC0415 (only a job that failed needs it)

            raise JobContractError(
                f"The callback has left its output '{path}' open, and the rest of it cannot be written by its "
                f"{type(one).__name__} ({type(error).__name__}: {error}); close it in the callback"
            ) from error
    # Libraries in C have buffers of their own.
    ctypes.CDLL(None).fflush(None)


def _open_for_writing(paths: Sequence[str]) -> Mapping[int, str]:
    """Return the outputs that this process has open for writing, by descriptor."""
    outputs = {}
    for path in paths:
        try:
            found = os.stat(path)  # noqa: PTH116 (pathlib is not imported in job processes)
        except OSError:
            continue  # the description of the outputs tells what is wrong with it
        outputs[found.st_dev, found.st_ino] = path
    held = {}
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 (the same)
        try:
            found = os.fstat(int(name))
            flags = fcntl.fcntl(int(name), fcntl.F_GETFL)
        except OSError:
            continue  # it was open only while the descriptors were listed
        path = outputs.get((found.st_dev, found.st_ino), "")
        if path and flags & os.O_ACCMODE != os.O_RDONLY:
            held[int(name)] = path
    return held


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
