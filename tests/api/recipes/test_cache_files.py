"""Files of cached jobs that are damaged, unreadable or incomplete, and calculations that fail."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ppg
from ppg import JobState
from tests.api.recipes.genomes import Genome, calculated
from tests.fakes import RecordingFrontend


class Fragile:
    """Something whose pickle cannot be read while a file called `broken` is there."""

    def __init__(self, text):
        self.text = text

    def __reduce__(self):
        return restored, (self.text,)

    def __str__(self):
        return self.text


def restored(text):
    if Path("broken").exists():
        raise LookupError("this version knows nothing of such things")
    return Fragile(text)


def test_an_unreadable_cache_is_calculated_once_more_with_a_warning_and_all_it_needs(
    declare, account, folder
):
    genome, frontend = Genome(), RecordingFrontend()

    def declare_all(names):
        data = ppg.AttributeLoadingJob("data", genome, "data", calculated(account, "text", "data"))

        def calc():
            account.ran("calc")
            Path("broken").unlink(missing_ok=True)
            return Fragile(genome.data)

        declare(names, upstreams=data, calc=calc)

    graph = ppg.new_pipegraph(quiet=True)
    declare_all("a")
    graph.run(frontend=frontend)
    assert frontend.warnings == []
    account.taken()
    (folder / "broken").touch()
    graph = ppg.new_pipegraph(quiet=True)
    declare_all("ab")
    result = graph.run(frontend=frontend)
    assert result.ran == ["data", "cache/value", "cache/value_load", "b"]
    assert account.taken() == ["b", "calc", "data"]
    assert (folder / "b").read_text() == "text"
    (warning,) = frontend.warnings
    assert "'cache/value' cannot be read: LookupError: this version knows nothing" in warning
    graph = ppg.new_pipegraph(quiet=True)
    declare_all("ab")
    assert graph.run().ran == []


def test_a_cache_that_is_unreadable_again_fails_the_load_and_names_the_file(
    run, failing_run, declare, account, folder
):
    run(lambda: declare("a", calc=lambda: Fragile("x")))
    (folder / "broken").touch()
    (folder / "a").unlink()

    def calc():
        return Fragile("x")

    error, graph = failing_run(lambda: declare("a", calc=calc))
    (failure,) = error.exceptions.values()
    assert list(error.exceptions) == ["cache/value_load"]
    assert isinstance(failure, ppg.CacheUnreadableError)
    assert failure.cache == "cache/value"
    assert "'cache/value' cannot be read: LookupError" in str(failure)
    assert graph.result["cache/value"].state is JobState.RAN
    assert error.blocked == ("a",)
    (folder / "broken").unlink()
    assert run(lambda: declare("a", calc=calc)).ran == ["cache/value_load", "a"]


def test_a_value_that_cannot_be_read_back_at_once_is_not_calculated_twice(
    failing_run, declare, account, folder
):
    (folder / "broken").touch()

    def calc():
        account.ran("calc")
        return Fragile("x")

    error, _graph = failing_run(lambda: declare("a", calc=calc))
    assert isinstance(error.exceptions["cache/value_load"], ppg.CacheUnreadableError)
    assert account.taken() == ["calc"]


@pytest.mark.parametrize("damage", [b"", b"no pickle", None])
def test_a_damaged_cache_file_is_never_read_but_calculated_again_with_a_warning(
    run, declare, account, folder, damage
):
    run(lambda: declare("a", "x" * 1000))
    account.taken()
    path = folder / "cache/value"
    path.write_bytes(path.read_bytes()[:-10] if damage is None else damage)
    graph, frontend = ppg.new_pipegraph(quiet=True), RecordingFrontend()
    declare("ab", "x" * 1000)
    graph.run(frontend=frontend)
    assert account.taken() == ["b", "calc"]
    assert frontend.warnings == ["the cache file 'cache/value' is not as it was left; it is calculated again"]


def test_a_damaged_cache_file_that_no_job_needs_is_no_reason_for_anything(run, declare, account, folder):
    run(lambda: declare("a"))
    account.taken()
    (folder / "cache/value").write_bytes(b"no pickle")
    assert run(lambda: declare("a")).ran == []


def test_a_crash_while_the_cache_is_written_leaves_nothing_that_is_believed(
    run, failing_run, declare, account, folder
):
    class Deadly:
        def __reduce__(self):
            os.kill(os.getpid(), signal.SIGKILL)

    error, _graph = failing_run(lambda: declare("a", calc=lambda: ["x" * 1_000_000, Deadly()]))
    assert isinstance(error.exceptions["cache/value"], ppg.JobDiedException)
    assert not (folder / "cache/value").exists()
    run(lambda: declare("a", 3))
    assert (folder / "a").read_text() == "3"


def test_a_killed_run_leaves_half_a_cache_that_the_next_run_does_not_believe(folder):
    (folder / "script.py").write_text(
        """
import os, signal, sys
import ppg

class Genome: pass
class Deadly:
    def __reduce__(self):
        os.kill(script, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

genome, script, deadly = Genome(), os.getpid(), "deadly" in sys.argv
ppg.new_pipegraph(quiet=True)

def calc():
    return ["x" * 1_000_000, Deadly() if deadly else 1]

cached = ppg.CachedAttributeLoadingJob("value", genome, "value", calc).ignore_code_changes()
ppg.FileGeneratingJob("a", lambda path: path.write_text(str(genome.value[1]))).depends_on(cached)
ppg.run_pipegraph()
"""
    )
    killed = subprocess.run([sys.executable, "script.py", "deadly"], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    subprocess.run([sys.executable, "script.py"], timeout=60, check=True)
    assert (folder / "a").read_text() == "1"


def test_a_failed_calculation_leaves_no_file_and_blocks_the_jobs_that_need_it(failing_run, declare, folder):
    def calc():
        raise KeyError("no data")

    error, _graph = failing_run(lambda: declare("a", calc=calc))
    assert isinstance(error.exceptions["cache/value"], KeyError)
    assert error.blocked == ("cache/value_load", "a")
    assert not (folder / "cache/value").exists()


def test_a_value_that_cannot_be_pickled_fails_with_the_name_of_the_file(failing_run, declare, folder):
    def calc():
        return (number for number in range(3))

    error, _graph = failing_run(lambda: declare("a", calc=calc))
    failure = error.exceptions["cache/value"]
    assert isinstance(failure, ppg.JobContractError)
    assert "'cache/value' returned a generator, which cannot be pickled" in str(failure)
    assert not (folder / "cache/value").exists()
