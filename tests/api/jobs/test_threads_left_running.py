"""Threads and processes that a callback leaves running: the job waits for them, as Python does at its end."""

import concurrent.futures
import multiprocessing
import os
import subprocess
import threading

import pytest

import ppg
from tests.fakes import RecordingFrontend


class Returned:
    """The end of a callback: a byte in a pipe, as soon as the callback's variables are gone."""

    def __init__(self):
        self.process = os.getpid()
        self.reading, self.writing = os.pipe()

    def __del__(self):
        if os.getpid() == self.process:
            os.write(self.writing, b"x")


def write_later(returned, path):
    """Write the second half of a file when the callback has returned."""
    os.read(returned, 1)
    with open(path, "a") as file:
        file.write("second")


def leave_thread(returned, path):
    threading.Thread(target=write_later, args=(returned, path), name="writer").start()


def leave_chain(returned, path):
    def first():
        threading.Thread(target=write_later, args=(returned, path)).start()

    threading.Thread(target=first).start()


def leave_pool(returned, path):
    POOLS.append(concurrent.futures.ThreadPoolExecutor(1))
    POOLS[-1].submit(write_later, returned, path)


def leave_process(returned, path):
    multiprocessing.get_context("fork").Process(target=write_later, args=(returned, path)).start()


class Data:
    """Where a load puts its value."""


POOLS = []
LEAVING = [leave_thread, leave_chain, leave_pool, leave_process]


def making(leave):
    def make(path):
        path.write_text("first ")
        returned = Returned()
        leave(returned.reading, path)

    return make


@pytest.mark.parametrize("leave", LEAVING)
def test_a_job_waits_for_what_its_callback_has_left_running(run, folder, leave):
    result = run(lambda: ppg.FileGeneratingJob("out", making(leave)))
    assert (folder / "out").read_text() == "first second"
    assert result.ran == ["out"]
    assert run(lambda: ppg.FileGeneratingJob("out", making(leave))).ran == []


def test_a_job_with_a_timeout_waits_too(run, folder):
    run(lambda: ppg.FileGeneratingJob("out", making(leave_thread), timeout=60))
    assert (folder / "out").read_text() == "first second"


@pytest.mark.parametrize("leave", [leave_thread, leave_process])
def test_a_job_in_the_process_of_the_script_waits_for_its_own_threads_alone(folder, leave):
    over = threading.Event()
    of_the_script = threading.Thread(target=over.wait)
    of_the_script.start()
    graph = ppg.new_pipegraph(ppg.LocalSystem(inline=True), quiet=True)
    ppg.FileGeneratingJob("out", making(leave))
    graph.run()
    over.set()
    of_the_script.join()
    assert (folder / "out").read_text() == "first second"
    graph = ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("out", making(leave))
    assert graph.run().ran == []


def test_a_pool_of_threads_that_inline_jobs_share_stays_usable(folder):
    pools = []

    def make(path):
        if not pools:
            pools.append(concurrent.futures.ThreadPoolExecutor(1))
        pools[0].submit(path.write_text, "x").result()

    graph = ppg.new_pipegraph(ppg.LocalSystem(inline=True), quiet=True)
    ppg.FileGeneratingJob("a", make)
    ppg.FileGeneratingJob("b", make)
    graph.run()
    (pool,) = pools
    pool.shutdown()


