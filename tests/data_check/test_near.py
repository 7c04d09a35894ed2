"""Near duplicates are found by a measure that everybody can recompute, whatever the order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.data_check import near
from advisor.data_check.alike import Seen
from advisor.data_check.check import check
from advisor.data_check.near import clusters, near_leaks
from advisor.data_check.shingles import shingles
from advisor.data_check.split import split_recorded
from advisor.schema.dataset import DataCheck, Dataset
from advisor.schema.evaluation import Message, Sample

LETTERS = "abcdefghijklmnopqrstuvwxyz"
CHANCE = random.Random(0)
LONG = " ".join("".join(CHANCE.choices(LETTERS, k=7)) for _ in range(30))


def sample(number: int, text: str, target: str = "t") -> Sample:
    return Sample(id=f"s{number}", input=text, target=target, line=number + 1)


def rows(*texts: str) -> list[Sample]:
    return [sample(number, text) for number, text in enumerate(texts)]


def test_what_counts_as_nearly_the_same() -> None:
    typo = ["I have lost my card on my holiday", "I have lost my cart on my holiday"]
    same = ["What's the capital of France?", "what s the  capital of France !"]
    numbers = ["The order 4711 has not come yet", "The order 4712 has not come yet"]
    pattern = ["Where is the parcel to Anna Weber?", "Where is the invoice of Omar Haddad?"]
    short = ["Hi there!", "hi there", "C++", "C#", "C"]
    assert clusters(rows(*typo, *same, *numbers, *pattern, *short)) == [(0, 1), (2, 3), (8, 9)]


def test_other_answers_are_other_samples() -> None:
    asked = "Is the water in the pool warm today", "Is the water in the pool warm to day"
    answers = "It is warm and it is clean.", "It is warm and it is clean!", "Nobody has looked."
    one, like, other = (sample(n, asked[n > 0], answer) for n, answer in enumerate(answers))
    assert clusters([one, like]) == [(0, 1)]
    assert clusters([one, other]) == []


def test_scripts_without_spaces_are_compared_by_sign() -> None:
    text = "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u6211\u4eec\u4e00\u8d77\u53bb\u516c\u56ed\u8dd1\u6b65\u5427"
    text += text[::-1]
    assert len(shingles(text)) > 10
    assert clusters(rows(text, text[:-1], "\u522b\u7684\u53e5\u5b50")) == [(0, 1)]


def test_a_chain_of_pairs_is_one_cluster() -> None:
    words = LONG.split()
    second = [*words[:3], "another", "further", "spoken", *words[6:]]
    third = [*second[:15], "between", "there", "longest", *second[18:]]
    samples = rows(" ".join(third), LONG, " ".join(second))
    assert clusters(samples[:2]) == []
    assert clusters(samples) == [(0, 1, 2)]


def test_an_instruction_before_every_input_is_not_compared() -> None:
    words = random.Random(0).sample([f"w{n}" for n in range(900)], 400)
    texts = [f"{LONG} {' '.join(words[n * 4 : n * 4 + 4])}" for n in range(100)]
    assert clusters(rows(*texts)) == []


def test_turns_count_but_not_the_system_prompt() -> None:
    def talk(number: int, question: str, end: str) -> Sample:
        turns = (Message(role="system", content=LONG), Message(role="user", content=question))
        return sample(number, end).model_copy(update={"history": turns})

    talks = [talk(0, "how are you", "yes"), talk(1, "who is there", "no")]
    assert clusters(talks) == []
    assert clusters([talk(0, LONG + " x", "yes please"), talk(1, LONG + " y", "yes please")])


def test_plain_text_is_compared_by_itself() -> None:
    texts = [Sample(id=f"s{n}", input="", target=text) for n, text in enumerate((LONG, "b", LONG))]
    assert clusters(texts) == [(0, 2)]
    assert clusters(rows("", "?", "!")) == []


WORDS = ("alpha", "bravo", "charlie", "delta", "foxtrot", "bravos", "deltas")
texts_of_few = st.lists(st.sampled_from(WORDS), min_size=3, max_size=9).map(" ".join)


@settings(max_examples=25, deadline=None)
@given(texts=st.lists(texts_of_few, min_size=2, max_size=18), shuffle=st.randoms())
def test_the_join_misses_nothing_and_ignores_order(
    texts: list[str], shuffle: random.Random
) -> None:
    samples = rows(*texts)
    found = clusters(samples)
    joined = near.Unions(len(samples))
    rule, seen = near.rule_of(samples), [Seen(one) for one in samples]
    for one, other in combinations(range(len(samples)), 2):
        if texts[one] == texts[other] or rule.holds(seen[one], seen[other]):
            joined.join(one, other)
    assert found == [group for group in joined.groups() if len(group) > 1]
    order = list(range(len(samples)))
    shuffle.shuffle(order)
    again = clusters([samples[place] for place in order])
    by_id = {frozenset(order[place] for place in group) for group in again}
    assert by_id == {frozenset(group) for group in found}


def planted(chance: random.Random, count: int) -> list[Sample]:
    """Rows of random words and, behind them, of every third a copy with one wrong letter."""

    def word() -> str:
        return "".join(chance.choices(LETTERS, k=chance.randint(3, 9)))

    texts = [" ".join(word() for _ in range(chance.randint(6, 30))) for _ in range(count)]
    copies = []
    for text in texts[::3]:
        place = chance.randrange(1, len(text) - 1)
        copies.append(f"{text[:place]}x{text[place + 1 :]}")
    return [sample(n, text, f"label {n % 2}") for n, text in enumerate(texts)] + [
        sample(count + n, text, f"label {3 * n % 2}") for n, text in enumerate(copies)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_the_parts_of_a_split_do_not_leak_by_the_check(seed: int) -> None:
    pytest.importorskip("rensa")
    samples = planted(random.Random(seed), 120)
    placed, record = split_recorded(samples, seed=seed)
    told = {problem.code: problem for problem in checked(placed).problems}
    assert "near_duplicates" in told
    assert "near_leakage" not in told
    assert record.by == "cluster"
    cut = [
        s.model_copy(update={"split": ("train", "test")[n >= 120]}) for n, s in enumerate(samples)
    ]
    listed = {problem.code: problem for problem in checked(cut).problems}["near_leakage"]
    leaks = near_leaks(cut[120:], cut[:120])
    assert {s.line for s in leaks} >= set(listed.rows)
    assert len(leaks) >= 35


def checked(samples: Sequence[Sample]) -> DataCheck:
    dataset = Dataset(
        path="x", format="jsonl/text", samples=tuple(samples), rows=len(samples), digest="0" * 16
    )
    return check(dataset)


def test_equal_inputs_are_no_near_leaks() -> None:
    train = rows("How do I get a new card", "Where is the parcel for me now")
    test = rows(
        "how do i get  a new card", "Where is the parcels for me now", "May I come in today?"
    )
    assert near_leaks(test, train) == (test[1],)


def test_minhash_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rensa")
    samples = planted(random.Random(1), 150)
    exact = clusters(samples)
    monkeypatch.setattr(near, "EXACT_UP_TO", 0)
    assert clusters(samples) == exact
    assert len(exact) >= 45
