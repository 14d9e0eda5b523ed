"""All kinds of jobs, and callbacks and parameters that hold what ppg itself consists of.

Run as it was recorded, nothing but the generators, and the loads that they need, is to be done. What is called
`versioned/...` holds classes and functions that count by name and by the version of the package that is in its name.
Callbacks refer to nothing of Python's own library that has another name in another version of it, such as `Path`.
"""

import functools
import json
import types
from pathlib import Path

import helpers
from helpers import Drawing, Report, has_as_default, keeps

import ppg
import ppg_exec
import ppg_graph
import ppg_invariants

graph = ppg.new_pipegraph(
    ppg.LocalSystem(max_cores_to_use=2),
    shared_cache=ppg.SharedCache("shared"),
)


class Local(ppg.FileGeneratingJob):
    """A kind of job that the script itself defines."""

    def heading(self):
        """The first line."""
        return f"local {self.job_id}"


class LocalError(ppg.PyPipelineGraphError):
    """An error that the script itself defines."""


class Store:
    """Gets values from jobs."""


store = Store()
entries = {}

# -- all kinds of jobs ----------------------------------------------------------------------------------------


def write_cleaned(path):
    path.write_text("".join(f"{helpers.clean(line)}\n" for line in helpers.lines_of("inputs/names.txt")))


def write_counted(path):
    path.write_text(f"{len(helpers.lines_of('cleaned.txt'))} names\n")


def write_pair(paths):
    for number, path in enumerate(paths):
        path.write_text(f"{number}\n")


def write_named(paths):
    for name, path in paths.items():
        path.write_text(f"{name}\n")


def write_pieces(paths):
    for path in paths:
        path.write_text(f"a piece, {path.name}\n")


cleaned = ppg.FileGeneratingJob("cleaned.txt", write_cleaned).depends_on_file("inputs/names.txt")
counted = ppg.FileGeneratingJob("counted.txt", write_counted).depends_on(cleaned)
pair = ppg.MultiFileGeneratingJob(["pair/first.txt", "pair/second.txt"], write_pair)
named = ppg.MultiFileGeneratingJob({"a": "named/a.txt", "b": "named/b.txt"}, write_named)
scratch = ppg.TempFileGeneratingJob("scratch.txt", lambda path: path.write_text("scratch\n"))
pieces = ppg.MultiTempFileGeneratingJob(["pieces/1.txt", "pieces/2.txt"], write_pieces)
ppg.FileGeneratingJob(
    "from_temporary.txt",
    lambda path: path.write_text(helpers.text_of("scratch.txt") + helpers.text_of("pieces/1.txt")),
).depends_on(scratch, pieces)
ppg.FileGeneratingJob(
    "from_files.txt",
    lambda path: path.write_text(helpers.text_of("pair/first.txt") + helpers.text_of("named/b.txt")),
).depends_on(pair["pair/first.txt"], named["b"])


def load_numbers():
    entries["numbers"] = [int(line) for line in helpers.lines_of("inputs/numbers.txt")]


numbers = ppg.DataLoadingJob("load numbers", load_numbers)
numbers.depends_on_file("inputs/numbers.txt")
largest = ppg.AttributeLoadingJob("load largest", store, "largest", lambda: max(entries["numbers"]))
largest.depends_on(numbers)
smallest = ppg.DictEntryLoadingJob("load smallest", entries, "smallest", lambda: min(entries["numbers"]))
smallest.depends_on(numbers)
ppg.FileGeneratingJob(
    "range.txt", lambda path: path.write_text(f"{entries['smallest']} to {store.largest}\n")
).depends_on(largest, smallest)

ppg.FileGeneratingJob("timed.txt", lambda path: path.write_text("timed\n")).depends_on(
    ppg.FileTimeInvariant("inputs/timed.txt")
)
ppg.FileGeneratingJob("hashed.txt", lambda path: path.write_text("hashed\n")).depends_on(
    ppg.FileChecksumInvariant("inputs/hashed.txt", algorithm="sha256")
)
ppg.FileGeneratingJob("parameters.txt", lambda path: path.write_text("parameters\n")).depends_on(
    ppg.ParameterInvariant("plain", {"threshold": 0.5, "names": ("a", "b")})
)
functions = ppg.FileGeneratingJob("functions.txt", lambda path: path.write_text("functions\n"))
functions.depends_on(
    ppg.FunctionInvariant("state", helpers.describe_state),
    ppg.FunctionInvariant("alone", helpers.describe_state, follow="none"),
    ppg.FunctionInvariant("class", ppg.FileGeneratingJob),
    ppg.FunctionInvariant("method", cleaned.depends_on),
    ppg.FunctionInvariant("partial", functools.partial(ppg.upstream, "inputs/names.txt")),
)
functions.depends_on_func(helpers.lines_of).depends_on_func(ppg.upstream).depends_on_func(Report.heading)

