"""Of a task that reads many files, most stats are found out when it has ended: each is that of the moment of its use, or in doubt."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ppg_exec import DOUBTFUL, FileUse, UseKind
from ppg_exec.stats import clocks, file_systems, late_stats
from ppg_exec.stats.clocks import SECOND, is_older
from ppg_exec.stats.ways import Way
from tests.exec.stats.leasing import Reader, leases_at_once, stat_of, wait_for_the_clock

pytestmark = pytest.mark.usefixtures("soon")
OLD = 10**18  # 2001


@pytest.fixture
def soon() -> Iterator[None]:
    with leases_at_once():
        yield


@pytest.fixture
def project() -> Iterator[Path]:
    """A project with 60 files in `up/data`, which had not changed for a while. Other tests change no folder on the way."""
    with tempfile.TemporaryDirectory() as above:
        project = Path(os.path.realpath(above)) / "project"
        for folder in ("data", "other"):
            (project / "up" / folder).mkdir(parents=True)
            for number in range(60):
                (project / "up" / folder / f"{number:02d}.txt").write_text(f"{folder} {number}")
        (project / "aside").mkdir()
        wait_for_the_clock(project.parent)
        yield project


@pytest.fixture
def data(project: Path) -> Path:
    return project / "up/data"


@pytest.fixture
def paths(data: Path) -> list[Path]:
    return sorted(data.iterdir())


def test_the_stat_of_a_file_is_that_of_its_use(project: Path, paths: list[Path]) -> None:
    reader = Reader(project)
    reader.run(lambda: reader.read(*paths))
    assert reader.late == 60 - 3 - 16
    assert list(reader.uses.values()) == [FileUse(UseKind.READ, str(path), stat_of(path)) for path in paths]
    assert list(map(hash, reader.uses.values())) == [
        hash(FileUse(UseKind.READ, str(path), stat_of(path))) for path in paths
    ]
    assert repr(stat_of(paths[-1])) in repr(reader.uses[str(paths[-1])])


def test_relative_names_and_folders_with_files_that_do_not_count_have_leases_too(
    project: Path, data: Path, paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    reader = Reader(project)
    reader.run(lambda: [open(path.relative_to(project)).close() for path in paths])  # type: ignore[func-returns-value]
    assert reader.late == 60 - 3 - 16
    assert set(reader.uses) == set(map(str, paths))


def appended(path: Path) -> None:
    with path.open("a") as file:
        file.write("more")


def rewritten(path: Path) -> None:
    """Other content of the same size, and the old time."""
    before = path.stat()
    path.write_text(path.read_text()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path) -> None:
    """By a file with an old time, which is renamed."""
    new = path.parents[2] / "aside" / path.name
    new.write_text("new")
    os.utime(new, ns=(OLD, OLD))
    new.rename(path)


def replaced_by_an_old_file(path: Path) -> None:
    (path.parents[1] / "other" / path.name).rename(path)


def replaced_by_a_link(path: Path) -> None:
    path.unlink()
    path.hardlink_to(path.parents[1] / "other" / path.name)


def replaced_by_a_symbolic_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parents[1] / "other" / path.name)


def replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def exchanged_folder(path: Path) -> None:
    """All of these files are old; only the folder is another one."""
    path.parent.rename(path.parents[2] / "aside/data")
    (path.parents[1] / "other").rename(path.parent)


def exchanged_folder_above(path: Path) -> None:
    path.parents[1].rename(path.parents[2] / "aside/up")
    path.parents[1].mkdir()
    (path.parents[2] / "aside/up/other").rename(path.parent)


def linked_folder(path: Path) -> None:
    path.parent.rename(path.parents[2] / "aside/data")
    path.parent.symlink_to("other")


def removed_folder(path: Path) -> None:
    path.parent.rename(path.parents[2] / "aside/data")


CHANGES = [
    appended, rewritten, replaced, replaced_by_an_old_file, replaced_by_a_link, replaced_by_a_symbolic_link, replaced_by_a_folder,
    exchanged_folder, exchanged_folder_above, linked_folder, removed_folder, Path.unlink,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_after_its_use_is_in_doubt(
    project: Path, paths: list[Path], change: Callable[[Path], None]
) -> None:
    reader = Reader(project)
    reader.run(lambda: reader.read(*paths), lambda: change(paths[-1]))
    assert reader.late == 60 - 3 - 16
    assert reader.stat(paths[-1]) == DOUBTFUL
    assert reader.stat(paths[0]) == reader.was[str(paths[0])]


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_in_the_task_after_its_use_is_in_doubt(
    project: Path, paths: list[Path], change: Callable[[Path], None]
) -> None:
    reader = Reader(project)

    def work() -> None:
        reader.read(*paths[:40])
        change(paths[30])
        reader.read(*paths[40:50])

    reader.run(work)
    assert reader.stat(paths[30]) == DOUBTFUL


@pytest.mark.parametrize("is_link", [False, True])
def test_what_is_read_while_a_name_leads_elsewhere_for_a_moment_is_in_doubt(
    project: Path, data: Path, paths: list[Path], *, is_link: bool
) -> None:
    """Neither the folder nor the files differ when the task has ended."""
    others, aside = project / "up/other", project / "aside/data"
    if is_link:
        data.rename(aside)
        data.symlink_to(aside)
        wait_for_the_clock(project)

    def lead_to(target: Path) -> None:
        data.unlink()
        data.symlink_to(target)

    reader = Reader(project)

    def work() -> None:
        reader.read(*paths[:40])
        if is_link:
            lead_to(others)
        else:
            data.rename(aside)
            others.rename(data)
        reader.read(*paths[40:50])
        if is_link:
            lead_to(aside)
        else:
            data.rename(others)
            aside.rename(data)
        reader.read(*paths[50:])

    before = data.stat().st_ino
    reader.run(work)
    assert data.stat().st_ino == before
    assert reader.late == 0
    assert {reader.stat(path) for path in paths[40:50]} == {DOUBTFUL}


def test_a_folder_in_which_files_are_made_keeps_its_lease(
    project: Path, data: Path, paths: list[Path]
) -> None:
    reader = Reader(project)

    def work() -> None:
        reader.read(*paths[:40])
        (data / "new").write_text("new")
        os.link(data / "new", data / "newer")
        (data / "newer").unlink()
        reader.read(*paths[40:])

    reader.run(work, (data / "last").touch)
    assert reader.late > 20
    assert all(use.stat == stat_of(path) for path, use in reader.uses.items())


class TestAbsent:
    def test_a_file_that_was_not_there_has_no_stat(
        self, project: Path, data: Path, paths: list[Path]
    ) -> None:
        reader = Reader(project)
        reader.run(lambda: reader.read(*paths, data / "none"))
        assert reader.late == 60 - 3 - 16 + 1
        assert reader.stat(data / "none") is None

    def test_it_is_in_doubt_if_it_is_there_later(self, project: Path, data: Path, paths: list[Path]) -> None:
        reader = Reader(project)
        reader.run(lambda: reader.read(*paths, data / "none"), (data / "none").touch)
        assert reader.stat(data / "none") == DOUBTFUL

    def test_it_is_in_doubt_if_an_old_file_comes_there(
        self, project: Path, data: Path, paths: list[Path]
    ) -> None:
        reader = Reader(project)
        reader.run(lambda: reader.read(*paths, data / "none"), lambda: paths[0].rename(data / "none"))
        assert reader.stat(data / "none") == DOUBTFUL

    def test_it_is_in_doubt_if_the_folder_has_changed(
        self, project: Path, data: Path, paths: list[Path]
    ) -> None:
        reader = Reader(project)
        reader.run(lambda: reader.read(*paths, data / "none"), (data / "more").touch)
        assert reader.stat(data / "none") == DOUBTFUL

    def test_a_folder_where_files_are_missing_gets_no_lease(
        self, project: Path, data: Path, paths: list[Path]
    ) -> None:
        reader = Reader(project)
        reader.run(lambda: reader.read(data / "0", data / "1", data / "2", data / "3", data / "4", *paths))
        assert reader.late == 0
        assert {use.kind for use in list(reader.uses.values())[:5]} == {UseKind.ABSENT}


def target_appended(up: Path) -> None:
    appended(up / "other/00.txt")


def target_replaced(up: Path) -> None:
    (up / "other/01.txt").rename(up / "other/00.txt")


def target_exchanged(up: Path) -> None:
    (up / "other").rename(up / "former")
    (up / "more").rename(up / "other")


def link_removed(up: Path) -> None:
    (up / "data/link").unlink()


def link_led(up: Path) -> None:
    (up / "data/link").unlink()
    (up / "data/link").symlink_to("00.txt")


class TestLinks:
    @pytest.fixture
    def link(self, project: Path, data: Path) -> Path:
        """A link in the folder to a file elsewhere."""
        link = data / "link"
        link.symlink_to(project / "up/other/00.txt")
        wait_for_the_clock(project)
        return link

    def test_a_link_in_a_folder_with_a_lease_has_the_stat_of_its_target(
        self, project: Path, paths: list[Path], link: Path
    ) -> None:
        reader = Reader(project)
        reader.run(lambda: reader.read(*paths, link))
        assert reader.late == 60 - 3 - 16 + 1
        assert reader.stat(link) == stat_of(project / "up/other/00.txt")

    @pytest.mark.parametrize(
        "change", [target_appended, target_replaced, target_exchanged, link_removed, link_led]
    )
    def test_a_link_is_in_doubt_if_it_may_have_led_elsewhere(
        self, project: Path, paths: list[Path], link: Path, change: Callable[[Path], object]
    ) -> None:
        (project / "up/more").mkdir()
        (project / "up/more/00.txt").write_text("more")
        wait_for_the_clock(project)
        reader = Reader(project)
        reader.run(lambda: reader.read(*paths, link), lambda: change(project / "up"))
        assert reader.stat(link) == DOUBTFUL

    def test_a_folder_of_links_gets_no_lease(self, project: Path, paths: list[Path]) -> None:
        links = project / "links"
        links.mkdir()
        for path in paths:
            (links / path.name).symlink_to(path)
        wait_for_the_clock(project)
        reader = Reader(project)
        names = sorted(links.iterdir())
        reader.run(lambda: reader.read(*names))
        assert reader.late == 0

    def test_files_behind_a_link_to_their_folder_are_known(self, project: Path, data: Path) -> None:
        (project / "shortcut").symlink_to("up/../up/data/")
        wait_for_the_clock(project)
        reader = Reader(project)
        paths = sorted((project / "shortcut").iterdir())
        reader.run(lambda: reader.read(*paths))
        assert reader.late == 60 - 3 - 16
        assert {use.stat for use in reader.uses.values()} == set(map(stat_of, data.iterdir()))


class TestNoLease:
    def test_where_files_have_just_changed(self, project: Path, paths: list[Path]) -> None:
        for path in paths:
            path.touch()
        reader = Reader(project)
        reader.run(lambda: reader.read(*paths))
        assert reader.late == 0 or is_older(os.stat(paths[3]).st_ctime_ns, time.time_ns())

    def test_where_files_are_so_large_that_they_may_be_being_written(
        self, project: Path, paths: list[Path]
    ) -> None:
        for path in paths:
            os.truncate(path, 10**9)
        wait_for_the_clock(project)
        assert late_stats.time_to_write(10**9) == 100 * SECOND
        reader = Reader(project)
        reader.run(lambda: [open(path).close() for path in paths])  # type: ignore[func-returns-value]
        assert reader.late == 0

    def test_on_a_file_system_that_is_not_known_to_use_this_clock(
        self, project: Path, paths: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(file_systems, "LOCAL_TYPES", frozenset({"ext7"}))
        reader = Reader(project)
        reader.run(lambda: reader.read(*paths))
        assert reader.late == 0
        assert all(use.stat == stat_of(path) for path, use in reader.uses.items())

    @pytest.mark.parametrize(
        "start",
        [lambda: subprocess.run(["true"], check=True), lambda: os.system("true")],
        ids=["Popen", "system"],
    )
    def test_once_a_program_was_started(
        self, project: Path, paths: list[Path], start: Callable[[], object]
    ) -> None:
        reader = Reader(project)

        def work() -> None:
            reader.read(*paths[:40])
            start()
            reader.read(*paths[40:])

        reader.run(work)
        assert reader.late == 40 - 3 - 16
        assert all(use.stat == stat_of(path) for path, use in reader.uses.items())

    def test_once_the_task_has_forked(self, project: Path, paths: list[Path]) -> None:
        reader = Reader(project)

        def work() -> None:
            reader.read(*paths[:40])
            child = os.fork()
            if not child:
                with open(paths[59]):
                    os._exit(0)
            os.waitpid(child, 0)
            reader.read(*paths[40:59])

        reader.run(work)
        assert reader.late == 40 - 3 - 16
        assert len(reader.uses) == 60
        assert all(use.stat == stat_of(path) for path, use in reader.uses.items())


@pytest.mark.parametrize("step", [-3600 * SECOND, -SECOND, SECOND])
@pytest.mark.parametrize("is_late", [False, True])
def test_all_is_in_doubt_if_the_clock_was_set(
    project: Path, paths: list[Path], monkeypatch: pytest.MonkeyPatch, step: int, *, is_late: bool
) -> None:
    offset = clocks.clock_offset()

    def set_the_clock() -> None:
        monkeypatch.setattr(clocks, "clock_offset", lambda: offset + step)

    reader = Reader(project)

    def work() -> None:
        reader.read(*paths)
        if not is_late:
            set_the_clock()

    reader.run(work, set_the_clock if is_late else lambda: None)
    assert {reader.stat(path) for path in paths[19:]} == {DOUBTFUL}
    assert all(reader.stat(path) == stat_of(path) for path in paths[:19])


def test_the_clock_differs_from_that_since_the_start_only_if_it_is_set() -> None:
    offset = clocks.clock_offset()
    assert not clocks.has_moved(offset)
    assert clocks.has_moved(offset + 2 * clocks.STEP)
    assert clocks.has_moved(offset - 2 * clocks.STEP)


@pytest.mark.parametrize(
    ("stamp", "moment", "expected"),
    [
        (5 * SECOND + 123_456_789, 5 * SECOND + 123_456_789 + clocks.TICK, False),
        (5 * SECOND + 123_456_789, 5 * SECOND + 123_456_790 + clocks.TICK, True),
        (5 * SECOND, 7 * SECOND, False),  # FAT's seconds are even
        (5 * SECOND, 7 * SECOND + 1, True),
        (5 * SECOND + 100_000_000, 5 * SECOND + 200_000_000, False),
        (5 * SECOND + 100_000_000, 5 * SECOND + 200_000_001, True),
    ],
)
def test_a_stamp_is_older_if_a_tick_of_its_clock_and_of_its_file_system_lies_between(
    stamp: int, moment: int, *, expected: bool
) -> None:
    assert is_older(stamp, moment) is expected


class TestWays:
    def test_a_way_leads_where_the_kernel_leads(self, project: Path, data: Path) -> None:
        (project / "a").symlink_to("up/./data//")
        (project / "b").symlink_to("aside/../a")
        (project / "c").symlink_to(f"{project}/b/../../up/data")
        for name in ("a", "b", "c", "c/../data", "up/data/00.txt", "c/00.txt"):
            path = f"{project}/{name}"
            assert os.path.samestat(Way(path).end, os.stat(path)), name
        assert os.path.samestat(Way("/").end, os.stat("/"))

    def test_a_name_that_leads_nowhere_is_an_error(self, project: Path) -> None:
        (project / "loop").symlink_to("loop")
        for name in ("loop", "none", "up/data/00.txt/more"):
            with pytest.raises(OSError):
                Way(f"{project}/{name}")

    def test_it_has_stayed_unless_a_step_and_its_folder_have_changed(self, project: Path, data: Path) -> None:
        moment, before = time.time_ns(), Way(str(data))
        assert before.is_older(moment)
        assert before.has_stayed(Way(str(data)), moment)
        (data / "more").touch()
        assert before.has_stayed(Way(str(data)), moment)
        (data.parent / "more").touch()
        assert not before.has_stayed(Way(str(data)), moment)
        assert not Way(str(data)).is_older(moment)
