"""The stages: a split of posts, a bag of words, a logistic regression, and its scores."""

import json
import random
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

PARAMS = tomllib.loads((Path(__file__).parent / "params.toml").read_text())
STOP_WORDS = set(PARAMS["featurize"]["stop_words"])


@dataclass
class Split:
    """How posts are divided."""

    share: float
    generator: random.Random = field(repr=False)

    def of(self, posts: list[str]) -> tuple[list[str], list[str]]:
        """Posts to train with, and posts to test with."""
        generator = random.Random(self.generator.getstate()[1][1])
        drawn = [generator.random() < self.share for _ in posts]
        train = [post for post, is_test in zip(posts, drawn, strict=True) if not is_test]
        return train, [post for post, is_test in zip(posts, drawn, strict=True) if is_test]


SPLIT = Split(PARAMS["prepare"]["share_of_test"], random.Random(PARAMS["prepare"]["seed"]))
WEIGHTS = np.random.default_rng(PARAMS["train"]["seed"]).normal(size=PARAMS["featurize"]["most_words"] + 1)


def prepare(files: dict[str, Path]) -> None:
    """Divide the posts."""
    posts = [line for line in Path("posts.txt").read_text().splitlines() if line.strip()]
    train, test = SPLIT.of(posts)
    files["train"].write_text("\n".join(train))
    files["test"].write_text("\n".join(test))


def words_of(post: str) -> list[str]:
    """The words that count."""
    return [word for word in post.lower().split() if word.isalpha() and word not in STOP_WORDS]


def featurize(files: dict[str, Path], prepared: dict[str, Path]) -> None:
    """Make a matrix of word counts; the last column says whether a post is about jobs."""
    train = prepared["train"].read_text().splitlines()
    counted = Counter(word for post in train for word in words_of(post))
    ordered = sorted(counted, key=lambda word: (-counted[word], word))
    vocabulary = {word: column for column, word in enumerate(ordered[: PARAMS["featurize"]["most_words"]])}
    for part, made in files.items():
        posts = prepared[part].read_text().splitlines()
        matrix = np.zeros((len(posts), PARAMS["featurize"]["most_words"] + 1))
        for row, post in enumerate(posts):
            for word in words_of(post):
                if word in vocabulary:
                    matrix[row, vocabulary[word]] += 1
            matrix[row, -1] = "job" in post.lower()
        np.save(made, matrix)


def scores(matrix: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The probability of each post to be about jobs."""
    return 1 / (1 + np.exp(-(matrix[:, :-1] @ weights[:-1] + weights[-1])))


def train(model: Path, features: dict[str, Path]) -> None:
    """Fit the weights by gradient descent."""
    matrix = np.load(features["train"])
    weights = WEIGHTS.copy()
    for _ in range(PARAMS["train"]["steps"]):
        errors = scores(matrix, weights) - matrix[:, -1]
        weights[:-1] -= PARAMS["train"]["rate"] * (errors @ matrix[:, :-1]) / len(matrix)
        weights[-1] -= PARAMS["train"]["rate"] * errors.mean()
    np.save(model, weights)


def evaluate(metrics: Path, model: Path, features: dict[str, Path]) -> None:
    """Write the share of posts that are classified rightly."""
    weights = np.load(model)
    found = {}
    for part, made in sorted(features.items()):
        matrix = np.load(made)
        found[part] = round(float(((scores(matrix, weights) > 0.5) == matrix[:, -1]).mean()), 6)
    metrics.write_text(json.dumps(found))
