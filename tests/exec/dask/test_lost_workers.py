"""Workers, agents and schedulers of Dask that are lost: nothing runs twice at the same time, and nothing is left."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ppg_exec import ExecutorError, Notice, Outcome, RemoteExecutor, Settings, Started, Succeeded, Task
from ppg_exec.agent.connection import SILENT
from ppg_exec.dask.hosts import DRAIN_SECONDS
from ppg_exec.dask.plugin import AgentPlugin
from ppg_exec.links.messages import ConfigureAgent, KeepAlive
from ppg_exec.links.silence import Limits
from ppg_exec.linux import marked_processes, stat_fields
from ppg_exec.transport.messages import encode
from tests.exec.dask.clusters import fleet_of, running_cluster


def work(ready: Path, go: Path) -> int:
    with open(ready, "a") as log:
        log.write("x")
    while not go.exists():
        time.sleep(0.01)
    return 7


def beat(log: Path, go: Path) -> int:
    while True:
        with open(log, "a") as file:
            file.write(f"{os.getpid()} {time.monotonic()}\n")
        if go.exists():
            return 7
        time.sleep(0.02)


def wait_for_start(executor: RemoteExecutor) -> Started:
    while True:
        for event in executor.poll(60):
            if isinstance(event, Started):
                return event


def until_notice(executor: RemoteExecutor) -> list[Notice]:
    while not (found := [event for event in executor.poll(60) if isinstance(event, Notice)]):
        pass
    return found


def rest(executor: RemoteExecutor) -> list[Any]:
    events: list[Any] = []
    while new := executor.poll(60):
        events += new
    return events


def test_the_agent_of_a_host_has_the_cores_of_all_workers_there(tmp_path: Path, run: Any) -> None:
    with (
        running_cluster(tmp_path, workers=2, threads=2) as cluster,
        RemoteExecutor(fleet_of(cluster)) as executor,
    ):
        outcome = run(executor, Task("a", lambda: os.environ["OMP_NUM_THREADS"], cores=-1))["a"]
        assert outcome.end in {Succeeded("4"), Succeeded("2")}, "the second worker may have come later"


@pytest.mark.parametrize("victim", ["worker", "agent"])
def test_the_tasks_of_a_killed_process_start_again_and_that_is_no_attempt(
    tmp_path: Path, victim: str
) -> None:
    go = tmp_path / "go"
    with (
        running_cluster(tmp_path, workers=2, threads=1) as cluster,
        RemoteExecutor(fleet_of(cluster)) as executor,
    ):
        executor.submit(Task("a", work, (tmp_path / "ready", go)))
        started = wait_for_start(executor)
        while not (tmp_path / "ready").exists() or not (tmp_path / "ready").read_text():
            time.sleep(0.01)  # the task has started, and may not have written yet
        node = int(Path(f"/proc/{started.pid}/stat").read_text().rpartition(")")[2].split()[1])
        chain = [node]
        while chain[-1] not in {worker.pid for worker in cluster.workers}:
            chain.append(int(Path(f"/proc/{chain[-1]}/stat").read_text().rpartition(")")[2].split()[1]))
        os.kill(chain[-1] if victim == "worker" else chain[-2], signal.SIGKILL)
        wait_for_start(executor)
        state = stat_fields(node)[:1]
        assert state in ([], [b"Z"], [b"X"]), "nothing of the lost machine runs beside it"
        go.touch()
        (outcome,) = (event for event in rest(executor) if isinstance(event, Outcome))
    assert outcome.end == Succeeded(7)
    assert (outcome.attempts, outcome.lost) == (1, 1)
    assert (tmp_path / "ready").read_text() == "xx"


def test_a_run_without_a_scheduler_ends_in_order(tmp_path: Path) -> None:
    with running_cluster(tmp_path, workers=1) as cluster:
        os.kill(cluster.scheduler.pid, signal.SIGKILL)
        cluster.scheduler.wait()
        fleet = fleet_of(cluster)
        fleet.connect_seconds = 1.0
        with RemoteExecutor(fleet) as executor:
            executor.submit(Task("a", int))
            with pytest.raises(ExecutorError, match="cannot be reached"):
                rest(executor)


def test_nothing_is_left_on_workers_when_the_caller_is_killed(
    tmp_path: Path, nothing_left: Callable[[str], None]
) -> None:
    script = """
