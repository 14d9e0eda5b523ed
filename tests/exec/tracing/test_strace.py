"""What a traced task uses in native code and in other programs is noted."""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ppg_exec import (
    UNTRACED,
    Died,
    InlineExecutor,
    LocalExecutor,
    Outcome,
    Raised,
    RunsIn,
    Succeeded,
    Task,
    TimedOut,
    Tracking,
    UseKind,
    system_folders,
)
from tests.exec.tracing.conftest import Trace

NAMES = ("data", "w ä", 'q"u\\o>te\n', "\udcff\udcfe")


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name.encode(errors="replace").decode())


def shell(command: str) -> None:
    subprocess.run(command, shell=True, check=True)


def stat_of(path: Path) -> tuple[int, int, int, int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@pytest.mark.parametrize("place", [RunsIn.FORK, RunsIn.FRESH])
def test_files_that_a_program_reads_are_noted_with_their_stats(
    trace: Trace, tmp_path: Path, place: RunsIn
) -> None:
    write(tmp_path, *NAMES)
    seen = trace(subprocess.run, ["cat", *NAMES], place=place)
    assert seen.read == list(NAMES)
    assert seen.outcome.uses_incomplete == ""
    for name in NAMES:
        assert seen.use(name).stat == stat_of(tmp_path / name)


def test_native_code_in_the_process_of_the_task_is_seen(trace: Trace, tmp_path: Path, native: str) -> None:
    write(tmp_path, "data", "folder/one", "folder/two")

    def use_natively() -> None:
        ctypes.CDLL(native).uses(b"data", b"no", b"made", b"folder")

    seen = trace(use_natively)
    assert seen.read == ["data"]
    assert seen.of(UseKind.ABSENT) == ["no"]
    assert seen.of(UseKind.WRITTEN) == ["made"]
    assert seen.use("folder", UseKind.LISTED).names == ("one", "two")


def test_native_code_that_opens_a_file_to_change_it_and_does_not_has_read_it(
    trace: Trace, tmp_path: Path, native: str
) -> None:
    write(tmp_path, "database", "changed")

    def use() -> None:
        library = ctypes.CDLL(native)
        library.opens_to_change(b"database")
        shell("echo more >> changed")
        library.opens_to_change(b"changed")

    seen = trace(use)
    assert (seen.read, seen.of(UseKind.WRITTEN)) == (["database"], ["changed"])


def test_absent_files_listings_and_writes_of_programs_are_noted(trace: Trace, tmp_path: Path) -> None:
    write(tmp_path, "data", "folder/one", "folder/t wo")
    seen = trace(shell, "cat no || true; ls folder; cp data copy; cat copy; mv copy moved; cat moved")
    assert seen.of(UseKind.ABSENT) == ["no"]
    assert seen.use("folder", UseKind.LISTED).names == ("one", "t wo")
    assert seen.read == ["data"]
    assert seen.of(UseKind.WRITTEN) == ["copy", "moved"]


def test_names_in_a_folder_are_those_that_the_program_saw(trace: Trace, tmp_path: Path) -> None:
    write(tmp_path, "folder/one")
    seen = trace(shell, "ls folder; echo > folder/later")
    assert seen.use("folder", UseKind.LISTED).names == ("one",)


def test_names_are_relative_to_the_folder_of_each_process(trace: Trace, tmp_path: Path) -> None:
    write(tmp_path, "a/data", "b/data", "c/d/data", "data")
    (tmp_path / "link").symlink_to("c/d")
    seen = trace(
        shell, "(cd a; cat data) & (cd b && cat data && cat ../link/data) & wait; cd -P link/..; cat d/data"
    )
    assert sorted(seen.read) == ["a/data", "b/data", "c/d/data", "link/data"]


def test_a_file_in_the_folder_of_a_descriptor_is_noted(trace: Trace, tmp_path: Path) -> None:
    write(tmp_path, "a/data")

    def read() -> None:
        folder = os.open("a", os.O_RDONLY)
        os.close(os.open("data", os.O_RDONLY, dir_fd=folder))

    assert trace(read).read == ["a/data"]


def test_calls_of_many_processes_at_once_are_not_mixed_up(trace: Trace, tmp_path: Path) -> None:
    names = [f"{number}/data" for number in range(40)]
    write(tmp_path, *names)
    command = "for n in $(seq 0 39); do (cd $n; cat data; cat no) 2>/dev/null & done; wait"
    seen = trace(shell, command)
    assert sorted(seen.read) == sorted(names)
    assert sorted(seen.of(UseKind.ABSENT)) == sorted(f"{number}/no" for number in range(40))


def test_a_file_that_changes_meanwhile_has_a_stat_that_no_file_has(trace: Trace, tmp_path: Path) -> None:
    write(tmp_path, "log", "gone")
    seen = trace(shell, "cat log gone; echo more >> log; rm gone")
    assert seen.read == ["log", "gone"]
    for name in seen.read:
        assert seen.use(name).stat == (0, 0, -1, 0, 0)


def test_what_python_code_reads_has_the_stat_of_its_first_use(trace: Trace, tmp_path: Path) -> None:
    write(tmp_path, "log")
    before = stat_of(tmp_path / "log")

    def read() -> None:
        with open("log") as file:
            file.read()
        shell("cat log; echo more >> log")

    seen = trace(read)
    assert [use.stat for use in seen.outcome.uses if use.kind is UseKind.READ] == [before]


def test_what_a_program_has_written_is_no_input_of_the_python_code_after_it(
    trace: Trace, tmp_path: Path
) -> None:
    def read() -> None:
        shell("echo made > made")
        with open("made") as file:
            file.read()

    seen = trace(read)
    assert (seen.read, seen.of(UseKind.WRITTEN)) == ([], ["made"])


def test_modules_of_the_task_do_not_count_and_those_of_programs_count_by_their_source(
    trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "data")
    (tmp_path / "helper.py").write_text("NAME = 'data'")
    (tmp_path / "tool.py").write_text("import helper; print(open(helper.NAME).read())")

    def own() -> None:
        sys.path.insert(0, os.getcwd())
        __import__("helper")

    def program() -> None:
        subprocess.run([sys.executable, "tool.py"], check=True)

    seen = trace(own)
    assert (seen.read, seen.of(UseKind.LISTED)) == ([], [])
    for _ in range(2):  # once it is compiled, once its bytecode is read
        seen = trace(program)
        assert (sorted(seen.read), seen.of(UseKind.LISTED)) == (["data", "helper.py", "tool.py"], [])


def test_folders_in_which_python_programs_find_no_module_do_not_count_as_listed(
    trace: Trace, tmp_path: Path
) -> None:
    for folder in ("by_environment", "relative", "site", "by_file", "data"):
        (tmp_path / folder).mkdir()
    (tmp_path / "site/more.pth").write_text("# more modules\n../by_file\n\nimport sys\n")
    (tmp_path / "tool.py").write_text(
        "import importlib.util, os, site; site.addsitedir('site'); "
        "assert importlib.util.find_spec('in_none') is None; os.listdir('data')"
    )

    def program() -> None:
        os.environ["PYTHONPATH"] = f"{tmp_path}/by_environment{os.pathsep}relative"
        subprocess.run([sys.executable, "tool.py"], check=True)

    seen = trace(program)
    # The module site lists the folders of path configuration files by itself.
    assert seen.of(UseKind.LISTED) == ["site", "data"]
    assert sorted(seen.read) == ["site/more.pth", "tool.py"]


def test_folders_in_which_python_scripts_find_no_module_do_not_count_as_listed(
    trace: Trace, tmp_path: Path
) -> None:
    for folder in ("by_environment", "bin", "links", "data"):
        (tmp_path / folder).mkdir()
    script = tmp_path / "bin/tool"
    script.write_text(
        f"#!{sys.executable}\n"
        "import importlib.util, os; assert importlib.util.find_spec('in_none') is None; os.listdir('data')"
    )
    script.chmod(0o700)
    (tmp_path / "links/tool").symlink_to(script)

    def programs() -> None:
        os.environ["PYTHONPATH"] = "by_environment"
        subprocess.run(["bin/tool"], check=True)
        subprocess.run(["links/tool"], check=True)

    seen = trace(programs)
    assert seen.of(UseKind.LISTED) == ["data"]
    assert sorted(seen.read) == ["bin/tool", "links/tool"]


def test_a_program_that_is_no_python_lists_its_own_folder(trace: Trace, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/tool").write_text("#!/bin/sh\nls bin")
    (tmp_path / "bin/tool").chmod(0o700)
    assert trace(subprocess.run, ["bin/tool"]).of(UseKind.LISTED) == ["bin"]


def test_a_program_that_searches_the_sources_lists_their_folder(trace: Trace, tmp_path: Path) -> None:
    write(tmp_path, "source/one.py")
    seen = trace(shell, "grep -r one source")
    assert (seen.read, seen.of(UseKind.LISTED)) == (["source/one.py"], ["source"])


def test_a_program_of_the_project_is_read_as_it_is_executed(trace: Trace, tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\n:")
    (tmp_path / "tool").chmod(0o700)
    assert trace(subprocess.run, ["./tool"]).read == ["tool"]


def test_a_task_that_waits_for_any_child_does_not_wait_for_strace(trace: Trace) -> None:
    def wait() -> None:
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        try:
            os.wait()
        except ChildProcessError:
            return
        raise AssertionError("there was another child")

    assert trace(wait).outcome.uses_incomplete == ""


def test_forked_processes_are_traced_and_do_not_end_the_trace(
    trace: Trace, tmp_path: Path, native: str
) -> None:
    write(tmp_path, "one", "two", "folder/x")

    def use(name: bytes) -> None:
        ctypes.CDLL(native).uses(name, b"no", b"made", b"folder")

    def fork() -> None:
        process = multiprocessing.get_context("fork").Process(target=use, args=(b"one",))
        process.start()
        process.join()
        use(b"two")

    assert trace(fork).read == ["one", "two"]


def test_the_task_is_traced_no_more_when_it_has_ended(trace: Trace, tmp_path: Path) -> None:
    def tracer() -> str:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(line.split()[1] for line in lines if line.startswith("TracerPid"))

    outcome = trace(tracer).outcome
    assert isinstance(outcome.end, Succeeded)
    assert outcome.end.value != "0"


def test_a_task_that_fails_has_its_uses(trace: Trace, tmp_path: Path) -> None:
    write(tmp_path, "data")
    seen = trace(shell, "cat data; exit 3", fails=True)
    assert isinstance(seen.outcome.end, Raised)
    assert seen.read == ["data"]


@pytest.mark.parametrize("sort", ["killed", "exits", "times out", "is cancelled"])
def test_strace_does_not_outlive_its_task(
    trace: Trace,
    tmp_path: Path,
    local: LocalExecutor,
    run: Callable[..., dict[str, Outcome]],
    sort: str,
    nothing_left: Callable[[str], None],
) -> None:
    """The executor still runs when nothing but its own processes may be there."""
    begun = tmp_path / "begun"

    def end() -> None:
        subprocess.Popen(["sleep", "1000"])
        begun.touch()
        if sort == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if sort == "exits":
            os._exit(3)
        signal.pause()

    tracking = Tracking(str(tmp_path), (), system_folders(), strace=True)
    task = Task("a", end, timeout=2.0 if sort == "times out" else None, tracking=tracking)
    local.submit(task)
    outcome = None
    while outcome is None:
        events = local.poll(0.05 if sort == "is cancelled" else 60)
        if sort == "is cancelled" and begun.exists():
            local.cancel("a")
        outcome = next((event for event in events if isinstance(event, Outcome)), None)
    if sort in {"killed", "exits"}:
        assert isinstance(outcome.end, Died)
    if sort == "times out":
        assert isinstance(outcome.end, TimedOut)
    # The next task finds no strace, and no other process of the last one.
    names = run(local, Task("b", names_of_processes, (local.marker,)))["b"]
    assert isinstance(names.end, Succeeded)
    assert not {"strace", "sleep"} & set(names.end.value), names.end.value


def names_of_processes(marker: str) -> list[str]:
    names = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and f"PPG_EXECUTOR={marker}" in (folder / "environ").read_text(
                errors="replace"
            ):
                names.append((folder / "comm").read_text().strip())
        except OSError:
            continue  # it has just ended
    return names


def test_a_task_that_ends_strace_is_not_traced_to_its_end(trace: Trace, tmp_path: Path) -> None:
    write(tmp_path, "data")

    def end_it() -> None:
        with open("data") as file:
            file.read()
        status = Path("/proc/self/status").read_text().splitlines()
        pid = int(next(line.split()[1] for line in status if line.startswith("TracerPid")))
        descriptor = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        import select

        select.select([descriptor], [], [])

    seen = trace(end_it)
    assert seen.read == ["data"]
    assert seen.outcome.uses_incomplete == f"{UNTRACED} to its end: strace has ended before the task"


def test_a_task_that_closes_all_descriptors_says_that_uses_are_missing(trace: Trace, tmp_path: Path) -> None:
    write(tmp_path, "data")

    def close() -> None:
        with open("data") as file:
            file.read()
        os.closerange(100, 1000)

    seen = trace(close)
    assert seen.read == ["data"]
    assert "has closed the files" in seen.outcome.uses_incomplete


def test_without_strace_the_task_runs_and_says_so(
    tmp_path: Path, run: Callable[..., dict[str, Outcome]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    write(tmp_path, "data")
    tracking = Tracking(str(tmp_path), (), system_folders(), strace=True)
    with LocalExecutor(cores=1) as executor:
        outcome = run(executor, Task("a", (tmp_path / "data").read_text, tracking=tracking))["a"]
    assert isinstance(outcome.end, Succeeded)
    assert outcome.uses_incomplete == f"{UNTRACED}: strace is not installed"
    assert [use.path for use in outcome.uses] == [str(tmp_path / "data")]


def test_where_strace_may_not_trace_the_task_runs_and_says_so(
    tmp_path: Path, run: Callable[..., dict[str, Outcome]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program under this name says what strace says then."""
    program = tmp_path / "strace"
    program.write_text(
        "#!/bin/sh\necho 'strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted' >&2\nexit 1\n"
    )
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    tracking = Tracking(str(tmp_path), (), system_folders(), strace=True)
    with LocalExecutor(cores=1) as executor:
        outcome = run(executor, Task("a", int, tracking=tracking))["a"]
    assert isinstance(outcome.end, Succeeded)
    reason = "strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted"
    assert outcome.uses_incomplete == f"{UNTRACED}: {reason}"


def test_an_inline_task_is_not_traced_and_says_so(
    tmp_path: Path, run: Callable[..., dict[str, Outcome]]
) -> None:
    tracking = Tracking(str(tmp_path), (), system_folders(), strace=True)
    with InlineExecutor() as executor:
        outcome = run(executor, Task("a", int, tracking=tracking))["a"]
    assert outcome.uses_incomplete == f"{UNTRACED}: the task runs in the process of the caller"
