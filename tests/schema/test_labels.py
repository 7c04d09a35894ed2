"""One definition of labels, which every room asks."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from advisor.data_check.check import check
from advisor.data_check.split import split_recorded
from advisor.evaluation.suggest import target_kind
from advisor.generation.sources import Sources
from advisor.schema.dataset import Dataset
from advisor.schema.evaluation import Sample
from advisor.schema.labels import are_labels
from advisor.stages.profile.dataset import measure_data


@pytest.mark.parametrize(
    ("labels", "rows", "long", "wanted"),
    [
        (6, 30, 0, True),
        (6, 29, 0, False),
        (60, 400, 0, True),
        (77, 400, 0, True),
        (200, 1000, 0, True),
        (201, 2000, 0, False),
        (3, 40, 4, True),
        (3, 40, 5, False),
    ],
)
def test_all_rooms_agree_on_what_labels_are(
    labels: int,
    rows: int,
    long: int,
    wanted: bool,  # noqa: FBT001 - pytest names it
) -> None:
    targets = [
        f"label {chr(65 + n % labels // 26)}{chr(65 + n % labels % 26)}" for n in range(rows)
    ]
    targets[:long] = [f"{'very ' * 20}{targets[0]}"] * long
    chance = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    samples = [
        Sample(id=f"s{n}", input="".join(chance.choices(letters, k=30)), target=target, line=n + 1)
        for n, target in enumerate(targets)
    ]
    assert are_labels(Counter(targets)) is wanted
    assert (target_kind(samples) == "labels") is wanted
    assert bool(Sources(seeds=tuple(samples), instruction="").labels) is wanted
    assert (measure_data(samples).classes is not None) is wanted
    assert (split_recorded(samples, seed=0)[1].label_drift is not None) is wanted
    told = Dataset(path="x", format="f", samples=tuple(samples), rows=rows, digest="0" * 16)
    assert (check(told).labels is not None) is wanted
