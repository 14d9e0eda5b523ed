"""What this process may use, by what the kernel and the batch system say."""

import os
from pathlib import Path

import pytest

from ppg_exec import available_cores, available_memory


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


@pytest.fixture(autouse=True)
def no_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_CPUS_ON_NODE", raising=False)
    monkeypatch.delenv("SLURM_MEM_PER_NODE", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 64),
        ({"sys/fs/cgroup/cpu.max": "max 100000\n"}, 64),
        ({"sys/fs/cgroup/cpu.max": "250000 100000\n"}, 2),
        ({"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        (
            {
                "proc/self/cgroup": "0::/system/job\n",
                "sys/fs/cgroup/system/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/system/job/cpu.max": "800000 100000\n",
            },
            4,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/job\n",
                "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "300000\n",
                "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            64,
        ),
    ],
)
def test_cores_are_what_the_cgroup_and_all_above_it_allow(
    files: dict[str, str], cores: int, tmp_path: Path
) -> None:
    assert available_cores(lay_out(tmp_path, files)) == cores


def test_slurms_grant_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "6")
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "1")
    assert available_cores(tmp_path) == 6
    assert available_memory(tmp_path) == 1 << 20


@pytest.mark.parametrize(
    "files",
    [
        {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "1000000\n"},
        {"sys/fs/cgroup/memory.max": "1000000\n"},
        {
            "proc/self/cgroup": "9:memory:/a\n",
            "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1000000\n",
        },
    ],
)
def test_memory_is_what_the_cgroup_and_all_above_it_allow(files: dict[str, str], tmp_path: Path) -> None:
    assert available_memory(lay_out(tmp_path, files)) == 1_000_000


def test_without_limits_memory_is_the_machines(tmp_path: Path) -> None:
    unlimited = {"sys/fs/cgroup/memory.max": "max\n"}
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert available_memory(lay_out(tmp_path, unlimited)) == machine
    huge = {"sys/fs/cgroup/memory/memory.limit_in_bytes": f"{(1 << 63) - 4096}\n"}
    assert available_memory(lay_out(tmp_path, huge)) == machine
