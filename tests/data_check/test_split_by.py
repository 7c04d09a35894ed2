"""Splits by group, document, time and cluster part nothing that belongs together."""

from __future__ import annotations

import random
import sys
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.data_check import near
from advisor.data_check.leakage import leaked
from advisor.data_check.moments import moment
from advisor.data_check.near import clusters
from advisor.data_check.shares import Shares
from advisor.data_check.split import counts, split, split_digest, split_recorded
from advisor.errors import DatasetError
from advisor.schema.evaluation import Sample

WORDS = [f"word{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"]
MEMBERS = st.lists(st.integers(1, 12), min_size=12, max_size=40)


def sample(number: int, text: str = "", target: str = "t", **more: str) -> Sample:
    return Sample(id=f"s{number}", input=text or f"question {number}", target=target, **more)


def grouped(sizes: list[int], kind: str, labels: int = 3) -> list[Sample]:
    chance, found = random.Random(len(sizes)), []
    for number, size in enumerate(sizes):
        usual = chance.randrange(labels)
        for _ in range(size):
            label = usual if chance.random() < 0.6 else chance.randrange(labels)
            found.append(sample(len(found), target=f"label {label}", **{kind: f"g{number}"}))
    return found


def splits_of(samples: tuple[Sample, ...], kind: str) -> dict[str, set[str | None]]:
    found = defaultdict(set)
    for one in samples:
        found[getattr(one, kind)].add(one.split)
    return found


@pytest.mark.parametrize("kind", ["group", "document"])
@settings(max_examples=10, deadline=None)
@given(sizes=MEMBERS, seed=st.integers(0, 3), shuffle=st.randoms())
def test_no_group_or_document_is_parted(
    kind: str, sizes: list[int], seed: int, shuffle: random.Random
) -> None:
    samples = grouped(sizes, kind)
    if len(samples) < 20:
        return
    placed, record = split_recorded(samples, seed=seed)
    assert all(len(names) == 1 for names in splits_of(placed, kind).values())
    assert (record.by, record.asked, record.parted) == (kind, "auto", ())
    total, largest = len(samples), max(sizes)
    assert abs(record.counts["test"] - 0.3 * total) <= max(largest, 2)
    assert record.counts["dev"] <= 0.1 * total + largest
    shuffled = list(samples)
    shuffle.shuffle(shuffled)
    again = split(shuffled, seed=seed, by=kind)
    assert {s.id: s.split for s in again} == {s.id: s.split for s in placed}
    assert split_digest(again) == record.digest


def test_labels_keep_their_share_across_groups() -> None:
    for seed in range(6):
        placed, record = split_recorded(grouped([5] * 60, "group"), seed=seed, by="group")
        assert record.label_drift is not None
        assert record.label_drift <= 0.05
        assert 84 <= counts(placed)["test"] <= 96
    digests = {split_recorded(grouped([5] * 60, "group"), seed=n)[1].test_digest for n in range(6)}
    assert len(digests) == 6


def text_of(chance: random.Random) -> list[str]:
    return chance.choices(WORDS, k=30)


@settings(max_examples=5, deadline=None)
@given(copies=st.lists(st.integers(0, 3), min_size=25, max_size=60), seed=st.integers(0, 3))
def test_no_cluster_is_parted(copies: list[int], seed: int) -> None:
    chance, texts = random.Random(seed), []
    for count in copies:
        words = text_of(chance)
        texts.append(" ".join(words))
        for number in range(count):
            words[number * 7] = "changed"
            texts.append(" ".join(words))
    samples = [sample(n, text) for n, text in enumerate(texts)]
    for by in ("auto", "cluster"):
        placed = split(samples, seed=seed, by=by)
        for group in clusters(samples):
            assert len({placed[place].split for place in group}) == 1
        tests = counts(placed)["test"]
        assert abs(tests - round(0.3 * len(set(texts)))) <= 4


def test_by_input_near_duplicates_are_parted() -> None:
    words = text_of(random.Random(0))
    twins = [sample(900, " ".join(words)), sample(901, " ".join([*words[:-1], "last"]))]
    rows = [*(sample(n) for n in range(50)), *twins]
    parted = [split(rows, seed=n, by="input")[-2:] for n in range(10)]
    assert any(one.split != other.split for one, other in parted)


