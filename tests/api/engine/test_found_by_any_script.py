"""What random scripts (`test_any_script`) have found, each in its smallest form."""

import ppg
from ppg.report.events import GraphExtended, JobFinished, JobQueued, RunStarted
from tests.fakes import RecordingFrontend


def of_jobs(frontend):
    """What a front end was told of jobs, with their ids."""
    return [
        (type(event).__name__, getattr(event, "job_id", None) or event.generator)
        for event in frontend.of(GraphExtended, JobFinished, JobQueued)
    ]


def test_the_end_of_a_generator_is_reported_even_if_it_declares_nothing(folder, writer):
    graph = ppg.new_pipegraph(quiet=True)
    generator = ppg.JobGeneratingJob("generator", lambda: None)
    ppg.FileGeneratingJob("out", writer("out")).depends_on(generator)
    frontend = RecordingFrontend()
    graph.run(frontend=frontend)
    assert isinstance(frontend.events[0], RunStarted)
    assert of_jobs(frontend) == [
        ("JobQueued", "generator"),
        ("JobFinished", "generator"),
        ("JobQueued", "out"),
        ("JobFinished", "out"),
    ]


def test_generators_that_make_the_same_job_count_as_unchanged_in_any_order(folder, writer, account):
    (folder / "input").write_text("in")

    def generate():
        ppg.FileGeneratingJob("common", writer("common")).depends_on_file("input")

    def declare(first, second):
        graph = ppg.new_pipegraph(quiet=True)
        generators = {name: ppg.JobGeneratingJob(name, generate) for name in "ab"}
        for name in "ab":
            ppg.FileGeneratingJob(f"below {name}", writer(name)).depends_on(generators[name])
        generators[second].depends_on(generators[first])
        return graph

    assert declare("a", "b").run().ran == ["a", "b", "below a", "below b", "common"]
    assert declare("b", "a").run().ran == ["a", "b"]
