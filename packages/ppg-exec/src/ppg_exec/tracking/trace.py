"""Trace: is what the notes need of a trace of all system calls of a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["Trace"]


class Trace(Protocol):
    """Trace: sees what a task uses, also in native code and in other programs."""

    def begin(self) -> None:
        """Trace this process, and those that it starts, from now on."""

    def end(self) -> None:
        """Trace nothing any more, if this is the process that began."""

    def completed(
        self, noted: dict[str, bytes], counts: Callable[[str], bool]
    ) -> tuple[dict[str, bytes], str]:
        """These notes with those of the trace until now, and why notes are missing, or an empty string.

        `noted` has the uses of import machinery, too, behind the letter `i`; what is returned has none of them. `counts`
        says of an absolute name whether its uses are noted.
        """