# -- programs -------------------------------------------------------------------------------------------------

ppg.ExternalJob(
    "joined.txt",
    [
        "sh",
        Path("tool.sh"),
        ("--threads=", ppg.CORES),
        Path("inputs/names.txt"),
        cleaned,
        pair["pair/second.txt"],
    ],
    stdout="joined.txt",
    environment={"LC_ALL": "C"},
    version=["sh", "tool.sh", "--version"],
)
unsorted = ppg.TempExternalJob("unsorted.txt", ["cat", named], stdout="unsorted.txt")
ppg.ExternalJob(
    {"sorted": "shell/sorted.txt", "log": "shell/log.txt"},
    ["sort", unsorted, ">", Path("shell/sorted.txt"), "; echo", ("cores=", ppg.CORES), "| wc -l >&2"],
    shell=True,
    stderr="log",
).depends_on(ppg.ToolVersionInvariant(["sh", "tool.sh", "--version"], environment={"LANG": "C"}))

# -- cached values, and a plot --------------------------------------------------------------------------------

kept = ppg.CachedAttributeLoadingJob("cache/things", store, "things", helpers.things_of_ppg)
ppg.FileGeneratingJob(
    "from_cache/attribute.txt", lambda path: path.write_text(helpers.told(store.things))
).depends_on(kept)


def calculate_error():
    return [LocalError("kept"), helpers.MissingSample("s2"), Local]


kept_error = ppg.CachedDictEntryLoadingJob("cache/error", entries, "error", calculate_error)
ppg.FileGeneratingJob(
    "from_cache/entry.txt",
    lambda path: path.write_text(f"{[one.__class__.__name__ for one in entries['error']]}\n"),
).depends_on(kept_error)


def take_states(value):
    entries["states"] = value


kept_states = ppg.CachedDataLoadingJob(
    "cache/states", lambda: {state: state.value for state in ppg.JobState}, take_states
)
kept_states.cache_job.share()
ppg.FileGeneratingJob(
    "from_cache/data.txt",
    lambda path: path.write_text(f"{entries['states'][ppg.JobState.RAN]}\n"),
).depends_on(kept_states)


def plot_bars(values):
    return Drawing(values)


plot = ppg.PlotJob("plot.pdf", lambda: [3, 1, 2], plot_bars, {"dpi": 50})
plot.add_another_plot("another_plot.pdf", lambda values: Drawing(values[::-1]))

# -- decorators -----------------------------------------------------------------------------------------------


@ppg.file("decorated/file.txt")
def decorated(out: Path, names: Path = ppg.upstream("inputs/names.txt"), one=named["a"], *, both=(pair["pair/first.txt"],)):  # fmt: skip
    out.write_text(names.read_text() + one.read_text() + both[0].read_text())


@ppg.files({"x": "decorated/x.txt", "y": "decorated/y.txt"})
def decorated_files(out, first=decorated):
    for name, path in out.items():
        path.write_text(f"{name} {first.name}\n")


@ppg.temp_file("decorated/scratch.txt")
def decorated_scratch(out):
    out.write_text("scratch\n")


@ppg.temp_files(["decorated/1.txt", "decorated/2.txt"])
def decorated_pieces(out):
    for path in out:
        path.write_text(f"{path.name}\n")


@ppg.data("decorated data")
def decorated_data(numbers: Path = ppg.upstream("inputs/numbers.txt")):
    return [int(line) * 2 for line in numbers.read_text().split()]


