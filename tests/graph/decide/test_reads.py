"""The rules of reads that nobody declared, one by one, on graphs that fit into a line."""

from __future__ import annotations

import pytest

from ppg_graph import (
    ABSENT,
    Commit,
    Effect,
    Evaluator,
    Failed,
    Fingerprint,
    JobId,
    NodeKind,
    NodeState,
    NonDeterministic,
    Observe,
    Observed,
    ReadChanged,
    Skip,
    SkipReason,
    Start,
    Stopped,
    Succeeded,
    UpstreamRemoved,
    describe,
    is_read,
    listing_id,
    path_of_read,
    read_id,
)
from tests.graph.driver import Shop, after_a_run, again, graph, made_by, record_of

S = NodeState


# --- ids and words ---------------------------------------------------------------------------------------------


def test_the_id_of_a_read_has_its_path() -> None:
    for job_id in (read_id("x/y:z"), listing_id("x/y:z")):
        assert is_read(job_id)
        assert path_of_read(job_id) == "x/y:z"
    assert not is_read("x/read://y")
    assert read_id("x") != listing_id("x")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (ReadChanged(read_id("a"), Fingerprint(b"1"), Fingerprint(b"2")), "a, which it read, changed"),
        (ReadChanged(read_id("a"), ABSENT, Fingerprint(b"2")), "a, which it looked for, is there now"),
        (ReadChanged(read_id("a"), Fingerprint(b"1"), ABSENT), "a, which it read, is gone"),
        (
            ReadChanged(listing_id("d"), Fingerprint(b"1"), ABSENT),
            "the names in d, which it listed, changed",
        ),
    ],
)
def test_a_changed_read_has_words(reason: ReadChanged, words: str) -> None:
    assert describe(reason) == words


# --- records ---------------------------------------------------------------------------------------------------


def test_a_record_has_what_was_read_beside_the_upstreams() -> None:
    shop = after_a_run("I.p > O.b", b=["read://a", "listed://d"])
    assert record_of(shop, "b") == {"p": b"p", "read://a": b"a", "listed://d": b"d"}


def test_what_was_read_replaces_all_former_reads_and_no_upstream() -> None:
    shop = after_a_run("I.p > O.b", b=["read://a", "read://c"])
    shop.reads["b"] = ["read://c", "read://e"]
    assert again(shop, "I.p > O.b", c="2").ran == ["b"]
    assert record_of(shop, "b") == {"p": b"p", "read://c": b"2", "read://e": b"e"}
    shop.reads["b"] = []
    assert again(shop, "I.p > O.b", e="2").ran == ["b"]
    assert record_of(shop, "b") == {"p": b"p"}


def test_the_record_has_what_was_read_and_not_what_was_observed_before() -> None:
    shop = after_a_run("O.b", b=["read://a"])
    shop.values["read://a"] = "2"
    evaluator = Evaluator(shop.dag, shop.history, check=True)
    (observe,) = evaluator.start()
    assert again(shop, "O.b").ran == ["b"]
    assert record_of(shop, "b")["read://a"] == b"2"
    assert shop.dag.node(read_id("a")) in getattr(observe, "nodes", ())


def test_the_record_of_a_generator_has_its_reads() -> None:
    shop = after_a_run("I.p > G.g", g=["read://a"])
    assert record_of(shop, "g") == {"p": b"p", "read://a": b"a"}


# --- reads that nobody makes --------------------------------------------------------------------------------------


def test_a_job_is_clean_as_long_as_what_it_read_is_the_same() -> None:
    shop = after_a_run("O.b > O.c", b=["read://a", "listed://d"])
    outcome = again(shop, "O.b > O.c")
    assert outcome.ran == []
    assert outcome.state("b") is S.CLEAN
    assert set(outcome.observed) == {"read://a", "listed://d"}


@pytest.mark.parametrize("read", ["read://a", "listed://a"])
def test_a_job_runs_if_what_it_read_is_different(read: str) -> None:
    shop = after_a_run("O.b", b=[read])
    outcome = again(shop, "O.b", a="2")
    assert outcome.ran == ["b"]
    assert outcome.reasons("b") == (ReadChanged(JobId(read), Fingerprint(b"a"), Fingerprint(b"2")),)
    assert again(shop, "O.b").ran == []


