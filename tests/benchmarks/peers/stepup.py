"""StepUp: a plan in Python, commands in shells."""

from collections.abc import Sequence
from typing import ClassVar

from tests.benchmarks.cases import Step
from tests.benchmarks.environments import Environment
from tests.benchmarks.peers.peer import Peer, Work

__all__ = ["Stepup"]


class Stepup(Peer):
    """Its plan.py is itself a step, skipped when nothing has changed."""

    name: ClassVar[str] = "stepup"
    distribution: ClassVar[str | None] = "stepup"
    install: ClassVar[Sequence[str]] = ["stepup"]
    most_jobs: ClassVar[int | None] = 10_000

    def prepare(self, work: Work) -> None:
        self.copy_script("run_stepup.py", work, "plan.py")

    def command(self, environment: Environment, work: Work, step: Step) -> Sequence[str]:
        return [environment.program("stepup"), "build", "-j", str(work.cores), "--no-progress"]
