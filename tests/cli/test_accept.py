"""`ppg accept`: takes existing outputs over without running a job."""

import signal

import pytest

DECLARED = """
import sys
X = 1
ppg.new_pipegraph()
def made(text):
    def write(path):
        Path("ran.log").open("a").write(f"{path}\\n")
        path.write_text(text)
    return write
a = ppg.FileGeneratingJob("a", made("A")).depends_on_params({"x": X}).depends_on_file("input")
b = ppg.FileGeneratingJob("b", made("B")).depends_on(a)
c = ppg.FileGeneratingJob("c", made("C"))
for name in sys.argv[1:]:
    ppg.FileGeneratingJob(name, made(name))
ppg.run_pipegraph()
"""


@pytest.fixture
def old(project):
    """A project whose outputs `a` and `b` come from elsewhere."""
    for name in ("input", "a", "b"):
        (project / name).write_text(name)
    project.script(DECLARED)
    return project


def lines(ended):
    assert "Traceback" not in ended.err
    return ended.out.splitlines()


def test_what_is_accepted_is_listed_and_not_run_afterwards(old):
    ended = old.ppg("accept", "script.py")
    assert (ended.code, ended.err) == (0, "")
    assert lines(ended) == [
        "accepted    a (new: never built)",
        "accepted    b (new: never built)",
        "not made    c",
        "accepted 2 jobs, 1 not made",
    ]
    assert not (old / "ran.log").exists()
    assert old.ppg("run", "script.py").summary == (1, 2, 0, 0)
    assert (old / "ran.log").read_text() == "c\n"
    assert lines(old.ppg("accept", "script.py")) == ["accepted 0 jobs"]


def test_a_dry_run_may_come_last_and_leaves_nothing_behind(old):
    before = sorted(path.name for path in old.folder.iterdir())
    ended = old.ppg("accept", "script.py", "a", "--dry-run")
    assert (ended.code, lines(ended)) == (
        0,
        ["acceptable  a (new: never built)", "would accept 1 job"],
    )
    assert sorted(path.name for path in old.folder.iterdir()) == before


def test_jobs_come_before_and_arguments_of_the_script_after_two_dashes(old):
    (old / "--odd").write_text("x")
    ended = old.ppg("accept", "-n", "script.py", "./b", "a", "--", "--odd", "more")
    assert [line.split()[1] for line in lines(ended)[:2]] == ["a", "b"]
    ended = old.ppg("accept", "-n", "script.py", "--", "--odd", "more")
    assert "acceptable  --odd (new: never built)" in lines(ended)
    assert "not made    more" in lines(ended)


def test_what_cannot_be_accepted_is_1_and_the_upstream_is_named(old):
    (old / "a").unlink()
    ended = old.ppg("accept", "script.py")
    assert ended.code == 1
    assert "refused     b: it depends on 'a', which has no output yet" in lines(ended)
    assert lines(ended)[-1] == "accepted 0 jobs, 1 refused, 2 not made"


def test_what_changed_is_reported_and_accepted_if_asked_for(old):
    assert old.ppg("accept", "script.py").code == 0
    path = old / "script.py"
    path.write_text(path.read_text().replace("X = 1", "X = 2"))
    told = lines(old.ppg("accept", "script.py"))
    assert told[0].startswith("changed     a: ")
    assert "note: changed jobs are accepted only if you name them, or pass --changed" in told
    assert old.ppg("accept", "script.py", "--changed", "a").code == 2
    assert lines(old.ppg("accept", "script.py", "--changed"))[-1] == "accepted 1 job, 1 not made"
    told = lines(old.ppg("why", "script.py", "a"))
    assert told[0].startswith("a was accepted as it was, and not run, at ")
    assert any("1 → 2" in line for line in told)
    assert told[-1] == "now: it would not run: it is up to date"
    told = lines(old.ppg("verify", "script.py"))
    assert any(line.startswith("note: a was accepted as it was at ") for line in told)


def test_errors_are_2_and_name_what_is_wrong(old):
    ended = old.ppg("accept", "script.py", "nobody")
    assert (ended.code, ended.out) == (2, "")
    assert "there is no job 'nobody'" in ended.err
    assert old.ppg("accept", "nowhere.py").code == 2
    old.script("ppg.new_pipegraph()\n1 / 0")
    ended = old.ppg("accept", "script.py")
    assert ended.code == 2
    assert "ZeroDivisionError" in ended.err


def test_while_a_run_goes_on_nothing_is_accepted_and_the_run_is_named(project):
    project.gate("slow")
    (project / "a").write_text("A")
    project.script("""
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("slow", waits)
        ppg.FileGeneratingJob("a", writes("A")).depends_on("slow")
        ppg.run_pipegraph()
    """)
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    ended = project.ppg("accept", "script.py")
    assert ended.code == 2
    assert f"is in use by process {run.pid} on " in ended.err
    project.let_go("slow")
    assert run.wait(60) == 0


def test_half_a_file_that_a_killed_run_has_left_is_not_believed_unless_it_is_named(project):
    (project / "old").write_text("complete")
    project.gate("slow")
    project.script("""
        def begins(path):
            path.write_text("half")
            waits(path)
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("slow", begins)
        ppg.FileGeneratingJob("old", writes("complete")).depends_on("slow")
    """)
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    run.send_signal(signal.SIGKILL)
    run.wait()
    project.wait_until_nothing_runs()
    assert (project / "slow").read_text() == "half"
    ended = project.ppg("accept", "script.py")
    assert ended.code == 1
    assert "refused     slow: it was written after run 1 began, which was killed" in ended.out
    assert "refused     old: it depends on 'slow'" in ended.out
    assert project.ppg("accept", "script.py", "slow", "old").code == 0


def test_a_script_that_names_targets_has_only_what_these_need_accepted(old):
    path = old / "script.py"
    path.write_text(path.read_text().replace("run_pipegraph()", "run_pipegraph(targets=['a'])"))
    assert lines(old.ppg("accept", "script.py"))[-1] == "accepted 1 job"
    assert lines(old.ppg("accept", "script.py", "b"))[-1] == "accepted 1 job"


def test_ctrl_c_accepts_nothing_and_says_so(old):
    script = (old / "script.py").read_text()
    interrupting = script.replace("X = 1", "import signal; signal.raise_signal(signal.SIGINT)")
    (old / "script.py").write_text(interrupting)
    ended = old.ppg("accept", "script.py")
    assert (ended.code, ended.out) == (130, "")
    assert ended.err == "ppg: interrupted; nothing was accepted\n"
    for command in (["verify"], ["graph", "dump"]):
        ended = old.ppg(*command, "script.py")
        assert (ended.code, ended.err) == (130, "ppg: interrupted; nothing was run\n")
    assert not (old / ".pypipegraph_status_robust").exists()


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "ppg: interrupted; 2 jobs had been accepted already\n"),
        (signal.SIGTERM, -signal.SIGTERM, ""),
    ],
)
def test_a_signal_while_it_is_written_ends_the_command_when_all_is_accepted(old, number, code, said):
    interrupting = f"""
import signal
def watch(frame, event, argument):
    if event == "call" and frame.f_code.co_name == "put":
        signal.raise_signal({number:d})
sys.setprofile(watch)
"""
    script = (old / "script.py").read_text()
    (old / "script.py").write_text(script.replace("X = 1", interrupting + "X = 1"))
    ended = old.ppg("accept", "script.py")
    assert (ended.code, ended.out, ended.err) == (code, "", said)
    (old / "script.py").write_text(script)
    assert old.ppg("run", "script.py").code == 0
    assert (old / "ran.log").read_text() == "c\n"
