"""Tasks that strace traces, in a folder of their own."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ppg_exec import (
    FileUse,
    LocalExecutor,
    Outcome,
    RunsIn,
    Succeeded,
    Task,
    Tracking,
    UseKind,
    system_folders,
)

NATIVE = """
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>
void uses(const char *read, const char *absent, const char *written, const char *listed) {
    close(open(read, O_RDONLY));
    open(absent, O_RDONLY);
    close(open(written, O_WRONLY | O_CREAT, 0600));
    DIR *folder = opendir(listed);
    while (readdir(folder)) {}
    closedir(folder);
}
void opens_to_change(const char *name) { close(open(name, O_RDWR)); }
"""


class Traced:
    """The uses of one task."""

    def __init__(self, outcome: Outcome, folder: Path) -> None:
        self.outcome = outcome
        self._folder = folder

    def of(self, kind: UseKind) -> list[str]:
        """The files with uses of a kind, relative to the folder, in their order."""
        return [self._relative(use) for use in self.outcome.uses if use.kind is kind]

    @property
    def read(self) -> list[str]:
        return self.of(UseKind.READ)

    def use(self, name: str, kind: UseKind = UseKind.READ) -> FileUse:
        """The use of a file."""
        return next(use for use in self.outcome.uses if use.kind is kind and self._relative(use) == name)

    def _relative(self, use: FileUse) -> str:
        return os.path.relpath(use.path, self._folder)


Trace = Callable[..., Traced]


def require(tool: str) -> None:
    """Skip the test if a tool is not there."""
    if shutil.which(tool) is None:
        if os.environ.get("PPG_REQUIRE_TOOLS") == "1":
            pytest.fail(f"{tool} is not there, and PPG_REQUIRE_TOOLS=1 says that it must be")
        pytest.skip(f"{tool} is not there")


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A library that uses files in native code."""
    require("gcc")
    folder = tmp_path_factory.mktemp("native")
    (folder / "uses.c").write_text(NATIVE)
    library = folder / "uses.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, folder / "uses.c"], check=True)
    return str(library)


@pytest.fixture
def trace(tmp_path: Path, local: LocalExecutor, run: Callable[..., dict[str, Outcome]]) -> Trace:
    """`trace(function, *arguments)` runs a task in the folder, and returns what it used."""
    require("strace")

    def traced(
        function: Callable[..., object], *arguments: object, place: RunsIn = RunsIn.FORK, fails: bool = False
    ) -> Traced:
        tracking = Tracking(str(tmp_path), (), system_folders(), strace=True)
        task = Task(
            "traced", function, arguments, place=place, working_directory=str(tmp_path), tracking=tracking
        )
        outcome = run(local, task)["traced"]
        assert fails or isinstance(outcome.end, Succeeded), outcome
        return Traced(outcome, tmp_path)

    return traced
