"""ppg itself: the working tree, installed as it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from tests.benchmarks.cases import Step
from tests.benchmarks.environments import Environment, environment
from tests.benchmarks.peers.peer import SCRIPTS, Peer, Work

__all__ = ["Ppg"]

PACKAGES = Path(__file__).parents[3] / "packages"
NAMES = ("ppg-graph", "ppg-invariants", "ppg-exec", "ppg-api")


class Ppg(Peer):
    """A plain script that imports ppg."""

    name: ClassVar[str] = "ppg"
    distribution: ClassVar[str | None] = "ppg-api"
    install: ClassVar[Sequence[str]] = [
        word for name in NAMES for word in ("--editable", str(PACKAGES / name))
    ]
    steps: ClassVar[frozenset[Step]] = frozenset(Step)

    def environment(self) -> Environment:
        """Editable, so that it is what is in the working tree now; made anew when a package's metadata changes."""
        state = b"".join((PACKAGES / name / "pyproject.toml").read_bytes() for name in NAMES)
        return environment(self.name, self.install, state=state)

    def command(self, environment: Environment, work: Work, step: Step) -> Sequence[str]:
        intent = "declare" if step is Step.DECLARE else "run"
        return [environment.python, str(SCRIPTS / "run_ppg.py"), work.shape, str(work.cores), intent]

    def variables(self, work: Work) -> dict[str, str]:
        return {}
