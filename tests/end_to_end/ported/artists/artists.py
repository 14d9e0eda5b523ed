"""The most streamed artists of a month, from the streams of its days."""

import datetime
import enum
import heapq
import random
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import ppg


class Genre(enum.Enum):
    """What an artist plays."""

    JAZZ = "jazz"
    FUGUE = "fugue"


class Stream(NamedTuple):
    """A listener has heard a track."""

    artist: str
    track: str


FIRST, DAYS = datetime.date(2012, 6, 1), 30
ARTISTS = {f"artist {number}": random.Random(number).choice(list(Genre)) for number in range(40)}
HIDDEN = frozenset({"artist 3", "artist 17"})
MOST = 10

ppg.new_pipegraph()


def make_streams(made: Path, day: datetime.date) -> None:
    chance = random.Random(day.toordinal())
    names = list(ARTISTS)
    streams = [Stream(chance.choice(names), f"track {chance.randrange(9)}") for _ in range(500)]
    made.write_text("".join(f"{day}\t{stream.artist}\t{stream.track}\n" for stream in streams))


def aggregate(made: Path, days: list[Path]) -> None:
    counts: dict[str, int] = defaultdict(int)
    for day in days:
        for line in day.read_text().splitlines():
            counts[line.split("\t")[1]] += 1
    made.write_text("".join(f"{artist}\t{counts[artist]}\n" for artist in sorted(counts)))


def choose(made: Path, counted: Path, genre: Genre) -> None:
    rows = [line.split("\t") for line in counted.read_text().splitlines()]
    known = [
        (int(count), artist) for artist, count in rows if artist not in HIDDEN and ARTISTS[artist] is genre
    ]
    best = heapq.nlargest(MOST, known)
    made.write_text("".join(f"{artist}\t{count}\n" for count, artist in best))


days = []
for number in range(DAYS):
    day = FIRST + datetime.timedelta(days=number)
    days.append(ppg.TempFileGeneratingJob(f"streams/{day}.tsv", partial(make_streams, day=day)))
counted = ppg.FileGeneratingJob(
    "artists.tsv", partial(aggregate, days=[Path(job.job_id) for job in days])
).depends_on(days)
for genre in Genre:
    ppg.FileGeneratingJob(
        f"top_{genre.value}.tsv", partial(choose, counted=Path(counted.job_id), genre=genre)
    ).depends_on(counted)

ppg.run()
