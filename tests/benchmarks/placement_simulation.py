"""Simulates a large cluster in virtual time, with the placement that runs use.

    python -m tests.benchmarks.placement_simulation --machines 1000 --cores 64 --jobs 1000000 --picture docs/cluster-simulation.svg

It prints how long a decision takes, how often data is loaded, and how many cores idle while jobs wait; and draws what the cores do.
"""

import argparse
import heapq
import random
import time
from dataclasses import dataclass, field

from ppg_exec.resources.placement import Needs, Placement

__all__ = ["Simulation", "simulate"]

SECONDS_BETWEEN_SAMPLES = 10.0
GIGABYTE = 1_000_000_000


@dataclass
class Simulation:
    """What a simulation has found; times are seconds."""

    jobs: int
    decisions: int = 0
    seconds_deciding: float = 0.0
    loads_run: int = 0
    loads_needed: int = 0
    makespan: float = 0.0
    busy: float = 0.0
    loading: float = 0.0
    idle_while_waiting: float = 0.0
    kept_free: float = 0.0
    cores: int = 0
    widest_waited: float = 0.0
    ended: set[int] = field(default_factory=set)
    samples: list[tuple[float, int, int, int]] = field(default_factory=list)
    """from time to time: seconds, cores that run jobs, cores kept free for wide jobs, jobs that wait"""

    def lines(self) -> list[str]:
        """The figures, for people."""
        total = self.makespan * self.cores
        return [
            f"decisions: {self.decisions:,}; {self.seconds_deciding / max(1, self.decisions) * 1e6:.1f} µs each",
            f"loads: {self.loads_run:,} times, of {self.loads_needed:,} different ones",
            f"makespan: {self.makespan:,.0f} s; cores busy {self.busy / total:.1%}, loading or waiting for it {self.loading / total:.1%}",
            f"cores idle while a job of one core waited: {self.idle_while_waiting / total:.2%}",
            f"cores kept free for wide jobs: {self.kept_free / total:.2%}",
            f"longest wait of a job for all cores of a machine: {self.widest_waited:,.0f} s",
        ]


def jobs_like_recorded(count: int, loads: int, chance: random.Random) -> list[tuple[float, Needs]]:
    """Durations and needs: most jobs are short, few are long or wide, and some loads are used by many jobs."""
    jobs = []
    for _ in range(count):
        mean = chance.choices([5.0, 60.0, 900.0], [60, 35, 5])[0]
        duration = chance.lognormvariate(0.0, 1.0) * mean
        used: frozenset[str] = frozenset()
        if loads and chance.random() < 0.4:
            used = frozenset({f"load {int(loads * chance.random() ** 3)}"})
        cores = chance.choices([1, 4, 16, -1], [900, 80, 15, 1])[0]
        memory = chance.choices([None, 8 * GIGABYTE], [9, 1])[0]
        jobs.append((duration, Needs(cores, memory, used, cores == 1)))
    return jobs


def is_narrow(needs: Needs) -> bool:
    """Whether a job fits wherever a core is free."""
    return needs.cores == 1 and needs.memory is None


def simulate(machines: int, cores: int, jobs: int, loads: int = 50, seed: int = 1) -> Simulation:
    """Run jobs in virtual time."""
    chance = random.Random(seed)
    found = Simulation(jobs, cores=machines * cores)
    placement: Placement[int] = Placement()
    for number in range(machines):
        placement.add_machine(f"m{number}", cores, cores * 4 * GIGABYTE)
    specs = jobs_like_recorded(jobs, loads, chance)
    load_seconds = {f"load {number}": chance.uniform(30, 300) for number in range(loads)}
    there: dict[tuple[str, str], float] = {}
    narrow = 0
    for number, (_, needs) in enumerate(specs):
        placement.add(number, needs, 0.0, number)
        narrow += is_narrow(needs)
    now = 0.0
    running: list[tuple[float, int]] = []
    free = machines * cores
    claims: dict[int, int] = {}
    while placement.waiting() or running:
        began = time.process_time()
        placed = placement.place()
        found.seconds_deciding += time.process_time() - began
        found.decisions += len(placed)
        for item, machine, is_ahead in placed:
            duration, needs = specs[item]
            start = now
            for load in needs.loads:
                if (machine, load) not in there:
                    there[machine, load] = now + load_seconds[load]
                    found.loads_run += 1
                    placement.note_load_time(load, load_seconds[load])
                start = max(start, there[machine, load])
            claim = cores if needs.cores == -1 else max(needs.cores, 2 if needs.memory else 1)
            claims[item] = claim
            narrow -= is_narrow(needs)
            free -= claim
            found.busy += duration * claim
            found.loading += (start - now) * claim
            if needs.cores == -1:
                found.widest_waited = max(found.widest_waited, now)
            assert not is_ahead or claim == 1
            heapq.heappush(running, (start + duration, item))
        if not running:
            break
        before = now
        now, item = heapq.heappop(running)
        kept = placement.kept_free()
        if not found.samples or before >= found.samples[-1][0] + SECONDS_BETWEEN_SAMPLES:
            found.samples.append((before, found.cores - max(0, free), kept, placement.waiting()))
        found.kept_free += kept * (now - before)
        if narrow:
            found.idle_while_waiting += max(0, free - kept) * (now - before)
        while True:
            began = time.process_time()
            placement.ended(item, specs[item][0])
            found.seconds_deciding += time.process_time() - began
            free += claims.pop(item)
            found.ended.add(item)
            if not running or running[0][0] > now:
                break
            _, item = heapq.heappop(running)
    found.makespan = now
    found.loads_needed = len({load for _, load in there})
    return found


def main() -> None:
    """Print the figures of one simulation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=1000)
    parser.add_argument("--cores", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--loads", type=int, default=50)
    parser.add_argument("--picture", metavar="FILE", help="draw what the cores do")
    options = parser.parse_args()
    found = simulate(options.machines, options.cores, options.jobs, options.loads)
    for line in found.lines():
        print(line)
    if options.picture:
        draw(found, options.picture)


def draw(found: Simulation, path: str) -> None:
    """Draw what the cores do over time, and how many jobs wait."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "ppg"
    from matplotlib import pyplot as plt

    end = next((time for time, _, _, waiting in found.samples if not waiting), found.makespan)
    shown = [sample for sample in found.samples if sample[0] <= 1.5 * end]
    times = [sample[0] / 60 for sample in shown]
    figure, axes = plt.subplots(figsize=(8, 3.5))
    busy = [sample[1] / found.cores for sample in shown]
    kept = [sample[2] / found.cores for sample in shown]
    axes.stackplot(
        times,
        busy,
        kept,
        labels=["run jobs, or load for them", "kept free for wide jobs"],
        colors=["#4c78a8", "#f58518"],
    )
    axes.plot(
        times,
        [sample[3] / found.jobs for sample in shown],
        color="black",
        label="jobs that wait (share of all)",
    )
    axes.set(xlabel="minutes", ylabel="share of the cores", ylim=(0, 1.02), xlim=(0, times[-1]))
    axes.legend(loc="lower left", fontsize="small")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
