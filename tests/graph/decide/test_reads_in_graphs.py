"""Reads of loads and generators, reads of files that move, and what a dry run says of reads."""

from __future__ import annotations

import pytest

from ppg_graph import (
    ABSENT,
    Evaluator,
    FileMissing,
    FileStatus,
    Fingerprint,
    JobId,
    NodeId,
    NodeState,
    ReadChanged,
    Rejected,
    Start,
    Stopped,
    UpstreamAdded,
    UpstreamRemoved,
    dry_run,
    read_id,
    to_observe,
)
from tests.graph.driver import Shop, after_a_run, again, graph, made_by, record_of

S = NodeState


# --- loads -------------------------------------------------------------------------------------------------------


def test_a_load_has_the_same_fingerprint_as_long_as_what_it_read_is_the_same() -> None:
    shop = after_a_run("L.l > O.b", l=["read://a"])
    assert record_of(shop, "l") == {"read://a": b"a"}
    assert record_of(shop, "b") == {"l": shop.history[JobId("l")].fingerprint}
    assert again(shop, "L.l > O.b").ran == []


def test_what_a_load_read_makes_its_consumers_run() -> None:
    shop = after_a_run("L.l > O.b", l=["read://a"])
    assert again(shop, "L.l > O.b", a="2").ran == ["l", "b"]
    assert again(shop, "L.l > O.b").ran == []


def test_what_a_load_read_of_a_job_makes_its_consumers_run() -> None:
    text = "I.p > O.m; L.l > O.b"
    shop = after_a_run(text, l=["read://m"])
    assert again(shop, text, p="2").ran == ["m"]
    assert again(shop, text, p="3", m="3").ran == ["m", "l", "b"]
    assert again(shop, text).ran == []


def test_a_load_that_read_something_else_than_was_observed_is_not_taken_for_what_it_was() -> None:
    text = "L.l > O.b; L.l > O.new"
    shop = after_a_run("L.l > O.b", l=["read://a"])
    shop.declare(text)
    shop.found["read://a"] = "2"
    assert shop.run().ran == ["l", "new"]
    outcome = again(shop, text, a="2")
    assert outcome.ran == ["l", "b"]
    assert again(shop, text).ran == []


def test_a_load_that_fails_after_what_it_read_changed_is_not_taken_for_what_it_was() -> None:
    shop = after_a_run("L.l > O.b", l=["read://a"])
    shop.values["a"] = "broken"
    shop.declare("L.l > O.b")
    outcome = shop.run(failing=["l"])
    assert outcome.ran == ["l"]
    assert outcome.state("b") is S.BLOCKED
    assert again(shop, "L.l > O.b", a="mended").ran == ["l", "b"]


def test_a_load_that_fails_although_nothing_changed_costs_its_other_consumers_nothing() -> None:
    shop = after_a_run("L.l > O.b", l=["read://a"])
    shop.declare("L.l > O.b; L.l > O.new")
    assert shop.run(failing=["l"]).ran == ["l"]
    outcome = again(shop, "L.l > O.b; L.l > O.new")
    assert outcome.ran == ["l", "new"]
    assert outcome.state("b") is S.CLEAN


def test_what_a_load_read_under_former_inputs_is_not_forgotten_by_its_consumers() -> None:
    text = "I.p > L.l; L.l > O.b; L.l > O.c"
    shop = after_a_run(text, l=["read://a"])
    shop.reads["l"] = []  # with the other value of p
    shop.values["p"] = "2"
    shop.declare(text)
    assert shop.run(targets=["c"]).ran == ["l", "c"]
    shop.reads["l"] = ["read://a"]
    assert again(shop, text, p="p", a="2").ran == ["l", "b", "c"]
    assert again(shop, text).ran == []


def test_a_load_that_told_nothing_of_its_reads_in_former_runs_keeps_its_fingerprint() -> None:
    text = "I.p > L.l > O.b"
    shop = Shop(graph(text))
    shop.run()
    shop.reads["l"] = ["read://a"]
    shop.declare(text + "; L.l > O.new")
    assert shop.run().ran == ["l", "new"]
    assert again(shop, text).ran == []
    assert again(shop, text, a="2").ran == ["l", "b"]


# --- generators ------------------------------------------------------------------------------------------------


def generated_shop() -> Shop:
    """b read x, which a generator made in the first run."""
    shop = Shop(graph("G.g; O.b"), reads={"b": ["read://x"]}, generated={"x": "g"})
    shop.run(makes=made_by(shop, "g", jobs="I.p O.x", edges="p>x"), last_first=True)
    shop.declare("G.g; O.b")
    return shop


