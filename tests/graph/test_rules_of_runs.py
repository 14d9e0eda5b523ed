"""The rules of a run, one by one, on graphs that fit into a line: failures, who takes part, the end."""

from __future__ import annotations

import pytest

from ppg_graph import (
    Block,
    Cancelled,
    CleanUp,
    Commit,
    Dag,
    Evaluator,
    Extended,
    Failed,
    FileMissing,
    Files,
    FileStatus,
    Fingerprint,
    Generated,
    InternalError,
    JobId,
    NewEdge,
    NewJob,
    NodeId,
    NodeKind,
    NodeState,
    NoRecord,
    Observe,
    Observed,
    ProtocolError,
    Record,
    Start,
    Stopped,
    Succeeded,
    Targeted,
    Unobservable,
)
from tests.graph.driver import INTACT, Shop, graph, made_by

S = NodeState


# -- failures


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
def test_a_lazy_job_that_cannot_be_made_again_blocks_only_who_must_run_without_it(last_first: bool) -> None:
    shop = Shop(graph("T.t > O.clean; O.s > O.clean; T.t > O.gone"))
    shop.run()
    shop.damaged = {"gone": FileStatus.MISSING, "s": FileStatus.MISSING}
    outcome = shop.run(failing=["t"], last_first=last_first)
    assert outcome.state("clean") is S.CLEAN
    assert outcome.state("gone") is S.BLOCKED
    assert JobId("t") not in shop.history


def test_a_chain_of_lazy_jobs_that_cannot_be_made_again_blocks_who_needed_it() -> None:
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


# -- taking part


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


def test_an_edge_from_a_pruned_job_takes_who_gets_it_out_of_the_run() -> None:
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


def test_a_lazy_job_that_nobody_wants_to_know_any_more_does_not_run() -> None:
    shop = Shop(graph("I.p > T.t > O.a; O.slow > T.t; O.bad > O.a; I.q > O.slow; I.q > O.bad"))
    shop.run()
    shop.values |= {"p": "2", "q": "2"}
    outcome = shop.run(failing=["bad"], last_first=True)
    assert sorted(outcome.ran) == ["bad", "slow"]
    assert outcome.state("t") is S.NOT_NEEDED


def test_a_stale_lazy_job_runs_when_a_generated_job_wants_to_know_what_comes_out() -> None:
    shop = Shop(graph("I.p > T.t; G.g"))
    makes = made_by(shop, "g", jobs="O.x", edges="t>x")
    shop.run(makes=makes)
    shop.values["p"] = "2"
    shop.dag = graph("I.p > T.t; G.g")
    outcome = shop.run(makes=makes)
    assert outcome.ran == ["g", "t"]
    assert outcome.state("x") is S.CLEAN


def test_a_leftover_that_no_generator_asked_for_is_removed_after_all() -> None:
    shop = Shop(graph("T.t > O.a; G.g"))
    shop.run()
    shop.lying_about = {"t"}
    outcome = shop.run()
    assert outcome.ran == ["g"]
    assert outcome.removed == ["t"]


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


def test_a_generated_job_is_compared_with_what_was_known_before_it_was_made() -> None:
    shop = Shop(graph("I.p > O.a; O.m[f] > O.b; O.m[g] > O.b; I.q > O.m; G.g"))
    makes = made_by(shop, "g", jobs="O.x O.y O.z", edges="p>x m[f]>y m[g]>z")
    shop.run(makes=makes, last_first=True)
    shop.values |= {"p": "2", "q": "2", "m[f]": "other"}
    shop.dag = graph("I.p > O.a; O.m[f] > O.b; O.m[g] > O.b; I.q > O.m; G.g > G.later")
    makes = {
        "later": Generated(
            shop.dag.node(JobId("later")), Fingerprint(b"g"), makes["g"].jobs, makes["g"].edges
        )
    }
    outcome = shop.run(makes=makes)
    assert sorted(outcome.ran) == ["a", "b", "g", "later", "m", "x", "y"]
    assert outcome.state("z") is S.CLEAN


def test_a_generated_job_notices_a_change_that_was_seen_before_it_was_made() -> None:
    text = "I.p > O.a > G.g"
    shop = Shop(graph(text))
    makes = made_by(shop, "g", jobs="O.x", edges="p>x")
    shop.run(makes=makes)
    shop.values["p"] = "2"
    shop.dag = graph(text)
    assert shop.run(makes=makes).ran == ["a", "g", "x"]


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


def test_a_targeted_generator_may_build_on_what_takes_part_already() -> None:
    shop = Shop(graph("O.a > O.b; G.g"))
    outcome = shop.run(targets=["a", "g"], makes=made_by(shop, "g", jobs="O.x", edges="a>x"))
    assert outcome.ran == ["g", "a", "x"] or outcome.ran == ["a", "g", "x"]


def test_an_invariant_of_nothing_but_a_blocked_generated_job_is_not_observed() -> None:
    shop = Shop(graph("O.bad; G.g; I.p"))
    outcome = shop.run(failing=["bad"], makes=made_by(shop, "g", jobs="O.x", edges="p>x bad>x"))
    assert outcome.state("x") is S.BLOCKED
    assert outcome.state("p") is S.NOT_NEEDED
    assert not [effect for effect in outcome.effects if isinstance(effect, Observe)]


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


# -- the end


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
def test_a_driver_that_reports_what_cannot_be_is_told_so(event: object) -> None:
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


# -- the self-check


@pytest.mark.parametrize("counts", ["pending", "needs", "demand", "unsettled", "missing_inputs"])
def test_a_count_that_is_wrong_is_noticed_if_one_asks_for_the_check(counts: str) -> None:
    dag = graph("O.slow > O.a; T.t > O.a; O.slow > T.t; O.b")
    for check in (True, False):
        evaluator = Evaluator(dag, {}, check=check)
        evaluator.start()
        node = dag.node(JobId("a" if counts in {"pending", "missing_inputs"} else "t"))
        getattr(evaluator._run_state, counts)[node] += 1
        event = Succeeded(dag.node(JobId("b")), Fingerprint(b"b"))
        if check:
            with pytest.raises(InternalError):
                evaluator.handle(event)
        else:
            evaluator.handle(event)
