"""The live view in a real terminal emulator of 80 columns and 24 rows."""

import re
import sys

import pytest

from tests.cli.project import PPG
from tests.cli.tmux import PROMPT

LONG = "results/a_long_folder_name_of_a_real_project/with_many_parts/sample_number_{}.filtered.sorted.bam"

WAITING = f"""
LONG = {LONG!r}
def slow(path):
    print("reading", path.name)
    print("chunk 17 of 40 " + "x" * 200, flush=True)
    waits(Path("gate"), path)
def waits(gate, path):
    os.close(os.open("gate.began", os.O_WRONLY))
    os.close(os.open("gate.go", os.O_RDONLY))
    path.write_text("waited")
ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2, share_cores=False))
ppg.FileGeneratingJob("first", writes("1"))
ppg.FileGeneratingJob(LONG.format(1), slow).depends_on("first")
ppg.FileGeneratingJob("last", writes("3")).depends_on(LONG.format(1))
ppg.run_pipegraph()
"""

RUN = f"{PPG} run script.py"


@pytest.fixture
def waiting(project):
    """A script with a long job that waits at a gate."""
    project.gate("gate")
    project.script(WAITING)
    return project


def block_of(rows):
    """The rows of the block: from the counts to the last row with text."""
    (begin,) = [number for number, row in enumerate(rows) if re.match(r"\d[\d,]* of [\d,]+ jobs?,", row)]
    rest = rows[begin:]
    while rest and not rest[-1].strip():
        rest = rest[:-1]
    return rest


def is_one_block(rows, columns):
    """Whether the block is there once, each of its lines in one row."""
    counts = [row for row in rows if re.search(r"\d of [\d,]+ jobs?,", row)]
    bars = [row for row in rows if " so far" in row]
    return (
        len(counts) == len(bars) == 1
        and all(len(row) <= columns for row in rows)
        and "" not in block_of(rows)
    )


def shows_running(rows):
    return any("reading" in row or "chunk 17" in row for row in rows)


@pytest.mark.parametrize("command", [RUN, f"{sys.executable} script.py"])
def test_the_view_is_one_block_with_what_runs_and_its_last_line_of_output(waiting, tmux, command):
    screen = tmux()
    screen.enter(command)
    waiting.wait_until_began("gate")
    rows = screen.wait_for(shows_running)
    assert is_one_block(rows, 80), "\n".join(rows)
    block = block_of(rows)
    assert re.fullmatch(r"1 of 3 jobs, 1 ran, 0 up to date, 1 running", block[0])
    assert re.match(r"\[=+\.+\]  33 %  [0-9.]+ s so far", block[1])
    assert re.match(r" +[0-9.]+ s +[0-9.]+ [kMG]B  ….*sorted.bam  chunk 17 of 40 x+…$", block[2])
    assert len(block) == 3
    waiting.let_go("gate")
    rows = screen.wait_for_prompt()
    assert not any(" so far" in row for row in rows)
    assert any("3 ran, 0 up to date, 0 failed, 0 blocked" in row for row in rows)
    assert rows[rows.index(PROMPT.strip()) - 1].startswith("3 ran")


def test_after_each_resize_the_block_is_one_block_again(waiting, tmux):
    screen = tmux()
    screen.enter(RUN)
    waiting.wait_until_began("gate")
    screen.wait_for(shows_running)
    for columns, rows in ((40, 24), (120, 24), (30, 10), (80, 6), (100, 40), (80, 24)):
        screen.resize(columns, rows)
        screen.wait_for(lambda shown, columns=columns: is_one_block(shown, columns))
    waiting.let_go("gate")
    # What the terminal itself has moved out of its window is out of reach.
    left = screen.wait_for_prompt()
    assert not any("chunk 17" in row or " so far" in row for row in left), "\n".join(left)
    assert sum(row.startswith("3 ran") for row in left) == 1


def test_what_is_typed_stays_and_enter_and_commands_are_answered_above_the_block(waiting, tmux):
    screen = tmux()
    screen.enter(RUN)
    waiting.wait_until_began("gate")
    screen.wait_for(shows_running)
    screen.type("why la")
    rows = screen.wait_for_text("why la")
    # It is drawn again and again meanwhile.
    time_shown = next(row for row in rows if " so far" in row)
    rows = screen.wait_for(lambda rows: any(" so far" in row and row != time_shown for row in rows))
    assert "why la" in rows
    assert is_one_block(rows, 80)
    assert screen.cursor()[0] == len("why la")
    screen.enter("st")
    screen.wait_for_text("last: has to run. It waits for results/", "in the end it waits for what runs")
    screen.press("Enter")
    screen.wait_for_text("running for")
    answer = "sample_number_1.filtered.sorted.bam"
    screen.wait_for(
        lambda rows: (
            any(row.endswith(answer) for row in rows)
            and is_one_block(rows[max(n for n, row in enumerate(rows) if row.endswith(answer)) + 1 :], 80)
        )
    )
    waiting.let_go("gate")
    screen.wait_for_prompt()
    left = screen.everything()
    assert not any(" so far" in row for row in left), "\n".join(left)


