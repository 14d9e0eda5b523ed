"""Each error for a name that is misspelt has the names that are like it."""

import os
import pickle
from pathlib import Path

import pytest

import ppg


def writes(text):
    def write(path):
        path.write_text(text)

    return write


@pytest.fixture
def graph(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    graph = ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("results/aligned.bam", writes("bam"))
    ppg.FileGeneratingJob("results/other.txt", writes("other"))
    return graph


def misspelt(graph, name):
    """All ways of naming a job by a text."""
    return {
        "graph[]": lambda: graph[name],
        "graph.job": lambda: graph.job(name),
        "targets": lambda: graph.run(targets=[name]),
        "until": lambda: graph.run(until=[name]),
        "force": lambda: graph.run(force=[name]),
        "plan": lambda: graph.plan(targets=[name]),
        "verify": lambda: graph.verify(targets=[name]),
        "accept": lambda: graph.accept([name]),
    }


@pytest.mark.parametrize("way", misspelt(None, ""))
def test_a_job_that_is_named_wrongly_has_its_nearest_in_the_message(graph, way):
    with pytest.raises(ppg.PyPipelineGraphError, match=r"'results/aling\.bam'.*'results/aligned\.bam'"):
        misspelt(graph, "results/aling.bam")[way]()


@pytest.mark.parametrize("is_pickled", [False, True])
def test_a_result_that_is_asked_for_wrongly(graph, is_pickled):
    result = graph.run()
    result = pickle.loads(pickle.dumps(result)) if is_pickled else result
    with pytest.raises(ppg.UnknownJobError, match=r"'results/aligned\.bam'"):
        result["results/aling.bam"]


def test_a_file_of_a_job_that_is_named_wrongly(graph):
    few = ppg.MultiFileGeneratingJob({"reads": "r", "index": "i"}, writes("x"))
    with pytest.raises(KeyError, match="it makes reads, index"):
        few["indx"]
    many = ppg.MultiFileGeneratingJob(
        {f"sample{number}": f"{number}.txt" for number in range(1000)}, writes("x")
    )
    with pytest.raises(KeyError, match=r"it makes sample77.*more") as raised:
        many["samle77"]
    assert len(str(raised.value)) < 14000


def missing(graph):
    """The errors of a run, as one text."""
    with pytest.raises(ppg.RuntimeError) as raised:
        graph.run()
    return " ".join(str(error) for error in raised.value.exceptions.values())


WAYS = {
    "depends_on": lambda name: ppg.FileGeneratingJob("x", writes("x")).depends_on(name),
    "depends_on_file": lambda name: ppg.FileGeneratingJob("x", writes("x")).depends_on_file(name),
    "FileInvariant": lambda name: ppg.FileGeneratingJob("x", writes("x")).depends_on(ppg.FileInvariant(name)),
    "FileTimeInvariant": lambda name: ppg.FileGeneratingJob("x", writes("x")).depends_on(
        ppg.FileTimeInvariant(name)
    ),
    "upstream": lambda name: ppg.file("x")(lambda out, needed=ppg.upstream(name): None),
    "command": lambda name: ppg.ExternalJob("x", ["cat", Path(name)], stdout="x"),
    "stdin": lambda name: ppg.ExternalJob("x", ["cat"], stdin=name, stdout="x"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_dependency_that_is_named_wrongly_has_the_file_that_a_job_makes(graph, way):
    WAYS[way]("results/aling.bam")
    assert "the input file 'results/aling.bam' does not exist; there is 'results/aligned.bam'" in missing(
        graph
    )


def test_an_input_that_is_named_wrongly_has_the_file_beside_it(graph):
    os.mkdir("data")
    with open("data/genome.fasta", "w") as file:
        file.write("ACGT")
    ppg.FileGeneratingJob("x", writes("x")).depends_on("data/genom.fasta")
    assert "there is 'data/genome.fasta'; put it right, or correct its name" in missing(graph)


def test_inputs_of_other_jobs_are_not_suggested(graph):
    for number in range(4):
        Path(f"{number}.fq").write_text("ACGT")
        ppg.FileGeneratingJob(f"x{number}", writes("x")).depends_on(f"{number}.fq")
    ppg.FileGeneratingJob("x", writes("x")).depends_on("5.fq")
    assert "'5.fq' does not exist; put it right" in missing(graph)


def test_nothing_is_suggested_that_is_not_alike(graph):
    ppg.FileGeneratingJob("x", writes("x")).depends_on("quite/different")
    assert "'quite/different' does not exist; put it right" in missing(graph)


def test_only_the_first_of_many_missing_inputs_have_suggestions(graph):
    for number in range(20):
        ppg.FileGeneratingJob(f"x{number}", writes("x")).depends_on(f"results/aligned{number}.bam")
    assert missing(graph).count("; there is ") == 5
