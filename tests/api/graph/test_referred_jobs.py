"""A function that refers to a job by a name, upstream of which it is not: a warning, an error, or nothing."""

import dataclasses
import functools
import subprocess
import sys

import pytest

import ppg
from ppg.graph.referred import messages_on_referred_jobs


@dataclasses.dataclass
class Steps:
    """The jobs of a part of a pipeline."""

    first: object
    last: object


def table() -> ppg.FileGeneratingJob:
    return ppg.FileGeneratingJob("table", lambda out: out.write_text("table"))


def content(job):
    """What the job has made, whether chance lets it run before or after the reader."""
    try:
        return f"<{job.path.read_text()}>"
    except FileNotFoundError:
        return "<none>"


def by_closure(job):
    return lambda out: out.write_text(content(job))


def by_default(job):
    return lambda out, job=job: out.write_text(content(job))


def by_item(job):
    jobs = {"a": [job]}
    return lambda out: out.write_text(content(jobs["a"][0]))


def by_partial(job):
    def read(out, job):
        out.write_text(content(job))

    return functools.partial(read, job=job)


def by_helper(job):
    def helper():
        return content(job)

    return lambda out: out.write_text(helper())


def by_nested_function(job):
    def make(out):
        def inner():
            return content(job)

        out.write_text(inner())

    return make


def by_dataclass(job):
    steps = Steps(job, None)
    return lambda out: out.write_text(content(steps.first))


def by_functions_that_call_each_other(job):
    def odd(number):
        return even(number - 1) if number else content(job)

    def even(number):
        return odd(number - 1) if number else content(job)

    return lambda out: out.write_text(even(2))


def by_method(job):
    class Maker:
        def make(self, out):
            out.write_text(content(job))

    return Maker().make


WAYS = [
    by_closure,
    by_default,
    by_item,
    by_partial,
    by_helper,
    by_nested_function,
    by_dataclass,
    by_functions_that_call_each_other,
    by_method,
]


@pytest.fixture
def script(folder):
    """Runs a script in the folder; returns what ppg says."""

    def run_script(text):
        (folder / "script.py").write_text(text)
        done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stderr

    return run_script


@pytest.fixture
def warnings(folder):
    """Runs what a function declares, and returns the warnings about references to jobs."""

    def run_declared(declare, **options):
        graph = ppg.new_pipegraph(**options)
        declare()
        heard = Heard()
        graph.run(frontend=heard)
        return [message for message in heard.messages if " refers to the job " in message]

    return run_declared


class Heard(ppg.Frontend):
    """Keeps the warnings of a run."""

    def __init__(self):
        self.messages = []

    def listeners(self, run):
        return [self._hear]

    def _hear(self, event):
        if isinstance(event, ppg.Warned):
            self.messages.append(event.message)


@pytest.mark.parametrize("way", WAYS)
def test_a_function_that_refers_to_a_job_without_depending_on_it_is_warned_of(warnings, folder, way):
    def declare(text="table", *, depends=False):
        job = ppg.FileGeneratingJob("table", lambda out: out.write_text(text))
        out = ppg.FileGeneratingJob("out", way(job))
        if depends:
            out.depends_on(job)

    (message,) = warnings(declare)
    assert message.startswith("the function of 'out' (declared at ")
    assert message.endswith("but does not depend on it; add .depends_on('table') to 'out'")
    # What it has read is known by then, and is a dependency.
    assert warnings(declare) == []
    assert warnings(lambda: declare("other")) == []
    assert (folder / "out").read_text() == "<other>"
    assert warnings(lambda: declare("other", depends=True)) == []


@pytest.mark.parametrize("way", WAYS)
def test_with_the_policy_fail_it_is_an_error_before_anything_runs(graph, folder, way):
    graph.undeclared = "fail"
    job = table()
    ppg.FileGeneratingJob("out", way(job))
    with pytest.raises(ppg.JobContractError, match=r"The function of 'out' .*refers to the job 'table'"):
        graph.run()
    assert not (folder / "table").exists()


@pytest.mark.parametrize("way", WAYS)
def test_with_the_policy_ignore_nothing_is_said(warnings, way):
    assert warnings(lambda: ppg.FileGeneratingJob("out", way(table())), undeclared="ignore") == []


def test_the_policy_of_the_job_counts(warnings, graph):
    assert (
        warnings(
            lambda: ppg.FileGeneratingJob("out", by_closure(table()), undeclared="ignore"), undeclared="fail"
        )
        == []
    )


def test_a_global_name_of_the_script_counts_also_in_its_functions(script):
    said = script("""
import ppg
ppg.new_pipegraph()
later = ppg.FileGeneratingJob("later", lambda out: out.write_text("later"))
def helper(): return later.path.read_text() if later.path.exists() else "none"
def first(out): out.write_text(helper())
ppg.FileGeneratingJob("first", first)
ppg.FileGeneratingJob("second", lambda out: out.write_text(later.job_id))
ppg.run_pipegraph()
""")
    assert said.count("refers to the job 'later' by the variable 'later'") == 2


def test_a_job_upstream_through_others_is_enough(warnings):
    def declare():
        job = table()
        between = ppg.FileGeneratingJob("between", lambda out: out.write_text("x")).depends_on(job)
        ppg.FileGeneratingJob("out", by_closure(job)).depends_on(between)

    assert warnings(declare) == []


