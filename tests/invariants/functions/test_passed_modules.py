"""Modules that are passed on, or lie in values: any of their names may be read."""

import pytest

from tests.invariants.functions.test_imports import Project, project

__all__ = ["Project", "project"]

MODULE = "def run(x):\n    return {number}\ndef other(x):\n    return x\nfrom pkg import beside\n"

PASSED = {
    "getattr": ("import pkg.sub as sub", "return getattr(sub, x)(1)"),
    "argument": ("from pkg import sub", "return list(map(str, [sub]))"),
    "chain": ("import pkg.sub", "return x(pkg.sub), pkg.sub.other(x)"),
    "dict": ("from pkg import sub\nSTEPS = {'a': sub}", "return STEPS[x].run(1)"),
    "tuple": ("from pkg import sub\nSTEPS = (1, sub)", "return STEPS[1].run(1)"),
    "object": ("from pkg import sub\nclass Box: pass\nBOX = Box()\nBOX.step = sub", "return BOX.step.run(1)"),
    "class": ("from pkg import sub\nclass Box:\n    step = sub", "return Box.step.run(1)"),
    "default": ("from pkg import sub\ndef calls(step=sub):\n    return step.run(1)", "return calls()"),
    "closure": (
        "from pkg import sub\ndef make(step):\n    return lambda: step.run(1)\ncalls = make(sub)",
        "return calls()",
    ),
    "imported": ("", "from pkg import sub\nreturn x(sub), sub.other(1)"),
    "imported as": ("", "import pkg.sub as sub\nreturn x(sub)"),
    "imported chain": ("", "import pkg.sub\nreturn getattr(pkg.sub, x)"),
    "imported by name": ("", "import importlib\nreturn x(importlib.import_module('pkg.sub'))"),
}


def states(project, head, body, **texts):
    def state(number):
        project.forget()
        files = {"pkg____init__": "", "pkg__beside": "", "pkg__sub": MODULE.format(number=number)} | texts
        project.write(**{name: text.replace("NUMBER", str(number)) for name, text in files.items()})
        if not head:
            return [project.state(body)[0], (project.load("pkg.sub"), project.state(body, "pass")[0])[1]]
        return [project.state(body, head)[0]]

    return state(1), state(1), state(2)


@pytest.mark.parametrize("how", PASSED)
def test_any_edit_of_a_module_that_is_passed_on_counts(project, how):
    first, again, edited = states(project, *PASSED[how])
    assert first == again
    assert all(one != other for one, other in zip(first, edited, strict=True))
    assert len(set(map(str, first))) == 1  # loaded or not


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("import pkg.sub", "return pkg.sub.other(x)"),
        ("from pkg import sub", "return sub.other(x)"),
        ("", "from pkg import sub\nreturn sub.other(x)"),
        ("", "import pkg.sub as sub\nreturn sub.other(x)"),
    ],
)
def test_other_names_of_a_module_that_is_only_read_from_do_not_count(project, head, body):
    first, _, edited = states(project, head, body)
    assert first == edited


def test_modules_that_the_module_imports_count_only_if_they_are_in_its_package(project):
    beside = "OF_IT = NUMBER"
    first, _, edited = states(
        project, *PASSED["getattr"], pkg__sub="from pkg import beside\n", pkg__beside=beside
    )
    assert first == edited
    first, _, edited = states(
        project, "import pkg, pkg.beside", "return x(pkg)", pkg__sub="", pkg__beside=beside
    )
    assert first != edited


def test_a_module_that_leads_back_to_itself_counts_once(project):
    text = "import sys\nME = {'me': sys.modules[__name__]}\ndef run():\n    return ME['me'], NUMBER\n"
    first, again, edited = states(project, *PASSED["dict"], pkg__sub=text)
    assert first == again
    assert first != edited
