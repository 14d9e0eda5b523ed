"""The word check, on small made-up files: each forbidden word is found, with its line and its remedy."""

import pytest

from words.__main__ import main
from words.rules import FORBIDDEN

PLACES = {
    "module docstring": '"""Job: runs, {} here."""\n',
    "function docstring": 'def run():\n    """Return, {} here."""\n',
    "comment": "x = 1\n# The job, {} here.\n",
    "string": 'x = 1\nraise ValueError("the job, {} here")\n',
    "f-string": "x = 1\nprint(f'{{x}}, {} here, {{x:>8}}')\n",
    "page": "# Title\n\nThe job, {} here.\n",
}


class Texts:
    """Texts: writes files below a root, and runs the command there."""

    def __init__(self, root, capsys):
        self.root = root
        self.capsys = capsys

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def run(self, *arguments):
        code = main(["--root", str(self.root), *map(str, arguments)])
        output = self.capsys.readouterr()
        return code, output.out + output.err

    def check(self, text, *arguments, page=False):
        self.write("docs/page.md" if page else "packages/a/src/a/module.py", text)
        return self.run(*arguments)


@pytest.fixture
def texts(tmp_path, capsys):
    return Texts(tmp_path, capsys)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("phrase", FORBIDDEN)
def test_each_forbidden_word_is_found_everywhere(texts, phrase, place):
    text = PLACES[place].format(phrase)
    line = next(number for number, content in enumerate(text.splitlines(), 1) if phrase in content)
    code, output = texts.check(text, page=place == "page")
    assert code == 1
    assert f":{line}: " in output
    assert f'"{phrase}" in a ' in output
    assert FORBIDDEN[phrase] in output


@pytest.mark.parametrize("phrase", FORBIDDEN)
def test_each_forbidden_word_has_a_remedy(phrase):
    assert FORBIDDEN[phrase].split()[0] in {"name", "write"}


def test_a_finding_names_file_line_word_and_remedy(texts):
    code, output = texts.check("x = 1\n# It is told.\n")
    assert code == 1
    assert (
        output.splitlines()[0]
        == f'packages/a/src/a/module.py:2: "is told" in a comment: {FORBIDDEN["is told"]}'
    )


@pytest.mark.parametrize("word", ["Nobody", "WHO", "Remnants"])
def test_case_does_not_matter(texts, word):
    assert texts.check(f"# {word} here\n")[0] == 1


@pytest.mark.parametrize(
    "text",
    [
        "who = 1\n",
        "def run(nobody):\n    return nobody.who\n",
        "print(f'{who}, {x.whose!r}')\n",
        "# `obey` and the name ppg.garbage and who_is\n",
        '"""Module: has a name, ``who``, and `what\nnobody` needs."""\n',
        "x = 'ppg.garbage'\n",
        "# Garbage collection and the garbage collector.\n",
        "# A wholesome buried thing, worn out.\n",
        '"""Module: shows how.\n\n```\nwho()\n```\n"""\n',
        "print(f'it is {x} told')\n",
    ],
)
def test_identifiers_and_code_are_no_words(texts, text):
    code, output = texts.check(text)
    assert code == 0, output


@pytest.mark.parametrize(
    "text",
    [
        "See:\n\n```python\nwho = nobody\n```\n",
        "1. See:\n\n   ```sh\n   who\n   ```\n",
        "See `who` and ``x ` nobody``.\n",
        "See [the page](whose.md).\n",
    ],
)
def test_code_of_a_page_is_no_prose(texts, text):
    code, output = texts.check(text, page=True)
    assert code == 0, output


def test_prose_behind_code_is_found_on_its_line(texts):
    code, output = texts.check("```\nwho\n```\n\n`who` and\nnobody\n", page=True)
    assert code == 1
    assert "docs/page.md:6: " in output
    assert "findings: 1, " in output


@pytest.mark.parametrize(
    "text",
    [
        "# The node is\n# told so.\n",
        '"""Node: is\ntold so."""\n',
        'raise ValueError(\n    "the node is "\n    "told so"\n)\n',
        "raise ValueError(\n    f'the node {x} is '\n    f'told {x}'\n)\n",
    ],
)
def test_a_phrase_across_lines_is_found(texts, text):
    code, output = texts.check(text)
    assert code == 1
    assert '"is told"' in output


def test_a_comment_behind_code_does_not_continue_the_next_one(texts):
    assert texts.check("x = 1  # as it is\n# told here\n")[0] == 0


def test_a_word_behind_an_escape_is_found(texts):
    assert texts.check("print('end\\nwho')\n")[0] == 1


def test_a_word_in_a_string_inside_of_an_f_string_is_found(texts):
    assert texts.check("""print(f"{'who' if x else ''}")\n""")[0] == 1


@pytest.mark.parametrize(
    "text",
    [
        "x = 'who'  # words: the name of a program\n",
        "# who is a program; words: no marker, since it does not start the comment # words: but this is one\n",
        'def run():\n    """Return the output\n    of who.\n    """  # words: the name of a program\n',
    ],
)
def test_a_marker_with_a_reason_exempts_its_line_or_string(texts, text):
    code, output = texts.check(text)
    assert code == 0, output


