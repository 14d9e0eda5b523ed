"""Graphs that grow in any order answer as naive ones do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ppg_graph import NodeId
from ppg_graph.model.walks import cycle_through
from tests.graph.driver import dag_of

edges_of_a_graph = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20), st.sampled_from([None, None, "x", "y"]), st.booleans()),
    max_size=300,
)


@given(edges_of_a_graph)
def test_neighbours_and_parts_are_those_of_a_naive_graph_however_reads_and_additions_alternate(
    edges: list,
) -> None:
    dag = dag_of(21)
    above: dict[int, list[int]] = {node: [] for node in range(21)}
    parts: dict[tuple[int, int], set[str | None]] = {}
    for upstream, downstream, part, look in edges:
        dag.add_edge(NodeId(upstream), NodeId(downstream), part=part)
        if upstream not in above[downstream]:
            above[downstream].append(upstream)
        parts.setdefault((upstream, downstream), set()).add(part)
        if look:
            assert list(dag.upstreams(NodeId(downstream))) == above[downstream]
    for node in range(21):
        assert list(dag.upstreams(NodeId(node))) == above[node]
        assert sorted(dag.downstreams(NodeId(node))) == [other for other in range(21) if node in above[other]]
    for edge, names in parts.items():
        assert dag.has_edge(*map(NodeId, edge))
        assert dag.parts(*map(NodeId, edge)) == (None if None in names else names)
    assert dag.edge_count() == len(parts) == len(list(dag.edges()))


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25),
    st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=6),
)
def test_new_edges_make_a_cycle_exactly_if_the_whole_graph_has_one(old: list, new: list) -> None:
    dag = dag_of(10)
    for upstream, downstream in old:
        if upstream < downstream:
            dag.add_edge(NodeId(upstream), NodeId(downstream))
    cycle = cycle_through([(NodeId(a), NodeId(b)) for a, b in new], dag)
    whole = dag_of(15)
    for upstream, downstream in [*dag.edges(), *new]:
        whole.add_edge(NodeId(upstream), NodeId(downstream))
    assert (cycle is None) == (whole.find_cycle() is None)
    if cycle:
        assert all(whole.has_edge(a, b) for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