def test_a_file_that_is_gone_or_that_came_is_different() -> None:
    shop = after_a_run("O.b", b=["read://a"])
    gone = again(shop, "O.b", a=ABSENT.decode())
    assert gone.reasons("b") == (ReadChanged(read_id("a"), Fingerprint(b"a"), ABSENT),)
    came = again(shop, "O.b", a="a")
    assert came.reasons("b") == (ReadChanged(read_id("a"), ABSENT, Fingerprint(b"a")),)


def test_a_file_that_was_absent_and_still_is_is_the_same() -> None:
    shop = Shop(graph("O.b"), {"a": ABSENT.decode()}, reads={"b": ["read://a"]})
    shop.run()
    assert again(shop, "O.b").ran == []


def test_a_change_of_a_read_stops_where_the_content_is_the_same() -> None:
    shop = after_a_run("O.b > O.c", b=["read://a"])
    assert again(shop, "O.b > O.c", a="2").ran == ["b"]


def test_a_read_that_only_the_record_has_is_no_reason() -> None:
    shop = after_a_run("I.p > O.b; O.b > O.c", b=["read://a"])
    shop.dag = graph("I.p > O.b; O.b > O.c")
    shop.values["a"] = "2"
    assert shop.run().ran == []
    assert "read://a" in record_of(shop, "b")


def test_a_read_that_only_the_record_has_is_no_reason_beside_another() -> None:
    shop = after_a_run("I.p > O.b", b=["read://a"])
    shop.dag = graph("O.b")
    assert shop.run().reasons("b") == (UpstreamRemoved(JobId("p")),)


def test_several_jobs_may_have_read_the_same_at_different_times() -> None:
    shop = after_a_run("O.b; O.c", b=["read://a"], c=["read://a"])
    shop.values["a"] = "2"
    shop.declare("O.b; O.c")
    shop.run(failing=["c"])
    shop.declare("O.b; O.c")
    outcome = shop.run()
    assert outcome.ran == ["c"]
    assert outcome.state("b") is S.CLEAN


def test_a_read_of_a_job_that_no_job_needs_is_not_observed() -> None:
    shop = Shop(graph("T.t > O.b"), reads={"t": ["read://a"]})
    shop.run()
    shop.declare("T.t")
    outcome = shop.run()
    assert outcome.observed == []
    assert outcome.state("read://a") is S.NOT_NEEDED


def test_a_stale_temporary_file_is_made_for_the_decision_below_it() -> None:
    shop = after_a_run("T.t > O.b", t=["read://a"])
    outcome = again(shop, "T.t > O.b", a="2")
    assert outcome.ran == ["t"]
    assert outcome.state("b") is S.CLEAN
    assert again(shop, "T.t > O.b", a="3", t="3").ran == ["t", "b"]


def test_a_read_that_cannot_be_observed_blocks_its_reader() -> None:
    shop = after_a_run("O.b", b=["read://a"])
    outcome = shop.run(gone=["read://a"])
    assert outcome.state("read://a") is S.FAILED
    assert outcome.state("b") is S.BLOCKED
    assert "read://a" in record_of(shop, "b")


def test_a_temporary_file_made_of_something_else_than_its_record_says_is_made_once_more() -> None:
    text = "T.t > O.b; T.t > O.new"
    shop = after_a_run("T.t > O.b", t=["read://a"])
    shop.declare(text)
    shop.values["t"] = shop.found["read://a"] = "2"  # it was edited after the observation
    outcome = shop.run()
    assert outcome.ran == ["t", "new"]
    assert not any(isinstance(effect, NonDeterministic) for effect in outcome.effects)
    assert record_of(shop, "t") == {"read://a": b"a"}
    outcome = again(shop, text, a="2")
    assert outcome.reasons("t")[0] == ReadChanged(read_id("a"), Fingerprint(b"a"), Fingerprint(b"2"))
    assert outcome.ran == ["t", "b", "new"]
    assert again(shop, text).ran == []


