"""However a task ends, its outcome says exactly how, and nothing of it is left: one table for all executors.

A failure is made at each point of a task's life (pickling the callback, reading it, running it, `after`,
reporting) in each way that a process can fail. An executor that runs tasks in the caller's own process can
only take part where the caller survives.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ppg_exec import (
    Died,
    Executor,
    InlineExecutor,
    LocalExecutor,
    Outcome,
    Raised,
    RunsIn,
    Succeeded,
    Task,
    Unpicklable,
)
from tests.exec.failures import (
    FailsWhenPickled,
    FailsWhenRead,
    attribute_of_ours,
    background_output,
    closed_descriptors,
    daemon,
    exception,
    exception_that_cannot_be_read,
    exception_with_a_lock,
    exception_without_str,
    long_message,
    memory,
    much_output,
    nothing,
    recursion,
    segmentation_fault,
    some_output,
    text_of_another_kind,
)

Check = Callable[[Outcome], None]


@dataclass(frozen=True)
class Kind:
    fail: Callable[[], object]
    check: Check
    needs_process: bool = False


def raises(name: str, message: str = "", *, as_text: bool = False) -> Check:
    def check(outcome: Outcome) -> None:
        assert isinstance(outcome.end, Raised), outcome
        assert outcome.end.type_name.rpartition(".")[2] == name
        assert message in outcome.end.message
        assert name in outcome.end.traceback
        assert "ppg_exec/" not in outcome.end.traceback
        if as_text:
            assert outcome.end.exception is None

    return check


def dies(code: int | None = None, by: int | None = None, words: str = "") -> Check:
    def check(outcome: Outcome) -> None:
        assert isinstance(outcome.end, Died), outcome
        assert (outcome.end.exit_code, outcome.end.signal) == (code, by)
        assert words in outcome.end.likely_cause

    return check


def succeeds(stdout: Callable[[Outcome], bool] = lambda outcome: True) -> Check:
    def check(outcome: Outcome) -> None:
        assert isinstance(outcome.end, Succeeded), outcome
        assert stdout(outcome)

    return check


KINDS = {
    "exception": Kind(exception, raises("ValueError", "a plain failure")),
    "exception with a lock": Kind(exception_with_a_lock, raises("ValueError", "holds a lock")),
    "exception that cannot be read": Kind(
        exception_that_cannot_be_read, raises("TwoArguments", "one and two")
    ),
    "exception with a __str__ that raises": Kind(exception_without_str, raises("NoText", "RuntimeError")),
    "message of 1 MiB": Kind(long_message, raises("ValueError", "x" * (1 << 20))),
    "message of another type": Kind(
        text_of_another_kind, raises("TextOfAnotherKind", "a text of another kind")
    ),
    "attribute of ours": Kind(attribute_of_ours, raises("AttributeOfOurs", "with an attribute")),
    "endless recursion": Kind(recursion, raises("RecursionError")),
    "memory error": Kind(memory, raises("MemoryError")),
    "sys.exit(0)": Kind(lambda: sys.exit(0), dies(0)),
    "sys.exit(7)": Kind(lambda: sys.exit(7), dies(7)),
    "sys.exit('text')": Kind(lambda: sys.exit("a last word"), dies(1)),
    "os._exit(0)": Kind(lambda: os._exit(0), dies(0), needs_process=True),
    "os._exit(5)": Kind(lambda: os._exit(5), dies(5), needs_process=True),
    "SIGTERM": Kind(lambda: os.kill(os.getpid(), signal.SIGTERM), dies(None, 15), needs_process=True),
    "SIGKILL": Kind(lambda: os.kill(os.getpid(), signal.SIGKILL), dies(None, 9), needs_process=True),
    "segmentation fault": Kind(segmentation_fault, dies(None, 11, "segmentation fault"), needs_process=True),
    "abort": Kind(os.abort, dies(None, 6, "abort"), needs_process=True),
    "closed descriptors": Kind(closed_descriptors, dies(197, None, "descriptor"), needs_process=True),
    "1 MiB of output": Kind(
        some_output, succeeds(lambda outcome: outcome.stdout.size == 1 << 20), needs_process=True
    ),
    "output of a background process": Kind(
        background_output, succeeds(lambda outcome: outcome.stdout.text() == "early\n"), needs_process=True
    ),
    "a daemon": Kind(
        daemon, succeeds(lambda outcome: outcome.stdout.text() == "it is away\n"), needs_process=True
    ),
}


POINTS: dict[str, Callable[[Callable[[], object]], Task]] = {
    "in the callback": lambda fail: Task("t", fail),
    "while hashing": lambda fail: Task("t", nothing, after=fail),
    "while reporting": lambda fail: Task("t", lambda: FailsWhenPickled(fail)),
    "while it is read": lambda fail: Task("t", nothing, (FailsWhenRead(fail),)),
    "in a fresh process": lambda fail: Task("t", fail, place=RunsIn.FRESH),
    "in a fresh process, while it is read": lambda fail: Task(
        "t", nothing, (FailsWhenRead(fail),), place=RunsIn.FRESH
    ),
}
# The node has to read a callback itself, because objects that callbacks share live there. What ends the
# process then ends the node.
ENDS_THE_NODE = {
    "os._exit(0)", "os._exit(5)", "SIGTERM", "SIGKILL", "segmentation fault", "abort",
}  # fmt: skip
# The node's own descriptors are out of its reach.
LEAVES_THE_NODE_INTACT = {"closed descriptors"}
PRINTS_IN_THE_NODE = {"1 MiB of output", "output of a background process", "a daemon"}


# Where there is no other process, only those can be tried that the caller survives.
CASES = [
    (executor, point, kind)
    for executor in ("local", "inline")
    for point in POINTS
    for kind, case in KINDS.items()
    if executor == "local" or (point in {"in the callback", "while hashing"} and not case.needs_process)
]


@pytest.fixture
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "local":
        yield request.getfixturevalue("local")
    else:
        with InlineExecutor(cores=2) as inline:
            yield inline


@pytest.mark.parametrize(("executor", "point", "kind"), CASES, indirect=["executor"])
def test_a_task_that_fails_anywhere_in_any_way_says_how_and_leaves_nothing(
    executor: Executor, point: str, kind: str, run: Any
) -> None:
    case = KINDS[kind]
    outcome = run(executor, POINTS[point](case.fail))["t"]
    if point == "while it is read" and kind in ENDS_THE_NODE:
        assert isinstance(outcome.end, Died), outcome
        assert "read this task" in outcome.end.likely_cause
    elif point == "while it is read" and kind in PRINTS_IN_THE_NODE | LEAVES_THE_NODE_INTACT:
        assert isinstance(outcome.end, Succeeded), outcome
    elif point == "while reporting" and isinstance(outcome.end, Unpicklable):
        assert outcome.end.path
        assert kind not in {"sys.exit(0)", "SIGKILL"}
    else:
        case.check(outcome)
    # And the executor goes on.
    assert run(executor, Task("next", lambda: 42))["next"].end == Succeeded(42)


@pytest.mark.parametrize("kind", [kind for kind, case in KINDS.items() if not case.needs_process])
def test_a_callback_that_fails_while_it_is_pickled_is_unpicklable_and_the_caller_goes_on(
    local: LocalExecutor, kind: str, run: Any
) -> None:
    """Pickling happens in the caller's process; what kills a process outright cannot be survived there."""
    end = run(local, Task("t", nothing, (FailsWhenPickled(KINDS[kind].fail),)))["t"].end
    assert isinstance(end, Unpicklable)
    assert end.path == "arguments → [0] → FailsWhenPickled"
    assert run(local, Task("next", lambda: 42))["next"].end == Succeeded(42)


