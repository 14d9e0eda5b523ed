"""What runs again when parameters or dependencies change, and what an unchanged output stops."""

import threading

import pytest

import ppg


def test_a_changed_parameter_reruns_only_what_depends_on_it(run, writer, account):
    def declare(value):
        ppg.FileGeneratingJob("a", writer("A")).depends_on_params(value)
        ppg.FileGeneratingJob("b", writer("B"))

    run(lambda: declare(1))
    account.taken()
    result = run(lambda: declare(2))
    assert account.taken() == ["a"]
    assert result["a"].reasons == ("parameters: 1 → 2",)


def test_a_rerun_that_makes_the_same_bytes_stops_there_and_one_that_does_not_goes_on(run, writer, account):
    def declare(parameter, text):
        a = ppg.FileGeneratingJob("a", writer(text)).depends_on_params(parameter).ignore_code_changes()
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)

    run(lambda: declare(1, "A"))
    account.taken()
    run(lambda: declare(2, "A"))
    assert account.taken() == ["a"]
    run(lambda: declare(3, "A'"))
    assert account.taken() == ["a", "b"]


def test_without_cutoff_every_rerun_counts_as_a_change(run, writer, account):
    def declare(parameter):
        a = ppg.FileGeneratingJob("a", writer("A"), cutoff=False).depends_on_params(parameter)
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)

    run(lambda: declare(1))
    account.taken()
    run(lambda: declare(1))
    assert account.taken() == []
    run(lambda: declare(2))
    assert account.taken() == ["a", "b"]


def test_a_new_and_a_removed_dependency_rerun_the_job(run, writer, account):
    def declare(*, attached):
        a = ppg.FileGeneratingJob("a", writer("A"))
        b = ppg.FileGeneratingJob("b", writer("B"))
        if attached:
            b.depends_on(a)

    run(lambda: declare(attached=False))
    account.taken()
    result = run(lambda: declare(attached=True))
    assert account.taken() == ["b"]
    assert result["b"].reasons == ("it depends on a now",)
    run(lambda: declare(attached=False))
    assert account.taken() == ["b"]


def test_a_job_that_was_absent_for_a_run_is_still_up_to_date(run, writer, account):
    def declare(names):
        for name in names:
            ppg.FileGeneratingJob(name, writer(name))

    run(lambda: declare("ab"))
    account.taken()
    run(lambda: declare("b"))
    run(lambda: declare("ab"))
    assert account.taken() == []


def test_an_invariant_that_changed_while_its_job_was_absent_is_noticed(run, writer, account):
    def declare(value, *, present):
        parameter = ppg.ParameterInvariant("p", value)
        if present:
            ppg.FileGeneratingJob("a", writer("A")).depends_on(parameter)

    run(lambda: declare(1, present=True))
    account.taken()
    run(lambda: declare(2, present=False))
    run(lambda: declare(2, present=True))
    assert account.taken() == ["a"]


@pytest.fixture
def declare(writer):
    """Declares jobs of which some depend on one parameter that has this value now."""

    def declare_jobs(value, users, others=""):
        parameter = ppg.ParameterInvariant("p", value)
        for name in users:
            ppg.FileGeneratingJob(name, writer(name)).depends_on(parameter)
        for name in others:
            ppg.FileGeneratingJob(name, writer(name))

    return declare_jobs


def test_an_invariant_that_is_attached_or_detached_is_a_change_of_that_job_only(run, declare, account):
    run(lambda: declare(1, "a", "b"))
    account.taken()
    run(lambda: declare(1, "ab"))
    assert account.taken() == ["b"]
    run(lambda: declare(1, "b", "a"))
    assert account.taken() == ["a"]
    run(lambda: declare(1, "b", "a"))
    assert account.taken() == []


def test_an_invariant_that_changed_while_it_was_detached_is_a_change(run, declare, account):
    run(lambda: declare(1, "ab"))
    run(lambda: declare(2, "b", "a"))
    account.taken()
    run(lambda: declare(2, "ab"))
    assert account.taken() == ["a"]


def test_an_invariant_that_changed_while_one_of_its_jobs_was_absent_is_a_change_of_that_job(
    run, declare, account
):
    run(lambda: declare(1, "ab"))
    account.taken()
    run(lambda: declare(2, "b"))
    assert account.taken() == ["b"]
    run(lambda: declare(2, "ab"))
    assert account.taken() == ["a"], "b has consumed the new value, a has not"


def test_an_invariant_that_was_absent_for_a_run_is_no_change_when_all_is_as_before(run, declare, account):
    run(lambda: declare(1, "a"))
    account.taken()
    run(lambda: declare(1, ""))
    run(lambda: declare(1, "a"))
    assert account.taken() == []


def test_an_invariant_that_changed_and_changed_back_while_its_job_was_absent_is_no_change(
    run, declare, account
):
    run(lambda: declare(1, "ab"))
    run(lambda: declare(2, "b"))
    account.taken()
    run(lambda: declare(1, "ab"))
    assert account.taken() == ["b"]


def test_an_invariant_that_changed_while_its_job_failed_is_still_a_change_afterwards(
    run, failing_run, account
):
    def declare_job(value, *, broken):
        def make(path):
            account.ran("a")
            if broken:
                raise ValueError
            path.write_text("A")

        ppg.FileGeneratingJob("a", make).ignore_code_changes().depends_on_params(value)

    run(lambda: declare_job(1, broken=False))
    failing_run(lambda: declare_job(2, broken=True))
    account.taken()
    run(lambda: declare_job(2, broken=False))
    assert account.taken() == ["a"]


def test_a_parameter_that_cannot_be_fingerprinted_is_a_type_error_at_the_definition_with_its_path(
    folder, writer
):
    ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", writer("A"))
    with pytest.raises(TypeError, match=r"parameters\['db'\]\[1\].*lock"):
        job.depends_on_params({"db": [0, threading.Lock()]})
    with pytest.raises(TypeError, match=r"p': .*parameters\['db'\]\[1\].*lock"):
        ppg.ParameterInvariant("p", {"db": [0, threading.Lock()]})
    assert not job.upstreams


def test_parameters_in_another_order_rerun_the_job_and_sets_and_dictionaries_have_none(run, writer, account):
    def declare_job(value):
        ppg.FileGeneratingJob("a", writer("A")).depends_on_params(value)

    def reran(value):
        run(lambda: declare_job(value))
        return account.taken() == ["a"]

    assert reran((1, 2))
    assert reran((2, 1))
    assert reran([1])
    assert reran([1, 1])
    assert reran({"a": {1, 2}, "b": float("nan")})
    assert not reran({"b": float("nan"), "a": {2, 1}})
    assert reran({"b": float("nan"), "a": {2, 1.0}})
