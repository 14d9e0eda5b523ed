"""A folder is complete before it is described: threads have ended, and buffers are written."""

import gzip
import os
import threading
import time

import ppg


def test_a_thread_that_a_callback_leaves_ends_before_the_folder_is_described(run, folder):
    def make(out):
        started = threading.Event()

        def write():
            started.wait()
            for number in range(20):
                (out / f"{number}.txt").write_text("x" * number)
                time.sleep(0.01)  # the callback returns meanwhile
            (out / "last.txt").write_text("complete")

        threading.Thread(target=write).start()
        started.set()

    def declare():
        job = ppg.DirectoryGeneratingJob("out", make)
        ppg.FileGeneratingJob(
            "count", lambda path: path.write_text(str(len(list((folder / "out").iterdir()))))
        ).depends_on(job)

    run(declare)
    assert (folder / "out/last.txt").read_text() == "complete"
    assert (folder / "count").read_text() == "21"
    assert run(declare).ran == []


def test_files_of_a_folder_that_a_callback_leaves_open_are_completed(run, folder):
    kept = []

    def make(out):
        text = open(out / "text.txt", "w")  # noqa: SIM115 - left open
        packed = gzip.open(out / "packed.gz", "wt")  # noqa: SIM115 - the same
        kept.extend([text, packed])
        text.write("text")
        packed.write("packed")

    run(lambda: ppg.DirectoryGeneratingJob("out", make))
    assert (folder / "out/text.txt").read_text() == "text"
    assert gzip.decompress((folder / "out/packed.gz").read_bytes()) == b"packed"


def test_a_thread_that_does_not_end_fails_the_job_by_its_name(failing_run, folder):
    def make(out):
        (out / "a").write_text("a")
        threading.Thread(target=threading.Event().wait, name="endless").start()

    error, _ = failing_run(
        lambda: ppg.DirectoryGeneratingJob("out", make),
        resource_coordinator=ppg.LocalSystem(seconds_for_threads=0.2),
    )
    assert "the thread 'endless'" in str(error)
    assert not (folder / "out").exists()


def test_the_failure_of_a_job_that_changed_its_directory_says_so(failing_run):
    def make(out):
        os.chdir("/")
        raise FileNotFoundError(2, "no such file", "relative")

    error, _ = failing_run(lambda: ppg.DirectoryGeneratingJob("out", make))
    assert "changed its working directory to '/'" in "\n".join(error.exceptions["out"].__notes__)
