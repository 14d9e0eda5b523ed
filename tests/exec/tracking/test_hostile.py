"""Lists of uses that no job of ppg sends, lists that are too long, and failures while uses are noted."""

from __future__ import annotations

import marshal
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import (
    FileUse,
    LocalExecutor,
    Outcome,
    Raised,
    Succeeded,
    Task,
    Tracking,
    UseKind,
    system_folders,
)
from ppg_exec.stats.packed import STAT
from ppg_exec.tracking import notes as notes_module
from ppg_exec.tracking import wire
from ppg_exec.tracking.received import FileUses, received_uses
from ppg_exec.tracking.wire import HEADER, LONGEST, MOST, encode
from tests.exec.tracking import actions

Tracked = Callable[..., Outcome]
ONE = STAT.pack(1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("keys", "stats", "names", "problem"),
    [
        (b"relative", ONE, b"", "names that are no absolute paths"),
        (b"/a\0b", ONE, b"", "names that are no absolute paths"),
        (b"x/a", b"", b"", "names that are no absolute paths"),
        (b"/a\0", ONE, b"", "names that are no absolute paths"),
        (b"/a", b"", b"", "0 bytes for 1 files"),
        (b"/a", ONE + b"x", b"", "41 bytes for 1 files"),
        (b"w/a", ONE, b"", "40 bytes for 0 files"),
        (b"w/a", b"", b"name", "names of other than 0 folders"),
        (b"l/a", ONE, b"a/b", "names of other than 1 folders"),
        (b"l/a\0l/b", ONE + ONE, b"a", "names of other than 2 folders"),
        (b"", ONE, b"", "it is empty"),
        (b"\0".join([b"w/a"] * (MOST + 1)), b"", b"", "100,001 files"),
    ],
)
def test_what_is_wrong_with_a_list_is_said(keys: bytes, stats: bytes, names: bytes, problem: str) -> None:
    found, why = received_uses(HEADER.pack(0, len(keys), len(stats)) + keys + stats + names)
    assert found == ()
    assert "malformed" in why
    assert problem in why


def test_a_list_that_is_cut_off_or_too_long_is_malformed() -> None:
    assert received_uses(b"short")[1].endswith("malformed: it has 5 bytes")
    assert "cut off" in received_uses(HEADER.pack(0, 2, 80) + b"/a" + ONE)[1]
    assert received_uses(bytes(LONGEST + (1 << 17)))[0] == ()


def test_a_sentence_of_a_job_is_one_short_line() -> None:
    _, why = received_uses(encode({}, "two\nlines\x1b[2J " + "x" * 10_000))
    assert why.startswith("two�lines�[2J xxx")
    assert len(why) == 500


def test_uses_are_a_sequence_that_is_equal_to_a_tuple() -> None:
    found, _ = received_uses(encode({"/a": ONE, "w/b": b""}, ""))
    assert isinstance(found, FileUses)
    both = (FileUse(UseKind.READ, "/a", (1, 2, 3, 4, 5)), FileUse(UseKind.WRITTEN, "/b", None))
    assert found == both
    assert found != both[:1]
    assert found[1] == both[1]
    assert found[:1] == both[:1]
    assert hash(found) == hash(both)
    assert both[0] in found
    assert repr(found) == "<FileUses of 2 files>"


# ---- from jobs


@pytest.mark.parametrize(
    "sent", [b"nonsense", 7, None, True, "text", [b"bytes"], HEADER.pack(0, 3, 0) + b"../"]
)
def test_a_job_that_sends_another_list_hurts_only_itself(
    run: Callable[..., dict[str, Outcome]], local: LocalExecutor, project: Path, sent: object
) -> None:
    rules = Tracking(str(project), (), system_folders())
    outcomes = run(
        local,
        Task("hostile", send_another_list, (sent,), tracking=rules),
        Task("untracked", send_another_list, (sent,)),
        Task("other", actions.read, (f"{project}/a.txt",), tracking=rules),
    )
    assert isinstance(outcomes["other"].end, Succeeded)
    assert len(outcomes["other"].uses) == 1
    assert outcomes["hostile"].uses == ()
    if isinstance(outcomes["hostile"].end, Succeeded):
        assert "the list of the files that it has used" in outcomes["hostile"].uses_incomplete
    assert outcomes["untracked"].uses == ()
    assert outcomes["untracked"].uses_incomplete == ""


