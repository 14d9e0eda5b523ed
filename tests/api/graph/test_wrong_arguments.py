"""Wrong arguments of declarations are named at once, before anything runs."""

import functools
from pathlib import Path

import pytest

import ppg
from tests.api.callbacks import nothing, passing_on, write, write_all


@pytest.mark.parametrize(
    ("declare", "error", "named"),
    [
        (lambda: ppg.FileGeneratingJob(1, write), TypeError, "output_filename"),
        (lambda: ppg.FileGeneratingJob(b"a", write), TypeError, "output_filename"),
        (lambda: ppg.FileGeneratingJob("", write), ValueError, "output_filename"),
        (lambda: ppg.FileGeneratingJob("folder/", write), ValueError, "output_filename"),
        (lambda: ppg.FileGeneratingJob("\ud800", write), ValueError, "output_filename"),
        (lambda: ppg.FileGeneratingJob("a", "write"), TypeError, "callable"),
        (lambda: ppg.FileGeneratingJob("a", Path), TypeError, "class Path"),
        (lambda: ppg.FileGeneratingJob("a", lambda x, y: None), TypeError, "2 arguments"),
        (lambda: ppg.FileGeneratingJob("a", passing_on(lambda x, y: None)), TypeError, "2 arguments"),
        (lambda: ppg.MultiFileGeneratingJob("a", write), TypeError, "filenames"),
        (lambda: ppg.MultiFileGeneratingJob([], write), ValueError, "filenames"),
        (lambda: ppg.MultiFileGeneratingJob(["a", "./a"], write), ValueError, "twice"),
        (lambda: ppg.ParameterInvariant(1, 2), TypeError, "job_id"),
        (lambda: ppg.ParameterInvariant("p", object()), TypeError, "parameters"),
        (lambda: ppg.FunctionInvariant("f", 1), TypeError, "callable"),
        (lambda: ppg.FileGeneratingJob("a", write).depends_on(1), TypeError, "int"),
        (lambda: ppg.FileGeneratingJob("a", write).use_cores(0), ValueError, "cores_needed"),
        (lambda: ppg.FileGeneratingJob("a", write).use_cores(1.5), TypeError, "cores_needed"),
    ],
)
def test_a_wrong_argument_is_named_at_the_definition(declare, error, named):
    with pytest.raises(error, match=named):
        declare()


def declares_later(path=None):
    yield path


async def waits(path=None):
    pass


class Sample:
    def generate(self):
        yield self


