"""Projects in folders of their own share what their jobs have made; `docs/shared_cache.md` says what is promised."""

import functools
import json
import os
import select
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import ppg
from ppg.shared_cache.in_job import Use, take_or_make
from ppg.shared_cache.registry import CachedFile, opened, publish
from tests.fakes import RecordingFrontend, small_file_system


class Project:
    """A folder with pipegraphs of its own, and a cache that it has in common with others."""

    def __init__(self, folder, cache):
        folder.mkdir(parents=True)
        self.folder = folder
        self.cache = cache
        self.warnings = []

    def run(self, declare, **options):
        """Declare jobs with a function, run them, and give the result."""
        frontend = RecordingFrontend()
        options = {"shared_cache": self.cache, "root": self.folder, "quiet": True} | options
        graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=1), **options)
        declare()
        try:
            return graph.run(frontend=frontend)
        finally:
            self.warnings = frontend.warnings

    def __truediv__(self, name):
        return self.folder / name


@pytest.fixture
def cache(tmp_path):
    """Where the cache is; nothing is there yet."""
    return tmp_path / "cache"


@pytest.fixture
def project(tmp_path, cache):
    """Makes a project; more than one of them are neither beside each other nor equally deep."""
    return lambda name, **options: Project(tmp_path / name, options.get("cache", cache))


@pytest.fixture
def one(project):
    return project("one")


@pytest.fixture
def two(project):
    return project("somewhere/else/two")


def entries(cache):
    """The folders of all entries."""
    return sorted(path.parent for path in cache.glob("v1/*/*/manifest.json"))


def staged(cache):
    """What is left behind, or being written."""
    return sorted((cache / "v1" / "staging").iterdir())


# -- taking ------------------------------------------------------------------------------------------------


def test_the_second_project_takes_what_the_first_has_made(one, two, writer, account):
    def declare():
        ppg.FileGeneratingJob("results/out.txt", writer("expensive"), share=True)

    first = one.run(declare)
    assert account.taken() == ["out.txt"]
    assert first.taken_from_cache == []
    second = two.run(declare)
    assert account.taken() == []
    assert (two / "results/out.txt").read_bytes() == (one / "results/out.txt").read_bytes() == b"expensive"
    assert second.ran == second.taken_from_cache == ["results/out.txt"]
    assert not second["results/out.txt"].was_run
    assert second["results/out.txt"].reasons
    assert (
        second.summary()
        == "1 ran, 0 up to date, 0 failed, 0 blocked; 1 of those that ran from the shared cache"
    )


def test_what_was_taken_is_recorded_like_what_was_made(one, two, writer, account):
    def declare(text="more"):
        job = ppg.FileGeneratingJob("a", writer("shared"), share=True)
        ppg.FileGeneratingJob("b", writer(text)).depends_on(job)

    one.run(declare)
    two.run(declare)
    account.taken()
    assert two.run(declare).up_to_date == ["a", "b"]
    assert two.run(functools.partial(declare, "other")).ran == ["b"]
    (two / "a").write_text("not what was taken")
    assert two.run(functools.partial(declare, "other")).taken_from_cache == ["a"]
    assert (two / "a").read_text() == "shared"
    assert account.taken() == ["b"]


def test_only_jobs_that_say_so_share(one, two, cache, writer, account):
    def declare():
        ppg.FileGeneratingJob("cheap", writer("x"))
        ppg.FileGeneratingJob("changed", writer("x"), share=True).share(False)

    one.run(declare)
    two.run(declare)
    assert account.taken() == ["changed", "changed", "cheap", "cheap"]
    assert not cache.exists()


def test_without_a_cache_sharing_means_nothing(one, two, writer, account, monkeypatch):
    monkeypatch.delenv("PPG_SHARED_CACHE", raising=False)

    def declare():
        ppg.FileGeneratingJob("a", writer("x"), share=True)

    one.run(declare, shared_cache=None)
    two.run(declare, shared_cache=None)
    assert account.taken() == ["a", "a"]


def test_the_environment_can_name_the_cache(one, two, cache, writer, account, monkeypatch):
    monkeypatch.setenv("PPG_SHARED_CACHE", str(cache))

    def declare():
        ppg.FileGeneratingJob("a", writer("x"), share=True)

    one.run(declare, shared_cache=None)
    two.run(declare, shared_cache=None)
    assert account.taken() == ["a"]


