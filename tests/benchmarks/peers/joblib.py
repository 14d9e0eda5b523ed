"""joblib: parallel calls with remembered results; knows no graph."""

from collections.abc import Sequence
from typing import ClassVar

from tests.benchmarks.cases import Step
from tests.benchmarks.environments import Environment
from tests.benchmarks.peers.peer import SCRIPTS, Peer, Work

__all__ = ["Joblib"]


class Joblib(Peer):
    """A script that goes level by level."""

    name: ClassVar[str] = "joblib"
    distribution: ClassVar[str | None] = "joblib"
    install: ClassVar[Sequence[str]] = ["joblib"]
    does_less: ClassVar[Sequence[str]] = ("no graph", "no isolation", "files not looked at")

    def command(self, environment: Environment, work: Work, step: Step) -> Sequence[str]:
        return [environment.python, str(SCRIPTS / "run_joblib.py"), work.shape, str(work.cores)]
