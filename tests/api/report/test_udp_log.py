"""The log that is sent to this machine by UDP."""

import json
import socket
import time

import pytest

import ppg
from ppg.report.events import JobFailed, JobsUpToDate, RunFinished, Warned
from ppg.report.udp_log import LARGEST_DATAGRAM, UdpLog, log_port
from ppg.result import JobOutcome, JobState, RunResult


@pytest.fixture
def listener():
    """A socket that listens on a port of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(30)
        yield listening


@pytest.fixture
def log(listener):
    """What sends to it."""
    log = UdpLog(listener.getsockname()[1], "/somewhere")
    yield log
    log(RunFinished(RunResult({}, {}, 1.0)))


def lines_from(listener, *, until="run_finished"):
    """What arrives up to an event of this name."""
    lines = []
    while not lines or lines[-1]["event"] != until:
        data = listener.recv(1 << 16)
        assert data.endswith(b"\n")
        assert data.count(b"\n") == 1
        lines.append(json.loads(data))
    return lines


def what_has_arrived(listener):
    listener.setblocking(False)
    data = []
    try:
        while True:
            data.append(listener.recv(1 << 16))
    except BlockingIOError:
        return data


def test_a_run_is_reported_line_by_line_with_all_documented_fields(folder, listener, monkeypatch, writer):
    monkeypatch.setenv("PPG_LOG_PORT", str(listener.getsockname()[1]))

    def fail():
        raise ValueError("no")

    graph = ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", writer("A"))
    ppg.FileGeneratingJob("b", fail)
    ppg.FileGeneratingJob("c", writer("C")).depends_on("b")
    with pytest.raises(ppg.RuntimeError):
        graph.run()
    lines = lines_from(listener)
    assert [line["number"] for line in lines] == list(range(len(lines)))
    assert {line["ppg"] for line in lines} == {1}
    assert len({line["run"] for line in lines}) == 1
    assert {line["root"] for line in lines} == {str(folder)}
    told = {(line["event"], line.get("job")): line for line in lines}
    assert told["run_started", None]["jobs"] == 3
    assert told["queued", "a"]["reasons"] == ["new: never built"]
    assert told["started", "a"]["pid"] > 1
    assert told["finished", "a"].keys() >= {"seconds", "user_seconds", "system_seconds", "peak_memory"}
    assert (told["finished", "a"]["attempts"], told["failed", "b"]["attempts"]) == (1, 1)
    assert (told["failed", "b"]["error"], told["failed", "b"]["message"]) == ("ValueError", "no")
    assert "raise ValueError" in told["failed", "b"]["traceback"]
    assert (told["blocked", None]["jobs"], told["blocked", None]["cause"]) == (["c"], "b")
    finished = told["run_finished", None]
    assert (finished["ran"], finished["failed"], finished["blocked"]) == (1, 1, 1)


def test_switched_off_nothing_is_sent(run, listener, monkeypatch, writer):
    monkeypatch.setattr("ppg.report.udp_log.DEFAULT_PORT", listener.getsockname()[1])
    for off in ("off", "0", " OFF "):
        monkeypatch.setenv("PPG_LOG_PORT", off)
        run(lambda: ppg.FileGeneratingJob("a", writer("A")))
    assert what_has_arrived(listener) == []
    monkeypatch.delenv("PPG_LOG_PORT")
    run(lambda: ppg.FileGeneratingJob("a", writer("A")))
    assert lines_from(listener)


@pytest.mark.parametrize("port", ["abc", "-1", "65536", "5005x", "²"])
def test_a_port_that_is_none_is_refused_before_anything_runs(run, monkeypatch, writer, account, port):
    monkeypatch.setenv("PPG_LOG_PORT", port)
    with pytest.raises(ppg.PyPipelineGraphError, match="PPG_LOG_PORT must be a port"):
        run(lambda: ppg.FileGeneratingJob("a", writer("A")))
    assert account.taken() == []


def test_the_port_is_5005_unless_something_else_is_said():
    assert log_port({}) == 5005
    assert log_port({"PPG_LOG_PORT": ""}) == 5005
    assert log_port({"PPG_LOG_PORT": "6000"}) == 6000


def test_a_missing_listener_is_no_error_and_found_out_again_and_again(listener, log):
    port = listener.getsockname()[1]
    listener.close()
    for _ in range(100):
        log(Warned("nobody hears this"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
        late.bind(("127.0.0.1", port))
        late.setblocking(False)
        give_up = time.monotonic() + 60
        received = None
        while received is None:
            assert time.monotonic() < give_up
            log(Warned("somebody has come"))
            try:
                received = late.recv(1 << 16)
            except BlockingIOError:
                continue
        assert json.loads(received)["message"] == "somebody has come"


def test_a_listener_that_does_not_read_does_not_hold_the_run_up(listener, log):
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for number in range(5000):
        log(Warned(f"{number} " + "x" * 1000))
    assert 0 < len(what_has_arrived(listener)) < 5000


def test_what_is_too_long_is_cut_and_stays_json(listener, log):
    error = ValueError("begin " + "é" * 100_000 + " end")
    outcome = JobOutcome(
        "j" * 20_000, JobState.FAILED, exception=error, traceback="first\n" + "x" * 500_000 + "\nlast"
    )
    log(JobFailed(outcome.job_id, outcome))
    (data,) = what_has_arrived(listener)
    assert len(data) <= LARGEST_DATAGRAM
    line = json.loads(data)
    assert line["cut"] is True
    assert line["message"].startswith("begin é")
    assert line["message"].endswith("é end")
    assert line["traceback"].startswith("first\n")
    assert line["traceback"].endswith("\nlast")
    assert line["error"] == "ValueError"


def test_many_names_come_in_several_lines_none_is_lost(listener, log):
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    names = tuple(f"folder/job {number} \udcff.txt" for number in range(1000))
    log(JobsUpToDate(names))
    data = what_has_arrived(listener)
    assert all(len(one) <= LARGEST_DATAGRAM for one in data)
    assert tuple(name for one in data for name in json.loads(one)["jobs"]) == names


def test_one_name_that_is_too_long_is_cut(listener, log):
    log(JobsUpToDate(("n" * 30_000, "short")))
    first, second = what_has_arrived(listener)
    assert json.loads(first)["cut"] is True
    assert json.loads(second)["jobs"] == ["short"]