@ppg.file("decorated/all.txt", timeout=600, retries=1)
def decorated_all(
    out,
    scratch=ppg.upstream(decorated_scratch),
    pieces=decorated_pieces,
    values=ppg.upstream(decorated_data),
    largest=ppg.upstream(largest),
    smallest=smallest,
    files=ppg.upstream({"x": decorated_files["x"], "cleaned": cleaned}),
    state=ppg.JobState.RAN,
):
    texts = [scratch.read_text(), pieces[0].read_text(), files["x"].read_text(), files["cleaned"].read_text()]
    out.write_text("".join(texts) + f"{values} {largest} {smallest} {state.value}\n")


# -- jobs that are declared while the graph runs --------------------------------------------------------------


@ppg.generator("decorated generator")
def decorated_generator(values=ppg.upstream(decorated_data)):
    for value in values:
        ppg.FileGeneratingJob(
            f"generated/{value}.txt", keeps((value, ppg.JobState.RAN, ppg.FileGeneratingJob))
        )


def declare_all_kinds():
    first = ppg.FileGeneratingJob("generated/first.txt", keeps([entries["numbers"], ppg.LocalSystem]))
    first.depends_on_params({"kind": ppg_graph.NodeKind.LAZY, "cores": ppg.CORES})
    first.depends_on_file("inputs/hashed.txt")
    Report("generated/report.txt", keeps(first)).depends_on(first)
    several = ppg.MultiFileGeneratingJob({"k": "generated/k.txt"}, write_named)
    temporary = ppg.TempFileGeneratingJob("generated/scratch.txt", keeps(ppg.upstream))
    last = ppg.FileGeneratingJob("generated/last.txt", has_as_default(several["k"]))
    last.depends_on(several["k"], temporary, ppg.FunctionInvariant("of generated", ppg.upstream))
    loaded = ppg.CachedAttributeLoadingJob("cache/generated", store, "generated", helpers.things_of_ppg)
    ppg.FileGeneratingJob(
        "generated/loaded.txt", lambda path: path.write_text(helpers.told(store.generated))
    ).depends_on(loaded)
    ppg.ExternalJob(
        "generated/tool.txt",
        ["sh", "tool.sh", ("--threads=", ppg.CORES), first],
        stdout="generated/tool.txt",
        version=["sh", "tool.sh", "--version"],
        success=[0, 1],
    )
    ppg.JobGeneratingJob("nested generator", lambda: Report("generated/nested.txt", keeps(ppg.Job)))


ppg.JobGeneratingJob("generator", declare_all_kinds).depends_on(numbers)
cached_for_generator = ppg.CachedDictEntryLoadingJob(
    "cache/for_generator", entries, "kinds", helpers.things_of_ppg
)
ppg.JobGeneratingJob(
    "generator that reads a cache",
    lambda: ppg.FileGeneratingJob("generated/by_value.txt", keeps(entries["kinds"]["settings"])),
).depends_on(cached_for_generator)
injected = ppg.FileGeneratingJob("injected.txt", lambda path: path.write_text("injected\n"))
injected.depends_on(
    ppg.DependencyInjectionJob(
        "injection",
        lambda: [cleaned, ppg.FileGeneratingJob("generated/for_injected.txt", keeps(injected))],
    )
)

# -- what callbacks have captured: all of this is ppg's, or derived from it -----------------------------------

report = Report("report.txt", lambda path: path.write_text("report\n"))
local = Local("local.txt", lambda path: path.write_text("local\n"))
PUBLIC = json.loads(Path("public_names.json").read_text())
"""All public classes and functions of each package, as they were when this was recorded."""


def public(package):
    return {name: getattr(package, name) for name in PUBLIC[package.__name__]}


