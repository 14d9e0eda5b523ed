"""Projects in folders of their own share what their jobs have made; `docs/shared_cache.md` says what is promised."""

import functools
import json
import sys
from pathlib import Path

import ppg
from tests.api.shared_cache.projects import entries


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


def test_a_pickle_that_cannot_be_read_here_is_made_again_and_stays_for_others(one, two, cache, account):
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
