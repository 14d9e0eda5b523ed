"""Fingerprints and the status store beside what the machine allows, in one run.

    python tests/benchmarks/bench_fingerprints.py [--full]

Prints the raw figure (the bare hash, the bare stat, bare SQLite) beside ours and their ratio, which is all that
means anything on a machine that others use too. ``--full`` takes the sizes of the goals (4 GiB in one file,
10,000 files of 100 KB); without it a sixteenth of them.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ppg_graph import Fingerprint, JobId, NodeKind, Record
from ppg_invariants import (
    FileState,
    Follow,
    StatusStore,
    StoredRecord,
    compare_files,
    describe_file,
    fingerprint_function,
    observe_files,
)
from ppg_invariants.files.state import new_hasher

MIB = 1 << 20
ROUNDS = 3


def seconds(work: Callable[[], object]) -> float:
    """The best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best


def line(what: str, raw: float, ours: float) -> None:
    """One comparison, in seconds."""
    print(f"{what:<58} raw {raw:9.4f} s   ours {ours:9.4f} s   ours/raw {ours / raw:5.2f}", flush=True)


def one_big_file(folder: Path, size: int) -> None:
    """A file that is in the page cache, hashed once."""
    path = folder / "big"
    block = os.urandom(MIB)
    with path.open("wb") as stream:
        for _ in range(size // MIB):
            stream.write(block)
    for algorithm in ("xxh3_128", "md5"):

        def raw(algorithm: str = algorithm) -> None:
            hasher = new_hasher(algorithm)
            for _ in range(size // MIB):
                hasher.update(block)

        def ours(algorithm: str = algorithm) -> None:
            state = describe_file(str(path), algorithm=algorithm)
            assert isinstance(state, FileState)

        line(f"{algorithm} of {size // MIB} MiB; raw: same bytes from memory", seconds(raw), seconds(ours))
    state = describe_file(str(path))
    assert isinstance(state, FileState)
    settled = state._replace(looked_ns=state.ctime_ns + 10**11)
    line(
        "the same, nothing to do; raw: os.stat",
        seconds(lambda: [path.stat() for _ in range(1000)]) / 1000,
        seconds(lambda: [compare_files([(str(path), settled)]) for _ in range(1000)]) / 1000,
    )
    path.unlink()


def many_files(folder: Path, count: int) -> None:
    """Many small inputs, with md5: first, touched, nothing to do."""
    names = []
    for number in range(count):
        path = folder / f"input{number}"
        path.write_bytes(os.urandom(100_000))
        names.append(str(path))
    fresh: list[tuple[str, FileState | None]] = [(name, None) for name in names]

    def raw() -> None:
        for name in names:
            with open(name, "rb", buffering=0) as stream:
                hashlib.md5(stream.read(), usedforsecurity=False).digest()

    one = seconds(raw)
    cores = len(os.sched_getaffinity(0))
    line(
        f"md5 of {count} x 100 KB; raw: one thread / {cores} cores",
        one / cores,
        seconds(lambda: observe_files(fresh)),
    )
    states = [state for state in observe_files(fresh) if isinstance(state, FileState)]
    touched = [(name, state._replace(mtime_ns=1)) for name, state in zip(names, states, strict=True)]
    line("the same, all touched", one / cores, seconds(lambda: compare_files(touched)))
    stats = seconds(lambda: [os.stat(name) for name in names])
    settled = [
        (name, state._replace(looked_ns=state.ctime_ns + 10**11))
        for name, state in zip(names, states, strict=True)
    ]
    line("the same, nothing to do; raw: os.stat of each", stats, seconds(lambda: compare_files(settled)))
    entries = list(zip(names, states, strict=True))
    line("the same, looked at right after they were written", stats, seconds(lambda: compare_files(entries)))


def helper(x: int) -> int:
    """Something to follow."""
    return x + 1


def functions(count: int) -> None:
    """Closures over one code object."""

    def make(number: int) -> Callable[[str, int], object]:
        return lambda path, size=1: (path, size, number, helper(number))

    made = [make(number) for number in range(count)]
    gc.freeze()
    raw = seconds(
        lambda: [(one.__code__, one.__defaults__, one.__closure__[0].cell_contents) for one in made]
    )  # type: ignore[index]
    line(
        f"{count} closures of one code; raw: looking at them",
        raw,
        seconds(lambda: [fingerprint_function(one).bytecode for one in made]),
    )
    follow = Follow()
    line(
        "the same, followed",
        raw,
        seconds(lambda: [fingerprint_function(one, follow=follow).bytecode for one in made]),
    )
    defined = iter([[eval("lambda path: path", {}) for _ in range(count // 10)] for _ in range(ROUNDS)])
    line(
        f"{count // 10} functions, each of a code object of its own",
        raw / 10,
        seconds(lambda: [fingerprint_function(one).bytecode for one in next(defined)]),
    )
    gc.unfreeze()


@contextmanager
def bare_database(path: Path) -> Iterator[sqlite3.Connection]:
    """A database with one table, in the journal mode of the store."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, name TEXT, packed BLOB)")
        yield connection


def store(folder: Path, count: int) -> None:
    """Records written and read."""
    fingerprint = Fingerprint(b"x" * 16)
    state = FileState(1, 2, 3, 4, 5, b"d" * 16)
    records = [
        (
            JobId(f"out/{number}.txt"),
            StoredRecord(
                Record(
                    NodeKind.OUTPUT,
                    fingerprint,
                    {JobId(f"FI{number}"): fingerprint, JobId("in"): fingerprint},
                ),
                {f"out/{number}.txt": state},
                1.0,
                1000,
            ),
        )
        for number in range(count)
    ]
    rounds = iter(range(100))

    def raw_write() -> None:
        with bare_database(folder / f"raw{next(rounds)}") as connection:
            for begin in range(0, count, 1000):
                connection.execute("BEGIN")
                for number in range(begin, min(begin + 1000, count)):
                    connection.execute(
                        "INSERT INTO t VALUES (?, ?, ?)", (number, f"out/{number}.txt", b"x" * 170)
                    )
                connection.execute("COMMIT")

    def write() -> None:
        with StatusStore.open(folder / f"store{next(rounds)}") as opened:
            for job_id, record in records:
                opened.put(job_id, record)

    line(f"write {count} records in batches of 1,000; raw: SQLite", seconds(raw_write), seconds(write))
    raw_path, path = folder / "raw0", next(iter(sorted(folder.glob("store*"))))

    def raw_read() -> None:
        with bare_database(raw_path) as connection:
            dict(connection.execute("SELECT name, packed FROM t"))
            dict(connection.execute("SELECT id, name FROM t"))

    def read() -> None:
        StatusStore.open(path).close()

    line("open the store with them; raw: SQLite into two dicts", seconds(raw_read), seconds(read))
    with StatusStore.open(path, read_only=True) as opened:
        history = opened.history()
        line(
            "unpack all of them; raw: making as many Records",
            seconds(lambda: [Record(NodeKind.OUTPUT, fingerprint, {}) for _ in range(count)]),
            seconds(lambda: [history[job_id] for job_id, _ in records]),
        )


def main() -> None:
    """All of it."""
    full = "--full" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        one_big_file(folder, (4096 if full else 256) * MIB)
        many_files(folder, 10_000 if full else 600)
        functions(100_000 if full else 20_000)
        store(folder, 100_000 if full else 20_000)


if __name__ == "__main__":
    main()