def test_a_temporary_file_made_twice_in_a_run_of_different_reads_is_made_once_more() -> None:
    text = "T.t > O.a; O.a > G.g; O.m"
    shop = Shop(graph(text), {"read://m": ABSENT.decode()}, reads={"t": ["read://m"]})
    evaluator = Evaluator(shop.dag, {}, check=True)
    evaluator.start()
    t, a, m = (shop.dag.node(JobId(name)) for name in "tam")
    evaluator.handle(Succeeded(t, Fingerprint(b"1"), reads={read_id("m"): ABSENT}))
    evaluator.handle(Succeeded(m, Fingerprint(b"m")))
    evaluator.handle(Succeeded(a, Fingerprint(b"a")))
    evaluator.handle(made_by(shop, "g", jobs="O.x", edges="t>x")["g"])
    effects = evaluator.handle(Succeeded(t, Fingerprint(b"2"), reads={read_id("m"): Fingerprint(b"m")}))
    (record,) = [effect.record for effect in effects if isinstance(effect, Commit)]
    assert (record.fingerprint, record.upstreams) == (b"1", {"read://m": ABSENT})


def test_a_temporary_file_that_is_the_same_after_another_read_takes_that_read() -> None:
    shop = after_a_run("T.t > O.b", t=["read://a"])
    shop.declare("T.t > O.b; T.t > O.new")
    shop.found["read://a"] = "2"
    assert shop.run().ran == ["t", "new"]
    assert record_of(shop, "t") == {"read://a": b"2"}


def test_a_temporary_file_that_differs_after_the_same_reads_is_not_deterministic() -> None:
    shop = after_a_run("T.t > O.b", t=["read://a"])
    shop.declare("T.t > O.b; T.t > O.new")
    shop.values["t"] = "2"
    assert any(isinstance(effect, NonDeterministic) for effect in shop.run().effects)


# --- reads of files that a job makes --------------------------------------------------------------------------


def test_a_read_of_what_a_job_makes_is_not_observed_and_follows_from_the_job() -> None:
    shop = after_a_run("O.m; O.b", b=["read://m"])
    outcome = again(shop, "O.m; O.b")
    assert outcome.ran == outcome.observed == []
    assert outcome.state("read://m") is S.OBSERVED
    assert outcome.evaluator.fingerprint(outcome.node("read://m")) == b"m"


def test_a_reader_of_what_a_job_makes_waits_for_it_and_runs_if_it_is_different() -> None:
    shop = after_a_run("I.p > O.m; O.b", b=["read://m"])
    outcome = again(shop, "I.p > O.m; O.b", p="2", m="2")
    assert outcome.ran == ["m", "b"]
    assert outcome.reasons("b") == (ReadChanged(read_id("m"), Fingerprint(b"m"), Fingerprint(b"2")),)
    assert again(shop, "I.p > O.m; O.b").ran == []


def test_a_reader_of_what_a_job_makes_is_clean_if_the_job_makes_the_same_again() -> None:
    shop = after_a_run("I.p > O.m; O.b", b=["read://m"])
    assert again(shop, "I.p > O.m; O.b", p="2").ran == ["m"]


def test_a_job_that_read_too_early_is_right_after_the_next_run() -> None:
    shop = Shop(graph("O.b; O.m"), {"read://m": ABSENT.decode()}, reads={"b": ["read://m"]})
    assert shop.run().ran == ["b", "m"]
    del shop.values["read://m"]
    assert again(shop, "O.b; O.m").reasons("b") == (ReadChanged(read_id("m"), ABSENT, Fingerprint(b"m")),)
    assert again(shop, "O.b; O.m").ran == []


