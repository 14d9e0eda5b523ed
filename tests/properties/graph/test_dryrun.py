"""What a dry run foretells, a real run does."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ppg_graph import (
    JobId,
    NodeKind,
    dry_run,
    to_observe,
)
from tests.graph.scripts import Job, Script
from tests.graph.strategies import edited, random_script
from tests.graph.world import Plan, Run, World


def without_generators(script: Script) -> Script:
    def plain(job: Job) -> Job:
        return Job(
            job.name,
            NodeKind.OUTPUT if job.kind is NodeKind.GENERATOR else job.kind,
            job.upstreams,
            job.value,
        )

    return Script([plain(job) for job in script.jobs])


def some_of(script: Script, random: Random, chance: float) -> frozenset[str]:
    return frozenset(name for name in script.names() if random.random() < chance)


@given(st.integers(0, 2**32).map(Random), st.integers(1, 25))
def test_a_real_run_runs_all_that_will_and_only_what_will_or_may(random: Random, size: int) -> None:
    world = World()
    script = without_generators(random_script(random, size))
    Run(script, world, Plan(random)).go()
    for step in range(3):
        script = without_generators(edited(random, script, step))
        for name in sorted(world.disk):
            if random.random() < 0.1:
                del world.disk[name]
        plan = Plan(
            random,
            pruned=some_of(script, random, 0.05),
            targets=some_of(script, random, 0.3) if random.random() < 0.3 else None,
            until=some_of(script, random, 0.1) if random.random() < 0.4 else frozenset(),
            forced=some_of(script, random, 0.2) if random.random() < 0.4 else frozenset(),
        )
        run = Run(script, world, plan)
        asked = run.asked()
        history = {JobId(name): stored.record for name, stored in world.store.items()}
        seen = {node: run.observe(node) for node in to_observe(run.dag, history, **asked)}
        result = dry_run(run.dag, history, seen, **asked)
        run.go()
        ran = {run.dag.node(JobId(name)) for name in run.starts}
        assert set(result.will_run) <= ran <= set(result.will_run) | set(result.may_run)
        assert not set(result.will_run) & set(result.may_run)
        assert all(may.depending_on for may in result.may_run.values())
