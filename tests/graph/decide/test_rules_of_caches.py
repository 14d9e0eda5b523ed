"""The rules of caches, one by one: files of LAZY jobs that stay, and leftovers that turn out to be no good."""

from __future__ import annotations

import pytest

from ppg_graph import (
    Dag,
    Demanded,
    Evaluator,
    Files,
    FileStatus,
    Fingerprint,
    Generated,
    JobId,
    LeftoverRejected,
    NewJob,
    NodeId,
    NodeKind,
    NodeState,
    Observed,
    ProtocolError,
    Rejected,
    Start,
    Stopped,
    Succeeded,
)
from tests.graph.driver import INTACT, Outcome, Shop, graph, made_by

S = NodeState


def starts(outcome: Outcome, name: str) -> list[Start]:
    node = outcome.node(name)
    return [effect for effect in outcome.effects if isinstance(effect, Start) and effect.node == node]


# -- files that stay


def test_a_cache_stays_and_is_not_made_again_for_another_user() -> None:
    shop = Shop(graph("I.f > C.cache > L.load > O.a"))
    outcome = shop.run()
    assert outcome.ran == ["cache", "load", "a"]
    assert outcome.removed == ["load"]
    assert outcome.state("cache") is S.DONE
    shop.dag = graph("I.f > C.cache > L.load > O.a; L.load > O.b")
    outcome = shop.run()
    assert outcome.ran == ["load", "b"]
    assert outcome.state("cache") is S.CLEAN


def test_a_cache_that_no_job_needs_is_not_made_and_an_old_one_is_left_alone() -> None:
    shop = Shop(graph("C.cache > L.load"))
    assert shop.run().ran == []
    shop.lying_about.add("cache")
    outcome = shop.run()
    assert outcome.ran == outcome.removed == []


def test_a_cache_that_is_gone_is_not_made_for_users_that_are_up_to_date() -> None:
    shop = Shop(graph("C.cache > L.load > O.a"))
    shop.run()
    shop.lying_about.clear()
    assert shop.run().ran == []
    shop.damaged["a"] = FileStatus.MISSING
    assert shop.run().ran == ["cache", "load", "a"]


def test_what_a_cache_was_made_of_is_not_loaded_while_the_cache_is_clean() -> None:
    shop = Shop(graph("L.data > C.cache > L.load > O.a"))
    shop.run()
    shop.damaged["a"] = FileStatus.MISSING
    assert shop.run().ran == ["load", "a"]


def test_a_generated_job_uses_the_cache_that_was_made_earlier_in_the_same_run() -> None:
    shop = Shop(graph("C.cache > L.load > O.a > G.g"))
    outcome = shop.run(makes=made_by(shop, "g", jobs="O.x", edges="load>x"))
    assert outcome.ran == ["cache", "load", "a", "g", "load", "x"]


def test_a_generator_can_make_a_cache() -> None:
    shop = Shop(graph("G.g"))
    outcome = shop.run(makes=made_by(shop, "g", jobs="C.cache L.load O.x", edges="cache>load load>x"))
    assert outcome.ran == ["g", "cache", "load", "x"]
    assert outcome.removed == ["load"]


def test_only_lazy_jobs_have_files_to_keep() -> None:
    dag = Dag()
    with pytest.raises(ValueError, match="only LAZY jobs"):
        dag.add_node(JobId("a"), NodeKind.OUTPUT, keep=True)
    shop = Shop(graph("G.g"))
    wrong = Generated(NodeId(0), Fingerprint(b""), (NewJob(JobId("x"), NodeKind.OUTPUT, keep=True),))
    outcome = shop.run(makes={"g": wrong})
    assert [type(effect) for effect in outcome.effects if isinstance(effect, Rejected)] == [Rejected]


def test_a_part_of_a_graph_keeps_what_the_graph_keeps() -> None:
    dag = graph("C.cache > T.temp > O.a").subgraph([NodeId(0), NodeId(1)])
    assert [dag.keeps(NodeId(node)) for node in range(2)] == [True, False]


