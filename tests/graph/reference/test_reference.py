"""The reference by itself: the rules on graphs so small that everybody agrees what follows."""

from collections.abc import Mapping

import pytest

from tests.graph.reference.evaluator import Reference
from tests.graph.reference.facts import INTACT, Past, Step

Edges = dict[tuple[str, str], frozenset[str] | None]


def edges(text: str) -> Edges:
    return dict.fromkeys(edge.partition(">")[::2] for edge in text.split())


def past(kind: str, print_: object, **consumed: object) -> Past:
    return Past(kind, print_, consumed, {})


def reference(
    kinds: Mapping[str, str],
    text: str,
    history: Mapping[str, Past],
    sights: Mapping[str, object],
    **options: object,
) -> Reference:
    return Reference(kinds, edges(text), history, lambda job: sights.get(job, INTACT), **options)  # type: ignore[arg-type]


def begin(run: Reference) -> Step:
    step = run.start()
    step.add(run.observe())
    return step


def test_without_records_outputs_run_one_after_the_other() -> None:
    run = reference({"a": "OUTPUT", "b": "OUTPUT"}, "a>b", {}, {})
    assert begin(run).starts == ["a"]
    step = run.succeeded("a", 1)
    assert step.commits == {"a": Past("OUTPUT", 1, {}, {})}
    assert step.starts == ["b"]
    assert run.succeeded("b", 2).commits["b"].consumed == {"a": 1}
    assert run.is_finished


def test_a_clean_graph_starts_nothing() -> None:
    history = {"a": past("OUTPUT", 1), "b": past("OUTPUT", 2, a=1)}
    run = reference({"a": "OUTPUT", "b": "OUTPUT"}, "a>b", history, {})
    assert begin(run) == Step()
    assert run.skipped() == {"a", "b"}


def test_a_rebuilt_output_with_the_same_bytes_stops_the_change_there() -> None:
    history = {"a": past("OUTPUT", 1), "b": past("OUTPUT", 2, a=1)}
    run = reference({"a": "OUTPUT", "b": "OUTPUT"}, "a>b", history, {"a": "missing"})
    assert begin(run).starts == ["a"]
    assert run.succeeded("a", 1).starts == []
    assert run.skipped() == {"b"}


def test_a_lazy_job_runs_only_for_a_job_that_needs_it_and_then_goes() -> None:
    run = reference({"t": "LAZY", "o": "OUTPUT", "leaf": "LAZY"}, "t>o", {}, {})
    assert begin(run).starts == ["t"]
    assert run.succeeded("t", 1).starts == ["o"]
    assert run.succeeded("o", 2).removable == ["t"]
    assert run.skipped() == {"leaf"}


def test_a_lazy_file_is_kept_if_what_is_downstream_failed() -> None:
    run = reference({"t": "LAZY", "o": "OUTPUT"}, "t>o", {}, {})
    begin(run)
    run.succeeded("t", 1)
    step = run.did_fail("o")
    assert step.removable == []
    assert step.forgotten == ["o"]


def test_a_lazy_job_made_again_keeps_its_print_and_a_difference_is_a_surprise() -> None:
    history = {"t": past("LAZY", 1), "o": past("OUTPUT", 2, t=1)}
    kinds = {"t": "LAZY", "o": "OUTPUT", "new": "OUTPUT"}
    run = reference(kinds, "t>o t>new", history, {"t": "missing"})
    assert begin(run).starts == ["t"]
    step = run.succeeded("t", 99)
    assert step.surprises == ["t"]
    assert step.starts == ["new"]
    assert run.skipped() == {"o"}


def test_a_load_runs_only_below_the_output_that_is_to_be_done() -> None:
    kinds = {"l": "LOAD", "done": "OUTPUT", "m": "LOAD", "todo": "OUTPUT"}
    history = {"done": past("OUTPUT", 1, l=("load", frozenset()))}
    run = reference(kinds, "l>done done>m m>todo", history, {})
    assert begin(run).starts == ["m"]


def test_demand_goes_out_before_the_other_upstreams_are_known() -> None:
    kinds = {"slow": "OUTPUT", "t": "LAZY", "o": "OUTPUT"}
    run = reference(kinds, "slow>o t>o", {}, {})
    assert begin(run).starts == ["slow", "t"]


def test_a_failed_job_blocks_what_is_downstream_and_nothing_else() -> None:
    kinds = {"a": "OUTPUT", "b": "OUTPUT", "c": "OUTPUT", "other": "OUTPUT"}
    run = reference(kinds, "a>b b>c", {}, {})
    assert begin(run).starts == ["a", "other"]
    run.did_fail("a")
    assert run.blocked == {"b", "c"}
    assert run.succeeded("other", 1).commits.keys() == {"other"}


