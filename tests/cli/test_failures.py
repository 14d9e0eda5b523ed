"""What a user sees of jobs that fail: what, where, its output, and what to do."""

import re

import pytest


@pytest.fixture
def told(project):
    """Runs a script whose jobs fail; gives what was said of each job, by its id, and all of it."""

    def run(script):
        (project / "logs").mkdir()
        path = project.script(script)
        ended = project.ppg("run", "script.py")
        assert ended.code == 1
        lines = path.read_text().splitlines()
        sections = re.split(r"^ppg: ", ended.err, flags=re.MULTILINE)
        failed = {section.split("'")[1]: section for section in sections if section.startswith("FAILED '")}

        def line_of(text):
            (number,) = [number for number, line in enumerate(lines, 1) if text in line]
            return f"{path}:{number}\n"

        return failed, line_of, ended.err

    return run


CRASHES = """
import ctypes
def crash():
    ctypes.string_at(0)  # here
def crashes(path):
    print("printed before", flush=True)
    crash()
def loads():
    crash()
ppg.new_pipegraph()
ppg.FileGeneratingJob("crashes", crashes)
load = ppg.DataLoadingJob("load", loads)  # the load
ppg.FileGeneratingJob("needs it", writes("x")).depends_on(load)
"""


def test_a_crash_in_native_code_shows_where_the_job_was_and_nothing_of_the_way_there(told, project):
    failed, line_of, _ = told(CRASHES)
    _, _, number = line_of("# here").strip().rpartition(":")
    for job, function in (("crashes", "crashes"), ("load", "loads")):
        section = failed[job]
        assert "signal 11 (SIGSEGV)" in section
        assert f'script.py", line {number} in crash\n' in section
        assert f" in {function}\n" in section
        assert "ppg_exec" not in section
        assert "job_process" not in section
    assert "printed before" in failed["crashes"]
    assert f"It is declared at {line_of('# the load')}" in failed["load"]
    # The log leaves nothing out.
    assert "ppg_exec" in (project / "logs/ppg_errors.txt").read_text()


def test_the_crash_of_one_node_is_not_reported_for_the_next(told):
    failed, _, _ = told("""
        import ctypes, os, signal
        def killed():
            os.kill(os.getpid(), signal.SIGKILL)
        ppg.new_pipegraph()
        crash = ppg.DataLoadingJob("crash", lambda: ctypes.string_at(0))
        ppg.FileGeneratingJob("a", writes("x")).depends_on(crash)
        after = ppg.FileGeneratingJob("after", lambda path: time.sleep(0) or path.write_text("x"))
        kill = ppg.DataLoadingJob("kill", killed)
        ppg.FileGeneratingJob("b", writes("x")).depends_on(kill, after)
    """)
    assert "Fatal Python error" in failed["crash"]
    assert "Fatal Python error" not in failed["kill"]


FAILURES = """
import threading
lock, other_lock = threading.Lock(), threading.Lock()
class Data:
    pass
def locks(path):
    with lock:
        path.write_text("x")
ppg.new_pipegraph()
ppg.FileGeneratingJob("leaves", lambda path: sys.exit("no such option"))  # leaves
ppg.FileGeneratingJob("forgets", lambda path: print("done"))  # forgets
ppg.FileGeneratingJob("locks", locks)  # locks
load = ppg.AttributeLoadingJob("load", Data, "x", lambda: str(other_lock))  # load
ppg.FileGeneratingJob("needs load", writes("x")).depends_on(load)
ppg.FileGeneratingJob("wide", writes("x")).use_cores(100_000)  # wide
ppg.FileGeneratingJob("needs input", writes("x")).depends_on_file("no such input")  # input
ppg.FileGeneratingJob("slow", lambda path: time.sleep(1000), timeout=0.2)  # slow
def eats(path):
    raise MemoryError
ppg.FileGeneratingJob("eats", eats)
"""


def test_a_failure_without_a_traceback_shows_the_declaration_and_the_remedy(told):
    failed, line_of, _ = told(FAILURES)
    for job, mark, remedy in (
        ("leaves", "# leaves", "to fail, let the callback raise an exception"),
        ("forgets", "# forgets", "missing: forgets"),
        ("locks", "# locks", "function → global 'lock' → lock cannot be pickled"),
        ("load", "# load", "function → global 'other_lock' → lock cannot be pickled"),
        ("wide", "# wide", "Let it ask for less (cores_needed, memory_needed), or allow more"),
        ("no such input", "# input", "put it right, or correct its name in the script"),
        ("slow", "# slow", "give it more (timeout=...)"),
    ):
        assert remedy in failed[job]
        assert f"  It is declared at {line_of(mark)}" in failed[job]
    assert "  stderr:\n    no such option\n" in failed["leaves"]
    assert "  stdout:\n    done\n" in failed["forgets"]
    assert "MemoryError\n  'eats' got no more memory" in failed["eats"]
    assert "It is declared" not in failed["eats"]


def test_at_the_end_the_failed_jobs_are_counted_once_more(told):
    _, _, said = told("""
        ppg.new_pipegraph()
        for number in range(23):
            ppg.FileGeneratingJob(f"a{number}", lambda path: 1 / 0)
        ppg.FileGeneratingJob("good", writes("x"))
    """)
    *_, failed, remedy, summary = said.splitlines()
    assert re.fullmatch(
        r"ppg: failed  ZeroDivisionError: division by zero \(.*script\.py:19\): 23 jobs \(a0, a1, a2, …\)",
        failed,
    )
    assert remedy.startswith("ppg: Fix what failed and run again: only these jobs and their downstream jobs")
    assert summary.startswith("ppg: 1 ran, 0 up to date, 23 failed, 0 blocked")