def test_a_job_that_has_to_run_anyway_waits_for_what_it_read() -> None:
    shop = after_a_run("I.p > O.m; I.q > O.b", b=["read://m"])
    shop.values |= {"p": "2", "q": "2"}
    evaluator = Evaluator(shop.dag, shop.history, check=True)
    (observe,) = evaluator.start()
    effects = evaluator.handle(_observed(shop, observe))
    assert [shop.dag.job_id(effect.node) for effect in effects if isinstance(effect, Start)] == ["m"]
    b = shop.dag.node(JobId("b"))
    assert evaluator.state(b) is S.DUE
    assert evaluator.explain(b).waiting_for == ("read://m",)


def _observed(shop: Shop, observe: Effect) -> Observed:
    assert isinstance(observe, Observe)
    return Observed({node: shop.look(node, ()) for node in observe.nodes})


def test_a_temporary_file_is_demanded_by_a_job_that_waits_for_what_it_read() -> None:
    shop = after_a_run("I.p > O.m; T.t > O.b", b=["read://m"])
    outcome = again(shop, "I.p > O.m; T.t > O.b", p="2", m="2")
    assert outcome.ran == ["m", "t", "b"]
    assert outcome.removed == ["t"]


def test_a_read_of_one_file_of_several_follows_from_that_file() -> None:
    shop = after_a_run("I.p > O.x:y; O.b; O.c", b=["read://x"], c=["read://y"])
    outcome = again(shop, "I.p > O.x:y; O.b; O.c", p="2", y="2", **{"x:y": "2"})
    assert outcome.ran == ["x:y", "c"]
    assert outcome.evaluator.fingerprint(outcome.node("read://x")) == b"x"
    assert outcome.evaluator.fingerprint(outcome.node("read://y")) == b"2"
    assert again(shop, "I.p > O.x:y; O.b; O.c").ran == []


def test_a_job_may_depend_on_one_file_and_have_read_another_of_the_same_job() -> None:
    text = "I.p > O.x:y; O.x:y[x] > O.b"
    shop = Shop(graph(text), {"x:y[x]": "x"}, reads={"b": ["read://y"]})
    shop.run()
    dag = shop.dag = graph(text)
    read = dag.add_node(read_id("y"), NodeKind.INVARIANT)
    dag.add_edge(dag.node(JobId("x:y")), read)
    dag.add_edge(read, dag.node(JobId("b")))
    shop.values |= {"p": "2", "x:y": "2", "y": "2"}
    outcome = shop.run()
    assert outcome.ran == ["x:y", "b"]
    assert outcome.reasons("b") == (ReadChanged(read_id("y"), Fingerprint(b"y"), Fingerprint(b"2")),)


def test_a_file_that_an_edge_names_for_a_read_is_no_part_that_has_to_be_there() -> None:
    dag = graph("O.m; I.read://m > O.b")
    dag.add_edge(dag.node(JobId("m")), dag.node(read_id("m")), part="m")
    assert dag.wanted_parts(dag.node(JobId("m"))) == frozenset()
    assert dag.parts(dag.node(JobId("m")), dag.node(read_id("m"))) is None


def test_jobs_that_follow_from_reads_are_decided_in_a_chain() -> None:
    text = "O.d; O.c; O.b; I.p > O.a"
    shop = after_a_run(text, b=["read://a"], c=["read://b"], d=["read://c"])
    assert again(shop, text, p="2", a="2", b="2", c="2").ran == ["a", "b", "c", "d"]
    assert again(shop, text).ran == []


# --- failures, stops, pruned jobs and targets ------------------------------------------------------------------


def test_a_failed_job_blocks_the_readers_of_what_it_makes() -> None:
    shop = after_a_run("I.p > O.m; O.b > O.c; O.other", b=["read://m"])
    before = dict(shop.history)
    shop.values["p"] = "2"
    outcome = shop.run(failing=["m"])
    assert outcome.ran == ["m"]
    for name in ("read://m", "b", "c"):
        assert outcome.state(name) is S.BLOCKED
        assert outcome.evaluator.explain(outcome.node(name)).cause == "m"
    assert outcome.state("other") is S.CLEAN
    assert shop.history[JobId("b")] == before[JobId("b")]
    assert again(shop, "I.p > O.m; O.b > O.c; O.other", m="2").ran == ["m", "b"]


