"""The rules of the decision model, one by one, on graphs that fit into a line."""

from __future__ import annotations

import pytest

from ppg_graph import (
    AlwaysRuns,
    Block,
    Cancelled,
    CleanUp,
    Commit,
    Dag,
    Demanded,
    Evaluator,
    Extended,
    Failed,
    FileChanged,
    FileEmpty,
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
    NonDeterministic,
    NoRecord,
    Observe,
    Observed,
    ProtocolError,
    Record,
    Rejected,
    Start,
    Stopped,
    Succeeded,
    Targeted,
    Unobservable,
    UpstreamAdded,
    UpstreamChanged,
    UpstreamRemoved,
    combine,
)
from tests.graph.driver import INTACT, Shop, graph

S = NodeState


def made_by(shop: Shop, generator: str, *, jobs: str = "", edges: str = "") -> dict[str, Generated]:
    """What a generator makes: "O.x T.y" and "a>x x>c[part]"."""
    letters = {
        "I": NodeKind.INVARIANT,
        "O": NodeKind.OUTPUT,
        "T": NodeKind.LAZY,
        "L": NodeKind.LOAD,
        "G": NodeKind.GENERATOR,
    }
    new_edges = []
    for edge in edges.split():
        upstream, downstream = edge.split(">")
        upstream, _, part = upstream.rstrip("]").partition("[")
        new_edges.append(NewEdge(JobId(upstream), JobId(downstream), part or None))
    return {
        generator: Generated(
            shop.dag.node(JobId(generator)),
            Fingerprint(f"{jobs} {edges}".encode()),
            tuple(NewJob(JobId(word[2:]), letters[word[0]]) for word in jobs.split()),
            tuple(new_edges),
        )
    }


# -- clean and stale


def test_everything_runs_once_and_then_nothing() -> None:
    shop = Shop(graph("I.p > O.a > O.b > O.c; O.a > O.c"))
    assert shop.run().ran == ["a", "b", "c"]
    again = shop.run()
    assert again.ran == []
    assert again.skipped() == {"a": "clean", "b": "clean", "c": "clean"}


def test_a_change_runs_what_consumes_it_and_stops_where_bytes_are_unchanged() -> None:
    shop = Shop(graph("I.p > O.a > O.b > O.c"))
    shop.run()
    shop.values |= {"p": "other", "a": "other a"}
    outcome = shop.run()
    assert outcome.ran == ["a", "b"]
    assert outcome.reasons("b") == (UpstreamChanged(JobId("a"), Fingerprint(b"a"), Fingerprint(b"other a")),)
    assert outcome.state("c") is S.CLEAN


def test_a_deleted_output_is_rebuilt_and_its_unchanged_bytes_stop_there() -> None:
    shop = Shop(graph("O.a > O.b"))
    shop.run()
    shop.damaged["a"] = FileStatus.MISSING
    outcome = shop.run()
    assert outcome.ran == ["a"]
    assert outcome.reasons("a") == (FileMissing(("a",)),)


@pytest.mark.parametrize(
    ("status", "reason"), [(FileStatus.EMPTY, FileEmpty(("a",))), (FileStatus.CHANGED, FileChanged(("a",)))]
)
def test_an_empty_or_changed_output_is_rebuilt(status: FileStatus, reason: object) -> None:
    shop = Shop(graph("O.a"))
    shop.run()
    shop.damaged["a"] = status
    assert shop.run().reasons("a") == (reason,)


def test_added_and_removed_upstreams_are_seen() -> None:
    shop = Shop(graph("I.p > O.a; I.q > O.a"))
    shop.run()
    shop.dag = graph("I.p > O.a; I.r > O.a")
    outcome = shop.run()
    assert outcome.reasons("a") == (UpstreamAdded(JobId("r")), UpstreamRemoved(JobId("q")))


def test_an_upstream_that_is_only_removed_is_seen() -> None:
    shop = Shop(graph("I.p > O.a; I.q > O.a"))
    shop.run()
    shop.dag = graph("I.p > O.a")
    assert shop.run().reasons("a") == (UpstreamRemoved(JobId("q")),)


