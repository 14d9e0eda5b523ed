"""Jobs that run programs: their words, files, exit codes and streams, what counts of them, and how they end."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import ppg


@pytest.fixture
def tool(folder):
    """Puts a program of our own into a folder `bin`, which is first in PATH."""

    def make(name, script, interpreter="/bin/sh"):
        path = folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{interpreter}\n{textwrap.dedent(script)}")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def in_path(folder, monkeypatch):
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")


def counted(folder):
    """How often the programs of a test have run: each adds a line to `count`."""
    path = folder / "count"
    return len(path.read_text().splitlines()) if path.exists() else 0


COUNT = 'echo x >> "$COUNT"'


@pytest.fixture(autouse=True)
def count_in_environment(folder, monkeypatch):
    monkeypatch.setenv("COUNT", str(folder / "count"))


# -- words and files ---------------------------------------------------------------------------------------


def test_no_shell_takes_a_command_apart(run, folder):
    run(lambda: ppg.ExternalJob("out", ["printf", "%s\n", "$HOME * ; a  b", 3, 0.5], stdout="out"))
    assert (folder / "out").read_text() == "$HOME * ; a  b\n3\n0.5\n"


def test_paths_and_jobs_in_a_command_are_files_and_what_it_reads_it_depends_on(run, folder, writer, account):
    (folder / "input").write_text("I")

    def declare(text):
        made = ppg.FileGeneratingJob("made", writer(text))
        several = ppg.MultiFileGeneratingJob({"x": "several/x", "y": "several/y"}, both)
        ppg.ExternalJob("out", ["cat", Path("input"), made, several["y"], Path("late")], stdout="out")
        ppg.FileGeneratingJob("late", writer("L"))

    def both(files):
        for path in files.values():
            path.write_text(path.name)

    result = run(lambda: declare("M"))
    assert (folder / "out").read_text() == "IMyL"
    assert run(lambda: declare("M")).ran == []
    assert run(lambda: declare("N")).ran == ["made", "out"]
    assert (folder / "out").read_text() == "INyL"
    (folder / "input").write_text("J")
    result = run(lambda: declare("N"))
    assert result.ran == ["out"]
    assert result["out"].reasons == ("input changed",)


def test_all_files_of_a_job_are_arguments_and_the_parts_of_a_tuple_are_one(run, folder, writer):
    def declare():
        pair = ppg.MultiFileGeneratingJob(["a", "b"], lambda paths: [p.write_text("x") for p in paths])
        ppg.ExternalJob(
            "out", ["printf", "%s\n", pair, ("--both=", pair["a"], ",", Path("b")), None], stdout="out"
        )

    run(declare)
    assert (folder / "out").read_text() == "a\nb\n--both=a,b\n"


def test_a_file_is_never_taken_for_an_option_or_for_a_tool_in_the_path(run, folder, tool):
    tool("cat", "echo mine").rename(folder / "cat")
    (folder / "-n").write_text("input\n")

    def declare():
        ppg.ExternalJob("own", [Path("cat")], stdout="own")
        ppg.ExternalJob("out", ["cat", Path("-n")], stdout="out")

    run(declare)
    assert (folder / "own").read_text() == "mine\n"
    assert (folder / "out").read_text() == "input\n"


def test_a_program_that_a_job_makes_or_that_lies_in_the_project_counts_by_its_content(run, folder, tool):
    tool("mine", "echo 1")

    def declare():
        ppg.ExternalJob("out", [Path("bin/mine")], stdout="out")

    run(declare)
    tool("mine", "echo 2")
    assert run(declare).ran == ["out"]
    assert (folder / "out").read_text() == "2\n"


def test_outputs_can_be_named_and_a_folder_of_outputs_is_no_input(run, folder, tool, in_path):
    tool("split", 'mkdir -p "$1"; echo a > "$1/a"; echo b > "$1/b"; echo log')

    def declare():
        job = ppg.ExternalJob(
            {"a": "parts/a", "b": "parts/b", "log": "log"}, ["split", Path("parts")], stdout="log"
        )
        ppg.ExternalJob("only a", ["cat", job["a"]], stdout="only a")

    result = run(declare)
    assert (folder / "only a").read_text() == "a\n"
    assert (folder / "log").read_text() == "log\n"
    assert len(result.ran) == 2
    assert run(declare).ran == []
    (folder / "parts/b").unlink()
    assert run(declare).ran == ["log:parts/a:parts/b"]


def test_a_job_of_the_only_file_of_another_one_is_up_to_date_in_the_second_run(run):
    def declare():
        job = ppg.ExternalJob({"only": "a"}, ["echo", "a"], stdout="only")
        ppg.ExternalJob("b", ["cat", job["only"]], stdout="b")

    run(declare)
    assert run(declare).ran == []


def test_a_program_reads_its_stdin_from_a_file_or_else_nothing(run, folder, writer):
    (folder / "input").write_text("from a file")

    def declare():
        made = ppg.FileGeneratingJob("made", writer("from a job"))
        ppg.ExternalJob("a", ["cat"], stdin="input", stdout="a")
        ppg.ExternalJob("b", ["cat"], stdin=made, stdout="b")
        ppg.ExternalJob("c", ["cat"], stdout="c", empty_ok=True)

    run(declare)
    assert [(folder / name).read_text() for name in "abc"] == ["from a file", "from a job", ""]
    (folder / "input").write_text("another one")
    assert run(declare).ran == ["a"]


def test_another_working_directory_gets_absolute_names_and_finds_its_own_files(run, folder):
    (folder / "work").mkdir()
    (folder / "work" / "here").write_text("here")
    (folder / "input").write_text("input")
    run(
        lambda: ppg.ExternalJob(
            "out", ["cat", "here", Path("input")], stdout="out", working_directory=Path("work")
        )
    )
    assert (folder / "out").read_text() == "hereinput"


def test_names_with_spaces_quotes_and_line_breaks_are_passed_whole(run, folder):
    name = 'it\'s a "file"\n$x'
    (folder / name).write_text("odd")

    def declare():
        ppg.ExternalJob(f"{name}/out", ["cat", Path(name + ".in")], stdout=f"{name}/out")
        ppg.ExternalJob("shell", ["cat <", Path(name + ".in"), ">", Path("shell")], shell=True)

    (folder / name).rename(folder / f"{name}.in")
    run(declare)
    assert (folder / name / "out").read_text() == "odd"
    assert (folder / "shell").read_text() == "odd"


# -- the shell ---------------------------------------------------------------------------------------------


def test_a_shell_is_there_if_it_is_asked_for(run, folder):
    (folder / "words").write_text("b\na\nb\n")

    def declare():
        ppg.ExternalJob("text", "echo $((1 + 1)) > text", shell=True)
        ppg.ExternalJob(
            "counts", ["sort", Path("words"), "| uniq -c | tr -d ' ' >", Path("counts")], shell=True
        )

    run(declare)
    assert (folder / "text").read_text() == "2\n"
    assert (folder / "counts").read_text() == "1a\n2b\n"
    (folder / "words").write_text("c\n")
    assert run(declare).ran == ["counts"]


@pytest.mark.parametrize(
    "line", ["false | cat > out; echo x >> out", "echo $undefined > out", "false; echo x > out"]
)
def test_in_a_shell_every_part_counts(failing_run, folder, line):
    error, _ = failing_run(lambda: ppg.ExternalJob("out", line, shell=True))
    assert isinstance(error.exceptions["out"], ppg.CommandError)
    assert not (folder / "out").exists()


# -- what counts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"command": ["printf", "b"]}, "arguments[1] of the command: 'a' → 'b'"),
        ({"environment": {"A": "2"}}, "environment['A'] of the command: '1' → '2'"),
        ({"environment": {"A": "1", "B": "1"}}, "environment['B'] of the command: added, '1'"),
        ({"working_directory": "work"}, "working directory of the command: '.' → 'work'"),
        ({"stderr": "out"}, "stderr of the command: None → 'out'"),
    ],
)
def test_a_changed_word_variable_or_folder_counts_and_is_told(run, folder, changed, reason):
    (folder / "work").mkdir()
    options = {"command": ["printf", "a"], "environment": {"A": "1"}, "stdout": "out"}
    run(lambda: ppg.ExternalJob("out", **options))
    assert run(lambda: ppg.ExternalJob("out", **options)).ran == []
    result = run(lambda: ppg.ExternalJob("out", **(options | changed)))
    assert result.ran == ["out"]
    assert result["out"].reasons == (reason,)


@pytest.mark.parametrize(
    ("first", "second"), [(("a b",), ("a", "b")), ((1, "x"), ("1x",)), ((("a", "b"),), ("a", "b"))]
)
def test_commands_are_the_same_only_if_every_argument_is(run, first, second):
    run(lambda: ppg.ExternalJob("out", ["echo", *first], stdout="out"))
    assert run(lambda: ppg.ExternalJob("out", ["echo", *second], stdout="out")).ran == ["out"]


def test_cores_exit_codes_and_inherited_variables_do_not_count(run, monkeypatch):
    def declare(cores, success):
        job = ppg.ExternalJob("out", ["echo", "a", (ppg.CORES,)], stdout="out", success=success)
        job.cores_needed = cores

    run(lambda: declare(1, [0]))
    monkeypatch.setenv("UNRELATED", "1")
    assert run(lambda: declare(2, [0, 1]), resource_coordinator=ppg.LocalSystem(2)).ran == []


def test_ignore_code_changes_ignores_the_command(run):
    run(lambda: ppg.ExternalJob("out", ["echo", "a"], stdout="out").ignore_code_changes())
    assert run(lambda: ppg.ExternalJob("out", ["echo", "b"], stdout="out").ignore_code_changes()).ran == []


def test_a_project_that_was_moved_is_up_to_date(tmp_path, monkeypatch):
    def declare():
        ppg.new_pipegraph(quiet=True)
        ppg.ExternalJob("out", ["cat", Path("input")], stdout="out")
        return ppg.run_pipegraph()

    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "input").write_text("x")
    monkeypatch.chdir(tmp_path / "old")
    assert declare().ran == ["out"]
    (tmp_path / "old").rename(tmp_path / "new")
    monkeypatch.chdir(tmp_path / "new")
    assert declare().ran == []


# -- versions ----------------------------------------------------------------------------------------------


def test_another_version_of_the_tool_reruns_the_job_and_the_same_one_does_not(run, folder, tool, in_path):
    def declare():
        for name in ("a", "b"):
            ppg.ExternalJob(name, ["tool", name], stdout=name, version=["tool", "--version"])

    script = f'if [ "$1" = --version ]; then {COUNT}; echo tool VERSION >&2; else echo made; fi'
    tool("tool", script)
    run(declare)
    assert counted(folder) == 1
    assert run(declare).ran == []
    tool("tool", script.replace("VERSION", "2"))
    result = run(declare)
    assert result.ran == ["a", "b"]
    assert result["a"].reasons == ("the answer of 'tool --version': 'tool VERSION\\n' → 'tool 2\\n'",)


def test_a_version_can_be_observed_for_any_job_and_its_exit_code_may_be_an_error(run, tool, in_path, writer):
    def declare():
        version = ppg.ToolVersionInvariant(["tool"], success=[1])
        ppg.FileGeneratingJob("out", writer("x")).depends_on(version)
        ppg.ExternalJob("other", ["echo", "x"], stdout="other", version=version)

    tool("tool", "echo usage: tool 1; exit 1")
    run(declare)
    tool("tool", "echo usage: tool 2; exit 1")
    assert sorted(run(declare).ran) == ["other", "out"]


def test_verifying_asks_the_tools_of_generated_jobs_and_runs_nothing_else(run, folder, tool):
    """The generator knows the tool's name, its environment and its exit code; verifying knows them from last time."""

    def declare():
        graph = ppg.new_pipegraph(quiet=True)
        folder = Path.cwd()

        def generate():
            with (folder / "generated").open("a") as file:
                file.write("x")
            path = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin"}
            version = ppg.ToolVersionInvariant(["tool", "--version"], environment=path, success=[1])
            ppg.ExternalJob("out", ["echo", "x"], stdout="out", version=version)
            ppg.ExternalJob("other", ["echo", "x"], stdout="other")

        for name in ("generator", "twin"):  # what both make is verified once
            ppg.JobGeneratingJob(name, generate)
        return graph

    tool("tool", "echo 1; exit 1")
    declare().run()
    assert declare().verify().holds
    tool("tool", "echo 2; exit 1")
    seen = declare().verify()
    (reason,) = seen.will_run.pop("out")
    assert reason.startswith("the answer of 'PATH=")
    assert reason.endswith("tool --version': '1\\n' → '2\\n'")
    assert not seen.will_run
    (folder / "bin" / "tool").unlink()
    seen = declare().verify()
    (problem,) = seen.problems.values()
    assert problem.startswith("the tool 'tool' was not found in PATH")
    assert "needed by what a generator makes" in problem
    assert seen.blocked == ("out",)
    assert (folder / "generated").read_text() == "xx"
    tool("tool", "echo 2; exit 1")
    assert declare().run().in_state(ppg.JobState.RAN) == ["generator", "twin", "out"]
    assert declare().verify().holds


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "the tool 'tool' was not found in PATH"),
        ("echo broken; exit 3", "exit code 3.*success=\\[3\\].*broken"),
        ("kill -9 $$", "signal 9"),
        ("true", "said nothing"),
    ],
)
def test_a_tool_without_version_blocks_its_jobs_and_their_files_stay(
    run, failing_run, folder, tool, in_path, script, said
):
    def declare():
        ppg.ExternalJob("out", ["echo", "x"], stdout="out", version=["tool", "--version"])

    tool("tool", "echo 1")
    run(declare)
    (folder / "bin" / "tool").unlink()
    if script is not None:
        tool("tool", script)
    error, _ = failing_run(declare)
    (exception,) = error.exceptions.values()
    assert "'out'" in str(exception)
    assert __import__("re").search(said, str(exception))
    assert error.blocked == ("out",)
    assert (folder / "out").read_text() == "x\n"
    tool("tool", "echo 1")
    assert run(declare).ran == []


