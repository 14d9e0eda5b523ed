"""Options: keeps the options of `ppg run`, and applies them to each graph that the script runs."""

from dataclasses import dataclass, replace
from pathlib import Path

from ppg import DaskCluster, LocalSystem, Pipegraph
from ppg.kinds.execution import NO_DEFAULTS, JobDefaults
from ppg_cli.script.naming import jobs_named

__all__ = ["RunOptions"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Run options: what the command line says about the run.

    Attributes:
        targets: the only jobs to run, with what they need; None for those of the script.
        until: jobs with which the run ends.
        force: jobs that run although nothing has changed.
        fail_fast: whether the first failure lets no more jobs start.
        cores, memory: the most that jobs get; None for what the script says.
        strict: whether undeclared reads of files of other jobs are failures.
        inline: whether all jobs run in this process.
        coordinator: where jobs run; None for what the script says.
        here: whether jobs run on this machine, whatever the script says.
        jobs: what holds for jobs that do not say it themselves.
        events: the file for all that happens, or None.
        plain: whether plain lines are shown on a terminal, too.
        quiet: whether only failures and warnings are shown.
        color: whether a terminal has colours; None for what the environment says.
    """

    targets: tuple[str, ...] | None = None
    until: tuple[str, ...] = ()
    force: tuple[str, ...] = ()
    fail_fast: bool = False
    cores: int | None = None
    memory: int | None = None
    strict: bool = False
    inline: bool = False
    coordinator: DaskCluster | None = None
    here: bool = False
    jobs: JobDefaults = NO_DEFAULTS
    events: Path | None = None
    plain: bool = False
    quiet: bool = False
    color: bool | None = None

    def apply(self, pipegraph: Pipegraph) -> None:
        """Let the options hold for the next run of a graph.

        Raises:
            UnknownJobError: the graph has no job of a given name.
        """
        if self.targets is not None:
            pipegraph._run_targets = jobs_named(pipegraph, self.targets)
        if self.until:
            pipegraph._run_until = jobs_named(pipegraph, self.until)
        if self.force:
            pipegraph._run_forced = jobs_named(pipegraph, self.force)
        if self.fail_fast:
            pipegraph._fail_fast = True
        if self.strict:
            pipegraph.undeclared = "fail"
        given = {
            "max_cores_to_use": self.cores,
            "max_memory_to_use": self.memory,
            "inline": self.inline or None,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        pipegraph._job_defaults = self.jobs
        if self.coordinator is not None:
            pipegraph.resource_coordinator = self.coordinator
        elif changes or self.here:
            # They are about this machine.
            given_one = pipegraph.resource_coordinator
            local = given_one if isinstance(given_one, LocalSystem) else LocalSystem()
            pipegraph.resource_coordinator = replace(local, **changes)  # type: ignore[arg-type]