@pytest.mark.parametrize(
    "text",
    [
        "x = 'who'  # words:\n",
        "x = 'who'\ny = 1  # words: on another line\n",
        "x = '# words: in a string; who'\n",
    ],
)
def test_other_markers_exempt_nothing(texts, text):
    assert texts.check(text)[0] == 1


def test_a_page_has_no_exemption(texts):
    assert texts.check("who # words: a program\n", page=True)[0] == 1


def test_changelogs_are_exempt(texts):
    texts.write("packages/a/CHANGELOG.md", "who\n")
    texts.write("docs/CHANGELOG.md", "who\n")
    assert texts.run()[0] == 0
    assert texts.run(texts.root / "packages")[0] == 0


@pytest.mark.parametrize(
    "path",
    [
        "packages/a/src/a/module.py",
        "packages/a/src/a/room/module.py",
        "docs/page.md",
        "README.md",
        "CONTRIBUTING.md",
        "packages/a/README.md",
    ],
)
def test_sources_and_pages_are_read_without_being_named(texts, path):
    texts.write(path, "# who\n")
    code, output = texts.run()
    assert code == 1
    assert f"{path}:1: " in output


def test_only_named_paths_are_read(texts):
    texts.write("docs/page.md", "who\n")
    other = texts.write("tests/test_a.py", "# nobody\n")
    for path in (other, other.parent):
        code, output = texts.run(path)
        assert code == 1
        assert "findings: 1, files: 1" in output
        assert "tests/test_a.py:1: " in output


@pytest.mark.parametrize("phrase", [phrase for phrase in FORBIDDEN if "-" not in phrase])
def test_each_forbidden_word_is_found_in_the_name_of_a_test(texts, phrase):
    name = phrase.replace(" ", "_")
    texts.write("tests/room/test_a.py", f"import os\n\n\ndef test_that_{name}_here():\n    pass\n")
    code, output = texts.run()
    assert code == 1
    assert f'tests/room/test_a.py:4: "{phrase}" in a function name: {FORBIDDEN[phrase]}' in output


@pytest.mark.parametrize("definition", ["async def a_{}():", "class A{}B:", "class A:\n def {}(self):"])
def test_names_are_read_in_sources_and_tests(texts, definition):
    word = "Who" if "class A{" in definition else "who"
    for path in ("packages/a/src/a/module.py", "tests/conftest.py"):
        file = texts.write(path, f"{definition.format(word)}\n    x = 1\n")
        assert texts.run()[0] == 1
        file.unlink()
    assert texts.run()[0] == 0


@pytest.mark.parametrize(
    "text",
    [
        "# who\nnobody = 'anybody'\n",
        "def test_a_whole_number(who):\n    pass\n",
        "def test_who():  # words: the name of a program\n    pass\n",
    ],
)
def test_only_names_of_functions_and_classes_are_read_in_tests(texts, text):
    texts.write("tests/test_a.py", text)
    code, output = texts.run()
    assert code == 0, output


def test_a_path_that_is_missing_and_a_file_that_is_no_python_are_errors(texts):
    assert texts.run(texts.root / "missing.py")[0] == 2
    code, output = texts.check("def\n")
    assert code == 2
    assert "is not valid Python" in output


WORDS_26 = " ".join(["word"] * 26)
WORDS_25 = " ".join(["word"] * 25)


@pytest.mark.parametrize(
    ("text", "page"),
    [
        (f'"""Module: does.\n\n{WORDS_26}.\n"""\n', False),
        (f'class A:\n    """A: {WORDS_26}."""\n', False),
        (f"{WORDS_26}.\n", True),
        (f"- One item.\n- {WORDS_26}\n", True),
        (f"Short. {WORDS_26}.\n", True),
    ],
)
def test_a_long_sentence_is_found_only_on_demand(texts, text, page):
    assert texts.check(text, page=page)[0] == 0
    code, output = texts.check(text, "--long", page=page)
    assert code == 1
    assert " words in the sentence " in output
    assert "split it" in output


@pytest.mark.parametrize(
    ("text", "page"),
    [
        (f'def run():\n    """{WORDS_26}."""\n', False),
        (f"# {WORDS_26}\n", False),
        (f"x = '{WORDS_26}'\n", False),
        (f"{WORDS_25}. Word {WORDS_25[5:]}.\n", True),
        (f"{WORDS_25} `code`.\n", True),
        (f"- {WORDS_25}\n- {WORDS_25}\n", True),
        (f"1. {WORDS_25}\n2. {WORDS_25}\n", True),
        (f"## {WORDS_25}\n{WORDS_25}\n", True),
        (f"{WORDS_25}\n\n{WORDS_25}\n", True),
        (f"| {WORDS_26} |\n| --- |\n| {WORDS_26} |\n", True),
        (f"```\n{WORDS_26}\n```\n", True),
        (
            f'class A:\n    """A: does.\n\n    Attributes:\n        one: {WORDS_25[5:]}\n        two: {WORDS_25[5:]}\n    """\n',
            False,
        ),
    ],
)
def test_other_sentences_are_not_long(texts, text, page):
    code, output = texts.check(text, "--long", page=page)
    assert code == 0, output