def test_all_files_of_a_job_are_taken_with_their_names_and_permissions(one, two, account):
    names = {"first": "-a", "second": "line\nbreak", "odd": "\udcff ü*", "up": "..x/y", "tool": "bin/tool"}

    def make(paths):
        account.ran("made")
        for name, path in paths.items():
            path.write_text(name)
        paths["tool"].chmod(0o755)

    def declare():
        ppg.MultiFileGeneratingJob(names, make, share=True)

    one.run(declare)
    two.run(declare)
    assert account.taken() == ["made"]
    assert {name: (two / path).read_text() for name, path in names.items()} == {n: n for n in names}
    assert (two / "bin/tool").stat().st_mode & 0o777 == 0o755
    assert two.run(declare).up_to_date


def test_temporary_files_are_taken_too(one, two, writer, account):
    def declare():
        temp = ppg.TempFileGeneratingJob("temp", writer("t"), share=True)
        ppg.FileGeneratingJob("out", lambda path: path.write_text(Path("temp").read_text())).depends_on(temp)

    one.run(declare)
    assert two.run(declare).taken_from_cache == ["temp"]
    assert account.taken() == ["temp"]
    assert (two / "out").read_text() == "t"
    assert not (two / "temp").exists()


def test_programs_share_by_their_command(one, two):
    def declare(word="hello"):
        ppg.ExternalJob("out", ["echo", word], stdout="out", share=True)

    one.run(declare)
    assert two.run(declare).taken_from_cache == ["out"]
    assert (two / "out").read_text() == "hello\n"
    assert two.run(functools.partial(declare, "bye")).taken_from_cache == []
    assert (two / "out").read_text() == "bye\n"


def test_generated_jobs_share(one, two, writer, account):
    def declare():
        ppg.JobGeneratingJob("more", lambda: ppg.FileGeneratingJob("made", writer("x"), share=True))

    one.run(declare)
    assert two.run(declare).taken_from_cache == ["made"]
    assert account.taken() == ["made"]


def test_decorated_functions_share(one, two, account):
    def declare():
        @ppg.file("a", share=True)
        def a(path: Path) -> None:
            account.ran("a")
            path.write_text("1")

        @ppg.file("b", share=True)
        def b(path: Path, source: Path = ppg.upstream(a)) -> None:
            account.ran("b")
            path.write_text(source.read_text() + "2")

    one.run(declare)
    assert two.run(declare).taken_from_cache == ["a", "b"]
    assert account.taken() == ["a", "b"]
    assert (two / "b").read_text() == "12"


def test_calculations_of_cached_jobs_share(one, two, account):
    def calculate():
        account.ran("calculated")
        return {"answer": 42}

    class Loaded:
        pass

    def declare():
        load = ppg.CachedAttributeLoadingJob("cache/value", Loaded, "value", calculate)
        load.cache_job.share()
        ppg.FileGeneratingJob("out", lambda path: path.write_text(str(Loaded.value["answer"]))).depends_on(
            load
        )

    one.run(declare)
    assert two.run(declare).taken_from_cache == ["cache/value"]
    assert account.taken() == ["calculated"]
    assert (two / "out").read_text() == "42"


def test_a_pickle_that_cannot_be_read_here_is_made_anew_and_stays_for_others(one, two, cache, account):
    def calculate():
        account.ran("calculated")
        return [1, 2]

    class Loaded:
        pass

    def declare():
        load = ppg.CachedAttributeLoadingJob("value", Loaded, "value", calculate)
        load.cache_job.share()
        ppg.FileGeneratingJob("out", lambda path: path.write_text(str(Loaded.value))).depends_on(load)

    one.run(declare)
    (entry,) = entries(cache)
    # As a pickle of a class that the other project's Python does not have: intact, and no use.
    kept = b"cno_such_module\nThing\n."
    replace(entry, kept)
    two.run(declare)
    assert account.taken() == ["calculated", "calculated"]
    (warning,) = two.warnings
    assert "cannot be used here" in warning
    assert "no_such_module" in warning
    assert (two / "out").read_text() == "[1, 2]"
    assert (entry / "0").read_bytes() == kept


def replace(entry, content):
    """Make an entry one of another content, consistently."""
    import xxhash

    manifest = json.loads((entry / "manifest.json").read_text())
    manifest["files"][0] |= {"size": len(content), "xxh3_128": xxhash.xxh3_128(content).hexdigest()}
    for name, data in (("manifest.json", json.dumps(manifest).encode()), ("0", content)):
        (entry / name).unlink()
        (entry / name).write_bytes(data)


