"""Observing which version of a tool there is."""

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from ppg.jobs.job import Job
from ppg_graph import NodeKind

if TYPE_CHECKING:
    from ppg.jobs.graph_protocol import GraphProtocol

__all__ = ["ToolVersionInvariant", "checked_environment", "checked_exit_codes"]


class ToolVersionInvariant(Job):
    """Observes what a tool says of its version: what the command prints, to stdout and stderr, and its exit code.

    The command runs once in each run of the pipegraph, at its start, in the pipegraph's root, however many jobs
    depend on it. What it prints must be the same from one run to the next.

    Parameters:
        command: the tool and its arguments: `["samtools", "--version"]`.
        environment: variables to be set for it, beside those that are there.
        success: the exit codes with which the tool answers; some have no option for their version, but show it
            in an error message.

    Raises:
        TypeError, ValueError: an argument is not what it should be.
    """

    __slots__ = ("command", "environment", "success")
    kind: ClassVar[NodeKind] = NodeKind.INVARIANT
    command: tuple[str, ...]
    environment: Mapping[str, str]
    success: frozenset[int]

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        environment: Mapping[str, str | os.PathLike[str]] | None = None,
        success: Iterable[int] = (0,),
        pipegraph: "GraphProtocol | None" = None,
    ) -> None:
        what = "ToolVersionInvariant"
        if isinstance(command, str) or not isinstance(command, Sequence):
            raise TypeError(
                f'{what}: command must be a list like ["samtools", "--version"], not {command!r}; '
                "no shell takes it apart"
            )
        if not command or not all(isinstance(word, (str, os.PathLike)) for word in command):
            raise TypeError(f"{what}: command must be a tool and its arguments as texts, not {command!r}")
        self.command = tuple(os.fspath(word) for word in command)
        self.environment = checked_environment(environment, what)
        self.success = checked_exit_codes(success, what)
        settings = "".join(f"{name}={shlex.quote(value)} " for name, value in self.environment.items())
        super().__init__(f"version:{settings}{shlex.join(self.command)}", pipegraph)

    def definition(self) -> dict[str, object]:
        """The exit codes; the rest is in the name."""
        return {"success": self.success}


def checked_environment(
    environment: Mapping[str, str | os.PathLike[str]] | None, what: str
) -> dict[str, str]:
    """Variables as text, in the order of their names.

    Raises:
        TypeError, ValueError: they cannot be variables; the message begins with `what`.
    """
    if environment is None:
        return {}
    if not isinstance(environment, Mapping):
        raise TypeError(f"{what}: environment must be a dictionary of texts, not {environment!r}")
    for name, value in cast("Mapping[object, object]", environment).items():
        if not isinstance(name, str) or not isinstance(value, (str, os.PathLike)):
            raise TypeError(f"{what}: environment must be a dictionary of texts, but has {name!r}: {value!r}")
        if not name or "=" in name or "\0" in name or "\0" in os.fspath(value):
            raise ValueError(f"{what}: environment cannot have {name!r}: {value!r}")
    return {name: os.fspath(environment[name]) for name in sorted(environment)}


def checked_exit_codes(success: Iterable[object], what: str) -> frozenset[int]:
    """The exit codes that mean success.

    Raises:
        TypeError, ValueError: they are none; the message begins with `what`.
    """
    try:
        codes = frozenset(success)
    except TypeError:
        raise TypeError(f"{what}: success must be a list of exit codes, not {success!r}") from None
    numbers = frozenset(code for code in codes if isinstance(code, int) and 0 <= code <= 255)
    if not codes or numbers != codes:
        raise ValueError(f"{what}: success must be exit codes from 0 to 255, not {success!r}")
    return numbers
