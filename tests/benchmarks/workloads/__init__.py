"""The goals' workloads; P7 and P8 are programs of their own (`bench_fingerprints`, `bench_exec`)."""

from tests.benchmarks.workloads import (
    p1_wide,
    p2_chain,
    p3_layers,
    p4_noop_at_scale,
    p5_declare,
    p6_sleeps,
    p9_one_change,
)

__all__ = ["WORKLOADS"]

WORKLOADS = {
    module.WORKLOAD.name: module.WORKLOAD
    for module in (p1_wide, p2_chain, p3_layers, p4_noop_at_scale, p5_declare, p6_sleeps, p9_one_change)
}
