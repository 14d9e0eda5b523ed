"""Python callbacks that are confined."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

import ppg
from tests.landlock import needs_landlock

pytestmark = needs_landlock


class Owner:
    """Gets loaded data."""

    data: object
    other: object


OWNER = Owner()


def read(path):
    return Path(path).read_text()


def copying(*sources):
    """A callback that writes what it reads."""

    def copy(path):
        path.write_text("".join(map(read, sources)))

    return copy


@pytest.fixture
def confined_run(run):
    return lambda declare, **options: run(declare, confine=True, **options)


# -- what is allowed ---------------------------------------------------------------------------------------


def test_what_is_declared_is_read_and_written(folder, confined_run):
    (folder / "input").write_text("i")
    (folder / "timed").write_text("t")

    def declare():
        both = ppg.MultiFileGeneratingJob(
            {"a": "sub/a", "b": "sub/b"}, lambda paths: [p.write_text(n) for n, p in paths.items()]
        )
        temporary = ppg.TempFileGeneratingJob("temporary", lambda path: path.write_text("T"))
        job = ppg.FileGeneratingJob("out", copying("input", "timed", "sub/a", "sub/b", "temporary"))
        job.depends_on(both, temporary, ppg.FileTimeInvariant("timed")).depends_on_file("input")

    assert confined_run(declare).ran == ["sub/a:sub/b", "temporary", "out"]
    assert read(folder / "out") == "itabT"
    assert confined_run(declare).ran == []


def test_an_undeclared_read_is_an_error_that_names_the_file_and_the_line(folder, fails):
    (folder / "secret").write_text("s")
    text = fails("out", lambda: ppg.FileGeneratingJob("out", copying("secret")))
    assert "PermissionError" in text
    assert "'out' is confined, and does not depend on 'secret'" in text
    assert f"add job.depends_on_file('secret') where it is declared ({__file__}:" in text
    assert not (folder / "out").exists()


def test_with_that_line_the_job_succeeds(folder, confined_run):
    (folder / "secret").write_text("s")
    confined_run(lambda: ppg.FileGeneratingJob("out", copying("secret")).depends_on_file("secret"))
    assert read(folder / "out") == "s"


def test_of_a_job_of_several_files_only_the_one_on_which_a_job_depends_is_readable(fails):
    def declare():
        both = ppg.MultiFileGeneratingJob(["a", "b"], lambda paths: [path.write_text("x") for path in paths])
        ppg.FileGeneratingJob("out", copying("a", "b")).depends_on(both["a"])

    assert "does not depend on 'b'" in fails("out", declare)


def test_what_an_upstream_job_has_read_is_not_readable(folder, fails):
    (folder / "input").write_text("i")

    def declare():
        middle = ppg.FileGeneratingJob("middle", copying("input")).depends_on_file("input")
        ppg.FileGeneratingJob("out", copying("middle", "input")).depends_on(middle)

    assert "does not depend on 'input'" in fails("out", declare)


def test_an_input_that_is_a_link_is_readable_and_so_is_one_outside_of_the_root(
    folder, tmp_path_factory, confined_run
):
    outside = tmp_path_factory.mktemp("outside") / "file"
    outside.write_text("o")
    (folder / "link").symlink_to(outside)
    (folder / "other").write_text("p")
    (folder / "hard").hardlink_to(folder / "other")
    confined_run(
        lambda: (
            ppg.FileGeneratingJob("out", copying("link", outside, "hard"))
            .depends_on_file("link")
            .depends_on_file("hard")
        )
    )
    assert read(folder / "out") == "oop"


def test_an_option_of_a_job_goes_before_that_of_the_pipegraph(folder, run):
    (folder / "secret").write_text("s")
    run(lambda: ppg.FileGeneratingJob("free", copying("secret"), confine=False), confine=True)
    run(lambda: ppg.FileGeneratingJob("free too", copying("secret")))
    with pytest.raises(ppg.RuntimeError):
        run(lambda: ppg.FileGeneratingJob("confined", copying("secret"), confine=True))


def test_confine_counts_as_no_change(folder, run):
    def declare(**options):
        ppg.FileGeneratingJob("out", lambda path: path.write_text("x"), **options)

    assert run(declare).ran == ["out"]
    assert run(lambda: declare(confine=True)).ran == []
    assert run(declare, confine=True).ran == []


def test_modules_of_the_project_are_imported_and_data_beside_them_is_not_read(
    folder, fails, confined_run, monkeypatch
):
    (folder / "helper").mkdir()
    (folder / "helper" / "__init__.py").write_text("from pathlib import Path\n")
    (folder / "helper" / "late.py").write_text("VALUE = 'late'\n")
    (folder / "helper" / "table.tsv").write_text("data")
    monkeypatch.syspath_prepend(str(folder))

    def use(path):
        import helper.late

        path.write_text(helper.late.VALUE)

    confined_run(lambda: ppg.FileGeneratingJob("out", use))
    assert read(folder / "out") == "late"
    assert "does not depend on 'helper/table.tsv'" in fails(
        "other", lambda: ppg.FileGeneratingJob("other", copying("helper/table.tsv"))
    )


@pytest.mark.parametrize("isolation", ["fork", "fresh"])
def test_the_temporary_folder_is_private_and_gone_afterwards(folder, confined_run, isolation):
    def use(path):
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write("x")
        shutil.copy(file.name, path)
        with path.open("a") as out:
            out.write(os.environ["TMPDIR"])

    confined_run(lambda: ppg.FileGeneratingJob("out", use, isolation=isolation))
    text = read(folder / "out")
    assert text.startswith("x/")
    assert not Path(text[1:]).exists()


def test_generators_cached_values_and_plots_can_be_confined(folder, confined_run):
    (folder / "input").write_text("3")

    def generate():
        ppg.FileGeneratingJob("generated", lambda path: path.write_text("g"))

    def declare():
        ppg.JobGeneratingJob("generate", generate)
        load = ppg.CachedAttributeLoadingJob("cache", OWNER, "data", lambda: int(read("input")))
        load.cache_job.depends_on_file("input")
        ppg.FileGeneratingJob("out", lambda path: path.write_text(str(OWNER.data))).depends_on(load)

    confined_run(declare)
    assert (read(folder / "generated"), read(folder / "out")) == ("g", "3")


def test_jobs_that_a_generator_makes_are_confined(folder, fails):
    (folder / "secret").write_text("s")
    text = fails(
        "generated",
        lambda: ppg.JobGeneratingJob(
            "generate", lambda: ppg.FileGeneratingJob("generated", copying("secret"))
        ),
    )
    assert "does not depend on 'secret'" in text


def test_a_job_with_retries_is_confined_each_time(folder, fails):
    (folder / "secret").write_text("s")
    assert "does not depend on 'secret'" in fails(
        "out", lambda: ppg.FileGeneratingJob("out", copying("secret"), retries=2)
    )


def test_a_program_of_several_cores_finds_its_jobserver(folder, run):
    def declare():
        ppg.ExternalJob(
            "out", ["sh", "-c", "exec 3<> $PPG_JOBSERVER && echo yes"], stdout="out", confine=True
        ).use_cores(2)

    run(declare, resource_coordinator=ppg.LocalSystem(2))
    assert read(folder / "out") == "yes\n"


# -- outputs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("empty_ok", [True, False])
def test_a_file_that_was_not_written_is_missing_also_where_empty_files_are_allowed(folder, fails, empty_ok):
    assert "missing: out" in fails(
        "out", lambda: ppg.FileGeneratingJob("out", lambda _: None, empty_ok=empty_ok)
    )
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    "write",
    [lambda path: path.write_text(""), lambda path: path.touch(), lambda path: path.open("w").close()],
)
def test_an_empty_file_that_was_written_counts_where_empty_files_are_allowed(folder, confined_run, write):
    confined_run(lambda: ppg.FileGeneratingJob("out", write, empty_ok=True))
    assert (folder / "out").stat().st_size == 0


def test_a_new_output_has_the_mode_of_the_umask(folder, confined_run, run):
    confined_run(lambda: ppg.FileGeneratingJob("a", lambda path: path.write_text("x")))
    run(lambda: ppg.FileGeneratingJob("b", lambda path: path.write_text("x")))
    assert (folder / "a").stat().st_mode == (folder / "b").stat().st_mode


def test_an_old_output_and_a_link_in_its_place_are_replaced(folder, confined_run):
    (folder / "target").write_text("target")
    (folder / "out").symlink_to("target")
    confined_run(lambda: ppg.FileGeneratingJob("out", lambda path: path.write_text("x")))
    assert (read(folder / "target"), (folder / "out").is_symlink()) == ("target", False)


def then_rename(path):
    beside = path.with_name("out.tmp")
    beside.write_text("x")
    beside.rename(path)


def rename_from_temporary_folder(path):
    beside = Path(tempfile.gettempdir(), "out")
    beside.write_text("x")
    beside.rename(path)


def remove_first(path):
    path.unlink()
    path.write_text("x")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (then_rename, "'out.tmp' is none of its files"),
        (then_rename, "A file that is written and then renamed to an output fails, too"),
        (rename_from_temporary_folder, "neither remove it nor rename a file to it. Write 'out' itself"),
        (remove_first, "neither remove it nor rename a file to it. Write 'out' itself"),
    ],
)
def test_write_then_rename_fails_and_the_message_says_so(fails, write, words):
    assert words in fails("out", lambda: ppg.FileGeneratingJob("out", write))


def test_an_output_that_must_not_exist_fails_and_the_message_says_so(fails):
    text = fails("out", lambda: ppg.FileGeneratingJob("out", lambda path: path.open("x").write("x")))
    assert "ppg has made its output 'out', empty, before it began. Let it overwrite 'out'" in text
    refusing = ["sh", "-c", "set -C; echo a > sub/out"]
    text = fails("sub/out", lambda: ppg.ExternalJob("sub/out", refusing))
    assert "ppg has made its output 'sub/out', empty" in text


def test_moving_a_file_from_the_temporary_folder_by_shutil_works(folder, confined_run):
    def move(path):
        beside = Path(tempfile.gettempdir(), "out")
        beside.write_text("x")
        shutil.move(beside, path)

    confined_run(lambda: ppg.FileGeneratingJob("out", move))
    assert read(folder / "out") == "x"


def test_an_input_can_be_neither_written_nor_removed(folder, fails):
    (folder / "input").write_text("i")

    def spoil(path):
        path.write_text("x")
        Path("input").write_text("spoilt")

    def declare():
        ppg.FileGeneratingJob("out", spoil).depends_on_file("input")

    assert "it can read its input 'input', but neither change nor move it" in fails("out", declare)
    assert read(folder / "input") == "i"


# -- loads -------------------------------------------------------------------------------------------------


def load(job_id, name, value="loaded"):
    return ppg.AttributeLoadingJob(job_id, OWNER, name, lambda: value)


def test_data_of_loads_is_there_and_so_are_their_files(folder, confined_run):
    (folder / "input").write_text("i")

    def declare():
        lazy = ppg.AttributeLoadingJob("lazy", OWNER, "data", lambda: lambda: read("input")).depends_on_file(
            "input"
        )
        ppg.FileGeneratingJob("out", lambda path: path.write_text(OWNER.data())).depends_on(lazy)

    confined_run(declare)
    assert read(folder / "out") == "i"


def test_an_attribute_of_a_load_on_which_a_job_does_not_depend_is_not_there(fails):
    def declare():
        first, second = load("first", "data"), load("second", "other")
        before = ppg.FileGeneratingJob("before", lambda path: path.write_text(OWNER.other)).depends_on(second)
        out = ppg.FileGeneratingJob("out", lambda path: path.write_text(OWNER.data + OWNER.other))
        out.depends_on(first, before)
        # The node has the data of `second` while a job waits for it.
        ppg.FileGeneratingJob("waits", lambda path: path.write_text(OWNER.other)).depends_on(second, out)

    text = fails("out", declare)
    assert "has no data of loads on which it does not depend. The load 'second' sets this" in text
    assert "add job.depends_on(pipegraph.job('second'))" in text


def test_an_entry_of_a_load_on_which_a_job_does_not_depend_is_not_there(fails):
    table = {}

    def declare():
        entry = ppg.DictEntryLoadingJob("entry", table, "key", lambda: "loaded")
        before = ppg.FileGeneratingJob("before", lambda path: path.write_text(table["key"])).depends_on(entry)
        out = ppg.FileGeneratingJob("out", lambda path: path.write_text(table["key"])).depends_on(before)
        ppg.FileGeneratingJob("waits", lambda path: path.write_text(table["key"])).depends_on(entry, out)

    assert "The load 'entry' sets this" in fails("out", declare)


def test_a_load_that_a_load_depends_on_is_there(folder, confined_run):
    def declare():
        first = load("first", "data")
        second = ppg.AttributeLoadingJob("second", OWNER, "other", lambda: OWNER.data + "!").depends_on(first)
        ppg.FileGeneratingJob("out", lambda path: path.write_text(OWNER.other)).depends_on(second)

    confined_run(declare)
    assert read(folder / "out") == "loaded!"


def test_loads_are_not_confined(folder, confined_run):
    (folder / "secret").write_text("s")

    def declare():
        loads = ppg.AttributeLoadingJob("load", OWNER, "data", lambda: read("secret"))
        ppg.FileGeneratingJob("out", lambda path: path.write_text(OWNER.data)).depends_on(loads)

    confined_run(declare)
    assert read(folder / "out") == "s"
