"""Where compute nodes are."""

from dataclasses import dataclass

__all__ = ["LocalSystem"]


@dataclass(frozen=True, slots=True)
class LocalSystem:
    """This machine.

    Parameters:
        max_cores_to_use: at most so many cores; None for all that the process may use.
        max_memory_to_use: at most so many bytes of memory are given to jobs that state what they need;
            None for what the machine has.
    """

    max_cores_to_use: int | None = None
    max_memory_to_use: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_cores_to_use", "max_memory_to_use"):
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"LocalSystem: {name} must be an int, not {value!r}")
            if value < 1:
                raise ValueError(f"LocalSystem: {name} must be at least 1, not {value}")