def test_jobs_in_fresh_processes_share(one, two, writer, account):
    def declare():
        ppg.FileGeneratingJob("a", writer("x"), share=True, isolation="fresh", retries=1)

    one.run(declare)
    assert two.run(declare).taken_from_cache == ["a"]
    assert account.taken() == ["a"]


def test_jobs_in_the_scripts_own_process_share(one, two, writer, account):
    def declare():
        ppg.FileGeneratingJob("a", writer("x"), share=True)

    one.run(declare)
    graph = ppg.new_pipegraph(
        ppg.LocalSystem(inline=True), root=two.folder, shared_cache=one.cache, quiet=True
    )
    declare()
    assert graph.run().taken_from_cache == ["a"]


def test_processes_of_jobs_that_do_not_share_know_nothing_of_the_cache(one):
    def look(path):
        path.write_text(" ".join(name for name in sys.modules if "shared_cache" in name))

    one.run(lambda: ppg.FileGeneratingJob("modules", look, empty_ok=True))
    assert (one / "modules").read_text() == ""


# -- what the key is made of -------------------------------------------------------------------------------


def copier(account, *sources):
    """A function that puts several files one after another."""

    def make(path):
        account.ran("copied")
        path.write_text("".join(Path(source).read_text() for source in sources))

    return make


def test_inputs_count_by_their_name_and_content(one, two, account):
    make = copier(account, "a", "b")

    def declare():
        ppg.FileGeneratingJob("out", make, share=True).depends_on_file("a").depends_on_file("b")

    for folder, a, b in ((one, "1", "2"), (two, "2", "1")):
        (folder / "a").write_text(a)
        (folder / "b").write_text(b)
    one.run(declare)
    assert two.run(declare).taken_from_cache == []
    assert (two / "out").read_text() == "21"
    (two / "a").write_text("1")
    (two / "b").write_text("2")
    assert two.run(declare).taken_from_cache == ["out"]
    assert (two / "out").read_text() == "12"


def test_inputs_outside_of_the_project_count_by_their_absolute_name(one, two, tmp_path, account):
    data = tmp_path / "data.txt"
    data.write_text("data")

    def declare():
        ppg.FileGeneratingJob("out", copier(account, data), share=True).depends_on_file(data)

    one.run(declare)
    assert two.run(declare).taken_from_cache == ["out"]


def test_outputs_of_others_count_by_their_content(one, two, writer, account):
    def declare(salt):
        def make(path):
            account.ran(f"a{salt}")
            path.write_text("same")

        a = ppg.FileGeneratingJob("a", make)
        ppg.FileGeneratingJob("out", copier(account, "a"), share=True).depends_on(a)

    one.run(functools.partial(declare, 1))
    assert two.run(functools.partial(declare, 2)).taken_from_cache == ["out"]
    assert account.taken() == ["a1", "a2", "copied"]


def test_only_the_file_that_is_needed_of_many_counts(one, two, account):
    def declare(other):
        def make(paths):
            paths["used"].write_text("used")
            paths["other"].write_text(other)

        job = ppg.MultiFileGeneratingJob({"used": "u", "other": "o"}, make)
        ppg.FileGeneratingJob("out", copier(account, "u"), share=True).depends_on(job["used"])

    one.run(functools.partial(declare, "1"))
    assert two.run(functools.partial(declare, "2")).taken_from_cache == ["out"]


def test_loads_count_by_what_they_consume(one, two, account):
    class Loaded:
        pass

    def declare(parameter, addend=0):
        deep = ppg.AttributeLoadingJob("deep", Loaded, "deep", lambda: addend)
        load = ppg.AttributeLoadingJob("load", Loaded, "value", lambda: Loaded.deep + 1).depends_on(deep)
        load.depends_on_params(parameter)
        ppg.FileGeneratingJob("out", lambda path: path.write_text(str(Loaded.value)), share=True).depends_on(
            load
        )

    one.run(lambda: declare(1))
    assert two.run(lambda: declare(2)).taken_from_cache == []
    assert two.run(lambda: declare(1)).taken_from_cache == ["out"]
    assert two.run(lambda: declare(1, addend=5)).taken_from_cache == []
    assert (two / "out").read_text() == "6"