def test_a_record_of_another_kind_counts_as_none_but_output_and_lazy_share_theirs() -> None:
    shop = Shop(graph("T.a > O.b"))
    shop.run()
    shop.dag = graph("O.a > O.b")
    shop.damaged["a"] = FileStatus.MISSING
    assert shop.run().reasons("a") == (FileMissing(("a",)),)
    shop.dag = graph("L.a > O.b")
    assert shop.run().ran == ["a", "b"]
    shop.dag = graph("O.a")
    assert shop.run().reasons("a") == (NoRecord(),)


def test_a_job_that_uses_one_file_of_many_is_stale_only_if_that_file_changed() -> None:
    shop = Shop(graph("I.p > O.m; O.m[x] > O.usesx; O.m[y] > O.usesy; O.m > O.usesall"))
    shop.run()
    shop.values |= {"p": "2", "m": "m2", "m[y]": "y2"}
    assert sorted(shop.run().ran) == ["m", "usesall", "usesy"]
    shop.values |= {"p": "3", "m": "m3", "m[x]": "x3"}
    outcome = shop.run()
    assert sorted(outcome.ran) == ["m", "usesall", "usesx"]


def test_a_job_that_uses_two_files_consumes_their_combination() -> None:
    shop = Shop(graph("O.m[x] > O.c; O.m[y] > O.c"))
    outcome = shop.run()
    record = next(e.record for e in outcome.effects if isinstance(e, Commit) and e.node == outcome.node("c"))
    assert record.upstreams == {"m": combine([("y", Fingerprint(b"m[y]")), ("x", Fingerprint(b"m[x]"))])}


def test_a_file_that_the_record_does_not_know_is_missing() -> None:
    shop = Shop(graph("O.m[x] > O.c"))
    shop.run()
    shop.dag = graph("O.m[x] > O.c; O.m[new] > O.d")
    outcome = shop.run()
    assert outcome.reasons("m") == (FileMissing(("new",)),)
    assert outcome.ran == ["m", "d"]


# -- lazy and load


def test_what_nobody_needs_does_not_run() -> None:
    shop = Shop(graph("I.p > T.a > L.b; T.c; L.d"))
    outcome = shop.run()
    assert outcome.ran == []
    assert outcome.skipped() == dict.fromkeys("pabcd", "not needed")


def test_a_temporary_file_is_made_for_who_needs_it_and_removed() -> None:
    shop = Shop(graph("T.t > O.a; T.t > O.b"))
    outcome = shop.run()
    assert outcome.ran == ["t", "a", "b"]
    assert outcome.reasons("t") == (NoRecord(), Demanded(JobId("a")))
    assert outcome.removed == ["t"]
    assert shop.lying_about == set()


def test_new_downstream_on_an_old_temporary_file() -> None:
    shop = Shop(graph("T.t > O.a"))
    shop.run()
    shop.dag = graph("T.t > O.a; T.t > O.b")
    outcome = shop.run()
    assert outcome.ran == ["t", "b"]
    assert outcome.reasons("t") == (Demanded(JobId("b")),)
    assert outcome.state("a") is S.CLEAN


def test_a_stale_temporary_file_is_made_to_see_whether_it_changed() -> None:
    shop = Shop(graph("I.p > T.t > O.a"))
    shop.run()
    shop.values["p"] = "2"
    outcome = shop.run()
    assert outcome.ran == ["t"]
    assert [type(reason) for reason in outcome.reasons("t")] == [UpstreamChanged], (
        "no file is missed that is removed"
    )
    assert outcome.removed == ["t"]


def test_demand_goes_up_a_chain_of_temporary_files_and_stops_at_one_that_is_there() -> None:
    shop = Shop(graph("T.t > T.u > T.v > O.a"))
    shop.run()
    shop.damaged["a"] = FileStatus.MISSING
    shop.lying_about.add("t")
    outcome = shop.run()
    assert outcome.ran == ["u", "v", "a"]
    assert sorted(outcome.removed) == ["t", "u", "v"]


