"""A cluster in virtual time: every job ends, cores do not idle, and data is loaded where it is used."""

from tests.benchmarks.placement_simulation import simulate


def test_a_simulated_cluster_runs_every_job_and_keeps_its_cores_busy() -> None:
    found = simulate(machines=10, cores=16, jobs=5000, loads=8)
    assert found.ended == set(range(5000))
    assert found.loads_run <= 10 * 8, "no machine loads anything twice"
    assert found.busy + found.loading <= found.makespan * found.cores
    assert found.idle_while_waiting < 0.01 * found.makespan * found.cores
    assert found.kept_free < 0.25 * found.makespan * found.cores, "for wide jobs"