def test_functions_of_generators_refer_to_jobs_to_declare_dependencies(warnings):
    def declare():
        job = table()

        def generate():
            ppg.FileGeneratingJob("out", lambda out: out.write_text("out")).depends_on(job)

        ppg.JobGeneratingJob("generate", generate)

    assert warnings(declare) == []


def test_generated_jobs_are_looked_at_too(warnings):
    def declare():
        def generate():
            new = ppg.FileGeneratingJob("new", lambda out: out.write_text("new"))
            ppg.FileGeneratingJob("out", lambda out: out.write_text(new.job_id))

        ppg.JobGeneratingJob("generate", generate)

    (message,) = warnings(declare)
    assert "the function of 'out'" in message
    assert "refers to the job 'new' by the variable 'new'" in message


def test_a_function_that_refers_to_its_own_job_is_right(warnings):
    def declare():
        holder = []
        holder.append(ppg.FileGeneratingJob("out", lambda out: out.write_text(holder[0].job_id)))

    assert warnings(declare) == []


def test_a_function_that_refers_to_a_job_downstream_of_its_own_cannot_depend_on_it(warnings):
    def declare():
        holder = []
        first = ppg.FileGeneratingJob("first", lambda out: out.write_text(holder[0].job_id))
        holder.append(ppg.FileGeneratingJob("last", lambda out: out.write_text("x")).depends_on(first))

    (message,) = warnings(declare)
    assert "refers to the job 'last' by the variable 'holder'" in message
    assert message.endswith(
        "that job depends on 'first'; let the function use the path as a str, and not the job"
    )


def test_jobs_of_another_pipegraph_and_registers_of_jobs_do_not_count(script):
    said = script("""
import ppg
ppg.new_pipegraph()
old = ppg.FileGeneratingJob("old", lambda out: out.write_text("old"))
ppg.run_pipegraph()
ppg.new_pipegraph()
register = {"last": ppg.FileGeneratingJob("last", lambda out: out.write_text("last"))}
first = ppg.FileGeneratingJob("first", lambda out: out.write_text(old.job_id + str(len(register))))
ppg.run_pipegraph()
""")
    assert "refers to" not in said


def test_an_object_may_have_the_jobs_of_all_steps(warnings):
    """A later one is there for other functions, so only an earlier one lacks a dependency."""

    def declare():
        steps = Steps(None, None)
        job = ppg.FileGeneratingJob("first", lambda out: out.write_text(type(steps).__name__))
        steps.first = job
        steps.last = ppg.FileGeneratingJob("last", lambda out: out.write_text("x")).depends_on(job)

    assert warnings(declare) == []


def test_functions_may_call_each_other_to_any_depth(graph, folder):
    count = 3000
    source = "".join(f"def f{number}(): return f{number + 1}()\n" for number in range(count))
    names = {"later": table()}
    exec(compile(f"{source}def f{count}(): return later.path\n", str(folder / "script.py"), "exec"), names)
    called = names["f0"]
    ppg.FileGeneratingJob("first", lambda out: out.write_text(called()))
    (message,) = messages_on_referred_jobs(graph, list(graph), ("warn",))
    assert "refers to the job 'table' by the variable 'later'" in message


def test_values_may_be_nested_to_any_depth(graph):
    def declare():
        job = table()
        nested: list[object] = [job]
        for _ in range(3000):
            nested = [nested, nested]
        ppg.FileGeneratingJob("out", lambda out: out.write_text(str(len(nested)))).ignore_code_changes()

    declare()
    (message,) = messages_on_referred_jobs(graph, list(graph), ("warn",))
    assert "by the variable 'nested'" in message


HOLDERS = {
    "an instance": "class Holder:\n    def __init__(self, job):\n        self.job = job\nheld = Holder(table)\n",
    "a dataclass": "@dataclasses.dataclass\nclass Holder:\n    job: object\nheld = Holder(table)\n",
    "slots": "class Holder:\n    __slots__ = ('job', 'other')\nheld = Holder()\nheld.job = table\n",
    "a class": "class held:\n    job = table\n",
    "a namespace": "import types\nheld = types.SimpleNamespace(job=table)\n",
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_an_attribute_that_the_code_reads_from_a_global_counts(script, holder):
    said = script(f"""
import collections, dataclasses
import ppg
ppg.new_pipegraph(quiet=True)
table = ppg.file("table")(lambda out: out.write_text("table"))
{HOLDERS[holder]}
ppg.file("out")(lambda out: out.write_text(held.job.job_id))
ppg.run()
""")
    assert said.count(" refers to the job 'table' by the variable 'held.job', but does not depend on it") == 1


def test_no_property_is_asked_and_other_attributes_say_nothing(script):
    said = script("""
import ppg
ppg.new_pipegraph(quiet=True)
table = ppg.file("table")(lambda out: out.write_text("table"))
class Holder:
    def __init__(self):
        self.all = table
        self.text = "x"
    @property
    def job(self):
        raise RuntimeError("asked")
    def __getattr__(self, name):
        raise AttributeError(name) if name.startswith("__") else RuntimeError("asked")
held = Holder()
def make(out):
    try:
        out.write_text(held.text + held.job + held.nothing)
    except RuntimeError:
        out.write_text("x")
ppg.file("out")(make)
ppg.run()
""")
    assert said == ""