def test_ctrl_c_leaves_the_account_and_nothing_of_the_block(waiting, tmux):
    screen = tmux()
    screen.enter(RUN)
    waiting.wait_until_began("gate")
    screen.wait_for(shows_running)
    screen.press("C-c")
    rows = screen.wait_for_prompt()
    assert any("1 ran, 0 up to date, 0 failed, 0 blocked, 2 not done" in row for row in rows)
    assert not any(" so far" in row or "chunk 17" in row for row in rows), "\n".join(rows)
    screen.enter("echo code $?")
    screen.wait_for_text("code 130")


def test_ctrl_z_gives_the_screen_to_the_shell_and_fg_brings_the_block_back(waiting, tmux):
    screen = tmux()
    screen.enter(RUN)
    waiting.wait_until_began("gate")
    screen.wait_for(shows_running)
    screen.press("C-z")
    rows = screen.wait_for_prompt()
    assert not any(" so far" in row for row in rows), "\n".join(rows)
    screen.enter("bg")
    screen.wait_for_prompt()
    screen.enter("echo in the shell")
    rows = screen.wait_for(lambda rows: "in the shell" in rows)
    assert not any(" so far" in row for row in rows), "a run in the background draws:\n" + "\n".join(rows)
    screen.enter("fg")
    rows = screen.wait_for(shows_running)
    assert is_one_block(rows, 80), "\n".join(rows)
    assert "in the shell" in rows
    waiting.let_go("gate")
    screen.wait_for_prompt()
    assert sum(row.startswith("3 ran") for row in screen.everything()) == 1


def test_what_a_script_prints_meanwhile_stays_above_the_block(waiting, tmux):
    waiting.script(
        WAITING.replace(
            "ppg.run_pipegraph()",
            """
import threading
def talk():
    for number in range(40):
        done.wait(0.05)
        print("the script says", number, "w" * 100)
        os.system("echo and a program too >&2")
done = threading.Event()
talking = threading.Thread(target=talk)
talking.start()
ppg.run_pipegraph()
talking.join()
""",
        )
    )
    screen = tmux()
    screen.enter(RUN)
    waiting.wait_until_began("gate")
    screen.wait_for_text("the script says 39")
    rows = screen.wait_for(lambda rows: shows_running(rows) and is_one_block(rows[-8:], 80))
    assert block_of(rows)
    waiting.let_go("gate")
    screen.wait_for_prompt()
    left = screen.everything()
    for number in range(40):
        assert f"the script says {number} {'w' * 100}" in left
    assert left.count("and a program too") == 40
    assert not any(" so far" in row for row in left), "\n".join(left)


MANY = """
ppg.new_pipegraph()
def make(path):
    if path.name in {{"job17", "job500"}}:
        raise ValueError("bad header")
    path.write_text("x")
for number in range({jobs}):
    ppg.FileGeneratingJob(f"out/job{{number}}", make)
last = ppg.FileGeneratingJob("last", lambda path: waits(Path("gate")))
last.depends_on([f"out/job{{number}}" for number in range({jobs}) if number not in {{17, 500}}])
ppg.run_pipegraph()
"""


@pytest.mark.parametrize("jobs", [2_000])
def test_many_short_jobs_leave_one_block_and_a_short_account(project, tmux, jobs):
    project.gate("gate")
    project.script(MANY.format(jobs=jobs))
    screen = tmux()
    screen.enter(RUN)
    project.wait_until_began("gate")
    rows = screen.wait_for(
        lambda rows: (
            any(f"{jobs:,} of {jobs + 1:,} jobs, {jobs - 2:,} ran" in row for row in rows)
            and any("  last" in row for row in rows)
        )
    )
    assert is_one_block(rows, 80), "\n".join(rows)
    block = block_of(rows)
    assert re.search(r"2 failed, 1 running", " ".join(block))
    assert "failed  ValueError: bad header: 2 jobs" in block
    everything = screen.everything()
    assert sum("FAILED" in row for row in everything) == 1
    assert len([row for row in everything if row.strip()]) < 24, "\n".join(everything)
    project.let_go("gate")
    screen.wait_for_prompt()
    account = [row for row in screen.everything() if row.strip()]
    assert any(row.startswith(f"why     new: never built: {jobs + 1:,} jobs (out/job0,") for row in account)
    assert any(
        row.startswith("failed  ValueError: bad header (make(), script.py:20): 2 jobs") for row in account
    )
    assert len(account) < 24, "\n".join(account)


