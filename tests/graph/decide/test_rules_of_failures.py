"""The rules of failures, one by one, on graphs that fit into a line."""

from __future__ import annotations

import pytest

from ppg_graph import (
    Block,
    Cancelled,
    CleanUp,
    Evaluator,
    Failed,
    FileMissing,
    Files,
    FileStatus,
    Fingerprint,
    JobId,
    NodeId,
    NodeState,
    Observed,
    Stopped,
)
from tests.graph.driver import INTACT, Shop, graph, made_by

S = NodeState


def test_a_failure_blocks_everything_downstream_and_nothing_else() -> None:
    shop = Shop(graph("O.a > O.b > T.c > L.d > O.e; O.x > O.y; O.x > O.e"))
    outcome = shop.run(failing=["b"])
    assert outcome.ran == ["a", "x", "b", "y"]
    assert [outcome.state(name) for name in "bcde"] == [S.FAILED, S.BLOCKED, S.BLOCKED, S.BLOCKED]
    blocked = [effect for effect in outcome.effects if isinstance(effect, Block)]
    assert blocked == [Block(tuple(outcome.node(name) for name in "cde"), outcome.node("b"))]
    assert "b failed" in str(outcome.evaluator.explain(outcome.node("e")))
    assert shop.run().ran == ["b", "c", "d", "e"]


def test_an_invariant_that_cannot_be_observed_fails_its_branch() -> None:
    shop = Shop(graph("I.p > O.a; I.q > O.b"))
    outcome = shop.run(gone=["p"])
    assert outcome.ran == ["b"]
    assert outcome.state("p") is S.FAILED
    assert outcome.state("a") is S.BLOCKED
    assert "p is gone" in str(outcome.evaluator.explain(outcome.node("p")))


@pytest.mark.parametrize("last_first", [False, True])
def test_a_lazy_job_that_cannot_be_made_again_blocks_only_jobs_that_must_run_without_it(
    last_first: bool,
) -> None:
    shop = Shop(graph("T.t > O.clean; O.s > O.clean; T.t > O.gone"))
    shop.run()
    shop.damaged = {"gone": FileStatus.MISSING, "s": FileStatus.MISSING}
    outcome = shop.run(failing=["t"], last_first=last_first)
    assert outcome.state("clean") is S.CLEAN
    assert outcome.state("gone") is S.BLOCKED
    assert JobId("t") not in shop.history


def test_a_chain_of_lazy_jobs_that_cannot_be_made_again_blocks_the_job_that_needed_it() -> None:
    for text in ("T.t > T.u > O.a; T.u > O.b", "T.t > L.u > O.a; L.u > O.b"):
        shop = Shop(graph(text))
        shop.run()
        shop.damaged["a"] = FileStatus.MISSING
        outcome = shop.run(failing=["t"])
        assert [outcome.state(name) for name in "tuab"] == [S.FAILED, S.BLOCKED, S.BLOCKED, S.CLEAN]


def test_a_job_that_must_run_is_blocked_as_soon_as_it_cannot() -> None:
    dag = graph("T.t > O.a; I.p > O.slow > O.a")
    shop = Shop(dag)
    shop.run()
    evaluator = Evaluator(dag, shop.history, check=True)
    evaluator.start()
    t, a, p, slow = map(NodeId, range(4))
    missing = Files(FileStatus.MISSING, ("f",))
    evaluator.handle(Observed({t: missing, a: missing, p: Fingerprint(b"new"), slow: INTACT}))
    assert Block((a,), t) in evaluator.handle(Failed(t))
    assert evaluator.state(slow) is S.STARTED


def test_nothing_is_made_for_a_blocked_job() -> None:
    shop = Shop(graph("O.bad > O.a; O.slow > T.t > O.a"))
    outcome = shop.run(failing=["bad"])
    assert outcome.ran == ["bad", "slow"]
    assert outcome.state("t") is S.NOT_NEEDED


def test_the_leftover_of_a_blocked_job_is_left_alone() -> None:
    shop = Shop(graph("I.p > O.f > T.t > O.a"))
    shop.run(failing=["a"])
    shop.dag = graph("I.p > O.f > T.t; O.f > O.b")
    shop.values["p"] = "2"
    outcome = shop.run(failing=["f"])
    assert outcome.state("t") is S.BLOCKED
    assert outcome.removed == []


def test_a_leftover_stays_if_the_run_is_stopped_before_a_generator_could_ask_for_it() -> None:
    shop = Shop(graph("T.t > O.a; G.g"))
    shop.run()
    evaluator = Evaluator(shop.dag, shop.history, check=True)
    evaluator.start()
    t, a, g = map(NodeId, range(3))
    assert evaluator.handle(Observed({t: INTACT, a: INTACT})) != []
    evaluator.handle(Stopped())
    effects = evaluator.handle(Cancelled(g))
    assert evaluator.finished
    assert not [effect for effect in effects if isinstance(effect, CleanUp)]


def test_an_edge_that_a_generator_may_yet_add_is_not_called_removed() -> None:
    shop = Shop(graph("G.g > O.c"))
    shop.run(makes=made_by(shop, "g", jobs="I.q", edges="q>c"))
    shop.dag = graph("G.g > O.c")
    evaluator = Evaluator(shop.dag, shop.history, check=True)
    evaluator.start()
    evaluator.handle(Observed({NodeId(1): Files(FileStatus.MISSING, ("c",))}))
    assert evaluator.reasons(NodeId(1)) == (FileMissing(("c",)),)


def test_the_record_of_a_blocked_job_stays() -> None:
    shop = Shop(graph("O.a > O.b"))
    shop.run()
    shop.damaged["a"] = FileStatus.MISSING
    shop.run(failing=["a"])
    assert JobId("b") in shop.history
    shop.damaged["a"] = FileStatus.MISSING
    assert shop.run().ran == ["a"]
