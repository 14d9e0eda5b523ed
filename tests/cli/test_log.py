"""`ppg log --listen`: what runs on this machine say."""

import json
import signal
import socket
import subprocess

import pytest


@pytest.fixture
def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def listening(project, free_port):
    """Starts `ppg log --listen`, and returns when it listens."""

    def listen(*options):
        project.environment["PPG_LOG_PORT"] = str(free_port)
        started = project.start("log", "--listen", *options, stderr=subprocess.PIPE)
        assert f"port {free_port}" in started.stderr.readline()
        return started

    return listen


def lines_up_to(listener, text):
    lines = []
    while not lines or text not in lines[-1]:
        lines.append(listener.stdout.readline())
        assert lines[-1], lines
    return lines


def end(listener):
    listener.send_signal(signal.SIGINT)
    assert listener.wait(60) == 130
    assert "Traceback" not in listener.stderr.read()
    listener.stderr.close()


def test_what_runs_do_is_reported_in_sentences(project, listening):
    listener = listening()
    project.script("""
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", writes("A"))
        ppg.FileGeneratingJob("b", lambda: 1 / 0)
        ppg.FileGeneratingJob("c", writes("C")).depends_on("b")
    """)
    project.ppg("run", "script.py")
    lines = "".join(lines_up_to(listener, "run finished"))
    for said in (
        f"run started: 3 jobs in {project.folder}",
        "has to run: a (new: never built)",
        "done: a (",
        "failed: b (ZeroDivisionError: division by zero)",
        "blocked: c (because of b)",
        "run finished: 1 ran, 1 failed, 1 blocked",
    ):
        assert said in lines
    project.ppg("run", "script.py")
    assert "up to date: a" in "".join(lines_up_to(listener, "run finished"))
    end(listener)


def test_the_number_of_attempts_and_outputs_from_the_shared_cache_are_reported(project, listening):
    listener = listening()
    project.script("""
        ppg.new_pipegraph(shared_cache="shared")
        ppg.FileGeneratingJob("a", writes("A"), share=True)
        ppg.FileGeneratingJob("b", lambda: 1 / 0, retries=1)
    """)
    project.ppg("run", "script.py")
    lines = "".join(lines_up_to(listener, "run finished"))
    assert "done: a (" in lines
    assert (
        "failed: b (ZeroDivisionError: division by zero), attempt 2; attempt 1: ZeroDivisionError: division by zero\n"
        in lines
    )
    (project / "a").unlink()
    project.ppg("run", "script.py")
    assert "taken from the shared cache: a (" in "".join(lines_up_to(listener, "run finished"))
    end(listener)


def test_the_lines_can_be_had_as_they_come(project, listening):
    listener = listening("--json")
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    project.ppg("run", "script.py")
    events = [json.loads(line)["event"] for line in lines_up_to(listener, '"run_finished"')]
    assert events == ["run_started", "queued", "started", "finished", "run_finished"]
    end(listener)


def test_no_packet_can_harm_the_terminal_or_the_listener(project, listening, free_port):
    listener = listening()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for data in (
            b"",
            b"\xff\x1b[2J",
            b"[1, 2]",
            b'{"event": "started"}',
            b'{"event": ["x"], "run": {}}',
            b'{"event": "up_to_date", "jobs": 7}',
            b'{"event": "warning", "message": "\\u001b[2J\\nrun finished"}',
            b'{"event": "of the future", "colour": "blue", "number": 1, "run": "r"}',
            b'{"event": "warning", "message": "later", "number": 5, "run": "r"}',
        ):
            sender.sendto(data, ("127.0.0.1", free_port))
    lines = lines_up_to(listener, "later")
    assert "\x1b" not in "".join(lines)
    assert r"warning: \x1b[2J\nrun finished" in "".join(lines)
    assert "of the future {'colour': 'blue'}" in "".join(lines)
    assert lines[-2] == "r (3 lines were lost)\n"
    end(listener)


def test_a_port_that_is_taken_is_an_error(project, listening, free_port):
    listener = listening()
    second = project.ppg("log", "--listen", "--port", str(free_port))
    assert second.code == 2
    assert f"port {free_port} cannot be had" in second.err
    end(listener)


def test_usage_errors_are_2(project):
    assert project.ppg("log").code == 2
    assert project.ppg("log", "--listen", "--port", "0").code == 2
    project.environment["PPG_LOG_PORT"] = "abc"
    ended = project.ppg("log", "--listen")
    assert (ended.code, "PPG_LOG_PORT must be a port" in ended.err) == (2, True)


def test_a_reader_that_goes_away_ends_it(project, listening, free_port):
    listener = listening()
    listener.stdout.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b'{"event": "warning", "message": "nobody reads"}', ("127.0.0.1", free_port))
        assert listener.wait(60) == 0
    assert listener.stderr.read() == ""
    listener.stderr.close()
