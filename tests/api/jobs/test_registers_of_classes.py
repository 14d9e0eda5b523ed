"""Registers: what classes and functions of the script put into registers is there in jobs, once, under the same identity.

The registers are in the script and in a module. One script per way to start reads them all, itself and in jobs.
"""

import json
import subprocess
import sys
import textwrap

import pytest

HELPERS = """
    import functools

    REGISTER = []
    FUNCTIONS = []
    BY_NAME = {}
    SETTINGS = {"depth": 3}

    class Plugin:
        def __init_subclass__(cls, **keywords):
            super().__init_subclass__(**keywords)
            REGISTER.append(cls)
            BY_NAME[cls.__name__] = cls

    class Metaclass(type):
        made = []

        def __init__(cls, *arguments):
            super().__init__(*arguments)
            Metaclass.made.append(cls)

    class Descriptor:
        owners = []

        def __set_name__(self, owner, name):
            Descriptor.owners.append((owner, name))

    def register(value):
        REGISTER.append(value)
        return value

    def register_function(function):
        FUNCTIONS.append(function)
        return function

    def registered():
        return REGISTER

    @functools.singledispatch
    def shown(value):
        return "anything"

    @shown.register
    def _(value: float):
        return "a number"

    def show_all(values):
        return [shown(value) for value in values]
    """

SCRIPT = """
    import dataclasses
    import enum
    import functools
    import json
    import sys
    from pathlib import Path

    import helpers
    import ppg

    REGISTER = []
    ITEMS = []

    class Base:
        items = ITEMS
        cache = {}

        def __init_subclass__(cls):
            REGISTER.append(cls)

        def put(self):
            return ITEMS

    class First(Base): pass
    class Second(First): pass

    class Metaclass(type):
        def __init__(cls, *arguments):
            super().__init__(*arguments)
            REGISTER.append(cls)

    class Third(metaclass=Metaclass): pass

    def register(value):
        REGISTER.append(value)
        return value

    @register
    class Fourth: pass

    @register
    def function():
        return 1

    class Below(helpers.Plugin): pass
    class Deeper(Below): pass
    class OfMetaclass(metaclass=helpers.Metaclass): pass

    @helpers.register
    class Registered: pass

    @helpers.register
    class Color(enum.Enum):
        RED = 1

    @helpers.register
    @dataclasses.dataclass
    class Data:
        a: int = 1

    helpers.register(Color.RED)

    @helpers.register_function
    def function_of_module():
        return helpers.FUNCTIONS

    @helpers.shown.register
    def _(value: Registered):
        return "registered"

    class Described:
        part = helpers.Descriptor()

    INSTANCE = Deeper()

    def names(values):
        return [getattr(value, "__name__", value) for value in values]

    def same(values, others):
        return len(values) == len(others) and all(map(lambda one, other: one is other, values, others))

    def load():
        ITEMS.append("loaded")
        Base.cache["loaded"] = len(helpers.REGISTER)

    READERS = {
        "the register of the script": lambda: (
            names(REGISTER), same(REGISTER, [First, Second, Third, Fourth, function])
        ),
        "the register of the script alone": lambda: names(REGISTER),
        "classes below one of the script": lambda: (names(Base.__subclasses__()), Base.__subclasses__() == [First]),
        "the register of a module": lambda: (
            names(helpers.REGISTER), same(helpers.REGISTER, [Below, Deeper, Registered, Color, Data, Color.RED])
        ),
        "the register of a module alone": lambda: names(helpers.REGISTER),
        "the register by a function of the module": lambda: (names(helpers.registered()), Below in helpers.registered()),
        "the register of a module by name": lambda: (list(helpers.BY_NAME), helpers.BY_NAME["Below"] is Below),
        "classes below one of a module": lambda: (
            names(helpers.Plugin.__subclasses__()), helpers.Plugin.__subclasses__() == [Below]
        ),
        "the register of a metaclass": lambda: (names(helpers.Metaclass.made), helpers.Metaclass.made == [OfMetaclass]),
        "the register of a metaclass alone": lambda: names(helpers.Metaclass.made),
        "a class before its register": lambda: (OfMetaclass.__name__, helpers.Metaclass.made == [OfMetaclass]),
        "functions": lambda: (
            same(helpers.FUNCTIONS, [function_of_module]), function_of_module() is helpers.FUNCTIONS
        ),
        "descriptors": lambda: helpers.Descriptor.owners == [(Described, "part")],
        "the class of an instance": lambda: (type(INSTANCE) is Deeper, helpers.REGISTER.count(type(INSTANCE))),
        "a function with implementations for classes": lambda: (helpers.shown(Registered()), helpers.shown(1)),
        "such a function behind another one": lambda: helpers.show_all([Registered(), 2.5, "text"]),
        "a list of a class": lambda: (Base.items is ITEMS, First().put() is ITEMS),
    }
    AFTER_THE_LOAD = {
        "what a load has added": lambda: (ITEMS, Base.items, First().put(), Base.items is ITEMS, Base.cache),
    }

    def evaluate(path, read):
        path.write_text(repr(read()))

    def main(start_method, isolation):
        graph = ppg.new_pipegraph(ppg.LocalSystem(start_method=start_method), quiet=True)
        options = {"isolation": "fresh"} if isolation else {}
        loaded = ppg.DataLoadingJob("load", load)
        def generate():
            for name, read in READERS.items():
                ppg.FileGeneratingJob(f"generated {name}", functools.partial(evaluate, read=read))
        ppg.JobGeneratingJob("generate", generate)
        for name, read in READERS.items():
            ppg.FileGeneratingJob(name, functools.partial(evaluate, read=read), **options)
            ppg.FileGeneratingJob(f"later {name}", functools.partial(evaluate, read=read)).depends_on(loaded)
        for name, read in AFTER_THE_LOAD.items():
            ppg.FileGeneratingJob(name, functools.partial(evaluate, read=read)).depends_on(loaded)
        try:
            ppg.run()
        except ppg.RuntimeError:
            pass
        def found(name):
            outcome = graph.result[name]
            return Path(name).read_text() if Path(name).exists() else str(outcome)
        all_found = {
            f"{prefix}{name}": [repr(read()), found(f"{prefix}{name}")]
            for prefix in ("", "later ", "generated ")
            for name, read in READERS.items()
        }
        load()
        all_found |= {name: [repr(read()), found(name)] for name, read in AFTER_THE_LOAD.items()}
        Path("found.json").write_text(json.dumps(all_found))

    main(*sys.argv[1:])
    """

