"""The rules of the decision model, one by one, on graphs that fit into a line: who runs, and what is removed."""

from __future__ import annotations

import pytest

from ppg_graph import (
    CleanUp,
    Commit,
    Demanded,
    Evaluator,
    Event,
    Failed,
    FileChanged,
    FileEmpty,
    FileMissing,
    Files,
    FileStatus,
    Fingerprint,
    JobId,
    NodeId,
    NodeState,
    NonDeterministic,
    NoRecord,
    Observe,
    Observed,
    Start,
    Succeeded,
    Targeted,
    UpstreamAdded,
    UpstreamChanged,
    UpstreamRemoved,
    combine,
)
from tests.graph.driver import INTACT, Shop, graph

S = NodeState


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


def test_a_job_that_is_not_needed_does_not_run() -> None:
    shop = Shop(graph("I.p > T.a > L.b; T.c; L.d"))
    outcome = shop.run()
    assert outcome.ran == []
    assert outcome.skipped() == dict.fromkeys("pabcd", "not needed")


def test_a_temporary_file_is_made_for_the_job_that_needs_it_and_removed() -> None:
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


def test_a_load_is_unloaded_even_if_its_user_failed_but_a_temporary_file_is_kept() -> None:
    shop = Shop(graph("L.a > O.c; T.b > O.c"))
    outcome = shop.run(failing=["c"])
    assert outcome.removed == ["a"]


def test_what_a_load_has_read_stays_while_the_load_may_be_repeated() -> None:
    dag = graph("T.t > L.l > O.a; L.l > O.b; L.l > L.m > O.c")
    evaluator = Evaluator(dag, {}, check=True)
    nodes = {name: dag.node(JobId(name)) for name in "tlabmc"}
    removed: list[str] = []

    def handle(*events: Event) -> list[str]:
        waiting = list(events)
        while waiting:
            for effect in evaluator.handle(waiting.pop()):
                if isinstance(effect, CleanUp):
                    removed.append(dag.job_id(effect.node))
        return removed

    evaluator.start()
    for name in "tlmab":
        assert handle(Succeeded(nodes[name], Fingerprint(name.encode()))) == (["l"] if name == "b" else [])
    # The next load needs the data of the first one, if it is repeated.
    assert handle(Succeeded(nodes["c"], Fingerprint(b"c"))) == ["l", "m", "t"]


def test_a_temporary_file_is_not_removed_under_a_job_that_is_not_needed_any_more() -> None:
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


def test_a_lazy_job_that_no_decision_needs_any_more_does_not_run() -> None:
    shop = Shop(graph("I.p > T.t > O.a; O.slow > T.t; O.bad > O.a; I.q > O.slow; I.q > O.bad"))
    shop.run()
    shop.values |= {"p": "2", "q": "2"}
    outcome = shop.run(failing=["bad"], last_first=True)
    assert sorted(outcome.ran) == ["bad", "slow"]
    assert outcome.state("t") is S.NOT_NEEDED
