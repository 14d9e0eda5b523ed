"""What a sharing job read without declaring it is in the entry, and another project takes the entry only if it has the same."""

import json
import os
from pathlib import Path

import ppg
from tests.api.shared_cache.projects import entries

LOADED = {}


def reading(account, *names):
    """A function that puts several files one after another, or `-` for one that is not there."""

    def make(path):
        account.ran("made")
        path.write_text("".join(Path(name).read_text() if exists(name) else "-" for name in names) + ".")

    def exists(name):
        try:
            os.close(os.open(name, os.O_RDONLY))
        except FileNotFoundError:
            return False
        return True

    return make


def declaring(account, *names, **options):
    return lambda: ppg.FileGeneratingJob("out", reading(account, *names), share=True, **options)


def test_an_entry_is_taken_only_where_the_files_that_were_read_are_the_same(one, two, account):
    (one / "config").write_text("1")
    (two / "config").write_text("2")
    one.run(declaring(account, "config"))
    assert two.run(declaring(account, "config")).taken_from_cache == []
    assert (two / "out").read_text() == "2."
    (two / "config").write_text("1")
    assert two.run(declaring(account, "config")).taken_from_cache == ["out"]
    assert (two / "out").read_text() == "1."


def test_a_job_that_took_its_files_has_the_reads_in_its_record(one, two, account):
    for folder in (one, two):
        (folder / "config").write_text("1")
    one.run(declaring(account, "config"))
    assert two.run(declaring(account, "config")).taken_from_cache == ["out"]
    account.taken()
    two.run(declaring(account, "config"))
    assert account.taken() == []
    (two / "config").write_text("2")
    two.run(declaring(account, "config"))
    assert account.taken() == ["made"]
    assert (two / "out").read_text() == "2."


def test_absence_counts(one, two, account):
    (two / "local").write_text("x")
    one.run(declaring(account, "local"))
    assert two.run(declaring(account, "local")).taken_from_cache == []
    assert (two / "out").read_text() == "x."
    (two / "local").unlink()
    assert two.run(declaring(account, "local")).taken_from_cache == ["out"]
    (two / "local").write_text("x")
    two.run(declaring(account, "local"))
    assert (two / "out").read_text() == "x."


def test_the_manifest_has_the_names_and_hashes(one, cache, account):
    (one / "config").write_text("1")
    one.run(declaring(account, "config", "local"))
    (entry,) = entries(cache)
    reads = json.loads((entry / "manifest.json").read_text())["reads"]
    assert [read["path"] for read in reads] == ["config", "local"]
    assert [read["xxh3_128"] is None for read in reads] == [False, True]


def test_declared_inputs_are_in_the_key_and_not_among_the_reads(one, cache, account):
    (one / "input").write_text("1")

    def declare():
        ppg.FileGeneratingJob("out", reading(account, "input"), share=True).depends_on_file("input")

    one.run(declare)
    (entry,) = entries(cache)
    assert json.loads((entry / "manifest.json").read_text())["reads"] == []


def test_a_job_that_lists_a_folder_is_not_kept(one, cache, account):
    def make(path):
        path.write_text(repr(sorted(os.listdir("."))))

    one.run(lambda: ppg.FileGeneratingJob("out", make, share=True))
    assert entries(cache) == []
    (message,) = one.warnings
    assert "it listed the folder" in message


def test_a_file_that_changed_while_the_job_ran_is_not_kept(one, cache, account):
    def make(path):
        path.write_text(Path("log").read_text())
        with Path("log").open("a") as log:
            log.write("more")

    (one / "log").write_text("x")
    one.run(lambda: ppg.FileGeneratingJob("out", make, share=True))
    assert entries(cache) == []
    assert any("'log' changed while it ran" in message for message in one.warnings)


def test_a_job_is_not_shared_if_its_load_read_what_it_does_not_declare(one, cache, account):
    def declare():
        loaded = ppg.DataLoadingJob("load", lambda: LOADED.update(x=Path("data").read_text()))
        ppg.FileGeneratingJob("out", lambda path: path.write_text(LOADED["x"]), share=True).depends_on(loaded)

    (one / "data").write_text("1")
    one.run(declare)
    assert entries(cache) == []
    assert any("the load 'load' read 'data' without depending on it" in message for message in one.warnings)


def test_an_entry_of_a_former_ppg_has_no_reads(one, two, cache, account):
    one.run(declaring(account))
    (entry,) = entries(cache)
    manifest = json.loads((entry / "manifest.json").read_text())
    del manifest["reads"]
    (entry / "manifest.json").unlink()
    (entry / "manifest.json").write_text(json.dumps(manifest))
    assert two.run(declaring(account)).taken_from_cache == ["out"]


def test_a_link_to_a_declared_file_may_lead_elsewhere_in_another_project(one, two, account):
    def declare():
        job = ppg.FileGeneratingJob("out", reading(account, "link"), share=True)
        job.depends_on_file("a").depends_on_file("b")

    for folder, target in ((one, "a"), (two, "b")):
        (folder / "a").write_text("1")
        (folder / "b").write_text("2")
        (folder / "link").symlink_to(target)
    one.run(declare)
    assert two.run(declare).taken_from_cache == []
    assert (two / "out").read_text() == "2."
    (two / "link").unlink()
    (two / "link").symlink_to("a")
    assert two.run(declare).taken_from_cache == ["out"]
    assert (two / "out").read_text() == "1."


def test_a_project_in_a_folder_that_is_a_link_shares_with_others(one, two, cache, tmp_path, account):
    for folder in (one, two):
        (folder / "input").write_text("1")
        (folder / "config").write_text("2")

    def declare():
        ppg.FileGeneratingJob("out", reading(account, "input", "config"), share=True).depends_on_file("input")

    (tmp_path / "link").symlink_to(one.folder)
    one.run(declare, root=tmp_path / "link")
    (entry,) = entries(cache)
    assert [read["path"] for read in json.loads((entry / "manifest.json").read_text())["reads"]] == ["config"]
    assert two.run(declare).taken_from_cache == ["out"]