@pytest.mark.nightly
def test_a_hundred_thousand_jobs_are_as_calm(project, tmux):
    project.script(MANY.format(jobs=100_000))
    screen = tmux()
    screen.enter(RUN)
    rows = screen.wait_for_text("of 100,001 jobs", " so far")
    assert is_one_block(rows, 80), "\n".join(rows)
    screen.resize(60, 20)
    screen.wait_for(lambda rows: is_one_block(rows, 60))
    screen.press("C-c")
    rows = screen.wait_for_prompt()
    assert any("not done" in row for row in rows)
    assert len([row for row in screen.everything() if row.strip()]) < 24


def test_what_jobs_print_is_theirs_also_in_forks_of_the_script(project, tmux):
    project.script("""
        ppg.new_pipegraph(ppg.LocalSystem(start_method="fork"))
        def fails(path):
            print("printed by the job")
            print("complained by the job", file=sys.stderr)
            raise ValueError("no luck")
        ppg.FileGeneratingJob("a", fails)
        print("printed by the script")
        ppg.run_pipegraph()
    """)
    screen = tmux()
    screen.enter(RUN)
    rows = [row for row in screen.wait_for_prompt() if row.strip()]
    assert rows[1] == "printed by the script"
    for name, line in (("stdout", "printed by the job"), ("stderr", "complained by the job")):
        assert rows[rows.index(f"  {name}:") + 1] == f"    {line}"
        assert sum(line in row for row in rows) == 1


def test_without_colours_the_block_has_none(waiting, tmux):
    screen = tmux(NO_COLOR="1")
    screen.enter(RUN)
    waiting.wait_until_began("gate")
    screen.wait_for(shows_running)
    assert "\x1b[" not in screen.coloured()
    waiting.let_go("gate")
    screen.wait_for_prompt()
    assert "\x1b[" not in screen.coloured()


def test_with_colours_it_has_some(waiting, tmux):
    screen = tmux()
    screen.enter(RUN)
    waiting.wait_until_began("gate")
    screen.wait_for(shows_running)
    assert "\x1b[" in screen.coloured()


@pytest.mark.parametrize("command", [RUN, f"{sys.executable} script.py"])
def test_a_dumb_terminal_gets_plain_lines(waiting, tmux, command):
    screen = tmux(TERM="dumb")
    screen.enter(command)
    waiting.wait_until_began("gate")
    screen.press("Enter")
    screen.wait_for_text("ppg: 1 of 3 jobs, 1 ran, 0 up to date, 1 running")
    waiting.let_go("gate")
    rows = screen.wait_for_prompt()
    assert any(row.startswith("ppg: 3 ran, 0 up to date") for row in rows)
    assert not any(" so far" in row for row in rows)


def test_a_kind_of_failure_is_shown_once_above_and_counted_in_the_block(project, tmux):
    project.gate("gate")
    project.script("""
        ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2, share_cores=False))
        def parse(path):
            print("reading", path)
            raise ValueError("bad header in " + path.name)
        for number in range(50):
            ppg.FileGeneratingJob(f"sample{number}", parse)
        ppg.FileGeneratingJob("gate", waits)
    """)
    screen = tmux()
    screen.enter(RUN)
    project.wait_until_began("gate")
    rows = screen.wait_for(
        lambda rows: any(
            re.match(r"failed  ValueError: bad header in sample\d+: 50 jobs", row) for row in rows
        )
    )
    assert is_one_block(rows, 80)
    assert sum("FAILED" in row for row in screen.everything()) == 1
    project.let_go("gate")
    screen.wait_for_prompt()


def test_lines_of_the_account_break_between_words(project, tmux):
    project.script("""
    def fails(path):
        raise ValueError("the sample has no reads in it at all")
    ppg.new_pipegraph()
    for number in range(3):
        ppg.FileGeneratingJob(f"results/sample_with_a_name_{number}.bam", fails)
    ppg.run_pipegraph()
    """)
    screen = tmux(60, 40)
    screen.enter(RUN)
    rows = screen.wait_for_prompt()
    first = next(number for number, row in enumerate(rows) if row.startswith("failed "))
    assert rows[first + 1].startswith("        "), "\n".join(rows)
    words = " ".join(row.strip() for row in rows[first : first + 5]).split()
    assert {"(results/sample_with_a_name_0.bam,", "results/sample_with_a_name_1.bam,"} <= set(words)
