"""Modules that a function imports when it runs count by what the function uses of them, loaded or not."""

import importlib
import sys
import textwrap

import pytest

from ppg_invariants import Follow, fingerprint_function, unwatch

HELPERS = """
LIMIT = {limit}
TABLE = {{"a": [1, {table}]}}

def clean(x, n={default}):
    return deep(x) + LIMIT

def deep(x):
    return x + {deep}

class Tool:
    size = {size}
    def use(self):
        return deep(1) + {method}

def unused(x):
    return {unused}
"""
BASE = {"limit": 1, "table": 1, "default": 1, "deep": 1, "size": 1, "method": 1, "unused": 1}


class Project:
    """A folder with modules, of which none is loaded before a test says so."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, **texts):
        for name, text in texts.items():
            parts = name.removesuffix("____init__").split("__")
            parts += ["__init__"] if name.endswith("____init__") else []
            path = self.folder.joinpath(*parts).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        importlib.invalidate_caches()

    def load(self, name):
        return importlib.import_module(name)

    def forget(self):
        for name in list(sys.modules):
            if name.partition(".")[0] in ("helpers", "other", "pkg"):
                del sys.modules[name]

    def state(self, body, head=""):
        """The state of a function with this body, and what is left out."""
        follow = Follow(root=str(self.folder))
        text = head + "\ndef f(x):\n" + textwrap.indent(textwrap.dedent(body), "    ")
        before = set(sys.modules)
        path = self.folder / "the_script.py"
        path.write_text(text)
        names = {"__name__": "the_script", "__file__": str(path)}
        exec(compile(text, path, "exec", dont_inherit=True), names)
        state = fingerprint_function(names["f"], follow=follow)
        if not head:
            loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
            assert loaded.isdisjoint(("helpers", "pkg", "other"))
        return state, follow.take_left_out()


@pytest.fixture
def project(tmp_path, monkeypatch):
    # Python takes a compiled module for current if its source has the same size and the same second.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    made = Project(tmp_path)
    made.forget()
    yield made
    made.forget()


WAYS = {
    "import": "import helpers\nreturn helpers.clean(x), helpers.LIMIT, helpers.TABLE, helpers.Tool().use()",
    "import as": "import helpers as h\nreturn h.clean(x), h.LIMIT, h.TABLE, h.Tool().use()",
    "from": "from helpers import clean, LIMIT, TABLE as t, Tool\nreturn clean(x), LIMIT, t, Tool().use()",
    "importlib": """
        import importlib
        h = importlib.import_module("helpers")
        return h.clean(x), h.LIMIT, h.TABLE, h.Tool().use()
        """,
    "import_module": """
        from importlib import import_module
        return import_module("helpers").clean(x), import_module("helpers").Tool, import_module("helpers").TABLE
        """,
    "__import__": "h = __import__('helpers')\nreturn h.clean(x), h.Tool, h.TABLE",
    "in a nested function": """
        def inner():
            import helpers
            return helpers.clean(x), helpers.TABLE, helpers.Tool
        return inner()
        """,
    "for a nested function": """
        import helpers
        return [helpers.clean(one) for one in x], (lambda: helpers.TABLE)(), helpers.Tool
        """,
    "in a class body": """
        class Inner:
            import helpers
            table, tool = helpers.TABLE, helpers.Tool
            def use(self):
                return self.helpers.clean(x)
        return Inner
        """,
    "in try": """
        try:
            import helpers
        except ImportError:
            helpers = None
        return helpers.clean(x), helpers.TABLE, helpers.Tool
        """,
    "as a whole": "import helpers\nreturn getattr(helpers, x)",
    "for its effects": "import helpers\nreturn x",
}
EDITS = [{name: 2} for name in BASE if name != "unused"]


@pytest.mark.parametrize("loaded", [False, True], ids=["not loaded", "loaded"])
@pytest.mark.parametrize("way", WAYS)
def test_an_edit_of_what_is_used_of_an_imported_module_counts(project, way, loaded):
    def state(**changes):
        project.forget()
        project.write(helpers=HELPERS.format(**{**BASE, **changes}))
        if loaded:
            project.load("helpers")
        return project.state(WAYS[way])

    base = state()
    assert base[1] == []
    assert base == state()
    for edit in EDITS:
        assert state(**edit)[0] != base[0], edit
    if way not in ("as a whole", "for its effects", "in a class body"):
        assert state(unused=2) == base


@pytest.mark.parametrize("way", WAYS)
def test_loading_a_module_of_plain_definitions_changes_nothing(project, way):
    project.write(helpers=HELPERS.format(**BASE))
    before = project.state(WAYS[way])
    project.load("helpers")
    assert project.state(WAYS[way]) == before


def test_style_and_order_of_definitions_of_a_module_that_is_not_loaded_do_not_count(project):
    project.write(helpers=HELPERS.format(**BASE))
    before = project.state(WAYS["import"])
    definitions = HELPERS.format(**BASE).split("\n\n")
    project.write(helpers='"""About."""\n\n\n' + "\n\n# more\n".join(reversed(definitions)))
    assert project.state(WAYS["import"]) == before


MADE_AT_IMPORT = {
    "a computed value": ("NAMES = sorted('{0}')\ndef use(): return NAMES\n", "ab", "ac"),
    "a value that is bound twice": ("N = 1\nN = {0}\ndef use(): return N\n", 2, 3),
    "a value that is changed later": ("N = []\nN.append({0})\ndef use(): return N\n", 2, 3),
    "an element that is changed later": ("N = dict()\nN['a'] = {0}\ndef use(): return N\n", 2, 3),
    "a function that changes it": (
        "N = []\ndef fill(): N.append({0})\nfill()\ndef use(): return N\n",
        2,
        3,
    ),
    "a function that is called for a value": (
        "N = []\ndef fill(): N.append({0})\nX = fill()\ndef use(): return N\n",
        2,
        3,
    ),
    "a decorator": (
        "def twice(f):\n    return lambda: f() * {0}\n@twice\ndef use(): return 1\n",
        2,
        3,
    ),
    "a base": ("class A:\n    n = {0}\nclass B(A): pass\ndef use(): return B.n\n", 2, 3),
    "a dataclass": (
        "import dataclasses\n@dataclasses.dataclass\nclass D:\n    n: int = {0}\ndef use(): return D()\n",
        2,
        3,
    ),
    "a condition": ("if {0}:\n    def use(): return 1\nelse:\n    def use(): return 2\n", 0, 1),
    "a star": ("from other import *\ndef use(): return given()\n", None, None),
    "another module": ("import other\ndef use(): return other.given()\n", None, None),
    "a name of another module": ("from other import given as g\ndef use(): return g()\n", None, None),
    "a function that imports": ("def use():\n    from other import given\n    return given()\n", None, None),
    "a name that is passed on": ("from other import given\n", None, None),
}


@pytest.mark.parametrize("loaded", [False, True], ids=["not loaded", "loaded"])
@pytest.mark.parametrize("kind", MADE_AT_IMPORT)
def test_what_a_module_makes_when_it_is_imported_counts(project, kind, loaded):
    text, one, other = MADE_AT_IMPORT[kind]
    use = "given" if kind == "a name that is passed on" else "use"

    def state(value, given):
        project.forget()
        project.write(helpers=text.format(value), other=f"def given(): return {given}\n")
        if loaded:
            project.load("helpers")
        return project.state(f"import helpers\nreturn helpers.{use}()")

    if one is None:
        assert state(1, 1) == state(1, 1) != state(1, 2)
    else:
        assert state(one, 1) == state(one, 1) != state(other, 1)
    assert state(one, 1)[1] == []


PACKAGES = {
    "import a.b.c": "import pkg.sub.mod\nreturn pkg.sub.mod.f(x)",
    "import a.b.c as": "import pkg.sub.mod as m\nreturn m.f(x)",
    "from a.b import c": "from pkg.sub import mod\nreturn mod.f(x)",
    "from a.b.c import f": "from pkg.sub.mod import f as g\nreturn g(x)",
    "a package that imports it": "import pkg\nreturn pkg.taken(x)",
    "from a package that imports it": "from pkg import taken\nreturn taken(x)",
    "importlib": "import importlib\nreturn importlib.import_module('pkg.sub.mod').f(x)",
    "relative importlib": "import importlib\nreturn importlib.import_module('.mod', 'pkg.sub').f(x)",
    "a function with a relative import": "from pkg import entry\nreturn entry.run(x)",
    "a function with a relative import from above": "from pkg import entry\nreturn entry.run_above(x)",
}


@pytest.mark.parametrize("loaded", [(), ("pkg",), ("pkg", "pkg.sub.mod", "pkg.entry")], ids=str)
@pytest.mark.parametrize("is_namespace", [False, True], ids=["package", "namespace package"])
@pytest.mark.parametrize("way", PACKAGES)
def test_modules_in_packages_count(project, way, is_namespace, loaded):
    if is_namespace and "taken" in PACKAGES[way]:
        pytest.skip("a namespace package has no code")

    def state(number):
        project.forget()
        project.write(
            pkg__sub__mod="from . import near\ndef f(x):\n    return near.g(x)\n",
            pkg__sub__near=f"def g(x):\n    return {number}\n",
            pkg__entry=(
                "def run(x):\n    from .sub.mod import f\n    return f(x)\n"
                "def run_above(x):\n    from . import sub\n    from .sub import mod\n    return mod.f(x)\n"
            ),
        )
        if not is_namespace:
            project.write(pkg____init__="from .sub.mod import f as taken\n", pkg__sub____init__="")
        for name in loaded:
            project.load(name)
        return project.state(PACKAGES[way])

    base = state(1)
    assert base[1] == []
    assert base == state(1)
    assert base[0] != state(2)[0]


def test_circular_imports_of_modules_that_are_not_loaded_end(project):
    def state(number):
        project.write(
            helpers="from other import *\nimport other\ndef f(x):\n    return other.g(x)\n",
            other=f"from helpers import *\nimport helpers\ndef g(x):\n    return helpers.f(x) + {number}\n",
        )
        return project.state("import helpers\nreturn helpers.f(x)")

    assert state(1) == state(1) != state(2)


@pytest.mark.parametrize("body", ["import pkg\nreturn pkg.sub.f(x)", "from pkg import sub\nreturn sub.f(x)"])
@pytest.mark.parametrize(
    "package", ["from . import sub", "from pkg import sub", "from pkg import sub as sub", "import pkg.sub"]
)
def test_a_package_that_imports_its_own_modules_counts_loaded_or_not(project, package, body):
    def state(number, *, loaded):
        project.forget()
        project.write(pkg____init__=f"{package}\n", pkg__sub=f"def f(x):\n    return {number}\n")
        if loaded:
            project.load("pkg")
        return project.state(body)

    base = state(1, loaded=False)
    assert base == state(1, loaded=True)
    assert base[1] == []
    assert base[0] != state(2, loaded=False)[0]


@pytest.mark.parametrize("used", ["pkg.f(x)", "pkg.sub.f(x)", "pkg.other.f(x)"])
def test_names_that_modules_import_from_each_other_in_a_circle_end(project, used):
    project.write(
        pkg____init__="from .sub import f\n",
        pkg__sub="from .other import f\n",
        pkg__other="from . import f\nfrom .sub import f as g\n",
    )
    body = f"import pkg\nimport pkg.other\nreturn {used}"
    circle = project.state(body)
    assert circle == project.state(body)
    project.write(pkg__other="def f(x):\n    return x\n")
    assert circle != project.state(body)


def test_what_a_module_makes_on_demand_counts_by_its_code(project):
    def state(number):
        project.forget()
        project.write(helpers=f"def __getattr__(name):\n    return {number}\n")
        module = project.load("helpers")
        states = [
            project.state("import helpers\nreturn helpers.lazy"),
            project.state("return helpers.lazy", head="import helpers"),
        ]
        assert "lazy" not in vars(module)
        return states

    assert state(1) == state(1)
    for one, other in zip(state(1), state(2), strict=True):
        assert one[0] != other[0]


def test_a_submodule_that_is_not_loaded_counts_behind_a_global_name(project):
    def state(number):
        project.forget()
        project.write(pkg____init__="", pkg__mod=f"def f(x):\n    return {number}\n")
        return project.state("return pkg.mod.f(x)", head="import pkg")

    assert state(1) == state(1) != state(2)


def test_names_from_a_star_import_count(project):
    def state(number):
        project.forget()
        project.write(helpers=f"def clean(x):\n    return {number}\n")
        return project.state("return clean(x)", head="from helpers import *")[0]

    assert state(1) == state(1) != state(2)


def test_a_module_that_is_not_found_is_named_and_counts_when_it_comes_or_goes(project):
    without, (left_out,) = project.state("import helpers\nreturn helpers.clean(x)")
    assert (left_out.name, left_out.is_module) == ("helpers", True)
    assert "no module of this name" in left_out.why
    project.write(helpers="def clean(x):\n    return x\n")
    there, nothing = project.state("import helpers\nreturn helpers.clean(x)")
    assert nothing == []
    assert there != without
    (project.folder / "helpers.py").unlink()
    importlib.invalidate_caches()
    assert project.state("import helpers\nreturn helpers.clean(x)")[0] == without


def test_a_module_that_the_code_can_do_without_is_not_named_but_counts(project):
    body = "try:\n    import helpers\nexcept ImportError:\n    helpers = None\nreturn helpers and helpers.clean(x)"
    without, nothing = project.state(body)
    assert nothing == []
    project.write(helpers="def clean(x):\n    return x\n")
    assert project.state(body)[0] != without


def test_a_module_with_a_name_that_is_made_at_run_time_is_named(project, scripts):
    body = "import importlib\nreturn importlib.import_module(x).clean(x)"
    _, (left_out,) = project.state(body)
    assert (left_out.name, left_out.why) == ("importlib", "the name of the module is made at run time")
    function = scripts.function("def f(x):\n    import importlib\n    return importlib.import_module(x)\n")
    unwatch(function.__globals__["__name__"], ["importlib"])
    follow = Follow()
    fingerprint_function(function, follow=follow)
    assert follow.take_left_out() == []


def test_a_module_of_the_standard_library_or_an_installed_one_counts_as_at_the_top(project):
    first = project.state("import json, numpy\nreturn json.dumps(x), numpy.mean(x)")
    assert first[1] == []
    assert first == project.state("import json, numpy\nreturn json.dumps(x), numpy.mean(x)")


def test_a_source_that_cannot_be_compiled_counts_by_its_bytes(project):
    def state(text):
        project.write(helpers=text)
        return project.state("import helpers\nreturn helpers.clean(x)")

    assert state("def clean(:\n") == state("def clean(:\n") != state("def clean(:: \n")


REGISTRY = """
TABLE = {}
def enter(function):
    TABLE[function.__name__] = function
    return function
