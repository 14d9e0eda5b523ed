"""`ppg verify`: whether everything is as the last run left it, and nothing is done to find out."""

import os
import signal
import time

import pytest

DECLARED = """
X = 1
ppg.new_pipegraph()
a = ppg.FileGeneratingJob("a", writes("A")).depends_on_params({"x": X}).depends_on_file("input")
b = ppg.FileGeneratingJob("b", lambda path: path.write_text(Path("a").read_text() + "b")).depends_on(a)
t = ppg.TempFileGeneratingJob("t", writes("T"))
c = ppg.FileGeneratingJob("c", writes("C")).depends_on(t)
m = ppg.MultiFileGeneratingJob(["m1", "m2"], lambda paths: [path.write_text("m") for path in paths])
ppg.run_pipegraph()
"""
GENERATING = """
ppg.new_pipegraph()
a = ppg.FileGeneratingJob("a", writes("A"))
def load():
    Path("loads.log").open("a").write("load\\n")
def generate():
    Path("generated.log").open("a").write("generated\\n")
    for name in NAMES:
        ppg.FileGeneratingJob(f"g{name}", lambda path, name=name: path.write_text(name)).depends_on_file("input")
    ppg.FileGeneratingJob("of a", lambda path: path.write_text("x")).depends_on("a")
    def nested():
        ppg.FileGeneratingJob("deep", lambda path: path.write_text("deep"))
    ppg.JobGeneratingJob("nested", nested)
generator = ppg.JobGeneratingJob("generator", generate).depends_on(ppg.DataLoadingJob("load", load))
e = ppg.FileGeneratingJob("e", writes("E")).depends_on(generator)
e.depends_on(ppg.DependencyInjectionJob("injection", lambda: e.depends_on("a")))
ppg.run_pipegraph()
"""