def test_the_environment_of_a_job_decides_which_tool_it_finds_and_asks(run, folder, tool):
    tool("tool", 'if [ "$1" = --version ]; then echo 1; else echo made; fi')

    def declare():
        ppg.ExternalJob(
            "out",
            ["tool"],
            stdout="out",
            version=["tool", "--version"],
            environment={"PATH": f"{folder / 'bin'}:/usr/bin:/bin"},
        )

    run(declare)
    assert (folder / "out").read_text() == "made\n"


# -- ends --------------------------------------------------------------------------------------------------


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


def test_the_failure_is_told_without_a_traceback_of_ours(folder, capsys):
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


def test_a_program_that_a_signal_ends_is_told_by_its_name(failing_run):
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


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


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


# -- temporary ones, generated ones, and mistakes ------------------------------------------------------------


def test_a_temporary_file_of_a_program_is_made_when_needed_and_removed(run, folder):
    def declare(word):
        middle = ppg.TempExternalJob("middle", ["echo", "middle"], stdout="middle")
        ppg.ExternalJob("out", ["sh", "-c", f"cat middle > out; echo {word} >> out"]).depends_on(middle)

    run(lambda: declare("a"))
    assert (folder / "out").read_text() == "middle\na\n"
    assert not (folder / "middle").exists()
    assert run(lambda: declare("a")).ran == []
    assert run(lambda: declare("b")).ran == ["middle", "out"]


