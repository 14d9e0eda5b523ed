"""`ppg graph dump`: the graph in several formats, and nothing is done for it."""

import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

DECLARED = """
print("noise of the script")
os.write(1, b"noise of a program\\n")
ppg.new_pipegraph()
a = ppg.FileGeneratingJob("a", writes("A")).depends_on_params({"x": 1})
ppg.FileGeneratingJob('b "quoted" \\\\ <tag> é', writes("B")).depends_on(a).depends_on_file("input")
m = ppg.MultiFileGeneratingJob({"one": "m1", "two": "m2"}, lambda paths: None)
ppg.FileGeneratingJob("c", writes("C")).depends_on(m["one"])
"""
ODD = 'b "quoted" \\ <tag> é'


@pytest.mark.parametrize(
    "run", ["ppg.run_pipegraph()", "", "if __name__ == '__main__':\n    ppg.run_pipegraph()"]
)
def test_dumping_does_nothing_but_dump(project, run):
    (project / "logs").mkdir()
    project.script(DECLARED + run)
    before = sorted(os.listdir(project.folder))
    ended = project.ppg("graph", "dump", "script.py")
    assert ended.code == 0, ended.err
    assert sorted(os.listdir(project.folder)) == before
    assert os.listdir(project / "logs") == []
    assert "the function of a" in ended.out
    assert "FI:" not in ended.out
    assert ODD in ended.out


@pytest.mark.parametrize(
    "catch", ["except Exception:\n    raise SystemExit(9)", "except:\n    pass", "finally:\n    sys.exit(0)"]
)
def test_a_script_that_catches_everything_cannot_make_it_run(project, catch):
    project.script(DECLARED + "try:\n    ppg.run_pipegraph()\n" + catch)
    ended = project.ppg("graph", "dump", "script.py")
    assert (ended.code, "the function of a" in ended.out) == (0, True)
    assert not (project / "a").exists()


def test_json_has_every_job_and_every_edge_and_nothing_of_what_the_script_prints(project):
    project.script(DECLARED)
    ended = project.ppg("graph", "dump", "--format", "json", "script.py")
    graph = json.loads(ended.out)
    assert graph["format"] == "ppg-graph"
    assert isinstance(graph["version"], int)
    ids = {job["id"] for job in graph["jobs"]}
    assert {"a", "c", ODD, "input", "PI:a", "FI:a", "m1:m2"} <= ids
    kinds = {job["id"]: job["kind"] for job in graph["jobs"]}
    assert kinds["a"] == "output"
    assert kinds["input"] == "invariant"
    named = [job["id"] for job in graph["jobs"]]
    edges = {(named[edge["upstream"]], named[edge["downstream"]]) for edge in graph["edges"]}
    assert {("a", ODD), ("input", ODD), ("PI:a", "a"), ("FI:a", "a"), ("m1:m2", "c")} <= edges
    assert {"m1"} in [set(edge["parts"] or ()) for edge in graph["edges"]]
    assert sorted(ended.err.splitlines()) == ["noise of a program", "noise of the script"]


def test_dot_is_dot(project):
    project.script(DECLARED)
    ended = project.ppg("graph", "dump", "-f", "dot", "script.py")
    assert ended.code == 0
    assert ended.out.startswith("digraph")
    assert ended.out.rstrip().endswith("}")
    assert ended.out.count(" -> ") == 8
    outside_of_strings = re.sub(r'"(?:[^"\\]|\\.)*"', "", ended.out)
    assert '"' not in outside_of_strings
    assert "<" not in outside_of_strings
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tcanon"], input=ended.out, text=True, check=True, capture_output=True)


def test_graphml_is_xml_and_mermaid_is_mermaid(project):
    project.script(DECLARED)
    root = ElementTree.fromstring(project.ppg("graph", "dump", "-f", "graphml", "script.py").out)
    assert root.tag.endswith("graphml")
    assert project.ppg("graph", "dump", "-f", "mermaid", "script.py").out.startswith(("graph", "flowchart"))


def test_the_arguments_after_two_dashes_are_the_scripts(project):
    project.script("""
        ppg.new_pipegraph()
        for name in sys.argv[1:]:
            ppg.FileGeneratingJob(name, writes(name))
    """)
    assert "--format" in project.ppg("graph", "dump", "script.py", "--", "x", "--format").out


def test_it_can_be_written_to_a_file_or_says_why_not(project):
    project.script(DECLARED)
    ended = project.ppg("graph", "dump", "-o", "graph.txt", "script.py")
    assert ended.code == 0
    assert ended.out == ""
    assert ODD in (project / "graph.txt").read_text()
    ended = project.ppg("graph", "dump", "-o", "no/such/folder/graph.txt", "script.py")
    assert ended.code == 2
    assert "no/such/folder/graph.txt" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print('x')", "no pipegraph"),
        ("1/0", "ZeroDivisionError"),
        ("import ppg\nppg.FileGeneratingJob('a', print)", "new_pipegraph"),
        ("def f(:", "SyntaxError"),
        ("import sys; sys.exit(3)", ""),
    ],
)
def test_a_script_without_a_graph_to_dump_ends_as_it_would_under_run(project, text, said):
    project.script(text, prelude="")
    ended = project.ppg("graph", "dump", "script.py")
    assert ended.code == (3 if "exit" in text else 2)
    assert said in ended.err
    assert ended.out == ""


def test_a_script_that_ends_by_exit_is_dumped(project):
    project.script(DECLARED + "sys.exit(0)")
    ended = project.ppg("graph", "dump", "script.py")
    assert (ended.code, "the function of a" in ended.out) == (0, True)


def test_a_cycle_can_be_looked_at(project):
    project.script("""
        ppg.new_pipegraph()
        a = ppg.FileGeneratingJob("a", writes("A"))
        b = ppg.FileGeneratingJob("b", writes("B")).depends_on(a)
        c = ppg.FileGeneratingJob("c", writes("C")).depends_on(b)
        a.depends_on(c)
        ppg.run_pipegraph()
    """)
    for form in ("text", "dot"):
        ended = project.ppg("graph", "dump", "-f", form, "script.py")
        assert ended.code == 0, ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("script.py", "-f", "dot"),
        ("--format=dot", "script.py", "--"),
        ("-o", "graph", "script.py", "--format", "dot"),
        ("script.py", "-ograph", "-fdot"),
        ("script.py", "-f", "dot", "--", "x", "-f"),
    ],
)
def test_its_options_stand_anywhere_before_two_dashes(project, arguments):
    project.script("""
        ppg.new_pipegraph()
        for name in ["a", *sys.argv[1:]]:
            ppg.FileGeneratingJob(name, writes(name))
    """)
    ended = project.ppg("graph", "dump", *arguments)
    assert ended.code == 0, ended.err
    drawing = (project / "graph").read_text() if (project / "graph").exists() else ended.out
    assert drawing.startswith("digraph")
    assert ('label="x"' in drawing, 'label="-f"' in drawing) == ("x" in arguments, "x" in arguments)


def test_named_jobs_are_drawn_with_what_they_need_and_nothing_else(project):
    project.script("""
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("b", writes("B")).depends_on(ppg.FileGeneratingJob("a", writes("A")))
        ppg.FileGeneratingJob("c", writes("C")).depends_on("b")
        ppg.FileGeneratingJob("d", writes("D"))
    """)
    drawn = project.ppg("graph", "dump", "script.py", "./b", "-f", "json").out
    assert {job["id"] for job in json.loads(drawn)["jobs"]} == {"a", "b", "FI:a", "FI:b"}
    assert "there is no job 'e'" in project.ppg("graph", "dump", "script.py", "e").err