def plain(path):
    path.write_text("x")


VARIANTS = {
    "another parameter": lambda: ppg.FileGeneratingJob("a", plain, share=True).depends_on_params(1),
    "another value": lambda: ppg.FileGeneratingJob("a", plain, share=True).depends_on_params(2),
    "another function": lambda: ppg.FileGeneratingJob("a", lambda path: path.write_text("y"), share=True),
    "another name": lambda: ppg.FileGeneratingJob("b", plain, share=True),
    "empty files": lambda: ppg.FileGeneratingJob("a", plain, empty_ok=True, share=True),
    "a list": lambda: ppg.MultiFileGeneratingJob(["a"], lambda paths: plain(paths[0]), share=True),
    "plain": lambda: ppg.FileGeneratingJob("a", plain, share=True),
}


def test_whatever_differs_is_not_taken(project):
    for name, declare in VARIANTS.items():
        assert project(f"first {name}").run(declare).taken_from_cache == [], name
    for name, declare in VARIANTS.items():
        assert project(f"second {name}").run(declare).taken_from_cache, name


def test_the_order_in_which_a_function_gets_its_files_counts(one, two):
    def make(paths):
        for position, path in enumerate(paths):
            path.write_text(str(position))

    one.run(lambda: ppg.MultiFileGeneratingJob(["a", "b"], make, share=True))
    assert two.run(lambda: ppg.MultiFileGeneratingJob(["b", "a"], make, share=True)).taken_from_cache == []
    assert (two / "b").read_text() == "0"


def without_cutoff():
    return ppg.FileGeneratingJob("out", plain, cutoff=False, share=True)


def below_no_cutoff():
    return ppg.FileGeneratingJob("out", plain, share=True).depends_on(
        ppg.FileGeneratingJob("up", plain, cutoff=False)
    )


def by_time():
    Path("in").touch()
    return ppg.FileGeneratingJob("out", plain, share=True).depends_on(
        ppg.FileTimeInvariant(Path("in").absolute())
    )


def ignoring():
    return ppg.FileGeneratingJob("out", plain, share=True).ignore_code_changes()


def below_an_ignoring_load():
    load = ppg.DataLoadingJob("load", lambda: None).ignore_code_changes()
    return ppg.FileGeneratingJob("out", plain, share=True).depends_on(load)


@pytest.mark.parametrize(
    ("declare", "options", "why"),
    [
        (without_cutoff, {}, "'out' has cutoff=False"),
        (below_no_cutoff, {}, "'up' has cutoff=False"),
        (by_time, {}, "use a FileChecksumInvariant"),
        (ignoring, {}, "'out' ignores changes of its code"),
        (below_an_ignoring_load, {}, "'load' ignores changes of its code"),
        (VARIANTS["plain"], {"follow": "none"}, 'follow="none"'),
    ],
)
def test_what_ppg_cannot_vouch_for_elsewhere_is_not_shared(one, cache, folder, declare, options, why):
    assert one.run(declare, **options).ran
    (warning,) = one.warnings
    assert "is not shared: " in warning
    assert why in warning
    assert not cache.exists()


# -- damage ------------------------------------------------------------------------------------------------


def truncated(entry):
    os.truncate(entry / "0", 1)


def flipped(entry):
    (entry / "0").chmod(0o644)
    (entry / "0").write_text("expensivE")


def missing(entry):
    (entry / "0").unlink()


def no_manifest(entry):
    (entry / "manifest.json").unlink()


def half_a_manifest(entry):
    os.truncate(entry / "manifest.json", 40)


def nonsense(entry):
    (entry / "manifest.json").unlink()
    (entry / "manifest.json").write_text('{"files": [3]}')


def a_folder_instead(entry):
    (entry / "0").unlink()
    (entry / "0").mkdir()


@pytest.mark.parametrize(
    "damage", [truncated, flipped, missing, no_manifest, half_a_manifest, nonsense, a_folder_instead]
)
def test_a_damaged_entry_is_noticed_and_replaced(project, cache, writer, account, damage):
    def declare():
        ppg.FileGeneratingJob("out", writer("expensive"), share=True)

    project("one").run(declare)
    (entry,) = entries(cache)
    damage(entry)
    second = project("two")
    assert second.run(declare).taken_from_cache == []
    assert account.taken() == ["out", "out"]
    (warning,) = second.warnings
    assert "'out': its entry in the shared cache" in warning
    assert "is damaged" in warning
    third = project("three")
    assert third.run(declare).taken_from_cache == ["out"]
    assert third.warnings == []
    assert (third / "out").read_text() == "expensive"
    assert staged(cache) == []