def test_a_generator_can_declare_programs(run, folder):
    (folder / "input").write_text("input")

    def declare(word):
        def generate():
            made = ppg.ExternalJob("made", ["echo", word], stdout="made")
            ppg.ExternalJob(
                "out",
                ["cat", Path("input"), made, Path("late")],
                stdout="out",
                version=["sh", "-c", "echo 1"],
            )
            ppg.ExternalJob("late", ["echo", "late"], stdout="late")

        ppg.JobGeneratingJob("generator", generate)

    assert sorted(run(lambda: declare("a")).ran) == ["generator", "late", "made", "out"]
    assert (folder / "out").read_text() == "inputa\nlate\n"
    assert run(lambda: declare("a")).ran == ["generator"]
    (folder / "input").write_text("other")
    assert sorted(run(lambda: declare("b")).ran) == ["generator", "made", "out"]


def test_the_same_command_twice_is_one_job_and_another_one_an_error(folder):
    ppg.new_pipegraph(quiet=True)
    job = ppg.ExternalJob("out", ["echo", "x"], stdout="out")
    assert ppg.ExternalJob("out", ["echo", "x"], stdout="out") is job
    for changed in ({"command": ["echo", "y"]}, {"success": [1]}, {"version": ["x"]}, {"timeout": 3}):
        with pytest.raises(ppg.JobContractError, match=next(iter(changed))):
            ppg.ExternalJob("out", **({"command": ["echo", "x"], "stdout": "out"} | changed))