def test_a_leftover_is_used_only_if_it_is_intact_and_clean() -> None:
    shop = Shop(graph("I.p > T.t > O.a"))
    shop.run(failing=["a"])
    assert shop.lying_about == {"t"}, "kept for the job that failed"
    assert shop.run().ran == ["a"]
    shop.run(failing=["a"])
    shop.lying_about = {"t"}
    shop.damaged = {"t": FileStatus.CHANGED, "a": FileStatus.MISSING}
    assert shop.run().ran == ["t", "a"]


def test_a_lazy_job_that_comes_out_differently_keeps_its_fingerprint_and_is_named() -> None:
    shop = Shop(graph("T.t > O.a; T.t > O.b"))
    shop.run()
    shop.damaged["a"] = FileStatus.MISSING
    shop.values["t"] = "something else"
    outcome = shop.run()
    assert outcome.ran == ["t", "a"]
    assert NonDeterministic(outcome.node("t")) in outcome.effects
    assert shop.history[JobId("t")].fingerprint == b"t"
    assert shop.run().ran == []


def test_the_first_known_reason_sends_demand_out_while_another_upstream_still_runs() -> None:
    dag = graph("I.p > O.slow > O.a; T.t > O.a")
    shop = Shop(dag)
    shop.run()
    evaluator = Evaluator(dag, shop.history, check=True)
    evaluator.start()
    node = {name: dag.node(JobId(name)) for name in ("p", "slow", "a", "t")}
    observations = {
        node["p"]: Fingerprint(b"new"),
        node["slow"]: INTACT,
        node["a"]: Files(FileStatus.MISSING, ("a",)),
        node["t"]: Files(FileStatus.MISSING, ("t",)),
    }
    effects = evaluator.handle(Observed(observations))
    assert {effect.node for effect in effects if isinstance(effect, Start)} == {node["slow"], node["t"]}
    assert evaluator.state(node["a"]) is S.DUE
    assert "slow" in str(evaluator.explain(node["a"]))


@pytest.mark.parametrize("other", ["; O.old > O.a", "; O.new > O.a", "; O.old > O.a; O.another > O.a", ""])
def test_demand_goes_out_early_for_an_upstream_that_was_added_or_removed(other: str) -> None:
    before = "; O.old > O.a" if "new" not in other else ""
    shop = Shop(graph(f"I.p > O.slow > O.a; T.t > O.a{before}"))
    shop.run()
    dag = graph(f"I.p > O.slow > O.a; T.t > O.a{other}")
    evaluator = Evaluator(dag, shop.history, check=True)
    starts: list[Start] = []
    for effect in evaluator.start():
        if isinstance(effect, Observe):
            seen = dict.fromkeys(effect.nodes, INTACT) | {dag.node(JobId("p")): Fingerprint(b"new")}
            seen[dag.node(JobId("t"))] = Files(FileStatus.MISSING, ("t",))
            starts += [effect for effect in evaluator.handle(Observed(seen)) if isinstance(effect, Start)]
    assert (dag.node(JobId("t")) in {start.node for start in starts}) == (other != "; O.old > O.a")
    if not other:
        assert evaluator.reasons(dag.node(JobId("a"))) == (UpstreamRemoved(JobId("old")),)


@pytest.mark.parametrize(
    ("text", "early"),
    [
        ("I.p > O.m; O.m[x] > O.a; G.slow > O.z; O.wait > O.a; I.p > O.wait; T.t > O.a", True),
        ("I.p > O.m > O.a; O.m[x] > O.z; G.wait > O.a; T.t > O.a", True),
        ("I.p > O.m; O.m[x] > O.a; G.wait > O.a; T.t > O.a", False),
    ],
)
def test_demand_goes_out_early_for_a_changed_part_unless_a_generator_may_name_more(
    text: str, early: bool
) -> None:
    dag = graph(text)
    shop = Shop(dag)
    shop.run()
    evaluator = Evaluator(dag, shop.history, check=True)
    effects = evaluator.start()
    (observe,) = (effect for effect in effects if isinstance(effect, Observe))
    shop.values["p"] = "2"
    evaluator.handle(Observed({node: shop.look(node, ()) for node in observe.nodes}))
    node = {name: dag.node(JobId(name)) for name in ("m", "t", "a")}
    evaluator.handle(Succeeded(node["m"], Fingerprint(b"new"), {"x": Fingerprint(b"new")}))
    assert evaluator.state(node["a"]) is (S.DUE if early else S.WAITING)
    assert (evaluator.state(node["t"]) is S.STARTED) == early


