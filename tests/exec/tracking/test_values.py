"""What a use says: path, stat, names; where uses are noted; whose uses they are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ppg_exec import (
    Died,
    FileUse,
    InlineExecutor,
    LoadRepeated,
    LocalExecutor,
    Outcome,
    Raised,
    RunsIn,
    Succeeded,
    Task,
    Tracking,
    UseKind,
    interpreter_folders,
    system_folders,
)
from ppg_exec.tracking.places import prefixes_of
from tests.exec.tracking import actions

WAYS = ("job", "fresh", "load", "inline")
Tracked = Callable[..., Outcome]
Uses = list[tuple[str, str]]


def stat_of(path: Path) -> tuple[int, int, int, int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@pytest.mark.parametrize("way", WAYS)
def test_a_read_file_has_the_stat_of_the_moment_before_the_first_use(
    tracked: Tracked, project: Path, way: str
) -> None:
    before = stat_of(project / "a.txt")
    outcome = tracked(way, actions.read_then_write, str(project))
    assert outcome.uses == (
        FileUse(UseKind.READ, f"{project}/a.txt", before),
        FileUse(UseKind.WRITTEN, f"{project}/a.txt", None),
    )
    assert stat_of(project / "a.txt") != before


def test_a_link_is_noted_as_it_was_named_with_the_stat_of_its_target(tracked: Tracked, project: Path) -> None:
    outcome = tracked("job", actions.read_link, str(project))
    assert outcome.uses == (FileUse(UseKind.READ, f"{project}/link", stat_of(project / "a.txt")),)


def test_a_listed_folder_has_its_sorted_names_and_its_stat(tracked: Tracked, project: Path) -> None:
    for name in ("z", "ä", "A b", "new\nline"):
        (project / "sub" / name).touch()
    (project / "empty").mkdir()
    folders = [f"{project}/empty", f"{project}/sub", f"{project}/none"]
    outcome = tracked("job", list_all, folders)
    assert outcome.uses == (
        FileUse(UseKind.LISTED, folders[0], stat_of(project / "empty")),
        FileUse(
            UseKind.LISTED, folders[1], stat_of(project / "sub"), ("A b", "c.txt", "new\nline", "z", "ä")
        ),
        FileUse(UseKind.ABSENT, folders[2], None),
    )


def list_all(folders: list[str]) -> None:
    for folder in folders:
        try:
            os.listdir(folder)
        except FileNotFoundError:
            continue


def test_names_that_are_no_text_arrive_as_the_system_has_them(tracked: Tracked, project: Path) -> None:
    outcome = tracked("job", actions.use_strange_names, str(project))
    assert isinstance(outcome.end, Succeeded)
    listed = next(use for use in outcome.uses if use.kind is UseKind.LISTED)
    assert listed.names == tuple(sorted(os.listdir(project / "sub"), key=os.fsencode))
    written = {use.path for use in outcome.uses if use.kind is UseKind.WRITTEN}
    assert written == {f"{project}/sub/{name}" for name in listed.names if name != "c.txt"}
    assert outcome.uses[-1] == FileUse(UseKind.ABSENT, f"{project}/" + os.fsdecode(b"\xff"), None)


def test_a_time_beyond_the_year_2262_or_before_1970_does_no_harm(tracked: Tracked, project: Path) -> None:
    os.utime(project / "a.txt", ns=(0, -5_000_000_001))
    os.utime(project / "b.txt", (0, 2**34 - 1))
    outcome = tracked("job", actions.read_in_many_ways, str(project))
    first, second, _ = outcome.uses
    assert first.stat == stat_of(project / "a.txt")
    assert second.stat is not None
    assert second.stat[:3] == stat_of(project / "b.txt")[:3]
    assert outcome.uses_incomplete == ""


# ---- where


@pytest.mark.parametrize("way", WAYS)
def test_uses_are_noted_in_the_root_and_outside_the_system_by_whole_folders(
    tracked: Tracked, project: Path, way: str
) -> None:
    outside = project.parent
    for folder in ("project/unnoted", "project/unnoted2", "other", "system", "system2"):
        (outside / folder).mkdir()
        (outside / folder / "a.txt").touch()
    for name in ("store.db", "store.db2"):
        (project / name).touch()
    rules = Tracking(
        str(project), (f"{project}/unnoted", f"{project}/store.db"), (f"{outside}/system/", str(project))
    )
    outcome = tracked(way, actions.use_places, str(project), tracking=rules)
    assert [os.path.relpath(use.path, outside) for use in outcome.uses] == [
        "project/unnoted2/a.txt", "project/store.db2", "other/a.txt", "system2/a.txt",
    ]  # fmt: skip


def test_a_root_behind_a_link_is_the_root_by_both_of_its_names(tracked: Tracked, project: Path) -> None:
    link = project.parent / "way"
    link.symlink_to(project)
    rules = Tracking(str(link), (), (str(project.parent),))
    outcome = tracked("job", actions.read_relative, str(link), tracking=rules)
    assert [use.path for use in outcome.uses] == [
        f"{project}/sub/c.txt", f"{project}/a.txt", f"{project}/b.txt",
    ]  # fmt: skip
    outcome = tracked("job", actions.read_once, str(link), tracking=rules)
    assert [use.path for use in outcome.uses] == [f"{link}/a.txt"]


def test_an_empty_list_of_folders_leaves_nothing_out() -> None:
    assert prefixes_of(Tracking("/")) == (("/",), (), ())


def test_the_system_has_the_interpreter_temporary_files_and_settings_but_no_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("TMPDIR", "relative")
    folders = system_folders()
    assert {"/usr", "/etc", "/tmp", "/proc", "/home/someone/.config", str(tmp_path)} <= set(folders)
    assert set(interpreter_folders()) <= set(folders)
    assert os.path.realpath(os.__file__).startswith(interpreter_folders())
    assert not {"/", "/home", "/home/someone", "/opt", "relative"} & set(folders)
    assert all(os.path.isabs(folder) for folder in folders)


# ---- whose


def test_what_a_task_has_used_before_it_failed_is_noted(tracked: Tracked, project: Path) -> None:
    outcome = tracked("job", read_and_raise, f"{project}/a.txt")
    assert isinstance(outcome.end, Raised)
    assert [use.path for use in outcome.uses] == [f"{project}/a.txt"]


def read_and_raise(path: str) -> None:
    actions.read(path)
    raise ValueError(path)


def test_a_task_that_dies_has_no_uses(tracked: Tracked, project: Path) -> None:
    outcome = tracked("job", read_and_die, f"{project}/a.txt")
    assert isinstance(outcome.end, Died)
    assert outcome.uses == ()


def read_and_die(path: str) -> None:
    actions.read(path)
    os._exit(3)


@pytest.mark.parametrize("kind", [LocalExecutor, InlineExecutor])
def test_what_runs_after_the_function_is_not_noted_and_no_task_has_the_uses_of_another(
    run: Callable[..., dict[str, Outcome]], project: Path, kind: type[LocalExecutor | InlineExecutor]
) -> None:
    rules = Tracking(str(project), (), system_folders())
    with kind(cores=2) as executor:
        outcomes = run(
            executor,
            *(
                Task(f"{place.value} {path}", actions.read, (f"{project}/{path}",), place=place, tracking=rules,
                     after=lambda: actions.read(f"{project}/link"))
                for place in (RunsIn.NODE, RunsIn.FORK)
                for path in ("a.txt", "b.txt", "sub/c.txt")
            ),
            Task("untracked load", actions.read, (f"{project}/a.txt",), place=RunsIn.NODE),
            Task("untracked", actions.read, (f"{project}/a.txt",)),
        )  # fmt: skip
    for key, outcome in outcomes.items():
        expected = [] if "untracked" in key else [f"{project}/{key.split()[1]}"]
        assert [use.path for use in outcome.uses] == expected


def test_the_uses_are_those_of_the_last_attempt(
    run: Callable[..., dict[str, Outcome]], project: Path
) -> None:
    rules = Tracking(str(project), (), system_folders())

    def fail_once() -> None:
        if os.path.exists(project / "tried"):
            actions.read(f"{project}/b.txt")
            return
        actions.read(f"{project}/a.txt")
        actions.write(f"{project}/tried")
        raise ValueError

    for executor in (LocalExecutor(cores=1), InlineExecutor()):
        (project / "tried").unlink(missing_ok=True)
        with executor:
            outcome = run(executor, Task("twice", fail_once, retries=1, tracking=rules))["twice"]
        assert outcome.attempts == 2
        assert [use.path for use in outcome.uses] == [f"{project}/b.txt"]


def test_a_new_node_notes_files_as_the_former_did(
    run: Callable[..., dict[str, Outcome]], project: Path
) -> None:
    rules = Tracking(str(project), (), system_folders())
    with LocalExecutor(cores=1, grace=0.5) as executor:
        run(executor, Task("load", actions.read, (f"{project}/a.txt",), place=RunsIn.NODE, tracking=rules))
        outcome = run(executor, Task("end", os._exit, (3,), place=RunsIn.NODE, tracking=rules))["end"]
        assert isinstance(outcome.end, Died)
        executor.submit(Task("job", actions.read, (f"{project}/b.txt",), tracking=rules))
        events = []
        while new := executor.poll(60):
            events += new
    (outcome,) = (event for event in events if isinstance(event, Outcome))
    assert [use.path for use in outcome.uses] == [f"{project}/b.txt"]
    assert [type(event) for event in events if isinstance(event, LoadRepeated)] == [LoadRepeated]


def test_an_exception_of_a_signal_handler_reaches_the_task_also_while_a_use_is_noted(
    tracked: Tracked, project: Path
) -> None:
    outcome = tracked("job", read_until_alarm, f"{project}/a.txt", f"{project}/none")
    assert isinstance(outcome.end, Succeeded), outcome
    assert outcome.end.value == "too slow"
    assert outcome.uses_incomplete == ""


def read_until_alarm(path: str, absent: str) -> str:
    """A handler that raises TimeoutError, which is an OSError, as the errors of a missing file are."""
    import signal

    def too_slow(*_: object) -> None:
        raise TimeoutError("too slow")

    signal.signal(signal.SIGALRM, too_slow)
    for delay in range(200):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0001 + delay * 0.00001)
            until = time.monotonic() + 5
            number = 0
            while time.monotonic() < until:
                number += 1
                try:
                    actions.read(f"{absent}{delay}-{number}")
                except FileNotFoundError:
                    continue
            return "the alarm was lost"
        except TimeoutError as error:
            said = str(error)
        if number > 400:
            break
    return said


# ---- many


@pytest.mark.parametrize("way", WAYS)
def test_ten_thousand_files_are_noted_each_with_its_stat(tracked: Tracked, project: Path, way: str) -> None:
    paths = [f"{project}/{number:05d}" for number in range(10_000)]
    for path in paths:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    outcome = tracked(way, open_all, paths)
    assert outcome.uses_incomplete == ""
    assert len(outcome.uses) == 10_000
    assert [use.path for use in outcome.uses] == paths
    for place in (0, 4711, -1):
        assert outcome.uses[place].stat == stat_of(Path(paths[place]))


def open_all(paths: list[str]) -> None:
    for path in paths:
        os.close(os.open(path, os.O_RDONLY))


def test_threads_note_each_file_once(tracked: Tracked, project: Path) -> None:
    for number in range(200):
        (project / f"f{number}").touch()
    outcome = tracked("job", read_in_many_threads, str(project))
    assert sorted(use.path for use in outcome.uses) == sorted(f"{project}/f{number}" for number in range(200))
    assert all(use.stat == stat_of(Path(use.path)) for use in outcome.uses)


def read_in_many_threads(folder: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(actions.read, [f"{folder}/f{number % 200}" for number in range(1000)]))
