"""A pipegraph that every test of this folder declares in."""

import pytest


@pytest.fixture(autouse=True)
def current_graph(graph):
    return graph
