"""The options of `ppg run`: what runs, how it is shown, and what is written for other programs."""

import json
import re
import signal

import pytest

SCRIPT = """
ppg.new_pipegraph()
X = 1
a = ppg.FileGeneratingJob("a", writes("A")).depends_on_params(X)
b = ppg.FileGeneratingJob("b", lambda path: path.write_text(Path("a").read_text() + "b")).depends_on(a)
c = ppg.FileGeneratingJob("c", writes("C")).depends_on(b)
def generate():
    for name in ("x", "y"):
        ppg.FileGeneratingJob(name, writes(name)).depends_on("b")
ppg.JobGeneratingJob("generator", generate)
ppg.run_pipegraph()
"""
FAILS = """
def fail(path):
    raise ValueError("no luck\\n50%")
ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=1))
bad = ppg.FileGeneratingJob("bad", fail)
ppg.FileGeneratingJob("end", writes("x")).depends_on(ppg.FileGeneratingJob("between", writes("x")).depends_on(bad))
for number in range(20):
    ppg.FileGeneratingJob(f"b{number}", writes("x")).depends_on(ppg.FileGeneratingJob(f"a{number}", writes("x")))
"""


@pytest.fixture
def scripted(project):
    project.script(SCRIPT)
    return project


def edit(project, old, new):
    text = (project / "script.py").read_text()
    assert old in text
    (project / "script.py").write_text(text.replace(old, new))


def test_a_dry_run_tells_what_will_run_what_may_run_why_and_how_long_that_took(scripted):
    first = scripted.ppg("run", "script.py", "-n")
    assert first.code == 0
    assert "note: generator is a generator that never ran: its jobs are not known yet" in first.out
    assert not list(scripted.folder.glob(".pypipegraph*"))
    assert scripted.ppg("run", "script.py").code == 0
    assert "6 up to date" not in scripted.ppg("run", "script.py", "--dry-run").out
    edit(scripted, "X = 1", "X = 2")
    (scripted / "c").unlink()
    lines = scripted.ppg("run", "script.py", "-n").out.splitlines()
    assert lines[:6] == [
        "will run    a: parameters: 1 → 2",
        "will run    c: c is missing",
        "will run    generator: generators run every time",
        "may run     b: if a changes",
        "may run     x: if b changes",
        "may run     y: if b changes",
    ]
    assert lines[6] == "note: generator is a generator: 2 jobs of the last run are taken to be made again"
    assert re.fullmatch(
        r"dry run: 3 jobs will run \([0-9.]+ s by their last runs\), 3 may run \([0-9.]+ s by their last runs\), "
        "0 up to date",
        lines[7],
    )
    assert scripted.ppg("run", "script.py").summary == (3, 3, 0, 0)


def test_equal_reasons_are_one_line_of_a_dry_run(project):
    project.script("ppg.new_pipegraph()\nfor n in range(300): ppg.FileGeneratingJob(f'f{n}', writes('x'))")
    lines = project.ppg("run", "script.py", "-n").out.splitlines()
    assert lines == [
        "will run    300 jobs (f0, f1, f2 and 297 more): new: never built",
        "dry run: 300 jobs will run (300 never ran), 0 up to date",
    ]


def test_a_dry_run_with_a_job_that_cannot_run_is_1(project):
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A')).depends_on_file('gone')")
    ended = project.ppg("run", "script.py", "-n")
    assert ended.code == 1
    assert "problem     gone: " in ended.out
    assert "cannot run  a" in ended.out


def test_a_run_ends_with_a_job_or_runs_one_by_force(scripted):
    assert scripted.ppg("run", "script.py", "--until", "a").summary == (2, 0, 0, 0)
    assert not (scripted / "b").exists()
    assert scripted.ppg("run", "script.py").code == 0
    ended = scripted.ppg("run", "--force", "./a", "script.py", "--force", "c")
    assert ended.summary == (3, 3, 0, 0)
    assert "ppg: start   a: it was forced to run" in ended.err
    assert "a ran last" in (why := scripted.ppg("why", "a").out)
    assert "because it was forced to run" in why
    dry = scripted.ppg("run", "script.py", "-n", "--force", "a", "--until", "b").out
    assert "will run    a: it was forced to run\n" in dry
    assert "may run     b: if a changes\n" in dry


def test_a_run_that_fails_fast_ends_with_1_and_the_next_one_does_the_rest(project):
    project.script(FAILS)
    ended = project.ppg("run", "script.py", "--fail-fast")
    assert ended.code == 1
    assert "no more jobs start" in ended.err
    assert " not done" in ended.err
    ran = ended.summary[0]
    assert ran < 20
    assert project.ppg("run", "script.py").summary == (40 - ran, ran, 1, 2)


