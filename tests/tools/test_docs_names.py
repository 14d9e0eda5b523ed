"""Every name of ours that the documentation sets in backticks exists: paths, modules, attributes, commands of `just`."""

import ast
import functools
import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("docs/*.md")),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("packages/*/README.md")),
]
FOLDERS = ("docs", "packages", "tests", "tools")
SOURCES = {
    folder.name: folder for folder in ROOT.glob("packages/*/src/*") if (folder / "__init__.py").is_file()
}
ROOMS = {file.parent.name for folder in SOURCES.values() for file in folder.glob("*/__init__.py")}
ABOUT_CODE = {"architecture.md", "CONTRIBUTING.md", "executor.md"}
"""Pages on which `driver.py`, `engine/` and `engine.driver` are ours, never a user's file, folder or variable."""

SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
DOTTED = re.compile(rf"(?<![\w./-])(?:{'|'.join([*SOURCES, 'house', 'tests'])})(?:\.[A-Za-z_]\w*)+")
IN_ROOM = re.compile(rf"(?:{'|'.join(sorted(ROOMS))})(?:\.[A-Za-z_]\w*)+")
PATH = re.compile(r"(?<![\w./<*-])[\w.-]+(?:/[\w.-]+)*/?(?![\w<*])")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"\bjust ([a-z][a-z-]*)")
SUFFIXES = {"py", "md", "toml", "txt", "json"}


def wrong_names(text, page):
    """What a page names and what does not exist, in the order of the page."""
    prose = re.sub(r"^( *)(```+).*?^\1\2[ \t]*$", "", text, flags=re.DOTALL | re.MULTILINE)
    spans = [" ".join(found[1].split()) for found in SPAN.findall(prose)]
    wrong = [name for span in spans for name in _wrong_in(span, page)]
    return wrong + [link for link in LINK.findall(prose) if not (page.parent / link).exists()]


def _wrong_in(span, page):
    file, colon, names = span.partition(": ")
    if colon and re.fullmatch(r"[\w./-]+\.py", file):
        files = _files(file, page)
        defined = {name for found in files for name in _definitions(found)}
        return [f"{file}: {name}" for name in names.split(", ") if not files or name not in defined]
    wrong = [name for name in DOTTED.findall(span) if not _has_suffix(name) and not _leads_somewhere(name)]
    if page.name in ABOUT_CODE and IN_ROOM.fullmatch(span) and not _has_suffix(span):
        owners = [package for package in SOURCES if _leads_somewhere(f"{package}.{span}")]
        wrong += [] if owners else [span]
    for test_file, test in re.findall(r"([\w/.-]+\.py)::(\w+)", span):
        wrong += [
            f"{test_file}::{test}" for found in _files(test_file, page) if test not in _definitions(found)
        ]
    wrong += [path for path in PATH.findall(span) if _is_ours(path, span, page) and not _files(path, page)]
    return wrong + [f"just {name}" for name in COMMAND.findall(span) if name not in _commands()]


def _has_suffix(name):
    return name.rpartition(".")[2] in SUFFIXES


def _is_ours(path, span, page):
    first, slash, rest = path.partition("/")
    if slash and first in FOLDERS and rest:
        return True
    if slash and rest:
        return path.endswith(".py")
    is_alone = path == span and page.name in ABOUT_CODE
    return is_alone and (path.endswith(".py") or (slash == "/" and first != "logs"))


def _files(path, page):
    """The files or folders that a path may mean: from the root, from the page, or the end of one of our paths."""
    places = [ROOT / path, page.parent / path]
    found = [place for place in places if place.exists()]
    return found or [ours for name, ours in _all_paths() if name.endswith("/" + path.rstrip("/"))]


@functools.cache
def _all_paths():
    files = [
        file for folder in FOLDERS for file in (ROOT / folder).rglob("*.*") if file.suffix in {".py", ".md"}
    ]
    files = [file for file in files if "recorded" not in file.parts]
    folders = {file.parent for file in files}
    return [(f"/{path.relative_to(ROOT).as_posix()}", path) for path in [*files, *sorted(folders)]]


