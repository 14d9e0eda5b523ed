"""`ppg.toml` and `[tool.ppg]`: what they say holds, in one order, and what is wrong in them is named with the remedy."""

import json
import os

import pytest

from ppg_cli.settings.chosen import Chosen
from ppg_cli.settings.file import find_settings
from ppg_cli.settings.keys import SettingsError
from tests.other_user import NOBODY, needs_root

SCRIPT = """
graph = ppg.new_pipegraph(cores=3)
ppg.FileGeneratingJob("a", writes("A"))
ppg.run_pipegraph()
system = graph.resource_coordinator
print(system.max_cores_to_use, system.max_memory_to_use, graph.undeclared)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PPG_PROFILE", raising=False)
    return tmp_path


def chosen(profile=None, inline=False, **given):
    return Chosen({name.replace("_", "-"): value for name, value in given.items()}, profile, inline=inline)


def test_the_command_line_comes_before_the_profile_the_file_and_the_script(project):
    project.script(SCRIPT)
    assert project.ppg("run", "script.py").out == "3 None warn\n"
    (project / "ppg.toml").write_text(
        'cores = 2\nstrict = true\n[profiles.half]\ncores = 1\nmemory = "1 GB"\n[profiles.lax]\nstrict = false\n'
    )
    assert project.ppg("run", "script.py").out == "2 None fail\n"
    assert project.ppg("run", "script.py", "--profile", "half").out == "1 1000000000 fail\n"
    assert project.ppg("run", "script.py", "--profile", "lax").out == "2 None warn\n"
    assert project.ppg("run", "script.py", "--profile", "half", "-j", "4").out == "4 1000000000 fail\n"
    assert project.ppg("run", "script.py", "--no-strict").out == "2 None warn\n"
    project.environment["PPG_PROFILE"] = "half"
    assert project.ppg("run", "script.py").out == "1 1000000000 fail\n"
    assert project.ppg("run", "script.py", "--profile", "lax").out == "2 None warn\n"
    assert project.ppg("run", "script.py").summary == (0, 1, 0, 0), "no setting lets a job run again"


def test_defaults_for_jobs_hold_for_those_that_do_not_say_it(project):
    project.script("""
        def count(path):
            with open(f"{path}.count", "a") as log:
                log.write("x")
            raise ValueError
        def sleep(path):
            time.sleep(1000)
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", count)
        ppg.FileGeneratingJob("b", count, retries=1)
        ppg.FileGeneratingJob("c", sleep, retries=1)
        ppg.FileGeneratingJob("d", writes("D"), timeout="1h")
        def generate():
            ppg.FileGeneratingJob("e", count)
        ppg.JobGeneratingJob("generator", generate)
        ppg.run_pipegraph()
    """)
    (project / "ppg.toml").write_text('[jobs]\nretries = 2\ntimeout = "0.5s"\n')
    ended = project.ppg("run", "script.py", "--plain")
    assert ended.code == 1
    assert [(project / f"{name}.count").read_text() for name in ("a", "b", "e")] == ["xxx", "xx", "xxx"]
    assert "timeout" in ended.err or "0.5 s" in ended.err
    assert (project / "d").exists()


def test_a_profile_may_have_defaults_for_jobs_of_its_own(folder):
    (folder / "ppg.toml").write_text('[jobs]\nretries = 2\nmemory = "1GB"\n[profiles.p.jobs]\nretries = 0\n')
    assert (chosen().jobs.retries, chosen().jobs.memory) == (2, 10**9)
    assert (chosen("p").jobs.retries, chosen("p").jobs.memory) == (0, 10**9)


def test_the_nearest_file_holds_and_pyproject_toml_has_the_same_keys(folder):
    (folder / "pyproject.toml").write_text(
        "[tool.ppg]\ncores = 5\n[tool.ppg.profiles.p]\ncores = 6\n[tool.other]\nx = 1\n"
    )
    below = folder / "below" / "deeper"
    below.mkdir(parents=True)
    assert find_settings(below).always["cores"] == 5
    assert (chosen().cores, chosen("p").cores) == (5, 6)
    (folder / "below" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert find_settings(below).always["cores"] == 5, "a file without [tool.ppg] says nothing"
    (folder / "below" / "ppg.toml").write_text("cores = 7\n")
    assert dict(find_settings(below).always) == {"cores": 7}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("corse = 2", ["ppg.toml", "'corse'", "did you mean 'cores'?"]),
        ("cores_per_machine = 2", ["'cores_per_machine'", "did you mean 'cores-per-machine'?"]),
        ("[profiles.big]\nmemroy = '1GB'", ["[profiles.big]", "'memroy'", "did you mean 'memory'?"]),
        ("[jobs]\ncores = 2", ["[jobs]", "'cores'", "memory, retries, timeout"]),
        ("cores = 'two'", ["'cores' must be a whole number of at least 1, not 'two'", "write cores = 4"]),
        ("cores = true", ["'cores'"]),
        ("memory = '1 parsec'", ["'memory' must be a size", '"64GB"']),
        ("prologue = 'module load x'", ["'prologue'", '["module load samtools"]']),
        ("profiles = 3", ["'profiles' must be a table", "[profiles]"]),
        ("cores = \nx = 1", ["it is not TOML", "line 1"]),
    ],
)
def test_what_is_wrong_is_named_with_the_file_the_key_and_the_remedy(folder, text, words):
    (folder / "ppg.toml").write_text(text)
    with pytest.raises(SettingsError) as raised:
        chosen()
    assert str(folder / "ppg.toml") in str(raised.value)
    for word in words:
        assert word in str(raised.value)


def test_a_wrong_key_ends_the_command_before_the_script_begins(project):
    project.script("print('began')\n")
    (project / "pyproject.toml").write_text("[tool.ppg]\nunknown = 1\n")
    ended = project.ppg("run", "script.py")
    assert (ended.code, ended.out) == (2, "")
    assert "pyproject.toml: [tool.ppg]: 'unknown' is no key of ppg; the keys are account, cores" in ended.err


def test_two_files_in_one_folder_are_refused(folder):
    (folder / "pyproject.toml").write_text("[tool.ppg]\ncores = 5\n")
    (folder / "ppg.toml").write_text("cores = 5\n")
    with pytest.raises(SettingsError, match="keep the settings in one of them"):
        chosen()


@needs_root
def test_a_file_above_that_another_user_has_planted_is_not_used(folder):
    (folder / "ppg.toml").write_text("prologue = ['rm -r ~']\n")
    os.chown(folder / "ppg.toml", NOBODY, NOBODY)
    below = folder / "below"
    below.mkdir()
    with pytest.raises(SettingsError, match="belongs to another user"):
        find_settings(below)
    (below / "ppg.toml").write_text("")
    assert not find_settings(below).always, "the remedy of the message works"


def test_a_profile_that_is_not_there_is_named_with_those_that_are(folder):
    with pytest.raises(SettingsError, match=r"neither ppg.toml nor \[tool.ppg\]"):
        chosen("big")
    (folder / "ppg.toml").write_text("[profiles.big]\n[profiles.small]\n")
    with pytest.raises(
        SettingsError, match=r"no profile .bgi.; did you mean .big.\? its profiles: big, small"
    ):
        chosen("bgi")


SLURM = """
cores = 8
memory = "16GB"
[profiles.cluster]
on = "slurm"
machines = 4
cores-per-machine = 16
memory = "64GB"
walltime = "4h"
partition = "long"
sbatch = ["--qos=high"]
"""


def test_a_profile_of_slurm_is_what_the_options_of_the_command_line_say(folder):
    (folder / "ppg.toml").write_text(SLURM)
    of_profile = chosen("cluster").coordinator.cluster
    given = chosen(
        on="slurm", machines=4, cores_per_machine=16, memory=64 * 10**9, walltime="4h"
    ).coordinator.cluster
    for name in ("machines", "cores_per_machine", "memory", "walltime"):
        assert getattr(of_profile, name) == getattr(given, name)
    assert (of_profile.walltime, of_profile.partition, of_profile.options) == (14400, "long", ["--qos=high"])
    assert chosen("cluster", machines=2).coordinator.cluster.machines == 2
    assert chosen("cluster").cores is None, "what is said of this machine is nothing about those of Slurm"


def test_another_place_sets_aside_what_is_said_of_machines(folder):
    (folder / "ppg.toml").write_text(SLURM)
    local = chosen("cluster", on="local")
    assert (local.coordinator, local.cores, local.memory, local.here) == (None, None, None, True)
    assert chosen("cluster", on="local", cores=2).cores == 2
    assert chosen("cluster", inline=True).coordinator is None
    assert chosen("cluster", on="tcp://10.0.0.1:8786").coordinator.address == "tcp://10.0.0.1:8786"
    with pytest.raises(SettingsError, match="nothing says machines and cores-per-machine and memory"):
        chosen(on="slurm")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"walltime": "4h"}, "--walltime says nothing about this machine; leave it out, or add --on slurm"),
        (
            {"on": "tcp://10.0.0.1:8786", "cores": 2},
            "--cores says nothing about --on tcp://10.0.0.1:8786; leave it out",
        ),
        ({"on": "srun", "machines": 2}, "--machines says nothing about --on srun; leave it out"),
        (
            {"on": "slurm", "machines": 1, "cores_per_machine": 1, "memory": 1, "cores": 2},
            "leave it out, or write --cores-per-machine",
        ),
        ({"on": "cluster"}, "it must be 'local', 'slurm', 'srun', or the address of a Dask scheduler"),
    ],
)
def test_options_that_mean_nothing_together_are_refused_with_the_remedy(folder, given, words):
    with pytest.raises(SettingsError) as raised:
        chosen(**given)
    assert words in str(raised.value)


def test_a_shared_cache_of_the_settings_is_that_of_graphs_that_state_none(project):
    project.script("""
        import json
        graph = ppg.new_pipegraph()
        print(json.dumps(str(graph.shared_cache.folder)))
        ppg.FileGeneratingJob("a", writes("A"))
        ppg.run_pipegraph()
    """)
    (project / "cache").mkdir()
    (project / "ppg.toml").write_text('shared-cache = "cache"\n')
    assert json.loads(project.ppg("run", "script.py").out) == str(project / "cache")


def test_local_is_this_machine_whatever_the_script_says(project):
    project.script("""
        ppg.new_pipegraph(ppg.DaskCluster(address="tcp://127.0.0.1:1"))
        ppg.FileGeneratingJob("a", writes("A"))
        ppg.run_pipegraph()
    """)
    assert project.ppg("run", "--on", "local", "script.py").summary == (1, 0, 0, 0)
