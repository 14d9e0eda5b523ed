"""Programs that are confined: compiled tools, scripts, and pipelines of a shell."""

import shutil
from pathlib import Path

import pytest

import ppg
from tests.landlock import needs_landlock

pytestmark = needs_landlock

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")

TOOL = """
#include <stdio.h>
#include "greeting.h"
int main(int count, char **words) {
    FILE *in = fopen(words[1], "r");
    if (!in) { perror(words[1]); return 3; }
    printf("%s %c", GREETING, fgetc(in));
    return 0;
}
"""


@pytest.fixture
def confined_run(run):
    return lambda declare, **options: run(declare, confine=True, **options)


def compiled(folder):
    """Declares a job that compiles a tool; its header is an input, too."""
    (folder / "tool.c").write_text(TOOL)
    (folder / "greeting.h").write_text('#define GREETING "hello"\n')
    return ppg.ExternalJob("bin/tool", ["gcc", "-o", Path("bin/tool"), Path("tool.c")])


# -- a compiled tool ---------------------------------------------------------------------------------------


@needs_gcc
def test_a_tool_is_compiled_and_reads_its_declared_input(folder, confined_run):
    (folder / "input").write_text("world")

    def declare():
        tool = compiled(folder).depends_on_file("greeting.h")
        ppg.ExternalJob("out", [tool, Path("input")], stdout="out")

    confined_run(declare)
    assert (folder / "out").read_text() == "hello w"


@needs_gcc
def test_a_header_that_is_not_declared_is_named(folder, fails):
    text = fails("bin/tool", lambda: compiled(folder))
    assert (
        "does not depend on 'greeting.h'. If it reads that file, add job.depends_on_file('greeting.h')"
        in text
    )


@needs_gcc
def test_a_file_that_a_compiled_tool_reads_undeclared_is_named(folder, fails):
    (folder / "input").write_text("world")

    def declare():
        tool = compiled(folder).depends_on_file("greeting.h")
        ppg.ExternalJob("out", [tool, "input"], stdout="out")

    assert "'out' is confined, and does not depend on 'input'" in fails("out", declare)


@needs_gcc
def test_a_tool_is_executed_only_by_jobs_that_depend_on_it(folder, fails):
    def declare():
        tool = compiled(folder).depends_on_file("greeting.h")
        first = ppg.ExternalJob("first", [tool, Path("tool.c")], stdout="first")
        ppg.ExternalJob("out", ["bin/tool"], stdout="out").depends_on(first)

    assert "does not depend on 'bin/tool'" in fails("out", declare)


# -- pipelines ---------------------------------------------------------------------------------------------


def test_a_pipeline_reads_its_inputs_and_writes_its_outputs(folder, confined_run):
    (folder / "words").write_text("b\na\nb\n")

    def declare():
        job = ppg.ExternalJob(
            ["counts", "copy"],
            "sort words | uniq -c | tr -s ' ' > counts; cat <<END >&2\nhere\nEND\n"
            "cp counts $TMPDIR/x; cat $TMPDIR/x <(echo end) | tee copy > /dev/null",
            shell=True,
        )
        job.depends_on_file("words")

    result = confined_run(declare)
    assert (folder / "copy").read_text() == " 1 a\n 2 b\nend\n"
    assert result["copy:counts"].stderr == "here\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cat words secret > out", "does not depend on 'secret'"),
        ("cat words | while read w; do cat secret; done > out", "does not depend on 'secret'"),
        ("sort < secret > out", "does not depend on 'secret'"),
        ("cat 'a b' > out", "does not depend on 'a b'"),
        ("(cd sub; cat ../secret) > out", "does not depend on 'secret'"),
        ("awk 1 secret > out", "does not depend on 'secret'"),
        ("python3 -c \"open('secret')\" > out", "does not depend on 'secret'"),
        ("bash script > out", "does not depend on 'script'"),
        ("./script > out", "does not depend on 'script'"),
        ("sort words > other", "'other' is none of its files"),
        (
            "sort words > out; sort -o words out",
            "it can read its input 'words', but neither change nor move it",
        ),
        ("cp words $TMPDIR/a; mv $TMPDIR/a out", "it can write its output 'out', but neither remove it"),
        ("rm -f out; sort words > out", "it can write its output 'out', but neither remove it"),
        ("sed -i s/a/b/ words", "is none of its files"),
        ("cat words > out; touch sub/new", "'sub/new' is none of its files"),
        ("cat words > out; mkdir new", "'new' is none of its files"),
    ],
)
def test_what_a_shell_is_denied_is_named_with_the_remedy(folder, fails, line, words):
    for name in ("words", "secret", "a b"):
        (folder / name).write_text("a\n")
    (folder / "script").write_text("#!/bin/sh\necho x\n")
    (folder / "script").chmod(0o755)
    (folder / "sub").mkdir()
    text = fails("out", lambda: ppg.ExternalJob("out", line, shell=True).depends_on_file("words"))
    assert words in text


def test_the_failure_of_a_program_that_hides_its_error_names_the_file(folder, fails):
    (folder / "secret").write_text("s")
    text = fails("out", lambda: ppg.ExternalJob("out", "cat secret > out || true", shell=True))
    assert "does not depend on 'secret'" in text


def test_streams_and_other_working_directories(folder, confined_run, fails):
    (folder / "sub").mkdir()
    (folder / "sub" / "secret").write_text("s")
    (folder / "words").write_text("w")

    def declare(*words):
        ppg.ExternalJob(
            "sub/out",
            ["cat", *words],
            stdin="words",
            stdout="sub/out",
            stderr="sub/out",
            working_directory="sub",
        )

    confined_run(lambda: declare("-"))
    assert (folder / "sub" / "out").read_text() == "w"
    assert "does not depend on 'sub/secret'" in fails("sub/out", lambda: declare("-", "secret"))


# -- what is refused where it is declared ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (["docker", "run", "x"], {}),
        (["/usr/bin/podman", "run", "x"], {}),
        (["apptainer", "exec", "x.sif", "cat"], {}),
        (["sudo", "cat"], {}),
        ("cat a | singularity exec x cat > out", {"shell": True}),
        ("set -e; A=1 docker run x", {"shell": True}),
        ("env -i docker run x", {"shell": True}),
        ("timeout -k 1 5m nice -n 5 /usr/bin/docker run x", {"shell": True}),
        (["nice", "-n", "5", "docker", "run"], {}),
        (["/usr/bin/env", "A=1", "sudo", "cat"], {}),
        ("cd /tmp\n(docker run x)", {"shell": True}),
        ("if true; then docker run x; fi", {"shell": True}),
    ],
)
def test_programs_that_need_what_no_confined_process_can_do_are_refused(graph, command, options):
    with pytest.raises(ppg.JobContractError, match=r"is confined, but .*give the job confine=False"):
        ppg.ExternalJob("out", command, confine=True, **options)
    ppg.ExternalJob("out", command, **options)
    ppg.new_pipegraph(quiet=True, confine=True)
    with pytest.raises(ppg.JobContractError, match="is confined, but"):
        ppg.ExternalJob("out", command, **options)
    ppg.ExternalJob("out", command, confine=False, **options)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (["echo", "docker"], {}),
        (["echo", "|", "docker"], {}),
        (["env", "A=1", "echo", "docker"], {}),
        ("echo docker > out", {"shell": True}),
        ("echo 'a; docker' > out", {"shell": True}),
    ],
)
def test_words_that_are_no_programs_are_not_refused(graph, command, options):
    ppg.ExternalJob("out", command, confine=True, **options)