def test_only_the_load_that_is_needed_is_loaded() -> None:
    shop = Shop(graph("L.first > O.done; L.second > O.todo"))
    shop.run()
    shop.damaged["todo"] = FileStatus.MISSING
    outcome = shop.run()
    assert outcome.ran == ["second", "todo"]
    assert outcome.removed == ["second"]


def test_a_chain_of_loads_is_loaded_as_a_whole_or_not_at_all() -> None:
    shop = Shop(graph("L.a > L.b > L.c > O.d"))
    assert shop.run().ran == ["a", "b", "c", "d"]
    assert shop.run().ran == []


def test_the_fingerprint_of_a_load_derives_from_what_is_upstream() -> None:
    shop = Shop(graph("I.p > L.a > O.b"))
    shop.run()
    shop.values["a"] = "other data, which nobody looks at"
    assert shop.run().ran == []
    shop.values["p"] = "2"
    assert shop.run().ran == ["a", "b"]


def test_a_load_is_unloaded_even_if_who_needed_it_failed_but_a_temporary_file_is_kept() -> None:
    shop = Shop(graph("L.a > O.c; T.b > O.c"))
    outcome = shop.run(failing=["c"])
    assert outcome.removed == ["a"]


def test_a_temporary_file_is_not_removed_under_a_job_that_nobody_needs_any_more() -> None:
    dag = graph("T.t > T.u > O.a; O.bad > O.a")
    evaluator = Evaluator(dag, {}, check=True)
    t, u, _, bad = map(NodeId, range(4))
    assert [effect.node for effect in evaluator.start() if isinstance(effect, Start)] == [t, bad]
    evaluator.handle(Succeeded(t, Fingerprint(b"t")))
    assert evaluator.state(u) is S.STARTED
    assert not [effect for effect in evaluator.handle(Failed(bad)) if isinstance(effect, CleanUp)]
    removed = [
        effect.node
        for effect in evaluator.handle(Succeeded(u, Fingerprint(b"u")))
        if isinstance(effect, CleanUp)
    ]
    assert removed == [t], "u is kept for a, which was blocked; t is not needed for that"


def test_a_temporary_file_stays_while_another_one_may_still_ask_for_it() -> None:
    shop = Shop(graph("T.t > T.u > O.a; O.slow > O.a; T.t > O.b; I.p > O.slow"))
    shop.run()
    shop.values |= {"p": "2", "slow": "changed"}
    shop.damaged["b"] = FileStatus.MISSING
    outcome = shop.run(last_first=True)
    assert sorted(outcome.ran) == ["a", "b", "slow", "t", "u"]


def test_what_is_upstream_of_a_target_stays_until_the_target_is_there() -> None:
    shop = Shop(graph("T.t > T.u > O.a; I.p > T.u"))
    shop.run()
    shop.lying_about = {"t"}
    outcome = shop.run(targets=["u"])
    assert outcome.ran == ["u"]
    assert outcome.removed == ["t"]
    shop.lying_about = {"t", "u"}
    outcome = shop.run(targets=["u"])
    assert outcome.ran == []
    assert outcome.removed == ["t"]
    assert shop.lying_about == {"u"}


def test_a_load_that_is_a_target_is_loaded_once_and_unloaded() -> None:
    shop = Shop(graph("T.t > L.l > O.a"))
    outcome = shop.run(targets=["l"])
    assert outcome.ran == ["t", "l"]
    assert outcome.reasons("l") == (Targeted(),)
    assert sorted(outcome.removed) == ["l", "t"]