def test_a_reader_of_what_a_generator_made_waits_for_what_it_makes_now() -> None:
    shop = generated_shop()
    shop.values |= {"p": "2", "x": "2"}
    outcome = shop.run(makes=made_by(shop, "g", jobs="I.p O.x", edges="p>x x>read://x"))
    assert outcome.ran == ["g", "x", "b"]
    assert outcome.observed == ["p"]
    assert outcome.reasons("b") == (ReadChanged(read_id("x"), Fingerprint(b"x"), Fingerprint(b"2")),)


def test_a_reader_of_what_a_generator_made_is_clean_if_it_is_the_same() -> None:
    shop = generated_shop()
    outcome = shop.run(makes=made_by(shop, "g", jobs="I.p O.x", edges="p>x x>read://x"))
    assert outcome.ran == ["g"]
    assert outcome.state("b") is S.CLEAN


def test_what_a_generator_no_longer_makes_is_observed_when_it_has_ended() -> None:
    shop = generated_shop()
    outcome = shop.run()
    assert outcome.ran == ["g"]
    assert outcome.observed == ["read://x"]
    assert outcome.state("b") is S.CLEAN
    shop.declare("G.g; O.b")
    shop.values["x"] = ABSENT.decode()
    assert shop.run().reasons("b") == (ReadChanged(read_id("x"), Fingerprint(b"x"), ABSENT),)


def test_a_generator_that_fails_blocks_the_readers_of_what_it_made() -> None:
    shop = generated_shop()
    outcome = shop.run(failing=["g"])
    assert outcome.state("read://x") is outcome.state("b") is S.BLOCKED
    assert outcome.observed == []


def test_a_generator_may_let_a_read_follow_from_a_job_that_is_done_failed_or_pruned() -> None:
    text = "I.q > O.m; G.g; O.b"
    for state, options in ((S.DONE, {}), (S.BLOCKED, {"failing": ["m"]}), (S.EXCLUDED, {"pruned": ["m"]})):
        shop = Shop(graph(text), reads={"b": ["read://x"]}, generated={"x": "g"})
        shop.run()
        shop.declare(text)
        shop.values |= {"q": "2", "m": "2"}
        outcome = shop.run(makes=made_by(shop, "g", edges="m>read://x"), last_first=True, **options)  # type: ignore[arg-type]
        assert outcome.state("b") is state
        shop.declare(text)


def test_a_target_that_read_what_is_generated_brings_the_generator_and_what_it_makes() -> None:
    shop = Shop(graph("G.g; O.b; O.m"), reads={"b": ["read://x"]}, generated={"x": "g"})
    makes = made_by(shop, "g", jobs="O.x", edges="m>x")
    shop.run(makes=makes, last_first=True)
    shop.declare("G.g; O.b; O.m")
    shop.values["x"] = "2"
    shop.damaged["x"] = FileStatus.MISSING
    outcome = shop.run(targets=["b"], makes=made_by(shop, "g", jobs="O.x", edges="m>x x>read://x"))
    assert outcome.ran == ["g", "x", "b"]
    assert outcome.state("m") is S.CLEAN


def test_a_generated_job_brings_its_own_reads() -> None:
    shop = Shop(graph("G.g; I.p > O.m"), reads={"x": ["read://m", "read://a"]})
    shop.run(makes=made_by(shop, "g", jobs="O.x"), last_first=True)
    makes = ("O.x I.read://m I.read://a", "read://m>x read://a>x m>read://m")
    for values, ran in (({}, ["g"]), ({"a": "2"}, ["g", "x"]), ({"p": "2", "m": "2"}, ["m", "g", "x"])):
        shop.values |= values
        shop.dag = graph("G.g; I.p > O.m")
        outcome = shop.run(makes=made_by(shop, "g", jobs=makes[0], edges=makes[1]), last_first=True)
        assert sorted(outcome.ran) == sorted(ran)


def test_after_a_stop_a_read_that_waited_for_a_generator_is_not_observed() -> None:
    shop = generated_shop()
    evaluator = Evaluator(shop.dag, shop.history, check=True)
    evaluator.start()
    evaluator.handle(Stopped())
    effects = evaluator.handle(made_by(shop, "g", jobs="O.x", edges="x>read://x")["g"])
    assert not any(isinstance(effect, Start) for effect in effects)
    assert evaluator.state(shop.dag.node(JobId("b"))) is S.ABORTED