def test_a_file_observed_by_its_time_is_not_observed_by_its_content_as_well(run, folder):
    (folder / "input").write_text("x")

    def declare():
        ppg.FileTimeInvariant("input")
        return ppg.ExternalJob("out", ["cat", Path("input")], stdout="out")

    run(declare)
    os.utime(folder / "input", ns=(1, 1))
    assert run(declare).ran == ["out"]


@pytest.mark.parametrize(
    ("declare", "error", "named"),
    [
        (lambda: ppg.ExternalJob("a", "sort b"), TypeError, "shell=True"),
        (lambda: ppg.ExternalJob("a", []), ValueError, "program"),
        (lambda: ppg.ExternalJob("a", [""]), ValueError, "program"),
        (lambda: ppg.ExternalJob("a", [None]), ValueError, "program"),
        (lambda: ppg.ExternalJob("a", 3), TypeError, "command"),
        (lambda: ppg.ExternalJob("a", ["x", True]), TypeError, "True"),
        (lambda: ppg.ExternalJob("a", ["x", ["y"]]), TypeError, "list"),
        (lambda: ppg.ExternalJob("a", ["x", "\0"]), ValueError, "NUL"),
        (lambda: ppg.ExternalJob("a", ["x"], stdout="b"), ValueError, "none of its outputs"),
        (lambda: ppg.ExternalJob("a", ["x"], success=0), TypeError, "success"),
        (lambda: ppg.ExternalJob("a", ["x"], success=[]), ValueError, "success"),
        (lambda: ppg.ExternalJob("a", ["x"], success=[256]), ValueError, "success"),
        (lambda: ppg.ExternalJob("a", ["x"], environment=["A=1"]), TypeError, "environment"),
        (lambda: ppg.ExternalJob("a", ["x"], environment={"A": 1}), TypeError, "environment"),
        (lambda: ppg.ExternalJob("a", ["x"], environment={"A=": "1"}), ValueError, "environment"),
        (lambda: ppg.ExternalJob("a", ["x"], version="x --version"), TypeError, "command must be a list"),
        (lambda: ppg.ExternalJob("a", ["x"], version=[]), TypeError, "command"),
        (lambda: ppg.ExternalJob("a", ["x", ppg.DataLoadingJob("l", print)]), TypeError, "makes no files"),
        (lambda: ppg.ExternalJob("a", ["x"], stdin=["b"]), TypeError, "stdin"),
        (lambda: ppg.ExternalJob("a", ["x"], stdin="./a"), ValueError, "one of its outputs"),
        (lambda: ppg.ExternalJob([], ["x"]), ValueError, "filenames"),
        (lambda: ppg.ExternalJob(3, ["x"]), TypeError, "filenames"),
        (lambda: ppg.ExternalJob(["a", "./a"], ["x"]), ValueError, "twice"),
        (lambda: ppg.ExternalJob("a", ["x"], working_directory=3), TypeError, "working_directory"),
    ],
)
def test_a_wrong_argument_is_named_at_the_definition(folder, declare, error, named):
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(error, match=named):
        declare()


def test_a_job_of_another_pipegraph_is_refused(folder, writer):
    ppg.new_pipegraph(quiet=True)
    old = ppg.FileGeneratingJob("a", writer("a"))
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.PyPipelineGraphError, match="another pipegraph"):
        ppg.ExternalJob("b", ["cat", old], stdout="b")


def test_a_shell_that_finds_no_tool_and_a_long_command_are_told_briefly(failing_run):
    def declare():
        ppg.ExternalJob("shell", "no-such-tool > shell", shell=True)
        ppg.ExternalJob("long", ["false", *("word" for _ in range(2000))])

    error, _ = failing_run(declare)
    assert "(a tool in it was not found)" in str(error.exceptions["shell"])
    assert len(str(error.exceptions["long"])) < 1200
    assert len(error.exceptions["long"].command) == 2001


def test_ctrl_c_does_not_wait_for_a_tool_that_does_not_tell_its_version(folder, tool, in_path):
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
