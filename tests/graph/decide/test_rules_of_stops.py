"""The rules of runs that are stopped, one by one, on graphs that fit into a line."""

from __future__ import annotations

import pytest

from ppg_graph import (
    Cancelled,
    CleanUp,
    Commit,
    Evaluator,
    Extended,
    Failed,
    Fingerprint,
    Generated,
    JobId,
    NewEdge,
    NewJob,
    NodeId,
    NodeKind,
    NodeState,
    Observe,
    Observed,
    ProtocolError,
    Stopped,
    Succeeded,
)
from tests.graph.driver import INTACT, Shop, graph

S = NodeState


def test_what_is_needed_is_aborted_by_a_stop_and_what_is_not_is_not_needed() -> None:
    shop = Shop(graph("I.p > O.slow > T.t > O.a; O.slow > T.leaf"))
    shop.run()
    shop.values["p"] = "2"
    evaluator = Evaluator(shop.dag, shop.history, check=True)
    (observe,) = evaluator.start()
    assert isinstance(observe, Observe)
    evaluator.handle(Observed({node: shop.look(node, ()) for node in observe.nodes}))
    node = {name: shop.dag.node(JobId(name)) for name in ("slow", "t", "a", "leaf")}
    assert evaluator.state(node["t"]) is S.WAITING
    evaluator.handle(Stopped())
    assert evaluator.handle(Stopped()) == []
    evaluator.handle(Succeeded(node["slow"], Fingerprint(b"changed")))
    assert [evaluator.state(node[name]) for name in ("t", "a", "leaf")] == [
        S.ABORTED,
        S.ABORTED,
        S.NOT_NEEDED,
    ]


def test_a_leftover_that_is_not_even_decided_about_is_removed_at_the_end_but_not_after_a_stop() -> None:
    shop = Shop(graph("I.p > T.t > O.a"))
    shop.run(failing=["a"])
    shop.dag = graph("I.p > T.t; O.b")
    evaluator = Evaluator(shop.dag, shop.history, check=True)
    evaluator.start()
    evaluator.handle(Observed({shop.dag.node(JobId("t")): INTACT}))
    evaluator.handle(Stopped())
    effects = evaluator.handle(Failed(shop.dag.node(JobId("b"))))
    assert evaluator.finished
    assert not [effect for effect in effects if isinstance(effect, CleanUp)]
    outcome = shop.run()
    assert outcome.state("t") is S.NOT_NEEDED
    assert outcome.removed == ["t"]


def test_what_a_generator_makes_after_a_stop_is_added_and_aborted() -> None:
    dag = graph("G.g; I.p > O.a")
    evaluator = Evaluator(dag, {}, check=True)
    evaluator.start()
    evaluator.handle(Stopped())
    jobs = (NewJob(JobId("x"), NodeKind.OUTPUT), NewJob(JobId("t"), NodeKind.LAZY))
    edges = (NewEdge(JobId("p"), JobId("x")), NewEdge(JobId("t"), JobId("x")))
    effects = evaluator.handle(Generated(dag.node(JobId("g")), Fingerprint(b"g"), jobs, edges))
    assert [type(effect) for effect in effects] == [Commit, Extended]
    assert evaluator.finished
    assert {evaluator.state(dag.node(JobId(name))) for name in ("x", "t", "a", "p")} == {S.ABORTED}


def test_the_answer_to_an_observation_may_come_after_the_stop() -> None:
    dag = graph("I.p > O.a; O.b")
    evaluator = Evaluator(dag, {}, check=True)
    evaluator.start()
    evaluator.handle(Stopped())
    p, b = dag.node(JobId("p")), dag.node(JobId("b"))
    assert evaluator.handle(Observed({p: Fingerprint(b"p")})) == []
    assert evaluator.state(p) is S.ABORTED
    evaluator.handle(Succeeded(b, Fingerprint(b"b")))
    assert evaluator.finished
    assert evaluator.handle(Observed({p: Fingerprint(b"p")})) == []
    with pytest.raises(ProtocolError):
        evaluator.handle(Failed(b))


def test_after_a_stop_nothing_starts_and_what_runs_is_still_recorded() -> None:
    dag = graph("T.t > O.a; O.b > O.c; T.unneeded")
    evaluator = Evaluator(dag, {}, check=True)
    evaluator.start()
    t, b = dag.node(JobId("t")), dag.node(JobId("b"))
    assert evaluator.handle(Stopped()) == []
    assert not evaluator.finished
    effects = evaluator.handle(Succeeded(t, Fingerprint(b"t")))
    assert [type(effect) for effect in effects] == [Commit]
    effects = evaluator.handle(Cancelled(b))
    assert evaluator.finished
    assert not [effect for effect in effects if isinstance(effect, CleanUp)]
    states = [evaluator.state(NodeId(node)) for node in range(5)]
    assert states == [S.DONE, S.ABORTED, S.ABORTED, S.ABORTED, S.NOT_NEEDED]
    assert evaluator.handle(Stopped()) == []


def test_a_cancelled_job_aborts_what_cannot_do_without_it_and_forgets_nothing() -> None:
    dag = graph("O.a > O.b; O.c")
    evaluator = Evaluator(dag, {}, check=True)
    evaluator.start()
    assert evaluator.handle(Cancelled(dag.node(JobId("a")))) == []
    assert evaluator.state(dag.node(JobId("b"))) is S.ABORTED
    evaluator.handle(Succeeded(dag.node(JobId("c")), Fingerprint(b"c")))
    assert evaluator.finished
