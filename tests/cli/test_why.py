"""`ppg why`: why a job ran last, and whether and why it would run now."""

import pytest

from ppg_invariants import StatusStore

DECLARED = """
X = 1
def text():
    return "A"
def make(path):
    path.write_text(text())
ppg.new_pipegraph()
a = ppg.FileGeneratingJob("a", make).depends_on_params({"x": X, "y": [1, 2]}).depends_on_file("input")
b = ppg.FileGeneratingJob("folder/b", lambda path: path.write_text(Path("a").read_text() + "b")).depends_on(a)
m = ppg.MultiFileGeneratingJob(["m1", "m2"], lambda paths: [path.write_text("m") for path in paths])
def generate():
    ppg.MultiFileGeneratingJob(["g1", "g2"], lambda paths: [path.write_text("g") for path in paths])
ppg.JobGeneratingJob("generator", generate)
ppg.FileGeneratingJob("fails", lambda: 1 / 0)
ppg.run_pipegraph()
"""


@pytest.fixture
def built(project):
    """A project that has run once."""
    (project / "input").write_text("1")
    project.script(DECLARED)
    assert project.ppg("run", "script.py").code == 1
    return project


def edit(project, old, new):
    path = project / "script.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def told(project, *arguments, code=0):
    ended = project.ppg("why", *arguments)
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err
    return ended.out if code == 0 else ended.err


def test_the_reasons_of_the_last_run_come_from_the_status_store_alone(built):
    (built / "script.py").unlink()
    text = told(built, "a")
    assert "a ran last, and succeeded, at 20" in text
    assert "because it was new, or had failed before" in text


def test_a_changed_parameter_and_a_changed_function_are_shown(built):
    edit(built, "X = 1", "X = 2")
    edit(built, 'return "A"', 'return "B"')
    now = told(built, "script.py", "a")
    expected = """\
  because x: 1 → 2
"""
    assert expected in now[now.index("now: it would run") :]
    assert '-    return "A"\n' in now
    assert '+    return "B"\n' in now
    assert "now: it would run if what these make changes: a" in told(built, "script.py", "./folder/b")
    assert not (built / "folder/b.new").exists()

    built.ppg("run", "script.py")
    (built / "script.py").rename(built / "elsewhere.py")
    last = told(built, "a")
    assert expected in last
    assert '+    return "B"\n' in last
    below = told(built, "folder/b")
    assert "  because a came out differently\n    a ran in the same run\n      because x: 1 → 2\n" in below


def test_the_script_comes_first_and_an_option_anywhere(built):
    assert told(built, "a", "--status-file", ".pypipegraph_status_robust").startswith("a ran last")
    assert "ppg: the script comes first: ppg why script.py a" in told(built, "a", "script.py", code=2)
    assert "name the script of these arguments" in told(built, "a", "--", "x", code=2)
    both = told(built, "script.py", "a", "folder/b")
    assert "a ran last" in both
    assert "folder/b ran last" in both


def test_a_failure_is_reported_with_its_error(built):
    assert "fails failed last at 20" in told(built, "fails")
    assert "ZeroDivisionError: division by zero" in told(built, "fails")
    assert "now: it would run\n  because it failed last time" in told(built, "script.py", "fails")


@pytest.mark.parametrize("script", [(), ("script.py",)])
def test_a_job_can_be_named_by_a_file_in_any_spelling(built, script):
    for name in ("folder/b", "./folder/b", "x/../folder/b", str(built / "folder/b")):
        assert told(built, *script, name).startswith("folder/b ran last")
    for name in ("m1", "./m2", "m1:m2", str(built / "m1")):
        assert told(built, *script, name).startswith("m1:m2 ran last")
    for name in ("./g1", "g1:g2"):
        assert told(built, *script, name).startswith("g1:g2 ran last")


def test_names_are_relative_to_where_the_user_is(built):
    ended = built.ppg("why", "--status-file", "../.pypipegraph_status_robust", "b", cwd=built / "folder")
    assert ended.out.startswith("folder/b ran last"), ended.err


@pytest.mark.parametrize("script", [(), ("script.py",)])
def test_an_unknown_job_is_answered_with_the_nearest_names(built, script):
    error = told(built, *script, "folder/c", code=2)
    assert error.startswith("ppg: there is no job 'folder/c'; there is 'folder/b'")
    assert "generator" in told(built, *script, "genrator", code=2)
    for odd in ("", "nowhere/", "//"):
        assert "there is no job" in told(built, *script, odd, code=2)


def test_without_a_status_file_that_is_said(project):
    assert "there is no status file '.pypipegraph_status_robust'" in told(project, "a", code=2)
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    text = told(project, "script.py", "a")
    assert text == ("a: nothing is known of an earlier run\nnow: it would run\n  because new: never built\n")
    assert sorted(path.name for path in project.folder.iterdir() if path.name != "__pycache__") == [
        "script.py"
    ]


