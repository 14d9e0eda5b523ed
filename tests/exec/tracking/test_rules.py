"""Which uses of files are noted, in jobs, fresh jobs, loads and inline tasks alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.exec.tracking import actions

Uses = list[tuple[str, str]]
WAYS = ("job", "fresh", "load", "inline")

CASES: list[tuple[Callable[[str], object], Uses]] = [
    (actions.read_once, [("read", "a.txt")]),
    (actions.read_twice, [("read", "a.txt")]),
    (actions.read_in_many_ways, [("read", "a.txt"), ("read", "b.txt"), ("read", "sub/c.txt")]),
    (actions.read_bytes_path, [("read", "a.txt")]),
    (actions.read_other_paths, [("read", "a.txt"), ("read", "b.txt")]),
    (actions.read_relative, [("read", "sub/c.txt"), ("read", "a.txt"), ("read", "b.txt")]),
    (actions.read_link, [("read", "link")]),
    (actions.read_descriptor, [("read", "a.txt")]),
    (actions.read_absent, [("absent", "none.txt"), ("absent", "none/none.txt"), ("absent", "a.txt/none"), ("absent", "nowhere")]),
    (actions.read_after_absent, [("absent", "made.txt"), ("read", "made.txt")]),
    (actions.write_then_read, [("written", "new.txt")]),
    (actions.read_then_write, [("read", "a.txt"), ("written", "a.txt")]),
    (actions.write_in_all_modes, [("written", "a.txt"), ("written", "b.txt"), ("written", "x.txt"), ("written", "w.txt")]),
    (actions.fail_to_write, [("absent", "none.txt"), ("read", "a.txt")]),
    (actions.change_names, [
        ("written", "a.txt"), ("written", "renamed.txt"), ("written", "replaced.txt"), ("written", "linked.txt"),
        ("written", "symlink.txt"), ("written", "b.txt"),
    ]),
    (actions.change_names_in_an_open_folder, [
        ("written", "sub/c.txt"), ("written", "sub/d.txt"), ("written", "sub/e.txt"), ("written", "sub/f.txt"),
    ]),
    (actions.list_folders, [("listed", "sub"), ("listed", "")]),
    (actions.list_by_pathlib, [("listed", "sub")]),
    (actions.remove_a_tree, [("written", "tree/deeper/file.txt")]),
    (actions.open_what_is_no_file, []),
    (actions.use_temporary_files, []),
    (actions.use_modules, [("read", "project_package/data.txt"), ("read", "project_module.py")]),
    (actions.use_an_archive, [("written", "archive.zip"), ("written", "moved.zip")]),
    (actions.show_sources, []),
    (actions.fail_in_thread, []),
    (actions.fork_and_read, [("read", "a.txt"), ("read", "b.txt"), ("read", "sub/c.txt")]),
    (actions.fork_and_write, [("written", "of_child.txt"), ("written", "of_parent.txt")]),
    (actions.fork_and_close_all, [("written", "b.txt"), ("read", "a.txt")]),
]  # fmt: skip
"""What a task does, and its uses, in their order."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("action", "expected"), CASES, ids=[action.__name__ for action, _ in CASES])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_uses_are_noted_once_in_order_and_by_their_kind(
    uses: Callable[..., Uses], project: Path, way: str, action: Callable[[str], object], expected: Uses
) -> None:
    (project / "project_module.py").write_text("VALUE = 1\n")
    package = project / "project_package"
    package.mkdir()
    (package / "data.txt").write_text("data")
    (package / "inner.py").write_text("VALUE = 1\n")
    (package / "__init__.py").write_text(
        "import os\nwith open(os.path.join(os.path.dirname(__file__), 'data.txt')) as file:\n    TEXT = file.read()\n"
    )
    found = uses(way, action, str(project))
    assert [(kind, "" if path == str(project) else path) for kind, path in found] == expected
