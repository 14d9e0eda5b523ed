"""What counts of a job that runs a program: its words, its surroundings, and the version of the tool."""

from pathlib import Path

import pytest

import ppg


def counted(folder):
    """How often the programs of a test have run: each adds a line to `count`."""
    path = folder / "count"
    return len(path.read_text().splitlines()) if path.exists() else 0


COUNT = 'echo x >> "$COUNT"'


@pytest.fixture(autouse=True)
def count_in_environment(folder, monkeypatch):
    monkeypatch.setenv("COUNT", str(folder / "count"))


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
def test_a_changed_word_variable_or_folder_counts_and_is_named(run, folder, changed, reason):
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
