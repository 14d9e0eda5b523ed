"""What the evaluator and its driver may tell each other, and how it checks itself."""

from __future__ import annotations

import pytest

from ppg_graph import (
    Cancelled,
    Dag,
    Evaluator,
    Failed,
    Fingerprint,
    Generated,
    InternalError,
    JobId,
    NewEdge,
    NewJob,
    NodeId,
    NodeKind,
    Observe,
    Observed,
    ProtocolError,
    Record,
    Start,
    Succeeded,
    Unobservable,
)
from tests.graph.driver import INTACT, Shop, graph


def test_an_invariant_is_observed_once() -> None:
    dag = graph("I.p > O.a; O.bad > O.a; G.g; G.h; I.q > O.b; O.bad > O.b")
    evaluator = Evaluator(dag, {}, check=True)
    effects = evaluator.start()
    node = {name: dag.node(JobId(name)) for name in ("p", "q", "bad", "g", "h")}
    assert [effect.nodes for effect in effects if isinstance(effect, Observe)] == [(node["p"], node["q"])]
    evaluator.handle(Observed({node["p"]: Fingerprint(b"p")}))
    evaluator.handle(Failed(node["bad"]))
    edges = (NewEdge(JobId("p"), JobId("x")), NewEdge(JobId("q"), JobId("x")))
    effects = evaluator.handle(
        Generated(node["g"], Fingerprint(b"g"), (NewJob(JobId("x"), NodeKind.OUTPUT),), edges)
    )
    assert not [effect for effect in effects if isinstance(effect, Observe)]
    assert not evaluator.finished
    effects = evaluator.handle(Observed({node["q"]: Fingerprint(b"q")}))
    assert [effect.node for effect in effects if isinstance(effect, Start)] == [dag.node(JobId("x"))]


def test_after_the_end_an_observation_that_crossed_with_nothing_is_an_error() -> None:
    evaluator = Evaluator(graph("T.t"), {}, check=True)
    evaluator.start()
    with pytest.raises(ProtocolError, match="over"):
        evaluator.handle(Observed({}))


@pytest.mark.parametrize("observation", [Fingerprint(b"x"), Unobservable("x"), "text"])
def test_files_are_observed_as_files(observation: object) -> None:
    dag = graph("O.a")
    evaluator = Evaluator(dag, {JobId("a"): Record(NodeKind.OUTPUT, Fingerprint(b"a"), {})}, check=True)
    evaluator.start()
    with pytest.raises(ProtocolError, match="'a' cannot be observed"):
        evaluator.handle(Observed({NodeId(0): observation}))  # type: ignore[dict-item]


@pytest.mark.parametrize("observation", [INTACT, "text", None])
def test_invariants_are_observed_as_fingerprints(observation: object) -> None:
    evaluator = Evaluator(graph("I.p > O.a"), {}, check=True)
    evaluator.start()
    with pytest.raises(ProtocolError, match="'p' cannot be observed"):
        evaluator.handle(Observed({NodeId(0): observation}))  # type: ignore[dict-item]


def test_something_else_than_an_event_is_refused() -> None:
    evaluator = Evaluator(graph("O.a"), {}, check=True)
    evaluator.start()
    with pytest.raises(AssertionError):
        evaluator.handle("start over")  # type: ignore[arg-type]


def test_an_empty_graph_is_finished_at_once() -> None:
    evaluator = Evaluator(Dag(), {}, check=True)
    assert evaluator.start() == []
    assert evaluator.finished


@pytest.mark.parametrize(
    "event",
    [
        Succeeded(NodeId(1), Fingerprint(b"x")),
        Succeeded(NodeId(99), Fingerprint(b"x")),
        Failed(NodeId(1)),
        Cancelled(NodeId(1)),
        Generated(NodeId(0), Fingerprint(b"x")),
        Generated(NodeId(5), Fingerprint(b"x")),
        Generated(NodeId(1), Fingerprint(b"x")),
        Succeeded(NodeId(2), Fingerprint(b"x")),
        Succeeded(NodeId(3), Fingerprint(b"x")),
        Observed({NodeId(0): INTACT}),
        Observed({NodeId(99): INTACT}),
        Observed({NodeId(4): INTACT}),
    ],
)
def test_an_impossible_event_of_a_driver_is_an_error(event: object) -> None:
    evaluator = Evaluator(graph("O.a > O.b; G.g; O.m[x] > O.c; G.g > G.h; I.p > O.c"), {}, check=True)
    evaluator.start()
    with pytest.raises(ProtocolError):
        evaluator.handle(event)  # type: ignore[arg-type]


def test_nothing_may_be_reported_after_the_end() -> None:
    dag = graph("O.a")
    evaluator = Evaluator(dag, {}, check=True)
    evaluator.start()
    evaluator.handle(Succeeded(dag.node(JobId("a")), Fingerprint(b"a")))
    with pytest.raises(ProtocolError, match="over"):
        evaluator.handle(Failed(dag.node(JobId("a"))))


def test_effects_are_the_same_for_the_same_events() -> None:
    text = "I.p > O.a > T.t > O.b; L.l > O.b; L.l > O.c; G.g > O.c"
    first, second = Shop(graph(text)), Shop(graph(text))
    assert first.run().effects == second.run().effects


def test_records_of_jobs_that_are_not_in_the_graph_do_no_harm() -> None:
    shop = Shop(graph("O.a"), history={JobId("old"): Record(NodeKind.OUTPUT, Fingerprint(b"x"), {})})
    shop.run()
    assert JobId("old") in shop.history


@pytest.mark.parametrize(
    "counts", ["pending", "needs", "demand", "unsettled", "unreleased", "missing_inputs"]
)
def test_a_count_that_is_wrong_is_noticed_if_one_asks_for_the_check(counts: str) -> None:
    dag = graph("O.slow > O.a; T.t > O.a; O.slow > T.t; O.slow > L.l > O.a; O.b")
    for check in (True, False):
        evaluator = Evaluator(dag, {}, check=check)
        evaluator.start()
        of = {"pending": "a", "missing_inputs": "a", "unreleased": "l"}.get(counts, "t")
        node = dag.node(JobId(of))
        getattr(evaluator._run_state, counts)[node] += 1
        event = Succeeded(dag.node(JobId("b")), Fingerprint(b"b"))
        if check:
            with pytest.raises(InternalError):
                evaluator.handle(event)
        else:
            evaluator.handle(event)
