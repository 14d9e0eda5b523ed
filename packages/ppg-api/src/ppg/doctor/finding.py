"""Finding: one fact about the machine, with the remedy if something is missing."""

from dataclasses import dataclass

__all__ = ["Finding", "first_line_of"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Finding: one fact.

    Attributes:
        subject: the examined thing.
        state: what was found.
        remedy: what to do, and for what; empty if nothing is missing.
    """

    subject: str
    state: str
    remedy: str = ""

    def __str__(self) -> str:
        mark = "missing" if self.remedy else "ok"
        return f"{mark:8}{self.subject}: {self.state}" + (f"; {self.remedy}" if self.remedy else "")


def first_line_of(path: str) -> str:
    """Return the first line of a file of the kernel; empty if it cannot be read, because kernels differ."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 (a name of the kernel)
            return file.readline().strip()
    except OSError:
        return ""
