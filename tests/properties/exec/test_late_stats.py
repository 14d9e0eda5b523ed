"""Whatever happens to files and folders: a stat that is found out later is that of the file as it was opened, or in doubt."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exec.stats.leasing import Reader, leases_at_once, wait_for_the_clock

FOLDERS = ("one", "two", "one/in", "two/in", "link")
FILES = tuple(f"{folder}/{name}" for folder in FOLDERS for name in ("a", "b"))
EVENTS = st.one_of(
    st.tuples(st.just("read"), st.sampled_from(FILES), st.just("")),
    st.tuples(st.just("write"), st.sampled_from(FILES), st.just("")),
    st.tuples(st.just("remove"), st.sampled_from(FILES), st.just("")),
    st.tuples(st.just("rename"), st.sampled_from(FILES), st.sampled_from(FILES)),
    st.tuples(st.just("rename"), st.sampled_from(FOLDERS), st.sampled_from((*FOLDERS, "aside"))),
    st.tuples(st.just("exchange"), st.sampled_from(FOLDERS), st.sampled_from(FOLDERS)),
    st.tuples(st.just("hardlink"), st.sampled_from(FILES), st.sampled_from(FILES)),
    st.tuples(st.just("lead"), st.just("link"), st.sampled_from(FOLDERS)),
    st.tuples(st.just("lead"), st.just("one/a"), st.sampled_from(FILES)),
)


def happens(reader: Reader, root: str, event: tuple[str, str, str], number: int) -> None:
    """Do something, if it can be done. None of it is noted but reads."""
    what, first, second = event[0], f"{root}/{event[1]}", f"{root}/{event[2]}"
    with suppress(OSError):
        match what:
            case "read":
                reader.read(first)
            case "write":
                descriptor = os.open(first, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC)
                os.write(descriptor, str(number).encode())
                os.utime(descriptor, ns=(10**18, 10**18))
                os.close(descriptor)
            case "remove":
                os.unlink(first)
            case "rename":
                os.rename(first, second)
            case "exchange":
                os.rename(first, f"{root}/between")
                os.rename(second, first)
                os.rename(f"{root}/between", second)
            case "hardlink":
                os.unlink(second)
                os.link(first, second)
            case "lead":
                os.unlink(first)
                os.symlink(second, first)


@settings(max_examples=60)
@given(st.lists(EVENTS, max_size=12), st.lists(EVENTS, max_size=4))
def test_no_stat_is_that_of_another_content(
    during: list[tuple[str, str, str]], after: list[tuple[str, str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, leases_at_once():
        root = Path(os.path.realpath(folder))
        for name in FOLDERS[:4]:
            (root / name).mkdir()
            for number in range(20):
                (root / name / f"{number:02d}").write_text(f"{name} {number}")
            for letter in "ab":
                (root / name / letter).write_text(f"{name} {letter}")
        (root / "link").symlink_to("one/in")
        wait_for_the_clock(root)
        reader = Reader(root)

        def work() -> None:
            for name in FOLDERS:
                reader.read(*sorted((root / name).glob("[0-9]*")))
            for number, event in enumerate(during):
                happens(reader, str(root), event, number)

        def afterwards() -> None:
            for number, event in enumerate(after):
                happens(reader, str(root), event, 100 + number)

        reader.run(work, afterwards)
