"""A kind of job that is defined outside of ppg: everything that ppg asks of jobs, it asks by documented hooks."""

import sqlite3
from pathlib import Path

import pytest

import ppg
from ppg_graph import Files, FileStatus, NodeKind
from tests.api.jobs.table_jobs import TableJob, TempTableJob, VariableInvariant, content_of


@pytest.fixture
def rows(account):
    """Makes functions that give rows, and enter their job into the account."""

    def make(name, *given):
        def give():
            account.ran(name)
            return given

        return give

    return make


def changed(statement):
    connection = sqlite3.connect("all.db")
    with connection:
        connection.execute(statement)
    connection.close()


def test_it_runs_once_and_again_if_its_function_changed_or_what_it_made(run, rows, account):
    def declare(*given):
        table = TableJob("all.db", "numbers", rows("numbers", *given))
        ppg.FileGeneratingJob("after", lambda path: path.write_text("x")).depends_on(table)

    assert run(lambda: declare(1, 2)).ran == ["all.db#numbers", "after"]
    assert run(lambda: declare(1, 2)).ran == []
    assert account.taken() == ["numbers"]
    assert run(lambda: declare(1, 3)).ran == ["all.db#numbers", "after"]
    changed("INSERT INTO numbers VALUES (7)")
    again = run(lambda: declare(1, 3))
    assert again.ran == ["all.db#numbers"]
    assert "numbers" in again.outcome("all.db#numbers").reasons[0]
    changed("DROP TABLE numbers")
    assert run(lambda: declare(1, 3)).ran == ["all.db#numbers"]


def test_its_fingerprint_decides_whether_jobs_downstream_run(run, rows):
    def declare(number):
        Path("input").write_text(str(number))
        table = TableJob("all.db", "parity", lambda: [int(Path("input").read_text()) % 2])
        table.depends_on_file("input")
        ppg.FileGeneratingJob("after", lambda path: path.write_text("x")).depends_on(table)

    run(lambda: declare(1))
    assert run(lambda: declare(3)).ran == ["all.db#parity"]
    assert run(lambda: declare(4)).ran == ["all.db#parity", "after"]


def test_what_a_temporary_one_made_goes_when_it_is_used(run, rows):
    def declare():
        table = TempTableJob("all.db", "numbers", rows("numbers", 1))
        used = ppg.FileGeneratingJob(
            "after", lambda path: path.write_text(str(content_of("all.db", "numbers")))
        )
        used.depends_on(table)

    assert run(declare).ran == ["all.db#numbers", "after"]
    assert content_of("all.db", "numbers") is None
    assert Path("after").read_text() != "None"
    assert run(declare).ran == []


def test_what_a_failed_one_left_goes(failing_run):
    def rows():
        yield 1
        assert content_of("all.db", "numbers") is not None
        raise ValueError("no more rows")

    error, _ = failing_run(lambda: TableJob("all.db", "numbers", rows))
    assert "no more rows" in str(error)
    assert content_of("all.db", "numbers") is None


def test_an_invariant_observes_what_its_kind_says(run, monkeypatch):
    def declare():
        job = ppg.FileGeneratingJob("made", lambda path: path.write_text("x"))
        job.depends_on(VariableInvariant("COLOUR"))

    monkeypatch.setenv("COLOUR", "red")
    assert run(declare).ran == ["made"]
    assert run(declare).ran == []
    monkeypatch.setenv("COLOUR", "blue")
    again = run(declare)
    assert again.ran == ["made"]
    assert "variable:COLOUR" in again.outcome("made").reasons[0]


def test_an_invariant_that_cannot_observe_blocks_what_needs_it(failing_run, monkeypatch):
    monkeypatch.delenv("COLOUR", raising=False)

    def declare():
        job = ppg.FileGeneratingJob("made", lambda path: path.write_text("x"))
        job.depends_on(VariableInvariant("COLOUR"))
        ppg.FileGeneratingJob("other", lambda path: path.write_text("x"))

    error, graph = failing_run(declare)
    assert "the variable variable:COLOUR is not set; set it" in str(error)
    assert graph.result.ran == ["other"]
    assert graph.result.blocked == ["made"]


def test_it_is_verified_without_running_also_if_a_generator_made_it(folder, rows):
    def declared():
        graph = ppg.new_pipegraph(quiet=True)
        TableJob("all.db", "declared", rows("declared", 1))
        ppg.JobGeneratingJob("generator", lambda: TableJob("all.db", "generated", rows("generated", 2)))
        return graph

    declared().run()
    assert (declared().verify().will_run, declared().verify().problems) == ({}, {})
    changed("INSERT INTO declared VALUES (7)")
    assert list(declared().verify().will_run) == ["all.db#declared"]
    declared().run()
    changed("INSERT INTO generated VALUES (7)")
    assert list(declared().verify().will_run) == ["all.db#generated"]


