"""How programs that jobs run end: exit codes, signals, output, and what they leave behind."""

import os
import signal
import subprocess
import sys

import pytest

import ppg
from tests.api.recipes.processes import alive


def test_a_failing_program_shows_its_output_and_leaves_no_file(failing_run, folder):
    script = "echo partial > out; echo to stdout; echo to stderr >&2; exit 3"
    error, graph = failing_run(lambda: ppg.ExternalJob("out", ["sh", "-c", script]))
    exception = error.exceptions["out"]
    assert isinstance(exception, ppg.CommandError)
    assert (exception.exit_code, exception.signal) == (3, None)
    assert exception.command == ("sh", "-c", script)
    assert "'out': sh exited with code 3, not 0" in str(exception)
    assert graph.job("out").stdout == "to stdout\n"
    assert graph.job("out").stderr == "to stderr\n"
    assert not (folder / "out").exists()


def test_the_failure_is_reported_without_a_traceback_of_ours(folder, capsys):
    ppg.new_pipegraph()
    ppg.ExternalJob("out", ["sh", "-c", "echo why >&2; exit 3"])
    with pytest.raises(ppg.RuntimeError):
        ppg.run_pipegraph()
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert "why" in told
    assert "exited with code 3" in told


def test_a_log_file_is_an_output_and_is_shown_if_the_program_fails(run, failing_run, folder):
    def declare(code):
        ppg.ExternalJob(
            {"out": "out", "log": "log"},
            ["sh", "-c", f"echo x > out; echo the log >&2; exit {code}"],
            stderr="log",
        )

    run(lambda: declare(0))
    assert (folder / "log").read_text() == "the log\n"
    _, graph = failing_run(lambda: declare(1))
    assert graph.job("log:out").stderr == "the log\n"
    assert not (folder / "log").exists()


def test_both_streams_can_go_to_one_file_in_order(run, folder):
    run(
        lambda: ppg.ExternalJob("log", ["sh", "-c", "echo 1; echo 2 >&2; echo 3"], stdout="log", stderr="log")
    )
    assert (folder / "log").read_text() == "1\n2\n3\n"


def test_other_exit_codes_can_mean_success(run, failing_run, folder):
    def declare(success):
        ppg.ExternalJob("out", ["sh", "-c", "echo x > out; exit 1"], success=success)

    failing_run(lambda: declare([0]))
    assert run(lambda: declare([0, 1])).ran == ["out"]


def test_a_program_that_does_not_make_its_file_has_broken_its_contract(failing_run):
    error, _ = failing_run(lambda: ppg.ExternalJob("out", ["true"]))
    assert isinstance(error.exceptions["out"], ppg.JobContractError)
    error, _ = failing_run(lambda: ppg.ExternalJob("out", ["true"], stdout="out"))
    assert isinstance(error.exceptions["out"], ppg.JobContractError)


def test_a_tool_that_is_not_there_is_named_with_its_job(failing_run):
    error, _ = failing_run(lambda: ppg.ExternalJob("out", ["no-such-tool", "x"]))
    assert "'out': the tool 'no-such-tool' was not found in PATH" in str(error.exceptions["out"])


@pytest.mark.parametrize(
    ("command", "options", "said"),
    [
        (["./script"], {}, "cannot be started"),
        (["./nothing"], {}, "was not found"),
        (["cat"], {"working_directory": "nowhere"}, "working directory"),
        (["./text"], {}, "#!/bin/sh"),
    ],
)
def test_what_cannot_be_started_is_said(failing_run, folder, command, options, said):
    (folder / "script").write_text("#!/bin/sh\n")
    (folder / "text").write_text("echo\n")
    (folder / "text").chmod(0o755)
    error, _ = failing_run(lambda: ppg.ExternalJob("out", command, **options))
    assert said in str(error.exceptions["out"])
    assert isinstance(error.exceptions["out"], ppg.CommandError)


def test_a_program_that_a_signal_ends_is_reported_by_its_name(failing_run):
    error, _ = failing_run(lambda: ppg.ExternalJob("out", ["sh", "-c", "kill -SEGV $$"]))
    exception = error.exceptions["out"]
    assert exception.signal == signal.SIGSEGV
    assert "signal 11 (SIGSEGV)" in str(exception)


def test_a_broken_pipe_ends_a_program_quietly(run, folder):
    run(lambda: ppg.ExternalJob("out", ["sh", "-c", "yes | head -n 1 > out"]))
    assert (folder / "out").read_text() == "y\n"


def test_megabytes_of_output_are_captured_whole(run):
    graph_output = run(lambda: ppg.ExternalJob("out", ["sh", "-c", "yes | head -c 5000000; echo > out"]))
    assert len(graph_output["out"].stdout) == 5_000_000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_run_ends_the_program_and_all_that_it_started(folder, number):
    os.mkfifo(folder / "pids")
    (folder / "script.py").write_text(
        "import ppg\nppg.new_pipegraph(quiet=True)\n"
        "ppg.ExternalJob('out', ['sh', '-c', 'sleep 1000 & echo partial > out; echo $$ $! > pids; wait'])\n"
        "ppg.run_pipegraph()\n"
    )
    process = subprocess.Popen([sys.executable, "script.py"], stderr=subprocess.DEVNULL)
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    assert len(pids) == 2
    process.send_signal(number)
    assert process.wait(timeout=60) != 0
    assert not any(alive(pid) for pid in pids)
    assert not (folder / "out").exists()


def test_what_a_program_leaves_in_the_background_ends_with_the_job(run, folder):
    run(lambda: ppg.ExternalJob("out", ["sh", "-c", "sleep 1000 & echo $! > out"]))
    assert not alive(int((folder / "out").read_text()))


def test_a_program_learns_its_cores(run, folder):
    def declare():
        for name, cores in (("one", 1), ("two", 2), ("all", -1)):
            job = ppg.ExternalJob(name, ["echo", ("--threads=", ppg.CORES), ppg.CORES], stdout=name)
            job.cores_needed = cores

    run(declare, resource_coordinator=ppg.LocalSystem(2, share_cores=False))
    assert [(folder / name).read_text() for name in ("one", "two", "all")] == [
        "--threads=1 1\n",
        "--threads=2 2\n",
        "--threads=2 2\n",
    ]


def test_a_shell_that_finds_no_tool_and_a_long_command_are_reported_briefly(failing_run):
    def declare():
        ppg.ExternalJob("shell", "no-such-tool > shell", shell=True)
        ppg.ExternalJob("long", ["false", *("word" for _ in range(2000))])

    error, _ = failing_run(declare)
    assert "(a tool in it was not found)" in str(error.exceptions["shell"])
    assert len(str(error.exceptions["long"])) < 1200
    assert len(error.exceptions["long"].command) == 2001


def test_ctrl_c_does_not_wait_for_a_tool_that_does_not_print_its_version(folder, tool, in_path):
    os.mkfifo(folder / "asked")
    tool("tool", "echo $$ > asked; sleep 1000")
    (folder / "script.py").write_text(
        "import ppg\nppg.new_pipegraph(quiet=True)\n"
        "ppg.ExternalJob('out', ['echo'], stdout='out', version=['tool'])\n"
        "ppg.run_pipegraph()\n"
    )
    process = subprocess.Popen([sys.executable, "script.py"], stderr=subprocess.DEVNULL)
    pid = int((folder / "asked").read_text())
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    assert not alive(pid)