# -- leftovers that are no good


def test_a_rejected_leftover_is_made_again_once_and_its_user_is_started_again() -> None:
    shop = Shop(graph("L.data > C.cache > L.load > O.a; C.cache > O.b"))
    shop.run()
    shop.damaged["a"] = FileStatus.MISSING
    outcome = shop.run(unusable=["cache"])
    assert outcome.ran == ["load", "data", "cache", "load", "a"]
    assert [start.reasons for start in starts(outcome, "cache")] == [(Demanded(JobId("load")),)]
    assert outcome.state("b") is S.CLEAN


@pytest.mark.parametrize("last_first", [False, True])
def test_every_user_that_had_begun_with_it_is_started_again(last_first: bool) -> None:
    shop = Shop(graph("C.cache > O.a; C.cache > O.b; C.cache > O.c; O.slow > O.c"))
    shop.run()
    shop.damaged = dict.fromkeys(("a", "b", "c", "slow"), FileStatus.MISSING)
    outcome = shop.run(unusable=["cache"], last_first=last_first)
    assert outcome.ran.count("cache") == 1
    assert all(outcome.state(name) is S.DONE for name in ("a", "b", "c"))
    assert all(len(starts(outcome, name)) == 2 for name in ("a", "b")[: 1 if last_first else 2])


def test_a_rejected_temporary_file_is_made_again_as_well() -> None:
    shop = Shop(graph("T.temp > O.a"))
    shop.run(failing=["a"])
    outcome = shop.run(unusable=["temp"])
    assert outcome.ran == ["a", "temp", "a"]
    assert outcome.removed == ["temp"]


def test_a_leftover_that_cannot_be_made_again_blocks_the_job_that_needs_it() -> None:
    shop = Shop(graph("C.cache > L.load > O.a; C.cache > O.b; C.cache > O.c"))
    shop.run()
    shop.damaged = {"a": FileStatus.MISSING, "b": FileStatus.MISSING}
    outcome = shop.run(unusable=["cache"], failing=["cache"])
    states = [outcome.state(name) for name in ("cache", "load", "a", "b", "c")]
    assert states == [S.FAILED, S.BLOCKED, S.BLOCKED, S.BLOCKED, S.CLEAN]


def test_after_a_stop_nothing_is_made_again() -> None:
    dag = graph("C.cache > O.a > T.leaf")
    shop = Shop(dag)
    shop.run()
    evaluator = Evaluator(dag, dict(shop.history), check=True)
    evaluator.start()
    cache, user, leaf = dag.node(JobId("cache")), dag.node(JobId("a")), dag.node(JobId("leaf"))
    evaluator.handle(Observed({cache: INTACT, user: Files(FileStatus.MISSING, ("a",))}))
    evaluator.handle(Stopped())
    assert not any(isinstance(effect, Start) for effect in evaluator.handle(LeftoverRejected(user, cache)))
    assert evaluator.finished
    assert evaluator.state(user) is S.ABORTED
    assert evaluator.state(leaf) is S.ABORTED  # as below any job that did not come to its end


def test_only_files_of_a_lazy_job_directly_upstream_can_be_rejected() -> None:
    dag = graph("O.x > O.a; T.t > O.b")
    evaluator = Evaluator(dag, {}, check=True)
    evaluator.start()
    x, a, t = (dag.node(JobId(name)) for name in "xat")
    with pytest.raises(ProtocolError, match="not started"):
        evaluator.handle(LeftoverRejected(a, x))
    for upstream in (x, t):
        evaluator = Evaluator(dag, {}, check=True)
        evaluator.start()
        evaluator.handle(Succeeded(x, Fingerprint(b"x")))
        with pytest.raises(ProtocolError, match="uses no files"):
            evaluator.handle(LeftoverRejected(a, upstream))