def test_whoever_changes_what_was_taken_in_place_harms_nobody(one, two, project, writer):
    def declare():
        ppg.FileGeneratingJob("out", writer("shared"), share=True)

    one.run(declare)
    two.run(declare)
    for folder in (one, two):
        with (folder / "out").open("a") as file:
            file.write(" and mine")
    third = project("three")
    assert third.run(declare).taken_from_cache == ["out"]
    assert (third / "out").read_text() == "shared"


def test_failures_and_broken_contracts_are_not_kept(one, cache):
    def fail(path):
        path.write_text("half")
        raise ValueError("no")

    def declare():
        ppg.FileGeneratingJob("failed", fail, share=True)
        ppg.FileGeneratingJob("empty", lambda path: path.touch(), share=True)
        ppg.FileGeneratingJob("nothing", lambda: None, share=True)

    with pytest.raises(ppg.RuntimeError) as caught:
        one.run(declare)
    assert sorted(caught.value.exceptions) == ["empty", "failed", "nothing"]
    assert isinstance(caught.value.exceptions["failed"], ValueError)
    assert not cache.exists()


# -- hard links --------------------------------------------------------------------------------------------


def test_hard_links_are_read_only_and_changes_through_them_are_found_out(project, cache, writer, account):
    linked = ppg.SharedCache(cache, hard_links=True)

    def declare():
        ppg.FileGeneratingJob("out", writer("shared"), share=True)

    one, two, three = (project(name, cache=linked) for name in ("one", "two", "three"))
    one.run(declare)
    two.run(declare)
    files = [(folder / "out").stat() for folder in (one, two)]
    if files[0].st_ino != files[1].st_ino:
        pytest.skip("reflinks are there, which are better")
    assert not files[0].st_mode & 0o222
    assert one.run(declare).up_to_date == two.run(declare).up_to_date == ["out"]
    (two / "out").chmod(0o644)
    (two / "out").write_text("mine!!")
    account.taken()
    assert three.run(declare).taken_from_cache == []
    assert "is damaged" in three.warnings[0]
    assert (three / "out").read_text() == "shared"
    # The one whose file was changed behind its back makes it anew as well, and not through the link.
    assert one.run(declare).taken_from_cache == ["out"]
    assert (one / "out").read_text() == "shared"
    assert (two / "out").read_text() == "mine!!"


# -- others ------------------------------------------------------------------------------------------------


