"""Near duplicates are found by a measure that everybody can recompute, whatever the order."""

from __future__ import annotations

import random
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.data_check import near
from advisor.data_check.near import clusters
from advisor.data_check.shingles import shingles, similarity
from advisor.schema.evaluation import Message, Sample

LONG = " ".join(f"word{n}" for n in range(30))


def sample(number: int, text: str, target: str = "t") -> Sample:
    return Sample(id=f"s{number}", input=text, target=target, line=number + 1)


def rows(*texts: str) -> list[Sample]:
    return [sample(number, text) for number, text in enumerate(texts)]


def test_what_counts_as_nearly_the_same() -> None:
    one_changed = LONG.replace("word7", "other")
    assert similarity(shingles(LONG), shingles(one_changed)) == 29 / 35  # (n - 1) / (n + 5)
    same = ["What's the capital of France?", "what s the  capital of France !"]
    pattern = ["What is the capital of France?", "What is the capital of Spain?"]
    assert clusters(rows(LONG, one_changed, *same, *pattern)) == [(0, 1), (2, 3)]


def test_scripts_without_spaces_are_compared_by_sign() -> None:
    text = "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u6211\u4eec\u4e00\u8d77\u53bb\u516c\u56ed\u8dd1\u6b65\u5427"
    text += text[::-1]
    assert len(shingles(text)) > 10
    assert clusters(rows(text, text[:-1], "\u522b\u7684\u53e5\u5b50")) == [(0, 1)]


def test_a_chain_of_pairs_is_one_cluster() -> None:
    second = LONG.replace("word3 ", "a ")
    third = second.replace("word20", "b")
    assert similarity(shingles(LONG), shingles(third)) < 0.8
    assert clusters(rows(third, LONG, second)) == [(0, 1, 2)]


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


words_of_few = st.lists(st.sampled_from("abcd"), min_size=1, max_size=12).map(" ".join)


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(words_of_few, min_size=2, max_size=25), shuffle=st.randoms())
def test_the_join_misses_nothing_and_ignores_order(
    texts: list[str], shuffle: random.Random
) -> None:
    samples = rows(*texts)
    found = clusters(samples, 0.5)
    joined = near.Unions(len(samples))
    sets = [shingles(text) for text in texts]
    for one, other in combinations(range(len(samples)), 2):
        if texts[one] == texts[other] or similarity(sets[one], sets[other]) >= 0.5:
            joined.join(one, other)
    assert found == [group for group in joined.groups() if len(group) > 1]
    order = list(range(len(samples)))
    shuffle.shuffle(order)
    again = clusters([samples[place] for place in order], 0.5)
    by_id = {frozenset(order[place] for place in group) for group in again}
    assert by_id == {frozenset(group) for group in found}


def test_minhash_finds_the_same(monkeypatch) -> None:
    chance = random.Random(1)
    base = [" ".join(chance.choices([f"w{n}" for n in range(500)], k=40)) for _ in range(150)]
    texts = [*base, *(f"new {text.partition(' ')[2]}" for text in base[:40])]
    exact = clusters(rows(*texts))
    monkeypatch.setattr(near, "EXACT_UP_TO", 0)
    assert clusters(rows(*texts)) == exact
    assert len(exact) == 40
