"""What the doctor finds, and the remedy if something is missing."""

import os
import resource
import tempfile

import pytest

from ppg.doctor import folders, machine, surroundings
from ppg.doctor.examine import examine
from ppg.doctor.finding import Finding


def by_subject(findings):
    return {finding.subject: finding for finding in findings}


@pytest.fixture
def files_of_kernel(monkeypatch):
    """Lets files of the kernel begin with other lines."""
    lines = {}
    monkeypatch.setattr(machine, "first_line_of", lambda path: lines.get(path, ""))
    return lines


def test_each_finding_is_one_line_and_looking_leaves_nothing(tmp_path):
    (tmp_path / "input").write_text("x")
    lines = [str(finding) for finding in examine(tmp_path)]
    assert all(line and "\n" not in line and line.startswith(("ok ", "missing ")) for line in lines)
    assert os.listdir(tmp_path) == ["input"]
    for subject in (
        "file system",
        "timestamps",
        "Landlock",
        "strace",
        "huge pages",
        "cgroups",
        "open files",
        "TMPDIR",
    ):
        assert any(subject in line for line in lines)


def test_what_is_missing_has_a_remedy_and_the_rest_has_none():
    assert str(Finding("strace", "is there")) == "ok      strace: is there"
    assert str(Finding("strace", "is not there", "install it")) == "missing strace: is not there; install it"


# -- folders -----------------------------------------------------------------------------------------------


def test_a_remote_file_system_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "file_system_type", lambda _: "nfs4")
    monkeypatch.setattr(folders, "location_of", lambda _: folders.Location.REMOTE)
    found = by_subject(folders.folder_findings(tmp_path))["file system of the project"]
    assert "nfs4" in found.state
    assert "local disk" in found.remedy


@pytest.mark.parametrize(
    ("kept", "is_distinct", "state", "is_missing"),
    [
        (folders._ODD, True, "different for each write", False),
        (folders._ODD, False, "ticks every", False),
        (folders._ODD, None, "cannot be measured here", False),
        (folders._ODD // 10**9 * 10**9, False, "keeps 1 s or more", True),
        (folders._ODD // 1000 * 1000, False, "keeps less than nanoseconds", True),
    ],
)
def test_coarse_timestamps_are_found(tmp_path, monkeypatch, kept, is_distinct, state, is_missing):
    monkeypatch.setattr(folders, "_kept_time", lambda _: kept)
    monkeypatch.setattr(folders, "stamps_are_distinct", lambda _: is_distinct)
    found = by_subject(folders.folder_findings(tmp_path))["timestamps of the project"]
    assert state in found.state
    assert bool(found.remedy) == is_missing


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folders, "_kept_time", refuse)
    found = by_subject(folders.folder_findings(tmp_path))["timestamps of the project"]
    assert (found.state, bool(found.remedy)) == ("cannot be tried here (Permission denied)", True)


def test_a_tmpdir_that_is_not_used_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    found = by_subject(folders.folder_findings(tmp_path))["folder for temporary files"]
    assert "because TMPDIR names" in found.state
    assert "make that folder" in found.remedy


# -- machine -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", [None, "it needs a newer kernel; use one"])
def test_landlock_is_found_with_its_version(monkeypatch, problem):
    monkeypatch.setattr(machine, "why_not_confinable", lambda: problem)
    found = by_subject(machine.machine_findings())["Landlock"]
    assert found.state.startswith("version ")
    assert found.remedy == ("" if problem is None else f"for confine=True {problem}")


def test_an_strace_that_is_not_there_or_not_permitted_has_a_remedy(tmp_path, monkeypatch, files_of_kernel):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert by_subject(machine.machine_findings())["strace"].remedy.startswith("install it")
    program = tmp_path / "strace"
    program.write_text(
        "#!/bin/sh\necho 'strace: ptrace(PTRACE_TRACEME): Operation not permitted' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    files_of_kernel["/proc/sys/kernel/yama/ptrace_scope"] = "3"
    found = by_subject(machine.machine_findings())["strace"]
    assert "Operation not permitted, kernel.yama.ptrace_scope is 3" in found.state
    assert "SYS_PTRACE" in found.remedy
    program.write_text("#!/bin/sh\nexit 0\n")
    assert by_subject(machine.machine_findings())["strace"].state.endswith("and permitted")


@pytest.mark.parametrize(
    ("choices", "release", "is_missing"),
    [
        ("always [madvise] never", "6.1.0-18-amd64", False),
        ("[always] madvise never", "5.15.0", True),
        ("always madvise [never]", "6.8.0", True),
        ("", "6.8.0", True),
    ],
)
def test_huge_pages_need_a_kernel_that_makes_them_on_request(
    monkeypatch, files_of_kernel, choices, release, is_missing
):
    files_of_kernel["/sys/kernel/mm/transparent_hugepage/enabled"] = choices
    known = os.uname()
    monkeypatch.setattr(machine.os, "uname", lambda: os.uname_result((*known[:2], release, *known[3:])))
    assert bool(by_subject(machine.machine_findings())["huge pages"].remedy) == is_missing


@pytest.mark.parametrize(
    ("limits", "remedy"),
    [
        ((65536, 65536), ""),
        ((-1, -1), ""),
        ((256, 4096), "raise it (ulimit -n 1024)"),
        ((256, 256), "let root raise"),
    ],
)
def test_a_low_limit_has_a_remedy(monkeypatch, limits, remedy):
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    found = by_subject(machine.machine_findings())["limit of open files"].remedy
    assert found.startswith(remedy) if remedy else not found


# -- surroundings ------------------------------------------------------------------------------------------


def test_variables_that_matter_are_shown_and_others_are_not():
    found = by_subject(
        surroundings.surrounding_findings({"PYTHONHASHSEED": "0", "PPG_LOG_PORT": "5005", "HOME": "/home/me"})
    )
    assert found["PYTHONHASHSEED"].state.startswith("'0'")
    assert found["PPG_LOG_PORT"].state.startswith("'5005'")
    assert found["TMPDIR"].state.startswith("is not set")
    assert "HOME" not in found


def test_a_variable_that_ppg_does_not_know_is_named():
    found = by_subject(surroundings.surrounding_findings({"PPG_SHARED_CASH": "/x"}))["PPG_SHARED_CASH"]
    assert found.remedy == "correct its name, or unset it (PPG_SHARED_CASH)"


@pytest.mark.parametrize(
    ("name", "value"),
    [("TMPDIR", "/missing"), ("PPG_SHARED_CACHE", "/missing"), ("PYTHONDONTWRITEBYTECODE", "1")],
)
def test_a_variable_that_costs_something_has_a_remedy(name, value):
    assert by_subject(surroundings.surrounding_findings({name: value}))[name].remedy


def test_packages_of_different_versions_are_found(monkeypatch):
    monkeypatch.setattr(surroundings, "version", lambda name: "2" if name == "ppg-exec" else "1")
    found = by_subject(surroundings.surrounding_findings({}))["ppg"]
    assert "ppg-exec 2" in found.state
    assert found.remedy == "install the same version of all of them"


def test_all_variables_of_ppg_are_known():
    """A variable that the code reads, and the doctor calls unknown, would be refused by mistake."""
    import re
    from pathlib import Path

    packages = Path(__file__).parents[3] / "packages"
    read = {
        name
        for path in packages.rglob("src/**/*.py")
        for name in re.findall(r'"(PPG_[A-Z_]+)"', path.read_text())
    }
    assert read <= surroundings.OWN.keys()
