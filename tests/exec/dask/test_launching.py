"""What starts clusters asks for what tasks can use, says what is doubtful, and looks after batch jobs; with programs in Slurm's place."""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.config
import pytest
from distributed import Client, LocalCluster

from ppg_exec.dask import batch_jobs
from ppg_exec.dask.batch_jobs import NAME, BatchJobs
from ppg_exec.dask.launching import Certificates, Growth, doubts_about, start_scheduler, worker_options

SBATCH = """#!/bin/sh
cat > "$PLACE/script"
[ ! -e "$PLACE/silent" ] || echo >> "$PLACE/asked"
[ ! -e "$PLACE/silent" ] || { echo "sbatch: error: Unable to contact slurm controller (connect failure)" >&2; exit 1; }
[ ! -e "$PLACE/refuses" ] || { echo "sbatch: error: invalid partition specified" >&2; exit 1; }
number=$(($(cat "$PLACE/number") + 1))
echo $number > "$PLACE/number"
touch "$PLACE/job-$number"
echo "$number;cluster"
"""
SQUEUE = """#!/bin/sh
[ ! -e "$PLACE/silent" ] || { echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1; }
for job in "$PLACE"/job-*; do [ ! -e "$job" ] || echo "${job##*-}"; done
"""
SCANCEL = """#!/bin/sh
for number; do rm -f "$PLACE/job-$number"; done
"""


class FakeCluster:
    """A cluster object that notes what it is asked for."""

    def __init__(self, **spec: Any) -> None:
        self.new_spec = {"options": spec}
        self.asked: list[dict[str, int]] = []

    def adapt(self, minimum_jobs: int | None = None, maximum_jobs: int | None = None) -> None:
        self.asked.append({"minimum_jobs": minimum_jobs or 0, "maximum_jobs": maximum_jobs or 0})


def test_a_cluster_is_asked_for_no_more_machines_than_tasks_can_use_and_never_for_fewer() -> None:
    cluster = FakeCluster(cores=4)
    growth = Growth(cluster, machines=3)
    for cores in (0, 1, 4, 5, 2, 0, 1000):
        growth.want(cores)
    assert cluster.asked == [{"minimum_jobs": count, "maximum_jobs": count} for count in (1, 2, 3)]


