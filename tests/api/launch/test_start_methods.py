"""`LocalSystem(start_method=...)`: what jobs find of the state of the script's modules, and what they leave alone."""

import subprocess
import sys
import textwrap

import pytest

import ppg

PRELUDE = """
import gc, os, signal, sys, threading
from pathlib import Path
import ppg
import settings

"""


@pytest.fixture
def script(folder):
    """Runs a script beside a module with settings, with plain Python; gives what it printed."""
    (folder / "settings.py").write_text("VALUE = 'of the file'\nJOBS = {}\n")

    def run(text):
        (folder / "script.py").write_text(PRELUDE + textwrap.dedent(text))
        ended = subprocess.run(
            [sys.executable, "script.py"], stdout=subprocess.PIPE, text=True, timeout=120, check=True
        )
        return ended.stdout

    return run


@pytest.mark.parametrize("start_method", ["forkserver", "fork"])
def test_what_the_script_has_set_in_a_module_is_seen_by_all_jobs_that_read_it(script, folder, start_method):
    script(f"""
        settings.VALUE = "of the script"
        graph = ppg.new_pipegraph(ppg.LocalSystem(start_method="{start_method}"), quiet=True)
        class Owner: pass
        owner = Owner()
        ppg.FileGeneratingJob("plain", lambda path: path.write_text(settings.VALUE))
        load = ppg.AttributeLoadingJob("load", owner, "data", lambda: settings.VALUE)
        ppg.FileGeneratingJob("loaded", lambda path: path.write_text(owner.data)).depends_on(load)
        ppg.FileGeneratingJob("fresh", lambda path: path.write_text(settings.VALUE), isolation="fresh")
        def generate():
            value = settings.VALUE
            ppg.FileGeneratingJob("generated", lambda path: path.write_text(value + settings.VALUE))
        ppg.JobGeneratingJob("generate", generate)
        graph.run()
        assert settings.VALUE == "of the script"
    """)
    found = "of the script"
    assert {name: (folder / name).read_text() for name in ("plain", "loaded", "fresh", "generated")} == {
        "plain": found,
        "loaded": found,
        "fresh": found,
        "generated": found * 2,
    }


def test_each_run_forks_the_script_as_it_is_then(script):
    said = script("""
        for value in ("first", "second"):
            settings.VALUE = value
            graph = ppg.new_pipegraph(ppg.LocalSystem(start_method="fork"), quiet=True)
            job = ppg.FileGeneratingJob(value, lambda path: (print(settings.VALUE), path.write_text("x")))
            graph.run()
            print(job.stdout, end="")
    """)
    assert said == "first\nsecond\n"


def test_jobs_that_are_forked_from_the_script_have_no_part_in_its_graph(script, folder):
    """They may declare jobs, which lead nowhere, run graphs of their own, and collect whatever they like."""
    said = script("""
        graph = ppg.new_pipegraph(ppg.LocalSystem(start_method="fork"), quiet=True)
        def write(path):
            path.write_text("x")
        def declares(path):
            assert ppg.session.current.SESSION.pipegraph is None
            ppg.FileGeneratingJob("nowhere", write)
            path.write_text("x")
        def runs(path):
            inner = ppg.new_pipegraph(root="inner", quiet=True)
            ppg.FileGeneratingJob("job", write)
            path.write_text(repr(inner.run().ran))
        def drops(path):
            settings.JOBS.clear()
            sys.modules.clear()
            gc.unfreeze()
            gc.collect()
            path.write_text("x")
        def closes(path):
            opened = {}
            for number in range(3, 256):
                try:
                    opened[number] = os.readlink(f"/proc/self/fd/{number}")
                except FileNotFoundError:
                    continue
            stores = [number for number, name in opened.items() if "_status_" in name]
            assert stores
            assert not any(opened[number].endswith(".lock") for number in stores)
            for number in stores:
                os.close(number)
            path.write_text("x")
        Path("inner").mkdir()
        settings.JOBS["below"] = ppg.FileGeneratingJob("below", write)
        def generate():
            made = ppg.FileGeneratingJob("made", write)
            settings.JOBS["below"].depends_on(made)
        settings.JOBS["below"].depends_on(ppg.DependencyInjectionJob("inject", generate))
        for function in (declares, runs, drops, closes):
            ppg.FileGeneratingJob(function.__name__, function)
        def load():
            ppg.FileGeneratingJob("nothing", write)
        ppg.FileGeneratingJob("blocked", write).depends_on(ppg.DataLoadingJob("load", load))
        try:
            graph.run()
        except ppg.RuntimeError as error:
            print(list(error.exceptions), type(error.exceptions["load"]).__name__)
        print(sorted(graph.result.ran))
    """)
    assert said == (
        "['load'] JobContractError\n['below', 'closes', 'declares', 'drops', 'inject', 'made', 'runs']\n"
    )
    assert (folder / "runs").read_text() == "['job']"
    assert not (folder / "nowhere").exists()
    assert "below" in script("""
        graph = ppg.new_pipegraph(quiet=True)
        def write(path):
            path.write_text("x")
        ppg.FileGeneratingJob("below", write)
        from ppg_invariants import StatusStore
        with StatusStore.open(".pypipegraph_status_robust", read_only=True) as store:
            print(sorted(store.history()))
    """)