WAYS = {
    "forkserver": ["script.py", "forkserver", ""],
    "forkserver, fresh": ["script.py", "forkserver", "fresh"],
    "fork": ["script.py", "fork", ""],
    "fork, fresh": ["script.py", "fork", "fresh"],
    "notebook": ["cell.py", "forkserver", ""],
    "notebook, fork": ["cell.py", "fork", ""],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_register_holds_in_jobs_what_it_holds_in_the_script(tmp_path, way):
    (tmp_path / "helpers.py").write_text(textwrap.dedent(HELPERS))
    (tmp_path / "script.py").write_text(textwrap.dedent(SCRIPT))
    (tmp_path / "cell.py").write_text("exec(compile(open('script.py').read(), '<cell>', 'exec'))\n")
    done = subprocess.run(
        [sys.executable, *WAYS[way]], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    differing = {name: both for name, both in found.items() if both[0] != both[1]}
    assert differing == {}
    assert len(found) > 40


READ_WHILE_TASKS_WAIT = """
    import os, sys
    from pathlib import Path
    import ppg, helpers

    @helpers.register
    class Registered: pass

    os.mkfifo("sent")
    SENT = os.open("sent", os.O_RDWR)

    class Tells:
        def __reduce__(self):
            os.write(SENT, b".")
            return Tells, ()

    def imports(path):
        path.write_text(str(len(helpers.REGISTER)))

    def refers(path, kind=Registered, tells=Tells()):
        path.write_text(str([kind is each for each in helpers.REGISTER]))

    os.environ["OF_JOBS"] = "1"
    graph = ppg.new_pipegraph(ppg.LocalSystem(4, share_cores=False), quiet=True)
    ppg.FileGeneratingJob("a", imports)
    ppg.FileGeneratingJob("b", refers)
    ppg.run()
    print(Path("a").read_text(), Path("b").read_text())
"""


def test_values_of_a_module_may_refer_to_what_came_with_a_task_that_waits(tmp_path):
    """The node imports the module for the first task, and gets to the second one when it has the module's values."""
    waits = 'import os\nif "OF_JOBS" in os.environ:\n    open("sent", "rb").read(1)\n'
    (tmp_path / "helpers.py").write_text(
        f"{waits}REGISTER = []\ndef register(kind):\n    REGISTER.append(kind)\n    return kind\n"
    )
    (tmp_path / "script.py").write_text(textwrap.dedent(READ_WHILE_TASKS_WAIT))
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 [True]\n"
