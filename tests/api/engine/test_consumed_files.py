"""How often the files that jobs have read are compared, and how long jobs wait for that."""

import os
from collections import Counter
from types import SimpleNamespace

import pytest

import ppg
from ppg.engine.consumed_files import ConsumedFiles
from ppg.engine.in_flight import EndedWell, InFlight
from ppg.engine.node_differences import NodeDifferences
from ppg.status.observer import Observer
from ppg.status.same_names import SameNames
from ppg_invariants.files import file_watch


def test_files_that_many_jobs_read_are_looked_at_once_for_all_jobs_that_have_ended_since(
    folder, run_with, monkeypatch
):
    """200 jobs read 200 files: 40,000 edges, of which each would cost a stat."""
    stats = Counter()

    def counted(path):
        stats[os.path.basename(path)] += 1
        return os.stat(path)

    monkeypatch.setattr(file_watch, "os", SimpleNamespace(stat=counted, stat_result=os.stat_result))
    batches = []
    ended = ConsumedFiles.ended

    def noted(consumed, nodes):
        nodes = list(nodes)
        batches.append(len(nodes))
        return ended(consumed, nodes)

    monkeypatch.setattr(ConsumedFiles, "ended", noted)
    names = [f"input {number}" for number in range(200)]
    for name in names:
        (folder / name).write_text(name)

    def declare():
        for number in range(200):
            job = ppg.FileGeneratingJob(f"out {number}", lambda path: path.write_text("x"))
            for name in names:
                job.depends_on_file(name)

    assert run_with(declare) == {}
    assert sum(batches) == 200
    # Once before the first job begins, and once for each batch.
    assert {stats[name] for name in names} == {1 + len(batches)}


class SlowCheck:
    """Checks that take a while, by a clock that only they move."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.now = 100.0
        self.checked = []

    def reads_few(self, node):
        return node == 0

    def ended(self, nodes):
        self.checked.append(list(nodes))
        self.now += self.seconds
        return {}


def node_differences(graph, slow):
    return NodeDifferences(graph, slow, SameNames(graph, Observer(graph, slow)))


def flight(node):
    job = ppg.ParameterInvariant(f"of {node}", node)
    job._node = node
    return InFlight(job)


def test_after_a_check_that_took_long_jobs_share_the_next_one_unless_nothing_runs(graph):
    slow = SlowCheck(seconds=0.005)
    idle = []
    ended = EndedWell(slow, node_differences(graph, slow), lambda: bool(idle), clock=lambda: slow.now)
    assert ended.seconds_until_due is None
    ended.add(flight(1))
    assert ended.is_due
    assert len(ended.take()) == 1
    ended.add(flight(2))
    ended.add(flight(3))
    assert not ended.is_due
    assert ended.seconds_until_due == pytest.approx(0.1), "so that checks take a twentieth of the time"
    idle.append("no job runs")
    assert ended.is_due
    idle.clear()
    slow.now += 0.1
    assert ended.is_due
    ended.take()
    assert slow.checked == [[1], [2, 3]]


def test_no_job_waits_long_for_a_check_and_none_waits_after_a_short_one(graph):
    slow = SlowCheck(seconds=60)
    ended = EndedWell(slow, node_differences(graph, slow), lambda: False, clock=lambda: slow.now)
    ended.add(flight(1))
    ended.take()
    ended.add(flight(2))
    assert ended.seconds_until_due == pytest.approx(0.1)
    slow.now += 0.1
    slow.seconds = 0.00004
    ended.take()
    ended.add(flight(3))
    assert ended.is_due


def test_a_job_that_reads_few_files_never_waits_for_a_check(graph):
    slow = SlowCheck(seconds=60)
    ended = EndedWell(slow, node_differences(graph, slow), lambda: False, clock=lambda: slow.now)
    ended.add(flight(1))
    ended.take()
    ended.add(flight(0))
    assert ended.is_due
    ended.add(flight(2))
    assert not ended.is_due