def test_a_quiet_run_shows_failures_and_nothing_else(project, scripted):
    assert scripted.ppg("run", "script.py", "--quiet").err == ""
    project.script(FAILS)
    ended = project.ppg("run", "script.py", "-q")
    assert ended.code == 1
    assert ended.err.startswith("ppg: FAILED 'bad': ValueError: no luck\n")
    assert "ppg: start" not in ended.err


def test_memory_and_cores_of_the_command_line_hold(project):
    project.script("""
        ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2))
        ppg.FileGeneratingJob("a", writes("A"), memory="3GB")
        graph = ppg.current_pipegraph()
        try:
            ppg.run()
        finally:
            print(graph.resource_coordinator.max_cores_to_use, graph.resource_coordinator.max_memory_to_use)
    """)
    ended = project.ppg("run", "script.py", "--memory", "2GB", "--cores", "1")
    assert ended.code == 1
    assert ended.out == "1 2000000000\n"
    ended = project.ppg("run", "script.py", "--memory", "much")
    assert (ended.code, "'much' is no size; write 500GB" in ended.err) == (2, True)


def test_events_are_json_lines_with_all_that_happened(scripted):
    assert scripted.ppg("run", "script.py", "--events", "events.jsonl").code == 0
    lines = [json.loads(line) for line in (scripted / "events.jsonl").read_text().splitlines()]
    assert [line["number"] for line in lines] == list(range(len(lines)))
    assert len({line["run"] for line in lines}) == 1
    assert {line["root"] for line in lines} == {str(scripted.folder)}
    assert lines[0]["event"] == "run_started"
    assert {line["job"] for line in lines if line["event"] == "finished"} == {
        "a",
        "b",
        "c",
        "x",
        "y",
        "generator",
    }
    assert (lines[-1]["event"], lines[-1]["ran"]) == ("run_finished", 6)
    assert scripted.ppg("run", "script.py", "--events", "events.jsonl").code == 0
    assert len((scripted / "events.jsonl").read_text().splitlines()) < len(lines)


def test_events_that_cannot_be_written_are_an_error_before_anything_runs(scripted):
    ended = scripted.ppg("run", "script.py", "--events", "no/such/folder/events")
    assert (ended.code, "name another file by --events" in ended.err) == (2, True)
    assert not (scripted / "a").exists()


def test_github_shows_each_failure_at_the_line_of_its_job(project):
    script = project.script(FAILS)
    line = script.read_text().splitlines().index('bad = ppg.FileGeneratingJob("bad", fail)') + 1
    project.environment |= {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(project.folder)}
    ended = project.ppg("run", "script.py")
    expected = f"::error file=script.py,line={line},title=job 'bad' failed::ValueError: no luck%0A50%25\n"
    assert expected in ended.err
    del project.environment["GITHUB_ACTIONS"]
    assert "::error" not in project.ppg("run", "script.py").err


@pytest.mark.parametrize(
    ("arguments", "environment", "has_colours"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        (("--color", "never"), {}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
    ],
)
def test_colours_are_switched_off_by_an_option_or_the_environment(
    project, terminal, arguments, environment, has_colours
):
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('a', writes('A'))")
    project.environment |= environment
    screen = terminal("run", "script.py", *arguments)
    assert screen.wait() == 0
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]", screen.said)) is has_colours, screen.said


def test_a_watched_script_runs_again_when_its_code_its_modules_or_its_inputs_change(project):
    (project / "input").write_text("1")
    project.script("TEXT = 'A'", "helper.py", prelude="")
    project.script("""
        import helper
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", lambda path: path.write_text(helper.TEXT + Path("input").read_text())).depends_on_file(
            "input"
        )
    """)
    run = project.start("run", "--watch", "script.py", "--plain")
    said = ""

    def expect(text):
        nonlocal said
        while text not in said:
            line = run.stdout.readline()
            assert line, said
            said += line
        said = ""

    expect("watching ")
    assert (project / "a").read_text() == "A1"
    for name, text, made in (("input", "2", "A2"), ("helper.py", "TEXT = 'B'", "B2")):
        (project / name).write_text(text)
        expect(f"{name} changed; running again")
        expect("watching ")
        assert (project / "a").read_text() == made
    (project / "script.py").write_text("def (")
    expect("is not valid Python")
    expect("watching 1 file;")
    run.send_signal(signal.SIGINT)
    assert run.wait() == 130
    assert "no longer watching" in run.stdout.read()


def test_watching_and_only_showing_do_not_go_together(scripted):
    assert scripted.ppg("run", "script.py", "--watch", "-n").code == 2
