"""Watchers of a run, without its loop: what they get, and what waits for them."""

import json
import os
import resource
import select
import socket

import pytest

import ppg
from ppg.report.events import JobQueued, JobStarted, RunFinished, RunStarted, Warned
from ppg.watch.client import Watching
from ppg.watch.found import live_runs, pointed
from ppg.watch.server import MOST_WAITING, RunWatch


@pytest.fixture
def graph(tmp_path, monkeypatch):
    """A graph in a folder with a path that is too long for the address of a socket."""
    folder = tmp_path / ("long" * 30)
    (folder / "tmp").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    with ppg.Pipegraph(quiet=True) as graph:
        for name in "abc":
            ppg.file(name)(lambda out: out.write_text("x"))
    return graph


@pytest.fixture
def published():
    return []


@pytest.fixture
def watch(graph, published):
    """What the run loop has, while a run of three jobs goes on."""
    with RunWatch(graph, published.append) as watch:
        watch(RunStarted(graph, 1.0, 3))
        yield watch


@pytest.fixture
def watching(watch, graph):
    """A watcher."""
    run = pointed(graph.status_path).run
    assert run is not None
    watching = Watching(run)
    yield watching
    watching.close()


def texts(events):
    return [fields["text"] for fields in events if fields["event"] == "told"]


def states(events):
    return [fields for fields in events if fields["event"] == "state"]


def received(watching):
    """All that has arrived."""
    found = []
    while select.select([watching], [], [], 0)[0]:
        found += watching.events()
        if watching.is_over:
            break
    return found


def test_a_run_is_found_by_its_folder_and_by_its_pointer(watch, graph):
    (run,) = live_runs()
    assert run == pointed(graph.status_path).run
    assert (run.pid, run.root, run.store) == (os.getpid(), graph.root, str(graph.status_path))
    assert len(run.socket) > 108
    watch.__exit__(None, None, None)
    assert live_runs() == []
    assert pointed(graph.status_path).run is None
    assert pointed(graph.status_path).why_not == ""


def test_a_long_step_of_the_loop_serves_watchers_and_their_commands_wait(watch, watching):
    watch(JobQueued("a", ("new",)))
    watch(JobStarted("a", 1, 1.0))
    watch(Warned("the disk is slow"))
    watching.ask("kill a")
    watch.serve_sometimes()
    events = received(watching)
    assert events[0]["event"] == "hello"
    assert texts(events) == ["warning: the disk is slow"]
    (state,) = states(events)
    assert state["counts"] == ["0 of 3 jobs", "0 ran", "0 up to date", "1 running"]
    assert [job[0] for job in state["running"]] == ["a"]
    assert watch.seconds_until_due == 0
    assert [asked.line for asked in watch.asked()] == ["kill a"]


def test_of_what_a_watcher_does_not_take_little_waits_and_then_it_gets_the_newest_state(watch, watching):
    watch.serve()
    for number in range(3000):
        watch(Warned(f"{number} " + "x" * 1000))
        watch(JobQueued(f"job{number}", ("new",)))
        watch(JobStarted(f"job{number}", 1, 1.0))
        watch.serve()
    (waiting,) = watch._watchers
    assert waiting.is_full
    assert waiting._size <= MOST_WAITING
    watch._next_state = 0.0
    watch.serve()
    events = []
    while waiting.is_full or not events:
        events += received(watching)
        watch.serve()
    events += received(watching)
    assert sum(fields["lines"] for fields in events if fields["event"] == "missed") > 1000
    assert texts(events)[-1].startswith("warning: 2999 ")
    assert states(events)[-1]["counts"][-1] == "3,000 running"


def test_a_watcher_that_goes_away_is_forgotten(watch, watching):
    watch.serve()
    watching.close()
    watch(Warned("x"))
    watch.serve()
    assert watch._watchers == []
    assert watch.seconds_until_due is None


def test_a_watcher_reads_the_account_after_the_run_has_closed(watch, watching, graph):
    watch.serve()
    result = graph.run()
    watch(RunFinished(result))
    watch.__exit__(None, None, None)
    *_, end = received(watching)
    assert end["event"] == "end"
    assert end["code"] == 0
    assert end["told"][-1][0].startswith("3 ran, 0 up to date")
    assert watching.is_over


def test_lines_that_no_watcher_of_ppg_sends_do_no_harm(watch, watching):
    watch.serve()
    watching._connection.sendall(b"\xff\xfe\n" + b"x" * 20_000 + b"\nhelp\n")
    lines = []
    while "help" not in lines:
        watch.serve()
        lines += [asked.line for asked in watch.asked()]
    assert all(len(line) <= 4096 for line in lines)


def test_without_more_descriptors_a_watcher_waits_and_the_loop_does_not_spin(watch, watching):
    poller = select.poll()
    watch.register(poller)
    assert poller.poll(0)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest - 1, limits[1]))
    # All numbers below the limit are in use.
    used = []
    try:
        while True:
            used.append(os.dup(0))
    except OSError:
        pass
    try:
        watch.serve()
        assert watch._watchers == []
        waits = select.poll()
        watch.register(waits)
        assert not waits.poll(0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in used:
            os.close(descriptor)
    watch.serve()
    assert len(watch._watchers) == 1


def test_a_run_that_cannot_be_watched_says_so_and_is_none_the_worse(graph, published, monkeypatch):
    monkeypatch.setenv("TMPDIR", "/proc")
    os.chmod(graph.root, 0o755)
    (place := graph.status_path.with_name(f"{graph.status_path.name}.watch")).mkdir()
    with RunWatch(graph, published.append) as watch:
        watch(RunStarted(graph, 1.0, 3))
        watch.serve()
        poller = select.poll()
        watch.register(poller)
        assert poller.poll(0) == []
    (warning,) = published
    assert warning.message.startswith("'ppg top' and 'ppg attach' cannot show this run: ")
    place.rmdir()
    assert live_runs() == []


def test_each_line_is_json_on_one_line(watch, watching):
    watch(Warned("line\nbreak \udcff"))
    watch.serve()
    watching.events()
    connection = socket.socket(socket.AF_UNIX)
    folder = os.open(os.path.dirname(watching.run.socket), os.O_PATH)
    connection.connect(f"/proc/self/fd/{folder}/{os.path.basename(watching.run.socket)}")
    os.close(folder)
    watch.serve()
    data = connection.recv(1 << 16)
    for line in data.splitlines():
        assert "event" in json.loads(line)
    connection.close()
