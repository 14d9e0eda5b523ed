"""What type checkers are to accept, and what not: `test_decorators` has them check this file.

Every line that is to be an error says so, with both checkers' ways to ignore it; where nothing is to be ignored, that is
an error, too.
"""

from datetime import timedelta
from pathlib import Path
from typing import assert_type

import ppg

ppg.new_pipegraph()


@ppg.file("numbers.txt", empty_ok=True, timeout=60)
def numbers(out: Path) -> None:
    out.write_text("1 2 3")


@ppg.files({"even": "even.txt", "odd": "odd.txt"})
def halves(out: dict[str, Path], numbers: Path = ppg.upstream(numbers)) -> None:
    out["even"].write_bytes(numbers.read_bytes())


@ppg.temp_files(["a.txt", "b.txt"])
def listed(out: list[Path]) -> None:
    for path in out:
        path.write_text("x")


@ppg.temp_file("temporary.txt")
def temporary(out: Path, even: Path = ppg.upstream(halves["even"])) -> None:
    out.write_bytes(even.read_bytes())


@ppg.data("values")
def values(path: Path = ppg.upstream(temporary), scale: int = 2) -> list[int]:
    return [int(word) * scale for word in path.read_text().split()]


@ppg.file("total.txt")
def total(
    out: Path,
    values: list[int] = ppg.upstream(values),
    parts: list[Path] = ppg.upstream([numbers, halves["odd"], Path("input.txt")]),
    named: dict[str, Path] = ppg.upstream({"a": numbers}),
    *,
    notes: Path = ppg.upstream("notes.txt"),
) -> None:
    out.write_text(f"{sum(values)} {len(parts)} {list(named)} {notes.read_text()}")


@ppg.cached
def counted(values: list[int] = ppg.upstream(values)) -> dict[str, int]:
    return {"values": len(values)}


@ppg.cached("qc/table", format="json", timeout=60)
def table(counted: dict[str, int] = ppg.upstream(counted), scale: float = 1.0) -> list[float]:
    return [value * scale for value in counted.values()]


class Numbers:
    suffix = ".numbers"

    def write(self, value: list[float], path: Path) -> None:
        path.write_text(" ".join(map(str, value)))

    def read(self, path: Path) -> list[float]:
        return list(map(float, path.read_text().split()))


@ppg.cached(format=Numbers())
def numbered(
    table: list[float] = ppg.upstream(table), shared: dict[str, int] = ppg.upstream(counted.loaded)
) -> list[float]:
    return table[: len(shared)]


as_stored: ppg.StoredValueJob[dict[str, int]] = counted
as_format: ppg.ValueFormat = Numbers()
assert_type(counted([1, 2]), dict[str, int])
assert_type(table(scale=2.0), list[float])
assert_type(ppg.upstream(counted), dict[str, int])
assert_type(ppg.upstream(table.loaded), list[float])


def results() -> None:
    assert_type(counted.read(), dict[str, int])
    assert_type(table.read(stale_ok=True), list[float])
    assert_type(values.read(), list[int])
    stored = ppg.StoredValueJob("direct", lambda: 3)
    assert_type(stored.read(), int)


@ppg.generator("more")
def more(values: list[int] = ppg.upstream(values)) -> None:
    for value in values:

        @ppg.file(f"{value}.txt")
        def copy(out: Path, value: int = value) -> None:
            out.write_text(str(value))

        copy.use_cores(2)


as_file: ppg.FileGeneratingJob = numbers
as_files: ppg.MultiFileGeneratingJob = halves
as_temp_files: ppg.MultiTempFileGeneratingJob = listed
as_temp_file: ppg.TempFileGeneratingJob = temporary
as_value: ppg.ValueLoadingJob[list[int]] = values
as_generator: ppg.JobGeneratingJob = more
after_numbers: ppg.FileGeneratingJob = total.depends_on(numbers)

# A decorated function can be called as it was, and keeps its types.
assert_type(values(Path("in.txt"), scale=3), list[int])
assert_type(total(Path("out.txt"), values=[1, 2], parts=[], named={}, notes=Path("notes.txt")), None)


def count(out: Path, reads: Path, k: int, *, words: list[str]) -> int:
    return out.write_text(f"{reads} {k} {words}")


counts = [
    ppg.file(f"{name}_{k}.txt", timeout=3)(count, reads=ppg.upstream(halves[name]), k=k, words=["a"])
    for name in ("even", "odd")
    for k in (1, 2)
]
by_key = {("even", 1): counts[0], ("odd", 2): counts[1]}
assert_type(ppg.upstream(by_key), dict[tuple[str, int], Path])
assert_type(ppg.upstream({1: values}), dict[int, list[int]])
assert_type(ppg.upstream([values, values]), list[list[int]])
assert_type(counts[0](Path("out.txt"), Path("reads.txt"), 2, words=[]), int)
assert_type(numbers.path, Path)
assert_type(halves["odd"].path, Path)
assert_type(Path(numbers), Path)
with open(numbers) as opened:
    assert_type(opened.read(), str)


@ppg.file("stated.txt", timeout="10m", cores=4, memory="8GB", share=True, retries=2)
def stated(out: Path) -> None:
    out.write_text("1")


ppg.temp_file("stated.tmp", timeout=timedelta(minutes=10), cores="all", memory=8_000_000_000)
ppg.data("stated", timeout=1.5, cores=-1, memory=None, retries=1)
ppg.FileGeneratingJob("stated.too", numbers.callback, timeout=None, cores=2, memory="512MiB", share=True)
ppg.CachedDataLoadingJob("stated.cache", int, print, cores=2, share=True)
stated.cores_needed = "all"
stated.use_cores("all").memory_needed = "8GB"
stated.empty_ok = True

