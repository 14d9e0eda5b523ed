"""Confined jobs, and what they say when they fail."""

import pytest

import ppg


@pytest.fixture
def fails(folder):
    """Declares jobs in a confined pipegraph; gives the text of the failure of the named job, with its traceback."""

    def run_declared(job_id, declare, **options):
        graph = ppg.new_pipegraph(quiet=True, confine=True, **options)
        declare()
        with pytest.raises(ppg.RuntimeError):
            graph.run()
        job = graph.job(job_id)
        assert job.failed
        return f"{job.exception}\n{job.traceback}"

    return run_declared
