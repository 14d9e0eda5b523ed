"""The limit: forks and stats by the smallest Python there is."""

from collections.abc import Sequence
from typing import ClassVar

from tests.benchmarks.cases import Step
from tests.benchmarks.environments import Environment
from tests.benchmarks.peers.peer import SCRIPTS, Peer, Work

__all__ = ["Bare"]


class Bare(Peer):
    """No engine at all; what it takes, the machine takes."""

    name: ClassVar[str] = "bare"
    distribution: ClassVar[str | None] = None
    install: ClassVar[Sequence[str]] = ()
    does_less: ClassVar[Sequence[str]] = ("no hashing", "no records", "no supervision")

    def command(self, environment: Environment, work: Work, step: Step) -> Sequence[str]:
        return [environment.python, "-S", "-E", str(SCRIPTS / "run_bare.py"), work.shape, str(work.cores)]
