"""The rules of pruned jobs and targets, one by one, on graphs that fit into a line."""

from __future__ import annotations

import pytest

from ppg_graph import (
    Fingerprint,
    Forced,
    Generated,
    JobId,
    NewEdge,
    NewJob,
    NodeId,
    NodeKind,
    NodeState,
    NoRecord,
    Targeted,
)
from tests.graph.driver import Shop, graph, made_by

S = NodeState


def test_pruned_jobs_and_what_is_downstream_do_not_take_part() -> None:
    shop = Shop(graph("T.t > O.a > O.b; T.t > O.c"))
    outcome = shop.run(pruned=["a"])
    assert outcome.ran == ["t", "c"]
    assert outcome.removed == ["t"]
    assert outcome.state("b") is S.EXCLUDED


@pytest.mark.parametrize("kind", "ITLG")
def test_what_only_pruned_jobs_would_use_is_not_made_or_looked_at(kind: str) -> None:
    outcome = Shop(graph(f"{kind}.a > O.b")).run(pruned=["b"])
    assert outcome.ran == (["a"] if kind == "G" else [])
    assert outcome.state("a") is (S.DONE if kind == "G" else S.NOT_NEEDED)


def test_a_generator_that_takes_no_part_keeps_no_leftover() -> None:
    for left_out in ({"pruned": ["g"]}, {"targets": ["t"]}):
        shop = Shop(graph("T.t > O.o; G.g"))
        shop.run(failing=["o"])
        assert shop.lying_about == {"t"}
        shop.dag = graph("T.t; G.g")
        assert shop.run(**left_out).ran == []
        assert shop.lying_about == ({"t"} if "targets" in left_out else set())


def test_only_targets_and_what_is_upstream_of_them_take_part() -> None:
    shop = Shop(graph("O.a > T.t > O.b > O.c; O.d"))
    outcome = shop.run(targets=["t"])
    assert outcome.ran == ["a", "t"]
    assert outcome.reasons("t") == (NoRecord(), Targeted())
    assert outcome.removed == []
    assert shop.run(targets=["t"]).ran == []


def test_an_edge_from_a_pruned_job_takes_its_downstream_job_out_of_the_run() -> None:
    shop = Shop(graph("O.pruned; G.g > O.a > O.b; T.t > O.b; G.g > O.c"))
    outcome = shop.run(pruned=["pruned"], makes=made_by(shop, "g", edges="pruned>a"))
    assert outcome.state("a") is S.EXCLUDED
    assert outcome.state("b") is S.EXCLUDED
    assert outcome.state("c") is S.DONE


def test_with_targets_a_targeted_generator_brings_its_jobs_and_what_they_need() -> None:
    shop = Shop(graph("O.far > O.needed; G.g; O.d"))
    outcome = shop.run(targets=["g"], makes=made_by(shop, "g", jobs="O.x T.y", edges="needed>x"))
    assert outcome.ran == ["g", "far", "needed", "x"]
    assert outcome.state("d") is S.EXCLUDED


def test_with_targets_other_generated_jobs_take_part_only_if_a_target_needs_them() -> None:
    shop = Shop(graph("O.far; G.g > O.a"))
    outcome = shop.run(targets=["a"], makes=made_by(shop, "g", jobs="O.x O.y", edges="x>a far>x"))
    assert sorted(outcome.ran) == ["a", "far", "g", "x"]
    assert outcome.state("y") is S.EXCLUDED


def test_targets_may_lie_above_each_other() -> None:
    for text in ("T.t > T.u > O.a", "O.a; T.u > O.a; T.t > T.u"):
        shop = Shop(graph(text))
        assert shop.run(targets=["u", "a"]).ran == ["t", "u", "a"]


def test_generators_made_by_a_targeted_generator_are_targets_and_pruned_jobs_stay_out() -> None:
    shop = Shop(graph("G.g; O.far > O.needed; O.pruned > O.below; O.other"))
    makes = made_by(shop, "g", jobs="G.h O.y", edges="below>y")
    makes["h"] = Generated(
        NodeId(len(shop.dag)),
        Fingerprint(b"h"),
        (NewJob(JobId("x"), NodeKind.OUTPUT),),
        (NewEdge(JobId("needed"), JobId("x")),),
    )
    outcome = shop.run(targets=["g"], pruned=["pruned"], makes=makes)
    assert outcome.ran == ["g", "h", "far", "needed", "x"]
    assert outcome.state("y") is S.EXCLUDED


