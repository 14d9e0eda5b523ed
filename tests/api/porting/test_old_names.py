"""Every name, attribute and keyword of the predecessors that ppg does not have is an error at its line, with the remedy.

`predecessors.json` has the public names of both: of the packages and their modules, of the classes that have a
counterpart here (under the name that it has here), and of the parameters of functions and classes.
"""

import importlib
import inspect
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import ppg
from ppg.porting.attributes import ATTRIBUTES
from ppg.porting.guards import is_gone
from ppg.porting.keywords import KEYWORDS
from ppg.porting.names import NAMES

PREDECESSORS = json.loads((Path(__file__).parent / "predecessors.json").read_text())
OWN_MODULES = {"graph", "jobs", "exceptions", "job"}
"""Modules of the predecessors of which ppg has, or had, a module with the same name."""

DECLARATIONS = {
    "FileGeneratingJob": 'ppg.FileGeneratingJob("file", lambda path: None{})',
    "TempFileGeneratingJob": 'ppg.TempFileGeneratingJob("temp", lambda path: None{})',
    "MultiFileGeneratingJob": 'ppg.MultiFileGeneratingJob(["m1", "m2"], lambda paths: None{})',
    "MultiTempFileGeneratingJob": 'ppg.MultiTempFileGeneratingJob(["t1", "t2"], lambda paths: None{})',
    "ExternalJob": 'ppg.ExternalJob("sorted", ["sort", "words"]{})',
    "FileChecksumInvariant": 'ppg.FileChecksumInvariant("input"{})',
    "ParameterInvariant": 'ppg.ParameterInvariant("parameters", 1{})',
    "FunctionInvariant": 'ppg.FunctionInvariant("function", lambda: 1{})',
    "DataLoadingJob": 'ppg.DataLoadingJob("data", lambda: None{})',
    "AttributeLoadingJob": 'ppg.AttributeLoadingJob("attribute", type("G", (), {{}})(), "a", lambda: 1{})',
    "DictEntryLoadingJob": 'ppg.DictEntryLoadingJob("entry", {{}}, "a", lambda: 1{})',
    "JobGeneratingJob": 'ppg.JobGeneratingJob("generator", lambda: None{})',
    "DependencyInjectionJob": 'ppg.DependencyInjectionJob("injection", lambda: None{})',
    "CachedDataLoadingJob": 'ppg.CachedDataLoadingJob("c1", lambda: 1, lambda value: None{})',
    "CachedAttributeLoadingJob": 'ppg.CachedAttributeLoadingJob("c2", type("G", (), {{}})(), "a", lambda: 1{})',
    "CachedDictEntryLoadingJob": 'ppg.CachedDictEntryLoadingJob("c3", {{}}, "a", lambda: 1{})',
    "PlotJob": 'ppg.PlotJob("plot.png", lambda: 1, lambda value: None{})',
}
OBJECTS = {name: declared.format("") for name, declared in DECLARATIONS.items()} | {
    "Catalogue": "graph",
    "Job": DECLARATIONS["FileGeneratingJob"].format(""),
    "CachedJob": DECLARATIONS["CachedDataLoadingJob"].format(""),
    "CacheJob": DECLARATIONS["CachedDataLoadingJob"].format("") + ".cache_job",
    "JobList": "ppg.JobList()",
    "LocalSystem": "ppg.LocalSystem()",
    "JobOutcome": 'ppg.JobOutcome("a", ppg.JobState.RAN)',
}
CALLS = {
    "new_pipegraph": "ppg.new_pipegraph(quiet=True{})",
    "run_pipegraph": "ppg.run_pipegraph(targets=[]{})",
    "LocalSystem": "ppg.LocalSystem(max_cores_to_use=1{})",
    "Job.use_cores": f"{OBJECTS['Job']}.use_cores(cores=1{{}})",
    "Job.depends_on": f"{OBJECTS['Job']}.depends_on(None{{}})",
    "Job.depends_on_params": f"{OBJECTS['Job']}.depends_on_params(parameters=1{{}})",
    "Job.depends_on_func": f"{OBJECTS['Job']}.depends_on_func(function=print{{}})",
    **DECLARATIONS,
}
ALSO_CALLED = {
    "new_pipegraph": ["ppg.Pipegraph(quiet=True{})"],
    "run_pipegraph": ["graph.run(targets=[]{})"],
    "Job.use_cores": [f"{OBJECTS['CachedJob']}.use_cores(cores=1{{}})"],
    "Job.depends_on": [f"{OBJECTS['CachedJob']}.depends_on(None{{}})"],
    "Job": list(DECLARATIONS.values()),
}


def plain(row):
    return row.here.replace("`", "'")


