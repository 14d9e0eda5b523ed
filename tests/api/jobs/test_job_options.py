"""The options that say how a job's callback is executed: timeout, retries, enforce_memory, isolation."""

import os
import re
import signal
import threading
import time

import pytest

import ppg
from ppg.account.failure_report import failure_lines
from tests.exec.threaded import use_openmp, use_polars
from tests.fakes import RecordingFrontend

MB = 1 << 20


def write(path):
    path.write_text("written")


def hang(path):
    path.write_text("half")
    time.sleep(1000)


class Tries:
    """Counts calls across processes, in a file; the first ones fail."""

    def __init__(self, path, failures):
        self.path = path
        self.failures = failures

    def made(self):
        return len(self.path.read_text()) if self.path.exists() else 0

    def count(self):
        with self.path.open("a") as file:
            file.write("x")
        if self.made() <= self.failures:
            raise ValueError(f"try {self.made()}")


@pytest.fixture
def tries(tmp_path_factory):
    return lambda failures: Tries(tmp_path_factory.mktemp("tries") / "tries", failures)


# -- timeout -------------------------------------------------------------------------------------------------


def test_a_job_over_its_timeout_is_ended_and_has_failed_with_what_it_wrote_removed(folder, failing_run):
    error, graph = failing_run(
        lambda: [ppg.FileGeneratingJob("slow", hang, timeout=0.3), ppg.FileGeneratingJob("other", write)]
    )
    assert "timeout of 0.3 s" in str(error)
    assert isinstance(graph.job("slow").exception, ppg.JobDiedException)
    assert not (folder / "slow").exists()
    assert (folder / "other").read_text() == "written"


def test_a_load_over_its_timeout_has_failed_and_blocks_only_what_needs_it(folder, failing_run):
    def declare():
        load = ppg.DataLoadingJob("load", lambda: time.sleep(1000), timeout=0.3)
        ppg.FileGeneratingJob("blocked", write).depends_on(load)
        ppg.FileGeneratingJob("free", write)

    error, graph = failing_run(declare)
    assert "timeout of 0.3 s" in str(error)
    assert graph.result.failed == ["load"]
    assert graph.result.blocked == ["blocked"]
    assert (folder / "free").exists()


@pytest.mark.parametrize("timeout", [30 * 86_400, 1e300])
def test_a_timeout_that_will_not_be_seen_is_no_trouble(folder, run, timeout):
    def declare():
        load = ppg.DataLoadingJob("load", lambda: None, timeout=timeout)
        ppg.FileGeneratingJob("out", write, timeout=timeout).depends_on(load)

    assert run(declare).ran == ["load", "out"]


# -- retries -------------------------------------------------------------------------------------------------


def test_a_job_that_fails_is_tried_again_as_often_as_it_says(folder, run, tries):
    attempts = tries(failures=2)

    def flaky(path):
        attempts.count()
        path.write_text("third time")

    result = run(lambda: ppg.FileGeneratingJob("flaky", flaky, retries=2))
    assert result.ran == ["flaky"]
    assert attempts.made() == 3
    assert (folder / "flaky").read_text() == "third time"


def test_after_the_last_attempt_the_job_has_failed_with_what_that_one_raised(failing_run, tries):
    attempts = tries(failures=5)
    error, _ = failing_run(lambda: ppg.FileGeneratingJob("flaky", lambda _: attempts.count(), retries=1))
    assert attempts.made() == 2
    assert "try 2" in str(error)


def test_each_attempt_starts_without_the_files_of_the_one_before(folder, run, tries):
    attempts = tries(failures=1)

    def append(path):
        with path.open("a") as file:
            file.write("line")
        attempts.count()

    run(lambda: ppg.FileGeneratingJob("log", append, retries=1))
    assert (folder / "log").read_text() == "line"


def test_loads_and_generators_are_tried_again_too(folder, run, tries):
    loading, generating = tries(failures=1), tries(failures=1)
    owner = type("Owner", (), {})()

    def declare():
        generating.count()
        load = ppg.AttributeLoadingJob("load", owner, "data", lambda: loading.count() or "loaded", retries=1)
        ppg.FileGeneratingJob("out", lambda path: path.write_text(owner.data)).depends_on(load)

    result = run(lambda: ppg.JobGeneratingJob("generate", declare, retries=1))
    assert sorted(result.ran) == ["generate", "load", "out"]
    assert (loading.made(), generating.made()) == (2, 2)
    assert (folder / "out").read_text() == "loaded"


