"""Trains a classifier of posts."""

from functools import partial
from pathlib import Path

import stages

import ppg

PARTS = ("train", "test")

ppg.new_pipegraph()


def files(stage: str, suffix: str) -> dict[str, Path]:
    return {part: Path(f"data/{stage}/{part}.{suffix}") for part in PARTS}


prepared, features = files("prepared", "txt"), files("features", "npy")
prepare = ppg.MultiFileGeneratingJob(prepared, stages.prepare).depends_on_file("posts.txt")
featurize = ppg.MultiFileGeneratingJob(features, partial(stages.featurize, prepared=prepared))
featurize.depends_on(prepare)
train = ppg.FileGeneratingJob("model.npy", partial(stages.train, features=features))
train.depends_on(featurize["train"])
ppg.FileGeneratingJob(
    "metrics.json", partial(stages.evaluate, model=Path("model.npy"), features=features)
).depends_on(train, featurize)

ppg.run()
