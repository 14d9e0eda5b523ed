"""Files that move between jobs: a job is clean exactly if it consumes the same files with the same content.

All pairs of layouts of a few files, with every change of their content. The real evaluator and the reference decide
each run in lockstep.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from ppg_graph import (
    Commit,
    Dag,
    Effect,
    Evaluator,
    FileMissing,
    Files,
    FileStatus,
    Fingerprint,
    JobId,
    NodeId,
    NodeKind,
    NodeState,
    Observe,
    Observed,
    Reason,
    Record,
    Start,
    Succeeded,
    UpstreamAdded,
    UpstreamRemoved,
    combine,
    dry_run,
    to_observe,
)
from tests.graph.driver import Shop as Workshop
from tests.graph.driver import graph, made_by
from tests.graph.reference.evaluator import Reference
from tests.graph.reference.facts import INTACT, Past

Layout = tuple[tuple[str, str], ...]
"""Makers of files: id and kind. The id joins the names of the files by ':'."""
Values = Mapping[str, str]

LAYOUTS: tuple[Layout, ...] = (
    (("a", "OUTPUT"), ("b", "OUTPUT")),
    (("a", "INVARIANT"), ("b", "OUTPUT")),
    (("a", "INVARIANT"), ("b", "INVARIANT")),
    (("a:b", "OUTPUT"),),
    (("a:b:c", "OUTPUT"),),
    (("a:c", "OUTPUT"), ("b", "OUTPUT")),
    (("a", "LAZY"), ("b:c", "OUTPUT")),
    (("a:b", "LAZY"),),
)
CHANGES = [frozenset(names) for size in range(4) for names in itertools.combinations("abc", size)]
FIRST = {"a": "a1", "b": "b1", "c": "c1"}


def changed(names: frozenset[str]) -> Values:
    return {name: f"{name}2" if name in names else value for name, value in FIRST.items()}


def edges_of(layout: Layout, consumes: str) -> Iterator[tuple[str, str | None]]:
    """Edges into the consumer: to the maker of a, to those of a and b, or to all of each job that makes one."""
    for maker, kind in layout:
        files = maker.split(":")
        for name in "a" if consumes == "a" else "ab":
            if name in files:
                yield maker, None if consumes == "all" or kind == "INVARIANT" or len(files) == 1 else name


def consumed(layout: Layout, consumes: str, values: Values) -> Values:
    names: set[str] = set()
    for maker, part in edges_of(layout, consumes):
        names.update(maker.split(":") if part is None else (part,))
    return {name: values[name] for name in names}


@dataclass
class Shop:
    """Records of both sides, and what the jobs would make."""

    via: str
    history: dict[JobId, Record] = field(default_factory=dict)
    pasts: dict[str, Past] = field(default_factory=dict)
    reasons: dict[str, tuple[Reason, ...]] = field(default_factory=dict)

    def declare(
        self, layout: Layout, consumes: str
    ) -> tuple[dict[str, str], list[tuple[str, str, str | None]]]:
        kinds = dict(layout)
        edges: list[tuple[str, str, str | None]] = []
        for maker, kind in layout:
            if kind != "INVARIANT":
                kinds[f"of {maker}"] = "INVARIANT"
                edges.append((f"of {maker}", maker, None))
        consumer = "consumer" if self.via == "OUTPUT" else "between"
        kinds[consumer] = self.via
        edges += [(maker, consumer, part) for maker, part in edges_of(layout, consumes)]
        if consumer == "between":
            kinds["consumer"] = "OUTPUT"
            edges.append(("between", "consumer", None))
        return kinds, edges

    def run(self, layout: Layout, consumes: str, values: Values) -> list[str]:
        """Run to the end; return the jobs that started."""
        kinds, edges = self.declare(layout, consumes)
        content = {maker: "".join(values[name] for name in maker.split(":")) for maker, _ in layout}
        content |= {f"of {maker}": f"of {text}" for maker, text in content.items()}
        eaten = repr(sorted(consumed(layout, consumes, values).items()))
        content |= {"between": eaten, "consumer": "made of " + eaten}
        dag = Dag()
        for job, kind in kinds.items():
            dag.add_node(JobId(job), NodeKind[kind])
        merged: dict[tuple[str, str], frozenset[str] | None] = {}
        for up, down, part in edges:
            dag.add_edge(dag.node(JobId(up)), dag.node(JobId(down)), part=part)
            before = merged.get((up, down), frozenset())
            merged[up, down] = None if part is None or before is None else before | {part}

        def look(job: str) -> object:
            if kinds[job] == "INVARIANT":
                return content[job].encode()
            return INTACT if kinds[job] == "OUTPUT" else "not there"

        def observed(effect: Observe) -> Observed:
            return Observed(
                {
                    node: Fingerprint(seen)
                    if isinstance(seen := look(dag.job_id(node)), bytes)
                    else Files(FileStatus.INTACT if seen == INTACT else FileStatus.MISSING)
                    for node in effect.nodes
                }
            )

        real = Evaluator(dag, dict(self.history), check=True)
        reference = Reference(kinds, merged, dict(self.pasts), look)  # type: ignore[arg-type]
        step = reference.start()
        step.add(reference.observe())
        started: list[str] = []
        running: list[str] = []
        effects: list[Effect] = real.start()
        while True:
            while asked := [effect for effect in effects if isinstance(effect, Observe)]:
                rest = [effect for effect in effects if not isinstance(effect, Observe)]
                effects = [*rest, *itertools.chain(*(real.handle(observed(effect)) for effect in asked))]
                step.add(reference.observe())
            starts = {
                str(dag.job_id(effect.node)): effect.reasons
                for effect in effects
                if isinstance(effect, Start)
            }
            assert starts.keys() == set(step.starts)
            self.reasons = {**self.reasons, **starts}
            for effect in effects:
                if isinstance(effect, Commit):
                    self.history[dag.job_id(effect.node)] = effect.record
            self.pasts.update(step.commits)
            started += starts
            running += starts
            if not running:
                assert real.finished
                return started
            job = running.pop(0)
            parts: dict[str, Fingerprint] = {}
            files = job.split(":") if job in dict(layout) else [job]
            fingerprint = Fingerprint(content[job].encode())
            if len(files) > 1:
                parts = {name: Fingerprint(values[name].encode()) for name in files}
                fingerprint = combine(parts.items())
            effects = real.handle(Succeeded(dag.node(JobId(job)), fingerprint, parts))
            whole = ("parts", frozenset(parts.items())) if parts else fingerprint
            step = reference.succeeded(job, whole, parts)


@pytest.mark.parametrize("via", ["OUTPUT", "LOAD", "LAZY"])
@pytest.mark.parametrize("consumes", ["a", "a and b", "all"])
def test_a_job_is_clean_exactly_if_it_consumes_the_same_files_with_the_same_content(
    via: str, consumes: str
) -> None:
    for first, second in itertools.product(LAYOUTS, LAYOUTS):
        for names in CHANGES:
            shop = Shop(via)
            assert "consumer" in shop.run(first, consumes, FIRST)
            eaten = consumed(first, consumes, FIRST)
            for layout, values in ((second, changed(names)), (second, changed(names)), (first, FIRST)):
                ran = "consumer" in shop.run(layout, consumes, values)
                now = consumed(layout, consumes, values)
                assert ran == (now != eaten), (first, second, names, layout)
                eaten = now


@pytest.mark.parametrize("consumes", ["a", "a and b"])
def test_a_dry_run_expects_a_moved_file_to_be_the_same(consumes: str) -> None:
    """The consumer may run, and only for a change of the new maker."""
    for first, second in itertools.product(LAYOUTS, LAYOUTS):
        shop = Shop("OUTPUT")
        shop.run(first, consumes, FIRST)
        kinds, edges = shop.declare(second, consumes)
        dag = Dag()
        for job, kind in kinds.items():
            dag.add_node(JobId(job), NodeKind[kind])
        for up, down, part in edges:
            dag.add_edge(dag.node(JobId(up)), dag.node(JobId(down)), part=part)
        texts = {maker: "".join(FIRST[name] for name in maker.split(":")) for maker, _ in second}
        texts |= {f"of {maker}": f"of {text}" for maker, text in texts.items()}
        seen = {
            node: Fingerprint(texts[dag.job_id(node)].encode())
            if dag.kind(node) is NodeKind.INVARIANT
            else Files(FileStatus.INTACT if dag.kind(node) is NodeKind.OUTPUT else FileStatus.MISSING)
            for node in to_observe(dag, shop.history)
        }
        dry = dry_run(dag, shop.history, seen)
        consumer = dag.node(JobId("consumer"))
        assert consumer not in dry.will_run, (first, second)
        if consumer in dry.may_run:
            makers = {maker for maker, kind in second if kind != "INVARIANT"}
            assert dry.may_run[consumer].depending_on
            assert set(dry.may_run[consumer].depending_on) <= makers


def test_the_reasons_name_only_the_edges_that_are_no_moved_files() -> None:
    shop = Shop("OUTPUT")
    shop.run((("a:b", "OUTPUT"), ("d", "OUTPUT")), "a", {**FIRST, "d": "d1"})
    shop.history[JobId("consumer")] = Record(
        NodeKind.OUTPUT,
        Fingerprint(b"made"),
        {**shop.history[JobId("consumer")].upstreams, JobId("gone"): Fingerprint(b"gone")},
    )
    shop.pasts["consumer"] = Past("OUTPUT", b"made", {**shop.pasts["consumer"].consumed, "gone": b"gone"}, {})
    assert "consumer" in shop.run((("a:b:c", "OUTPUT"),), "a", FIRST)
    assert shop.reasons["consumer"] == (UpstreamRemoved(JobId("gone")),)
    shop.run((("a:b", "OUTPUT"),), "a", changed(frozenset("a")))
    shop.run((("a:b:c", "OUTPUT"),), "a", FIRST)
    assert shop.reasons["consumer"] == (
        UpstreamAdded(JobId("a:b:c")),
        UpstreamRemoved(JobId("a:b")),
    )


@pytest.mark.parametrize(("before", "after"), [("a", "a:b"), ("x:a", "a:x2"), ("a:b", "b:c"), ("FI:a", "a")])
def test_a_likely_id_without_the_same_content_is_a_change(before: str, after: str) -> None:
    dag = Dag()
    up = dag.add_node(JobId(after), NodeKind.OUTPUT)
    down = dag.add_node(JobId("down"), NodeKind.OUTPUT)
    dag.add_edge(up, down)
    content = Fingerprint(b"content")
    history = {
        JobId(after): Record(NodeKind.OUTPUT, content, {}),
        JobId("down"): Record(NodeKind.OUTPUT, Fingerprint(b"made"), {JobId(before): content}),
    }
    evaluator = Evaluator(dag, history, check=True)
    evaluator.start()
    effects = evaluator.handle(Observed({up: Files(FileStatus.INTACT), down: Files(FileStatus.INTACT)}))
    assert [effect.node for effect in effects if isinstance(effect, Start)] == [down]


def test_a_file_with_a_colon_in_its_name_moves_like_others() -> None:
    content = Fingerprint(b"content")
    shop = Workshop(graph("O.x:y:new[x:y] > O.down"))
    shop.history[JobId("x:y:new")] = Record(NodeKind.OUTPUT, content, {}, {"x:y": content})
    shop.history[JobId("down")] = Record(
        NodeKind.OUTPUT, Fingerprint(b"made"), {JobId("x:y:old"): combine([("x:y", content)])}
    )
    assert shop.run().ran == []


def test_a_moved_file_leaves_time_for_the_edges_that_a_generator_adds() -> None:
    shop = Workshop(graph("O.a > O.down; G.g > O.down"), {"a": "content"})
    shop.run(makes=made_by(shop, "g", jobs="O.x", edges="x>down"))
    shop.dag = graph("O.a:b[a] > O.down; G.g > O.down")
    shop.values = {"a:b[a]": "content"}
    assert shop.run(makes=made_by(shop, "g", jobs="O.x", edges="x>down")).ran == ["a:b", "g"]


@pytest.mark.parametrize(("own", "ran"), [("FI:a", []), ("command:a", []), ("FI:b", ["a"]), ("a:a", ["a"])])
def test_a_job_that_ignores_changes_of_its_code_needs_no_fingerprint_of_that_code(
    own: str, ran: list[str]
) -> None:
    shop = Workshop(graph("O.a"))
    shop.history[JobId("a")] = Record(NodeKind.OUTPUT, Fingerprint(b"a"), {JobId(own): Fingerprint(b"code")})
    assert shop.run().ran == ran


def observe_all(
    text: str, history: Mapping[str, Record], *, missing: tuple[str, ...] = ()
) -> tuple[Evaluator, Dag, set[str]]:
    """Observe that these files are missing, and all others are intact. Returns also the jobs that start."""
    dag = graph(text)
    evaluator = Evaluator(dag, {JobId(job): record for job, record in history.items()}, check=True)
    seen: dict[NodeId, Fingerprint | Files] = {}
    effects = evaluator.start()
    for node in (node for effect in effects if isinstance(effect, Observe) for node in effect.nodes):
        name = dag.job_id(node)
        if dag.kind(node) is NodeKind.INVARIANT:
            seen[node] = Fingerprint(b"observed")
        else:
            seen[node] = Files(FileStatus.MISSING, (name,)) if name in missing else Files(FileStatus.INTACT)
    effects += evaluator.handle(Observed(seen))
    return evaluator, dag, started_by(dag, effects)


def started_by(dag: Dag, effects: list[Effect]) -> set[str]:
    return {dag.job_id(effect.node) for effect in effects if isinstance(effect, Start)}


def output(upstreams: Mapping[str, Fingerprint]) -> Record:
    return Record(
        NodeKind.OUTPUT,
        Fingerprint(b"made"),
        {JobId(job): fingerprint for job, fingerprint in upstreams.items()},
    )


def test_the_reasons_of_a_due_job_do_not_name_a_file_that_may_have_moved() -> None:
    content = Fingerprint(b"content")
    evaluator, dag, starts = observe_all(
        "O.a:b[a] > O.down; O.z > O.down",
        {"down": output({"a": content}), "z": output({})},
        missing=("down",),
    )
    assert starts == {"a:b"}
    down = dag.node(JobId("down"))
    assert evaluator.reasons(down) == (FileMissing(("down",)), UpstreamAdded(JobId("z")))
    evaluator.handle(Succeeded(dag.node(JobId("a:b")), Fingerprint(b"both"), {"a": content}))
    assert evaluator.reasons(down) == (FileMissing(("down",)), UpstreamAdded(JobId("z")))


def test_a_known_file_may_have_moved_as_long_as_another_file_of_the_same_job_is_unknown() -> None:
    made, other = Fingerprint(b"made"), Fingerprint(b"other")
    evaluator, dag, starts = observe_all(
        "O.a > O.down; O.b > O.down",
        {"a": output({}), "down": output({"a:b": combine([("a", made), ("b", other)])})},
        missing=("down",),
    )
    assert starts == {"b"}
    down = dag.node(JobId("down"))
    assert evaluator.reasons(down) == (FileMissing(("down",)),)
    evaluator.handle(Succeeded(dag.node(JobId("b")), other))
    assert evaluator.reasons(down) == (FileMissing(("down",)),)


def test_data_that_can_be_no_moved_file_is_loaded_at_once() -> None:
    """The name of a LOAD may have ':' in it, but names no files."""
    content = Fingerprint(b"content")
    _, _, starts = observe_all(
        "I.i > L.x:a > O.down; O.slow > O.down", {"down": output({"a": content, "slow": content})}
    )
    assert starts == {"slow", "x:a"}


def test_a_changed_upstream_makes_the_job_due_while_moved_files_are_unknown() -> None:
    made = Fingerprint(b"made")
    evaluator, dag, starts = observe_all(
        "O.a > O.down; O.b > O.down; O.c > O.down; T.t > O.down",
        {
            "a": output({}),
            "t": output({}),
            "down": output({"a:b": combine([("a", made), ("b", made)]), "c": made, "t": made}),
        },
        missing=("t",),
    )
    assert starts == {"b", "c"}
    effects = evaluator.handle(Succeeded(dag.node(JobId("c")), Fingerprint(b"changed")))
    assert started_by(dag, effects) == {"t"}, "the due job demands its inputs before b is known"


def test_an_edge_that_can_be_no_moved_file_makes_the_job_due_as_soon_as_its_upstream_is_known() -> None:
    evaluator, dag, starts = observe_all(
        "O.new > O.down; O.slow > O.down", {"new": output({}), "down": output({"slow": Fingerprint(b"made")})}
    )
    assert starts == {"slow"}
    assert evaluator.state(dag.node(JobId("down"))) is NodeState.DUE
    assert evaluator.reasons(dag.node(JobId("down"))) == (UpstreamAdded(JobId("new")),)