def test_the_number_of_attempts_of_a_job_is_in_its_outcome_and_in_the_log(folder, tries):
    (folder / "logs").mkdir()
    counts = {
        name: tries(failures=failures) for name, failures in (("flaky", 1), ("hopeless", 9), ("fine", 0))
    }
    graph = ppg.new_pipegraph(quiet=True)

    def declare(name, **options):
        def make(path):
            counts[name].count()
            path.write_text(name)

        return ppg.FileGeneratingJob(name, make, **options)

    jobs = [declare("flaky", retries=5), declare("hopeless", retries=2), declare("fine", retries=2)]
    unpicklable = threading.Lock()
    never = ppg.FileGeneratingJob("never", lambda path: path.write_text(str(unpicklable)), retries=2)
    blocked = ppg.FileGeneratingJob("blocked", write).depends_on("hopeless")
    with pytest.raises(ppg.RuntimeError):
        graph.run()
    assert [job.attempts for job in [*jobs, never, blocked]] == [2, 3, 1, 0, 0]
    assert graph.result["flaky"].attempts == 2
    log = (folder / "logs" / "ppg_run.txt").read_text()
    assert re.search(r"done: flaky \(\S+ s, attempt 2\);", log)
    assert "failed: hopeless (ValueError, attempt 3);" in log
    assert re.search(r"done: fine \(\S+ s\)\n", log)
    ppg.new_pipegraph(quiet=True)
    again = declare("fine", retries=2)
    ppg.run()
    assert again.attempts == 0


def test_the_outcome_has_the_ends_of_the_earlier_attempts(failing_run, folder):
    def changing(path):
        tries = len(list(folder.glob("try*"))) + 1
        (folder / f"try{tries}").touch()
        match tries:
            case 1:
                os._exit(7)
            case 2:
                os.kill(os.getpid(), signal.SIGKILL)
            case 3 | 4:
                raise Several("first line\nsecond line")
            case 5:
                raise ValueError
            case _:
                raise ValueError("the last")

    class Several(Exception):
        pass

    def declare():
        ppg.FileGeneratingJob("a", changing, retries=5)
        ppg.FileGeneratingJob("slow", hang, timeout=0.3, retries=1)

    _, graph = failing_run(declare)
    outcome = graph.result["a"]
    exited, killed, *raised = outcome.earlier
    assert str(outcome.exception) == "the last"
    assert exited.startswith("its process exited with code 7: ")
    assert killed.startswith("its process was ended by signal 9 (SIGKILL): ")
    assert [told.rpartition(".")[2] for told in raised] == [*["Several: first line"] * 2, "ValueError"]
    assert graph.result["slow"].earlier == ("it took longer than its timeout of 0.3 s",)


def test_of_many_attempts_the_last_ones_are_shown_and_equal_ends_together(failing_run, tries):
    attempts = tries(failures=99)

    def alike(_):
        attempts.count()

    def alike_from_the_seventh_on(path):
        try:
            alike(path)
        except ValueError as error:
            raise ValueError("alike" if attempts.made() > 6 else str(error)) from None

    _, graph = failing_run(lambda: ppg.FileGeneratingJob("a", alike_from_the_seventh_on, retries=14))
    assert graph.result["a"].earlier[0].endswith("try 5")
    told = list(failure_lines(graph.result["a"]))
    assert told[0] == "FAILED 'a' (attempt 15, the last): ValueError: alike"
    assert told[1] == "  4 earlier attempts: not kept"
    assert told[2:5] == [
        "  attempt 5: ValueError: try 5",
        "  attempt 6: ValueError: try 6",
        "  attempts 7 to 14: ValueError: alike",
    ]


# -- memory --------------------------------------------------------------------------------------------------


def grow(path):
    data = bytearray(200 * MB)
    data[::4096] = b"x" * len(data[::4096])
    time.sleep(1.5)  # memory is looked at twice a second
    path.write_text("grown")


@pytest.mark.parametrize("enforced", [False, True])
def test_a_job_above_its_stated_memory_is_named_in_a_warning_or_ended(folder, enforced):
    frontend = RecordingFrontend()
    graph = ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("big", grow, enforce_memory=enforced).memory_needed = 50 * MB
    if enforced:
        with pytest.raises(ppg.RuntimeError, match="more memory than it states") as caught:
            graph.run(frontend=frontend)
        assert isinstance(caught.value.exceptions["big"], ppg.JobDiedException)
    else:
        graph.run(frontend=frontend)
        (warning,) = frontend.warnings
        assert "'big'" in warning
        assert "states 0.05 GB" in warning


