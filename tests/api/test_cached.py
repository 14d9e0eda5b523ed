"""Cached jobs: calculated once, kept in a file, loaded for those who need it."""

import enum
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import ppg
from ppg import JobState
from tests.fakes import RecordingFrontend


class Genome:
    """What users load attributes on."""


def calculated(account, value, name="calc"):
    """A calculation that keeps account of its runs."""

    def calc():
        account.ran(name)
        return value

    return calc


@pytest.fixture
def declare(account):
    """Declares a cached attribute and files that are made of it."""

    def declare_jobs(names, value=17, *, upstreams=(), calc=None, **options):
        genome = Genome()
        cached = ppg.CachedAttributeLoadingJob(
            "cache/value", genome, "value", calc or calculated(account, value), **options
        )
        cached.depends_on(upstreams)
        for name in names:

            def write(path, genome=genome):
                account.ran(path.name)
                path.write_text(str(genome.value))

            ppg.FileGeneratingJob(name, write).depends_on(cached)
        return cached

    return declare_jobs


# -- when it is calculated


def test_a_cached_job_without_downstream_is_not_calculated(run, declare, account, folder):
    result = run(lambda: declare(""))
    assert account.taken() == []
    assert result["cache/value"].state is JobState.NOT_NEEDED
    assert not (folder / "cache").exists()


def test_a_value_is_calculated_once_and_its_file_stays_between_runs(run, declare, account, folder):
    run(lambda: declare("a"))
    assert account.taken() == ["a", "calc"]
    assert pickle.loads((folder / "cache/value").read_bytes()) == 17
    assert run(lambda: declare("a")).ran == []
    assert run(lambda: declare("ab")).ran == ["cache/value_load", "b"]
    assert account.taken() == ["b"]
    assert (folder / "b").read_text() == "17"


def test_a_cache_file_that_nobody_needs_any_more_is_left_alone(run, declare, folder):
    run(lambda: declare("a"))
    run(lambda: declare(""))
    assert (folder / "cache/value").exists()


def test_a_deleted_cache_is_calculated_again_only_when_somebody_needs_it(run, declare, account, folder):
    run(lambda: declare("a"))
    account.taken()
    (folder / "cache/value").unlink()
    assert run(lambda: declare("a")).ran == []
    assert run(lambda: declare("ab")).ran == ["cache/value", "cache/value_load", "b"]


def test_a_changed_calculation_is_done_again_and_its_users_only_if_the_value_changed(run, declare, account):
    run(lambda: declare("a", 1))
    account.taken()
    # The captured value counts as code.
    run(lambda: declare("a", 2))
    assert account.taken() == ["a", "calc"]

    def other():
        account.ran("calc")
        return 1 + 1

    run(lambda: declare("a", calc=other))
    assert account.taken() == ["calc"]


def test_a_changed_calculation_that_nobody_needs_is_not_done(run, declare, account):
    run(lambda: declare("", 1))
    run(lambda: declare("", 2))
    assert account.taken() == []


def test_code_changes_of_both_halves_can_be_ignored(run, account):
    def declare(value, ending):
        def load(loaded):
            account.ran(f"load{ending}")

        cached = ppg.CachedDataLoadingJob("value", calculated(account, value), load)
        assert cached.ignore_code_changes() is cached
        ppg.FileGeneratingJob("a", lambda path: path.write_text("A")).depends_on(cached)

    run(lambda: declare(1, ""))
    assert account.taken() == ["calc", "load"]
    run(lambda: declare(2, "!"))
    assert account.taken() == []


def test_code_changes_of_the_calculation_alone_can_be_ignored(run, account):
    def declare(value, ending):
        def load(loaded):
            account.ran(f"load{ending}")

        cached = ppg.CachedDataLoadingJob("value", calculated(account, value), load)
        cached.cache_job.ignore_code_changes()
        ppg.FileGeneratingJob("a", lambda path: path.write_text("A")).depends_on(cached)

    run(lambda: declare(1, ""))
    account.taken()
    run(lambda: declare(2, "!"))
    assert account.taken() == ["load!"]


# -- the kinds


def test_data_is_passed_to_a_load_function_whose_changes_do_not_calculate_again(run, account, folder):
    data = []

    def declare(factor):
        def load(value):
            data.append(value * factor)

        cached = ppg.CachedDataLoadingJob("value", calculated(account, 3), load)
        ppg.FileGeneratingJob("a", lambda path: path.write_text(str(data))).depends_on(cached)

    run(lambda: declare(2))
    assert account.taken() == ["calc"]
    assert (folder / "a").read_text() == "[6]"
    assert run(lambda: declare(5)).ran == ["value_load", "a"]
    assert account.taken() == []
    assert (folder / "a").read_text() == "[15]"
    assert data == []


