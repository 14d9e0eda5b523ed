"""`ppg log --listen`: what runs on this machine say."""

import json
import os
import signal
import socket
import subprocess

import pytest

from tests.other_user import as_another_user, needs_root, reachable_folder


@pytest.fixture
def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def listening(project):
    """Starts `ppg log --listen`, and returns when it listens."""

    def listen(*options, **others):
        started = project.start("log", "--listen", *options, stderr=subprocess.PIPE, **others)
        assert "listening on" in started.stderr.readline()
        return started

    return listen


@pytest.fixture
def on_port(listening, free_port):
    """The same on a UDP port."""
    return lambda *options: listening("--port", str(free_port), *options)


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


def test_a_run_can_send_to_a_port_as_it_always_did(project, on_port, free_port):
    listener = on_port()
    project.environment["PPG_LOG_PORT"] = str(free_port)
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    project.ppg("run", "script.py")
    assert "done: a (" in "".join(lines_up_to(listener, "run finished"))
    end(listener)


def test_a_silenced_run_sends_nothing(project, listening):
    listener = listening()
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    project.environment["PPG_LOG_PORT"] = "off"
    project.ppg("run", "script.py")
    del project.environment["PPG_LOG_PORT"]
    project.ppg("run", "script.py")
    lines = lines_up_to(listener, "run finished")
    assert "up to date: a" in "".join(lines)
    assert "done: a" not in "".join(lines)
    end(listener)


def test_a_listener_shows_its_own_project_unless_asked(project, listening, tmp_path_factory):
    # Runs of other tests have another runtime folder.
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    project.environment["XDG_RUNTIME_DIR"] = str(runtime)
    (project / "one" / "below").mkdir(parents=True)
    (project / "one-more").mkdir()
    own, every = listening(cwd=project / "one"), listening("--all", cwd=project / "one")
    raw = listening("--json", cwd=project / "one")
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    for folder in ("one-more", "one/below", "one"):
        project.ppg("run", project / "script.py", cwd=project / folder)
    for listener, shown in (
        (own, ["one/below", "one"]),
        (every, ["one-more", "one/below", "one"]),
        (raw, ["one/below", "one"]),
    ):
        is_last, lines = 0, []
        while is_last < len(shown):
            lines.append(listener.stdout.readline())
            assert lines[-1]
            is_last += "run finished" in lines[-1] or '"run_finished"' in lines[-1]
        begun = [line for line in lines if "run started" in line or '"run_started"' in line]
        assert [any(f"{project.folder}/{name}" in line for line in begun) for name in shown] == [True] * len(
            shown
        )
        assert len(begun) == len(shown)
        end(listener)


def test_two_listeners_get_all_of_two_runs_at_once(project, listening):
    listeners = [listening(), listening()]
    for name in ("x", "y"):
        project.script(
            f"ppg.new_pipegraph(invariant_status_filename='{name}.status'); ppg.FileGeneratingJob('{name}', writes('A'))",
            f"{name}.py",
        )
    runs = [project.start("run", f"{name}.py") for name in ("x", "y")]
    for run in runs:
        assert run.wait(60) == 0
    for listener in listeners:
        lines = lines_up_to(listener, "run finished")
        lines += lines_up_to(listener, "run finished")
        assert "done: x (" in "".join(lines)
        assert "done: y (" in "".join(lines)
        assert "lost" not in "".join(lines)
        end(listener)


def test_what_a_killed_listener_left_is_gone_after_the_next_run(project, listening, tmp_path_factory):
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    project.environment["XDG_RUNTIME_DIR"] = str(runtime)
    killed, lives = listening(), listening()
    killed.kill()
    killed.wait()
    killed.stderr.close()
    assert len(list((runtime / "ppg-log").glob("*/*"))) == 2
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    project.ppg("run", "script.py")
    assert len(list((runtime / "ppg-log").glob("*/*"))) == 1
    assert "done: a (" in "".join(lines_up_to(lives, "run finished"))
    end(lives)
    assert list((runtime / "ppg-log").glob("*/*")) == []


def test_a_run_that_is_killed_ends_no_listener(project, listening):
    listener = listening()
    project.gate("slow")
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('slow', waits)")
    run = project.start("run", "script.py")
    lines_up_to(listener, "started: slow")
    run.kill()
    run.wait()
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    project.ppg("run", "script.py")
    assert "done: a (" in "".join(lines_up_to(listener, "run finished"))
    end(listener)