def test_jobs_up_to_date_blocked_or_not_needed_are_reported_as_such(built):
    assert "now: it would not run: it is up to date" in told(built, "script.py", "a")
    assert "generators run every time" in told(built, "script.py", "generator")
    assert "now: it would not run: it is up to date" in told(built, "script.py", "g2")
    assert "is what it was at the last look" in told(built, "script.py", "input")
    (built / "input").write_text("2")
    assert "is not what it was at the last look" in told(built, "script.py", "input")
    edit(built, "X = 1", "X = 2")
    assert "it is not what it was at the last look\n  x: 1 → 2" in told(built, "script.py", "PI:a")
    (built / "input").unlink()
    assert "now: it cannot run\n  because 'input' cannot be observed" in told(built, "script.py", "a")
    edit(built, "ppg.run_pipegraph()", "a.prune(); ppg.run_pipegraph()")
    assert "now: it takes no part" in told(built, "script.py", "folder/b")
    edit(built, "m = ppg.Multi", "m = 1 or ppg.Multi")
    assert "now: the script does not declare it any more" in told(built, "script.py", "m1")


def test_errors_of_the_script_are_reported_as_by_the_other_commands(built):
    built.script("ppg.new_pipegraph()\n1 / 0")
    assert "the script raised an error" in project_error(built)
    built.script("ppg.new_pipegraph().job('nowhere')")
    assert "script.py:" in project_error(built)


def project_error(project):
    ended = project.ppg("why", "script.py", "a")
    assert ended.code == 2
    return ended.err


def test_a_reason_that_only_a_newer_ppg_knows_is_an_error_that_says_so(built):
    with StatusStore.open(built / ".pypipegraph_status_robust") as store:
        noted = store.noted("ran", "a")
        store.note(noted.run_id, "ran", "a", {**noted.details, "reasons": [["the moon", "rose"]]})
    assert "'the moon' ('rose',); use the ppg that wrote it" in told(built, "a", code=2)


CHAIN = """
X = {x}
ppg.new_pipegraph()
def step(path, before):
    path.write_text(Path(before).read_text() + ".")
first = ppg.FileGeneratingJob("0", lambda path: path.write_text(str(X)))
for number in range({steps}):
    ppg.FileGeneratingJob(str(number + 1), lambda path, before=number: step(path, str(before))).depends_on(str(number))
    ppg.TempFileGeneratingJob(f"temp{{number}}", lambda path: path.write_text("t"))
ppg.FileGeneratingJob("both", lambda path: path.write_text("b")).depends_on("1", "2", "temp0")
ppg.run_pipegraph()
"""


def test_every_path_is_followed_to_what_changed_and_a_second_one_points_above(project):
    project.script(CHAIN.format(x=1, steps=15))
    assert project.ppg("run", "script.py").code == 0
    project.script(CHAIN.format(x=2, steps=15))
    foretold = told(project, "script.py", "15")
    foretold = foretold[foretold.index("now: ") :]
    assert foretold.count("would run if what these make changes") == 15
    assert foretold.rstrip().splitlines()[-2].strip() == "0 would run"
    assert foretold.rstrip().splitlines()[-1].strip().startswith("because X: 1 → 2")
    assert project.ppg("run", "script.py").code == 0
    told_last = told(project, "15")
    assert told_last.count(" ran in the same run\n") == 15
    assert told_last.rstrip().splitlines()[-1].strip().startswith("because X: 1 → 2")
    both = told(project, "both")
    assert both.count("because X: 1 → 2") == 1
    assert "1 ran in the same run, as shown above" in both
    # A temporary file is needed by a job, which has its own reasons.
    assert "because needed by both\n    both ran in the same run\n      because 1 came out" in told(
        project, "temp0"
    )


def test_where_the_story_ends_before_its_beginning_a_line_says_where_it_goes_on(project):
    project.script(CHAIN.format(x=1, steps=60))
    assert project.ppg("run", "script.py").code == 0
    project.script(CHAIN.format(x=2, steps=60))
    now = told(project, "script.py", "60")
    assert project.ppg("run", "script.py").code == 0
    for text in (told(project, "60"), now):
        last = text.rstrip().splitlines()[-1]
        assert "X: 1 → 2" not in text
        assert "goes on there: ppg why" in last
        goes_on = told(project, last.split()[-1])
        assert goes_on.startswith(last.split()[-1])


def test_a_job_that_ran_in_another_run_is_named_with_the_number_of_that_run(project):
    script = """
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("up", writes("{}"))
        ppg.FileGeneratingJob("down", writes("d")).depends_on("up")
        ppg.run_pipegraph(targets={})
    """
    project.script(script.format("1", None))
    project.ppg("run", "script.py")
    project.script(script.format("2", ["up"]))
    project.ppg("run", "script.py")
    project.script(script.format("2", None))
    project.ppg("run", "script.py")
    assert "because up came out differently\n    up ran before, in run 2; 'ppg why up' shows why" in told(
        project, "down"
    )
