"""Cached jobs: calculated once, kept in a file, loaded for those who need it."""

import pickle
from pathlib import Path

import pytest

import ppg
from ppg import JobState
from tests.api.recipes.genomes import Genome, calculated


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


def test_a_cache_file_that_no_job_needs_any_more_is_left_alone(run, declare, folder):
    run(lambda: declare("a"))
    run(lambda: declare(""))
    assert (folder / "cache/value").exists()


def test_a_deleted_cache_is_calculated_again_only_when_a_job_needs_it(run, declare, account, folder):
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


def test_a_changed_calculation_that_no_job_needs_is_not_done(run, declare, account):
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


def test_data_is_passed_to_a_load_function_and_changes_of_that_do_not_calculate_again(run, account, folder):
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


def test_a_calculation_runs_before_the_jobs_that_need_its_value_and_after_what_it_needs(run, declare, writer):
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
