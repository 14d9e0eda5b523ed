"""Drawings: five formats, grouping, limits, and text that no format chokes on."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from ppg_graph import Dag, JobId, NodeKind, NodeState, by_directory, by_kind, by_prefix, draw
from tests.graph.driver import graph

NASTY = 'a "quoted" <b> & \\ #1\n\x00é'


def nasty() -> Dag:
    dag = Dag()
    first = dag.add_node(JobId(NASTY), NodeKind.INVARIANT)
    dag.add_edge(first, dag.add_node(JobId("out/x"), NodeKind.OUTPUT))
    return dag


def test_text_lists_each_job_and_below_it_what_it_depends_on() -> None:
    dag = graph("I.p > O.m; O.m[x] > O.c; O.m[y] > O.c")
    states = [NodeState.OBSERVED, NodeState.DONE, NodeState.FAILED]
    assert draw(dag, "text", states=states) == (
        "p (invariant, observed)\nm (output, done)\n    <- p\nc (output, failed)\n    <- m [x, y]\n"
    )


def test_names_in_text_begin_no_lines_and_move_no_cursor() -> None:
    dag = Dag()
    first = dag.add_node(JobId("a\nout/x (output)\x1b[2J ü"), NodeKind.OUTPUT)
    dag.add_edge(first, dag.add_node(JobId("b"), NodeKind.OUTPUT))
    assert draw(dag, "text") == (
        "a\\nout/x (output)\\x1b[2J ü (output)\nb (output)\n    <- a\\nout/x (output)\\x1b[2J ü\n"
    )


def test_dot_has_quoted_labels_shapes_and_colours() -> None:
    text = draw(nasty(), "dot", states=[NodeState.OBSERVED, NodeState.FAILED])
    assert 'n0 [label="a \\"quoted\\" <b> & \\\\ #1\\n\x00é", shape=ellipse' in text
    assert 'n1 [label="out/x", shape=box, fillcolor="#fb6a4a"];' in text
    assert "n0 -> n1;" in text


def test_mermaid_escapes_and_classes_states() -> None:
    text = draw(nasty(), "mermaid", states=[NodeState.OBSERVED, NodeState.FAILED])
    assert text.startswith("flowchart LR\n")
    assert "a #quot;quoted#quot; #lt;b> & \\ #35;1 " in text
    assert "class n1 failed" in text


def test_graphml_is_xml_whatever_the_ids_are() -> None:
    root = ElementTree.fromstring(draw(nasty(), "graphml"))
    space = "{http://graphml.graphdrawing.org/xmlns}"
    assert len(root.findall(f".//{space}node")) == 2
    assert [(edge.get("source"), edge.get("target")) for edge in root.iter(f"{space}edge")] == [("n0", "n1")]


def test_json_has_every_job_and_edge() -> None:
    document = json.loads(draw(nasty(), "json", labels={JobId("out/x"): "the result"}))
    assert [(job["id"], job["label"], job["kind"]) for job in document["jobs"]] == [
        (NASTY, NASTY, "invariant"),
        ("out/x", "the result", "output"),
    ]
    assert document["edges"] == [{"upstream": 0, "downstream": 1, "edges": 1, "parts": None}]
    assert document["left_out"] == {"jobs": 0, "edges": 0}


def test_jobs_are_collapsed_by_kind_directory_prefix_or_as_one_likes() -> None:
    dag = graph("O.out/a > O.out/b > O.plots/c; O.out/a > O.plots/d; T.t > O.plots/d")
    states = [NodeState.DONE, NodeState.FAILED, NodeState.BLOCKED, NodeState.DONE, NodeState.DONE]
    assert draw(dag, "text", group=by_directory, states=states) == (
        "out/ (2 jobs) (output, 1 done, 1 failed)\n"
        "plots/ (2 jobs) (output, 1 done, 1 blocked)\n    <- out/ (2 jobs) [2 edges]\n    <- t\n"
        "t (lazy, done)\n"
    )
    assert "output (4 jobs)" in draw(dag, "dot", group=by_kind)
    assert "plots/… (2 jobs)" in draw(dag, "mermaid", group=by_prefix("/"))
    assert "all (5 jobs) (mixed)" in draw(dag, "text", group=lambda _id, _kind: "all")
    grouped = json.loads(draw(dag, "json", group=by_directory, states=states))
    assert grouped["jobs"][0]["states"] == {"DONE": 1, "FAILED": 1}


def test_what_is_over_the_limit_is_left_out_and_the_drawing_says_so() -> None:
    dag = graph("O.a > O.b > O.c > O.d")
    for style in ("text", "dot", "mermaid", "graphml"):
        assert "2 more boxes and 2 more arrows are left out" in draw(dag, style, limit=2)  # type: ignore[arg-type]
    assert json.loads(draw(dag, "json", limit=2))["left_out"] == {"jobs": 2, "edges": 2}
    large = graph("; ".join(f"O.j{number}" for number in range(301)))
    assert "1 more boxes" in draw(large, "mermaid")
    assert "more boxes" not in draw(large, "text")


def test_an_unknown_format_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match="mermaid"):
        draw(Dag(), "png")  # type: ignore[arg-type]