def test_of_jobs_that_did_not_run_it_is_said_why() -> None:
    shop = Shop(graph("T.t > O.a; L.l > O.a; T.u > O.a; T.v > T.w"))
    shop.run()
    shop.lying_about = {"u"}
    outcome = shop.run()
    assert outcome.removed == ["u"]
    assert outcome.skipped() == {
        "a": "clean",
        "t": "clean",
        "u": "clean",
        "l": "not needed",
        "v": "not needed",
        "w": "not needed",
    }
    assert [outcome.state(name) for name in "tulv"] == [S.CLEAN, S.CLEANED_UP, S.NOT_NEEDED, S.NOT_NEEDED]


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


# -- generators


def test_a_generator_runs_every_time_and_what_it_made_only_once() -> None:
    shop = Shop(graph("G.g"))
    assert shop.run(makes=made_by(shop, "g", jobs="O.x O.y", edges="x>y")).ran == ["g", "x", "y"]
    shop.dag = graph("G.g")
    outcome = shop.run(makes=made_by(shop, "g", jobs="O.x O.y", edges="x>y"))
    assert outcome.ran == ["g"]
    assert outcome.reasons("g") == (AlwaysRuns(),)


def test_an_edge_that_a_generator_adds_every_time_is_not_missed_before_it_ran() -> None:
    shop = Shop(graph("G.g > O.c"))
    makes = made_by(shop, "g", jobs="I.p T.t", edges="p>c t>c")
    assert shop.run(makes=makes).ran == ["g", "t", "c"]
    shop.dag = graph("G.g > O.c")
    assert shop.run(makes=makes).ran == ["g"]
    shop.dag = graph("G.g > O.c")
    outcome = shop.run(makes=made_by(shop, "g", jobs="I.p", edges="p>c"))
    assert UpstreamRemoved(JobId("t")) in outcome.reasons("c")


def test_an_edge_that_a_generator_no_longer_adds_is_a_reason_by_itself() -> None:
    shop = Shop(graph("G.g > O.c; I.p > O.c"))
    job = (NewJob(JobId("q"), NodeKind.INVARIANT),)
    shop.run(makes={"g": Generated(NodeId(0), Fingerprint(b"same"), job, (NewEdge(JobId("q"), JobId("c")),))})
    shop.dag = graph("G.g > O.c; I.p > O.c")
    outcome = shop.run(makes={"g": Generated(NodeId(0), Fingerprint(b"same"), job)})
    assert outcome.reasons("c") == (UpstreamRemoved(JobId("q")),)


def test_a_cleaned_up_job_runs_again_for_a_generated_one() -> None:
    shop = Shop(graph("T.t > O.a; O.a > G.g"))
    outcome = shop.run(makes=made_by(shop, "g", jobs="O.x", edges="t>x"))
    assert outcome.ran == ["t", "a", "g", "t", "x"]
    assert outcome.removed == ["t", "t"]


def test_a_leftover_that_was_kept_for_a_generated_job_is_still_there_for_it() -> None:
    shop = Shop(graph("T.t > O.a; G.g"))
    makes = made_by(shop, "g", jobs="O.x", edges="t>x")
    shop.run(makes=makes, failing=["x"], last_first=True)
    assert shop.lying_about == {"t"}
    shop.dag = graph("T.t > O.a; G.g")
    outcome = shop.run(makes=makes)
    assert outcome.ran == ["g", "x"]
    assert outcome.removed == ["t"]


def test_a_generated_job_revives_what_nobody_needed() -> None:
    shop = Shop(graph("I.p > T.t > L.u; G.g"))
    outcome = shop.run(makes=made_by(shop, "g", jobs="O.x", edges="u>x"))
    assert outcome.ran == ["g", "t", "u", "x"]


def test_a_job_generated_below_a_failed_one_is_blocked() -> None:
    shop = Shop(graph("O.bad; G.g"))
    outcome = shop.run(failing=["bad"], makes=made_by(shop, "g", jobs="O.x O.y", edges="bad>x x>y"))
    assert outcome.state("y") is S.BLOCKED


def test_it_is_said_what_a_generator_added_if_it_added_anything() -> None:
    for jobs, edges, nodes in (("O.x", "", [3]), ("", "a>c", []), ("O.x O.y", "x>y", [3, 4])):
        shop = Shop(graph("G.g > O.c; O.a"))
        outcome = shop.run(makes=made_by(shop, "g", jobs=jobs, edges=edges))
        assert [effect for effect in outcome.effects if isinstance(effect, Extended)] == [
            Extended(NodeId(0), tuple(map(NodeId, nodes)))
        ]
    outcome = Shop(graph("G.g > O.c; O.a")).run()
    assert not [effect for effect in outcome.effects if isinstance(effect, Extended)]