CAPTURED = {
    "jobs": [
        cleaned,
        pair,
        named,
        scratch,
        pieces,
        numbers,
        largest,
        smallest,
        kept,
        kept_error,
        kept_states,
        plot,
    ],
    "decorated_jobs": [decorated, decorated_files, decorated_data, decorated_generator],
    "jobs_of_the_project": (report, local),
    "cache_job": kept.cache_job,
    "file_of_a_job": named["a"],
    "job_list": cleaned + counted,
    "pipegraph": graph,
    "module": ppg,
    "modules": [ppg, ppg_graph, ppg_invariants, ppg_exec],
    "public_names": public(ppg),
    "class": ppg.FileGeneratingJob,
    "class_of_values": ppg.JobState,
    "generic_alias": dict[str, ppg.JobFile],
    "member": ppg.JobState.RAN,
    "cores": ppg.CORES,
    "local_system": ppg.LocalSystem(max_cores_to_use=1, start_method="fork"),
    "shared_cache": ppg.SharedCache("elsewhere", hard_links=True),
    "cached_entry": ppg.CachedEntry("00", ("a.txt",), 1, 2.0, "somebody"),
    "execution": ppg.Execution(timeout=1.0, isolation="fresh"),
    "outcome": ppg.JobOutcome("a", ppg.JobState.FAILED, exception=ppg.JobContractError("it failed")),
    "events": [
        ppg.JobStarted("a", 1, 2.0),
        ppg.JobFinished("a", ppg.JobOutcome("a", ppg.JobState.RAN)),
        ppg.JobsBlocked(("b",), "a"),
        ppg.RunResumed(),
    ],
    "error": ppg.JobContractError("a promise was broken"),
    "errors": [
        ppg.CommandError("no tool", ["tool"], 127),
        ppg.CycleError(["a", "b", "a"], {"a": "pipeline.py:1"}),
        ppg.CacheUnreadableError("cache/a", "no such class"),
    ],
    "classes_of_errors": (ppg.PyPipelineGraphError, ppg.RuntimeError, ppg.JobError, ppg.JobDiedException),
    "function": ppg.upstream,
    "partial": functools.partial(ppg.FileGeneratingJob, "never.txt", empty_ok=True),
    "decorator": ppg.file("never.txt", timeout=5),
    "upstream": ppg.upstream(cleaned),
    "method": cleaned.depends_on,
    "method_of_a_class": ppg.FileGeneratingJob.depends_on,
    "slot": ppg.JobFile.path,
    "class_of_the_project": Report,
    "class_of_the_script": Local,
    "error_of_the_project": helpers.MissingSample("s3"),
    "class_of_errors_of_the_script": LocalError,
    "members_of_a_class": helpers.Outcomes,
    "dataclass": helpers.Plan,
    "instance_of_a_dataclass": helpers.Plan(),
    "namespace": types.SimpleNamespace(state=ppg.JobState.RAN, job=cleaned),
    "keys": {ppg.JobState.RAN: 1, ppg.FileGeneratingJob: 2, ppg.CORES: 3},
    "set": frozenset({ppg.JobState.RAN, ppg.upstream, ppg.JobError}),
    "function_of_the_project": helpers.describe_state,
}
"""Of these the name of the class or function is all that counts of ppg."""

VERSIONED = {
    "ppg-graph": {
        "public_names": public(ppg_graph),
        "members_of_a_class": helpers.GraphThings,
        "function_of_the_project": helpers.describe_kind,
        "error": ppg_graph.CycleFoundError(["a"]),
    },
    "ppg-invariants": {
        "public_names": public(ppg_invariants),
        "members_of_a_class": helpers.InvariantThings,
        "function_of_the_project": helpers.describe_end,
        "errors": [
            ppg_invariants.CannotFingerprint("parameters", "no content"),
            ppg_invariants.FileUnobservable("a.txt", "is missing"),
        ],
    },
    "ppg-exec": {
        "public_names": public(ppg_exec),
        "members_of_a_class": helpers.ExecThings,
        "function_of_the_project": helpers.describe_usage,
        "instance": ppg_exec.Ledger(2, 1000),
    },
}
"""Of these the version counts as well."""

CAPTURED |= {
    "values_of_ppg_graph": [
        ppg_graph.NodeKind.LAZY,
        ppg_graph.FileStatus.MISSING,
        ppg_graph.Files(ppg_graph.FileStatus.CHANGED, ("a.txt",)),
        ppg_graph.UpstreamAdded(ppg_graph.JobId("a")),
        ppg_graph.Record(ppg_graph.NodeKind.LOAD, ppg_graph.Fingerprint(b"f"), {}),
    ],
    "values_of_ppg_invariants": [
        ppg_invariants.RunEnd.DONE,
        ppg_invariants.Verdict.TOUCHED,
        ppg_invariants.FileState(1, 2, 3, 4, 5, b"digest"),
        ppg_invariants.FileComparison(ppg_invariants.Verdict.INTACT),
        ppg_invariants.StoredObservation(ppg_graph.Fingerprint(b"f")),
        ppg_invariants.CodeEvidence("f", b"digest", None),
    ],
    "values_of_ppg_exec": [
        ppg_exec.Place.FORK,
        ppg_exec.Task("a", helpers.lines_of, cores=2),
        ppg_exec.Usage(wall=1.0),
        ppg_exec.Succeeded(ppg.JobState.RAN),
        ppg_exec.Raised(ppg.JobContractError("it failed"), "JobContractError", "it failed", ""),
    ],
}
"""Values with fields, and members of enumerations, count by the name of the class alone."""