def state_of(folder):
    """Every file with its content and times, and the folders with theirs."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        stat = path.lstat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path)] = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_mode, content)
    return found


@pytest.fixture
def verify(project):
    """Runs `ppg verify script.py` and sees to it that nothing was written; gives exit code and lines."""

    def run_verify(*options):
        before = state_of(project.folder)
        ended = project.ppg("verify", *options, "script.py")
        after = state_of(project.folder)
        assert [name for name in {**before, **after} if before.get(name) != after.get(name)] == []
        assert "Traceback" not in ended.err
        return ended.code, ended.out.splitlines()

    return run_verify


@pytest.fixture
def built(project):
    """A project in which everything has been built."""
    (project / "input").write_text("1")
    (project / "logs").mkdir()
    project.script(DECLARED)
    assert project.ppg("run", "script.py").code == 0
    return project


def edit(project, old, new):
    path = project / "script.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_was_just_built_is_verified(built, verify):
    for options in ((), ("--hash",)):
        code, lines = verify(*options)
        assert code == 0
        assert lines == ["verified: nothing would run, and every output is what its record says (5 jobs)"]


def test_where_nothing_was_run_yet_everything_would_run_and_no_status_file_appears(project, verify):
    (project / "input").write_text("1")
    project.script(DECLARED)
    code, lines = verify()
    assert code == 1
    assert lines == [
        "would run   a: new: never built",
        "would run   b: new: never built",
        "would run   t: new: never built; needed by c",
        "would run   c: new: never built",
        "would run   m1:m2: new: never built",
        "note: there is no status file; nothing was run here yet",
        "not verified: 5 would run; 5 jobs were checked",
    ]


def test_touched_files_with_the_same_bytes_are_fine(built, verify):
    for name in ("a", "input", "m2"):
        os.utime(built / name)
    assert verify()[0] == 0


def test_each_way_in_which_a_file_can_be_wrong_is_reported(built, verify):
    (built / "a").write_text("other")
    (built / "b").unlink()
    (built / "m1").write_text("")
    (built / "m2").unlink()
    code, lines = verify()
    assert code == 1
    assert lines == [
        "would run   a: a is not as it was left (1 → 5 bytes)",
        "would run   b: b is missing",
        "would run   m1:m2: m2 is missing",
        "not verified: 3 would run; 5 jobs were checked",
    ]


def test_changed_inputs_and_what_may_follow_are_reported(built, verify):
    edit(built, "X = 1", "X = 2")
    (built / "input").write_text("2")
    code, lines = verify()
    assert code == 1
    assert lines == [
        "would run   a: x: 1 → 2; input changed (other content, 1 byte as before)",
        "may run     b: if a changes",
        "not verified: 1 would run, 1 may run; 5 jobs were checked",
    ]


def test_an_input_that_is_gone_is_a_problem(built, verify):
    (built / "input").unlink()
    code, lines = verify()
    assert code == 1
    assert lines[0].startswith("problem     input: the input file 'input' does not exist")
    assert lines[1:] == [
        "cannot run  a",
        "cannot run  b",
        "not verified: 1 problem, 2 cannot run; 5 jobs were checked",
    ]


def test_bytes_that_changed_behind_an_unchanged_stat_are_found_by_hash(built, verify):
    path = built / "a"
    stat = path.stat()
    # Nobody can set the change time, so the record is made to agree with the changed file.
    path.write_text("Z")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    code, lines = verify("--hash")
    assert code == 1
    assert lines[0] == "would run   a: a is not as it was left (other content, 1 byte as before)"


def test_jobs_that_are_not_declared_any_more_are_reported_and_are_no_error(built, verify):
    edit(built, "t = ppg.Temp", "ppg.Temp")
    edit(built, 'c = ppg.FileGeneratingJob("c", writes("C")).depends_on(t)', "")
    code, lines = verify()
    assert code == 0
    assert lines[0] == "note: c ran in former times, and is not declared any more"


def test_of_a_script_that_names_targets_only_these_are_verified(built, verify):
    edit(built, "run_pipegraph()", 'run_pipegraph(targets=["b"])')
    (built / "m1").unlink()
    code, lines = verify()
    assert code == 0
    assert "note: m1:m2 was not checked: it is pruned, or no target needs it" in lines
    assert lines[-1].endswith("(2 jobs)")


def test_pruned_jobs_are_reported_as_not_checked(built, verify):
    edit(built, "ppg.run_pipegraph()", "m.prune(); ppg.run_pipegraph()")
    (built / "m1").unlink()
    code, lines = verify()
    assert code == 0
    assert "note: m1:m2 was not checked: it is pruned, or no target needs it" in lines


def test_a_killed_run_leaves_what_can_be_verified_and_verifying_leaves_it_alone(project, verify):
    project.gate("slow")
    project.script("""
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("first", writes("1"))
        ppg.FileGeneratingJob("slow", waits).depends_on("first")
        ppg.run_pipegraph()
    """)
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    give_up = time.monotonic() + 60
    while not (project / "first").exists():
        assert time.monotonic() < give_up
    run.send_signal(signal.SIGKILL)
    run.wait()
    project.wait_until_nothing_runs()
    for name in ("slow.began", "slow.go"):
        (project / name).unlink()
    code, lines = verify()
    assert code == 1
    assert "would run   slow: new: never built" in lines


def test_verifying_works_while_a_run_goes_on(project):
    project.gate("slow")
    project.script("""
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("slow", waits)
        ppg.run_pipegraph()
    """)
    run = project.start("run", "script.py")
    project.wait_until_began("slow")
    ended = project.ppg("verify", "script.py")
    assert (ended.code, ended.out.splitlines()[0]) == (1, "would run   slow: new: never built")
    project.let_go("slow")
    assert run.wait(60) == 0


def test_in_a_folder_that_may_only_be_read_it_works_the_same(built):
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everywhere")
    built.folder.chmod(0o555)
    try:
        assert built.ppg("verify", "script.py").code == 0
    finally:
        built.folder.chmod(0o755)


def test_what_the_script_prints_is_not_among_the_results_and_its_errors_are_2(project):
    (project / "input").write_text("1")
    project.script("print('noise')" + DECLARED)
    ended = project.ppg("verify", "script.py")
    assert "noise" not in ended.out
    assert "noise" in ended.err
    project.script("ppg.new_pipegraph()\n1 / 0")
    ended = project.ppg("verify", "script.py")
    assert (ended.code, ended.out) == (2, "")
    assert "ZeroDivisionError" in ended.err
    assert project.ppg("verify", "nowhere.py").code == 2


def test_a_module_of_the_project_leaves_no_compiled_form_beside_it(project, verify):
    (project / "helper.py").write_text("TEXT = 'x'\n")
    project.script("import helper\nppg.new_pipegraph()\nppg.FileGeneratingJob('a', writes(helper.TEXT))")
    verify()


def test_names_with_line_ends_stay_on_their_line(project, verify):
    project.script("ppg.new_pipegraph(); ppg.FileGeneratingJob('two\\nlines', writes('x'))")
    assert verify()[1][0] == "would run   two\\nlines: new: never built"


# -- generators ------------------------------------------------------------------------------------------


@pytest.fixture
def generated(project):
    """A project with generators, in which everything has been built."""
    (project / "input").write_text("1")
    project.script('NAMES = "xy"\n' + GENERATING)
    assert project.ppg("run", "script.py").code == 0
    assert (project / "generated.log").read_text() == "generated\n"
    return project


def test_generators_are_not_run_and_what_they_made_last_time_is_verified(generated, verify):
    code, lines = verify()
    assert code == 0
    assert lines == [
        "note: generator is a generator that was not run: its jobs of last time were checked (4 jobs)",
        "note: injection is a generator that was not run: its jobs of last time were checked (0 jobs)",
        "note: nested is a generator that was not run: its jobs of last time were checked (1 job)",
        "verified: nothing would run, and every output is what its record says (10 jobs)",
    ]


def test_outputs_and_inputs_of_generated_jobs_are_looked_at(generated, verify):
    (generated / "gx").unlink()
    (generated / "deep").write_text("shallow")
    code, lines = verify()
    assert code == 1
    assert lines[:2] == [
        "would run   gx: gx is missing",
        "would run   deep: deep is not as it was left (4 → 7 bytes)",
    ]
    (generated / "input").write_text("2")
    assert "would run   gy: input changed (other content, 1 byte as before)" in verify()[1]
    assert "may run     of a: if a changes" not in verify()[1]
    (generated / "a").write_text("other")
    assert "may run     of a: if a changes" in verify()[1]
    assert "may run     e: if a changes" in verify()[1]


def test_a_generator_that_changed_is_not_taken_to_make_the_same(generated, verify):
    edit(generated, 'NAMES = "xy"', 'NAMES = "xyz"')
    code, lines = verify()
    assert code == 1
    assert lines[:2] == [
        "would run   generator: NAMES: 'xy' → 'xyz' (used by generate)",
        "would run   load: needed by generator",
    ]
    assert any("it may make other jobs now than last time" in line for line in lines)


def test_a_generator_that_never_ran_is_not_verified(project, verify):
    project.script("ppg.new_pipegraph(); ppg.JobGeneratingJob('g', lambda: None)")
    assert verify()[1][0] == "would run   g: new: never built"


def test_what_a_generator_used_and_is_not_declared_any_more_is_reported(generated, verify):
    edit(generated, 'a = ppg.FileGeneratingJob("a", writes("A"))', "")
    code, lines = verify()
    assert code == 1
    assert "problem     generator: it used 'a' last time, which does not exist any more" in lines


def test_a_job_that_would_close_a_circle_now_is_reported(generated, verify):
    edit(generated, "ppg.run_pipegraph()", "a.depends_on(e); ppg.run_pipegraph()")
    code, lines = verify()
    assert code == 1
    assert any(
        line.startswith(
            "problem     injection: it let 'e' depend on 'a' last time, which would close a circle"
        )
        for line in lines
    )


def test_the_next_run_agrees_with_what_was_verified(generated, verify):
    (generated / "gx").unlink()
    (generated / "input").write_text("2")
    _, lines = verify()
    foretold = {line.split()[2].rstrip(":") for line in lines if line.startswith("would run")}
    (generated / "logs").mkdir()
    generated.ppg("run", "script.py")
    ran = (generated / "logs/ppg_run.txt").read_text()
    assert foretold == {"gx", "gy"}
    assert {name for name in ("a", "gx", "gy", "of a", "deep", "e") if f" done: {name} " in ran} == foretold
    assert verify()[0] == 0


def test_a_changed_cache_that_no_job_needs_now_is_reported_and_is_no_error(project, verify):
    project.script("""
        class Holder: pass
        holder = Holder()
        ppg.new_pipegraph()
        cached = ppg.CachedAttributeLoadingJob("cached", holder, "value", lambda: 1)
        ppg.FileGeneratingJob("a", lambda path: path.write_text(str(holder.value))).depends_on(cached)
    """)
    assert project.ppg("run", "script.py").code == 0
    (project / "cached").write_bytes(b"other")
    code, lines = verify()
    assert (code, len(lines)) == (0, 2)
    assert lines[0] == (
        "note: cached is not as it was left; nothing needs it now, and it is made again when something does"
    )
    (project / "cached").unlink()
    assert verify()[1][0].startswith("note: cached is missing; ")
    (project / "a").unlink()
    assert not any(line.startswith("note: cached") for line in verify()[1])


def test_so_is_a_cache_that_a_generator_has_made_last_time_and_also_beside_declared_ones(project, verify):
    project.script("""
        class Holder: pass
        holders = {"declared": Holder(), "generated": Holder()}
        ppg.new_pipegraph()
        def pair(name):
            holder = holders[name]
            cached = ppg.CachedAttributeLoadingJob(name, holder, "value", lambda: 1)
            made = ppg.FileGeneratingJob(f"of {name}", lambda path: path.write_text(str(holder.value)))
            made.depends_on(cached)
            temporary = ppg.TempFileGeneratingJob(f"temporary for {name}", writes("t"))
            ppg.FileGeneratingJob(f"from temporary for {name}", writes("f")).depends_on(temporary)
        pair("declared")
        ppg.JobGeneratingJob("generator", lambda: pair("generated"))
    """)
    assert project.ppg("run", "script.py").code == 0

    def altered():
        code, lines = verify()
        assert code == 0
        return [line for line in lines if "nothing needs it now" in line]

    assert altered() == []
    (project / "generated").write_bytes(b"other")
    (project / "declared").write_bytes(b"")
    assert altered() == [
        f"note: {state}; nothing needs it now, and it is made again when something does"
        for state in ("declared is empty", "generated is not as it was left")
    ]
    (project / "of generated").unlink()
    code, lines = verify()
    assert code == 1
    assert not any(line.startswith("note: generated is") for line in lines)


def test_jobs_with_equal_reasons_are_one_line_with_the_values_and_their_number(project, verify):
    script = """
        ppg.new_pipegraph()
        for number in range(300):
            ppg.FileGeneratingJob(f"s{{number}}", writes("s")).depends_on_params({{"minq": {minq}}})
        ppg.FileGeneratingJob("all", writes("a")).depends_on([f"s{{number}}" for number in range(300)])
    """
    project.script(script.format(minq=20))
    assert project.ppg("run", "script.py").code == 0
    project.script(script.format(minq=29))
    (project / "s7").unlink()
    code, lines = verify()
    assert code == 1
    assert lines == [
        "would run   299 jobs: minq: 20 → 29 (s0, s1, s2, …)",
        "would run   s7: s7 is missing; minq: 20 → 29",
        "may run     all: if s0 or s1 or s2 or s3 or s4 or one of 295 others changes",
        "not verified: 300 would run, 1 may run; 301 jobs were checked",
    ]


def test_many_missing_inputs_are_one_line_and_so_are_the_jobs_that_they_block(project, verify):
    project.script("""
        ppg.new_pipegraph()
        for number in range(20):
            ppg.FileGeneratingJob(f"s{number}", writes("s")).depends_on_file(f"in{number}")
    """)
    code, lines = verify()
    assert code == 1
    assert lines == [
        "problem     20 jobs: the input file … does not exist; put it right, or correct its name in the script (in0, in1, in2, …)",
        "cannot run  20 jobs (s0, s1, s2, …)",
        "note: there is no status file; nothing was run here yet",
        "not verified: 20 problems, 20 cannot run; 20 jobs were checked",
    ]
