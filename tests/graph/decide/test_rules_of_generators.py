"""The rules of generators, one by one, on graphs that fit into a line."""

from __future__ import annotations

import pytest

from ppg_graph import (
    AlwaysRuns,
    Extended,
    FileMissing,
    FileStatus,
    Fingerprint,
    Generated,
    JobId,
    NewEdge,
    NewJob,
    NodeId,
    NodeKind,
    NodeState,
    Observe,
    Rejected,
    UpstreamRemoved,
)
from tests.graph.driver import Shop, graph, made_by

S = NodeState


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


def test_a_generated_job_revives_jobs_that_were_not_needed() -> None:
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


def test_demand_goes_out_as_soon_as_a_generator_has_added_an_edge() -> None:
    shop = Shop(graph("G.g > O.m > O.d; T.t > O.d"))
    shop.run()
    outcome = shop.run(makes=made_by(shop, "g", jobs="O.x", edges="x>m x>d"))
    assert outcome.ran == ["g", "x", "t", "m", "d"], "t waited for m, which does not decide about it"


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


def test_an_invariant_of_nothing_but_a_blocked_generated_job_is_not_observed() -> None:
    shop = Shop(graph("O.bad; G.g; I.p"))
    outcome = shop.run(failing=["bad"], makes=made_by(shop, "g", jobs="O.x", edges="p>x bad>x"))
    assert outcome.state("x") is S.BLOCKED
    assert outcome.state("p") is S.NOT_NEEDED
    assert not [effect for effect in outcome.effects if isinstance(effect, Observe)]
