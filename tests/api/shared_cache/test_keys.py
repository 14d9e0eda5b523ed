"""What decides whether an entry of the shared cache is what a job would make."""

import functools
from pathlib import Path

import pytest

import ppg


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