class Broken(TableJob):
    """Raises in one of its hooks."""

    __slots__ = ("hook",)

    def __init__(self, table, hook, *, pipegraph=None):
        super().__init__("all.db", table, lambda: [1], pipegraph=pipegraph)
        self.hook = hook

    def fail(self, hook):
        if self.hook == hook:
            raise ZeroDivisionError(f"in {hook}")

    def process_call(self):
        self.fail("process_call")
        return (print, ()) if self.hook == "no call" else super().process_call()

    def outputs_of(self, returned, run_id):
        self.fail("outputs_of")
        return returned if self.hook == "no outputs" else super().outputs_of(returned, run_id)

    def observe(self, observing):
        self.fail("observe")
        return "intact" if self.hook == "no observation" else super().observe(observing)

    def discard(self):
        self.fail("discard")
        return super().discard()


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ("process_call", "the hook Broken.process_call raised ZeroDivisionError: in process_call"),
        ("no call", "the hook Broken.process_call must give a ProcessCall, not (<built-in"),
        ("outputs_of", "the hook Broken.outputs_of raised ZeroDivisionError: in outputs_of"),
        ("no outputs", "the hook Broken.outputs_of must give JobOutputs with a fingerprint, not b"),
    ],
)
def test_a_hook_that_raises_fails_its_job_and_no_other(failing_run, hook, message):
    def declare():
        Broken("broken", hook)
        ppg.FileGeneratingJob("other", lambda path: path.write_text("x"))

    error, graph = failing_run(declare)
    assert f"'all.db#broken': {message}" in str(error)
    assert graph.result.ran == ["other"]
    assert content_of("all.db", "broken") is None


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ("observe", "'all.db#broken': the hook Broken.observe raised ZeroDivisionError: in observe"),
        (
            "no observation",
            "'all.db#broken' cannot be observed: Broken.observe must give Files, not 'intact'",
        ),
    ],
)
def test_a_look_that_fails_ends_the_run_with_the_jobs_name_and_loses_nothing(run, rows, hook, message):
    def declare(hook):
        Broken("broken", hook)
        TableJob("all.db", "numbers", rows("numbers", 1))

    run(lambda: declare(None))
    with pytest.raises(ppg.JobContractError) as caught:
        run(lambda: declare(hook))
    assert message in str(caught.value)
    assert run(lambda: declare(None)).ran == []


def test_what_cannot_be_discarded_is_said(folder, capfd):
    class Failing(Broken):
        __slots__ = ()

        def process_call(self):
            return ppg.ProcessCall(missing_module_function)

    graph = ppg.new_pipegraph()
    Failing("broken", "discard")
    with pytest.raises(ppg.RuntimeError):
        graph.run()
    assert "the hook Broken.discard raised ZeroDivisionError: in discard" in capfd.readouterr().err


def test_its_outputs_are_no_files_that_could_be_accepted(run, accept, rows):
    def declare():
        table = TableJob("all.db", "numbers", rows("numbers", 1))
        ppg.FileGeneratingJob("after", lambda path: path.write_text("x")).depends_on(table)

    accepted = accept(declare, ["all.db#numbers"])
    assert accepted.refused == {"all.db#numbers": "a TableJob makes no file that ppg can check; run it"}
    Path("after").write_text("x")
    reason = accept(declare, ["after"]).refused["after"]
    assert "it depends on 'all.db#numbers', which would run" in reason
    assert "run it first" in reason


def test_a_generator_of_ones_own_derives_from_that_of_ppg(failing_run):
    class Plays(ppg.Job):
        __slots__ = ()
        kind = NodeKind.GENERATOR

    class Derives(ppg.JobGeneratingJob):
        __slots__ = ()

    def declare():
        Plays("plays", None)
        Derives("derives", lambda: ppg.FileGeneratingJob("made", lambda path: path.write_text("x")))

    error, graph = failing_run(declare)
    assert "'plays' cannot run: Plays plays GENERATOR, and must derive from JobGeneratingJob" in str(error)
    assert graph.result.ran == ["derives", "made"]


