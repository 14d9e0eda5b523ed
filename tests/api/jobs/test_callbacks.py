"""What can be a callback, and what callbacks get."""

import functools
import os
from pathlib import Path

import pytest

import ppg
from tests.api.callbacks import passing_on, write


def passing_nothing_on(function):
    @functools.wraps(function)
    def wrapper():
        return function("a")

    return wrapper


@pytest.mark.parametrize(
    "callback",
    [
        lambda: None,
        lambda *rest: None,
        passing_on(lambda name="x": None),
        passing_nothing_on(write),
        lambda name="x": None,
        functools.partial(write, Path("a")),
        print,
    ],
)
def test_a_callback_without_required_arguments_is_called_without(graph, callback):
    assert ppg.FileGeneratingJob("a", callback)._callback_arguments == ()


class Writer:
    def method(self, path):
        write(path)

    def __call__(self, path):
        write(path)


@pytest.mark.parametrize(
    "callback",
    [
        write,
        lambda path, name="x": None,
        Writer().method,
        Writer(),
        functools.partial(lambda a, path: None, 1),
        passing_on(write),
        functools.partial(passing_on(lambda a, path: None), 1),
    ],
)
def test_a_callback_with_one_required_argument_gets_the_path(graph, callback):
    assert ppg.FileGeneratingJob("a", callback)._callback_arguments == (Path("a"),)


def test_a_multi_file_callback_gets_what_filenames_was(graph):
    listed = ppg.MultiFileGeneratingJob(["b", "a"], write)
    named = ppg.MultiFileGeneratingJob({"x": "c", "y": "d"}, write)
    assert listed._callback_arguments == ([Path("b"), Path("a")],)
    assert named._callback_arguments == ({"x": Path("c"), "y": Path("d")},)


def test_every_callback_has_its_function_invariant_unless_code_changes_are_ignored(graph):
    a = ppg.FileGeneratingJob("a", write)
    b = ppg.FileGeneratingJob("b", write).ignore_code_changes()
    graph._complete()
    (function,) = a.upstreams
    assert isinstance(function, ppg.FunctionInvariant)
    assert not b.upstreams


def test_a_callback_is_called_with_nothing_a_path_a_list_or_a_dictionary(run, folder):
    def without():
        Path("a").write_text("nothing")

    def told(path):
        path.write_text(f"{type(path).__name__} {path}")

    def listed(paths):
        for path in paths:
            path.write_text(f"{[str(each) for each in paths]}")

    def named(paths):
        for name, path in paths.items():
            path.write_text(f"{name} of {sorted(paths)}")

    def declare():
        ppg.FileGeneratingJob("a", without)
        ppg.FileGeneratingJob("b", told)
        ppg.MultiFileGeneratingJob(["d", "c"], listed)
        ppg.MultiFileGeneratingJob({"x": "e", "y": "f"}, named)

    run(declare)
    assert [(folder / name).read_text() for name in "abcdef"] == [
        "nothing",
        f"{type(Path()).__name__} b",
        "['d', 'c']",
        "['d', 'c']",
        "x of ['x', 'y']",
        "y of ['x', 'y']",
    ]


@pytest.mark.parametrize("takes_path", [True, False])
def test_a_callback_is_called_once_whatever_type_error_it_raises(failing_run, account, takes_path):
    def complain(name):
        account.ran(name)
        raise TypeError("complain() takes 0 positional arguments but 1 was given")

    def with_path(path):
        complain("called")

    def without():
        complain("called")

    error, _ = failing_run(lambda: ppg.FileGeneratingJob("a", with_path if takes_path else without))
    assert account.taken() == ["called"]
    assert type(error.exceptions["a"]) is TypeError


class TextWriter:
    def __init__(self, text):
        self.text = text

    def __call__(self, path):
        path.write_text(self.text)

    def method(self, path):
        path.write_text("method")


def write_text(text, path):
    path.write_text(text)


def test_partials_methods_callable_objects_and_functions_in_c_are_callbacks(run, folder):
    def declare_jobs(text):
        ppg.FileGeneratingJob("partial", functools.partial(write_text, text))
        ppg.FileGeneratingJob("method", TextWriter(text).method)
        ppg.FileGeneratingJob("object", TextWriter(text))
        ppg.FileGeneratingJob("c", os.mknod, empty_ok=True)

    run(lambda: declare_jobs("1"))
    assert [(folder / name).read_text() for name in ("partial", "method", "object", "c")] == [
        "1",
        "method",
        "1",
        "",
    ]
    assert run(lambda: declare_jobs("1")).ran == []
    assert run(lambda: declare_jobs("2")).ran == ["partial", "object"], (
        "the instance of a method does not count"
    )


def test_what_cannot_be_a_callback_is_refused_at_the_definition(folder):
    ppg.new_pipegraph(quiet=True)
    for wrong in (1, "text", None, Path, TextWriter):
        with pytest.raises(TypeError, match="must be"):
            ppg.FileGeneratingJob("a", wrong)
    for wrong in (1, "text"):
        with pytest.raises(TypeError, match="must be callable"):
            ppg.FunctionInvariant("f", wrong)
