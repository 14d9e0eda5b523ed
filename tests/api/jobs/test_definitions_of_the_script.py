"""Definitions of the script: in a job, each is what it is in the script, and the code that made it does not run again.

One script per way to start has all definitions. It evaluates each expression itself and in a job, and writes both down.
"""

import json
import subprocess
import sys
import textwrap

import pytest

from tests.api.jobs.class_definitions import CLASSES
from tests.api.jobs.enum_definitions import ENUMS

HELPERS = """
    import enum

    MISSING = object()

    class Sentinel:
        pass

    NOTHING = Sentinel()

    def kinds_of_missing(value):
        return value is MISSING, value is NOTHING

    def local_enum():
        class Local(enum.Enum):
            A = (1, 2)

            def __init__(self, first, second):
                self.second = second

        return Local

    class Metaclass(type):
        def __init__(cls, *arguments):
            super().__init__(*arguments)
            cls.initialised_there = True
    """

IMPORTS = """
    import abc
    import dataclasses
    import datetime
    import decimal
    import enum
    import functools
    import json
    import os
    import sys
    from enum import *
    from pathlib import Path
    from typing import *

    import helpers
    import ppg
    from helpers import MISSING, NOTHING
    """

REPORT = """

    def evaluate(path, read):
        path.write_text(repr(read()))

    def main():
        modes = {"forked": {}, "fresh": {"isolation": "fresh"}, "inherited": {}}
        graph = ppg.new_pipegraph(
            ppg.LocalSystem(start_method="fork" if sys.argv[1] == "inherited" else "forkserver"), quiet=True
        )
        for name, read in READERS.items():
            ppg.FileGeneratingJob(name, functools.partial(evaluate, read=read), **modes[sys.argv[1]])
        try:
            ppg.run()
        except ppg.RuntimeError:
            pass
        found = {}
        for name, read in READERS.items():
            outcome = graph.result[name]
            got = outcome.error if outcome.failed else Path(name).read_text()
            found[name] = [repr(read()), got]
        Path("found.json").write_text(json.dumps(found))

    main()
    """

DEFINITIONS = ENUMS | CLASSES


def script_with(definitions):
    readers = "".join(
        f"READERS[{name!r}] = lambda: (\n{textwrap.dedent(expression)}\n)\n"
        for name, (_, expression) in definitions.items()
    )
    parts = [
        IMPORTS,
        *(definition for definition, _ in definitions.values()),
        "READERS = {}",
        readers,
        REPORT,
    ]
    return "\n".join(map(textwrap.dedent, parts))


@pytest.fixture(scope="module", params=["forked", "fresh", "inherited", "notebook"])
def found(request, tmp_path_factory):
    """What each expression is in the script, and in the job, by its name."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "helpers.py").write_text(textwrap.dedent(HELPERS))
    text = script_with(DEFINITIONS)
    command = [sys.executable, "script.py", request.param]
    if request.param == "notebook":  # its main module has no file
        command = [
            sys.executable,
            "-c",
            "exec(compile(open('script.py').read(), '<cell>', 'exec'))",
            "forked",
        ]
    (folder / "script.py").write_text(text)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "found.json").read_text())


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_of_the_script_is_in_a_job_what_it_is_in_the_script(found, name):
    in_script, in_job = found[name]
    assert in_job == in_script


def printed_by(tmp_path, script):
    (tmp_path / "script.py").write_text(
        textwrap.dedent(IMPORTS.replace("import helpers", "")).split("from helpers")[0]
        + textwrap.dedent(script)
    )
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


PLANETS = """
class Planet(Enum):
    EARTH = (5.97, 6.37)
    MARS = (0.64, 3.39)

    def __init__(self, mass, radius):
        self.mass = mass
        self.radius = radius

UserId = NewType("UserId", int)
graph = ppg.new_pipegraph(quiet=True)
"""


def test_what_a_load_sets_on_a_member_is_there_in_later_jobs(tmp_path):
    script = """
    def name_them():
        Planet.EARTH.moon = "Luna"
        Planet.MARS.moon = Planet.EARTH

    load = ppg.DataLoadingJob("names", name_them)
    job = ppg.FileGeneratingJob("a", lambda path: path.write_text(f"{Planet.EARTH.moon} {Planet.MARS.moon.mass}"))
    job.depends_on(load)
    ppg.run()
    print(Path("a").read_text(), hasattr(Planet.EARTH, "moon"))
    """
    assert printed_by(tmp_path, PLANETS + textwrap.dedent(script)) == "Luna 5.97 False\n"


def test_a_generated_job_gets_the_definitions_of_the_script_back(tmp_path):
    script = """
    def generate():
        def write(path, planet=Planet.MARS, user=UserId(3)):
            path.write_text(f"{planet is Planet.MARS} {planet.mass} {UserId(user)} {len(Planet)}")

        ppg.FileGeneratingJob("a", write)

    ppg.JobGeneratingJob("generate", generate)
    ppg.run()
    print(Path("a").read_text(), Planet.EARTH.mass)
    """
    assert printed_by(tmp_path, PLANETS + textwrap.dedent(script)) == "True 0.64 3 2 5.97\n"


def test_an_attribute_of_a_member_that_cannot_be_sent_is_named(tmp_path):
    script = """
    import threading

    Planet.MARS.lock = threading.Lock()
    ppg.FileGeneratingJob("a", lambda path: path.write_text(Planet.MARS.name))
    try:
        ppg.run()
    except ppg.RuntimeError as error:
        print(error)
    """
    message = printed_by(tmp_path, PLANETS + textwrap.dedent(script))
    assert "global 'Planet' → attribute 'lock' of 'MARS'" in message, message


def test_a_changed_attribute_of_a_member_is_a_change(tmp_path):
    script = """
    job = ppg.FileGeneratingJob("a", lambda path: path.write_text(f"{Planet.MARS.mass} {Planet.EARTH.note}"))
    Planet.EARTH.note = "NOTE"
    ppg.run()
    print(Path("a").read_text(), *graph.result.ran)
    """
    script = PLANETS + textwrap.dedent(script)
    assert printed_by(tmp_path, script) == "0.64 NOTE a\n"
    assert printed_by(tmp_path, script) == "0.64 NOTE\n"
    assert printed_by(tmp_path, script.replace("NOTE", "other")) == "0.64 other a\n"
    script = script.replace("self.mass = mass", "self.mass = mass * 2")
    assert printed_by(tmp_path, script.replace("NOTE", "other")) == "1.28 other a\n"
