"""Where jobs are declared, as messages tell it."""

import pickle

import pytest

import ppg


def script(folder, lines):
    """Execute a script of these lines; gives its names."""
    names = {"ppg": ppg, "__name__": "__main__"}
    exec(compile("\n".join(lines), str(folder / "script.py"), "exec"), names)
    return names


def test_a_job_records_its_line_however_far_down_the_script_it_stands(folder):
    declarations = [f"ppg.FileGeneratingJob('out/{number}', print)" for number in range(500)]
    script(folder, ["graph = ppg.new_pipegraph(quiet=True)", *declarations])
    places = [job.declared_at for job in ppg.current_pipegraph()]
    assert places == [(str(folder / "script.py"), line) for line in range(2, 502)]


def test_a_declaration_over_several_lines_has_the_line_where_its_call_begins(folder):
    script(
        folder, ["ppg.new_pipegraph(quiet=True)", "", "ppg.FileGeneratingJob(", "    'a',", "    print,", ")"]
    )
    assert ppg.current_pipegraph().job("a").declared_at[1] == 3


def test_the_implicit_invariant_of_a_job_is_declared_where_the_job_is(folder):
    script(folder, ["ppg.new_pipegraph(quiet=True)", "ppg.FileGeneratingJob('a', print)"])
    graph = ppg.current_pipegraph()
    graph._complete()
    assert [job.declared_at[1] for job in graph] == [2, 2]


def test_a_pickled_job_takes_its_place_along_and_nothing_of_the_script(folder):
    script(folder, ["ppg.new_pipegraph(quiet=True)", "ppg.FileGeneratingJob('a', print)"])
    job = ppg.current_pipegraph().job("a")
    assert pickle.loads(pickle.dumps(job)).declared_at == job.declared_at


def test_both_places_of_contradictory_declarations_are_shown(folder):
    with pytest.raises(ppg.JobContractError, match=r"script\.py:2, then at .*script\.py:4"):
        script(
            folder,
            [
                "ppg.new_pipegraph(quiet=True)",
                "ppg.FileGeneratingJob('a', lambda: 1)",
                "",
                "ppg.FileGeneratingJob('a', lambda: 2)",
            ],
        )