sorted_numbers = ppg.ExternalJob(
    "sorted.txt",
    ["sort", ("--parallel=", ppg.CORES), numbers, halves["odd"], Path("input.txt"), 3],
    stdout="sorted.txt",
    environment={"LC_ALL": "C"},
    version=["sort", "--version"],
)
assert_type(sorted_numbers["sorted.txt"], ppg.JobFile)
assert_type(sorted_numbers.path, Path)


# Jobs are generic: what a parameter gets follows from the class, as from the decorator.
def write_named(out: dict[str, Path]) -> None:
    out["a"].write_text("a")


def write_listed(out: list[Path]) -> int:
    return len(out)


def write_one(out: Path, times: int = 2, *, text: str = "x") -> None:
    out.write_text(text * times)


def make_nothing_of(value: int = 3) -> list[int]:
    return [value]


class Place:
    loaded: list[int]


by_name = ppg.MultiFileGeneratingJob({"a": "a.out", "b": "b.out"}, write_named)
by_place = ppg.MultiTempFileGeneratingJob(["c.out", Path("d.out")], write_listed, empty_ok=True)
names_of_files: list[str] = ["e.out", "f.out"]
of_texts = ppg.MultiFileGeneratingJob(names_of_files, write_listed)
by_attribute = ppg.AttributeLoadingJob("loaded", Place(), "loaded", make_nothing_of)
by_cache = ppg.CachedAttributeLoadingJob("loaded.cache", Place(), "loaded", make_nothing_of)
one_file = ppg.FileGeneratingJob("one.out", write_one)
ppg.FileGeneratingJob("none.out", lambda: None)
ppg.FileGeneratingJob("lambda.out", lambda out: out.write_text("x"))
ppg.DirectoryGeneratingJob("one folder", write_one)
assert_type(ppg.upstream(by_name), dict[str, Path])
assert_type(ppg.upstream(by_place), list[Path])
assert_type(ppg.upstream(of_texts), list[Path])
assert_type(ppg.upstream(halves), dict[str, Path])
assert_type(ppg.upstream(listed), list[Path])
assert_type(ppg.upstream(by_attribute), list[int])
assert_type(ppg.upstream(by_cache), list[int])
assert_type(ppg.upstream(names_of_files), list[Path])
assert_type(ppg.upstream({("a", 1): "a.txt"}), dict[tuple[str, int], Path])
assert_type(ppg.upstream({"s1": [numbers, by_name["a"]]}), dict[str, list[Path]])
assert_type(ppg.upstream([counted, counted]), list[dict[str, int]])
assert_type(ppg.upstream({"c": counted}), dict[str, dict[str, int]])
assert_type(ppg.upstream({"p": ppg.FileChecksumInvariant("p.txt")}), dict[str, Path])
plain: ppg.MultiFileGeneratingJob = by_name
named_only: ppg.MultiFileGeneratingJob[dict[str, Path]] = by_name
files_only: ppg.JobList[ppg.FileGeneratingJob] = ppg.JobList([one_file])
assert_type(files_only[0], ppg.FileGeneratingJob)
assert_type(ppg.JobList(one_file), ppg.JobList[ppg.FileGeneratingJob])
assert_type((files_only + by_name)[0], ppg.FileGeneratingJob | ppg.MultiFileGeneratingJob[dict[str, Path]])
assert_type(files_only.depends_on("input.txt"), ppg.JobList[ppg.FileGeneratingJob])
anything: ppg.JobList = files_only
mapped = ppg.map(write_one, [1, 2], to="mapped/{item}.txt")
assert_type(mapped, ppg.JobList[ppg.FileGeneratingJob])


@ppg.file("wrong.txt")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUntypedFunctionDecorator]
def takes_a_text(out: str) -> None:
    print(out)


@ppg.files(["a", "b"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUntypedFunctionDecorator]
def takes_a_dictionary(out: dict[str, Path]) -> None:
    print(out)


@ppg.data("wrong")
def wrong(value: str = ppg.upstream(values)) -> None:  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
    print(value)


@ppg.cached("wrong")
def wrong_too(value: list[str] = ppg.upstream(counted)) -> None:  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    print(value)


ppg.cached("x", format="xlsx")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
numbers()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
values(Path("in.txt"), scale="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.file("x", empty_okay=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
ppg.file("x", core=4)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
ppg.file("x", cores=1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.file("x", cores="many")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.temp_file("x", memory=8e9)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.data("x", timeout=[10])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.data("x", share=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
ppg.generator("x", retries="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.file("x", share="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.FileGeneratingJob("x", print, memory=1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.FileGeneratingJob("x", print, cpus=4)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
stated.empty_ok = "yes"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
stated.cores_needed = "many"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
stated.use_cores(1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.FileGeneratingJob("x", write_listed)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.TempFileGeneratingJob("x", write_named)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.DirectoryGeneratingJob("x", write_named)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.AttributeLoadingJob("x", Place(), "loaded", write_one)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ppg.MultiFileGeneratingJob(["a", "b"], write_named)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
ppg.MultiFileGeneratingJob({"a": "b"}, write_one)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]


@ppg.file("wrong.again")
def wrong_again(out: Path, several: Path = ppg.upstream(by_name)) -> None:  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
    out.write_text(several.read_text())


files_only.append(by_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
