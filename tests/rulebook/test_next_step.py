"""The next step names what decides, and stays true for the facts at hand."""

import typing

import pytest

from advisor.approaches import NAMES
from advisor.render.safe import words
from advisor.rulebook import next_step as room
from advisor.rulebook.engine import rank
from advisor.rulebook.ordering import TUNING
from advisor.schema.profile import Profile
from advisor.schema.rule import Approach
from tests.fixtures.rulebooks import HOUSE, STYLE, VOCABULARY, book, compare, fact, favour, rule

CLOSED = "measured.closed_book_score"
BOOK_OF_BOTH = (*VOCABULARY, fact(CLOSED, "float", unit="share of 1"))
USUAL = rule("usual", STYLE, favour("fine_tuning", "moderate"))
STRONG = rule(
    "strong", compare("measured.prompted_score", "at_least", 0.9), favour("prompt_optimisation")
)


def step(*rules, **facts):
    content = {"task": {"needs_style": True}}
    for name, value in facts.items():
        group, _, field = name.partition("__")
        content.setdefault(group, {})[field] = value
    profile = Profile.model_validate(content)
    return rank(profile, book(*rules, vocabulary=BOOK_OF_BOTH)).next_step


def advised(approach):
    return rule("only", STYLE, favour(approach))


def test_the_measurement_that_decides_is_named_with_both_approaches():
    assert step(USUAL, STRONG) == (
        "Measure zero-shot (`advisor baseline`): its score decides between"
        " fine-tuning and prompt optimisation."
    )


def test_what_is_measured_already_is_not_named():
    told = step(USUAL, STRONG, measured__prompted_score=0.3)
    assert told == room.BEFORE["fine_tuning"]
    assert step(USUAL) == room.BEFORE["fine_tuning"]


def test_the_measurement_that_turns_more_is_named():
    low = rule("low", compare(CLOSED, "at_most", 0.3), favour("rag"))
    high = rule("high", compare(CLOSED, "at_least", 0.3), favour("few_shot"))
    asking = "Ask the model without the documents"
    assert step(USUAL, STRONG, low, high).startswith(asking)
    assert step(USUAL, STRONG, low).startswith("Measure zero-shot (")


def test_too_few_samples_are_told_first():
    told = step(USUAL, STRONG, data__labelled_samples=29)
    assert told.startswith(f"{room.LABEL_FIRST} Measure zero-shot")
    assert room.LABEL_FIRST not in step(USUAL, STRONG, data__labelled_samples=30)
    assert room.LABEL_FIRST not in step(USUAL, STRONG)
    assert step(advised("collect_data"), data__labelled_samples=2) == room.BEFORE["collect_data"]


@pytest.mark.parametrize("approach", ["rag", "rag_plus_fine_tuning", "long_context"])
def test_without_documents_none_are_handed_over(approach):
    assert step(advised(approach), knowledge__in_documents=False) == room.WITHOUT_DOCUMENTS
    assert step(advised(approach), knowledge__documents=0) == room.WITHOUT_DOCUMENTS
    assert step(advised(approach)) == room.BEFORE[approach]
    told = step(advised(approach), knowledge__in_documents=False, knowledge__documents=3)
    assert told == room.BEFORE[approach]


def test_after_measuring_nothing_is_to_be_measured_first():
    measured = {"measured__best_score": 0.4, "measured__prompted_score": 0.4}
    assert step(USUAL, STRONG, **measured) == room.AFTER["fine_tuning"]
    for approach in set(typing.get_args(Approach)) - set(room.UNMEASURED):
        assert step(advised(approach), **measured) == room.AFTER[approach]


def test_a_classifier_is_measured_before_an_encoder_is_tuned():
    before = step(advised("small_model"))
    unmeasured = step(advised("small_model"), measured__best_score=0.4)
    for told in (before, unmeasured):
        assert "--builders embedding_classifier" in told
    short = step(advised("small_model"), measured__best_score=0.4, measured__small_model_score=0.4)
    assert short.startswith("Tune a small encoder")
    assert "advisor train --objective classification" in short


@pytest.mark.parametrize("approach", sorted(TUNING))
def test_after_a_gate_that_says_no_nothing_is_trained(approach):
    facts = {"task": {"needs_style": True}, "measured": {"best_score": 0.4, "rag_score": 0.4}}
    decision = rank(Profile.model_validate(facts), book(advised(approach)))
    assert room.after_gate(decision, trains=False) == room.NOT_YET
    assert room.after_gate(decision, trains=True) == room.AFTER[approach]


def test_after_a_gate_that_says_no_other_steps_stay():
    facts = {"task": {"needs_style": True}, "measured": {"best_score": 0.4}}
    decision = rank(Profile.model_validate(facts), book(advised("prompting")))
    assert room.after_gate(decision, trains=False) == room.AFTER["prompting"]


def test_after_measuring_an_approach_without_its_own_score_is_measured():
    told = step(advised("rag"), measured__best_score=0.4)
    assert told == room.BEFORE["rag"]
    told = step(advised("rag"), measured__best_score=0.4, knowledge__in_documents=False)
    assert told == room.WITHOUT_DOCUMENTS
    assert (
        step(advised("rag"), measured__best_score=0.4, measured__rag_score=0.4)
        == (room.AFTER["rag"])
    )


def test_it_says_that_the_target_is_met_only_where_it_is():
    met = {"measured__best_score": 0.9, "measured__target_met": True}
    assert step(advised("prompting"), **met).endswith(room.MET)
    assert not step(advised("fine_tuning"), **met).endswith(room.MET)
    assert not step(advised("prompting"), measured__best_score=0.9).endswith(room.MET)


def test_every_approach_has_its_sentences():
    for table in (NAMES, room.BEFORE, room.AFTER):
        assert set(table) == set(typing.get_args(Approach))


def test_every_name_is_the_one_that_tables_show():
    assert {name: words(name) for name in NAMES} == NAMES


def test_no_samples_are_labelled_first_whatever_could_be_measured():
    more = rule("more", STYLE, favour("collect_data"))
    for count in (0, 2, 29):
        assert step(more, STRONG, data__labelled_samples=count) == room.BEFORE["collect_data"]
    assert step(more, STRONG) == room.BEFORE["collect_data"]
    assert step(more, STRONG, data__labelled_samples=400) == room.AFTER["collect_data"]


HOUSE_RULE = rule("house", HOUSE, favour("rag"))


def test_a_supposition_is_told_with_where_it_leads_otherwise():
    told = step(USUAL, HOUSE_RULE)
    assert told == (
        f"{room.BEFORE['fine_tuning']} Still open: output.house_format? (output.house_format);"
        " yes would make it RAG."
    )
    assert step(USUAL, HOUSE_RULE, output__house_format=False) == room.BEFORE["fine_tuning"]


@pytest.mark.parametrize(
    ("op", "value", "ending"),
    [
        ("at_least", 0.9, "more than 89 % would make it RAG."),
        ("at_most", 0.2, "below 21 % would make it RAG."),
    ],
)
def test_a_supposition_names_the_end_that_turns_it(op, value, ending):
    vocabulary = (*BOOK_OF_BOTH, fact("measured.rag_score", "float", unit="share of 1"))
    rules = book(
        USUAL,
        rule("b", compare("measured.rag_score", op, value), favour("rag")),
        vocabulary=vocabulary,
    )
    profile = Profile.model_validate({"task": {"needs_style": True}})
    assert rank(profile, rules).next_step.endswith(ending)