def test_a_job_that_shares_its_files_waits_before_they_are_kept(folder, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    graph = ppg.new_pipegraph(quiet=True, shared_cache=cache)
    ppg.FileGeneratingJob("out", making(leave_thread), share=True)
    graph.run()
    (kept,) = cache.glob("v1/*/*/0")
    assert kept.read_text() == "first second"


def wait_for_ever():
    threading.Event().wait()


def start_named_threads(path):
    path.write_text("x")
    threading.Thread(target=wait_for_ever, name="writer of half files").start()
    multiprocessing.get_context("fork").Process(target=wait_for_ever, name="its child").start()


def test_what_does_not_end_fails_the_job_by_name(folder):
    graph = ppg.new_pipegraph(ppg.LocalSystem(seconds_for_threads=0.1), quiet=True)
    ppg.FileGeneratingJob("out", start_named_threads)
    with pytest.raises(ppg.RuntimeError) as caught:
        graph.run()
    error = caught.value.exceptions["out"]
    assert isinstance(error, ppg.JobContractError)
    assert f"The callback that makes '{folder / 'out'}' has returned" in str(error)
    assert "the thread 'writer of half files', the process 'its child' (" in str(error)
    assert "seconds_for_threads" in str(error)
    assert not (folder / "out").exists()


def test_a_job_that_waits_until_its_timeout_prints_for_what(folder):
    graph = ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("out", start_named_threads, timeout=1)
    with pytest.raises(ppg.RuntimeError) as caught:
        graph.run()
    assert isinstance(caught.value.exceptions["out"], ppg.JobDiedException)
    assert "the job waits for the thread 'writer of half files'" in job.stderr


def test_a_daemon_thread_is_not_waited_for(run, folder):
    def make(path):
        path.write_text("x")
        threading.Thread(target=wait_for_ever, daemon=True).start()
        multiprocessing.get_context("fork").Process(target=wait_for_ever, daemon=True).start()

    run(
        lambda: ppg.FileGeneratingJob("out", make),
        resource_coordinator=ppg.LocalSystem(seconds_for_threads=0),
    )
    assert (folder / "out").read_text() == "x"


def test_a_callback_that_raises_is_not_waited_for(folder):
    def make(path):
        threading.Thread(target=wait_for_ever).start()
        raise ValueError("at once")

    graph = ppg.new_pipegraph(ppg.LocalSystem(seconds_for_threads=3600), quiet=True)
    ppg.FileGeneratingJob("out", make)
    frontend = RecordingFrontend()
    with pytest.raises(ppg.RuntimeError) as caught:
        graph.run(frontend=frontend)
    assert isinstance(caught.value.exceptions["out"], ValueError)


@pytest.mark.parametrize("wrong", ["30", True, None, -1, float("nan"), float("inf")])
def test_a_wrong_number_of_seconds_is_refused(wrong):
    with pytest.raises((TypeError, ValueError), match="LocalSystem: seconds_for_threads must be"):
        ppg.LocalSystem(seconds_for_threads=wrong)


WRITE_LATER = "exec 3>>'{}'; echo >&2; head -c 1 >&2; printf second >&3"


def leave_program(returned, path, script=WRITE_LATER):
    program = subprocess.Popen(
        ["/bin/sh", "-c", script.format(path)],
        stdin=returned,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    program.stderr.readline()  # it has opened the file


def leave_program_of_a_shell(returned, path):
    # A program in the background has no standard input.
    leave_program(
        returned, path, "exec 4<&0; ( " + WRITE_LATER.replace("head -c 1", "head -c 1 <&4") + " ) &"
    )


@pytest.mark.parametrize("leave", [leave_program, leave_program_of_a_shell])
@pytest.mark.parametrize("options", [{}, {"timeout": 60}, {"confine": True}])
def test_a_job_waits_for_programs_that_have_its_output_open(run, folder, leave, options):
    result = run(lambda: ppg.FileGeneratingJob("out", making(leave), **options))
    assert (folder / "out").read_text() == "first second"
    assert result.ran == ["out"]


def test_a_program_that_keeps_an_output_open_fails_the_job_by_name(folder):
    def make(path):
        path.write_text("first ")
        reading, _ = os.pipe()
        leave_program(reading, path)

    graph = ppg.new_pipegraph(ppg.LocalSystem(seconds_for_threads=0.1), quiet=True)
    job = ppg.FileGeneratingJob("out", make)
    limited = ppg.FileGeneratingJob("limited", make, timeout=1)
    with pytest.raises(ppg.RuntimeError) as caught:
        graph.run()
    assert "still run, and may still write: the process 'sh' (" in str(caught.value.exceptions["out"])
    assert isinstance(caught.value.exceptions["limited"], ppg.JobDiedException)
    assert "the job waits for the process 'sh' (" in limited.stderr
    assert job.stderr == ""


def test_a_program_that_reads_the_output_is_not_waited_for(run, folder):
    def make(path):
        path.write_text("first")
        reading, _ = os.pipe()
        leave_program(reading, path, "exec 3<'{}'; echo >&2; read x")

    run(
        lambda: ppg.FileGeneratingJob("out", make),
        resource_coordinator=ppg.LocalSystem(seconds_for_threads=0),
    )


def test_a_pool_of_processes_that_stays_open_is_not_waited_for(run, folder):
    def make(path):
        with path.open("w") as file:
            # Its processes inherit the open file.
            POOLS.append(multiprocessing.get_context("fork").Pool(1))
            file.write(str(POOLS[-1].apply(abs, (-1,))))

    run(
        lambda: ppg.FileGeneratingJob("out", make),
        resource_coordinator=ppg.LocalSystem(seconds_for_threads=0),
    )
    assert (folder / "out").read_text() == "1"


def test_a_copy_that_the_callback_forgets_writes_nothing(run, folder):
    def make(path):
        POOLS.append(path.open("w"))
        POOLS[-1].write("once")
        os.fork()

    run(lambda: ppg.FileGeneratingJob("out", make))
    assert (folder / "out").read_text() == "once"


def test_a_pool_that_a_load_has_made_keeps_no_job_waiting(run, folder):
    def load():
        POOLS.append(concurrent.futures.ThreadPoolExecutor(1))
        POOLS[-1].submit(abs, -1).result()
        return 1

    def declare():
        data = ppg.AttributeLoadingJob("data", Data, "value", load)
        ppg.FileGeneratingJob("out", making(leave_thread)).depends_on(data)

    run(declare, resource_coordinator=ppg.LocalSystem(seconds_for_threads=3600))
    assert (folder / "out").read_text() == "first second"


@pytest.mark.parametrize("timeout", [None, 60])
def test_what_fails_at_the_end_of_a_pool_fails_the_job_after_all_others_have_ended(
    failing_run, folder, timeout
):
    """So an incomplete file never counts as made."""

    def make(path):
        ending = threading.Event()

        def fail():
            ending.set()
            raise ValueError("no end")

        def write():
            ending.wait()
            path.write_text("first second")

        path.write_text("first ")
        threading._register_atexit(fail)
        threading.Thread(target=write).start()

    error, _ = failing_run(lambda: ppg.FileGeneratingJob("out", make, timeout=timeout, rename_broken=True))
    assert "ending what it has left running raised ValueError: no end" in str(error)
    assert (folder / "out.broken").read_text() == "first second"


def test_the_process_of_a_manager_is_ended_as_python_does(run, folder):
    kept = []

    def make(path):
        kept.append(multiprocessing.Manager())
        path.write_text(str(list(kept[0].list([1, 2]))))

    run(
        lambda: ppg.FileGeneratingJob("out", make),
        resource_coordinator=ppg.LocalSystem(seconds_for_threads=60),
    )
    assert (folder / "out").read_text() == "[1, 2]"


def test_a_thread_may_make_the_file_of_a_job_that_has_changed_its_directory(run, folder):
    def make(path):
        absolute = path.absolute()
        absolute.write_text("")
        returned = Returned()
        leave_thread(returned.reading, absolute)
        absolute.unlink()
        os.chdir("/")

    run(lambda: ppg.FileGeneratingJob("out", make))
    assert (folder / "out").read_text() == "second"
