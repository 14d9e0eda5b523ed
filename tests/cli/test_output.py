"""What `ppg run` says on a pipe: what runs and why, what failed with its output, and the account at the end."""

import re
import subprocess
import sys

from tests.cli.test_run_script import FAILING


def test_jobs_with_equal_reasons_are_one_line_and_then_all_is_counted(project):
    project.script("""
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", writes("A")).depends_on_params(int(sys.argv[1]))
        ppg.FileGeneratingJob("b", writes("B")).depends_on("a")
    """)
    first = project.ppg("run", "script.py", "--", "1")
    assert re.fullmatch(
        r"ppg: start   a: new: never built\n"
        r"ppg: why     new: never built: 2 jobs \(a, b\)\n"
        r"ppg: 2 ran, 0 up to date, 0 failed, 0 blocked \([0-9.]+ s\)\n",
        first.err,
    )
    second = project.ppg("run", "script.py", "--", "2")
    assert "ppg: start   a: parameters: 1 → 2\n" in second.err
    assert second.summary == (1, 1, 0, 0)
    third = project.ppg("run", "script.py", "--", "2")
    assert re.fullmatch(r"ppg: 0 ran, 2 up to date, 0 failed, 0 blocked \([0-9.]+ s\)\n", third.err)
    assert third.out == ""


def test_a_job_that_waits_for_a_core_is_not_said_to_start(project):
    (project / "logs").mkdir()
    for name in ("a", "b"):
        project.gate(name)
    project.script("""
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", waits)
        ppg.FileGeneratingJob("b", waits)
    """)
    run = project.start("run", "-j1", "script.py")
    project.wait_until_began("a")
    assert "started: b" not in project.wait_until_logged("started: a")
    project.let_go("a")
    project.wait_until_began("b")
    project.let_go("b")
    said, _ = run.communicate()
    assert said.splitlines()[0] == "ppg: start   a, and 1 more job: new: never built"


def test_a_failed_job_is_shown_with_its_traceback_and_output_and_those_it_blocks_are_named(project):
    project.script(FAILING)
    ended = project.ppg("run", "script.py")
    assert "ppg: FAILED 'a': ValueError: no luck\n" in ended.err
    assert "in fail" in ended.err
    assert "stdout:\n    said this\n" in ended.err
    assert "stderr:\n    complained\n" in ended.err
    assert (
        "ppg: failed  ValueError: no luck (fail(), script.py:20): 1 job (a); blocked: 1 job (b)\n"
        in ended.err
    )
    assert "said this" not in ended.out


def test_only_the_end_of_a_failed_jobs_output_is_shown(project):
    project.script("""
        def fail(path):
            for number in range(1000):
                print(f"line {number}")
            print("x" * 10_000)
            raise ValueError("y" * 1_000_000)
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", fail)
    """)
    ended = project.ppg("run", "script.py")
    assert ended.code == 1
    assert "line 999\n" in ended.err
    assert "line 900\n" not in ended.err
    assert len(ended.err) < 100_000


def test_an_input_that_is_missing_is_not_counted_among_the_jobs(project):
    project.script("""
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", writes("A")).depends_on_file("input")
        ppg.FileGeneratingJob("slow", lambda path: (time.sleep(1.2), path.write_text("B")))
        ppg.run_pipegraph()
    """)
    ended = project.command(sys.executable, "script.py")
    assert "the input file 'input' does not exist" in ended.err
    progress = re.search(r"(\d+) of (\d+) jobs", ended.err)
    assert progress is not None
    assert progress.groups() == ("2", "2")


def test_a_reader_that_goes_away_does_not_disturb_the_run(project):
    project.script("""
        print("first")
        ppg.new_pipegraph()
        for number in range(20):
            ppg.FileGeneratingJob(f"a{number}", writes("A"))
        ppg.run_pipegraph()
        print("last")
    """)
    run = project.start("run", "script.py")
    head = subprocess.run(["head", "-1"], stdin=run.stdout, capture_output=True, text=True)
    run.stdout.close()
    assert run.wait() == 0
    assert head.stdout.count("\n") == 1
    assert (project / "a19").exists()


def test_a_script_with_output_that_has_no_reader_left_fails_no_job(project):
    project.script(FAILING)
    for command in ("run script.py 2>&1 | true", "graph dump script.py | true", "run missing.py 2>&1 | true"):
        ended = project.command("bash", "-c", f'exec 3>&1; (ppg {command}; echo "${{PIPESTATUS[0]}}" >&3)',
                                env=project.environment | {"PATH": f"{sys.prefix}/bin:/usr/bin:/bin"})  # fmt: skip
        expected = {"run script": "1", "graph dump": "0", "run missing": "2"}[
            " ".join(command.split(".")[0].split()[:2])
        ]
        assert ended.out.strip() == expected, (command, ended.err)
        assert "BrokenPipe" not in ended.err