for name, value in CAPTURED.items():
    ppg.FileGeneratingJob(f"captured/{name}.txt", keeps(value))
for name in ("jobs", "file_of_a_job", "job_list", "local_system", "error", "class", "pipegraph", "events"):
    ppg.FileGeneratingJob(f"defaults/{name}.txt", has_as_default(CAPTURED[name]))
for package, values in VERSIONED.items():
    for name, value in values.items():
        ppg.FileGeneratingJob(f"versioned/{package}/{name}.txt", keeps(value))

# -- names that are followed ----------------------------------------------------------------------------------

ppg.FileGeneratingJob(
    "followed/ppg.txt", lambda path: path.write_text(helpers.describe_state(ppg.JobState.RAN) + "\n")
)
ppg.FileGeneratingJob(
    "versioned/ppg-graph/followed.txt",
    lambda path: path.write_text(helpers.describe_kind(ppg_graph.NodeKind.LAZY) + "\n"),
)
ppg.FileGeneratingJob(
    "versioned/ppg-invariants/followed.txt",
    lambda path: path.write_text(helpers.describe_end(ppg_invariants.RunEnd.DONE) + "\n"),
)
ppg.FileGeneratingJob(
    "versioned/ppg-exec/followed.txt",
    lambda path: path.write_text(helpers.describe_usage(ppg_exec.Usage()) + "\n"),
)
ppg.FileGeneratingJob(
    "versioned/ppg-graph/function.txt", lambda path: path.write_text("by name\n")
).depends_on_func(ppg_graph.describe)

# -- parameters that hold something of ppg --------------------------------------------------------------------

PARAMETERS = {
    "classes": [
        ppg.FileGeneratingJob,
        ppg.JobState,
        ppg_graph.NodeKind,
        ppg_invariants.RunEnd,
        ppg_exec.Usage,
        Report,
    ],
    "jobs": {"one": cleaned, "some": [pair, report, local, decorated_data]},
    "job_list": cleaned + pair,
    "pipegraph": graph,
    "members": (
        ppg.JobState.RAN,
        ppg.CORES,
        ppg_graph.NodeKind.LAZY,
        ppg_invariants.RunEnd.DONE,
        ppg_exec.Place.FORK,
    ),
    "records": [
        ppg.LocalSystem(max_cores_to_use=1),
        ppg.Execution(retries=2),
        ppg_graph.FileMissing(("a",)),
        ppg_graph.Record(ppg_graph.NodeKind.LOAD, ppg_graph.Fingerprint(b"f"), {}),
        ppg_invariants.Changed("a", "1", "2"),
        ppg_invariants.FileState(1, 2, 3, 4, 5, b"digest"),
        ppg_exec.Usage(wall=1.0),
    ],
}
for name, value in PARAMETERS.items():
    ppg.FileGeneratingJob(
        f"parameters/{name}.txt", lambda path: path.write_text("of parameters\n")
    ).depends_on_params(value)

# -- jobs that share ------------------------------------------------------------------------------------------

ppg.FileGeneratingJob("sharing/one.txt", keeps(ppg.JobContractError("shared")), share=True).depends_on(
    cleaned
)
ppg.MultiFileGeneratingJob(
    {"k": "sharing/k.txt", "l": "sharing/l.txt"}, write_named, share=True
).depends_on_params({"state": ppg.JobState.RAN}).depends_on_file("inputs/hashed.txt")
Report("sharing/report.txt", has_as_default(ppg.FileGeneratingJob), share=True).depends_on(largest)
ppg.ExternalJob(
    "sharing/tool.txt",
    ["sh", "tool.sh", ("--threads=", ppg.CORES), cleaned],
    stdout="sharing/tool.txt",
    version=["sh", "tool.sh", "--version"],
    share=True,
)

result = ppg.run_pipegraph()
print(json.dumps({"ran": result.ran, "taken from the shared cache": result.taken_from_cache}))
