"""Running tasks to their end, and looking for what they leave behind."""

import os
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from ppg_exec import Executor, LocalExecutor, Outcome, Task

Run = Callable[..., dict[str, Outcome]]


@pytest.fixture
def run() -> Run:
    """`run(executor, *tasks)` submits the tasks and returns the outcome of each by its key."""

    def run_to_the_end(executor: Executor, *tasks: Task) -> dict[str, Outcome]:
        for task in tasks:
            executor.submit(task)
        outcomes: dict[str, Outcome] = {}
        expected = {task.key for task in tasks}
        while not expected <= outcomes.keys():
            events = executor.poll(60)
            assert events, f"nothing happened for a minute; still expected: {expected - outcomes.keys()}"
            for event in events:
                if isinstance(event, Outcome):
                    assert event.key not in outcomes, f"a second outcome of {event.key}"
                    outcomes[event.key] = event
        return outcomes

    return run_to_the_end


@pytest.fixture
def local() -> Iterator[LocalExecutor]:
    """An executor with two cores; nothing of it may be left afterwards."""
    with LocalExecutor(cores=2, grace=0.5) as executor:
        yield executor
    assert_nothing_is_left(executor.marker)


@pytest.fixture
def nothing_left() -> Callable[[str], None]:
    """`nothing_left(marker)` asserts that no process of the executor with that marker is left."""
    return assert_nothing_is_left


def assert_nothing_is_left(marker: str, patience: float = 5.0) -> None:
    deadline = time.monotonic() + patience
    while left := [describe(pid) for pid in marked(marker)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.01)  # these processes send no signal to us when they end


def marked(marker: str) -> Iterable[int]:
    wanted = f"PPG_EXECUTOR={marker}".encode()
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    environment = file.read()
            except OSError:
                continue
            if wanted in environment.split(b"\0"):
                yield int(name)


def describe(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as stat, open(f"/proc/{pid}/cmdline") as command:
            return f"{stat.read()[:60]} {command.read()[:80]}"
    except OSError:
        return str(pid)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "nightly" not in config.getoption("-m"):
        for item in items:
            if item.get_closest_marker("nightly") and "tests/exec" in str(item.path):
                item.add_marker(pytest.mark.skip(reason="only with -m nightly"))