def test_an_idle_timeout_of_the_scheduler_is_a_doubt_and_ours_has_none(tmp_path: Path) -> None:
    with dask.config.set({"distributed.scheduler.idle-timeout": "1h"}):
        with (
            LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0") as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            (doubt,) = doubts_about(client, None)
            assert "after 3600 s" in doubt
            assert "idle-timeout: null" in doubt
        certificates = Certificates(str(tmp_path))
        with start_scheduler(certificates.security, None, 0) as ours:
            assert ours.scheduler.idle_timeout is None
            assert ours.scheduler_address.startswith("tls://")
        certificates.close()


def test_clusters_that_would_lose_their_workers_or_have_none_are_doubts() -> None:
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        (doubt,) = doubts_about(client, cluster)
        assert "was asked for no workers: state DaskCluster(machines=...)" in doubt
        cluster.adapt(minimum=0, maximum=1)
        (doubt,) = doubts_about(client, cluster)
        assert "adapts between 0 and 1 workers" in doubt
        cluster.adapt(minimum=1, maximum=1)
        assert doubts_about(client, cluster) == []


def test_certificates_are_private_and_go_with_the_cluster(tmp_path: Path) -> None:
    certificates = Certificates(str(tmp_path))
    (folder,) = tmp_path.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    options = worker_options(certificates.security, "ib0")
    for kind in ("ca-file", "cert", "key"):
        (file,) = [option.partition("=")[2] for option in options if option.startswith(f"--tls-{kind}=")]
        assert "-----BEGIN" in Path(file).read_text()
    assert "--interface=ib0" in options
    certificates.close()
    assert not list(tmp_path.iterdir())


class Watched:
    """Batch jobs, with programs in the place of Slurm's."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.present: set[str] = set()
        self.said: list[str] = []
        self.failed: list[str] = []
        (place / "number").write_text("0")
        self.jobs = BatchJobs(
            ["sbatch"],
            "the script",
            str(place / "%j.txt"),
            lambda: self.present,
            self.said.append,
            self.failed.append,
        )

    def numbers(self) -> set[str]:
        """The batch jobs that there are."""
        return {path.name.partition("-")[2] for path in self.place.glob("job-*")}

    def has_come(self, number: str) -> bool:
        """Whether the worker of a batch job was seen."""
        return number in self.jobs._jobs and self.jobs._jobs[number].has_come

    async def until(self, found: Callable[[], object]) -> None:
        """Wait until something is so, as Slurm's programs send no signals."""
        async with asyncio.timeout(60):
            while not found():
                await asyncio.sleep(0.02)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE), ("scancel", SCANCEL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PLACE", str(place))
    for name in ("_LOOK_SECONDS", "_AGAIN_SECONDS", "_ASK_SECONDS", "_MOST_ABSENT_SECONDS"):
        monkeypatch.setattr(batch_jobs, name, 0.1)
    return Watched(place)


def test_as_many_batch_jobs_are_submitted_as_are_wanted_and_all_are_cancelled(watched: Watched) -> None:
    async def act() -> None:
        watched.jobs.begin()
        watched.jobs.wanted = 2
        await watched.until(lambda: watched.numbers() == {"1", "2"})
        watched.jobs.wanted = 3
        await watched.until(lambda: watched.numbers() == {"1", "2", "3"})
        assert (watched.place / "script").read_text() == "the script"
        await watched.jobs.end()

    asyncio.run(act())
    assert (watched.numbers(), watched.said, watched.failed) == (set(), [], [])


def test_a_batch_job_with_a_lost_worker_is_replaced(watched: Watched) -> None:
    async def act() -> None:
        watched.jobs.begin()
        watched.jobs.wanted = 1
        await watched.until(lambda: watched.numbers() == {"1"})
        watched.present.add(f"{NAME}1")
        await watched.until(lambda: watched.has_come("1"))
        watched.present.clear()
        # Its nanny does not start another one, so the batch job is cancelled.
        await watched.until(lambda: watched.numbers() == {"2"})
        watched.present.add(f"{NAME}2")
        await watched.until(lambda: watched.has_come("2"))
        watched.present.clear()
        (watched.place / "job-2").unlink()
        await watched.until(lambda: watched.numbers() == {"3"})
        await watched.jobs.end()

    asyncio.run(act())
    assert (watched.said, watched.failed) == ([], [])


def test_batch_jobs_that_end_before_their_workers_come_are_given_up_after_three(watched: Watched) -> None:
    async def act() -> None:
        watched.jobs.begin()
        watched.jobs.wanted = 1
        for number in ("1", "2", "3"):
            await watched.until(lambda number=number: number in watched.numbers())
            (watched.place / f"{number}.txt").write_text("loading\nno module samtools\n\n")
            (watched.place / f"job-{number}").unlink()
        await watched.until(lambda: watched.failed)
        await watched.jobs.end()

    asyncio.run(act())
    assert len(watched.said) == 3
    assert "the batch job 1 has ended before its worker came" in watched.said[0]
    assert watched.said[0].endswith("1.txt ends with: no module samtools")
    assert watched.failed == ["3 batch jobs in a row have ended before their workers came"]


def test_a_controller_that_does_not_answer_is_asked_again_and_nothing_is_decided(watched: Watched) -> None:
    async def act() -> None:
        (watched.place / "silent").touch()
        watched.jobs.begin()
        watched.jobs.wanted = 1
        await watched.until(lambda: watched.said)
        asked = watched.place / "asked"
        attempts = asked.stat().st_size
        await watched.until(lambda: asked.stat().st_size > attempts + 2)
        assert len(watched.said) == 1, "further attempts say nothing"
        (watched.place / "silent").unlink()
        await watched.until(lambda: watched.numbers() == {"1"})
        # A worker that has not come is not decided about, either.
        (watched.place / "silent").touch()
        await watched.until(lambda: len(watched.said) == 3)
        assert list(watched.jobs._jobs) == ["1"]
        (watched.place / "silent").unlink()
        await watched.until(lambda: len(watched.said) == 4)
        await watched.jobs.end()

    asyncio.run(act())
    first, second, third, fourth = watched.said
    assert first.startswith(
        "Slurm's controller does not answer, and is asked again: sbatch: error: Unable to contact"
    )
    assert (second, fourth) == ("Slurm's controller answers again",) * 2
    assert third.startswith("Slurm's controller does not answer")
    assert watched.failed == []


def test_what_is_refused_ends_the_hope_for_machines(watched: Watched) -> None:
    async def act() -> None:
        (watched.place / "refuses").touch()
        watched.jobs.begin()
        watched.jobs.wanted = 1
        await watched.until(lambda: watched.failed)
        await watched.jobs.end()

    asyncio.run(act())
    words = "Slurm refuses the batch job of a machine: sbatch: error: invalid partition specified"
    assert watched.failed == [words]
