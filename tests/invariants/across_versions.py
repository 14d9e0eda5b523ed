"""Runs the fingerprint tests under every other CPython >= 3.11 on this machine, and compares the fingerprints.

Run ``python -m tests.invariants.across_versions [--compare-only]`` in the root of the repository. It searches
for interpreters on the path (``python3.11`` …) and in the folders of pyenv and uv. Each interpreter gets an
environment with the few packages that the tests need, below ``$PPG_VERSIONS_CACHE`` (default: a folder in the
system's temporary folder). The program prints the missing versions. It fails if a test fails, or if two
versions disagree.
"""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from tests.invariants.programs import programs, source

WANTED = ("3.11", "3.12", "3.13", "3.14")
NEEDED = ("xxhash", "pytest", "pytest-timeout", "hypothesis", "numpy")
TESTS = (
    "tests/invariants/functions/test_captured.py",
    "tests/invariants/functions/test_edits.py",
    "tests/invariants/functions/test_following.py",
    "tests/invariants/functions/test_wrapped.py",
    "tests/invariants/test_explanations.py",
    "tests/invariants/test_parameters.py",
    "tests/properties/invariants",
)
ROOT = Path(__file__).parents[2]


def interpreters():
    """One executable for each minor version that is on this machine."""
    candidates = [sys.executable]
    candidates += [found for version in WANTED if (found := shutil.which(f"python{version}"))]
    for pattern in (
        "~/.pyenv/versions/3.*/bin/python3",
        "~/.local/share/uv/python/cpython-3.*/bin/python3",
        "/opt/python/*/bin/python3",
    ):
        candidates += sorted(glob.glob(os.path.expanduser(pattern)))
    found = {}
    for candidate in candidates:
        probe = subprocess.run(
            [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.implementation.name)"],
            capture_output=True,
            text=True,
            check=False,
        )
        version, _, name = probe.stdout.strip().partition(" ")
        if probe.returncode == 0 and version in WANTED and name == "cpython":
            found.setdefault(version, candidate)
    return found


def environment(version, executable, needed=NEEDED):
    """Python of an environment with the needed packages; made if it is not there, or lacks a package."""
    cache = Path(os.environ.get("PPG_VERSIONS_CACHE", Path(tempfile.gettempdir()) / "ppg-versions"))
    folder = cache / version
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists() or not set(needed) <= set(complete.read_text().split() or NEEDED):
        shutil.rmtree(folder, ignore_errors=True)
        uv = shutil.which("uv")
        if uv:
            subprocess.run([uv, "venv", "-q", "--python", executable, folder], check=True)
            subprocess.run([uv, "pip", "install", "-q", "--python", python, *needed], check=True)
        else:
            subprocess.run([executable, "-m", "venv", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *needed], check=True)
        complete.write_text("\n".join(needed))
    return python


def settings_of_tests():
    """Environment variables under which the packages of the workspace are found."""
    sources = [ROOT / "packages" / name / "src" for name in ("ppg-graph", "ppg-invariants")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [ROOT, *sources]))}


def generated(folder, count):
    """Write modules with generated functions that every version can compile."""
    texts = set()

    @settings(max_examples=count, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(programs)
    def collect(program):
        text = source(program)
        try:
            compile(text, "generated", "exec")
        except SyntaxError:
            return
        texts.add(text)

    collect()
    for number, text in enumerate(sorted(texts)):
        (folder / f"generated_{number:04}.py").write_text(text)


def twins_in(answer):
    """Functions that share their bytecode with another function; another version may distinguish them."""
    count = Counter(answer["bytecode"].values())
    return {name for name, digest in answer["bytecode"].items() if count[digest] > 1}


def run_tests(python):
    """The tests under that Python, which need one core."""
    command = [
        python,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=--import-mode=importlib",
    ]
    return subprocess.run(
        [*command, *TESTS],
        cwd=ROOT,
        env=settings_of_tests(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def main():
    """Test, compare, report."""
    found = interpreters()
    print("found:", ", ".join(f"{version} ({path})" for version, path in sorted(found.items())))
    print("missing:", ", ".join(version for version in WANTED if version not in found) or "none")
    pythons = {version: environment(version, path) for version, path in sorted(found.items())}
    failed = []
    # Under this Python the ordinary run of the tests has them.
    own = "{}.{}".format(*sys.version_info)
    others = {} if "--compare-only" in sys.argv else {v: python for v, python in pythons.items() if v != own}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for version, run in zip(others, pool.map(run_tests, others.values()), strict=True):
            print(f"--- tests under {version}\n{run.stdout}", end="", flush=True)
            if run.returncode:
                failed.append(f"tests under {version}")
    with tempfile.TemporaryDirectory() as scratch:
        modules = Path(scratch, "modules")
        modules.mkdir()
        generated(modules, 300)
        results = {}
        for version in [*pythons, next(iter(pythons))]:  # the first one again, with what the others left
            run = subprocess.run(
                [
                    pythons[version],
                    "-W",
                    "ignore",
                    "-m",
                    "tests.invariants.corpus",
                    modules,
                    Path(scratch, "store"),
                ],
                cwd=ROOT,
                env=settings_of_tests(),
                capture_output=True,
                text=True,
                check=False,
            )
            if run.returncode:
                print(run.stderr)
                failed.append(f"corpus under {version}")
                continue
            results.setdefault(version, []).append(json.loads(run.stdout))
        answers = [answer for several in results.values() for answer in several]
        twins = set().union(*map(twins_in, answers))
        print(f"{len(twins)} functions compile to the bytecode of another one under some version")
        for what, left_out in (("values", set()), ("syntax", set()), ("canonical", twins)):
            names = answers[0][what].keys() - left_out
            different = sorted(name for name in names if len({answer[what][name] for answer in answers}) > 1)
            print(
                f"{what}: {len(names)} compared between {', '.join(results)}; different: {different or 'none'}"
            )
            if different:
                failed.append(what)
    print("failed:", ", ".join(failed) or "nothing")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
