"""Entries that no job wrote: whatever they hold, they cost the sharing and never the job."""

import json
import os
import resource
import socket
import stat

import pytest

import ppg
from ppg.shared_cache.registry import DamagedError, opened
from tests.api.shared_cache.projects import entries, staged

EXPENSIVE = "expensive"


def declare(writer):
    return lambda: ppg.FileGeneratingJob("out", writer(EXPENSIVE), share=True)


def manifest(change):
    """A damage that writes the manifest anew."""

    def damage(entry):
        path = entry / "manifest.json"
        content = json.loads(path.read_text())
        new = change(content, content["files"][0])
        path.unlink()
        path.write_text(json.dumps(content) if new is None else new)

    return damage


def field(name, value):
    return manifest(lambda _, file: file.update({name: value}))


def whole(text):
    return manifest(lambda _, __: text)


def other(name):
    """A damage that puts something else in the place of a file of the entry."""

    def damage_by(make):
        def damage(entry):
            (entry / name).unlink()
            make(entry / name)

        return damage

    return damage_by


def link_to(target):
    return lambda path: path.symlink_to(target)


def zeros(path):
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))


def listening(path):
    here = os.getcwd()
    os.chdir(path.parent)  # a socket's name may be 107 bytes long
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def huge(path):
    path.touch()
    os.truncate(path, 1 << 40)


def folder_is_a_file(entry):
    for path in entry.iterdir():
        path.unlink()
    entry.rmdir()
    entry.write_text("no folder")


def folder_is_a_link(entry):
    entry.rename(entry.parent / "elsewhere")
    entry.symlink_to("elsewhere")


DAMAGES = {
    "infinite size": field("size", float("inf")),
    "size NaN": field("size", float("nan")),
    "size 1e999": manifest(lambda content, _: json.dumps(content).replace('"size": 9', '"size": 1e999')),
    "huge size": field("size", 10**4000),
    "negative size": field("size", -1),
    "size is text": field("size", "9"),
    "size is true": field("size", True),
    "size is less": field("size", 4),
    "size is more": field("size", 1 << 50),
    "infinite bits": field("executable", float("inf")),
    "bits are text": field("executable", "0"),
    "name is a number": field("name", 3),
    "name leads up": field("name", "../out"),
    "name is absolute": field("name", "/etc/passwd"),
    "name is half a character": field("name", "\ud800"),
    "digest is a number": field("xxh3_128", 3),
    "digest is no digits": field("xxh3_128", "zz"),
    "digest of other bytes": field("xxh3_128", "00" * 16),
    "deep": whole("[" * 100_000 + "]" * 100_000),
    "deep file": manifest(
        lambda content, _: json.dumps(content).replace('"out"', "[" * 90_000 + "]" * 90_000)
    ),
    "null": whole("null"),
    "a number": whole("1e999"),
    "empty": whole(""),
    "no UTF-8": lambda entry: (
        (entry / "manifest.json").unlink(),
        (entry / "manifest.json").write_bytes(b"\xff"),
    ),
    "files is a mapping": manifest(lambda content, _: content.update(files={"0": 1})),
    "files is null": manifest(lambda content, _: content.update(files=None)),
    "no files": manifest(lambda content, _: content.update(files=[])),
    "a file more": manifest(lambda content, file: content["files"].append(file)),
    "made by a list": manifest(lambda content, _: content.update(made_by=[1])),
    "another format": manifest(lambda content, _: content.update(format=2)),
    "twice the files": manifest(lambda content, _: json.dumps(content)[:-1] + ', "files": []}'),
    "manifest is a pipe": other("manifest.json")(os.mkfifo),
    "manifest is a device": other("manifest.json")(zeros),
    "manifest is a folder": other("manifest.json")(os.mkdir),
    "manifest is a link": other("manifest.json")(link_to("/dev/zero")),
    "manifest is huge": other("manifest.json")(huge),
    "file is a pipe": other("0")(os.mkfifo),
    "file is a device": other("0")(zeros),
    "file is a socket": other("0")(listening),
    "file is a folder": other("0")(os.mkdir),
    "file is a link to a device": other("0")(link_to("/dev/zero")),
    "file is a link to itself": other("0")(link_to("0")),
    "file is a link to a file": lambda entry: (
        (entry / "0").rename(entry / "1"),
        (entry / "0").symlink_to("1"),
    ),
    "file is huge": other("0")(huge),
    "the entry is a file": folder_is_a_file,
    "the entry is a link": folder_is_a_link,
}


@pytest.mark.parametrize("hard_links", [False, True], ids=["copies", "links"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_an_entry_that_no_job_wrote_is_said_and_replaced_and_costs_no_job(
    project, cache, writer, account, damage, hard_links
):
    shared = ppg.SharedCache(cache, hard_links=hard_links)
    project("one").run(declare(writer))
    (entry,) = entries(cache)
    try:
        DAMAGES[damage](entry)
    except PermissionError:
        pytest.skip("devices cannot be made here")
    second = project("two", cache=shared)
    assert second.run(declare(writer)).taken_from_cache == []
    assert (second / "out").read_text() == EXPENSIVE
    assert account.taken() == ["out", "out"]
    (warning,) = second.warnings
    assert "'out': its entry in the shared cache" in warning
    third = project("three", cache=shared)
    assert third.run(declare(writer)).taken_from_cache == ["out"]
    assert third.warnings == []
    assert (third / "out").read_text() == EXPENSIVE
    assert staged(cache) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_entries_that_no_job_wrote_are_listed_and_pruned(project, cache, writer, damage):
    project("one").run(declare(writer))
    (entry,) = entries(cache)
    try:
        DAMAGES[damage](entry)
    except PermissionError:
        pytest.skip("devices cannot be made here")
    (listed,) = ppg.SharedCache(cache).entries()
    repr(listed)
    ppg.SharedCache(cache).prune(0)
    assert list(ppg.SharedCache(cache).entries()) == []


@pytest.mark.parametrize("hard_links", [False, True], ids=["copies", "links"])
@pytest.mark.parametrize("where", ["manifest", "file"])
def test_a_taken_file_has_no_bits_beyond_execution(project, cache, writer, where, hard_links):
    shared = ppg.SharedCache(cache, hard_links=hard_links)
    project("one", cache=shared).run(declare(writer))
    (entry,) = entries(cache)
    if where == "manifest":
        field("executable", 0o7777)(entry)
    else:
        os.chmod(entry / "0", 0o6755)
    second = project("two", cache=shared)
    assert second.run(declare(writer)).taken_from_cache == ["out"]
    assert not (second / "out").stat().st_mode & 0o7000


def test_of_a_file_that_is_larger_than_stated_nothing_is_copied(project, cache, writer):
    project("one").run(declare(writer))
    (entry,) = entries(cache)
    other("0")(huge)(entry)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A job that copies more dies of it.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        second = project("two")
        second.run(declare(writer))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (second / "out").read_text() == EXPENSIVE


def test_a_manifest_without_end_is_not_read(project, cache, writer):
    project("one").run(declare(writer))
    (entry,) = entries(cache)
    other("manifest.json")(huge)(entry)
    with pytest.raises(DamagedError, match="bytes"), opened(str(cache), entry.name):
        pass
