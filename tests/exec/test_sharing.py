"""Messages that refer to the same objects, and those that cannot be read."""

import collections
import functools
import importlib
import importlib.util
import io
import itertools
import pathlib
import random
import sys
import types
from typing import Any
from xml.etree import ElementTree

import pytest

from ppg_exec import CannotPickle, LocalExecutor, Raised, Succeeded, Task
from ppg_exec.pickling.receive import IdentityTable
from ppg_exec.pickling.send import SharedObjects
from tests.exec.holder import Holder, pass_on


@pytest.mark.parametrize(
    "value",
    [
        1, "text", b"bytes", (1, 2), pathlib.Path("a"), functools.partial(int, "3"), frozenset({1}), None, 1.5,
        lambda: 3,
    ],
)  # fmt: skip
def test_values_and_callbacks_do_not_fill_the_table(value: object) -> None:
    sender = SharedObjects()
    for _ in range(3):
        _, introduced = sender.dump({"callback": value})
    assert introduced == []


@pytest.mark.parametrize(
    "value",
    [
        [1], {1: 2}, {1}, bytearray(b"a"), collections.deque([1]), random.Random(1), io.StringIO("a"),
        itertools.count(), ElementTree.Element("a"), types.SimpleNamespace(a=1), Holder(),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_a_load_can_change_in_place_is_one_object_for_all_messages(value: object) -> None:
    sender, table = SharedObjects(), IdentityTable()
    first = pass_on(sender, table, value)
    assert pass_on(sender, table, [value])[0] is first
    assert pass_on(sender, table, lambda: value)() is first


def test_an_object_that_cannot_even_be_looked_at_is_named_as_what_cannot_be_sent() -> None:
    class Opaque:
        def __getattribute__(self, name: str) -> Any:
            raise ValueError(f"no {name}")

    with pytest.raises(CannotPickle) as caught:
        SharedObjects().dump({"callback": [1, Opaque()]})
    assert caught.value.unpicklable_path == "callback → [1] → Opaque"


def test_a_message_that_cannot_be_made_introduces_nothing() -> None:
    sender, table = SharedObjects(), IdentityTable()
    shared = Holder()
    with pytest.raises(CannotPickle):
        sender.dump({"callback": [shared, sys._getframe()]})
    assert isinstance(pass_on(sender, table, shared), Holder)


def test_a_closure_sent_often_is_small_after_the_first_time() -> None:
    sender = SharedObjects()

    def make(number: int) -> Any:
        return lambda: [number, number + 1, "something"]

    sizes = [len(sender.dump({"callback": make(number)})[0]) for number in range(3)]
    assert sizes[0] > 2 * sizes[1]
    assert sizes[1] == sizes[2]


def test_functions_defined_after_each_other_find_each_other_there() -> None:
    sender, table = SharedObjects(), IdentityTable()
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(
        "def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n != 0 and even(n - 1)\n",
        namespace,
    )
    assert pass_on(sender, table, namespace["even"])(10) is True
    assert pass_on(sender, table, namespace["odd"])(10) is False


def test_a_function_keeps_its_defaults_annotations_attributes_and_recursion() -> None:
    def outer() -> Any:
        def function(n: int, step: int = 2, *, stop: int = 0) -> int:
            """Counts down."""
            return n if n <= stop else function(n - step, step, stop=stop)

        function.note = "kept"  # type: ignore[attr-defined]
        return function

    there = pass_on(SharedObjects(), IdentityTable(), outer())
    assert there(9) == -1
    assert there(9, 3, stop=2) == 0
    assert there.note == "kept"
    assert there.__doc__ == "Counts down."
    assert there.__annotations__["n"] is int


def test_a_variable_that_a_function_binds_is_one_variable_there_and_others_are_copied() -> None:
    def define() -> Any:
        count, kept = 0, "kept"
        if kept != "kept":
            later: Any = None

        def add() -> Any:
            nonlocal count, later
            count += 1
            later = add
            return later

        def look() -> Any:
            return count, later, kept

        def fill() -> None:
            nonlocal later
            later = None

        return add, look, fill

    add, look, fill = define()
    sender, table = SharedObjects(), IdentityTable()
    here = pass_on(sender, table, look)
    with pytest.raises(NameError):
        here()
    there = pass_on(sender, table, add)
    assert there() is there
    for _ in range(2):
        assert pass_on(sender, table, look)() == (1, there, "kept")
    # Both ways of travelling in one message, in either order.
    for pair in ((look, add), (add, look)):
        arrived = pass_on(SharedObjects(), IdentityTable(), pair)
        arrived[pair.index(add)]()
        assert arrived[pair.index(look)]()[0] == 1
    # The script's variable has no value yet; the table keeps the variable only as long as a function has it.
    fill()
    assert look() == (0, None, "kept")


def test_a_variable_that_no_function_has_any_more_is_forgotten_on_both_sides() -> None:
    sender, table = SharedObjects(), IdentityTable()

    def define() -> Any:
        data = Holder()

        def bind() -> None:
            nonlocal data
            data = Holder()

        return bind

    numbers: list[int] = []
    for _ in range(1500):
        pass_on(sender, table, define())
        forgotten = sender.pop_unreferenced()
        table.forget(forgotten)
        numbers += forgotten
    assert len(numbers) > 1000


DECORATED = """
import functools

@functools.cache
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

@functools.lru_cache(maxsize=3, typed=True)
def something():
    return object()

@functools.singledispatch
def kind(value):
    return "something"

@kind.register
def kind_of_int(value: int):
    return "int"

class Table:
    @functools.cached_property
    def rows(self):
        return [fibonacci(30)]

    @functools.cache
    def row(self, number):
        return self.rows[number]

def use():
    table = Table()
    return fibonacci(50), table.rows is table.rows, table.row(0), kind(1), kind("a"), something.cache_parameters()

def first():
    return something()
"""


def test_what_functools_makes_of_functions_of_a_script_arrives() -> None:
    script: dict[str, Any] = {"__name__": "__main__"}
    exec(DECORATED, script)
    sender, table = SharedObjects(), IdentityTable()
    use, first = (pass_on(sender, table, script[name]) for name in ("use", "first"))
    parameters = {"maxsize": 3, "typed": True}
    assert use() == (12586269025, True, 832040, "int", "something", parameters)
    # What a load has put into a cache is there for the jobs.
    assert pass_on(sender, table, script["first"])() is first()
    assert pass_on(sender, table, script["something"])() is first()


def test_modules_that_cannot_be_imported_elsewhere_travel_by_value() -> None:
    module = types.ModuleType("made_by_hand")
    exec("FACTOR = 3\ndef work(n):\n    return n * FACTOR\nclass Thing:\n    pass\n", vars(module))
    sys.modules["made_by_hand"] = module
    try:
        payload, introduced = SharedObjects().dump({"callback": (module.work, module.Thing)})
    finally:
        del sys.modules["made_by_hand"]
    work, thing = IdentityTable().load(payload, introduced)[0]
    assert work(2) == 6
    assert thing.__name__ == "Thing"


def test_a_module_that_is_imported_when_it_is_used_goes_by_its_name_and_sending_it_imports_nothing() -> None:
    class Late(types.ModuleType):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(f"sending it asks for {name}")

    late = Late("colorsys")
    arrived = pass_on(SharedObjects(), IdentityTable(), (late, lambda: late))
    assert arrived[0] is importlib.import_module("colorsys")
    assert arrived[1]() is arrived[0]


def test_a_module_that_the_interpreter_imports_lazily_goes_by_its_name() -> None:
    spec = importlib.util.find_spec("quopri")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["quopri"] = module
    try:
        spec.loader.exec_module(module)
        payload, introduced = SharedObjects().dump({"callback": lambda: module})
        assert type(module) is not types.ModuleType, "sending it has imported it"
        assert IdentityTable().load(payload, introduced)[0]() is module
    finally:
        del sys.modules["quopri"]


class FailsOnce:
    """Cannot be read in any process but the one that made it."""

    def __reduce__(self) -> Any:
        return _fail, ()


def _fail() -> None:
    raise ValueError("cannot be read")


def test_objects_of_a_message_that_could_not_be_read_arrive_with_the_next(
    local: LocalExecutor, run: Any
) -> None:
    shared, also_shared = Holder(), [1, 2]
    shared.data = also_shared
    bad = FailsOnce()

    def broken() -> object:
        return shared, bad

    tasks = [Task("bad", broken), *(Task(str(n), lambda: len(shared.data)) for n in range(5))]
    outcomes = run(local, *tasks)
    assert isinstance(outcomes.pop("bad").end, Raised)
    assert {outcome.end for outcome in outcomes.values()} == {Succeeded(2)}
