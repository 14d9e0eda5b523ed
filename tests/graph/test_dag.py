"""The graph: declarations, neighbours, parts, walks."""

from __future__ import annotations

from random import Random

import pytest

from ppg_graph import CycleFoundError, Dag, JobId, NodeId, NodeKind
from tests.graph.driver import dag_of


def chain(size: int) -> Dag:
    dag = dag_of(size)
    for number in range(1, size):
        dag.add_edge(NodeId(number - 1), NodeId(number))
    return dag


def test_many_edges_into_an_indexed_graph_are_indexed_again() -> None:
    dag = dag_of(500)
    assert list(dag.upstreams(NodeId(0))) == []
    for number in range(1, 500):
        dag.add_edge(NodeId(0), NodeId(number), part="x" if number % 2 else None)
        dag.add_edge(NodeId(0), NodeId(number), part="x")
        assert dag.has_edge(NodeId(0), NodeId(number))
    assert list(dag.downstreams(NodeId(0))) == list(range(1, 500))
    assert dag.parts(NodeId(0), NodeId(3)) == {"x"}
    assert dag.parts(NodeId(0), NodeId(4)) is None
    new = dag.add_node(JobId("new"), NodeKind.OUTPUT)
    assert list(dag.upstreams(new)) == list(dag.downstreams(new)) == []
    dag.add_edge(NodeId(0), new)
    assert list(dag.upstreams(new)) == [0]
    assert dag.wanted_parts(NodeId(0)) == {"x"}


def test_an_id_is_taken_once() -> None:
    dag = dag_of(1)
    with pytest.raises(ValueError, match="'j0' is already"):
        dag.add_node(JobId("j0"), NodeKind.LOAD)
    assert "j0" in dag
    assert "j1" not in dag
    assert dag.kind(dag.node(JobId("j0"))) is NodeKind.OUTPUT


@pytest.mark.parametrize(("upstream", "downstream"), [(-1, 0), (0, -1), (5, 0), (0, 5)])
def test_edges_between_nodes_that_do_not_exist_are_refused(upstream: int, downstream: int) -> None:
    with pytest.raises(IndexError):
        dag_of(5).add_edge(NodeId(upstream), NodeId(downstream))


def test_an_invariant_depends_on_nothing() -> None:
    dag = dag_of(1)
    with pytest.raises(ValueError, match="depend on nothing"):
        dag.add_edge(NodeId(0), dag.add_node(JobId("p"), NodeKind.INVARIANT))


@pytest.mark.parametrize("kind", [NodeKind.INVARIANT, NodeKind.LOAD, NodeKind.GENERATOR])
def test_only_jobs_that_make_files_have_parts(kind: NodeKind) -> None:
    dag = dag_of(1)
    with pytest.raises(ValueError, match="'m' makes no files"):
        dag.add_edge(dag.add_node(JobId("m"), kind), NodeId(0), part="x")


def test_the_order_of_a_graph_has_upstreams_first_and_does_not_change() -> None:
    random = Random(1)
    dag = dag_of(200)
    names = list(range(200))
    random.shuffle(names)
    for _ in range(600):
        upstream, downstream = sorted(random.sample(range(200), 2))
        dag.add_edge(NodeId(names[upstream]), NodeId(names[downstream]))
    order = dag.topological_order()
    position = {node: index for index, node in enumerate(order)}
    assert sorted(order) == list(range(200))
    assert all(position[upstream] < position[downstream] for upstream, downstream in dag.edges())
    assert order == dag.topological_order()
    assert dag.find_cycle() is None


def test_a_cycle_is_reported_as_a_path() -> None:
    dag = chain(6)
    dag.add_edge(NodeId(4), NodeId(2))
    assert dag.find_cycle() == (2, 3, 4)
    with pytest.raises(CycleFoundError) as caught:
        dag.topological_order()
    assert caught.value.nodes == (2, 3, 4)


def test_a_job_that_depends_on_itself_is_a_cycle() -> None:
    dag = dag_of(1)
    dag.add_edge(NodeId(0), NodeId(0))
    assert dag.find_cycle() == (0,)


def test_a_cycle_of_a_hundred_thousand_jobs_is_found() -> None:
    dag = chain(100_000)
    dag.add_edge(NodeId(99_999), NodeId(0))
    cycle = dag.find_cycle()
    assert cycle is not None
    assert cycle == tuple(range(100_000))


def test_ancestors_descendants_and_subgraphs() -> None:
    dag = chain(5)
    dag.add_edge(NodeId(0), NodeId(4), part="x")
    assert dag.ancestors([NodeId(2)]) == {0, 1}
    assert dag.descendants([NodeId(2), NodeId(3)]) == {3, 4}
    part = dag.subgraph([NodeId(4), NodeId(0), NodeId(1)])
    assert [part.job_id(NodeId(node)) for node in range(3)] == ["j0", "j1", "j4"]
    assert list(part.edges()) == [(0, 1), (0, 2)]
    assert part.parts(NodeId(0), NodeId(2)) == {"x"}
