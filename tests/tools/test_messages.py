"""The list of messages, on small made-up packages: gaps, stale entries and entries that do not fit are found."""

import subprocess
import sys
from pathlib import Path

import pytest
from messages.__main__ import BUGS, main

SOURCE = """
def run(job):
    raise ValueError(f"{job}: the file is too long; make it shorter")
"""
ENTRY = """
[messages."a.module:run"]
"the file is too long make it shorter" = { job = "{job}", remedy = "make it shorter" }
"""


class Packages:
    """Packages: writes one module and the entries below a root, and runs the command there."""

    def __init__(self, root, capsys):
        self.root = root
        self.capsys = capsys
        self.module = root / "packages/a/src/a/module.py"
        self.module.parent.mkdir(parents=True)
        self.entries = root / "messages.toml"

    def run(self, source, entries, *arguments):
        self.module.write_text(source)
        self.entries.write_text(entries)
        code = main(["--root", str(self.root), "--entries", str(self.entries), *map(str, arguments)])
        output = self.capsys.readouterr()
        return code, output.out + output.err


@pytest.fixture
def packages(tmp_path, capsys):
    return Packages(tmp_path, capsys)


def test_a_message_is_listed_with_its_place_its_job_and_its_remedy(packages):
    code, output = packages.run(SOURCE, ENTRY)
    assert code == 0
    assert (
        "packages/a/src/a/module.py:3: ValueError: '{job}: the file is too long; make it shorter'" in output
    )
    assert "    job: {job}\n    remedy: make it shorter\n" in output


def test_the_line_of_a_message_does_not_matter(packages):
    assert packages.run("\n\n# more\n" + SOURCE, ENTRY, "--check")[0] == 0


@pytest.mark.parametrize(
    ("source", "entries", "problem"),
    [
        (SOURCE, "", 'module.py:3: gap: no entry for "a.module:run: the file is too long make it shorter"'),
        (
            SOURCE + "    raise TypeError('another one')\n",
            ENTRY,
            'gap: no entry for "a.module:run: another one"',
        ),
        ("", ENTRY, 'stale: no message has the key "a.module:run: the file is too long make it shorter"'),
        (SOURCE, ENTRY.replace('make it shorter" }', 'cut it" }'), "the remedy 'cut it' is no part of"),
        (SOURCE, ENTRY.replace("{job}", "{owner}"), "the job '{owner}' is no part of"),
        (
            SOURCE,
            ENTRY.replace('job = "{job}", ', ""),
            'say which part of it names the job, or "not about a job"',
        ),
        (SOURCE, ENTRY.replace(', remedy = "make it shorter"', ""), "say either remedy or no_remedy"),
        (SOURCE, ENTRY.replace("}\n", ', no_remedy = "none" }\n'), "say either remedy or no_remedy"),
        (SOURCE, ENTRY.replace("{job}", "added by a.module:gone"), "there is no a.module:gone, which adds"),
        (SOURCE, ENTRY.replace("}\n", ', inside = "caught" }\n'), "it is inside, so that it needs neither"),
        (SOURCE, "[bugs]\nSurprise = 'a bug'\n" + ENTRY, "stale: nothing raises or calls Surprise"),
        (SOURCE, "wording = ['a.module:gone']\n" + ENTRY, "stale: there is no a.module:gone"),
    ],
)
def test_what_is_wrong_is_found(packages, source, entries, problem):
    code, output = packages.run(source, entries, "--check")
    assert code == 1
    assert problem in output
    assert "findings: 1, " in output


@pytest.mark.parametrize(
    "entries",
    [
        ENTRY.replace("{job}", "not about a job"),
        ENTRY.replace("{job}", "added by a.module:run"),
        ENTRY.replace('remedy = "make', 'no_remedy = "it cannot be made so: make'),
        '[messages."a.module:run"]\n"the file is too long make it shorter" = { inside = "it is caught" }\n',
    ],
)
def test_other_entries_that_fit_are_clean(packages, entries):
    code, output = packages.run(SOURCE, entries, "--check")
    assert code == 0, output