@pytest.mark.parametrize(
    ("jobs", "edges", "message"),
    [
        ("T.x", "x>read://x", "'read://x' depend on 'x', but an invariant depends on nothing"),
        ("L.x", "x>read://x", "depends on nothing"),
        ("I.x", "x>read://x", "depends on nothing"),
        ("O.x I.q", "x>q", "an invariant depends on nothing"),
        ("O.x", "x>read://other", "'read://other' does not depend on 'g'"),
        ("O.x", "b>x x>read://x", "cycle"),
    ],
)
def test_an_edge_into_a_read_that_is_not_allowed_is_rejected(jobs: str, edges: str, message: str) -> None:
    shop = Shop(
        graph("G.g; O.b; O.c"), reads={"b": ["read://x"], "c": ["read://other"]}, generated={"x": "g"}
    )
    shop.run()
    shop.declare("G.g; O.b; O.c")
    outcome = shop.run(makes=made_by(shop, "g", jobs=jobs, edges=edges))
    (rejected,) = [effect for effect in outcome.effects if isinstance(effect, Rejected)]
    assert message in rejected.message
    assert outcome.state("g") is S.FAILED
    assert outcome.state("b") is S.BLOCKED


def test_an_edge_is_not_allowed_because_a_job_has_read_what_was_generated() -> None:
    shop = generated_shop()
    outcome = shop.run(makes=made_by(shop, "g", jobs="O.x", edges="x>read://x x>b"))
    (rejected,) = [effect for effect in outcome.effects if isinstance(effect, Rejected)]
    assert "let 'b' depend on 'g'" in rejected.message


# --- the graph -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edge", ["T.x > I.read://x", "L.x > I.read://x", "I.x > I.read://x", "O.x > I.y"])
def test_only_an_output_or_a_generator_makes_what_is_read(edge: str) -> None:
    with pytest.raises(ValueError, match="cannot depend on 'x'"):
        graph(edge)


def test_a_cycle_through_a_read_is_found() -> None:
    dag = graph("I.read://m > O.b > O.m")
    assert dag.find_cycle() is None
    dag.add_edge(dag.node(JobId("m")), dag.node(read_id("m")))
    cycle = dag.find_cycle()
    assert cycle is not None
    assert {dag.job_id(node) for node in cycle} == {"read://m", "b", "m"}
    assert dag.subgraph(cycle).find_cycle() is not None


def test_a_job_that_read_what_it_makes_itself_is_a_cycle() -> None:
    dag = graph("O.m > I.read://m > O.m")
    assert dag.find_cycle() is not None


def test_a_part_of_the_graph_keeps_what_its_reads_follow_from() -> None:
    dag = graph("O.m > I.read://m > O.b; O.other")
    part = dag.subgraph([NodeId(0), NodeId(1), NodeId(2)])
    assert [part.job_id(node) for node in part.upstreams(part.node(read_id("m")))] == ["m"]


# --- files that move -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["I.a > O.b", "O.a > O.b", "C.a > O.b"])
def test_a_dependency_on_what_was_read_is_no_change(text: str) -> None:
    shop = after_a_run("O.b; " + text.partition(" ")[0], b=["read://a"])
    shop.reads.clear()
    outcome = again(shop, text)
    assert outcome.ran == (["a"] if text[0] == "C" else [])
    assert outcome.state("b") is S.CLEAN
    assert again(shop, text, a="2").state("b") is (S.DONE if text[0] == "I" else S.CLEAN)


def test_a_dependency_on_all_files_that_were_read_is_no_change() -> None:
    shop = after_a_run("O.x:y; O.b", b=["read://x", "read://y"])
    assert again(shop, "O.x:y > O.b").ran == []
    shop = after_a_run("O.x:y; O.b", b=["read://x"])
    assert again(shop, "O.x:y > O.b").reasons("b") == (UpstreamAdded(JobId("x:y")),)


def test_a_dependency_on_the_one_file_of_several_that_was_read_is_no_change() -> None:
    shop = after_a_run("O.x:y; O.b", b=["read://x"])
    shop.values["x:y[x]"] = "x"
    assert again(shop, "O.x:y[x] > O.b").ran == []