def test_an_entry_of_a_dictionary_is_cached_likewise(run, account, folder):
    data = {}

    def declare(names):
        cached = ppg.CachedDictEntryLoadingJob("value", data, ("x", 1), calculated(account, 3))
        for name in names:
            ppg.FileGeneratingJob(name, lambda path: path.write_text(str(data["x", 1]))).depends_on(cached)

    run(lambda: declare("a"))
    assert run(lambda: declare("ab")).ran == ["value_load", "b"]
    assert (folder / "b").read_text() == "3"
    assert data == {}


def test_an_attribute_is_gone_when_its_users_are_done_and_never_set_in_the_script(run, folder):
    genome = Genome()

    def declare():
        cached = ppg.CachedAttributeLoadingJob("value", genome, "value", lambda: 1)
        user = ppg.FileGeneratingJob("a", lambda path: path.write_text(str(genome.value))).depends_on(cached)
        ppg.FileGeneratingJob("b", lambda path: path.write_text(str(hasattr(genome, "value")))).depends_on(
            user
        )

    run(declare)
    assert (folder / "b").read_text() == "False"
    assert not hasattr(genome, "value")


def test_a_job_can_depend_on_the_cache_file_itself(run, account, folder):
    def declare():
        cached = ppg.CachedAttributeLoadingJob("value", Genome(), "value", calculated(account, [1, 2]))
        assert isinstance(cached, ppg.CachedJob)

        def read(path):
            path.write_text(str(pickle.loads(Path("value").read_bytes())))

        ppg.FileGeneratingJob("a", read).depends_on("value")

    assert run(declare).ran == ["value", "a"]
    assert (folder / "a").read_text() == "[1, 2]"
    assert run(declare).ran == []


# -- dependencies


def test_dependencies_go_to_the_calculation_and_are_not_loaded_while_the_cache_is_clean(
    run, declare, writer, account
):
    genome = Genome()

    def declare_all(names):
        data = ppg.AttributeLoadingJob("data", genome, "data", calculated(account, 20, "data"))
        temp = ppg.TempFileGeneratingJob("temp", writer("22"))

        def calc():
            account.ran("calc")
            return genome.data + int(Path("temp").read_text())

        cached = declare(names, upstreams=[data, temp], calc=calc)
        assert [job.job_id for job in cached.cache_job.upstreams] == ["data", "temp"]

    run(lambda: declare_all("a"))
    assert account.taken() == ["a", "calc", "data", "temp"]
    assert Path("a").read_text() == "42"
    run(lambda: declare_all("ab"))
    assert account.taken() == ["b"]


def test_every_way_to_depend_leads_to_the_calculation(run, declare, account, folder):
    (folder / "input").write_text("x")
    parameter = 1

    def helper():
        return parameter

    def declare_all():
        cached = declare("a")
        assert cached.depends_on_params(parameter) is cached
        assert cached.depends_on_file("input") is cached
        assert cached.depends_on_func(helper) is cached
        assert len(cached.cache_job.upstreams) == 3

    run(declare_all)
    account.taken()
    (folder / "input").write_text("y")
    run(declare_all)
    assert account.taken() == ["calc"]
    parameter = 2
    run(declare_all)
    assert account.taken() == ["calc"]


def test_what_only_the_load_needs_does_not_calculate_again(run, account, folder):
    def declare(parameter):
        cached = ppg.CachedDataLoadingJob("value", calculated(account, 1), lambda value: account.ran("load"))
        assert cached.use_depends_on(ppg.ParameterInvariant("p", parameter)) is cached
        ppg.FileGeneratingJob("a", lambda path: path.write_text("A")).depends_on(cached)

    run(lambda: declare(1))
    account.taken()
    run(lambda: declare(2))
    assert account.taken() == ["load"]


def test_a_chain_of_cached_jobs_loads_only_its_end_once_all_are_calculated(run, account, folder):
    genome = Genome()

    def declare(names):
        first = ppg.CachedAttributeLoadingJob("one", genome, "one", calculated(account, 1, "one"))

        def add():
            account.ran("two")
            return genome.one + 1

        second = ppg.CachedAttributeLoadingJob("two", genome, "two", add).depends_on(first)
        for name in names:
            ppg.FileGeneratingJob(name, lambda path: path.write_text(str(genome.two))).depends_on(second)

    run(lambda: declare("a"))
    assert account.taken() == ["one", "two"]
    assert run(lambda: declare("ab")).ran == ["two_load", "b"]
    assert (folder / "b").read_text() == "2"