UNPICKLABLE = """
import sqlite3
from ppg_invariants import register_encoder

class Connection:
    def __init__(self):
        self.lock = threading.Lock()
        self.rows = [1]

    def __reduce__(self):
        raise TypeError("a connection stays in its process")

    def define_more(self):
        write("by method", lambda: (self.rows, marks))

def numbers():
    yield from range(5)

register_encoder(Connection, lambda connection: "a connection")
lock, counted, database, shared = threading.Lock(), numbers(), sqlite3.connect(":memory:"), Connection()
marks = first_marks = ["mark"]
database.execute("create table t (a)")
database.execute("insert into t values (5)")

def write(name, function, *needed, **options):
    job = ppg.FileGeneratingJob(name, lambda path: path.write_text(str(function())), **options)
    return job.depends_on(*needed)

def define():
    own = Connection()
    write("globals", lambda: (lock.locked(), next(counted), database.execute("select a from t").fetchall()))
    def load():
        own.rows.append(2)
        shared.rows.append(3)
    loaded = ppg.DataLoadingJob("load", load)
    def look():
        return own.rows, shared.rows, isinstance(own, Connection), type(own) is type(shared)
    write("loaded", look, loaded)
    write("fresh", look, isolation="fresh")
    attribute = ppg.AttributeLoadingJob("attribute", own, "data", lambda: 5)
    write("attribute.txt", lambda: own.data, attribute)
    def generate():
        write("generated", lambda: (look(), lock.locked()), loaded)
        own.define_more()
    ppg.JobGeneratingJob("generate", generate).depends_on(loaded)
    return look
"""


def test_jobs_that_are_forked_from_the_script_use_what_cannot_be_pickled(script, folder):
    script(
        'graph = ppg.new_pipegraph(ppg.LocalSystem(start_method="fork"), quiet=True)\n'
        + UNPICKLABLE
        + "look = define()\ngraph.run()\nassert look() == ([1], [1], True, True)\n"
        "assert marks is first_marks\n"
    )
    names = ("globals", "loaded", "fresh", "attribute.txt", "generated", "by method")
    assert {name: (folder / name).read_text() for name in names} == {
        "globals": "(False, 0, [(5,)])",
        "loaded": "([1, 2], [1, 3], True, True)",
        "fresh": "([1], [1], True, True)",
        "attribute.txt": "5",
        "generated": "(([1, 2], [1, 3], True, True), False)",
        "by method": "([1, 2], ['mark'])",
    }


