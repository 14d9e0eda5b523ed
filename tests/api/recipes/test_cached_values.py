"""Which values can be cached, and how cached jobs are declared."""

import enum
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import ppg
from tests.api.recipes.genomes import Genome, calculated


def test_values_of_the_scripts_own_classes_are_what_the_script_compares_them_with(folder):
    (folder / "script.py").write_text(
        """
import enum, sys
from dataclasses import dataclass
import ppg

class Colour(enum.Enum):
    RED = 1

@dataclass
class Point:
    x: int

class Genome: pass

def made():
    return Point(3)

def calc():
    return [made(), Colour.RED, lambda x: x + 1]

genome = Genome()
ppg.new_pipegraph(quiet=True)
cached = ppg.CachedAttributeLoadingJob("value", genome, "value", calc)

def compare(path):
    point, colour, function = genome.value
    path.write_text(f"{point == Point(3)} {isinstance(point, Point)} {colour is Colour.RED} {function(1)}")

for name in sys.argv[1:]:
    ppg.FileGeneratingJob(name, compare).depends_on(cached)
print(ppg.run_pipegraph().ran)
"""
    )
    first = subprocess.run(
        [sys.executable, "script.py", "a"], timeout=60, check=True, capture_output=True, text=True
    )
    second = subprocess.run(
        [sys.executable, "script.py", "a", "b"], timeout=60, check=True, capture_output=True, text=True
    )
    assert first.stdout == "['value', 'value_load', 'a']\n"
    assert second.stdout == "['value_load', 'b']\n"
    assert (folder / "a").read_text() == (folder / "b").read_text() == "True True True 2"


def test_frames_come_back_as_they_were(run, folder):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")

    def calc():
        return pandas.DataFrame({"x": [1, 2]}, index=["a", "b"]), polars.DataFrame({"y": ["u", None]})

    def declare():
        # A load in the compute node would leave the threads of polars there; jobs may read the file themselves.
        cached = ppg.CachedDataLoadingJob("value", calc, lambda value: None)

        def compare(path):
            one, two = pickle.loads(Path("value").read_bytes())
            path.write_text(f"{one.equals(calc()[0])} {two.equals(calc()[1])}")

        ppg.FileGeneratingJob("a", compare).depends_on(cached.cache_job)

    run(declare)
    assert (folder / "a").read_text() == "True True"


# -- declarations


def test_the_same_cached_job_declared_again_is_the_same_object(folder, account):
    ppg.new_pipegraph(quiet=True)
    genome, calc = Genome(), calculated(account, 1)
    first = ppg.CachedAttributeLoadingJob("value", genome, "value", calc)
    again = ppg.CachedAttributeLoadingJob(folder / "value", genome, "value", calc)
    assert first is again
    assert first.cache_job is again.cache_job
    assert (first.job_id, first.cache_job.job_id) == ("value_load", "value")


def test_another_declaration_with_the_same_cache_is_refused_with_both_places(folder):
    ppg.new_pipegraph(quiet=True)
    genome = Genome()
    ppg.CachedAttributeLoadingJob("value", genome, "value", lambda: 1)
    with pytest.raises(
        ppg.JobContractError, match=r"'value' is declared twice.*function.*test_cached_values.py"
    ) as caught:
        ppg.CachedAttributeLoadingJob("value", genome, "value", lambda: 2)
    assert "cached_jobs.py" not in str(caught.value)
    with pytest.raises(ppg.JobContractError, match="object"):
        ppg.CachedAttributeLoadingJob("value", Genome(), "value", lambda: 1)
    with pytest.raises(ppg.JobContractError, match=r"Two jobs declare|declared twice"):
        ppg.FileGeneratingJob("value", lambda path: None)