@needs_root
def test_another_user_neither_gets_the_log_nor_sends_to_a_listener(project, listening):
    with reachable_folder() as shared:
        project.environment.pop("XDG_RUNTIME_DIR", None)
        project.environment["TMPDIR"] = str(shared)
        listener = listening()
        (path,) = (shared / f"ppg-{os.geteuid()}" / "ppg-log").glob("*/*")

        def attack():
            assert not os.access(path.parent, os.X_OK)
            with (
                socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sender,
                pytest.raises(PermissionError),
            ):
                sender.connect(str(path))
            with pytest.raises(PermissionError):
                path.with_name("mine").touch()

        as_another_user(attack)
        end(listener)


@needs_root
@pytest.mark.parametrize("listens_first", [True, False])
def test_a_socket_that_another_user_has_prepared_gets_no_log(project, listens_first):
    # A run finds no folder of its own user, and a listener refuses to listen there.
    with reachable_folder() as shared:
        project.environment.pop("XDG_RUNTIME_DIR", None)
        project.environment["TMPDIR"] = str(shared)
        theirs = shared / f"ppg-{os.geteuid()}" / "ppg-log"
        as_another_user(lambda: theirs.mkdir(parents=True))
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as spy:
            spy.bind(str(theirs / "1-a"))
            (theirs / "1-a").chmod(0o777)
            spy.listen()
            spy.setblocking(False)
            if listens_first:
                ended = project.ppg("log", "--listen")
                assert ended.code == 2
                assert "belongs to another user" in ended.err
            project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
            assert project.ppg("run", "script.py").summary == (1, 0, 0, 0)
            with pytest.raises(BlockingIOError):
                spy.accept()


HUGE = b"9" * 4000
HARMFUL = {
    "deeply nested": b"[" * 60_000,
    "deeply nested object": b'{"a":' * 10_000,
    "nested as deep as can be read": b'{"event": ' + b"[" * 900 + b"]" * 900 + b', "run": "r"}',
    "a surrogate": b'{"event": "warning", "message": "\\ud800 \\udc80 \\udfff"}',
    "surrogates everywhere": b'{"event": "\\ud800", "run": "\\udcff", "x": "\\ud800"}',
    "a number too long to print": b'{"event": "started", "run": "r", "number": -' + HUGE + b"}",
    "numbers too far apart": b'{"event": "started", "run": "r", "number": ' + HUGE + b"}",
    "a time too long": b'{"event": "finished", "job": "j", "seconds": ' + HUGE + b"}",
    "too many jobs": b'{"event": "run_started", "root": "here", "jobs": ' + HUGE + b"}",
    "too many attempts": b'{"event": "failed", "job": "j", "error": "e", "message": "m", "earlier": ["e"], "attempts": '
    + HUGE
    + b"}",
    "infinite": b'{"event": "finished", "job": "j", "seconds": Infinity, "number": NaN}',
    "controls": b'{"event": "warning", "message": "\\u0007\\u009b31m\\u202e"}',
    "no text": bytes(range(256)),
    "other roots": b'{"event": "warning", "message": "m", "root": ["/"]}',
}


@pytest.mark.parametrize("options", [[], ["--all"], ["--json"]])
def test_every_datagram_is_survived_and_printed_harmlessly(project, on_port, free_port, options):
    project.environment["PYTHONIOENCODING"] = "ascii"
    listener = on_port(*options)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for name, data in HARMFUL.items():
            sender.sendto(data, ("127.0.0.1", free_port))
            sender.sendto(
                b'{"event": "warning", "message": "after ' + name.encode() + b'"}', ("127.0.0.1", free_port)
            )
            text = "".join(lines_up_to(listener, f"after {name}"))
            assert all(" " <= character <= "~" or character == "\n" for character in text), name
    end(listener)


def test_many_invented_runs_do_not_fill_the_memory(project, on_port, free_port):
    listener = on_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(1500):
            sender.sendto(b'{"event": "e", "run": "%d", "number": 1}' % number, ("127.0.0.1", free_port))
            lines_up_to(listener, f"{number} e")
        # The first run is forgotten by now, so its gap is none.
        sender.sendto(
            b'{"event": "warning", "message": "m", "run": "0", "number": 9}', ("127.0.0.1", free_port)
        )
        assert "lost" not in "".join(lines_up_to(listener, "warning: m"))
    end(listener)


def test_no_packet_can_harm_the_terminal_or_the_listener(project, on_port, free_port):
    listener = on_port()
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


def test_a_port_that_is_taken_is_an_error(project, on_port, free_port):
    listener = on_port()
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


def test_a_reader_that_goes_away_ends_it(project, on_port, free_port):
    listener = on_port()
    listener.stdout.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b'{"event": "warning", "message": "nobody reads"}', ("127.0.0.1", free_port))
        assert listener.wait(60) == 0
    assert listener.stderr.read() == ""
    listener.stderr.close()