@functools.cache
def _commands():
    return set(re.findall(r"^([a-z][a-z-]*)[^:=\n]*:(?!=)", (ROOT / "justfile").read_text(), re.MULTILINE))


@functools.cache
def _definitions(file):
    """The qualified names of what a file defines, attributes of classes and instances included."""
    return set(_defined_in(ast.parse(file.read_text()).body)) if file.suffix == ".py" else set()


def _defined_in(body, prefix=""):
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name
                if prefix:
                    yield from (prefix + attribute for attribute in _set_on_self(statement))
            case ast.ClassDef(name=name, body=inside):
                yield prefix + name
                yield from _defined_in(inside, f"{prefix}{name}.")
            case ast.Assign(targets=targets):
                yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name
            case ast.If(body=inside, orelse=other):
                yield from _defined_in([*inside, *other], prefix)
            case _:
                pass


def _set_on_self(function):
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


@functools.cache
def _leads_somewhere(dotted):
    """Whether a dotted name is a module, or an attribute that one has, however deep.

    Modules are looked for on disk: those of an older ppg can still be imported, and are none of ours any more.
    """
    parts = dotted.split(".")
    home = SOURCES.get(parts[0]) or (ROOT / "tools" / "house" if parts[0] == "house" else ROOT / "tests")
    count = 1
    while count < len(parts) and _is_module(home.joinpath(*parts[1 : count + 1])):
        count += 1
    if count == len(parts):
        return True
    return parts[0] != "tests" and _has(importlib.import_module(".".join(parts[:count])), parts[count:])


def _is_module(path):
    return path.with_name(f"{path.name}.py").is_file() or any(path.glob("*.py"))


def _has(found, names):
    for position, name in enumerate(names):
        if name not in dir(found) or inspect.ismodule(getattr(found, name)):
            # An attribute of instances is declared in its class, or set by one of the class's methods.
            own = inspect.isclass(found) and f"{found.__qualname__}.{name}"
            return position == len(names) - 1 and own in _definitions(Path(inspect.getfile(found)))
        found = getattr(found, name)
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_exists(page):
    assert wrong_names(page.read_text(), page) == []


@pytest.mark.parametrize(
    "name",
    [
        "ppg.engine.invented",
        "ppg.engine.driver.Driver.invented",
        "ppg.Invented",
        "ppg_exec.nowhere",
        "ppg_graph.Evaluator.invented",
        "engine.invented",
        "engine.observer",
        "ppg.engine.observer",
        "ppg_invariants.files.FileState",
        "engine/invented.py",
        "invented/driver.py",
        "invented.py",
        "invented/",
        "engine/driver.py: Driver.invented",
        "engine/driver.py: Driver._wait, invented",
        "engine/invented.py: Driver",
        "tests/invented",
        "tests/api/jobs/test_own_kinds.py::test_invented",
        "docs/invented.md",
        "python -m tests.benchmarks.bench_invented --full",
        "just invent",
    ],
)
def test_an_invented_name_is_found(name):
    assert wrong_names(f"Some prose, and `{name}` in it.", ROOT / "docs" / "architecture.md")


@pytest.mark.parametrize(
    "name",
    [
        "ppg.engine.driver.Driver._wait",
        "ppg.RuntimeError.exceptions",
        "@ppg.file(path)",
        "ppg_graph.LeftoverRejected",
        "engine.driver",
        "engine/driver.py",
        "driver.py",
        "engine/",
        "engine/driver.py: Driver._wait, Driver._commands, INVARIANT",
        "packages/ppg-api/src/ppg/engine/driver.py",
        "tests/upgrades",
        "tests/api/jobs/test_own_kinds.py::test_it_runs_once_and_again_if_its_function_changed_or_what_it_made",
        "python -m tests.benchmarks.bench_growth --full",
        "just house --write",
        "graph.run()",
        "logs/ppg_run.txt",
    ],
)
def test_a_name_that_exists_is_none(name):
    assert wrong_names(f"Some prose, and `{name}` in it.", ROOT / "docs" / "architecture.md") == []


def test_a_link_that_leads_nowhere_is_found():
    page = ROOT / "docs" / "store.md"
    assert wrong_names("See [this](fingerprints.md#files) and [that](invented.md).", page) == ["invented.md"]