@pytest.mark.parametrize("fields", ['{ jobs = "{job}" }', '{ job = "{job}", remedy = "x", why = "y" }'])
def test_a_misspelt_field_and_a_broken_file_are_errors(packages, fields):
    code, output = packages.run(SOURCE, f'[messages."a.module:run"]\n"the file" = {fields}\n')
    assert code == 2
    assert "no such fields" in output
    code, output = packages.run(SOURCE, "[messages\n")
    assert code == 2
    assert "cannot be read" in output


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("def f(x):\n    raise TypeError('a text')\n", "'a text'"),
        ("def f(x):\n    return Bad(f'a {x!r:>8} b')\nclass Bad(ValueError): pass\n", "'a {x} b'"),
        ("def f(x):\n    w = f'about {x}'\n    raise TypeError(w)\n", "'about {x}'"),
        ("def f(x):\n    raise TypeError('one' if x else 'two')\n", "'(one | two)'"),
        ("def f(x):\n    w = 'a'\n    if x:\n        w += 'b'\n    raise TypeError(w)\n", "'(a | b)'"),
        ("WHAT = 'of a name'\ndef f(x):\n    raise TypeError(f'{WHAT}: {x}')\n", "'of a name: {x}'"),
        ("class Bad(Exception):\n    def __str__(self):\n        return f'it is {self.x}'\n", "'it is {self.x}'"),
        ("class Bad(other.StrangeError): pass\ndef f(x):\n    raise Bad('a text')\n", "'a text'"),
        ("def f(x):\n    x.warn('a text')\n", "'a text'"),
        ("def f(x):\n    x.end(refusal=f'no {x}')\n", "'no {x}'"),
        ("def words(x):\n    yield f'it is {x}'\n", "'it is {x}'"),
        ("CAUSES = {1: 'it was killed'}\n", "'it was killed'"),
    ],
)  # fmt: skip
def test_each_way_to_word_a_message_is_found(packages, source, text):
    rest = "wording = ['a.module:words', 'a.module:CAUSES']\n[carriers]\nwarn = 0\nend = 'refusal'\n"
    code, output = packages.run(source, rest, "--check")
    assert code == 1
    assert f": {text}\n" in output
    assert "gap: no entry for" in output


def test_two_messages_of_a_function_with_the_same_words_have_two_entries(packages):
    code, output = packages.run(SOURCE + SOURCE.splitlines()[-1] + "\n", ENTRY, "--check")
    assert code == 1
    assert 'gap: no entry for "a.module:run: the file is too long make it shorter #2"' in output


def test_bugs_of_ppg_need_no_entry_and_are_listed_apart_with_a_sentence(packages):
    code, output = packages.run(
        "def f(x):\n    raise AssertionError(f'{x} is lost')\n", "[bugs]\nAssertionError = 'lost'\n"
    )
    assert code == 0
    assert output.index(BUGS) < output.index("AssertionError: '{x} is lost'")


def test_a_run_of_the_copy_notes_the_messages_that_it_makes(packages):
    more = "\ndef other(x):\n    w = 'never ' \\\n        'made'\n    raise ValueError(w)\n"
    entries = (
        ENTRY + '[messages."a.module:other"]\n"never made" = { job = "not about a job", remedy = "made" }\n'
    )
    copy = packages.root / "copy"
    code, paths = packages.run(SOURCE + more, entries, "--noting", copy)
    assert code == 0
    # The process ends at once, by a signal to itself, after it has made the message.
    script = (
        "import os, a.module\n"
        "try: a.module.run('it')\n"
        "except ValueError as error: print(error, error.__traceback__.tb_next.tb_lineno, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": paths.strip()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -9
    assert ended.stdout == "it: the file is too long; make it shorter 3\n"
    code, output = packages.run(SOURCE + more, entries, "--seen", copy / "seen")
    assert code == 0
    assert "too long" not in output
    assert "ValueError: 'never made'\nmessages that no test reaches: 1\n" in output


def test_a_copy_does_not_overwrite_a_folder(packages, tmp_path):
    code, output = packages.run(SOURCE, ENTRY, "--noting", tmp_path)
    assert code == 2
    assert "File exists" in output


def test_every_message_of_the_packages_has_an_entry_that_fits(capsys):
    assert main(["--check", "--root", str(Path(__file__).parents[2])]) == 0, capsys.readouterr().out
