"""Where agents start, by pure decisions: one for each machine, again after a death, and not when its time ends."""

from ppg_exec.dask.hosts import DRAIN_SECONDS, Hosts, WorkerFacts


def worker(host: str, ends: float | None = None) -> WorkerFacts:
    return WorkerFacts(host, host, 2, 100, ends)


def test_one_agent_for_each_machine_has_the_cores_of_its_workers() -> None:
    hosts = Hosts()
    started = hosts.update({"w1": worker("a"), "w2": worker("a"), "w3": worker("b")})
    assert [(each.host, each.cores, each.memory) for each in started] == [("a", 4, 200), ("b", 2, 100)]
    assert hosts.update({"w1": worker("a"), "w3": worker("b")}) == []


def test_a_machine_that_is_about_to_end_gets_no_agent() -> None:
    hosts = Hosts()
    workers = {"w1": worker("a", ends=1000.0), "w2": worker("b", ends=1000.0 + DRAIN_SECONDS)}
    (started,) = hosts.update(workers, now=1000.0)
    assert (started.host, started.ends) == ("b", 1000.0 + DRAIN_SECONDS)


def test_the_first_end_of_the_workers_of_a_machine_counts() -> None:
    (started,) = Hosts().update({"w1": worker("a", 900.0), "w2": worker("a", 700.0), "w3": worker("a")}, 0.0)
    assert started.ends == 700.0


def test_a_machine_with_agents_that_die_at_once_is_given_up() -> None:
    hosts = Hosts()
    tried = [hosts.update({"w1": worker("a"), "w2": worker("a")})[0].worker]
    while hosts.ended("a", has_worked=False):
        tried.append(hosts.update({"w1": worker("a"), "w2": worker("a")})[0].worker)
    assert tried == ["w1", "w2", "w1"]
    assert hosts.update({"w1": worker("a"), "w2": worker("a")}) == []