def rows_of(rows):
    return [(name, row) for row in rows for name in dict.fromkeys((row.first + " " + row.second).split())]


def error_of(line, before="pass"):
    """The error of a line of a script, which must be at this line: its last frame outside ppg."""
    source = f"import ppg\ngraph = ppg.new_pipegraph(quiet=True)\n{before}\n\n{line}\n"
    with pytest.raises(Exception) as caught:
        exec(compile(source, "old_script.py", "exec"), {"__name__": "old_script"})
    frames = [frame for frame in caught.traceback if str(frame.path).endswith("old_script.py")]
    assert frames[-1].lineno + 1 == 5, line
    return caught.value


def assert_names_the_remedy(error, kind, name, row):
    assert type(error) is kind, error
    assert f"'{name}'" in str(error)
    assert plain(row) in str(error)
    for predecessor, names in (("pypipegraph", row.first), ("pypipegraph2", row.second)):
        if name in names.split():
            assert predecessor in str(error).split()


PLAIN_NAMES = [(name, row) for name, row in rows_of(NAMES) if "." not in name]
NAMES_IN_MODULES = [(name, row) for name, row in rows_of(NAMES) if "." in name]
MODULES = {module for names in PREDECESSORS.values() for module in names["modules"].split()} - OWN_MODULES


@pytest.mark.parametrize(("name", "row"), PLAIN_NAMES, ids=[name for name, _ in PLAIN_NAMES])
def test_a_name_that_is_gone_is_an_error_with_the_remedy_where_it_is_used_or_imported(folder, name, row):
    if name in OWN_MODULES:
        assert_names_the_remedy(fresh_error(folder, f"ppg.{name}"), AttributeError, name, row)
        return
    assert_names_the_remedy(error_of(f"ppg.{name}(1)"), AttributeError, name, row)
    assert_names_the_remedy(error_of(f"from ppg import run, {name} as old"), ImportError, name, row)
    assert_names_the_remedy(error_of(f"ppg.{name}.attribute"), AttributeError, name, row)
    assert not hasattr(ppg, name)
    assert name not in dir(ppg)
    assert name not in ppg.__all__