def test_files_in_the_cache_are_as_open_as_the_cache_whatever_the_umask(one, two, cache, writer):
    cache.mkdir()
    cache.chmod(0o2775)

    def declare():
        ppg.FileGeneratingJob("out", writer("x"), share=True)

    before = os.umask(0o077)
    try:
        one.run(declare)
    finally:
        os.umask(before)
    (entry,) = entries(cache)
    for folder in (entry, entry.parent, cache / "v1", cache / "v1/staging"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o2775
    assert {stat.S_IMODE(file.stat().st_mode) for file in entry.iterdir()} == {0o444}
    assert stat.S_IMODE((one / "out").stat().st_mode) == 0o600
    before = os.umask(0o022)
    try:
        two.run(declare)
    finally:
        os.umask(before)
    assert stat.S_IMODE((two / "out").stat().st_mode) == 0o644


RENDEZVOUS = """
import os, sys
from pathlib import Path
import ppg

mine, others = sys.argv[1:3]

def meet():
    # Opening a fifo waits for the other end: both jobs are in their functions before one goes on.
    for name in sorted((mine, others)):
        os.close(os.open(name, os.O_WRONLY if name == mine else os.O_RDONLY))

# An object in a global does not count, while what it does, the names of fifos, is not the same for both.
meeting = [meet]

def make(path):
    meeting[0]()
    path.write_text("made")

ppg.new_pipegraph(shared_cache=sys.argv[3], quiet=True)
job = ppg.FileGeneratingJob("out", make, share=True)
result = ppg.run_pipegraph()
print(result.taken_from_cache, job.was_run)
"""


def test_two_that_make_the_same_at_the_same_moment_both_succeed(tmp_path, one, two, project, cache):
    script = tmp_path / "script.py"
    script.write_text(RENDEZVOUS)
    fifos = [str(tmp_path / name) for name in ("x", "y")]
    for name in fifos:
        os.mkfifo(name)
    processes = [
        subprocess.Popen(
            [sys.executable, script, *names, cache], cwd=where.folder, stdout=subprocess.PIPE, text=True
        )
        for where, names in ((one, fifos), (two, fifos[::-1]))
    ]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert outputs == ["[] True\n"] * 2
    assert len(entries(cache)) == 1
    assert staged(cache) == []
    third = project("three")
    done = subprocess.run(
        [sys.executable, script, *fifos, cache], cwd=third.folder, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "['out'] False\n", done.stderr


def in_a_process_that_is_killed(function):
    """Call a function in a fork; gives the signal that ended it."""
    pid = os.fork()
    if not pid:
        try:
            function()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_who_is_killed_while_keeping_something_leaves_no_entry_and_it_is_tidied_up(tmp_path, cache):
    files = [CachedFile("a", 1, b"x" * 16, 0), CachedFile("b", 1, b"y" * 16, 0)]
    key = "ab" * 32

    def copy(position, target, mode):
        Path(target).write_text("x")
        if position == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_process_that_is_killed(lambda: publish(str(cache), key, files, copy, {})) == -signal.SIGKILL
    with opened(str(cache), key) as entry:
        assert entry is None
    (left,) = staged(cache)
    publish(str(cache), key, files, lambda _, target, mode: Path(target).write_text("x"), {})
    with opened(str(cache), key) as entry:
        assert [one.name for one in entry.files] == ["a", "b"]
    assert staged(cache) == [left]  # somebody might still be at it
    os.utime(left, (0, 0))
    publish(str(cache), "cd" * 32, files, lambda _, target, mode: Path(target).write_text("x"), {})
    assert staged(cache) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB, and a function that makes it read-only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_file_system(disk, "256k"):
        yield disk, lambda: subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


def test_from_a_cache_that_can_only_be_read_everything_can_be_taken(small_disk, project, writer, account):
    disk, make_read_only = small_disk
    one, two = (project(name, cache=disk / "cache") for name in ("one", "two"))

    def declare(*more):
        for name in ("a", *more):
            ppg.FileGeneratingJob(name, writer("x"), share=True)

    one.run(declare)
    make_read_only()
    account.taken()
    assert two.run(lambda: declare("b", "c")).taken_from_cache == ["a"]
    assert account.taken() == ["b", "c"]
    (warning,) = two.warnings  # one for both: it is the same
    assert "nothing can be kept in the shared cache" in warning
    assert "Read-only file system" in warning


def test_a_full_cache_costs_the_sharing_and_not_the_job(small_disk, project, writer):
    disk, _ = small_disk
    one, two = (project(name, cache=disk / "cache") for name in ("one", "two"))

    def declare():
        ppg.FileGeneratingJob("big", writer("x" * (1 << 20)), share=True)

    for each in (one, two):
        assert each.run(declare).taken_from_cache == []
        assert (each / "big").stat().st_size == 1 << 20
        (warning,) = each.warnings
        assert "No space left on device" in warning
        assert each.run(declare).up_to_date == ["big"]
    assert entries(disk / "cache") == staged(disk / "cache") == []


@pytest.mark.parametrize("obstacle", ["a file in its place", "no parent"])
def test_a_cache_that_cannot_be_costs_the_sharing_and_not_the_job(project, tmp_path, writer, obstacle):
    place = tmp_path / "obstacle"
    if obstacle == "a file in its place":
        place.write_text("not a folder")
    else:
        place = place / "cache"
    one = project("one", cache=place)
    assert one.run(lambda: ppg.FileGeneratingJob("a", writer("x"), share=True)).ran == ["a"]
    (warning,) = one.warnings
    assert "nothing can be kept in the shared cache" in warning


def test_a_project_without_room_fails_as_without_a_cache(small_disk, project, cache, writer):
    disk, _ = small_disk

    def declare():
        ppg.FileGeneratingJob("big", writer("x" * (1 << 20)), share=True)

    project("one").run(declare)
    (entry,) = entries(cache)
    cramped = Project(disk / "two", cache)
    with pytest.raises(ppg.RuntimeError, match="No space left on device"):
        cramped.run(declare)
    assert not (cramped / "big").exists()
    assert entries(cache) == [entry]
    three = project("three")
    assert three.run(declare).taken_from_cache == ["big"]


def steadily_pruned(cache, stop):
    """A process that empties the cache again and again, until it reads the end of `stop`."""
    reading, writing = stop
    pid = os.fork()
    if pid:
        os.close(reading)
        return pid
    code = 1
    try:
        os.close(writing)
        while not select.select([reading], [], [], 0)[0]:
            ppg.SharedCache(cache).prune(0)
        code = 0
    finally:
        os._exit(code)


def test_what_is_taken_while_others_prune_and_keep_is_whole_and_no_damage_is_told(tmp_path, cache):
    stop = os.pipe()
    pruning = steadily_pruned(cache, stop)
    names = ("a", "b", "c")

    def make_and_take(who):
        folder = tmp_path / who
        folder.mkdir()
        paths = [str(folder / name) for name in names]
        use = Use(str(cache), "ef" * 32, names, False, str(folder), None)
        taken = 0
        for number in range(150):

            def make(text=f"{who} {number}"):
                for path in paths:
                    Path(path).unlink(missing_ok=True)
                    Path(path).write_text(text)

            was_taken, _, warnings = take_or_make(make, paths, use, empty_ok=False)
            assert warnings == []
            # All of one making, even if every making is another.
            assert len({Path(path).read_text() for path in paths}) == 1
            taken += was_taken
        return taken

    other = os.fork()
    if not other:
        code = 1
        try:
            make_and_take("other")
            code = 0
        finally:
            os._exit(code)
    try:
        assert make_and_take("this") > 0
    finally:
        os.close(stop[1])
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in (other, pruning)]
    assert codes == [0, 0]


# -- upkeep ------------------------------------------------------------------------------------------------


def test_what_was_not_used_for_the_longest_time_is_removed_first(project, cache, writer):
    def declare(*names):
        for name in names:
            ppg.FileGeneratingJob(name, writer("x" * 1000), share=True)

    project("one").run(lambda: declare("a", "b", "c"))
    shared = ppg.SharedCache(cache)
    assert sorted(entry.files for entry in shared.entries()) == [("a",), ("b",), ("c",)]
    assert all(str(cache.parent / "one") in entry.made_by for entry in shared.entries())
    for folder in entries(cache):
        os.utime(folder, (1000, 1000))
    project("two").run(lambda: declare("b"))
    size = max(entry.size for entry in shared.entries())
    removed = shared.prune(size)
    assert sorted(entry.files for entry in removed) == [("a",), ("c",)]
    (left,) = shared.entries()
    assert left.files == ("b",)
    assert shared.prune(size) == []
    assert len(shared.prune(0)) == 1
    assert list(shared.entries()) == staged(cache) == []
    assert project("three").run(lambda: declare("a")).taken_from_cache == []


def test_a_damaged_entry_is_listed_and_can_be_removed(one, cache, writer):
    one.run(lambda: ppg.FileGeneratingJob("a", writer("x"), share=True))
    nonsense(*entries(cache))
    (entry,) = ppg.SharedCache(cache).entries()
    assert entry.files == ()
    assert "damaged" in repr(entry)
    assert len(ppg.SharedCache(cache).prune(0)) == 1


def test_a_cache_that_is_not_there_is_empty(cache):
    assert list(ppg.SharedCache(cache).entries()) == ppg.SharedCache(cache).prune(0) == []


# -- declaring ---------------------------------------------------------------------------------------------


def test_nonsense_is_refused(folder):
    with pytest.raises(TypeError, match="SharedCache: folder must be a str or a Path"):
        ppg.new_pipegraph(shared_cache=3)
    with pytest.raises(ValueError, match="not '/'"):
        ppg.SharedCache("/")
    with pytest.raises(TypeError, match="hard_links must be True or False"):
        ppg.SharedCache("x", hard_links=1)
    with pytest.raises(ValueError, match="max_size must be 0 bytes or more"):
        ppg.SharedCache("x").prune(-1)
    ppg.new_pipegraph()
    with pytest.raises(TypeError, match="share must be True or False, not 'yes'"):
        ppg.FileGeneratingJob("a", plain, share="yes")
    with pytest.raises(TypeError, match="share of 'b' must be True or False"):
        ppg.FileGeneratingJob("b", plain).share("yes")