import sys, time
from ppg_exec import RemoteExecutor, Task
from tests.exec.dask.clusters import Cluster, fleet_of
from pathlib import Path
cluster = Cluster(Path("/"))
cluster.address = sys.argv[1]
executor = RemoteExecutor(fleet_of(cluster))
executor.submit(Task("a", lambda: time.sleep(600)))
while not (events := [event for event in executor.poll(60) if hasattr(event, "pid")]): pass
print(open(f"/proc/{events[0].pid}/environ").read().partition("PPG_EXECUTOR=")[2].partition(chr(0))[0], flush=True)
time.sleep(600)
"""
    with (
        running_cluster(tmp_path) as cluster,
        subprocess.Popen(
            [sys.executable, "-c", script, cluster.address], stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdout is not None
        marker = process.stdout.readline().strip()
        assert marked_processes(marker)
        process.kill()
        nothing_left(marker)


def test_a_lost_machine_is_named_in_a_notice(tmp_path: Path) -> None:
    with (
        running_cluster(tmp_path, workers=2, threads=1) as cluster,
        RemoteExecutor(fleet_of(cluster)) as executor,
    ):
        executor.submit(Task("a", work, (tmp_path / "ready", tmp_path / "go")))
        started = wait_for_start(executor)
        (tmp_path / "go").touch()
        assert started.machine
        assert all(not isinstance(event, Notice) for event in rest(executor))


def test_a_machine_gets_no_more_tasks_before_its_time_ends(tmp_path: Path) -> None:
    with running_cluster(tmp_path, workers=0) as cluster:
        # Its time ends soon after the first look at it.
        cluster.start_worker(1, "--no-nanny", "--lifetime", f"{DRAIN_SECONDS + 15} s", machine="short")
        with RemoteExecutor(fleet_of(cluster)) as executor:
            executor.submit(Task("a", work, (tmp_path / "ready", tmp_path / "go")))
            assert wait_for_start(executor).machine == "short"
            cluster.start_worker(1, "--no-nanny", machine="long")
            cluster.wait_for_workers(2)
            notices = [event.message for event in until_notice(executor)]
            assert len(notices) == 1
            assert notices[0].startswith("the machine short gets no more jobs: its time ends in ")
            executor.submit(Task("b", int))
            assert wait_for_start(executor).machine == "long"
            (tmp_path / "go").touch()
            outcomes = {event.key: event for event in rest(executor) if isinstance(event, Outcome)}
    assert outcomes["a"].end == Succeeded(7)
    assert (outcomes["a"].machine, outcomes["a"].lost) == ("short", 0)


def test_the_tasks_of_a_machine_that_is_silent_start_again_only_after_its_agent_has_ended(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    with running_cluster(tmp_path, 0, 1, ["first"]) as cluster:
        cluster.wait_for_workers(1)
        with RemoteExecutor(fleet_of(cluster, lost_after=8.0)) as executor:
            executor.submit(Task("a", beat, (log, tmp_path / "go")))
            assert wait_for_start(executor).machine == "first"
            cluster.start_worker(1, "--no-nanny", machine="second")
            cluster.wait_for_workers(2)
            # Neither the worker nor what runs beneath it says anything; only the agent goes on.
            os.kill(cluster.workers[0].pid, signal.SIGSTOP)
            assert wait_for_start(executor).machine == "second"
            (tmp_path / "go").touch()
            (outcome,) = (event for event in rest(executor) if isinstance(event, Outcome))
    assert (outcome.end, outcome.machine, outcome.lost) == (Succeeded(7), "second", 1)
    beats = [line.split() for line in log.read_text().splitlines()]
    first = max(float(when) for pid, when in beats if pid == beats[0][0])
    second = min(float(when) for pid, when in beats if pid != beats[0][0])
    assert first < second, "they never run at the same time"


STOPPED = """
import os, signal, sys, time
from pathlib import Path
from ppg_exec import Outcome, RemoteExecutor, Started, Task
from tests.exec.dask.clusters import fleet_of
from types import SimpleNamespace


