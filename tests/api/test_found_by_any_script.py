"""What random scripts (`test_any_script`) have found, each in its smallest form."""

import ppg
from ppg.events import GraphExtended, JobFinished, JobQueued, RunStarted


class Hearer:
    """A front end that keeps what it is told."""

    def __init__(self):
        self.heard = []

    def before_run(self, pipegraph):
        pass

    def listeners(self, pipegraph):
        return (self.heard.append,)

    def of_jobs(self):
        return [
            (type(event).__name__, getattr(event, "job_id", None) or event.generator)
            for event in self.heard
            if isinstance(event, (GraphExtended, JobFinished, JobQueued))
        ]


def test_it_is_told_that_a_generator_has_ended_even_if_it_declares_nothing(folder, writer):
    graph = ppg.new_pipegraph(quiet=True)
    generator = ppg.JobGeneratingJob("generator", lambda: None)
    ppg.FileGeneratingJob("out", writer("out")).depends_on(generator)
    hearer = Hearer()
    graph.run(frontend=hearer)
    assert isinstance(hearer.heard[0], RunStarted)
    assert hearer.of_jobs() == [
        ("JobQueued", "generator"),
        ("JobFinished", "generator"),
        ("JobQueued", "out"),
        ("JobFinished", "out"),
    ]