def test_a_blocked_job_blocks_the_readers_of_what_it_makes() -> None:
    shop = after_a_run("I.p > O.l > O.m; O.b", b=["read://m"])
    shop.values["p"] = "2"
    outcome = shop.run(failing=["l"])
    assert outcome.state("b") is S.BLOCKED
    assert outcome.evaluator.explain(outcome.node("b")).cause == "l"


def test_a_job_that_a_read_blocks_withdraws_its_demand() -> None:
    shop = after_a_run("I.p > O.m; I.q > T.t > O.b; I.r > O.b", b=["read://m"])
    shop.values |= {"p": "2", "r": "2"}
    outcome = shop.run(failing=["m"])
    assert outcome.ran[0] == "m"
    assert outcome.state("b") is S.BLOCKED


def test_what_a_pruned_job_makes_takes_no_part_and_neither_does_its_reader() -> None:
    shop = after_a_run("I.p > O.m; O.b > O.c; O.other", b=["read://m"])
    shop.values["p"] = "2"
    outcome = shop.run(pruned=["m"])
    assert outcome.ran == outcome.observed == []
    assert {outcome.state(name) for name in ("m", "read://m", "b", "c")} == {S.EXCLUDED}
    assert outcome.state("other") is S.CLEAN


def test_a_pruned_reader_leaves_its_read_alone() -> None:
    shop = after_a_run("O.b", b=["read://a"])
    outcome = shop.run(pruned=["b"])
    assert outcome.observed == []
    assert outcome.state("read://a") is S.NOT_NEEDED


def test_a_target_brings_the_maker_of_what_it_read_into_the_run() -> None:
    shop = after_a_run("I.p > O.l > O.m; O.b; O.other", b=["read://m"])
    shop.values |= {"p": "2", "l": "2", "m": "2"}
    outcome = shop.run(targets=["b"])
    assert outcome.ran == ["l", "m", "b"]
    assert outcome.state("other") is S.EXCLUDED


def test_a_target_does_not_bring_its_readers() -> None:
    shop = after_a_run("I.p > O.m; O.b", b=["read://m"])
    shop.values |= {"p": "2", "m": "2"}
    outcome = shop.run(targets=["m"])
    assert outcome.ran == ["m"]
    assert outcome.state("read://m") is outcome.state("b") is S.EXCLUDED


def test_a_stop_aborts_the_jobs_that_wait_for_what_they_read() -> None:
    shop = after_a_run("I.p > O.m; O.b; T.t", b=["read://m"], t=["read://m"])
    shop.values["p"] = "2"
    evaluator = Evaluator(shop.dag, shop.history, check=True)
    (observe,) = evaluator.start()
    evaluator.handle(_observed(shop, observe))
    evaluator.handle(Stopped())
    node = {name: shop.dag.node(JobId(name)) for name in ("m", "read://m", "b")}
    effects = evaluator.handle(Succeeded(node["m"], Fingerprint(b"2")))
    assert not any(isinstance(effect, Start) for effect in effects)
    assert evaluator.finished
    assert evaluator.state(node["m"]) is S.DONE
    assert evaluator.state(node["read://m"]) is evaluator.state(node["b"]) is S.ABORTED


def test_a_read_that_only_an_unneeded_job_has_is_over_after_a_stop() -> None:
    shop = Shop(graph("I.p > O.m; T.t > O.b"), reads={"t": ["read://m"]})
    shop.run()
    shop.declare("I.p > O.m; T.t")
    shop.values["p"] = "2"
    evaluator = Evaluator(shop.dag, shop.history, check=True)
    (observe,) = evaluator.start()
    evaluator.handle(_observed(shop, observe))
    evaluator.handle(Stopped())
    m, read = shop.dag.node(JobId("m")), shop.dag.node(read_id("m"))
    effects = evaluator.handle(Failed(m))
    assert not any(isinstance(effect, Skip) and effect.why is SkipReason.CLEAN for effect in effects)
    assert evaluator.finished
    assert evaluator.state(read) in {S.BLOCKED, S.NOT_NEEDED}
