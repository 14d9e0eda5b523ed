"""ninja, the fastest of those that isolate their jobs."""

from collections.abc import Sequence
from typing import ClassVar

from tests.benchmarks.cases import Step
from tests.benchmarks.environments import Environment
from tests.benchmarks.peers.peer import Peer, Work
from tests.benchmarks.scripts.shapes import jobs, seconds_of, shell_command

__all__ = ["Ninja"]


class Ninja(Peer):
    """A build file that is there already; a job is a shell that starts nothing else."""

    name: ClassVar[str] = "ninja"
    distribution: ClassVar[str | None] = "ninja"
    install: ClassVar[Sequence[str]] = ["ninja"]
    does_less: ClassVar[Sequence[str]] = ("no hashing",)

    def prepare(self, work: Work) -> None:
        seconds = seconds_of(work.shape)
        with open(work.directory / "build.ninja", "w") as stream:
            for rule, source in (("root", None), ("derived", "$source")):
                command = shell_command("$out", source, seconds).replace("$version", "$$version")
                stream.write(f"rule {rule}\n  command = {command}\n  description = $out\n")
            for name, upstreams, source in jobs(work.shape):
                if source is None:
                    stream.write(f"build {name}: root {' '.join(upstreams)}\n")
                else:
                    stream.write(
                        f"build {name}: derived {' '.join(upstreams or [source])}\n  source = {source}\n"
                    )

    def command(self, environment: Environment, work: Work, step: Step) -> Sequence[str]:
        return [environment.program("ninja"), f"-j{work.cores}"]
