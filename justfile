# The commands of the workspace. `just` lists them; CI calls the same ones.

_default:
    @just --list

# Everything that must hold before a commit: format, lint, contracts, types, rooms, words, messages, old names, fast tests
check: format-check lint contracts types house words (messages "--check") (old-names "--check") test-fast

format:
    uv run ruff format
    uv run ruff check --fix

format-check:
    uv run ruff format --check

lint:
    uv run ruff check

# Which package and room may import which
contracts:
    uv run lint-imports

# Rooms, circles and layers: `just house --all` names every import of a circle, `--write` draws the picture again
house *options:
    PYTHONPATH=tools uv run python -m house {{ options }}

# Forbidden words in docstrings, comments, strings, pages and names, also of tests: `just words --long` also reports long sentences
words *options:
    PYTHONPATH=tools uv run python -m words {{ options }}

# Each message to users with the job that it names and its remedy: `just messages --check` prints what is wrong only
messages *options:
    PYTHONPATH=tools uv run python -m messages {{ options }}

# The messages that these tests do not reach, of all tests if none is named; `folder` must not exist
messages-seen folder *tests:
    PYTHONPATH="$(just messages --noting {{ folder }})" uv run pytest {{ tests }} || true
    just messages --seen {{ folder }}/seen

# The tables of the predecessors' names in docs/porting.md, from those in `ppg.porting`: `just old-names --check` only compares
old-names *options:
    uv run python docs/porting_tables.py {{ options }}

types:
    uv run mypy

# Everything but the exhaustive searches and whole pipelines
test-fast:
    uv run pytest tests/graph tests/invariants tests/exec tests/api tests/cli tests/properties tests/upgrades tests/tools --ignore tests/graph/test_exhaustive.py

# All tests, as the README says
test:
    uv run pytest

# A real Slurm on this machine: the examples, lost machines, a controller that stops; needs root, iproute2 and Slurm's packages
slurm *options:
    PPG_REQUIRE_TOOLS=1 uv run pytest tests/cluster -m slurm {{ options }}

# The larger searches
nightly:
    uv run pytest -m nightly

# How fast, beside peers and the limits of the machine, in one run: `just bench --peers ppg,ninja --workloads P1,P4`
bench *options:
    uv run python -m tests.benchmarks {{ options }}

# The same on small graphs: fails on a crash or a wrong result, never on a time
bench-quick *options:
    uv run python -m tests.benchmarks --sizes quick {{ options }}

# Two kept reports of `just bench` side by side
bench-compare old new:
    uv run python -m tests.benchmarks.compare {{ old }} {{ new }}

# The generated parts of the documentation
docs:
    uv run python docs/decisions_diagram.py