def work(go):
    while not Path(go).exists():
        time.sleep(0.01)
    return 7


with RemoteExecutor(fleet_of(SimpleNamespace(address=sys.argv[1]), lost_after=2.0)) as executor:
    executor.submit(Task("a", work, (sys.argv[2],)))
    while not any(isinstance(event, Started) for event in executor.poll(60)):
        pass
    executor.pause()
    os.kill(os.getpid(), signal.SIGSTOP)
    executor.resume()
    Path(sys.argv[2]).touch()
    while True:
        for event in executor.poll(60):
            print(event, file=sys.stderr)
            if isinstance(event, Outcome):
                print(event.end, event.lost)
                sys.exit()
"""


def test_a_script_that_was_stopped_for_longer_than_that_keeps_its_machines(tmp_path: Path) -> None:
    with running_cluster(tmp_path, 0, 1, ["first"]) as cluster:
        cluster.wait_for_workers(1)
        script = subprocess.Popen(
            [sys.executable, "-c", STOPPED, cluster.address, str(tmp_path / "go")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert os.WIFSTOPPED(os.waitpid(script.pid, os.WUNTRACED)[1])
        time.sleep(4.0)  # so long it is stopped, which is twice the limit
        os.kill(script.pid, signal.SIGCONT)
        said, errors = script.communicate(timeout=60)
    assert said.split() == ["Succeeded(value=7)", "0"], (said, errors)
    assert "Notice" not in errors


class Client:
    """The client's end of a link to a plugin; it answers each message with the first clock that it was told, if it is old."""

    def __init__(self, is_old: Callable[[], bool]) -> None:
        self.is_old = is_old
        self.left: list[object] = []
        self._answers: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self._clock: object = None

    async def write(self, message: dict[str, Any]) -> None:
        if "left" in message:
            self.left = message["left"]
            return
        if self._clock is None:
            settings = Settings(directory="/", path=tuple(sys.path), silence=Limits(3.0).agent_seconds)
            body = encode(ConfigureAgent(settings.to_json(), {}))[0]
            await self._answers.put({"bodies": [body], "clock": message["clock"]})
        if self._clock is None or not self.is_old():
            self._clock = message["clock"]
        await self._answers.put({"bodies": [encode(KeepAlive())[0]], "clock": self._clock})

    async def read(self) -> dict[str, object]:
        return await self._answers.get()

    def abort(self) -> None:
        pass


@pytest.mark.parametrize("is_old", [False, True])
def test_only_messages_that_answer_a_recent_one_keep_an_agent_alive(is_old: bool) -> None:
    async def serve() -> Client:
        plugin = AgentPlugin("run")
        worker = SimpleNamespace(handlers={}, lifetime=None)
        await plugin.setup(worker)
        client = Client(lambda: is_old)
        serving = asyncio.create_task(worker.handlers[plugin.name](client, what="start", lost_after=3.0))
        # An agent ends after half of the time, and gets late messages for a third.
        await asyncio.wait({serving}, timeout=60 if is_old else 5)
        assert serving.done() == is_old
        await plugin.teardown(worker)
        await serving
        return client

    client = asyncio.run(serve())
    assert (os.waitstatus_to_exitcode(int(str(client.left[1]))) == SILENT) == is_old