def fresh_error(folder, expression):
    """The same in a new process, in which no module of ppg is imported yet."""
    (folder / "old_script.py").write_text(f"import ppg\n\n{expression}\n")
    ended = subprocess.run(
        [sys.executable, "old_script.py"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert '/old_script.py", line 3, in <module>' in ended.stderr
    kind, _, text = ended.stderr.partition("Error: ")
    return {"Attribute": AttributeError}[kind.splitlines()[-1]](text)


@pytest.mark.parametrize(("name", "row"), NAMES_IN_MODULES, ids=[name for name, _ in NAMES_IN_MODULES])
def test_a_name_in_a_module_of_a_predecessor_is_an_error_with_its_remedy(folder, name, row):
    module, _, last = name.partition(".")
    if module in OWN_MODULES:
        importlib.import_module(f"ppg.{module}")
        assert_names_the_remedy(error_of(f"ppg.{name}"), AttributeError, last, row)
        assert_names_the_remedy(error_of(f"from ppg.{module} import {last}"), ImportError, last, row)
        return
    for line in (f"ppg.{name}(1)", f"import ppg.{module}.{last}", f"from ppg import {module}"):
        assert f"{name}: {plain(row)}" in str(error_of(line))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_of_a_predecessor_cannot_be_imported_and_the_error_has_the_remedies(folder, module):
    row = next(row for name, row in PLAIN_NAMES if name == module)
    for line in (f"import ppg.{module}", f"from ppg.{module} import something", f"import ppg.{module}.part"):
        assert_names_the_remedy(error_of(line), ModuleNotFoundError, module, row)


def test_the_current_pipegraph_of_a_predecessor_cannot_be_set(folder):
    for name in ("global_pipegraph", "util"):
        error = error_of(f"ppg.{name} = None")
        assert isinstance(error, AttributeError)
        assert "ppg.current_pipegraph()" in str(error)
        assert not hasattr(ppg, name)


def test_a_name_that_no_predecessor_had_is_the_error_of_python(folder):
    assert str(error_of("ppg.invented")) == "module 'ppg' has no attribute 'invented'"
    assert "cannot import name 'invented' from 'ppg'" in str(error_of("from ppg import invented"))
    assert str(error_of("import ppg.invented")) == "No module named 'ppg.invented'"
    assert "has no attribute 'invented'" in str(error_of("import ppg.graph; ppg.graph.invented"))
    job = OBJECTS["Job"]
    assert str(error_of(f"{job}.invented")) == "'FileGeneratingJob' object has no attribute 'invented'"
    assert "has no attribute 'invented'" in str(error_of("ppg.Job.invented"))


def test_a_job_class_in_a_module_of_a_predecessor_is_named_as_a_name_of_ppg(folder):
    importlib.import_module("ppg.jobs")
    assert str(error_of("ppg.jobs.FileGeneratingJob")).endswith("it is ppg.FileGeneratingJob")


def test_after_a_star_import_the_names_of_ppg_are_there_and_old_ones_are_not(folder):
    space = {}
    exec("from ppg import *", space)
    assert set(ppg.__all__) <= set(space)
    assert not {name for name, _ in PLAIN_NAMES} & set(space)


def attribute_cases():
    for owner, rows in ATTRIBUTES.items():
        seen = set()
        for name, row in rows_of(rows):
            if name not in seen:
                seen.add(name)
                yield pytest.param(owner, name, row, id=f"{owner}.{name}")


@pytest.mark.parametrize(("owner", "name", "row"), list(attribute_cases()))
def test_an_attribute_that_is_gone_is_an_error_with_the_remedy(folder, owner, name, row):
    assert_names_the_remedy(error_of(f"{OBJECTS[owner]}.{name}"), AttributeError, name, row)
    if owner not in {"Catalogue", "JobList", "LocalSystem", "JobOutcome"}:
        kind = "ppg.Job" if owner == "Job" else f"ppg.{owner}"
        assert_names_the_remedy(error_of(f"{kind}.{name}"), AttributeError, name, row)
        assert not hasattr(getattr(ppg, owner), name)
        assert name not in dir(getattr(ppg, owner))


def test_an_attribute_that_scripts_set_is_an_error_when_it_is_set(folder):
    for name in dict(rows_of(ATTRIBUTES["Job"])):
        for kind in ("FileGeneratingJob", "DataLoadingJob", "PlotJob"):
            cls = getattr(ppg, kind)
            rows = [row for base in cls.__mro__ for row in rows_of(ATTRIBUTES.get(base.__name__, ()))]
            row = next(row for old, row in rows if old == name)
            if is_gone(cls, name):
                error = error_of(f"{OBJECTS[kind]}.{name} = 1")
                assert_names_the_remedy(error, AttributeError, name, row)
    for name, row in dict(rows_of(ATTRIBUTES["Catalogue"])).items():
        assert_names_the_remedy(error_of(f"graph.{name} = 1"), AttributeError, name, row)
    assert is_gone(ppg.PlotJob, "filenames")
    assert is_gone(ppg.Pipegraph, "rc")


def test_a_kind_of_the_users_own_may_have_attributes_of_these_names(graph):
    class Own(ppg.FileGeneratingJob):
        def __init__(self, name):
            super().__init__(name, lambda path: path.write_text("x"))
            self.filenames = [name]
            self.lfg = 3

        @property
        def prerequisites(self):
            return "own"

    job = Own("a")
    assert (job.filenames, job.lfg, job.prerequisites) == (["a"], 3, "own")
    assert not hasattr(job, "resources")


def test_an_attribute_error_within_a_property_is_not_hidden(graph):
    class Own(ppg.FileGeneratingJob):
        @property
        def broken(self):
            return (1).nowhere

        dependants = broken

    job = Own("a", lambda path: None)
    for name in ("broken", "dependants"):
        with pytest.raises(AttributeError, match="'int' object has no attribute 'nowhere'"):
            getattr(job, name)


def keyword_cases():
    for called, rows in KEYWORDS.items():
        for name, row in rows_of(rows):
            calls = ([CALLS[called]] if called in CALLS else []) + ALSO_CALLED.get(called, [])
            for call in calls:
                yield pytest.param(call, name, row, id=f"{call.split('(')[0]}({name}) of {called}")


@pytest.mark.parametrize(("call", "name", "row"), list(keyword_cases()))
def test_a_keyword_that_is_gone_is_an_error_with_the_remedy(folder, call, name, row):
    error = error_of(call.format(f", {name}=None"))
    assert_names_the_remedy(error, TypeError, name, row)


def test_a_keyword_that_no_predecessor_had_is_the_error_of_python(folder):
    for call in dict.fromkeys(CALLS.values()):
        error = error_of(call.format(", invented=1"))
        assert isinstance(error, TypeError)
        assert "invented" in str(error)


# -- where scripts run


@pytest.mark.parametrize("command", [["ppg", "run"], [sys.executable]], ids=["ppg run", "python"])
def test_the_error_of_a_script_has_its_line_and_the_remedy(folder, command):
    lines = [
        "import ppg",
        "",
        "ppg.new_pipegraph()",
        'job = ppg.JobGeneratingJob("g", lambda: None)',
        "job.prerequisites",
    ]
    (folder / "script.py").write_text("\n".join(lines) + "\n")
    ended = subprocess.run([*command, "script.py"], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert 'script.py", line 5, in <module>' in ended.stderr
    assert (
        "AttributeError: JobGeneratingJob 'g' has no attribute 'prerequisites' as pypipegraph had; it is 'upstreams'"
    ) in ended.stderr


def test_an_old_name_in_a_callback_fails_its_job_with_the_line_and_the_remedy(failing_run):
    def declare():
        a = ppg.FileGeneratingJob("a", lambda path: ppg.util.CPUs())
        ppg.FileGeneratingJob("b", lambda path: path.write_text(str(a.filenames)))

    _error, graph = failing_run(declare)
    for name, line, remedy in (
        ("a", "ppg.util.CPUs()", "use 'os.cpu_count()'"),
        ("b", "a.filenames", "it is 'files'"),
    ):
        assert isinstance(graph.job(name).exception, AttributeError)
        assert remedy in str(graph.job(name).exception)
        assert line in graph.job(name).traceback


# -- the tables are complete


def object_of(expression):
    return eval(expression, {"ppg": ppg, "graph": ppg.new_pipegraph(quiet=True)})


def test_every_name_of_the_predecessors_is_here_or_in_the_table():
    told = {name for name, _ in rows_of(NAMES)}
    for names in PREDECESSORS.values():
        public = names["names"].split() + names["modules"].split()
        assert [name for name in public if name not in told and not hasattr(ppg, name)] == []


def test_every_attribute_of_the_predecessors_is_here_or_in_the_table(folder):
    missing = []
    for names in PREDECESSORS.values():
        for owner, attributes in names["attributes"].items():
            kind = getattr(ppg, owner)
            told = {name for base in kind.__mro__ for name, _ in rows_of(ATTRIBUTES.get(base.__name__, ()))}
            source = OBJECTS.get("Catalogue" if owner == "Pipegraph" else owner)
            there = dir(object_of(source)) if source else dir(kind)
            missing += [
                f"{owner}.{name}" for name in attributes.split() if name not in told and name not in there
            ]
    assert missing == []


def test_every_keyword_of_the_predecessors_is_here_or_in_the_table():
    missing = []
    for names in PREDECESSORS.values():
        for called, keywords in names["keywords"].items():
            owner, _, method = called.partition(".")
            found = getattr(ppg, owner)
            function = getattr(found, method or "__init__") if inspect.isclass(found) else found
            bases = found.__mro__ if inspect.isclass(found) else (found,)
            keys = [f"{base.__name__}.{method}" if method else base.__name__ for base in bases]
            aliases = {"Pipegraph": "new_pipegraph", "Pipegraph.run": "run_pipegraph"}
            told = {name for key in keys for name, _ in rows_of(KEYWORDS.get(aliases.get(key, key), ()))}
            here = inspect.signature(function).parameters
            missing += [
                f"{called}({name})" for name in keywords.split() if name not in told and name not in here
            ]
    assert missing == []


def test_nothing_in_the_tables_exists(folder):
    """Also no attribute that only objects have, and no parameter."""
    for owner, rows in ATTRIBUTES.items():
        there = dir(object_of(OBJECTS[owner]))
        assert [name for name, _ in rows_of(rows) if name in there] == [], owner
    for called, rows in KEYWORDS.items():
        owner, _, method = called.partition(".")
        found = getattr(ppg, owner)
        function = getattr(found, method or "__init__") if inspect.isclass(found) else found
        there = inspect.signature(function).parameters
        assert [name for name, _ in rows_of(rows) if name in there] == [], called


# -- type checkers


def test_type_checkers_do_not_see_old_names(folder):
    lines = [
        "ppg.FinalJob",
        "ppg.util",
        "ppg.JobsFailed",
        'ppg.FileGeneratingJob("a", lambda: None, resources=1)',
        'ppg.FileGeneratingJob("b", lambda: None).filenames',
        'ppg.FileGeneratingJob("c", lambda: None).resources',
        "ppg.new_pipegraph(dump_graph=False)",
        "ppg.current_pipegraph().rc",
        "ppg.LocalSystem(profile=True)",
        "ppg.run_pipegraph(dry_run=True)",
    ]
    script = folder / "typed.py"
    script.write_text("import ppg\n\n" + "\n".join(lines) + "\n")
    told = subprocess.run(
        [Path(sys.executable).with_name("basedpyright"), "--outputjson", str(script)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    errors = {
        each["range"]["start"]["line"] - 2
        for each in json.loads(told.stdout)["generalDiagnostics"]
        if each["severity"] == "error"
    }
    assert errors == set(range(len(lines))), textwrap.indent(told.stdout, "  ")
