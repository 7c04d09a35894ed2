"""What typed words mean."""

import pytest

from advisor.errors import ProfileError
from advisor.interview.language import load_language
from advisor.interview.question import Taken, Wish, question_of
from advisor.interview.words import answer_of, understood, with_answer, without_answer
from advisor.resources import rules_root
from advisor.schema.profile import Profile

GERMAN = load_language(rules_root(), "de")


@pytest.mark.parametrize(
    ("fact", "word", "value"),
    [
        ("output.house_format", "Y", True),
        ("output.house_format", "no", False),
        ("task.kind", "question-answering", "question_answering"),
        ("task.kind", "summar", "summarisation"),
        ("task.kind", "a conversation (chat)", "chat"),
        ("data.labelled_samples", "10,000", 10_000),
        ("data.labelled_samples", "10 000", 10_000),
        ("data.labelled_samples", "none", 0),
        ("data.unlabelled_tokens", "2B", 2_000_000_000),
        ("knowledge.update_interval_days", "0.5", 0.5),
        ("knowledge.update_interval_days", "daily", 1),
        ("task.target", "85 %", 0.85),
        ("task.target", "0,85", 0.85),
    ],
)
def test_words_become_values(facts, english, fact, word, value):
    got = answer_of(word, facts[fact], english)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("word", "value"), [("1.500", 1500), ("1500", 1500), ("1,5k", 1500), ("keine", 0)]
)
def test_german_numbers(facts, word, value):
    assert answer_of(word, facts["data.labelled_samples"], GERMAN) == value


def test_a_german_share_may_have_a_point(facts):
    assert answer_of("0.85", facts["task.target"], GERMAN) == 0.85


@pytest.mark.parametrize(
    ("fact", "word", "told"),
    [
        ("output.house_format", "maybe", "neither yes nor no"),
        ("task.kind", "99", "none of the choices"),
        ("task.kind", "c", "none of the choices"),
        ("data.labelled_samples", "1.5", "not a whole number"),
        ("data.labelled_samples", "inf", "not a number"),
        ("data.labelled_samples", "nan", "not a number"),
        ("data.labelled_samples", "1,2,3", "not a number"),
        ("data.labelled_samples", "85 %", "not a number"),
    ],
)
def test_words_that_mean_nothing(facts, english, fact, word, told):
    with pytest.raises(ProfileError, match=told):
        answer_of(word, facts[fact], english)


def test_a_number_picks_from_the_list_and_a_larger_one_is_itself(facts, english):
    question = question_of(facts["data.labelled_samples"], english)
    size = len(question.options)
    assert understood("1", question, english) == Taken(question.options[0].value)
    assert understood(str(size + 1), question, english) == Taken(size + 1)
    assert understood("3.0", question, english) == Taken(3)


@pytest.mark.parametrize(
    ("word", "wish"),
    [
        ("", Wish.UNKNOWN),
        ("Don't know", Wish.UNKNOWN),
        ("back", Wish.BACK),
        ("?", Wish.WHY),
        ("review", Wish.REVIEW),
        ("STOP", Wish.STOP),
    ],
)
def test_wishes(facts, english, word, wish):
    assert understood(word, question_of(facts["task.kind"], english), english) is wish


def test_nothing_typed_leaves_an_answer_that_is_being_changed(facts, english):
    question = question_of(facts["task.kind"], english, now="a conversation (chat)")
    assert understood("", question, english) is Wish.BACK


def test_wishes_in_german(facts):
    question = question_of(facts["task.kind"], GERMAN)
    assert understood("zurück", question, GERMAN) is Wish.BACK
    assert understood("weiß nicht", question, GERMAN) is Wish.UNKNOWN


@pytest.mark.parametrize(
    ("fact", "value", "told"),
    [
        ("task.target", 85.0, "score to be reached: 85 is too large; the most is 1."),
        ("data.labelled_samples", -3, "samples with an answer: -3 is too small; the least is 0."),
        ("constraints.latency_ms", 0.0, "it must be more than 0"),
    ],
)
def test_a_value_out_of_range_is_told(facts, english, fact, value, told):
    with pytest.raises(ProfileError) as caught:
        with_answer(Profile(), facts[fact], value, english)
    assert told in caught.value.message


def test_an_answer_ends_not_knowing_and_the_other_way_round(facts, english):
    nobody = without_answer(Profile(), facts["task.kind"])
    assert nobody.unknown == ("task.kind",)
    told = with_answer(nobody, facts["task.kind"], "chat", english)
    assert (told.unknown, told.provenance) == ((), {"task.kind": "asked"})
    assert without_answer(told, facts["task.kind"]) == nobody