@pytest.mark.parametrize("slow_ends_first", [True, False])
def test_what_a_failed_load_blocks_does_not_depend_on_the_schedule(slow_ends_first: bool) -> None:
    load = ("load", frozenset())
    kinds = {"l": "LOAD", "slow": "OUTPUT", "clean": "OUTPUT", "new": "OUTPUT"}
    history = {"slow": past("OUTPUT", 1), "clean": past("OUTPUT", 2, l=load, slow=1)}
    run = reference(kinds, "l>clean slow>clean l>new", history, {"slow": "missing"})
    assert set(begin(run).starts) == {"l", "slow"}
    if slow_ends_first:
        run.succeeded("slow", 1)
        run.did_fail("l")
    else:
        run.did_fail("l")
        run.succeeded("slow", 1)
    assert run.blocked == {"new"}
    assert run.skipped() == {"clean"}


def test_demand_is_withdrawn_if_the_demanding_job_is_blocked() -> None:
    kinds = {"a": "OUTPUT", "t": "LAZY", "bad": "OUTPUT", "o": "OUTPUT"}
    history = {"a": past("OUTPUT", 0), "t": past("LAZY", 1, a=0)}
    run = reference(kinds, "a>t t>o bad>o", history, {"a": "missing", "t": "missing"})
    assert set(begin(run).starts) == {"a", "bad"}
    run.did_fail("bad")
    assert run.succeeded("a", 0).starts == []
    assert run.skipped() == {"t"}


def test_a_generated_job_can_demand_a_lazy_job_that_was_cleaned_up_and_only_then_it_runs_twice() -> None:
    kinds = {"t": "LAZY", "o": "OUTPUT", "g": "GENERATOR"}
    run = reference(kinds, "t>o", {}, {})
    assert set(begin(run).starts) == {"t", "g"}
    run.succeeded("t", 1)
    assert run.succeeded("o", 2).removable == ["t"]
    run.remove(["t"])
    step = run.generated("g", "x", {"x": "OUTPUT"}, edges("t>x"))
    assert step.starts == ["t"]
    assert run.succeeded("t", 1).starts == ["x"]
    assert run.succeeded("x", 3).removable == ["t"]


@pytest.mark.parametrize("text", ["x>o", "x>t", "x>g", "?>x"])
def test_an_edge_to_what_is_not_downstream_of_the_generator_is_rejected(text: str) -> None:
    kinds = {"t": "LAZY", "o": "OUTPUT", "g": "GENERATOR", "d": "OUTPUT"}
    run = reference(kinds, "t>o g>d", {}, {})
    begin(run)
    step = run.generated("g", "x", {"x": "OUTPUT"}, edges(text))
    assert step.rejected
    assert run.blocked == {"d"}
    assert "x" not in run.kinds


def test_an_edge_that_the_generator_will_make_again_is_not_missed_before_it_has() -> None:
    kinds = {"g": "GENERATOR", "t": "LAZY", "d": "OUTPUT"}
    history = {"t": past("LAZY", 1), "d": past("OUTPUT", 2, g="y", t=1, y=5), "y": past("OUTPUT", 5)}
    run = reference(kinds, "g>d t>d", history, {"t": "missing"})
    assert begin(run).starts == ["g"]
    assert run.generated("g", "y", {"y": "OUTPUT"}, edges("y>d")).starts == []
    assert run.observe().starts == []
    assert run.skipped() == {"t", "d", "y"}


def test_only_the_parts_that_an_edge_names_count() -> None:
    kinds = {"m": "OUTPUT", "d": "OUTPUT"}
    history = {
        "m": Past("OUTPUT", 1, {}, {"a": 1, "b": 1}),
        "d": past("OUTPUT", 2, m=("parts", frozenset({("a", 1)}))),
    }
    sights = {"m": "missing"}
    for now, starts in (({"a": 1, "b": 2}, []), ({"a": 2, "b": 1}, ["d"])):
        run = Reference(kinds, {("m", "d"): frozenset({"a"})}, history, lambda job: sights.get(job, INTACT))
        assert begin(run).starts == ["m"]
        assert run.succeeded("m", 7, now).starts == starts


def test_pruned_jobs_and_what_is_downstream_of_them_take_no_part() -> None:
    kinds = {"a": "OUTPUT", "b": "OUTPUT", "c": "OUTPUT"}
    run = reference(kinds, "a>b b>c", {}, {}, pruned={"b"})
    assert begin(run).starts == ["a"]
    assert run.succeeded("a", 1).starts == []
    assert run.excluded == {"b", "c"}


def test_a_targeted_lazy_job_is_made_and_kept() -> None:
    run = reference({"t": "LAZY", "o": "OUTPUT"}, "t>o", {}, {}, targets={"t"})
    assert begin(run).starts == ["t"]
    assert run.succeeded("t", 1) == Step(commits={"t": Past("LAZY", 1, {}, {})})


def test_after_a_stop_nothing_starts() -> None:
    run = reference({"a": "OUTPUT", "b": "OUTPUT"}, "a>b", {}, {})
    begin(run)
    run.stop()
    step = run.succeeded("a", 1)
    assert step.starts == []
    assert step.commits.keys() == {"a"}