def test_an_edge_that_a_generated_generator_adds_every_time_is_not_missed_before_it_ran() -> None:
    shop = Shop(graph("G.g; T.t"))
    makes = made_by(shop, "g", jobs="G.h O.c", edges="h>c t>c")
    makes["h"] = Generated(
        NodeId(2),
        Fingerprint(b"h"),
        (NewJob(JobId("q"), NodeKind.INVARIANT),),
        (NewEdge(JobId("q"), JobId("c")),),
    )
    assert set(shop.run(makes=makes).ran) == {"g", "h", "t", "c"}
    shop.dag = graph("G.g; T.t")
    assert shop.run(makes=makes).ran == ["g", "h"]


def test_a_job_below_nothing_but_a_generated_generator_waits_for_its_edges() -> None:
    text = "G.g; O.k[x] > O.z"
    shop = Shop(graph(text))
    makes = made_by(shop, "g", jobs="G.h O.c", edges="h>c")
    makes["h"] = Generated(
        NodeId(3),
        Fingerprint(b"h"),
        (NewJob(JobId("q"), NodeKind.INVARIANT),),
        (NewEdge(JobId("q"), JobId("c")),),
    )
    shop.run(makes=makes)
    shop.dag = graph(text)
    assert shop.run(makes=makes).ran == ["g", "h"]


def test_a_generated_job_below_another_generator_waits_for_the_edges_of_that_too() -> None:
    text = "G.g; G.h > O.o; T.t"
    shop = Shop(graph(text))
    makes = made_by(shop, "g", jobs="O.c", edges="o>c t>c") | made_by(shop, "h", jobs="I.q", edges="q>c")
    shop.run(makes=makes)
    shop.dag = graph(text)
    assert shop.run(makes=makes).ran == ["g", "h"]


def test_a_file_that_only_a_generated_job_depends_on_is_made_first() -> None:
    for kind in "OT":
        shop = Shop(graph(f"G.g > {kind}.m > O.a"))
        shop.run()
        shop.dag = graph(f"G.g > {kind}.m > O.a")
        jobs, edges = (NewJob(JobId("x"), NodeKind.OUTPUT),), (NewEdge(JobId("m"), JobId("x"), "f"),)
        outcome = shop.run(makes={"g": Generated(NodeId(0), Fingerprint(b"nothing"), jobs, edges)})
        assert outcome.ran == ["g", "m", "x"]
        assert outcome.reasons("m")[0] == FileMissing(("f",))


def test_a_lazy_job_that_was_removed_and_is_not_wanted_again_after_all_stays_removed() -> None:
    shop = Shop(graph("T.u > T.t > O.a; O.a > G.g"))
    outcome = shop.run(failing=["bad"], makes=made_by(shop, "g", jobs="O.bad O.x", edges="bad>x t>x"))
    assert outcome.ran.count("t") == 1
    assert outcome.state("x") is S.BLOCKED
    assert outcome.state("t") is S.CLEANED_UP


def test_generators_nest() -> None:
    shop = Shop(graph("G.g"))
    makes = made_by(shop, "g", jobs="G.h")
    makes["h"] = Generated(NodeId(1), Fingerprint(b"h"), (NewJob(JobId("i"), NodeKind.GENERATOR),))
    makes["i"] = Generated(NodeId(2), Fingerprint(b"i"), (NewJob(JobId("x"), NodeKind.OUTPUT),))
    assert shop.run(makes=makes).ran == ["g", "h", "i", "x"]


