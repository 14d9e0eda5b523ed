"""Around the evaluator: priorities, explanations, purity, scale, and documentation that is generated."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

import ppg_graph
from ppg_graph import (
    LEGAL_MOVES,
    AlwaysRuns,
    Block,
    CycleFoundError,
    Dag,
    Demanded,
    Evaluator,
    Failed,
    FileChanged,
    FileEmpty,
    FileMissing,
    Files,
    FileStatus,
    Fingerprint,
    JobId,
    NodeId,
    NodeKind,
    NodeState,
    NoRecord,
    Observed,
    Record,
    Skip,
    SkipReason,
    Succeeded,
    Targeted,
    UpstreamAdded,
    UpstreamChanged,
    UpstreamRemoved,
    combine,
    describe,
    longest_remaining,
    state_diagram,
)
from tests.graph.driver import Shop, graph

ROOT = Path(__file__).resolve().parents[3]
F = Fingerprint(b"f")


# -- priorities


def test_the_longest_remaining_path_counts_a_job_and_what_comes_after_it() -> None:
    dag = graph("I.p > O.a > O.b; O.a > O.c > O.d")
    durations = {JobId("a"): 1.0, JobId("b"): 10.0, JobId("c"): 2.0, JobId("d"): 4.0}
    assert list(longest_remaining(dag, durations)) == [11.0, 11.0, 10.0, 6.0, 4.0]


def test_unknown_durations_count_as_the_median() -> None:
    dag = graph("O.a > O.b > O.c; O.d; O.e")
    durations = {JobId("c"): 2.0, JobId("d"): 4.0, JobId("e"): 90.0, JobId("of another graph"): 1000.0}
    assert list(longest_remaining(dag, durations)) == [10.0, 6.0, 2.0, 4.0, 90.0]
    assert list(longest_remaining(dag, {})) == [3.0, 2.0, 1.0, 1.0, 1.0]


def test_priorities_are_worked_out_on_demand_and_depend_on_downstream_jobs_only() -> None:
    asked: list[JobId] = []

    class Durations(dict[JobId, float]):
        def get(self, job_id: JobId, default: float | None = None) -> float | None:  # type: ignore[override]
            asked.append(job_id)
            return super().get(job_id, default)

    dag = graph("O.a > O.b > O.c; O.a > O.d")
    known = Durations({JobId(name): 1.0 for name in "abcd"})
    assert longest_remaining(dag, known)[dag.node(JobId("b"))] == 2.0
    assert sorted(asked) == ["b", "c"]


def test_priorities_need_no_recursion_and_report_a_cycle() -> None:
    dag = Dag()
    nodes = [dag.add_node(JobId(str(number)), NodeKind.OUTPUT) for number in range(20_000)]
    for upstream, downstream in itertools.pairwise(nodes):
        dag.add_edge(upstream, downstream)
    assert longest_remaining(dag, {})[0] == 20_000.0
    dag.add_edge(nodes[-1], nodes[10_000])
    with pytest.raises(CycleFoundError):
        longest_remaining(dag, {})[0]


# -- explanations


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (NoRecord(), "new: never built"),
        (FileMissing(("a",)), "a is missing"),
        (FileMissing(()), "a file is missing"),
        (FileEmpty(("a", "b")), "a, b are empty"),
        (FileChanged(tuple("abcde")), "a, b, c and 2 more are not as it was left"),
        (UpstreamChanged(JobId("u"), F, F), "u changed"),
        (UpstreamAdded(JobId("u")), "it depends on u now"),
        (UpstreamRemoved(JobId("u")), "it depends no longer on u"),
        (Demanded(JobId("d")), "needed by d"),
        (Targeted(), "asked for"),
        (AlwaysRuns(), "generators run every time"),
    ],
)
def test_every_reason_can_be_said(reason: ppg_graph.Reason, text: str) -> None:
    assert describe(reason) == text


def test_an_explanation_says_what_a_job_waits_for() -> None:
    dag = graph("T.t > O.a; O.slow > O.a")
    evaluator = Evaluator(dag, {}, check=True)
    evaluator.start()
    explanation = evaluator.explain(dag.node(JobId("a")))
    assert explanation.waiting_for == ("t", "slow")
    assert str(explanation) == "a: has to run. Reasons: new: never built. It waits for t, slow."


def test_every_state_can_be_explained() -> None:
    shop = Shop(graph("I.p > O.a > O.b; T.u; T.t > O.c; O.x; G.g"))
    outcome = shop.run(failing=["a"], pruned=["x"])
    texts = {name: str(outcome.evaluator.explain(outcome.node(name))) for name in "pabutcxg"}
    assert "observed" in texts["p"]
    assert "failed" in texts["a"]
    assert "because a failed" in texts["b"]
    assert "nothing in this run needed it" in texts["u"]
    assert "removed" in texts["t"]
    assert "ran." in texts["c"]
    assert "no part" in texts["x"]
    assert "every time" in texts["g"]
    assert "up to date" in str(shop.run().evaluator.explain(outcome.node("c")))


# -- fingerprints


def test_combined_fingerprints_do_not_run_into_each_other() -> None:
    a, b = Fingerprint(b"a"), Fingerprint(b"b")
    assert combine([("x", a), ("y", b)]) == combine([("y", b), ("x", a)])
    different = [
        [],
        [("x", a)],
        [("x", b)],
        [("xa", Fingerprint(b""))],
        [("x", a), ("y", b)],
        [("x", b), ("y", a)],
    ]
    assert len({combine(named) for named in different}) == len(different)


# -- purity and scale


def test_the_core_opens_no_file_and_starts_no_process() -> None:
    program = """