def test_a_dependency_on_what_was_read_otherwise_is_a_change() -> None:
    shop = Shop(graph("O.b; O.m"), {"read://m": ABSENT.decode()}, reads={"b": ["read://m"]})
    shop.run()
    assert again(shop, "O.m > O.b").reasons("b") == (UpstreamAdded(JobId("m")),)


def test_a_dependency_on_something_else_than_what_was_read_is_a_change() -> None:
    shop = after_a_run("O.b; I.c", b=["read://a", "listed://c"])
    outcome = again(shop, "I.c > O.b", c="other")
    assert UpstreamAdded(JobId("c")) in outcome.reasons("b")


def test_a_dependency_taken_away_is_a_change_although_the_file_is_read() -> None:
    shop = after_a_run("O.m > O.b")
    shop.reads["b"] = ["read://m"]
    assert again(shop, "O.m; O.b").reasons("b") == (UpstreamRemoved(JobId("m")),)
    assert record_of(shop, "b") == {"read://m": b"m"}
    assert again(shop, "O.m; O.b").ran == []


def test_a_generator_may_declare_what_was_read_although_the_read_is_in_the_graph() -> None:
    text = "G.g > O.between > O.b"
    shop = Shop(graph(text), reads={"b": ["read://x"]}, generated={"x": "g"})
    shop.run(makes=made_by(shop, "g", jobs="O.x"))
    shop.reads.clear()
    for edges in ("x>read://x x>b", "x>b"):
        shop.declare(text)
        outcome = shop.run(makes=made_by(shop, "g", jobs="O.x", edges=edges))
        assert outcome.ran == ["g", "between"]
        assert outcome.state("b") is S.CLEAN


def test_a_load_may_declare_what_it_read() -> None:
    shop = after_a_run("I.a > O.other; L.l > O.b", l=["read://a"])
    assert again(shop, "I.a > L.l > O.b; I.a > O.other").ran == []


# --- dry runs --------------------------------------------------------------------------------------------------


def foretold(shop: Shop) -> tuple[list[str], dict[str, tuple[JobId, ...]]]:
    nodes = to_observe(shop.dag, shop.history)
    result = dry_run(shop.dag, shop.history, {node: shop.look(node, ()) for node in nodes})
    will = [str(shop.dag.job_id(node)) for node in result.will_run]
    return will, {str(shop.dag.job_id(node)): may.depending_on for node, may in result.may_run.items()}


def test_a_dry_run_names_the_job_that_makes_what_was_read() -> None:
    shop = after_a_run("O.m; O.b; L.l > O.c; T.t > O.d", b=["read://m"], l=["read://m"], t=["read://m"])
    shop.damaged["m"] = FileStatus.MISSING
    will, may = foretold(shop)
    assert will == ["m"]
    assert may == {"b": ("m",), "l": ("m",), "c": ("m",), "t": ("m",), "d": ("t",)}


def test_a_dry_run_knows_that_a_job_that_read_something_older_will_run() -> None:
    shop = Shop(graph("O.b; I.p > O.m"), {"read://m": ABSENT.decode()}, reads={"b": ["read://m"]})
    shop.run()
    del shop.values["read://m"]
    shop.declare("O.b; I.p > O.m")
    assert foretold(shop) == (["b"], {})
    shop.values["p"] = "2"
    assert foretold(shop) == (["b", "m"], {})


@pytest.mark.parametrize("text", ["O.a; O.b", "O.a > O.b", "O.a:c; O.b", "O.a:c[a] > O.b"])
def test_a_job_that_makes_now_what_was_read_may_make_the_same(text: str) -> None:
    shop = after_a_run("O.b", b=["read://a"])
    shop.declare(text)
    maker = "a:c" if ":" in text else "a"
    assert foretold(shop) == ([maker], {"b": (JobId(maker),)})
    shop.values["a:c[a]"] = "a"
    assert shop.run().ran == [maker]


def test_nothing_is_expected_of_a_job_but_what_it_can_make() -> None:
    shop = Shop(graph("O.b"), {"a": ABSENT.decode()}, reads={"b": ["read://a"]})
    shop.run()
    shop.declare("O.a; O.b")
    assert foretold(shop) == (["a", "b"], {}) or foretold(shop) == (["b", "a"], {})


def test_a_missing_file_is_no_matter_of_reads() -> None:
    shop = after_a_run("O.m; O.b", b=["read://m"])
    shop.damaged["m"] = FileStatus.MISSING
    outcome = shop.run()
    assert outcome.reasons("m") == (FileMissing(("m",)),)
    assert outcome.state("b") is S.CLEAN
