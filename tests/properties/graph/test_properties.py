"""Random scripts, edits, failures, stops, crashes and interleavings: what design demands holds after every step.

The evaluator checks its whole state after every event (`check=True`); the driver in `world` checks that every job that
starts finds its inputs, that every reason is true, and that a run always ends. Here are the claims about whole runs.
"""

from __future__ import annotations

from random import Random

from hypothesis import settings, stateful
from hypothesis import strategies as st

from ppg_graph import JobId, NodeKind, NodeState
from tests.graph.reading import INPUTS
from tests.graph.scripts import MAKES_FILES, Script
from tests.graph.strategies import edited, random_script
from tests.graph.world import Plan, Run, World

GOOD = (NodeState.CLEAN, NodeState.DONE)
randoms = st.integers(0, 2**32 - 1).map(Random)
"""Hypothesis shrinks the story (which steps, how big a graph); what happens within a step follows from a seed."""


class Life(stateful.RuleBasedStateMachine):
    """The life of one script and its directory."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.script = Script()
        self.serial = 0

    @stateful.initialize(random=randoms, size=st.integers(0, 60))
    def begin(self, random: Random, size: int) -> None:
        self.script = random_script(random, size)

    @stateful.rule(random=randoms, times=st.integers(1, 3))
    def edit(self, random: Random, times: int) -> None:
        for _ in range(times):
            self.serial += 1
            self.script = edited(random, self.script, self.serial)

    @stateful.rule(random=randoms)
    def meddle_with_files(self, random: Random) -> None:
        for name in sorted(self.world.disk):
            if random.random() < 0.15:
                if random.random() < 0.5:
                    del self.world.disk[name]
                else:
                    self.world.disk[name] = "meddled with"

    @stateful.rule(random=randoms)
    def edit_inputs(self, random: Random) -> None:
        for name in INPUTS:
            match random.randrange(4):
                case 0:
                    self.world.disk.pop(name, None)
                case 1:
                    pass
                case value:
                    self.world.disk[name] = value

    @stateful.rule(random=randoms)
    def run_well(self, random: Random) -> None:
        run = self.run(random)
        self.check_files(run)
        for name in run.dag.job_ids:
            assert run.state(name) not in (NodeState.FAILED, NodeState.BLOCKED, NodeState.ABORTED)
            if run.jobs[name].kind is NodeKind.OUTPUT:
                assert run.state(name) in GOOD
        for name, stored in self.world.store.items():
            if name not in run.dag or run.jobs[name].keeps or stored.record.kind not in MAKES_FILES:
                continue
            if run.jobs[name].kind is NodeKind.LAZY and name in self.world.disk:
                assert self.world.disk[name] != stored.contents, f"{name} lies about after the run"
        self.check_idle(random, run)

    @stateful.rule(random=randoms)
    def run_with_failures(self, random: Random) -> None:
        names = [job.name for job in self.script.unfolded()]
        failing = frozenset(name for name in names if random.random() < 0.15)
        unobservable = frozenset(name for name in names if random.random() < 0.03)
        unusable = frozenset(name for name in names if random.random() < 0.3)
        plan = Plan(random, failing=failing, unobservable=unobservable, unusable=unusable)
        before = self.world.copy()
        run = self.run(random, plan)
        self.check_files(run)
        self.check_blocked(run, before)
        other = Run(
            self.script, before, Plan(Random(random.randrange(1000)), failing, unobservable, unusable)
        ).go()
        self.check_same_outcome(run, other)

    @stateful.rule(random=randoms)
    def run_with_rejected_leftovers(self, random: Random) -> None:
        unusable = frozenset(job.name for job in self.script.unfolded() if random.random() < 0.5)
        before = self.world.copy()
        run = self.run(random, Plan(random, unusable=unusable))
        self.check_files(run)
        # It ends as if the look at the files had found them missing, where anybody looked into them.
        assert run.found_unusable <= set(run.starts)
        for name in run.found_unusable:
            del before.disk[name]
        other = Run(self.script, before, Plan(Random(random.randrange(1000)))).go()
        self.check_same_outcome(run, other)
        # How often something on demand is made for generated jobs depends on the schedule.
        by_chance: set[str] = set()
        for each in (run, other):
            by_chance |= (unsure := each.unsure())
            above = each.dag.ancestors([each.dag.node(JobId(name)) for name in unsure])
            by_chance |= {each.dag.job_id(node) for node in above}
        assert set(other.starts) - by_chance == set(run.starts) - by_chance
        self.check_idle(random, run)

    @stateful.rule(random=randoms, after=st.integers(1, 40))
    def run_and_stop(self, random: Random, after: int) -> None:
        unusable = frozenset(job.name for job in self.script.unfolded() if random.random() < 0.3)
        run = self.run(random, Plan(random, stop_after=after, unusable=unusable))
        self.check_files(run)

    @stateful.rule(random=randoms, after=st.integers(1, 40))
    def run_and_crash(self, random: Random, after: int) -> None:
        crashed = self.run(random, Plan(random, crash_after=after))
        done = {name for name in crashed.committed if crashed.jobs[name].kind is NodeKind.OUTPUT}
        unsure = crashed.unsure()
        again = self.run(random)
        assert not done & set(again.starts) - unsure - again.unsure(), (
            "a job whose record was committed is redone"
        )
        self.check_files(again)

    @stateful.rule(random=randoms)
    def run_a_part(self, random: Random) -> None:
        names = self.script.names()
        pruned = frozenset(name for name in names if random.random() < 0.1)
        targets = (
            frozenset(name for name in names if random.random() < 0.1) if random.random() < 0.5 else None
        )
        until, forced = (
            frozenset(name for name in names if random.random() < chance * random.randrange(2))
            for chance in (0.1, 0.2)
        )
        before = self.world.copy()
        plan = Plan(random, pruned=pruned, targets=targets, until=until, forced=forced)
        run = self.run(random, plan)
        self.check_files(run)
        for name in run.dag.job_ids:
            if run.state(name) is NodeState.EXCLUDED:
                assert name not in run.starts
                assert self.world.disk.get(name) == before.disk.get(name)
                assert self.world.store.get(name) == before.store.get(name)
        for name in {*(targets or ()), *until}:
            if run.state(name) is not NodeState.EXCLUDED and run.jobs[name].kind in MAKES_FILES:
                assert name in self.world.disk, "a target is not there after the run"
        for name in run.dag.job_ids:
            node = run.dag.node(JobId(name))
            if any(run.dag.job_id(up) in until for up in run.dag.ancestors([node])):
                assert run.state(name) is NodeState.EXCLUDED, "lies behind the end of the run"
            elif name in forced and run.jobs[name].kind is NodeKind.OUTPUT and name not in run.extended:
                assert run.state(name) is NodeState.EXCLUDED or name in run.starts, (
                    "was forced, and did not run"
                )

    # -- claims

    def run(self, random: Random, plan: Plan | None = None) -> Run:
        return Run(self.script, self.world, plan or Plan(random)).go()

    def check_same_outcome(self, run: Run, other: Run) -> None:
        """The fate of jobs does not depend on the schedule, except of those that read what is there by chance."""
        unsure = run.unsure() | other.unsure()
        outcomes = [
            {name: state for name, state in each.outcome().items() if name not in unsure}
            for each in (run, other)
        ]
        assert outcomes[0] == outcomes[1], "the schedule decides about the fate of jobs"

    def check_files(self, run: Run) -> None:
        """Correct: every job that is said to be up to date made what a fresh run makes."""
        ran = {
            name for name, job in run.jobs.items() if job.kind is NodeKind.GENERATOR and name in run.committed
        }
        idle = {name for name, job in run.jobs.items() if job.kind is NodeKind.GENERATOR} - ran
        expected = self.script.expected(self.world.disk, without=idle)
        for name in set(run.dag.job_ids) - run.unsure():
            job, state = run.jobs[name], run.state(name)
            if job.kind is NodeKind.OUTPUT and state in GOOD:
                assert self.world.disk[name] == expected[name], (
                    f"{name}, {state.name}, is not what it should be"
                )
            if job.kind is NodeKind.LAZY and state is NodeState.DONE:
                assert self.world.disk[name] == expected[name]
            if job.kind is NodeKind.LAZY and state is NodeState.CLEANED_UP:
                assert name not in self.world.disk
        assert not run.warned - run.unsure()

    def check_idle(self, random: Random, before: Run) -> None:
        """Idle: at once again, only generators run, and what they demand.

        But if jobs did not wait for what they read, they do now, and the run after that is idle.
        """
        run = self.run(random)
        if before.unordered():
            assert not run.unordered(), "does not wait for what it read"
            self.check_files(run)
            run = self.run(random)
        started = set(run.starts)
        for name in run.starts:
            node = run.dag.node(JobId(name))
            if run.jobs[name].kind is not NodeKind.GENERATOR:
                assert run.jobs[name].kind in (NodeKind.LAZY, NodeKind.LOAD), f"{name} ran again"
                directly = {run.dag.job_id(downstream) for downstream in run.dag.downstreams(node)}
                assert directly & started, f"{name} ran again for nobody"

    def check_blocked(self, run: Run, before: World) -> None:
        """Failures: what is blocked has a failed job upstream, and its files and record are left alone."""
        failed = [node for node, state in enumerate(run.evaluator.states()) if state is NodeState.FAILED]
        below = run.dag.descendants(failed)
        for node, state in enumerate(run.evaluator.states()):
            name = run.dag.job_id(node)
            if state is NodeState.BLOCKED:
                assert node in below
                if name not in run.starts:
                    assert self.world.disk.get(name) == before.disk.get(name)
                    assert self.world.store.get(name) == before.store.get(name)
            elif state is NodeState.FAILED and run.jobs[name].kind not in (NodeKind.INVARIANT, NodeKind.LOAD):
                # An invariant has no record. One of the same name may be left from when it was another kind of job.
                # A load keeps its record.
                assert name not in self.world.store


TestLife = Life.TestCase
TestLife.settings = settings(stateful_step_count=8)