def test_cached_jobs_can_be_added_to_other_jobs(run, account, folder):
    genome = Genome()

    def declare():
        one = ppg.CachedAttributeLoadingJob("one", genome, "one", lambda: 1)
        two = ppg.CachedDataLoadingJob("two", lambda: 2, lambda value: setattr(genome, "two", value))
        three = ppg.FileGeneratingJob("three", lambda path: path.write_text("3"))
        ppg.FileGeneratingJob("a", lambda path: path.write_text(f"{genome.one} {genome.two}")).depends_on(
            one + two + [three]
        )

    run(declare)
    assert (folder / "a").read_text() == "1 2"


def test_a_pruned_cached_job_takes_its_users_along_and_is_not_calculated(run, declare, account):
    run(lambda: declare("a").prune())
    assert account.taken() == []
    run(lambda: declare("a").prune().unprune())
    assert account.taken() == ["a", "calc"]


@pytest.mark.parametrize("target", ["cache/value", "cache/value_load"])
def test_a_cached_job_as_a_target_is_calculated_for_its_own_sake(declare, account, folder, target):
    graph = ppg.new_pipegraph(quiet=True)
    declare("a")
    graph.run(targets=[target])
    assert account.taken() == ["calc"]
    assert (folder / "cache/value").exists()


def test_a_calculation_runs_before_those_who_need_its_value_and_after_what_it_needs(run, declare, writer):
    def declare_all():
        declare("a", upstreams=ppg.FileGeneratingJob("first", writer("1")))

    assert run(declare_all).ran == ["first", "cache/value", "cache/value_load", "a"]


# -- generators


def test_a_generator_can_declare_a_cached_job_and_what_it_needs(run, account, folder):
    genome = Genome()

    def declare():
        def generate():
            file = ppg.FileGeneratingJob("file", lambda path: path.write_text("7"))

            def calc():
                account.ran("calc")
                return int(Path("file").read_text())

            cached = ppg.CachedAttributeLoadingJob("value", genome, "value", calc).depends_on(file)
            ppg.FileGeneratingJob("a", lambda path: path.write_text(str(genome.value))).depends_on(cached)

        ppg.JobGeneratingJob("generator", generate)

    run(declare)
    assert (folder / "a").read_text() == "7"
    assert account.taken() == ["calc"]
    assert run(declare).ran == ["generator"]
    (folder / "a").unlink()
    assert run(declare).ran == ["generator", "value_load", "a"]


def test_a_generated_job_uses_a_value_that_was_calculated_earlier_in_the_same_run(run, account, folder):
    genome = Genome()

    def declare():
        cached = ppg.CachedAttributeLoadingJob("value", genome, "value", calculated(account, 5))
        first = ppg.FileGeneratingJob("a", lambda path: path.write_text("A")).depends_on(cached)

        def generate():
            ppg.FileGeneratingJob("b", lambda path: path.write_text(str(genome.value))).depends_on(cached)

        ppg.JobGeneratingJob("generator", generate).depends_on(first)

    run(declare)
    assert account.taken() == ["calc"]
    assert (folder / "b").read_text() == "5"


# -- files that are no good


class Fragile:
    """Something whose pickle cannot be read while a file called `broken` is there."""

    def __init__(self, text):
        self.text = text

    def __reduce__(self):
        return restored, (self.text,)

    def __str__(self):
        return self.text


def restored(text):
    if Path("broken").exists():
        raise LookupError("this version knows nothing of such things")
    return Fragile(text)


def test_an_unreadable_cache_is_calculated_once_more_with_a_warning_and_all_it_needs(
    declare, account, folder
):
    genome, frontend = Genome(), RecordingFrontend()

    def declare_all(names):
        data = ppg.AttributeLoadingJob("data", genome, "data", calculated(account, "text", "data"))

        def calc():
            account.ran("calc")
            Path("broken").unlink(missing_ok=True)
            return Fragile(genome.data)

        declare(names, upstreams=data, calc=calc)

    graph = ppg.new_pipegraph(quiet=True)
    declare_all("a")
    graph.run(frontend=frontend)
    assert frontend.warnings == []
    account.taken()
    (folder / "broken").touch()
    graph = ppg.new_pipegraph(quiet=True)
    declare_all("ab")
    result = graph.run(frontend=frontend)
    assert result.ran == ["data", "cache/value", "cache/value_load", "b"]
    assert account.taken() == ["b", "calc", "data"]
    assert (folder / "b").read_text() == "text"
    (warning,) = frontend.warnings
    assert "'cache/value' cannot be read (LookupError: this version knows nothing" in warning
    graph = ppg.new_pipegraph(quiet=True)
    declare_all("ab")
    assert graph.run().ran == []


