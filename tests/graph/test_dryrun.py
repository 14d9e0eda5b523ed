"""Dry runs: what will run, what may run depending on what, and nothing else ever runs."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ppg_graph import (
    FileMissing,
    Files,
    FileStatus,
    Fingerprint,
    JobId,
    NodeId,
    NodeKind,
    Unobservable,
    UpstreamChanged,
    dry_run,
    to_observe,
)
from tests.graph.driver import Shop, graph
from tests.graph.strategies import edited, random_script
from tests.graph.world import Job, Plan, Run, Script, World


def test_what_will_run_and_what_may_run_depending_on_it() -> None:
    shop = Shop(graph("O.a > O.b > O.c; O.a > T.t > O.d; O.e"))
    shop.run()
    shop.damaged["a"] = FileStatus.MISSING
    nodes = to_observe(shop.dag, shop.history)
    result = dry_run(shop.dag, shop.history, {node: shop.look(node, ()) for node in nodes})
    a, b, c, t, d, _ = map(NodeId, range(6))
    assert result.will_run == {a: (FileMissing(("a",)),)}
    assert set(result.may_run) == {b, c, t, d}
    assert result.may_run[b].depending_on == ("a",)
    assert result.may_run[c].depending_on == ("b",)
    assert result.may_run[d].depending_on == ("t",)
    assert isinstance(result.may_run[b].reasons[0], UpstreamChanged)


def test_a_load_stands_for_what_it_is_made_of() -> None:
    shop = Shop(graph("O.a > L.l > O.b"))
    shop.run()
    shop.damaged["a"] = FileStatus.MISSING
    nodes = to_observe(shop.dag, shop.history)
    result = dry_run(shop.dag, shop.history, {node: shop.look(node, ()) for node in nodes})
    assert {shop.dag.job_id(node): may.depending_on for node, may in result.may_run.items()} == {
        "l": ("a",),
        "b": ("a",),
    }


def test_generators_and_blocked_jobs_are_named() -> None:
    shop = Shop(graph("G.g > O.a; I.p > O.b; O.m[x] > O.c"))
    p = shop.dag.node(JobId("p"))
    result = dry_run(shop.dag, {}, {p: Unobservable("gone")})
    assert [shop.dag.job_id(node) for node in result.generators] == ["g"]
    assert [shop.dag.job_id(node) for node in result.blocked] == ["b"]
    assert [shop.dag.job_id(node) for node in result.will_run] == ["g", "a", "m", "c"]


def test_nothing_to_do_is_nothing() -> None:
    shop = Shop(graph("I.p > O.a > L.l > O.b"))
    shop.run()
    nodes = to_observe(shop.dag, shop.history)
    result = dry_run(shop.dag, shop.history, {node: shop.look(node, ()) for node in nodes})
    assert not result.will_run
    assert not result.may_run


def without_generators(script: Script) -> Script:
    def plain(job: Job) -> Job:
        return Job(
            job.name,
            NodeKind.OUTPUT if job.kind is NodeKind.GENERATOR else job.kind,
            job.upstreams,
            job.value,
        )

    return Script([plain(job) for job in script.jobs])


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
        run = Run(script, world, Plan(random))
        history = {JobId(name): stored.record for name, stored in world.store.items()}
        seen = {node: run.observe(node) for node in to_observe(run.dag, history)}
        result = dry_run(run.dag, history, seen)
        run.go()
        ran = {run.dag.node(JobId(name)) for name in run.starts}
        assert set(result.will_run) <= ran <= set(result.will_run) | set(result.may_run)
        assert not set(result.will_run) & set(result.may_run)
        assert all(may.depending_on for may in result.may_run.values())


def test_the_fingerprint_of_a_part_that_was_never_made_is_no_obstacle() -> None:
    dag = graph("O.m[x] > O.c")
    assert len(dry_run(dag, {}, {}).will_run) == 2
    shop = Shop(dag)
    shop.run()
    seen = {node: Files(FileStatus.MISSING, ("f",)) for node in to_observe(dag, shop.history)}
    assert len(dry_run(dag, shop.history, seen).will_run) == 2
    assert Fingerprint(b"m") == shop.history[JobId("m")].fingerprint
