"""A pipegraph that every test of this folder declares in."""

import pytest

import ppg


@pytest.fixture(autouse=True)
def graph(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return ppg.new_pipegraph(quiet=True)
