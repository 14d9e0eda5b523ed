"""Every small graph with every small history: the real evaluator against the reference, and against the rules.

Covered by default (edges go from lower to higher; invariants have no upstreams; see `reference.moves` for what can change):

- 2 nodes: all graphs, any change and any set of failures in the first run, any change in the second;
  and every such run killed at every change of the disk or the store, and stopped after every job;
- 3 nodes: all graphs up to isomorphism, every set of failures in the first run, any change in the second;
  and all graphs, a first run and every edit after it killed and stopped at every point;
  and all graphs declared backwards, with one job that ignores what it reads, or with one edge about one file of
  several, with an edit in the second run;
- 4 nodes: every third of all graphs up to isomorphism, every set of failures;
- graphs in which some edges are reads that nobody declared, of 2 nodes and a part of those of 3 nodes: at most one
  failure, any change, and at most one failure. In the first run a job reads what is there; the next run knows of it.

Always with both orders of completion; and after each run one more, which must be idle or, if the run did not come
through, do no more than what was left. `nightly` takes all graphs of 4 nodes, and goes further with everything, and to
5 nodes: for `PPG_SEARCH_SECONDS` (300) a test, on the part `PPG_SEARCH_SHARD` (0/1) of the graphs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ppg_graph import (
    CleanUp,
    Commit,
    Dag,
    Effect,
    Evaluator,
    Event,
    Forget,
    JobId,
    Record,
    Start,
    Succeeded,
    is_read,
)
from tests.graph.exhaustive import EFFORTS, Counts, search
from tests.graph.reference import lockstep
from tests.graph.reference.graphs import graphs
from tests.graph.reference.lockstep import Wrong

SHARDS = 8
GRAPHS = {1: 5, 2: 45, 3: 765, 4: 25_245}
GRAPHS_UP_TO_ISOMORPHISM = {1: 5, 2: 35, 3: 405, 4: 8_720}
in_shards = pytest.mark.parametrize("shard", range(SHARDS))

Report = Callable[[str, object], None]


def report(record_property: Report, what: str, counts: Counts) -> None:
    record_property("covered", (what, counts.as_row()))
    print(f"\n{what}: {counts}")


@pytest.mark.parametrize("nodes", [1, 2, 3, 4])
def test_there_are_as_many_graphs_as_combinatorics_says(nodes: int) -> None:
    labelled = list(graphs(nodes, up_to_isomorphism=False))
    assert len(labelled) == len(set(labelled)) == GRAPHS[nodes]
    # Without invariants every kind goes with every shape.
    without = [graph for graph in labelled if "INVARIANT" not in graph.kinds]
    assert len(without) == 4**nodes * 2 ** (nodes * (nodes - 1) // 2)
    different = list(graphs(nodes, up_to_isomorphism=True))
    assert len(different) == GRAPHS_UP_TO_ISOMORPHISM[nodes]
    # The number of unlabelled acyclic digraphs: https://oeis.org/A003087
    assert sum(set(graph.kinds) == {"LAZY"} for graph in different) == {1: 1, 2: 2, 3: 6, 4: 31}[nodes]


@in_shards
def test_two_nodes_with_any_change_and_failure_and_then_any_change(
    shard: int, record_property: Report
) -> None:
    counts = search(2, EFFORTS["changes, changes"], shard=shard, shards=SHARDS)
    assert counts.graphs == len(range(shard, GRAPHS[2], SHARDS))
    report(record_property, "2 nodes, changes, changes", counts)


def test_two_nodes_with_the_evaluator_checking_itself_after_every_event(record_property: Report) -> None:
    counts = search(2, replace(EFFORTS["failures, changes"], check=True))
    assert counts.graphs == GRAPHS[2]
    report(record_property, "2 nodes, failures, changes, checked", counts)


def test_two_nodes_killed_and_stopped_at_every_point(record_property: Report) -> None:
    counts = search(2, replace(EFFORTS["cuts of changes"], check=True))
    assert counts.graphs == GRAPHS[2]
    report(record_property, "2 nodes, cuts of changes", counts)


@in_shards
def test_three_nodes_with_any_failures_and_then_any_change(shard: int, record_property: Report) -> None:
    counts = search(3, EFFORTS["failures, changes"], shard=shard, shards=SHARDS, up_to_isomorphism=True)
    assert counts.graphs == len(range(shard, GRAPHS_UP_TO_ISOMORPHISM[3], SHARDS))
    report(record_property, "3 nodes, failures, changes", counts)


@in_shards
def test_three_nodes_killed_and_stopped_at_every_point(shard: int, record_property: Report) -> None:
    counts = search(3, EFFORTS["cuts"], shard=shard, shards=SHARDS)
    assert counts.graphs == len(range(shard, GRAPHS[3], SHARDS))
    report(record_property, "3 nodes, cuts", counts)


@in_shards
def test_three_nodes_declared_backwards_or_with_a_constant_job_or_an_edge_about_one_file(
    shard: int, record_property: Report
) -> None:
    counts = search(3, EFFORTS["edits"], shard=shard, shards=SHARDS, of_variants=True)
    assert counts.graphs > 0
    report(record_property, "3 nodes with variants, edits", counts)


@pytest.mark.parametrize(
    "shard",
    [pytest.param(shard, marks=[pytest.mark.nightly] if shard % 3 else []) for shard in range(3 * SHARDS)],
)
def test_four_nodes_with_any_failures(shard: int, record_property: Report) -> None:
    counts = search(4, EFFORTS["failures"], shard=shard, shards=3 * SHARDS, up_to_isomorphism=True)
    assert counts.graphs == len(range(shard, GRAPHS_UP_TO_ISOMORPHISM[4], 3 * SHARDS))
    report(record_property, "4 nodes, failures", counts)


def test_two_nodes_with_reads(record_property: Report) -> None:
    counts = search(2, replace(EFFORTS["reads"], check=True), of_reads=True)
    assert counts.graphs > 0
    report(record_property, "2 nodes with reads, reads", counts)


@pytest.mark.parametrize(
    "shard",
    [pytest.param(shard, marks=[pytest.mark.nightly] if shard else []) for shard in range(3 * SHARDS)],
)
def test_three_nodes_with_reads(shard: int, record_property: Report) -> None:
    effort = EFFORTS["reads, no failures"]
    counts = search(3, effort, shard=shard, shards=3 * SHARDS, of_reads=True, up_to_isomorphism=True)
    assert counts.graphs > 0
    report(record_property, "3 nodes with reads, reads, no failures", counts)


SECONDS = float(os.environ.get("PPG_SEARCH_SECONDS", "300"))


@pytest.mark.nightly
@pytest.mark.timeout(10 * SECONDS + 600)  # time is looked at between graphs, and others may use the cores
@pytest.mark.parametrize(
    ("nodes", "effort", "of_variants"),
    [
        (2, "all triples", False),
        (2, "all cuts", False),
        (2, "all cuts", True),
        (3, "failures, changes", False),
        (3, "all pairs", False),
        (3, "all pairs", True),
        (3, "all cuts", False),
        (4, "failures, changes", False),
        (4, "cuts", False),
        (5, "failures", False),
    ],
)
def test_more_of_everything(nodes: int, effort: str, of_variants: bool, record_property: Report) -> None:
    shard, shards = map(int, os.environ.get("PPG_SEARCH_SHARD", "0/1").split("/"))
    counts = search(
        nodes,
        EFFORTS[effort],
        shard=shard,
        shards=shards,
        seconds=SECONDS,
        of_variants=of_variants,
        up_to_isomorphism=nodes > 3,
    )
    assert counts.graphs > 0
    report(record_property, f"{nodes} nodes{' with variants' if of_variants else ''}, {effort}", counts)


@pytest.mark.nightly
@pytest.mark.timeout(10 * SECONDS + 600)
@pytest.mark.parametrize(
    ("nodes", "effort"),
    [
        (2, "cuts of reads"),
        (2, "all reads"),
        (3, "reads"),
        (3, "cuts of reads"),
        (3, "all reads"),
        (4, "reads, no failures"),
    ],
)
def test_more_of_everything_with_reads(nodes: int, effort: str, record_property: Report) -> None:
    shard, shards = map(int, os.environ.get("PPG_SEARCH_SHARD", "0/1").split("/"))
    counts = search(
        nodes,
        EFFORTS[effort],
        shard=shard,
        shards=shards,
        seconds=SECONDS,
        of_reads=True,
        up_to_isomorphism=nodes > 2,
    )
    assert counts.graphs > 0
    report(record_property, f"{nodes} nodes with reads, {effort}", counts)


# --- the search itself ----------------------------------------------------------------------------------------


class LosesCleanUps(Evaluator):
    def handle(self, event: Event) -> list[Effect]:
        return [effect for effect in super().handle(event) if not isinstance(effect, CleanUp)]


class LosesForgets(Evaluator):
    def handle(self, event: Event) -> list[Effect]:
        return [effect for effect in super().handle(event) if not isinstance(effect, Forget)]


class RecordsOnlyFirstUpstreams(Evaluator):
    def handle(self, event: Event) -> list[Effect]:
        return [self.shortened(effect) for effect in super().handle(event)]

    def shortened(self, effect: Effect) -> Effect:
        if not isinstance(effect, Commit):
            return effect
        first = dict(sorted(effect.record.upstreams.items())[:1])
        return Commit(effect.node, effect.record._replace(upstreams=first))


class StartsWithoutReason(Evaluator):
    def handle(self, event: Event) -> list[Effect]:
        return [Start(e.node, ()) if isinstance(e, Start) else e for e in super().handle(event)]


class StopsAfterTheFirstStart(Evaluator):
    def handle(self, event: Event) -> list[Effect]:
        effects = super().handle(event)
        starts = [effect for effect in effects if isinstance(effect, Start)]
        return [effect for effect in effects if effect not in starts[1:]]


class ForgetsReads(Evaluator):
    """Keeps the reads of the former record, as if the job had told nothing."""

    def handle(self, event: Event) -> list[Effect]:
        return super().handle(replace(event, reads={}) if isinstance(event, Succeeded) else event)


class NeverForgetsReads(Evaluator):
    """Adds the reads of the former record to those of the new one."""

    def __init__(self, dag: Dag, history: Mapping[JobId, Record], **options: Any) -> None:
        super().__init__(dag, history, **options)
        self.before = (dag, history)

    def handle(self, event: Event) -> list[Effect]:
        dag, history = self.before
        if isinstance(event, Succeeded) and dag.job_id(event.node) in history:
            consumed = history[dag.job_id(event.node)].upstreams.items()
            event = replace(event, reads={**{up: old for up, old in consumed if is_read(up)}, **event.reads})
        return super().handle(event)


@pytest.mark.parametrize("mistaken", [ForgetsReads, NeverForgetsReads])
def test_a_planted_mistake_is_found_with_reads(
    mistaken: type[Evaluator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockstep, "Evaluator", mistaken)
    with pytest.raises(Wrong):
        search(2, EFFORTS["all reads"], of_reads=True)


@pytest.mark.parametrize(
    ("mistaken", "nodes", "effort"),
    [
        (LosesCleanUps, 2, "failures"),
        (LosesForgets, 2, "all pairs"),
        (RecordsOnlyFirstUpstreams, 3, "edits"),
        (StartsWithoutReason, 2, "failures"),
        (StopsAfterTheFirstStart, 3, "failures"),
    ],
)
def test_a_planted_mistake_is_found(
    mistaken: type[Evaluator], nodes: int, effort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockstep, "Evaluator", mistaken)
    with pytest.raises(Wrong):
        search(nodes, EFFORTS[effort])
