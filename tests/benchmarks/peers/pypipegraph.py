"""The two predecessors."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from tests.benchmarks.cases import Step
from tests.benchmarks.environments import Environment
from tests.benchmarks.peers.peer import SCRIPTS, Peer, Work

__all__ = ["Pypipegraph", "Pypipegraph2"]


class Pypipegraph(Peer):
    """The first one."""

    name: ClassVar[str] = "pypipegraph"
    distribution: ClassVar[str | None] = "pypipegraph"
    install: ClassVar[Sequence[str]] = ["pypipegraph==0.197", "six"]
    does_less: ClassVar[Sequence[str]] = ("outputs not hashed",)
    unable: ClassVar[Mapping[str, str]] = {"chain": "RecursionError", "layers": "never ends"}
    steps: ClassVar[frozenset[Step]] = frozenset(Step)

    def command(self, environment: Environment, work: Work, step: Step) -> Sequence[str]:
        intent = "declare" if step is Step.DECLARE else "run"
        return [environment.python, str(SCRIPTS / f"run_{self.name}.py"), work.shape, str(work.cores), intent]


class Pypipegraph2(Pypipegraph):
    """The second one."""

    name: ClassVar[str] = "pypipegraph2"
    distribution: ClassVar[str | None] = "pypipegraph2"
    install: ClassVar[Sequence[str]] = ["pypipegraph2"]
    does_less: ClassVar[Sequence[str]] = ()
    unable: ClassVar[Mapping[str, str]] = {}
    most_jobs: ClassVar[int | None] = 10_000
