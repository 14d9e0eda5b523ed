"""Kills a writer of the status store at random moments, and checks the store that it left. Run as a program.

Arguments: a folder, the number of rounds, a seed. In every round a forked child opens the store and puts
records, batch by batch; it prints ``begun n`` before it flushes batch n and ``done n`` after. It is killed a
random time later. Then the store must open, hold every batch that was done, none that was not begun, and each
one whole. Prints how many rounds ended in which phase.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from ppg_graph import Fingerprint, JobId, NodeKind, Record
from ppg_invariants import FileState, StatusStore, StoredRecord

BATCH = 5


def record(number):
    """A record with content that shows its number."""
    fingerprint = Fingerprint(number.to_bytes(16, "little"))
    files = {f"{number}.txt": FileState(number, 1, 2, 3, 4, fingerprint)}
    return StoredRecord(Record(NodeKind.OUTPUT, fingerprint, {JobId(f"up{number}"): fingerprint}), files)


def write(path, pipe, first):
    """In the child: put records until killed."""
    store = StatusStore.open(path)
    batch = first
    while True:
        for number in range(batch * BATCH, (batch + 1) * BATCH):
            store.put(JobId(f"job{number}"), record(number))
        os.write(pipe, b"begun %d\n" % batch)
        store.flush()
        os.write(pipe, b"done %d\n" % batch)
        batch += 1


def said(pipe):
    """The last batches that the dead child began and finished."""
    begun = done = -1
    with os.fdopen(pipe, "rb") as stream:
        for line in stream.read().splitlines():
            word, _, number = line.partition(b" ")
            if word == b"begun":
                begun = int(number)
            else:
                done = int(number)
    return begun, done


def main():
    """All rounds."""
    folder, rounds, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    phases = Counter()
    path, committed = folder / "store", 0
    for number in range(rounds):
        if number % 20 == 0:  # again and again from no store at all
            path, committed = folder / f"store{number}", 0
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            write(path, writing, committed)
        os.close(writing)
        time.sleep(chance.choice((0.002, 0.01, 0.03)) * chance.random())
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        begun, done = said(reading)
        phases[
            "before the first flush" if begun < 0 else "in a flush" if begun > done else "between flushes"
        ] += 1
        with StatusStore.open(path) as store:
            assert store.damage is None, store.damage
            numbers = sorted(int(job_id[3:]) for job_id in store.records())
            assert numbers == list(range(len(numbers))), numbers
            assert len(numbers) % BATCH == 0, "half a batch"
            found = len(numbers) // BATCH
            assert found >= max(committed, done + 1), "a committed record is lost"
            assert found <= max(committed, begun + 1), "a record appears that was never committed"
            for one in chance.sample(numbers, min(len(numbers), 20)):
                assert store.records()[JobId(f"job{one}")] == record(one)
            committed = found
    print(dict(phases))


if __name__ == "__main__":
    main()