def test_a_cache_that_is_unreadable_again_fails_the_load_and_names_the_file(
    run, failing_run, declare, account, folder
):
    run(lambda: declare("a", calc=lambda: Fragile("x")))
    (folder / "broken").touch()
    (folder / "a").unlink()

    def calc():
        return Fragile("x")

    error, graph = failing_run(lambda: declare("a", calc=calc))
    (failure,) = error.exceptions.values()
    assert list(error.exceptions) == ["cache/value_load"]
    assert isinstance(failure, ppg.CacheUnreadableError)
    assert failure.cache == "cache/value"
    assert "'cache/value' cannot be read: LookupError" in str(failure)
    assert graph.result["cache/value"].state is JobState.RAN
    assert error.blocked == ("a",)
    (folder / "broken").unlink()
    assert run(lambda: declare("a", calc=calc)).ran == ["cache/value_load", "a"]


def test_a_value_that_cannot_be_read_back_at_once_is_not_calculated_twice(
    failing_run, declare, account, folder
):
    (folder / "broken").touch()

    def calc():
        account.ran("calc")
        return Fragile("x")

    error, _graph = failing_run(lambda: declare("a", calc=calc))
    assert isinstance(error.exceptions["cache/value_load"], ppg.CacheUnreadableError)
    assert account.taken() == ["calc"]


@pytest.mark.parametrize("damage", [b"", b"no pickle", None])
def test_a_damaged_cache_file_is_never_read_but_calculated_again_with_a_warning(
    run, declare, account, folder, damage
):
    run(lambda: declare("a", "x" * 1000))
    account.taken()
    path = folder / "cache/value"
    path.write_bytes(path.read_bytes()[:-10] if damage is None else damage)
    graph, frontend = ppg.new_pipegraph(quiet=True), RecordingFrontend()
    declare("ab", "x" * 1000)
    graph.run(frontend=frontend)
    assert account.taken() == ["b", "calc"]
    assert frontend.warnings == ["the cache file 'cache/value' is not as it was left; it is calculated again"]


def test_a_damaged_cache_file_that_nobody_needs_is_no_reason_for_anything(run, declare, account, folder):
    run(lambda: declare("a"))
    account.taken()
    (folder / "cache/value").write_bytes(b"no pickle")
    assert run(lambda: declare("a")).ran == []


def test_a_crash_while_the_cache_is_written_leaves_nothing_that_is_believed(
    run, failing_run, declare, account, folder
):
    class Deadly:
        def __reduce__(self):
            os.kill(os.getpid(), signal.SIGKILL)

    error, _graph = failing_run(lambda: declare("a", calc=lambda: ["x" * 1_000_000, Deadly()]))
    assert isinstance(error.exceptions["cache/value"], ppg.JobDiedException)
    assert not (folder / "cache/value").exists()
    run(lambda: declare("a", 3))
    assert (folder / "a").read_text() == "3"


def test_a_killed_run_leaves_half_a_cache_that_the_next_run_does_not_believe(folder):
    (folder / "script.py").write_text(
        """
import os, signal, sys
import ppg

class Genome: pass
class Deadly:
    def __reduce__(self):
        os.kill(script, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

genome, script, deadly = Genome(), os.getpid(), "deadly" in sys.argv
ppg.new_pipegraph(quiet=True)

def calc():
    return ["x" * 1_000_000, Deadly() if deadly else 1]

cached = ppg.CachedAttributeLoadingJob("value", genome, "value", calc).ignore_code_changes()
ppg.FileGeneratingJob("a", lambda path: path.write_text(str(genome.value[1]))).depends_on(cached)
ppg.run_pipegraph()
"""
    )
    killed = subprocess.run([sys.executable, "script.py", "deadly"], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    subprocess.run([sys.executable, "script.py"], timeout=60, check=True)
    assert (folder / "a").read_text() == "1"


def test_a_failed_calculation_leaves_no_file_and_blocks_who_needs_it(failing_run, declare, folder):
    def calc():
        raise KeyError("no data")

    error, _graph = failing_run(lambda: declare("a", calc=calc))
    assert isinstance(error.exceptions["cache/value"], KeyError)
    assert error.blocked == ("cache/value_load", "a")
    assert not (folder / "cache/value").exists()


def test_a_value_that_cannot_be_pickled_fails_with_the_name_of_the_file(failing_run, declare, folder):
    def calc():
        return (number for number in range(3))

    error, _graph = failing_run(lambda: declare("a", calc=calc))
    failure = error.exceptions["cache/value"]
    assert isinstance(failure, ppg.JobContractError)
    assert "'cache/value' returned a generator, which cannot be pickled" in str(failure)
    assert not (folder / "cache/value").exists()


# -- values


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
        ppg.JobContractError, match=r"'value' is declared twice.*function.*test_cached.py"
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
