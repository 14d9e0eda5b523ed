"""Everyone who takes part; each is a file of its own."""

from tests.benchmarks.peers.bare import Bare
from tests.benchmarks.peers.doit import Doit
from tests.benchmarks.peers.joblib import Joblib
from tests.benchmarks.peers.ninja import Ninja
from tests.benchmarks.peers.peer import Peer, Work
from tests.benchmarks.peers.ppg import Ppg
from tests.benchmarks.peers.pypipegraph import Pypipegraph, Pypipegraph2
from tests.benchmarks.peers.snakemake import Snakemake
from tests.benchmarks.peers.stepup import Stepup

__all__ = ["PEERS", "QUICK_PEERS", "SUBJECTS", "Peer", "Work"]

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Ppg(),
        Bare(),
        Ninja(),
        Doit(),
        Joblib(),
        Pypipegraph(),
        Pypipegraph2(),
        Snakemake(),
        Stepup(),
    )
}
SUBJECTS = frozenset({Ppg.name, Bare.name})
"""Whose failure is a failure of the benchmark: what is ours. Those of others are findings."""
QUICK_PEERS = (Ppg.name, Bare.name, Ninja.name, Doit.name)
