"""The split is seeded, complete, fair to labels, and never parts equal inputs."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.data_check.leakage import leaked
from advisor.data_check.normal import input_key
from advisor.data_check.split import counts, limit_test, split
from advisor.errors import DatasetError
from advisor.schema.evaluation import Sample


def sample(number: int, text: str, target: str = "t", part: str | None = None) -> Sample:
    return Sample(id=f"s{number}", input=text, target=target, split=part, line=number + 1)


def distinct(count: int, **more: str | None) -> list[Sample]:
    return [sample(n, f"question {n}", **more) for n in range(count)]


texts = st.lists(st.text("abcAB \u00e9", min_size=1, max_size=4), min_size=60, max_size=150)


@settings(max_examples=60, deadline=None)
@given(inputs=texts, seed=st.integers(0, 5), shuffle=st.randoms())
def test_split_is_deterministic_complete_and_blind_to_order(
    inputs: list[str], seed: int, shuffle: random.Random
) -> None:
    samples = [sample(n, text, target=text[0]) for n, text in enumerate(inputs)]
    if len({input_key(s) for s in samples}) < 20:
        with pytest.raises(DatasetError):
            split(samples, seed=seed)
        return
    placed = split(samples, seed=seed)
    assert [s.model_copy(update={"split": None}) for s in placed] == samples
    assert {s.split for s in placed} == {"train", "dev", "test"}
    assert split(samples, seed=seed) == placed
    shuffled = list(samples)
    shuffle.shuffle(shuffled)
    by_id = {s.id: s.split for s in placed}
    assert {s.id: s.split for s in split(shuffled, seed=seed)} == by_id
    splits_of_key = defaultdict(set)
    for s in placed:
        splits_of_key[input_key(s)].add(s.split)
    assert all(len(names) == 1 for names in splits_of_key.values())
    assert leaked(placed) == ()


def test_shares_caps_and_seed() -> None:
    assert counts(split(distinct(100), seed=0)) == {"train": 60, "dev": 10, "test": 30}
    assert counts(split(distinct(5000), seed=0)) == {"train": 3500, "dev": 500, "test": 1000}
    one, other = split(distinct(100), seed=0), split(distinct(100), seed=1)
    assert one != other


def test_labels_keep_their_share() -> None:
    rows = [
        sample(n, f"question {n}", target="rare" if n % 10 == 0 else "usual") for n in range(300)
    ]
    for seed in range(5):
        found = Counter((s.split, s.target) for s in split(rows, seed=seed))
        assert abs(found["test", "rare"] - 9) <= 1
        assert abs(found["dev", "rare"] - 3) <= 1


def test_a_single_test_share_is_fair_over_seeds() -> None:
    rows = [sample(n, f"question {n}", target=f"answer {n}") for n in range(40)]
    hits = sum(split(rows, seed=seed)[0].split == "test" for seed in range(300))
    assert 60 <= hits <= 120  # 30 % of 300 seeds, four standard errors either way


def test_too_few_distinct_inputs() -> None:
    rows = [sample(n, f"Question {n % 19}") for n in range(100)]
    with pytest.raises(DatasetError, match="No test split possible: 19 distinct") as caught:
        split(rows, seed=0)
    assert "split" in caught.value.hint
    with pytest.raises(DatasetError):
        split([], seed=0)


def test_given_splits_are_kept_and_missing_ones_come_out_of_train() -> None:
    train, test = (
        distinct(100, part="train"),
        [sample(200 + n, f"t{n}", part="test") for n in range(5)],
    )
    placed = split([*train, *test], seed=0)
    assert counts(placed) == {"train": 85, "dev": 15, "test": 5}
    assert all(s.split == "test" for s in placed[100:])
    dev = [sample(300 + n, f"d{n}", part="dev") for n in range(5)]
    placed = split([*train, *dev], seed=0)
    assert counts(placed) == {"train": 70, "dev": 5, "test": 30}
    assert counts(split([*train, *dev, *test], seed=0)) == {"train": 100, "dev": 5, "test": 5}


def test_rows_without_a_split_follow_an_equal_test_row() -> None:
    rows = [*distinct(20), sample(50, "QUESTION  3", part="test")]
    placed = split(rows, seed=0)
    assert placed[3].split == "test"
    assert counts(placed)["test"] == 2


def test_a_leak_given_by_the_file_is_kept_for_the_check_to_find() -> None:
    rows = [*distinct(20, part="train"), sample(50, "question 3", part="test")]
    placed = split(rows, seed=0)
    assert placed[3].split == "train"
    assert [s.id for s in leaked(placed)] == ["s50"]


def test_a_limit_keeps_a_nested_seeded_choice_of_test_samples() -> None:
    rows = distinct(200)
    small, large = (split(rows, seed=0, limit=n) for n in (10, 30))
    whole = split(rows, seed=0)
    tests = [{s.id for s in part if s.split == "test"} for part in (small, large, whole)]
    assert [len(ids) for ids in tests] == [10, 30, 60]
    assert tests[0] < tests[1] < tests[2]
    others = [s for s in whole if s.split != "test"]
    assert [s for s in small if s.split != "test"] == others
    assert limit_test(whole, limit=10, seed=0) == small
    assert {s.id for s in limit_test(reversed(whole), limit=10, seed=0)} == {s.id for s in small}
    assert limit_test(whole, limit=10, seed=1) != small
