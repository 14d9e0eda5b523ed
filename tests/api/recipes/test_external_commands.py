"""Jobs that run programs: their words, files and streams, with and without a shell."""

from pathlib import Path

import pytest

import ppg


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