@pytest.mark.parametrize(
    ("declare_wrongly", "error", "named"),
    [
        (lambda: ppg.CachedAttributeLoadingJob(1, Genome(), "x", lambda: 1), TypeError, "cache_filename"),
        (lambda: ppg.CachedAttributeLoadingJob("", Genome(), "x", lambda: 1), ValueError, "cache_filename"),
        (lambda: ppg.CachedAttributeLoadingJob("c", Genome(), 1, lambda: 1), TypeError, "attribute_name"),
        (lambda: ppg.CachedAttributeLoadingJob("c", Genome(), "x", 1), TypeError, "callable"),
        (lambda: ppg.CachedAttributeLoadingJob("c", Genome(), "x", lambda path: 1), TypeError, "arguments"),
        (lambda: ppg.CachedDataLoadingJob("c", lambda: 1, lambda: 1), TypeError, "called with the value"),
        (lambda: ppg.CachedDataLoadingJob("c", lambda x: 1, lambda x: 1), TypeError, "calculation"),
        (lambda: ppg.CachedDictEntryLoadingJob("c", [], "x", lambda: 1), TypeError, "dictionary"),
        (lambda: ppg.CachedDataLoadingJob("c", lambda: 1, lambda x: 1, timeout=-1), ValueError, "timeout"),
        (lambda: ppg.CachedDataLoadingJob("c", lambda: 1, lambda x: 1, speed=1), TypeError, "speed"),
    ],
)
def test_a_wrong_argument_of_a_cached_job_is_named_at_the_definition(folder, declare_wrongly, error, named):
    graph = ppg.new_pipegraph(quiet=True)
    with pytest.raises(error, match=named):
        declare_wrongly()
    assert len(graph) == 0


def test_the_calculation_has_options_and_resources_of_its_own(folder):
    ppg.new_pipegraph(quiet=True)
    cached = ppg.CachedDataLoadingJob("c", lambda: 1, lambda x: 1, timeout=60, retries=2, isolation="fresh")
    cached.cache_job.use_cores(2)
    assert cached.cache_job.execution == ppg.Execution(timeout=60, retries=2, isolation="fresh")
    assert cached.execution == ppg.Execution(timeout=60, retries=2)
    assert (cached.cores_needed, cached.cache_job.cores_needed) == (1, 2)


@pytest.mark.parametrize("name", ["with space/und Ümlaut", "%", "a:b", "../beside"])
def test_a_cache_file_may_have_any_name(run, declare, folder, name):
    genome = Genome()

    def declare_jobs():
        cached = ppg.CachedAttributeLoadingJob(name, genome, "value", lambda: 5)
        ppg.FileGeneratingJob("a", lambda path: path.write_text(str(genome.value))).depends_on(cached)

    run(declare_jobs)
    assert (folder / "a").read_text() == "5"
    assert (folder / name).exists()
    assert run(declare_jobs).ran == []


def test_a_cached_job_in_a_notebook_can_be_redefined(folder, account):
    graph = ppg.new_pipegraph(quiet=True, redefine=True)
    genome = Genome()

    def declare(value):
        cached = ppg.CachedAttributeLoadingJob("value", genome, "value", calculated(account, value))
        ppg.FileGeneratingJob("a", lambda path: path.write_text(str(genome.value))).depends_on(cached)

    for value in (1, 2):
        declare(value)
        graph.run()
        assert (folder / "a").read_text() == str(value)
        assert (folder / "value").exists()
    declare(2)
    assert graph.run().ran == []
    assert account.taken() == ["calc", "calc"]


def test_values_of_types_with_their_own_module_are_cached(run, folder):
    @dataclass
    class Local:
        x: int

    class Level(enum.Enum):
        LOW = 1

    genome = Genome()

    def declare():
        cached = ppg.CachedAttributeLoadingJob("value", genome, "value", lambda: (Local(3), Level.LOW))
        ppg.FileGeneratingJob(
            "a", lambda path: path.write_text(f"{genome.value[0].x} {genome.value[1].name}")
        ).depends_on(cached)

    run(declare)
    assert (folder / "a").read_text() == "3 LOW"
