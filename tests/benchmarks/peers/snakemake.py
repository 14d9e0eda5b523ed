"""snakemake: a rule for each job, a shell for each."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from tests.benchmarks.cases import Step
from tests.benchmarks.environments import Environment
from tests.benchmarks.peers.peer import Peer, Work
from tests.benchmarks.scripts.shapes import jobs, seconds_of, shell_command

__all__ = ["Snakemake"]


class Snakemake(Peer):
    """Its Snakefile is written before, and read by every measured process."""

    name: ClassVar[str] = "snakemake"
    distribution: ClassVar[str | None] = "snakemake"
    install: ClassVar[Sequence[str]] = ["snakemake"]
    does_less: ClassVar[Sequence[str]] = ("no hashing of large files",)
    most_jobs: ClassVar[int | None] = 1_000
    unable: ClassVar[Mapping[str, str]] = {"chain": "RecursionError"}

    def prepare(self, work: Work) -> None:
        seconds = seconds_of(work.shape)
        with open(work.directory / "Snakefile", "w") as stream:
            stream.write(f"rule all:\n  input: {[name for name, _, _ in jobs(work.shape)]!r}\n")
            for number, (name, upstreams, source) in enumerate(jobs(work.shape)):
                needed = list(upstreams) or ([source] if source else [])
                stream.write(f"rule r{number}:\n  input: {needed!r}\n  output: {name!r}\n")
                stream.write(f"  shell: {shell_command(name, source, seconds)!r}\n")

    def command(self, environment: Environment, work: Work, step: Step) -> Sequence[str]:
        return [environment.program("snakemake"), "--cores", str(work.cores), "--quiet", "all"]
