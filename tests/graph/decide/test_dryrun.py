"""Dry runs: what will run, what may run depending on what, and nothing else ever runs."""

from __future__ import annotations

from ppg_graph import (
    FileMissing,
    Files,
    FileStatus,
    Fingerprint,
    Forced,
    JobId,
    NodeId,
    Unobservable,
    UpstreamChanged,
    dry_run,
    to_observe,
)
from tests.graph.driver import Shop, graph


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


def test_the_fingerprint_of_a_part_that_was_never_made_is_no_obstacle() -> None:
    dag = graph("O.m[x] > O.c")
    assert len(dry_run(dag, {}, {}).will_run) == 2
    shop = Shop(dag)
    shop.run()
    seen = {node: Files(FileStatus.MISSING, ("f",)) for node in to_observe(dag, shop.history)}
    assert len(dry_run(dag, shop.history, seen).will_run) == 2
    assert Fingerprint(b"m") == shop.history[JobId("m")].fingerprint


def test_a_dry_run_decides_with_force_and_until_as_a_run_does() -> None:
    shop = Shop(graph("O.a > O.b > O.c; O.d"))
    shop.run()
    asked = {"forced": [NodeId(0)], "until": [NodeId(1)]}
    nodes = to_observe(shop.dag, shop.history, **asked)
    result = dry_run(shop.dag, shop.history, {node: shop.look(node, ()) for node in nodes}, **asked)
    assert result.will_run == {NodeId(0): (Forced(),)}
    assert set(result.may_run) == {NodeId(1)}