IDENTITIES = """
import functools
import numpy

class Part: pass

class Owner:
    limits = {"a": 1}

    def __init__(self):
        self.cache = {}
        self.array = numpy.zeros(3)
        self.part = Part()
        self.lines = bytearray(b"a")

owner = Owner()
PARTS, CACHES = [owner.part], {"owner": owner.cache}

def fill(array, lines):
    array[1] = 5
    lines += b"b"

def read(path, part=owner.part):
    found = (owner.cache, CACHES["owner"], owner.array.tolist(), owner.lines, owner.limits, Owner.limits)
    path.write_text(str((*found, part is owner.part is PARTS[0], part.size)))

loads = [
    ppg.DictEntryLoadingJob("entry", owner.cache, "one", lambda: 1),
    ppg.DictEntryLoadingJob("entry of a class", Owner.limits, "b", lambda: 2),
    ppg.DataLoadingJob("fill", functools.partial(fill, owner.array, owner.lines)),
    ppg.AttributeLoadingJob("attribute", owner.part, "size", lambda: 7),
]
ppg.FileGeneratingJob("read", read).depends_on(*loads)
def generate():
    load = ppg.AttributeLoadingJob("attribute of another", owner.part, "weight", lambda: 8)
    def weigh(path, part=PARTS[0]):
        path.write_text(str((part is owner.part, owner.part.weight)))
    ppg.FileGeneratingJob("generated", weigh).depends_on(load)
ppg.JobGeneratingJob("generate", generate)
graph.run()
assert owner.cache == {} and owner.limits == {"a": 1} and not hasattr(owner.part, "size")
"""


@pytest.mark.parametrize("start_method", ["forkserver", "fork"])
def test_what_a_load_changes_is_the_same_object_under_each_of_its_names(script, folder, start_method):
    script(
        f'graph = ppg.new_pipegraph(ppg.LocalSystem(start_method="{start_method}"), quiet=True)\n'
        + IDENTITIES
    )
    one, limits = {"one": 1}, {"a": 1, "b": 2}
    found = (one, one, [0.0, 5.0, 0.0], bytearray(b"ab"), limits, limits, True, 7)
    assert (folder / "read").read_text() == str(found)
    assert (folder / "generated").read_text() == "(True, 8)"


def test_what_cannot_be_pickled_is_refused_where_a_job_has_made_it(script):
    said = script("""
        graph = ppg.new_pipegraph(ppg.LocalSystem(start_method="fork"), quiet=True)
        def generate():
            lock = threading.Lock()
            ppg.FileGeneratingJob("own", lambda path: path.write_text(str(lock.locked())))
        ppg.JobGeneratingJob("generate", generate)
        try:
            graph.run()
        except ppg.RuntimeError as error:
            for job_id, failed in error.exceptions.items():
                print(job_id, "closure 'lock' → lock cannot be pickled" in str(failed))
    """)
    assert said == "generate True\n"


def test_signal_handlers_and_threads_of_the_script_are_not_those_of_its_jobs(script, folder):
    said = script("""
        signal.signal(signal.SIGTERM, lambda *_: print("the script's handler"))
        signal.signal(signal.SIGUSR1, lambda *_: print("the script's handler"))
        graph = ppg.new_pipegraph(ppg.LocalSystem(start_method="fork"), quiet=True)
        def handlers(path):
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGUSR1):
                assert signal.getsignal(number) is signal.SIG_DFL, number
            assert sys.stdin.read() == ""
            assert threading.active_count() == 1
            path.write_text("x")
        def ends(path):
            os.kill(os.getpid(), signal.SIGTERM)
        ppg.FileGeneratingJob("handlers", handlers)
        ppg.FileGeneratingJob("ends", ends)
        hold = threading.Event()
        threading.Thread(target=hold.wait, daemon=True).start()
        try:
            graph.run()
        except ppg.RuntimeError as error:
            print({job_id: failed.signal for job_id, failed in error.exceptions.items()})
    """)
    assert said == "{'ends': 15}\n"


def test_a_start_method_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="start_method must be 'forkserver' or 'fork', not 'spawn'"):
        ppg.LocalSystem(start_method="spawn")