def test_kinds_of_the_same_name_stand_in_for_their_own_jobs(folder, rows):
    class CacheJob(TableJob):
        __slots__ = ()

    class Renamed(ppg.Job):
        __slots__ = ()
        kind = NodeKind.OUTPUT

    Renamed.__name__ = "TableJob"

    def declared():
        graph = ppg.new_pipegraph(quiet=True)

        def generate():
            CacheJob("all.db", "one", rows("one", 1))
            TableJob("all.db", "two", rows("two", 1))

        ppg.JobGeneratingJob("generator", generate)
        return graph

    declared().run()
    assert declared().verify().will_run == {}
    changed("INSERT INTO one VALUES (7)")
    changed("INSERT INTO two VALUES (7)")
    assert sorted(declared().verify().will_run) == ["all.db#one", "all.db#two"]


def missing_module_function():
    raise LookupError("nothing here")


def test_a_kind_without_a_necessary_hook_is_an_error_that_names_it(failing_run):
    class Idle(ppg.Job):
        __slots__ = ()
        kind = NodeKind.OUTPUT

        def observe(self, observing):
            return Files(FileStatus.MISSING, ("something",))

    class Mute(Idle):
        __slots__ = ()

        def process_call(self):
            return ppg.ProcessCall(print)

    def declare():
        Idle("idle", None)
        Mute("mute", None)

    error, _ = failing_run(declare)
    assert "'idle' cannot run: Idle defines no process_call" in str(error)
    assert "'mute' made nothing: Mute defines no outputs_of" in str(error)


@pytest.mark.parametrize(
    ("given", "message"),
    [(None, "must give a list of messages, not None"), (ZeroDivisionError, "raised ZeroDivisionError")],
)
def test_a_temporary_one_that_cannot_be_removed_is_a_warning(folder, capfd, given, message):
    class Kept(TempTableJob):
        __slots__ = ()

        def remove(self):
            if given is not None:
                raise given
            return given

    graph = ppg.new_pipegraph()
    kept = Kept("all.db", "kept", lambda: [1])
    ppg.FileGeneratingJob("after", lambda path: path.write_text("x")).depends_on(kept)
    graph.run()
    told = capfd.readouterr().err
    assert "temporary outputs of a job may still be there: 'all.db#kept': the hook" in told
    assert message in told


@pytest.mark.parametrize("given", [3, ZeroDivisionError])
def test_a_load_that_cannot_be_unloaded_is_a_warning_and_its_jobs_are_done(folder, capfd, given):
    class Stuck(ppg.DataLoadingJob):
        __slots__ = ()

        def unloading_call(self):
            if given is ZeroDivisionError:
                raise given
            return given

    graph = ppg.new_pipegraph()
    ppg.FileGeneratingJob("after", lambda path: path.write_text("x")).depends_on(Stuck("load", lambda: None))
    assert graph.run().failed == []
    assert "loaded data stays in memory until the run ends: 'load': the hook" in capfd.readouterr().err


class Noted(TableJob):
    """Notes what it is told to, for its stand-in."""

    __slots__ = ()
    notes: object = None
    stands_in: object = None

    def stand_in_notes(self):
        if self.notes is ZeroDivisionError:
            raise ZeroDivisionError
        return self.notes

    @classmethod
    def stand_in(cls, job_id, notes, history, pipegraph):
        if cls.stands_in is ZeroDivisionError:
            raise ZeroDivisionError
        return cls.stands_in


def generated(**options):
    graph = ppg.new_pipegraph(quiet=True, **options)
    ppg.JobGeneratingJob("generator", lambda: Noted("all.db", "noted", lambda: [1]))
    return graph


@pytest.mark.parametrize(
    ("notes", "trouble"), [({1, 2}, "TypeError"), (ZeroDivisionError, "ZeroDivisionError")]
)
def test_notes_that_are_no_json_name_the_job_and_the_hook(folder, monkeypatch, notes, trouble):
    monkeypatch.setattr(Noted, "notes", notes)
    with pytest.raises(ppg.JobContractError, match=rf"'all.db#noted': the hook .*stand_in_notes.* {trouble}"):
        generated().run()


@pytest.mark.parametrize(
    ("stands_in", "trouble"), [("a job", "must give a job made by"), (ZeroDivisionError, "ZeroDivisionError")]
)
def test_a_stand_in_that_is_none_names_the_job_and_the_hook(folder, monkeypatch, stands_in, trouble):
    generated().run()
    monkeypatch.setattr(Noted, "stands_in", stands_in)
    with pytest.raises(ppg.JobContractError, match=rf"'all.db#noted': the hook .*stand_in.* {trouble}"):
        generated().verify()