def test_near_duplicates_move_nothing_else() -> None:
    rows = [sample(n) for n in range(200)]
    plain = split(rows, seed=0, by="input")
    assert split(rows, seed=0) == plain
    chance = random.Random(0)
    words = text_of(chance)
    twins = [sample(900, " ".join(words)), sample(901, " ".join([*words[:-1], "last"]))]
    with_twins = split([*rows, *twins], seed=0)
    changed = sum(a.split != b.split for a, b in zip(plain, with_twins, strict=False))
    assert changed <= 4
    assert len({s.split for s in with_twins[200:]}) == 1


def test_near_duplicates_that_connect_everything_are_told() -> None:
    words, chained = WORDS[:48], []
    for number in range(60):
        start = number % 16 * 3
        words[start : start + 3] = [f"{new}{WORDS[number]}" for new in ("new", "more", "last")]
        chained.append(sample(number, " ".join(words)))
    placed, record = split_recorded(chained, seed=0)
    assert record.by == "input"
    assert "may be parted" in record.notes[0]
    assert counts(placed) == {"train": 36, "dev": 6, "test": 18}


def test_many_texts_without_the_library_are_split_by_input_and_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(near, "EXACT_UP_TO", 0)
    monkeypatch.setitem(sys.modules, "rensa", None)
    monkeypatch.delitem(sys.modules, "advisor.data_check._minhash", raising=False)
    rows = [sample(n) for n in range(40)]
    placed, record = split_recorded(rows, seed=0)
    assert record.by == "input"
    assert "pip install 'finetune-advisor[data]'" in record.notes[0]
    assert placed == split(rows, seed=0, by="input")


def test_an_input_in_every_group_does_not_tie_the_groups() -> None:
    rows = grouped([5] * 20, "group")
    hellos = [sample(500 + n, "hello", group=f"g{n}") for n in range(20)]
    placed, record = split_recorded([*rows, *hellos], seed=0)
    assert all(len(names) == 1 for names in splits_of(placed, "group").values())
    assert any("Equal inputs" in note for note in record.notes)


def test_one_group_of_nearly_all_is_told_and_one_of_all_is_refused() -> None:
    rows = grouped([70, 10, 10, 10], "group")
    placed, record = split_recorded(rows, seed=0)
    assert all(len(names) == 1 for names in splits_of(placed, "group").values())
    assert counts(placed)["train"] == 70
    assert "only 4 sets" in record.notes[0]
    two = split(grouped([60, 40], "group"), seed=0)
    assert counts(two) == {"train": 60, "test": 40}
    with pytest.raises(DatasetError, match="all rows that may test belong together") as caught:
        split(grouped([50], "group"), seed=0)
    assert "input" in caught.value.hint


days = st.lists(st.integers(0, 200), min_size=25, max_size=120)


@settings(max_examples=10, deadline=None)
@given(days=days, shuffle=st.randoms())
def test_the_order_of_time_holds(days: list[int], shuffle: random.Random) -> None:
    rows = [
        sample(n, time=f"2026-{1 + day // 28:02}-{1 + day % 28:02}") for n, day in enumerate(days)
    ]
    if len(set(days)) < 3:
        with pytest.raises(DatasetError, match="distinct times"):
            split(rows, seed=0, by="time")
        return
    placed = split(rows, seed=0, by="time")
    at = defaultdict(list)
    for one in placed:
        at[one.split].append(one.time)
    assert max(at["train"]) < min(at["dev"])
    assert max(at["dev"]) < min(at["test"])
    most = Counter(days).most_common(1)[0][1]
    assert abs(len(at["test"]) - 0.3 * len(rows)) <= max(1, most)
    shuffle.shuffle(rows)
    assert {s.id: s.split for s in split(rows, seed=5, by="time")} == {
        s.id: s.split for s in placed
    }


