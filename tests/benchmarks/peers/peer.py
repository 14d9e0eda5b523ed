"""What the harness wants of a peer."""

import abc
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tests.benchmarks.cases import Step
from tests.benchmarks.environments import Environment, environment

__all__ = ["SCRIPTS", "Peer", "Work"]

SCRIPTS = Path(__file__).parents[1] / "scripts"


@dataclass(frozen=True, slots=True)
class Work:
    """A graph in a directory of its own, and how many cores may be used."""

    directory: Path
    shape: str
    cores: int


class Peer(abc.ABC):
    """Something that makes the files of a graph.

    Attributes:
        name: in tables.
        distribution: whose version is reported; None if there is only Python.
        install: arguments of `uv pip install` for its environment.
        does_less: what it does not do, of what ppg does for each job.
        most_jobs: it takes many minutes for more than this, and is not tried.
        unable: kinds of shapes that it cannot do, with the reason.
        steps: what it can do.
    """

    name: ClassVar[str]
    distribution: ClassVar[str | None]
    install: ClassVar[Sequence[str]]
    does_less: ClassVar[Sequence[str]] = ()
    most_jobs: ClassVar[int | None] = None
    unable: ClassVar[Mapping[str, str]] = {}
    steps: ClassVar[frozenset[Step]] = frozenset({Step.FRESH, Step.NOOP, Step.CHANGE})

    def environment(self) -> Environment:
        """Its environment, made if need be.

        Raises:
            Unavailable: that is impossible here.
        """
        return environment(self.name, self.install)

    def prepare(self, work: Work) -> None:  # noqa: B027 (most need nothing)
        """Write what is there before the first measured process, for example a build file."""

    @abc.abstractmethod
    def command(self, environment: Environment, work: Work, step: Step) -> Sequence[str]:
        """The process that does a step."""

    def variables(self, work: Work) -> Mapping[str, str]:
        """Environment variables for its processes."""
        return {"BENCHMARK_SHAPE": work.shape, "PYTHONPATH": str(SCRIPTS)}

    def copy_script(self, script: str, work: Work, name: str) -> None:
        """Put a script into the working directory, for peers that want theirs there."""
        shutil.copy(SCRIPTS / script, work.directory / name)
        Path(work.directory, name).chmod(0o755)