def send_another_list(sent: object) -> None:
    """The job's code for reports, with other uses: user code has the token, and can do so."""
    from ppg_exec.job_output import report_socket

    def encoded_report(when: float, report: bytes, _uses: bytes, differing: Any) -> bytes:
        return marshal.dumps(("JobReport", when, report, sent, differing))

    report_socket.__dict__["encoded_job_report"] = encoded_report


def test_a_job_without_room_for_its_list_succeeds_and_says_so(tracked: Tracked, project: Path) -> None:
    for number in range(500):
        (project / f"f{number}").touch()
    outcome = tracked("job", use_up_descriptors, str(project))
    assert isinstance(outcome.end, Succeeded), outcome
    assert outcome.uses_incomplete == (
        "the list of the files that it has used cannot be written: Too many open files"
    )
    assert outcome.uses == ()


def use_up_descriptors(folder: str) -> None:
    import resource

    for number in range(500):
        actions.read(f"{folder}/f{number}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def test_a_long_result_and_a_long_list_arrive_together(tracked: Tracked, project: Path) -> None:
    for number in range(500):
        (project / f"f{number}").touch()
    for size in (10, 5_000, 100_000):
        for count in (1, 60, 500):
            outcome = tracked("job", read_and_return, str(project), count, size)
            assert outcome.end == Succeeded("x" * size)
            assert len(outcome.uses) == count


def read_and_return(folder: str, count: int, size: int) -> str:
    for number in range(count):
        actions.read(f"{folder}/f{number}")
    return "x" * size


# ---- limits and failures


@pytest.mark.parametrize("way", ["job", "load", "inline"])
def test_beyond_the_limit_the_first_uses_are_noted(tracked: Tracked, project: Path, way: str) -> None:
    outcome = tracked(way, try_many, str(project), MOST + 10)
    assert isinstance(outcome.end, Succeeded)
    assert len(outcome.uses) == MOST
    assert outcome.uses_incomplete == wire.TOO_MANY_FILES
    assert outcome.uses[-1].path == f"{project}/{MOST - 1}"


def try_many(folder: str, count: int) -> None:
    for number in range(count):
        try:
            os.open(f"{folder}/{number}", os.O_RDONLY)
        except FileNotFoundError:
            continue


def test_beyond_the_limit_of_bytes_the_first_uses_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LONGEST", 1000)
    noted = {f"/{number:06d}": ONE for number in range(100)}
    found, why = received_uses(encode(noted, ""))
    assert why == wire.LIST_TOO_LONG
    assert 15 < len(found) <= 20
    assert [use.path for use in found] == list(noted)[: len(found)]


def test_names_of_folders_have_a_limit_together(
    monkeypatch: pytest.MonkeyPatch, tracked: Tracked, project: Path
) -> None:
    monkeypatch.setattr(notes_module, "LONGEST", 10)
    outcome = tracked("inline", actions.list_folders, str(project))
    assert [use.path for use in outcome.uses] == [f"{project}/sub"]
    assert outcome.uses_incomplete == wire.LIST_TOO_LONG


def test_a_log_that_is_full_is_said(tracked: Tracked, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ppg_exec.tracking import log

    monkeypatch.setattr(log, "LONGEST", 10)
    outcome = tracked("inline", actions.fork_and_read, str(project))
    assert isinstance(outcome.end, Succeeded)
    assert outcome.uses_incomplete == "the processes that it has forked have used too many files"
    # What the task itself has read is in its memory, too.
    assert [use.path for use in outcome.uses] == [f"{project}/a.txt", f"{project}/b.txt"]


def test_a_failure_of_the_hook_does_not_reach_the_task(
    tracked: Tracked, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("no memory")

    fail.__globals__["__name__"], name = "ppg_exec.tracking.test", fail.__globals__["__name__"]
    monkeypatch.setattr(notes_module, "_stat", fail)
    try:
        outcome = tracked("inline", actions.read_once, str(project))
    finally:
        fail.__globals__["__name__"] = name
    assert isinstance(outcome.end, Succeeded)
    assert outcome.uses_incomplete == "a use of a file cannot be noted: MemoryError: no memory"


def test_an_exception_of_the_hook_is_not_taken_for_one_of_the_task(tracked: Tracked, project: Path) -> None:
    outcome = tracked("job", actions.read, f"{project}/none")
    assert isinstance(outcome.end, Raised)
    assert outcome.end.type_name == "FileNotFoundError"
    assert "ppg_exec" not in outcome.end.traceback
