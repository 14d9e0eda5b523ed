"""Several jobs in a row, as `job + job` gives them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from ppg.job import Dependency

__all__ = ["JobList", "listed"]


class JobList(list[Any]):
    """Several jobs; `+` adds more, `depends_on` takes it and has it too."""

    def __add__(self, other: object) -> "JobList":
        return JobList([*self, *listed(other)])

    def __radd__(self, other: object) -> "JobList":
        return JobList([*listed(other), *self])

    def depends_on(self, *dependencies: "Dependency") -> Self:
        """Make every job of the list depend on these."""
        once = [list(item) if isinstance(item, Iterator) else item for item in dependencies]
        for job in self:
            job.depends_on(*once)
        return self


def listed(other: object) -> list[Any]:
    """What may stand beside `+`, as a list; of a dictionary the values count."""
    if isinstance(other, Mapping):
        return list(other.values())
    return list(other) if isinstance(other, Iterable) and not isinstance(other, str) else [other]