class FailsInTheCaller:
    """Can be pickled; reading it raises SystemExit."""

    def __reduce__(self) -> Any:
        return sys.exit, (3,)


def test_a_value_that_cannot_be_read_in_the_caller_is_unpicklable(local: LocalExecutor, run: Any) -> None:
    end = run(local, Task("t", lambda: FailsInTheCaller()))["t"].end
    assert isinstance(end, Unpicklable)
    assert end.path == "result"
    assert "SystemExit" in end.message


def test_256_mib_of_output_arrive_complete_and_are_not_held_in_memory(local: LocalExecutor, run: Any) -> None:
    outcome = run(local, Task("t", much_output))["t"]
    assert outcome.stdout.size == 256 << 20
    assert sum(len(chunk) for chunk in outcome.stdout.chunks()) == 256 << 20
    assert outcome.stdout.text(most=3) == "yyy"


def test_a_callback_that_cannot_be_pickled_is_named_with_the_way_to_the_culprit(
    local: LocalExecutor, run: Any
) -> None:
    class Database:
        def __init__(self) -> None:
            self.connection = threading.Lock()

    db = Database()
    end = run(local, Task("t", lambda: db))["t"].end
    assert isinstance(end, Unpicklable)
    assert end.path == "callback → closure 'db' → attribute 'connection' → lock"
    assert "pickle" in end.message


def test_a_value_that_cannot_be_pickled_is_reported_as_such(local: LocalExecutor, run: Any) -> None:
    end = run(local, Task("t", lambda: {"a": threading.Lock()}))["t"].end
    assert isinstance(end, Unpicklable)
    assert end.path == "result → ['a'] → lock"


def test_a_task_that_asks_for_more_than_there_is_is_refused_and_others_run(
    local: LocalExecutor, run: Any
) -> None:
    outcomes = run(local, Task("wide", int, cores=3), Task("huge", int, memory=1 << 60), Task("ok", int))
    assert "3 cores" in outcomes["wide"].end.reason
    assert "memory" in outcomes["huge"].end.reason
    assert outcomes["ok"].end == Succeeded(0)


def test_exceptions_survive_with_their_type_and_attributes(local: LocalExecutor, run: Any) -> None:
    def missing() -> None:
        open("/does/not/exist")  # noqa: SIM115

    end = run(local, Task("t", missing))["t"].end
    assert isinstance(end.exception, FileNotFoundError)
    assert end.exception.filename == "/does/not/exist"
    assert 'open("/does/not/exist")' in end.traceback


@pytest.mark.parametrize("place", list(RunsIn), ids=str)
def test_a_result_that_is_too_long_to_be_sent_is_a_failure_with_a_remedy(
    local: LocalExecutor, run: Any, place: RunsIn
) -> None:
    # The pages of these zeros are never touched, so they take no memory.
    end = run(local, Task("t", lambda: bytes(1 << 31), place=place))["t"].end
    assert isinstance(end, Raised)
    assert end.type_name == "ValueError"
    assert "write it to a file" in end.message
    assert run(local, Task("next", lambda: 42))["next"].end == Succeeded(42)


@pytest.mark.nightly
def test_a_load_fails_when_its_result_just_does_not_fit_into_a_message_and_its_node_goes_on(
    local: LocalExecutor, run: Any
) -> None:
    run(local, Task("before", lambda: None))
    end = run(local, Task("t", lambda: bytes((1 << 31) - 100), place=RunsIn.NODE))["t"].end
    assert isinstance(end, Raised)
    assert "write it to a file" in end.message
