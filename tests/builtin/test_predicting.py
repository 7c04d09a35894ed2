"""What needs no library: the most frequent target, and the answer copied from the input."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.builtin.predicting.extractive_copy import ExtractiveCopy
from advisor.builtin.predicting.majority import MajorityPredictor
from advisor.builtin.predicting.spans import found_in, outline, sentences, shape, word_spans
from advisor.errors import DatasetError, InputError
from tests.fixtures import values as make
from tests.fixtures.bench import Tools


def learnt(predictor, pairs, folder):
    train = [make.sample(n, input=text, target=answer) for n, (text, answer) in enumerate(pairs)]
    predictor.fit(train, [], Tools(folder))
    return predictor


def told(predictor, *texts):
    asked = [make.sample(n, input=text, target="?") for n, text in enumerate(texts)]
    return [one.text for one in predictor.predict(asked)]


def test_of_equally_frequent_targets_the_first_of_the_alphabet(tmp_path):
    pairs = [("1", "b"), ("2", "a"), ("3", "b"), ("4", "a"), ("5", "c")]
    predictor = learnt(MajorityPredictor(), pairs, tmp_path)
    assert told(predictor, "x", "") == ["a", "a"]
    assert predictor.settings == {"share_of_train": 0.4}


@pytest.mark.parametrize("shots", [10, 300])
def test_the_bundled_order_numbers_are_copied(root, shots, tmp_path):
    rows = (root / "advisor/builtin/tasks/fields/data.jsonl").read_text().splitlines()
    parts = {"train": [], "dev": [], "test": []}
    for row in map(json.loads, rows):
        parts[row["split"]].append((row["prompt"], row["completion"]))
    predictor = learnt(ExtractiveCopy(), parts["train"][:shots], tmp_path)
    answers = told(predictor, *(text for text, _ in parts["dev"]))
    assert answers == [answer for _, answer in parts["dev"]]
    assert predictor.settings == {"unit": "words", "longest_words": 1, "share_in_input": 1.0}


def invoice(number):
    sums = [("net", 3 * number + 20), ("total", 2 * number + 61), ("VAT", number % 9 + 1)]
    turned = sums[number % 3 :] + sums[: number % 3]
    return ", ".join(f"{name} {amount} EUR" for name, amount in turned), f"{sums[1][1]} EUR"


def test_of_pieces_that_look_alike_the_words_before_decide(tmp_path):
    predictor = learnt(ExtractiveCopy(), [invoice(n) for n in range(40)], tmp_path)
    fresh = [invoice(n) for n in range(100, 120)]
    assert told(predictor, *(text for text, _ in fresh)) == [answer for _, answer in fresh]


def test_long_answers_are_copied_by_the_sentence(tmp_path):
    advice = (
        "We advise you to return the {} within fourteen days, in its box, with the bill please."
    )

    def case(word):
        return f"The {word} came late. It is broken! {advice.format(word)} Yours.", advice.format(
            word
        )

    predictor = learnt(ExtractiveCopy(), [case(w) for w in ("pump", "lamp", "oven")], tmp_path)
    assert predictor.settings["unit"] == "sentence"
    text, answer = case("kettle")
    assert told(predictor, text, "", "\n") == [answer, "", ""]


def test_answers_that_stand_nowhere_are_refused(tmp_path):
    pairs = [("what is the colour", "blue"), ("how red", "red"), ("how big", "large")]
    with pytest.raises(
        DatasetError, match="1 of 3 train targets stand in their inputs, at least 50 %"
    ):
        learnt(ExtractiveCopy(), pairs, tmp_path)


def test_an_unknown_unit_is_told():
    with pytest.raises(InputError, match="no unit 'page'"):
        ExtractiveCopy().configured({"unit": "page"})


def test_forms_of_text():
    assert (shape("X-17a"), outline("Anna Smith X17971")) == ("A-99a", "Aa Aa A9")
    assert found_in("The cat in Concatenation", "cat") == (4, 7)
    assert found_in("say BLUE", "blue") == (4, 8)
    assert found_in("concat", "cat") is found_in("cat", "") is None
    text = "One. Two 3.5 is here!\nThree"
    assert [text[a:b] for a, b in sentences(text)] == ["One.", "Two 3.5 is here!", "Three"]


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=60), st.integers(1, 4))
def test_every_piece_stands_where_it_says(text, longest):
    for (start, end), features in word_spans(text, longest):
        assert 0 <= start < end <= len(text)
        assert not text[start].isspace()
        assert features