class Base:
    kinds = {}
    def __init_subclass__(cls):
        Base.kinds[cls.__name__] = cls
LIMIT = 0
def limit():
    return LIMIT
from . import plugin
"""


@pytest.mark.parametrize(
    ("plugin", "body"),
    [
        ("from .registry import enter\n@enter\ndef made(x):\n    return {number}", "registry.TABLE['made'](x)"),
        ("from . import registry\nregistry.TABLE['a'] = {number}", "registry.TABLE['a']"),
        ("from . import registry\nregistry.LIMIT = {number}", "registry.limit()"),
        ("from .registry import Base\nclass Made(Base):\n    size = {number}", "registry.Base.kinds"),
        ("from . import registry\nfor one in range({number}):\n    registry.enter(one)", "registry.TABLE"),
    ],
    ids=["decorator", "entry", "attribute", "subclass", "loop"],
)  # fmt: skip
def test_what_an_imported_module_changes_in_another_one_counts(project, plugin, body):
    def state(number, where):
        project.forget()
        texts = {"pkg____init__": "", "pkg__plugin": "", "pkg__registry": REGISTRY}
        if where == "pkg____init__":
            texts["pkg__registry"] = REGISTRY.replace("from . import plugin", "")
        project.write(**texts | {where: plugin.format(number=number)})
        return project.state(f"from pkg import registry\nreturn {body}")

    for where in ("pkg__plugin", "pkg____init__"):
        assert state(1, where) == state(1, where)
        assert state(1, where)[0] != state(2, where)[0]


def test_a_class_that_enters_itself_into_a_table_of_its_own_module_counts(project):
    def state(number):
        project.forget()
        project.write(
            helpers=f"{REGISTRY.replace('from . import plugin', '')}class Made(Base):\n    size = {number}\n"
        )
        return project.state("import helpers\nreturn helpers.Base.kinds['Made'].size")

    assert state(1) == state(1)
    assert state(1)[0] != state(2)[0]


def test_what_an_imported_module_defines_for_itself_does_not_count(project):
    def state(number):
        project.forget()
        plugin = f"import functools\nfrom .registry import limit\nN = limit()\n@functools.cache\ndef f():\n    return {number}\n"
        project.write(pkg____init__="", pkg__registry=REGISTRY, pkg__plugin=plugin)
        return project.state("from pkg import registry\nreturn registry.limit()")

    assert state(1) == state(2)
