"""Names in modules of the project stand for the same in the processes of jobs as in the script, when the run starts."""

import pytest

from tests.api.jobs.project_of_modules import Project


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def script(change, value, *, imports="import conf, other, pkg.deep", options="", more=""):
    """A script that changes modules, and has a job that writes what it finds there."""
    return f"""
import ppg
{imports}

{change}

def write(path):
    path.write_text(repr({value}))

ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("out", write{options})
{more}
print("ran:", ",".join(sorted(ppg.run_pipegraph().ran)))
"""


CHANGES = {
    "a value is set": ("conf.V = 7", "conf.V", "7"),
    "a value is set that a helper reads": ("conf.V = 7", "conf.read()", "7"),
    "a name is added": ("conf.NEW = [1]", "conf.NEW", "[1]"),
    "a dict is changed": ("conf.OPTIONS.update(minq=29)", "conf.OPTIONS", "{'minq': 29}"),
    "an entry is set": ("conf.OPTIONS['x'] = (1, 'y')", "conf.OPTIONS['x']", "(1, 'y')"),
    "a set is changed": ("conf.NAMES.add('c')", "sorted(conf.NAMES)", "['a', 'b', 'c']"),
    "a function is replaced by one of another module": (
        "conf.clean = other.shout",
        "conf.clean('a')",
        "'A'",
    ),
    "a function is replaced by one of the script": (
        "def mine(text): return text * 2\nconf.clean = mine",
        "conf.clean('a')",
        "'aa'",
    ),
    "a function is replaced by a lambda": ("conf.clean = lambda text: text + '!'", "conf.clean('a')", "'a!'"),
    "a class attribute is set": ("conf.Settings.depth = 5", "conf.Settings.depth", "5"),
    "a class attribute is set that an instance shows": (
        "conf.Settings.depth = 5",
        "conf.SETTINGS.shown()",
        "5",
    ),
    "an attribute of a class is set that the script has imported": (
        "from conf import Plain\nPlain.size = 5",
        "(Plain.size, conf.Plain is Plain)",
        "(5, True)",
    ),
    "a class attribute is added": ("conf.Settings.new = 6", "conf.Settings.new", "6"),
    "a class attribute is deleted": (
        "del conf.Settings.removed",
        "hasattr(conf.Settings, 'removed')",
        "False",
    ),
    "a method is replaced": (
        "conf.Settings.shown = lambda self: 'patched'",
        "conf.Settings().shown()",
        "'patched'",
    ),
    "an attribute of an instance is set": ("conf.SETTINGS.depth = 8", "conf.SETTINGS.depth", "8"),
    "a module of a package is changed": ("pkg.deep.V = 'set'", "pkg.deep.V", "'set'"),
    "a name is bound to an object of another module": (
        "conf.V = other.Rule(4)",
        "(conf.V.size, type(conf.V) is other.Rule)",
        "(4, True)",
    ),
    "a name is bound to another module": ("conf.V = other", "conf.V.VALUE", "'of other'"),
    "a name is bound to an instance of the script's class": (
        "class Mine:\n    size = 9\nconf.V = Mine()",
        "conf.V.size",
        "9",
    ),
    "two names share a dict": (
        "conf.OPTIONS = other.VALUE = {}",
        "(conf.OPTIONS is other.VALUE, conf.OPTIONS)",
        "(True, {})",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_job_finds_what_the_script_has_changed_in_a_module(project, change):
    statement, value, expected = CHANGES[change]
    assert "ran: out" in project.run(script(statement, value))
    assert project.made() == expected
    assert "ran: \n" in project.run(script(statement, value))


@pytest.mark.parametrize(
    "change",
    [
        "a value is set that a helper reads",
        "a function is replaced by one of the script",
        "a class attribute is deleted",
        "two names share a dict",
    ],
)
def test_a_fresh_job_finds_what_the_script_has_changed_in_a_module(project, change):
    statement, value, expected = CHANGES[change]
    project.run(script(statement, value, options=', isolation="fresh"'))
    assert project.made() == expected


@pytest.mark.parametrize("isolation", ["fork", "fresh"])
def test_a_job_does_not_find_a_name_that_the_script_has_deleted(project, isolation):
    text = script("del conf.GONE", "conf.GONE", options=f', isolation="{isolation}"')
    assert "AttributeError: module 'conf' has no attribute 'GONE'" in project.run(text, fails=True)


def test_a_value_that_differs_after_each_import_is_that_of_the_script(project):
    project.write("conf.py", "import os\nPID = os.getpid()\n")
    out = project.run(script("import os; print('script', os.getpid())", "conf.PID", imports="import conf"))
    assert f"script {project.made()}\n" in out


def test_a_value_read_from_a_file_that_is_edited_between_two_imports_is_that_of_the_script(project):
    project.write("conf.py", "from pathlib import Path\nTEXT = Path('conf.txt').read_text()\n")
    project.write("conf.txt", "old")
    project.run(script("open('conf.txt', 'w').write('new')", "conf.TEXT", imports="import conf"))
    assert project.made() == "'old'"


def test_modules_that_no_job_reaches_are_not_imported_for_the_comparison(project):
    project.run(script("untouched.V = 7; conf.V = 7", "conf.V", imports="import conf, untouched"))
    assert project.made() == "7"
    assert project.made("imports.log") == "imported\n"


@pytest.mark.parametrize("place", ["in the function", "in a module that the function imports"])
@pytest.mark.parametrize("isolation", ["fork", "fresh"])
def test_a_module_that_a_job_imports_itself_has_the_values_of_the_script(project, place, isolation):
    project.write("late.py", "import conf\n")
    module = "conf" if place == "in the function" else "late"
    found = "conf.V" if module == "conf" else "late.conf.V"
    text = f"""
        import conf, ppg
        conf.V = 7

        def reads(path):
            path.write_text(repr(conf.V))

        def write(path):
            import {module}
            path.write_text(repr({found}))

        ppg.new_pipegraph(quiet=True)
        first = ppg.FileGeneratingJob("out", write, isolation="{isolation}")
        ppg.FileGeneratingJob("reads", reads).depends_on(first)
        ppg.run_pipegraph()
        """
    project.run(text)
    assert project.made() == "7"
    assert project.made("reads") == "7"


def test_a_load_runs_with_the_values_of_the_script_and_what_it_binds_counts_after_it(project):
    text = """
        import conf, ppg
        conf.V = 7
        conf.OPTIONS["from script"] = 1

        def load():
            with open("seen", "w") as file:
                file.write(repr(conf.V))
            conf.V = conf.V + 1
            conf.OPTIONS["from load"] = 2

        def write(path):
            path.write_text(repr((conf.V, sorted(conf.OPTIONS))))

        def write_more(path):
            path.write_text(repr((conf.V, conf.NAMES)))

        def generate():
            ppg.FileGeneratingJob("generated", write_more)

        ppg.new_pipegraph(quiet=True)
        loaded = ppg.DataLoadingJob("load", load)
        ppg.FileGeneratingJob("out", write).depends_on(loaded)
        ppg.JobGeneratingJob("generate", generate).depends_on(loaded)
        ppg.run_pipegraph()
        """
    project.run(text)
    assert project.made("seen") == "7"
    assert project.made() == "(8, ['from load', 'from script', 'minq'])"
    assert project.made("generated").startswith("(8, {")


def test_a_generator_and_its_jobs_find_the_values_of_the_script(project):
    text = """
        import conf, ppg
        conf.V = 7

        def write(path):
            path.write_text(repr(conf.read()))

        def generate():
            ppg.FileGeneratingJob(f"out-{conf.V}", write)

        ppg.new_pipegraph(quiet=True)
        ppg.JobGeneratingJob("generate", generate)
        ppg.run_pipegraph()
        """
    project.run(text)
    assert project.made("out-7") == "7"


def test_a_node_that_takes_the_place_of_a_dead_one_has_the_values(project):
    text = """
        import conf, os, ppg, signal
        conf.V = 7

        def load():
            conf.V = conf.V + 1

        def kill(path):
            if not os.path.exists("killed"):
                open("killed", "w").close()
                os.kill(os.getppid(), signal.SIGKILL)
                signal.pause()
            path.write_text("x")

        def write(path):
            path.write_text(repr((conf.V, conf.OPTIONS)))

        conf.OPTIONS = {"of": "script"}
        ppg.new_pipegraph(quiet=True)
        loaded = ppg.DataLoadingJob("load", load)
        killer = ppg.FileGeneratingJob("killer", kill, retries=1)
        killer.depends_on(loaded)
        job = ppg.FileGeneratingJob("out", write)
        job.depends_on(loaded)
        job.depends_on(killer)
        ppg.run_pipegraph()
        """
    project.run(text)
    assert project.made() == "(8, {'of': 'script'})"


@pytest.mark.parametrize("isolation", ["fork", "fresh"])
@pytest.mark.parametrize(
    "value",
    ["open('log.txt', 'w')", "__import__('threading').Lock()", "__import__('sqlite3').connect(':memory:')"],
)
def test_jobs_that_read_a_value_which_cannot_be_sent_fail_and_the_others_run(project, value, isolation):
    text = f"""
        import conf, ppg
        conf.LOG = {value}
        conf.V = 7

        def reads(path):
            path.write_text(repr(conf.LOG))

        def write(path):
            path.write_text(repr(conf.V))

        ppg.new_pipegraph(quiet=True)
        ppg.FileGeneratingJob("reads", reads, isolation="{isolation}")
        ppg.FileGeneratingJob("out", write, isolation="{isolation}")
        try:
            ppg.run_pipegraph()
        except ppg.RuntimeError as error:
            print(*error.exceptions.values())
        """
    out = project.run(text)
    assert "'reads' reads 'conf.LOG'" in out
    assert "cannot be sent to the processes of jobs" in out
    assert 'start_method="fork"' in out
    assert project.made() == "7"
    assert not (project.folder / "reads").exists()
    project.run(text.replace("quiet=True)", "ppg.LocalSystem(start_method='fork'), quiet=True)"))
    assert project.made("reads").startswith("<")


def test_a_value_that_each_process_makes_for_itself_is_no_difference(project):
    project.write(
        "conf.py",
        """
        import contextvars, functools, logging, threading, weakref
        LOCK = threading.Lock()
        LOG = logging.getLogger("conf")
        NOTHING = object()
        CURRENT = contextvars.ContextVar("current")
        KEPT = weakref.WeakValueDictionary()

        @functools.lru_cache
        def cached(number):
            return number

        cached(1)
        """,
    )
    names = "conf.LOCK, conf.LOG, conf.NOTHING, conf.CURRENT, conf.KEPT, conf.cached"
    out = project.run(script("conf.cached(2)", f"len([{names}])", imports="import conf"))
    assert "ran: out" in out
    assert project.made() == "6"


def test_values_that_are_the_same_keep_the_objects_of_the_node(project):
    project.write("conf.py", "OPTIONS = {'a': 1}\n\nclass Holder:\n    options = OPTIONS\n")
    project.run(script("conf.V = 1", "(conf.OPTIONS is conf.Holder.options, conf.V)", imports="import conf"))
    assert project.made() == "(True, 1)"


def test_a_name_that_the_user_excludes_keeps_the_value_of_the_import(project):
    change = "conf.LOG = open('log.txt', 'w'); conf.V = 7; ppg.unwatched('conf.LOG'); ppg.unwatched('conf.V')"
    project.run(script(change, "(conf.LOG, conf.V)"))
    assert project.made() == "(None, 3)"
