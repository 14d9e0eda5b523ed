"""The log files: complete where they can be written, and no reason for a run to fail where they cannot."""

import os
import resource

import pytest

from tests.cli.test_run_script import FAILING

LOGS = ["ppg_errors.txt", "ppg_graph.txt", "ppg_run.txt"]


def test_logs_are_written_only_if_their_folder_exists(project):
    project.script(FAILING)
    assert project.ppg("run", "script.py").code == 1
    assert not (project / "logs").exists()
    (project / "logs").mkdir()
    assert project.ppg("run", "script.py").code == 1
    assert sorted(os.listdir(project / "logs")) == LOGS
    run = (project / "logs/ppg_run.txt").read_text()
    for line in (
        "run started: 3 jobs",
        "up to date: c",
        "has to run: a (it failed last time)",
        "started: a (pid ",
        "failed: a (ValueError)",
        "blocked: b (because of a)",
        "run finished: 0 ran, 1 up to date, 1 failed, 1 blocked",
    ):
        assert line in run
    errors = (project / "logs/ppg_errors.txt").read_text()
    assert errors.startswith("FAILED 'a'\nTraceback")
    assert (
        "ValueError: no luck\n--- stdout, 10 bytes ---\nsaid this\n--- stderr, 11 bytes ---\ncomplained\n"
        in errors
    )
    assert "the function of a" in (project / "logs/ppg_graph.txt").read_text()


def test_a_later_run_begins_the_logs_again(project):
    (project / "logs").mkdir()
    project.script(FAILING)
    project.ppg("run", "script.py")
    project.script(FAILING.replace("raise", "path.write_text('A') #"))
    assert project.ppg("run", "script.py").code == 0
    assert (project / "logs/ppg_errors.txt").read_text() == ""
    assert "failed:" not in (project / "logs/ppg_run.txt").read_text()


def test_a_run_that_cannot_begin_leaves_the_logs_of_the_one_that_holds_the_store(project):
    (project / "logs").mkdir()
    project.gate("slow")
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('slow', waits)")
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    before = project.wait_until_logged("started: slow")
    second = project.ppg("run", "script.py")
    assert second.code == 2
    assert f"process {run.pid} on " in second.err
    assert (project / "logs/ppg_run.txt").read_text() == before
    project.let_go("slow")
    assert run.wait() == 0


@pytest.mark.parametrize("log", LOGS)
def test_a_log_that_cannot_be_opened_costs_the_log_and_not_the_run(project, log):
    (project / "logs").mkdir()
    (project / "logs" / log).mkdir()
    project.script(FAILING)
    ended = project.ppg("run", "script.py")
    assert ended.code == 1
    assert ended.summary == (1, 0, 1, 1)
    assert ended.err.count("warning: ") == 1
    assert f"logs/{log}" in ended.err
    assert all((project / "logs" / other).stat().st_size for other in LOGS if other != log)


@pytest.mark.parametrize("log", LOGS)
def test_a_log_on_a_full_disk_costs_the_log_and_not_the_run(project, log):
    (project / "logs").mkdir()
    (project / "logs" / log).symlink_to("/dev/full")
    project.script(FAILING)
    ended = project.ppg("run", "script.py")
    assert ended.code == 1
    assert ended.summary == (1, 0, 1, 1)
    assert "warning: " in ended.err
    assert "No space left on device" in ended.err


def test_256_mib_of_output_are_complete_in_the_log_and_never_in_memory(project):
    # About two seconds: the claim is about this much.
    (project / "logs").mkdir()
    project.script("""
        def fail(path):
            block = b"0123456789abcde\\n" * 65536
            for _ in range(256):
                os.write(1, block)
            raise ValueError("talkative")
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", fail)
        try:
            ppg.run_pipegraph()
        except ppg.RuntimeError:
            # Not ru_maxrss, which begins with what the process had that started this one.
            (peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")]
            print(peak.split()[1])
    """)
    ended = project.ppg("run", "script.py")
    assert ended.code == 1, ended.err
    assert "stdout (the end of 268,435,456 bytes):\n    0123456789abcde\n" in ended.err
    log = project / "logs/ppg_errors.txt"
    assert log.stat().st_size > 256 << 20
    with log.open("rb") as file:
        assert (
            sum(block.count(b"0123456789abcde\n") for block in iter(lambda: file.read(16 << 20), b""))
            > 16_700_000
        )
    log.unlink()
    assert int(ended.out) < 128 << 10, "KiB of memory"


def test_many_talkative_jobs_use_up_neither_descriptors_nor_memory(project):
    project.script("""
        def talk(path):
            os.write(1, b"x" * 100_000)
            os.write(2, b"y" * 100_000)
            path.write_text("done")
        ppg.new_pipegraph()
        jobs = [ppg.FileGeneratingJob(f"a{i}", talk) for i in range(60)]
        ppg.run_pipegraph()
        print({(job.stdout == "x" * 100_000, job.stderr == "y" * 100_000) for job in jobs})
    """)
    ended = project.ppg(
        "run", "script.py", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    )
    assert ended.code == 0, ended.err
    assert ended.out == "{(True, True)}\n"
