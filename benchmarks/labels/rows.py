"""Labelled rows of two CSV files, and choices among them."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from advisor.schema.evaluation import Sample, Split


class Rows(NamedTuple):
    """The two parts of a data set."""

    train: list[Sample]
    test: list[Sample]


def read(folder: Path) -> Rows:
    """`train.csv` and `test.csv` with the columns `text` and `category`."""
    return Rows(_part(folder / "train.csv", "train"), _part(folder / "test.csv", "test"))


def _part(path: Path, split: Split) -> list[Sample]:
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            Sample(id=f"{split}-{n}", input=row["text"], target=row["category"], split=split)
            for n, row in enumerate(csv.DictReader(stream))
        ]


def some_of_each(train: Sequence[Sample], count: int, seed: int) -> list[Sample]:
    """So many samples of each label, drawn; all of a label that has fewer."""
    draw = random.Random(seed)  # noqa: S311 - repeatable choice, no secret
    by_label: dict[str, list[Sample]] = {}
    for sample in train:
        by_label.setdefault(sample.target, []).append(sample)
    return [
        sample
        for label in sorted(by_label)
        for sample in draw.sample(by_label[label], min(count, len(by_label[label])))
    ]