def test_a_job_ended_for_its_memory_gets_twice_as_much_the_next_time(folder, run):
    def declare():
        ppg.FileGeneratingJob("big", grow, enforce_memory=True, retries=1).memory_needed = 150 * MB

    assert run(declare).ran == ["big"]


# -- isolation -----------------------------------------------------------------------------------------------


def test_a_fresh_job_finds_nothing_that_was_loaded_and_still_makes_its_files(folder, run):
    owner = type("Owner", (), {})()

    def look(path):
        path.write_text(f"{hasattr(owner, 'data')} {os.getppid()}")

    def declare():
        load = ppg.AttributeLoadingJob("load", owner, "data", lambda: 1)
        ppg.FileGeneratingJob("fork", look).depends_on(load)
        ppg.FileGeneratingJob("fresh", look, isolation="fresh").depends_on(load)
        ppg.MultiFileGeneratingJob(
            ["a", "b"], lambda paths: [write(path) for path in paths], isolation="fresh"
        )

    assert len(run(declare).ran) == 4
    forked, parent = (folder / "fork").read_text().split()
    fresh, other_parent = (folder / "fresh").read_text().split()
    assert (forked, fresh) == ("True", "False")
    assert parent != other_parent


def test_a_fresh_generator_declares_jobs_like_any_other(folder, run):
    result = run(
        lambda: ppg.JobGeneratingJob(
            "generate", lambda: ppg.FileGeneratingJob("made", write, isolation="fresh"), isolation="fresh"
        )
    )
    assert sorted(result.ran) == ["generate", "made"]


def test_a_fresh_job_cannot_have_loaded_data_as_a_parameter(folder):
    ppg.new_pipegraph(quiet=True)

    @ppg.data("values")
    def values():
        return [1, 2, 3]

    with pytest.raises(
        ppg.JobContractError, match='by its parameters values, which a process with isolation="fresh"'
    ):

        @ppg.file("total", isolation="fresh")
        def total(out, values=values):
            out.write_text(str(sum(values)))


class Sample:
    data = None


def test_a_fresh_job_that_needs_loaded_data_is_an_error_with_a_remedy(failing_run):
    owner, table = Sample(), {}

    def otherwise(path):
        raise ValueError("not because of a load")

    def declare():
        loads = [
            ppg.AttributeLoadingJob("attribute", owner, "loaded", lambda: 1),
            ppg.DictEntryLoadingJob("entry", table, "key", lambda: 1),
            ppg.DataLoadingJob("effect", lambda: setattr(owner, "data", [1])),
        ]
        for name, callback in {
            "a": lambda path: path.write_text(str(owner.loaded)),
            "b": lambda path: path.write_text(str(table["key"])),
            "c": lambda path: path.write_text(str(owner.data[0])),
            "d": otherwise,
        }.items():
            ppg.FileGeneratingJob(name, callback, isolation="fresh").depends_on(loads)
        ppg.FileGeneratingJob("e", lambda path: path.write_text(str(owner.nothing))).depends_on(loads)
        ppg.FileGeneratingJob("f", lambda path: path.write_text(str(owner.nothing)), isolation="fresh")

    _, graph = failing_run(declare)
    hinted = {job_id for job_id in "abcdef" if "its process has no data" in graph.job(job_id).traceback}
    assert hinted == set("abc")
    assert graph.job("a").traceback.endswith(
        "AttributeError: 'Sample' object has no attribute 'loaded'\n'a' has isolation=\"fresh\", so its process "
        "has no data that was loaded by 'attribute', 'entry', 'effect': read the data in the job itself, or leave "
        "the option out"
    )


# -- libraries that do not survive a fork ----------------------------------------------------------------------


USES = [use_openmp, use_polars]


@pytest.mark.parametrize("use", USES)
@pytest.mark.usefixtures("three_threads")
def test_a_script_that_has_used_a_library_with_threads_can_run_jobs_that_use_it(folder, run, library, use):
    assert use(library)
    assert len(os.listdir("/proc/self/task")) > 1, "its threads are here, and no job may miss them"

    def declare():
        for name in ("a", "b", "c"):
            ppg.FileGeneratingJob(name, lambda path: path.write_text(str(use(library))), timeout=60)

    assert run(declare).ran == ["a", "b", "c"]
    assert (folder / "a").read_text() == "True"