def test_a_targeted_generator_may_build_on_what_takes_part_already() -> None:
    shop = Shop(graph("O.a > O.b; G.g"))
    outcome = shop.run(targets=["a", "g"], makes=made_by(shop, "g", jobs="O.x", edges="a>x"))
    assert outcome.ran == ["g", "a", "x"] or outcome.ran == ["a", "g", "x"]


def test_a_run_until_a_job_makes_it_and_all_that_is_not_downstream_of_it() -> None:
    shop = Shop(graph("O.a > O.b > O.c; O.b > O.d; O.e > O.c; O.f"))
    outcome = shop.run(until=["b"])
    assert sorted(outcome.ran) == ["a", "b", "e", "f"]
    assert {outcome.state(name) for name in "cd"} == {S.EXCLUDED}
    assert shop.run().ran == ["d", "c"] or shop.run().ran == []


def test_a_run_until_a_temporary_file_makes_and_keeps_it() -> None:
    shop = Shop(graph("T.t > O.a; L.l > O.a"))
    outcome = shop.run(until=["t"])
    assert outcome.ran == ["t"]
    assert outcome.reasons("t") == (NoRecord(), Targeted())
    assert outcome.removed == []
    assert shop.run(until=["l"]).ran == ["l", "t", "a"] or shop.run(until=["l"]).ran == ["l"]


def test_with_targets_a_job_until_which_the_run_goes_is_a_target_too() -> None:
    outcome = Shop(graph("O.a > O.b; O.c; O.d")).run(targets=["c"], until=["a"])
    assert sorted(outcome.ran) == ["a", "c"]


def test_generated_jobs_behind_the_end_of_the_run_take_no_part() -> None:
    shop = Shop(graph("G.g > O.a > O.b; O.end; O.c"))
    outcome = shop.run(until=["end"], makes=made_by(shop, "g", jobs="O.x O.y", edges="end>x x>a"))
    assert sorted(outcome.ran) == ["c", "end", "g", "y"]
    assert {outcome.state(name) for name in "xab"} == {S.EXCLUDED}


def test_a_forced_job_runs_and_what_depends_on_it_only_if_it_made_something_else() -> None:
    shop = Shop(graph("O.a > O.b > O.c"))
    shop.run()
    outcome = shop.run(forced=["a"])
    assert outcome.ran == ["a"]
    assert outcome.reasons("a") == (Forced(),)
    assert outcome.skipped() == {"b": "clean", "c": "clean"}
    assert shop.run().ran == []


def test_a_forced_temporary_file_is_made_again_and_removed_again() -> None:
    shop = Shop(graph("O.a > T.t > O.b; T.leaf"))
    shop.run()
    outcome = shop.run(forced=["t", "leaf"])
    assert outcome.ran == ["t"]
    assert outcome.reasons("t") == (Forced(),)
    assert outcome.removed == ["t"]
    assert outcome.state("leaf") is S.NOT_NEEDED


def test_force_makes_no_difference_to_loads_generators_invariants_and_new_jobs() -> None:
    shop = Shop(graph("I.i > L.l > O.a; G.g > O.a"))
    assert shop.run(forced=["i", "l", "g", "a"]).reasons("a") == (NoRecord(),)
    assert shop.run(forced=["i", "l", "g"]).ran == ["g"]
    assert shop.run(forced=["i", "l", "g", "a"]).ran == ["g", "l", "a"]


def test_with_targets_a_forced_job_is_a_target_too() -> None:
    shop = Shop(graph("O.a; O.b > O.c; O.d"))
    shop.run()
    assert shop.run(targets=["a"], forced=["b"]).ran == ["b"]
    shop = Shop(graph("O.a; O.b > O.c; O.d"))
    assert sorted(shop.run(targets=["a"], forced=["b"]).ran) == ["a", "b"]
