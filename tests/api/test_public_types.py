"""What users see of the packages' types, whichever type checker they use: all of it, and nothing inferred.

A type that is inferred may be another one in another type checker, or none. basedpyright looks at packages as a user
has them: installed in an environment that is active, from a folder that is not the project's. A test takes seconds, because it reads a whole package and its libraries.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCES = {
    folder.parent.name: folder.parent
    for folder in sorted(Path(__file__).parents[2].glob("packages/*/src/*/__init__.py"))
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What basedpyright finds: its exit code, the known share of the exported types, and what it complains about."""

    exit_code: int
    score: float
    exported: int
    complaints: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.score:.2%} of {self.exported} are known\n" + "\n".join(self.complaints)


class Environment:
    """A virtual environment with our packages in it, and with the libraries that they use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder, with_pip=False, symlinks=True)
        self.packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
        for name, source in SOURCES.items():
            shutil.copytree(source, self.packages / name, ignore=shutil.ignore_patterns("__pycache__"))
        # Type checkers look for libraries where a .pth file says, and go no further from there: not to the sources.
        (self.packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def verify(self, package: str) -> Verdict:
        """What the public types of a package are like; those of libraries are their authors' concern."""
        told = subprocess.run(
            [Path(sys.executable).with_name("basedpyright"), "--verifytypes", package, "--ignoreexternal",
             "--outputjson"],
            capture_output=True, text=True, timeout=300, cwd=self.folder,
            env=os.environ
            | {"VIRTUAL_ENV": str(self.folder), "PATH": f"{self.folder}/bin{os.pathsep}{os.environ['PATH']}"},
        )  # fmt: skip
        assert told.stdout.startswith("{"), told.stdout + told.stderr
        report = json.loads(told.stdout)
        types = report["typeCompleteness"]
        assert Path(types["packageRootDirectory"]) == self.packages / package, "it looked somewhere else"
        return Verdict(
            told.returncode,
            types["completenessScore"],
            sum(types["exportedSymbolCounts"].values()),
            tuple(
                _told(symbol["name"], complaint)
                for symbol in types["symbols"]
                for complaint in symbol["diagnostics"]
                if complaint["severity"] == "error"
            ),
        )


def _told(name: str, complaint: dict) -> str:
    place = f"{complaint['file']}:{complaint['range']['start']['line'] + 1}: " if "range" in complaint else ""
    return f"{place}{name}: {complaint['message']}"


@pytest.fixture
def environment(tmp_path):
    return Environment(tmp_path.resolve() / "environment")


@pytest.mark.parametrize("package", SOURCES)
def test_every_public_type_is_declared(environment, package):
    verdict = environment.verify(package)
    assert verdict.exported > 0
    assert (verdict.exit_code, verdict.score, verdict.complaints) == (0, 1, ()), str(verdict)


def test_a_public_attribute_without_a_type_is_noticed(environment):
    with (environment.packages / "ppg_graph" / "ids.py").open("a") as module:
        module.write("\n\nclass Undeclared:\n    def __init__(self):\n        self.size = len('some')\n")
    verdict = environment.verify("ppg_graph")
    assert verdict.exit_code == 1
    assert verdict.score < 1
    assert any("ids.py" in line and "Undeclared.size" in line for line in verdict.complaints), str(verdict)


def test_all_five_packages_are_looked_at():
    assert set(SOURCES) == {"ppg", "ppg_graph", "ppg_exec", "ppg_invariants", "ppg_cli"}