@pytest.mark.parametrize("use", USES)
@pytest.mark.usefixtures("three_threads")
def test_a_load_that_leaves_threads_is_warned_about_and_fresh_jobs_can_still_use_the_library(
    folder, library, use, capfd
):
    graph = ppg.new_pipegraph()
    load = ppg.DataLoadingJob("load the table", lambda: use(library))
    job = ppg.FileGeneratingJob(
        "out", lambda path: path.write_text(str(use(library))), isolation="fresh", timeout=60
    )
    job.depends_on(load)
    assert sorted(graph.run().ran) == ["load the table", "out"]
    assert (folder / "out").read_text() == "True"
    (warning,) = [line for line in capfd.readouterr().err.splitlines() if "warning" in line]
    assert "'load the table'" in warning
    assert "thread" in warning
    assert 'isolation="fresh"' in warning


@pytest.mark.usefixtures("three_threads")
def test_a_forked_job_that_hangs_for_want_of_a_librarys_threads_is_ended_by_its_timeout(
    folder, library, failing_run
):
    def declare():
        load = ppg.DataLoadingJob("load", lambda: use_openmp(library))
        ppg.FileGeneratingJob(
            "out", lambda path: path.write_text(str(use_openmp(library))), timeout=1
        ).depends_on(load)

    error, _ = failing_run(declare)
    assert "timeout of 1 s" in str(error)


# -- what the options are not, and what they may be --------------------------------------------------------------


def test_other_options_are_no_reason_to_run(run):
    run(lambda: ppg.FileGeneratingJob("a", write))
    options = {"timeout": 100, "retries": 3, "enforce_memory": True, "isolation": "fresh"}
    assert run(lambda: ppg.FileGeneratingJob("a", write, **options)).ran == []


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ({"timeout": 5}, {"timeout": 6}, "timeout"),
        ({}, {"retries": 1}, "retries"),
        ({"isolation": "fresh"}, {}, "isolation"),
    ],
)
def test_a_job_declared_twice_has_the_same_options(folder, first, second, what):
    ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", write, **first)
    assert ppg.FileGeneratingJob("a", write, **first) is job
    with pytest.raises(ppg.JobContractError, match=f"another {what}"):
        ppg.FileGeneratingJob("a", write, **second)


WRONG = [
    ({"timeout": 0}, ValueError, "timeout must be a positive number"),
    ({"timeout": -1.5}, ValueError, "timeout must be a positive number"),
    ({"timeout": float("nan")}, ValueError, "timeout must be a positive number"),
    ({"timeout": float("inf")}, ValueError, "None for no limit"),
    ({"timeout": "an hour"}, ValueError, "timeout"),
    ({"timeout": True}, TypeError, "timeout must be a number of seconds"),
    ({"retries": -1}, ValueError, "retries must be 0 or more"),
    ({"retries": 1.0}, TypeError, "retries must be an int"),
    ({"retries": None}, TypeError, "retries must be an int"),
    ({"enforce_memory": 1}, TypeError, "enforce_memory must be True or False"),
    ({"isolation": "spawn"}, ValueError, "isolation must be 'fork' or 'fresh'"),
    ({"isolation": None}, ValueError, "isolation must be 'fork' or 'fresh'"),
    ({"isolated": True}, TypeError, "has no option 'isolated'"),
]


@pytest.mark.parametrize(("options", "error", "message"), WRONG)
@pytest.mark.parametrize(
    "declare",
    [
        lambda **options: ppg.FileGeneratingJob("x", write, **options),
        lambda **options: ppg.TempFileGeneratingJob("x", write, **options),
        lambda **options: ppg.MultiFileGeneratingJob(["x"], write, **options),
        lambda **options: ppg.JobGeneratingJob("x", lambda: None, **options),
    ],
)
def test_an_impossible_option_is_an_error_at_declaration_that_names_the_job(
    folder, declare, options, error, message
):
    graph = ppg.new_pipegraph(quiet=True)
    with pytest.raises(error, match=f"Job 'x'.*{message}"):
        declare(**options)
    assert len(graph) == 0


@pytest.mark.parametrize("name", ["isolation", "enforce_memory"])
def test_loads_run_in_the_compute_node_so_they_have_no_isolation(folder, name):
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(TypeError, match=f"DataLoadingJob 'x' has no option '{name}'"):
        ppg.DataLoadingJob("x", lambda: None, **{name: "fresh"})


def test_a_job_shows_its_options(folder):
    ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", write, timeout=5, retries=2)
    assert job.execution == ppg.Execution(timeout=5.0, retries=2)
    assert ppg.DataLoadingJob("b", lambda: None).execution == ppg.Execution()
