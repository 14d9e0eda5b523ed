"""doit: the fastest of those in Python, without isolation."""

from collections.abc import Sequence
from typing import ClassVar

from tests.benchmarks.cases import Step
from tests.benchmarks.environments import Environment
from tests.benchmarks.peers.peer import Peer, Work

__all__ = ["Doit"]


class Doit(Peer):
    """Python actions in threads, which is the fastest of its ways for small jobs."""

    name: ClassVar[str] = "doit"
    distribution: ClassVar[str | None] = "doit"
    install: ClassVar[Sequence[str]] = ["doit"]
    does_less: ClassVar[Sequence[str]] = ("no isolation", "outputs not hashed", "code not tracked")
    steps: ClassVar[frozenset[Step]] = frozenset(Step)

    def prepare(self, work: Work) -> None:
        self.copy_script("run_doit.py", work, "dodo.py")

    def command(self, environment: Environment, work: Work, step: Step) -> Sequence[str]:
        if step is Step.DECLARE:
            return [environment.program("doit"), "list"]
        return [environment.program("doit"), "-n", str(work.cores), "-P", "thread"]