WRONG = [
    (lambda: ppg.Pipegraph(4), TypeError, "resource_coordinator"),
    (lambda: ppg.Pipegraph(root=1), TypeError, "root"),
    (lambda: ppg.Pipegraph(root=""), ValueError, "root"),
    (lambda: ppg.Pipegraph(cache_folder=1), TypeError, "cache_folder"),
    (lambda: ppg.Pipegraph(invariant_status_filename=1), TypeError, "invariant_status_filename"),
    (lambda: ppg.Pipegraph(follow="everything"), ValueError, "follow"),
    (lambda: ppg.Pipegraph(quiet="x"), TypeError, "quiet"),
    (lambda: ppg.new_pipegraph(quiet=None), TypeError, "quiet"),
    (lambda: ppg.Pipegraph(redefine=1), TypeError, "redefine"),
    (lambda: ppg.FileGeneratingJob("a", write, pipegraph=1), TypeError, "'a': pipegraph must be a Pipegraph"),
    (lambda: ppg.MultiFileGeneratingJob(["a"], write_all, pipegraph="x"), TypeError, "pipegraph must be"),
    (lambda: ppg.DataLoadingJob("a", nothing, pipegraph=1), TypeError, "'a': pipegraph must be a Pipegraph"),
    (lambda: ppg.ParameterInvariant("a", 1, pipegraph=ppg), TypeError, "pipegraph must be a Pipegraph"),
    (lambda: ppg.FunctionInvariant("a", nothing, pipegraph=1), TypeError, "pipegraph must be"),
    (lambda: ppg.PlotJob("a.pdf", nothing, write, pipegraph=1), TypeError, "pipegraph must be"),
    (lambda: ppg.ExternalJob("a", ["true"], pipegraph=1), TypeError, "pipegraph must be"),
    (lambda: ppg.CachedDataLoadingJob("a", nothing, write, pipegraph=1), TypeError, "pipegraph must be"),
    (lambda: ppg.LocalSystem(max_cores_to_use="2"), TypeError, "max_cores_to_use"),
    (lambda: ppg.LocalSystem(max_cores_to_use=0), ValueError, "max_cores_to_use"),
    (
        lambda: ppg.DaskCluster("tcp://a:1", lost_after="6"),
        TypeError,
        "lost_after must be a number of seconds",
    ),
    (
        lambda: ppg.DaskCluster("tcp://a:1", lost_after=True),
        TypeError,
        "lost_after must be a number of seconds",
    ),
    (
        lambda: ppg.DaskCluster("tcp://a:1", lost_after=1.9),
        ValueError,
        "lost_after must be at least 2 seconds",
    ),
    (
        lambda: ppg.DaskCluster("tcp://a:1", lost_after=float("nan")),
        ValueError,
        "lost_after must be at least",
    ),
    (lambda: ppg.LocalSystem(share_cores=2), TypeError, "share_cores"),
    (lambda: ppg.LocalSystem(inline="no"), TypeError, "inline"),
    (lambda: ppg.run_pipegraph(targets="a"), TypeError, "targets"),
    (lambda: ppg.run_pipegraph(targets=ppg.FileGeneratingJob("a", write)), TypeError, "targets"),
    (lambda: ppg.run_pipegraph(targets=1), TypeError, "targets"),
    (lambda: ppg.FileTimeInvariant(1), TypeError, "filename"),
    (lambda: ppg.FileChecksumInvariant(""), ValueError, "filename"),
    (lambda: ppg.FunctionInvariant(1, nothing), TypeError, "job_id"),
    (lambda: ppg.JobGeneratingJob(1, nothing), TypeError, "job_id"),
    (lambda: ppg.DependencyInjectionJob("", nothing), ValueError, "job_id"),
    (lambda: ppg.JobGeneratingJob("g", write), TypeError, "'g'.*without arguments"),
    (lambda: ppg.FileGeneratingJob(write, "a"), TypeError, "output_filename"),
    (lambda: ppg.FileGeneratingJob(ppg.FileGeneratingJob("a", write), write), TypeError, "output_filename"),
    (lambda: ppg.FileGeneratingJob(".", write), ValueError, "output_filename"),
    (lambda: ppg.FileGeneratingJob("x/..", write), ValueError, "output_filename"),
    (lambda: ppg.MultiFileGeneratingJob([Path("a"), Path("..")], write_all), ValueError, "filenames"),
    (lambda: ppg.FileGeneratingJob("a", write, rename_broken="no"), TypeError, "'a': rename_broken"),
    (lambda: ppg.MultiFileGeneratingJob(["a"], write_all, empty_ok=None), TypeError, "'a': empty_ok"),
    (lambda: ppg.TempFileGeneratingJob("a", write, cutoff=1), TypeError, "'a': cutoff"),
    (lambda: ppg.FileGeneratingJob("a", write).depends_on_file(1), TypeError, "filename"),
    (lambda: ppg.FileGeneratingJob("a", write).depends_on_func(None), TypeError, "callable"),
    (lambda: ppg.FileGeneratingJob("a", write, retrys=1), TypeError, "retrys"),
    (lambda: ppg.FileGeneratingJob("a", declares_later), TypeError, "a: .*declares_later.* is a generator"),
    (lambda: ppg.JobGeneratingJob("a", declares_later), TypeError, "'a': .* is a generator"),
    (lambda: ppg.DataLoadingJob("a", Sample().generate), TypeError, "'a': .* is a generator"),
    (lambda: ppg.FileGeneratingJob("a", waits), TypeError, "a: .*waits.* is an async function"),
    (lambda: ppg.FileGeneratingJob("a", functools.partial(waits, 1)), TypeError, "is an async function"),
]


@pytest.mark.parametrize(("declare", "error", "named"), WRONG)
def test_whatever_cannot_be_right_is_refused_at_once_by_name(graph, declare, error, named):
    with pytest.raises(error, match=named):
        declare()