import sys
import ppg_graph
from tests.graph.driver import Shop, graph
def hook(event, arguments):
    if event.split(".")[0] in {"open", "os", "subprocess", "socket", "shutil", "tempfile", "ctypes"}:
        raise SystemExit(f"{event} {arguments}")
shop = Shop(graph("I.p > O.a > T.t > O.b; L.l > O.b; G.g"))
list(map(shop.dag.upstreams, range(3)))
for name in ppg_graph.__all__:
    getattr(ppg_graph, name)  # some are imported only now
sys.addaudithook(hook)
shop.run(failing=["a"])
shop.run()
for format in ("text", "dot", "mermaid", "graphml", "json"):
    ppg_graph.draw(shop.dag, format)
nodes = ppg_graph.to_observe(shop.dag, shop.history)
ppg_graph.dry_run(shop.dag, shop.history, {node: shop.look(node, ()) for node in nodes})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def layers(size: int) -> tuple[Dag, dict[JobId, Record]]:
    """About three edges a job, to jobs not far above."""
    dag = Dag()
    history: dict[JobId, Record] = {}
    for number in range(size):
        job_id = JobId(f"results/{number}")
        node = dag.add_node(job_id, NodeKind.OUTPUT)
        upstreams = {number - step for step in (1, 7, 300) if number >= step}
        for upstream in sorted(upstreams):
            dag.add_edge(NodeId(upstream), node)
        history[job_id] = Record(
            NodeKind.OUTPUT, F, {JobId(f"results/{upstream}"): F for upstream in upstreams}
        )
    return dag, history


def decide_nothing_to_do(dag: Dag, history: dict[JobId, Record]) -> float:
    intact = Files(FileStatus.INTACT)
    observations = {NodeId(node): intact for node in range(len(dag))}
    began = time.process_time()
    evaluator = Evaluator(dag, history)
    evaluator.start()
    effects = evaluator.handle(Observed(observations))
    seconds = time.process_time() - began
    assert evaluator.finished
    assert effects == [Skip(tuple(range(len(dag))), SkipReason.CLEAN)]
    return seconds


def test_nothing_to_do_takes_time_and_memory_in_proportion_to_the_graph() -> None:
    small = min(decide_nothing_to_do(*layers(4_000)) for _ in range(3))
    large = min(decide_nothing_to_do(*layers(40_000)) for _ in range(2))
    dag, history = layers(4_000)
    tracemalloc.start()
    again = Dag()
    for node in range(len(dag)):
        again.add_node(dag.job_id(NodeId(node)), NodeKind.OUTPUT)
    for upstream, downstream in dag.edges():
        again.add_edge(upstream, downstream)
    evaluator = Evaluator(again, history)
    evaluator.start()
    memory = tracemalloc.get_traced_memory()[0] / len(dag)
    tracemalloc.stop()
    print(
        f"\n4,000 jobs: {small:.3f} s; 40,000: {large:.3f} s; {memory:.0f} bytes a job in graph and evaluator"
    )
    assert large < 30 * small, "ten times the jobs may take ten times as long, not its square"
    assert memory < 600


@pytest.mark.parametrize("kind", [NodeKind.LAZY, NodeKind.LOAD, NodeKind.OUTPUT])
def test_a_long_chain_hits_no_limit_whether_it_runs_or_fails(kind: NodeKind) -> None:
    size = 8_000
    dag = Dag()
    for number in range(size):
        node = dag.add_node(JobId(str(number)), kind if number < size - 1 else NodeKind.OUTPUT)
        if number:
            dag.add_edge(NodeId(number - 1), node)
    evaluator = Evaluator(dag, {})
    evaluator.start()
    effects = evaluator.handle(Failed(NodeId(0)))
    blocked = [effect for effect in effects if isinstance(effect, Block)]
    assert evaluator.finished
    assert sum(len(effect.nodes) for effect in blocked) == size - 1
    evaluator = Evaluator(dag, {})
    evaluator.start()
    for number in range(size):
        evaluator.handle(Succeeded(NodeId(number), F))
    assert evaluator.finished


# -- documentation


def test_the_diagram_in_the_documentation_is_that_of_the_table() -> None:
    text = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{state_diagram()}```" in text, "run docs/decisions_diagram.py"


def test_the_table_of_moves_covers_every_state() -> None:
    assert set(LEGAL_MOVES) == set(NodeState)
    reachable = {NodeState.EXCLUDED}.union(*LEGAL_MOVES.values())
    assert reachable == set(NodeState)
