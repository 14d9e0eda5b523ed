"""docs/semantics.md and docs/security.md name their tests: each row at least one, and each of them exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "semantics.md"
SECURITY = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows(text):
    """The rows of all tables, as lists of cells; without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {i for i, line in enumerate(lines) if re.fullmatch(r"[|\s-]+", line)}
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        for i, line in enumerate(lines)
        if i not in heads and i + 1 not in heads
    ]


def claims_in(path):
    """The names of the test functions of a file; none if there is no such file."""
    if not path.is_file():
        return set()
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def untested(text):
    """The rows that name no test, and the tests that do not exist."""
    found = [" | ".join(cells[:1]) for cells in rows(text) if not NAMED.search(cells[-1])]
    defined = {}
    for path, name in NAMED.findall(text):
        if path not in defined:
            defined[path] = claims_in(ROOT / path)
        if name not in defined[path]:
            found.append(f"{path}::{name}")
    return found


@pytest.mark.parametrize("page", [PAGE, SECURITY], ids=lambda page: page.name)
def test_every_row_names_tests_that_exist(page):
    assert untested(page.read_text()) == []


def test_every_row_says_what_happens():
    found = rows(PAGE.read_text())
    assert len(found) > 80
    assert [cells for cells in found if len(cells) != 3 or not all(cells)] == []


@pytest.mark.parametrize("page", [PAGE, SECURITY], ids=lambda page: page.name)
def test_no_name_of_a_test_is_written_in_another_way(page):
    text = page.read_text()
    assert text.count("::") == len(NAMED.findall(text))


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (
            "| something | happens | `tests/end_to_end/test_documented_semantics.py::test_every_row_says_what_happens` |",
            [],
        ),
        ("| something | happens | |", ["something"]),
        ("| something | `tests/api/engine/test_running.py::test_an_empty_pipegraph_runs` | |", ["something"]),
        (
            "| something | happens | `tests/api/engine/test_running.py::test_of_nothing` |",
            ["tests/api/engine/test_running.py::test_of_nothing"],
        ),
        ("| something | happens | `tests/api/test_gone.py::test_it` |", ["tests/api/test_gone.py::test_it"]),
    ],
    ids=["in order", "none", "in the wrong column", "no such test", "no such file"],
)
def test_a_row_without_a_test_and_a_test_that_is_gone_are_noticed(row, found):
    assert untested(f"| situation | what happens | tests |\n| --- | --- | --- |\n{row}\n") == found