@pytest.mark.parametrize(
    ("jobs", "edges", "complaint"),
    [
        ("O.a", "", "'a', which exists already"),
        ("O.x O.x", "", "'x', which exists already"),
        ("O.x", "nobody>x", "there is no job 'nobody'"),
        ("O.x", "x>nobody", "there is no job 'nobody'"),
        ("O.x", "x>a", "'a' does not depend on 'g'"),
        ("O.x", "x>g", "'g' does not depend on 'g'"),
        ("O.x O.y", "x>y y>x", "cycle: 'y' → 'x' → 'y'"),
        ("O.x", "below>x x>below", "cycle: "),
        ("O.x", "x>x", "cycle: 'x' → 'x'"),
        ("I.x", "a>x", "an invariant depends on nothing"),
        ("O.x", "other[f]>x", "'other' is up to date and has no file 'f'"),
        ("L.l O.x", "l[f]>x", "'l' makes no files"),
        ("O.x", "g[f]>x", "'g' makes no files"),
        ("O.x", "a[nofile]>x", "'a' is up to date and has no file 'nofile'"),
    ],
)
def test_what_a_generator_must_not_make_is_rejected_as_a_whole(jobs: str, edges: str, complaint: str) -> None:
    shop = Shop(graph("O.a; G.g > O.below; O.other"))
    shop.run(failing=["g"])
    size = len(shop.dag)
    outcome = shop.run(makes=made_by(shop, "g", jobs=f"{jobs} O.fine", edges=edges))
    messages = [effect.message for effect in outcome.effects if isinstance(effect, Rejected)]
    assert len(messages) == 1
    assert complaint in messages[0]
    assert len(shop.dag) == size
    assert outcome.state("g") is S.FAILED
    assert outcome.state("below") is S.BLOCKED
    assert outcome.state("other") is S.CLEAN


def test_an_edge_that_exists_already_is_accepted_anywhere() -> None:
    shop = Shop(graph("O.a > O.b; O.m[x] > O.b; G.g"))
    outcome = shop.run(makes=made_by(shop, "g", edges="a>b m[x]>b"))
    assert outcome.state("g") is S.DONE
    shop.dag = graph("O.a > O.b; O.m[x] > O.b; G.g")
    outcome = shop.run(makes=made_by(shop, "g", edges="m>b"))
    assert outcome.state("g") is S.FAILED, "more of a job that is known in part only is a new edge"


def test_a_generator_may_widen_an_edge_below_it() -> None:
    shop = Shop(graph("O.m[x] > O.c; G.g > O.c; O.m[y] > O.other"))
    makes = made_by(shop, "g", edges="m[y]>c")
    shop.run(makes=makes)
    text = "O.m[x] > O.c; G.g > O.c; O.m[y] > O.other; O.m[z] > O.other"
    shop.dag = graph(text)
    shop.run(makes=makes)
    shop.dag = graph(text)
    assert shop.run(makes=makes).ran == ["g"]
    for part, expected in (("z", {"other"}), ("y", {"c", "other"}), ("x", {"c"})):
        shop.dag = graph(text)
        shop.values[f"m[{part}]"] = "changed"
        shop.damaged["m"] = FileStatus.MISSING
        assert set(shop.run(makes=makes).ran) == {"g", "m"} | expected


# -- taking part


def test_pruned_jobs_and_what_is_downstream_do_not_take_part() -> None:
    shop = Shop(graph("T.t > O.a > O.b; T.t > O.c"))
    outcome = shop.run(pruned=["a"])
    assert outcome.ran == ["t", "c"]
    assert outcome.removed == ["t"]
    assert outcome.state("b") is S.EXCLUDED


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


@pytest.mark.parametrize("counts", ["pending", "needs", "demand", "unsettled", "lacking"])
def test_a_count_that_is_wrong_is_noticed_if_one_asks_for_the_check(counts: str) -> None:
    dag = graph("O.slow > O.a; T.t > O.a; O.slow > T.t; O.b")
    for check in (True, False):
        evaluator = Evaluator(dag, {}, check=check)
        evaluator.start()
        node = dag.node(JobId("a" if counts in {"pending", "lacking"} else "t"))
        getattr(evaluator._board, counts)[node] += 1
        event = Succeeded(dag.node(JobId("b")), Fingerprint(b"b"))
        if check:
            with pytest.raises(InternalError):
                evaluator.handle(event)
        else:
            evaluator.handle(event)
