"""`ppg output -f JOB`: what a job prints, from another terminal, while it runs."""

import pytest

from tests.cli.project import PATIENCE, PPG

SPEAKS = """
    def speaks(path):
        print("first of", path)
        print("a warning", file=sys.stderr)
        waits(path)
        print("last of", path)
    ppg.new_pipegraph()
"""


def read_line(process):
    """The next line that a process prints, at once."""
    return process.stdout.readline()


def test_it_shows_what_is_printed_at_once_and_ends_with_the_job(project):
    project.gate("a")
    project.script(SPEAKS + "    ppg.FileGeneratingJob('a', speaks)")
    run = project.start("run", "script.py")
    project.wait_until_began("a")
    followed = project.start("output", "-f", "a", stderr=None)
    assert read_line(followed) == "first of a\n"
    project.let_go("a")
    said, _ = followed.communicate(timeout=PATIENCE)
    assert (followed.returncode, said) == (0, "last of a\n")
    assert run.wait(PATIENCE) == 0
    again = project.ppg("output", "-f", "./a")
    assert "--- stdout\nfirst of a\nlast of a\n--- stderr\na warning\n" in again.out
    assert again.code == 0


def test_each_stream_goes_to_its_own_and_the_error_to_stderr(project):
    project.gate("a")
    project.script("""
        def speaks(path):
            print("first of", path)
            print("a warning", file=sys.stderr)
            waits(path)
            raise ValueError("in the end")
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", speaks)
    """)
    run = project.start("run", "script.py")
    project.wait_until_began("a")
    with (project / "err").open("w") as err:
        followed = project.start("output", "a", "--follow", stderr=err)
        assert read_line(followed) == "first of a\n"
        project.let_go("a")
        assert followed.communicate(timeout=PATIENCE) == ("", None)
    assert followed.returncode == 0
    told = (project / "err").read_text()
    assert "following 'a' (run 1)" in told
    assert told.count("a warning\n") == 1
    assert "'a' failed at" in told
    assert "ValueError: in the end" in told
    assert run.wait(PATIENCE) == 1


@pytest.mark.parametrize("size", [10, 300_000])
def test_nothing_is_lost_or_shown_twice_however_much_is_printed(project, size):
    project.gate("a")
    project.script(f"""
        def speaks(path):
            print("x" * {size})
            waits(path)
            print("y" * {size})
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", speaks)
        for number in range(20):
            ppg.FileGeneratingJob(f"other{{number}}", lambda path: (print("z" * {size}), path.write_text("z")))
    """)
    run = project.start("run", "script.py")
    project.wait_until_began("a")
    followed = project.start("output", "-f", "a", stderr=None)
    assert read_line(followed) == "x" * size + "\n"
    project.let_go("a")
    assert followed.communicate(timeout=PATIENCE)[0] == "y" * size + "\n"
    assert run.wait(PATIENCE) == 0


def test_a_load_is_followed_too(project):
    project.gate("load")
    project.script(
        """
        def load():
            print("loading")
            waits("load.path")
            print("loaded")
        Path("load.path").touch()
        os.rename("load.began", "load.path.began"); os.rename("load.go", "load.path.go")
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", writes("a")).depends_on(ppg.DataLoadingJob("load", load))
    """.replace('waits("load.path")', 'waits(Path("load.path"))')
    )
    run = project.start("run", "script.py")
    while not (project / "load.path.began").exists():
        assert run.poll() is None
    project.wait_until_began("load.path")
    followed = project.start("output", "-f", "load", stderr=None)
    assert read_line(followed) == "loading\n"
    project.let_go("load.path")
    assert followed.communicate(timeout=PATIENCE)[0] == "loaded\n"
    assert run.wait(PATIENCE) == 0


def test_the_next_attempt_is_followed_from_its_beginning(project):
    for name in ("1", "2"):
        project.gate(name)
    project.script("""
        def speaks(path):
            attempt = 2 if Path("failed").exists() else 1
            print("attempt", attempt)
            Path("failed").touch()
            waits(Path(str(attempt)))
            if attempt == 1:
                raise ValueError
            path.write_text("a")
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", speaks, retries=1)
    """)
    run = project.start("run", "script.py")
    project.wait_until_began("1")
    followed = project.start("output", "-f", "a", stderr=None)
    assert read_line(followed) == "attempt 1\n"
    project.let_go("1")
    project.wait_until_began("2")
    assert read_line(followed) == "attempt 2\n"
    project.let_go("2")
    assert followed.wait(PATIENCE) == 0
    assert run.wait(PATIENCE) == 0


def test_a_run_that_is_killed_ends_it(project):
    project.gate("a")
    project.script(SPEAKS + "    ppg.FileGeneratingJob('a', speaks)")
    run = project.start("run", "script.py")
    project.wait_until_began("a")
    followed = project.start("output", "-f", "a")
    assert "following 'a'" in read_line(followed)
    run.kill()
    run.wait()
    said, _ = followed.communicate(timeout=PATIENCE)
    assert "'a' has ended, and nothing is kept of what it printed" in said
    assert project.ppg("output", "-f", "a").code == 2


def test_a_misspelt_job_and_one_that_does_not_run(project):
    project.gate("a")
    project.script(
        SPEAKS + "    ppg.FileGeneratingJob('a', speaks)\n    ppg.FileGeneratingJob('other.txt', writes('x'))"
    )
    assert project.ppg("run", "script.py", "other.txt").code == 0
    project.start("run", "script.py")
    project.wait_until_began("a")
    assert "there is no job 'othr.txt'; there is 'other.txt'" in project.ppg("output", "-f", "othr.txt").err
    assert project.ppg("output", "-f", "other.txt").code == 1
    assert "--follow; leave one of them out" in project.ppg("output", "-f", "a", "--run", "1").err
    project.let_go("a")


def test_nothing_is_left_beside_the_store_of_a_run_that_printed_nothing(project):
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    assert project.ppg("run", "script.py").code == 0
    assert not (project / ".pypipegraph_status_robust.output").exists()


def test_ctrl_c_leaves_the_job_running(project, tmux):
    project.gate("a")
    project.script(SPEAKS + "    ppg.FileGeneratingJob('a', speaks)")
    run = project.start("run", "script.py")
    project.wait_until_began("a")
    screen = tmux()
    screen.enter(f"{PPG} output -f a")
    screen.wait_for_text("first of a", "a warning")
    screen.press("C-c")
    screen.wait_for_prompt()
    screen.enter("echo code $?")
    screen.wait_for_text("code 130")
    project.let_go("a")
    assert run.wait(PATIENCE) == 0