def test_times_that_cannot_be_read_are_told() -> None:
    rows = [sample(n, time=f"2026-01-{1 + n % 28:02}T10:00:00Z") for n in range(56)]
    rows += [sample(90, time="last summer"), sample(91), sample(92, "question 3")]
    placed, record = split_recorded(rows, seed=0, by="time")
    assert [s.split for s in placed[-3:]] == ["train"] * 3
    assert "3 rows without a time" in record.notes[0]
    assert "'last summer'" in record.notes[0]
    late = [*rows, sample(93, "question 0", time="2026-03-01")]
    assert any(
        "asking what an earlier" in n for n in split_recorded(late, seed=0, by="time")[1].notes
    )


def test_moments() -> None:
    same = ["2026-11-26", "2026-11-26T00:00:00Z", "2026-11-26T01:00+01:00", "1795651200"]
    assert len({moment(text) for text in [*same, "1795651200000"]}) == 1
    assert moment("2026") == moment("2026-01-01")
    assert moment("2026-11") == moment("2026-11-01")
    assert [moment(text) for text in ("", "soon", "2026-13-01", "12")] == [None] * 4


@pytest.mark.parametrize("by", ["group", "document", "time"])
def test_asking_for_what_the_data_does_not_name(by: str) -> None:
    with pytest.raises(DatasetError, match=f"no row names its {by}") as caught:
        split([sample(n) for n in range(50)], seed=0, by=by)
    assert "--map" in caught.value.hint


def test_synthetic_samples_only_train() -> None:
    real = [sample(n) for n in range(100)]
    made = [sample(200 + n, synthetic_by="big-model") for n in range(300)]
    placed, _ = split_recorded([*real, *made], seed=0)
    assert {s.split for s in placed if s.synthetic_by} == {"train"}
    assert counts(placed)["test"] == 30
    assert split(real, seed=0) == placed[:100]
    given = [sample(500, synthetic_by="m", split="test"), *real]
    placed, record = split_recorded(given, seed=0)
    assert placed[0].split == "train"
    assert counts(placed)["test"] == 30
    assert any("1 synthetic row given to test" in note for note in record.notes)
    twin = sample(600, "question 5", synthetic_by="m")
    placed, record = split_recorded([*real, twin], seed=0)
    assert (placed[5].split, placed[-1].split) == ("train", "train")
    assert leaked(placed) == ()
    with pytest.raises(DatasetError, match="no synthetic row is tied to"):
        split(made, seed=0)


def test_documents_that_only_synthetic_rows_name_decide_nothing() -> None:
    made = [sample(200 + n, synthetic_by="m", document=f"d{n % 3}") for n in range(30)]
    placed, record = split_recorded([*(sample(n) for n in range(100)), *made], seed=0)
    assert record.by == "cluster"
    assert counts(placed)["test"] == 30


def test_groups_that_the_file_parts_are_named() -> None:
    rows = [sample(n, group=f"g{n // 4}", split="train") for n in range(40)]
    rows += [sample(50 + n, group=f"g{n}", split="test") for n in range(3)]
    rows += [sample(60 + n, split="dev") for n in range(3)]
    placed, record = split_recorded(rows, seed=0)
    assert list(placed) == rows
    assert (record.parted, record.parted_count) == (("g0", "g1", "g2"), 3)


def test_shares_and_their_cap() -> None:
    rows = [sample(n) for n in range(4000)]
    assert counts(split(rows, seed=0, shares=Shares(test=0.5, dev=0.2, test_cap=None))) == {
        "train": 1200,
        "dev": 800,
        "test": 2000,
    }


def test_digests_follow_content_and_split_alone() -> None:
    rows = [sample(n) for n in range(60)]
    placed = split(rows, seed=0)
    renamed = [s.model_copy(update={"id": f"x{s.id}", "line": 7}) for s in reversed(placed)]
    assert split_digest(renamed) == split_digest(placed)
    assert split_digest(placed, "test") != split_digest(split(rows, seed=1), "test")
    other = [placed[0].model_copy(update={"target": "other"}), *placed[1:]]
    assert split_digest(other) != split_digest(placed)
    assert split_digest([]) == ""
