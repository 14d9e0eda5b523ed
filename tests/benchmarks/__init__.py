"""How fast ppg is, beside its peers and beside what the machine allows, measured in one run.

    python -m tests.benchmarks                   everything, at the sizes of the goals
    python -m tests.benchmarks --sizes quick     the same code on small sizes
    python -m tests.benchmarks.compare A B       two kept reports side by side

A *workload* (`workloads/`, one file each) is a list of cases: a graph's shape and the steps to measure in it. A *peer*
(`peers/`, one file each) makes the same files with the same content in an environment of its own; the scripts that
run there are in `scripts/`. Each step is one process, timed from exec to exit, and after each the content of all
files is checked, and that exactly those were made which had to be. Machines are shared: only ratios within one report
mean anything.
"""
