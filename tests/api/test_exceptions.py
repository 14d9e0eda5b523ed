"""The errors of ppg travel: a process that pickles one gives another process all of it."""

import copyreg
import pickle
import threading

import pytest

import ppg
import ppg_exec
import ppg_graph
from ppg_exec.pickling.culprit import CannotPickle


class Unportable(Exception):
    def __init__(self):
        super().__init__("holds a lock")
        self.lock = threading.Lock()


def noted(error):
    error.add_note("a note")
    return error


ERRORS = [
    ppg.PyPipelineGraphError("message"),
    ppg.JobContractError("message"),
    ppg.JobError("KeyError: 'a'", "KeyError"),
    ppg.JobDiedException("job", None, 9, "it was killed"),
    ppg.JobDiedException("job", 3, None, "it left"),
    ppg.CycleError(["a", "b", "a"], {"a": "script.py:1"}),
    ppg.CommandError("message", ["ls", "-l"], 2),
    ppg.RuntimeError({"a": ppg.JobError("text", "ValueError"), "b": KeyError("b")}, ["c", "d"]),
    noted(ppg.JobError("text", "ValueError")),
    CannotPickle("callback → x", "it holds a lock"),
    ppg_graph.CycleFoundError((1, 2)),
    ppg_exec.ExecutorError("message"),
]


def content(error):
    attributes = {
        name: {key: (type(each), each.args) for key, each in value.items()} if name == "exceptions" else value
        for name, value in vars(error).items()
    }
    return type(error), error.args, str(error), attributes


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_all_its_attributes(error, protocol):
    assert content(pickle.loads(pickle.dumps(error, protocol))) == content(error)


@pytest.mark.parametrize("beside", ["nothing else", "dask"])
def test_the_error_of_a_run_survives_also_if_the_exception_of_a_job_does_not(beside, monkeypatch):
    if beside == "dask":
        tblib = pytest.importorskip("tblib.pickling_support")
        # Importing `distributed` installs this for all classes of exceptions.
        monkeypatch.setitem(copyreg.dispatch_table, ppg.RuntimeError, tblib.pickle_exception)
    error = ppg.RuntimeError({"a": Unportable(), "b": KeyError("b")}, ["c"])
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.blocked) == (str(error), ("c",))
    assert type(again.exceptions["a"]) is ppg.JobError
    assert again.exceptions["a"].type_name == "Unportable"
    assert "holds a lock" in str(again.exceptions["a"])
    assert again.exceptions["b"].args == ("b",)
    assert type(error.exceptions["a"]) is Unportable


def test_the_error_of_a_run_within_a_job_arrives_as_what_it_is(failing_run):
    def fail():
        raise ppg.RuntimeError({"inner": ppg.JobDiedException("inner", 3, None, "it left")})

    def declare():
        ppg.FileGeneratingJob("a", lambda path: path.write_text("a")).depends_on(
            ppg.DataLoadingJob("load", fail)
        )

    error, _ = failing_run(declare)
    inner = error.exceptions["load"]
    assert type(inner) is ppg.RuntimeError
    assert inner.exceptions["inner"].exit_code == 3