def test_closed_standard_streams_do_no_harm(project):
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    for closed in (">&-", "<&- >&- 2>&-"):
        (project / "a").unlink(missing_ok=True)
        ended = project.command(
            "bash", "-c", f"exec '{sys.prefix}/bin/ppg' run script.py {closed}", env=project.environment
        )
        assert ended.code == 0, (closed, ended.err)
        assert (project / "a").read_text() == "A"


def test_colour_that_is_forced_draws_no_display_into_a_pipe(project):
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    ended = project.ppg("run", "script.py", env=project.environment | {"FORCE_COLOR": "1"})
    assert "\x1b" not in ended.err
    assert "ppg: start   a: " in ended.err


def test_names_and_output_in_any_bytes_are_shown(project):
    project.script("""
        def fail(path):
            os.write(1, b"\\xff\\xfe caf\\xc3\\xa9\\n")
            raise ValueError("\\udcff")
        os.mkdir("logs")
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("caf\\u00e9 \\udcff", fail)
        ppg.FileGeneratingJob("\\u732b", writes("cat"))
    """)
    ended = project.ppg("run", "script.py", env=project.environment | {"PYTHONIOENCODING": "ascii"})
    assert ended.code == 1
    assert ended.summary == (1, 0, 1, 0)
    assert b"\xff\xfe caf\xc3\xa9\n" in (project / "logs/ppg_errors.txt").read_bytes()


def test_a_damaged_status_file_is_reported_with_what_it_means_and_no_line_of_our_source(project):
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    project.ppg("run", "script.py")
    status = project / ".pypipegraph_status_robust"
    status.write_bytes(b"no database" + status.read_bytes()[100:])
    for command, moved in ((("verify", "script.py"), False), (("run", "script.py"), True)):
        told = project.ppg(*command).err
        assert told.startswith(f"ppg: warning: the status store {status} is damaged (")
        assert ("it was moved to" in told) is moved
        assert "Jobs without a saved record run again" in told
        assert "`ppg accept SCRIPT` takes them over instead\n" in told
        assert ".py:" not in told
    assert "damaged" not in project.ppg("run", "script.py").err


def test_warnings_of_the_script_stay_what_they_are_in_python(project):
    project.script("import warnings; ppg.new_pipegraph(); warnings.warn('mine')")
    assert "UserWarning: mine" in project.ppg("run", "script.py").err


def test_the_number_of_attempts_is_shown_for_failed_and_for_successful_jobs(project):
    (project / "logs").mkdir()
    project.script("""
        def hopeless(path):
            raise ValueError("never")
        def second(path):
            try:
                Path("tried").touch(exist_ok=False)
            except FileExistsError:
                path.write_text("made")
            else:
                raise ValueError("not at once")
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("hopeless", hopeless, retries=2)
        ppg.FileGeneratingJob("second", second, retries=2)
        ppg.FileGeneratingJob("once", writes("1"), retries=2)
    """)
    ended = project.ppg("run", "script.py")
    headline = "FAILED 'hopeless' (attempt 3, the last)"
    earlier = "attempts 1 and 2: ValueError: never\n"
    assert f"ppg: {headline}: ValueError: never\n  {earlier}" in ended.err
    assert "ppg: again   2 jobs (hopeless, second) took more than one attempt\n" in ended.err
    assert (project / "logs/ppg_errors.txt").read_text().startswith(f"{headline}\n{earlier}")
    log = (project / "logs/ppg_run.txt").read_text()
    assert f" failed: hopeless (ValueError, attempt 3); {earlier}" in log
    assert re.search(r" done: second \([0-9.]+ s, attempt 2\); attempt 1: ValueError: not at once\n", log)
    assert re.search(
        r"ppg: done    second \([0-9.]+ s, attempt 2\); attempt 1: ValueError: not at once\n", ended.err
    )
    why = project.ppg("why", "hopeless").out
    assert ", in the last of 3 attempts: ValueError: never\n  attempts 1 and 2: ValueError: never\n" in why
    assert (
        ", in the last of 2 attempts\n  attempt 1: ValueError: not at once\n"
        in project.ppg("why", "second").out
    )


def test_outputs_from_the_shared_cache_are_reported_as_such(project, terminal):
    project.script("""
        ppg.new_pipegraph(shared_cache="shared")
        ppg.FileGeneratingJob("a", writes("A"), share=True)
    """)
    assert "cache" not in project.ppg("run", "script.py").err
    (project / ".pypipegraph_status_robust").unlink()
    (project / "a").unlink()
    ended = project.ppg("run", "script.py")
    assert "1 of those that ran from the shared cache" in ended.err
    assert project.ppg("why", "a").out.startswith("a was taken last from the shared cache, at ")
    (project / "a").unlink()
    screen = terminal("run", "script.py")
    screen.expect("1 of those that ran from the shared cache")
    assert screen.wait() == 0
