"""The answers laid out, and how one is picked."""

import pytest

from advisor.errors import ProfileError
from advisor.interview.question import Wish
from advisor.interview.review import asks_for_more, fact_named, measured_lines, picked, review_of
from advisor.schema.profile import Profile

KNOWN = Profile.model_validate(
    {
        "task": {"kind": "chat"},
        "data": {"labelled_samples": 500, "dev_samples": 50},
        "knowledge": {"documents": 3, "in_documents": True},
        "machine": {"cpu_cores": 2, "memory_gib": 23.456},
        "provenance": {
            "task.kind": "asked",
            "data.labelled_samples": "dataset",
            "data.dev_samples": "dataset",
            "knowledge.documents": "documents",
            "knowledge.in_documents": "suggested by documents",
            "machine.cpu_cores": "machine",
            "machine.memory_gib": "machine",
        },
        "unknown": ["task.needs_style"],
    }
)


def test_what_was_measured_is_told_by_source(book, english):
    lines = measured_lines(KNOWN, book, english, origins={"dataset": "train.jsonl"})
    assert lines == (
        "measured in train.jsonl: samples with an answer: 500 samples.",
        "measured in the documents: number of documents: 3.",
        "suggested by the documents: answers in own documents: yes.",
        "measured on this machine: processor cores: 2; memory: 23.5 GiB.",
    )


def test_only_what_can_be_asked_stands_in_the_review(book, english):
    review = review_of(KNOWN, book, english, left=2)
    assert [line.fact.id for line in review.lines] == [
        "task.kind",
        "data.labelled_samples",
        "knowledge.in_documents",
        "task.needs_style",
    ]
    others = [line.fact.id for line in review.others]
    asked = {fact.id for fact in book.vocabulary if fact.question}
    assert {*others, *(line.fact.id for line in review.lines)} == asked
    assert review.others[0].text == (
        "score of a good prompt: Which score, from 0 to 1, does a good prompt reach today?"
        " (measured.prompted_score)"
    )


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("", Wish.STOP),
        ("ok", Wish.STOP),
        ("stop", Wish.STOP),
        ("back", Wish.BACK),
        ("q", Wish.BACK),
        ("?", Wish.WHY),
        ("g", Wish.UNKNOWN),
        ("must_cite", "knowledge.must_cite"),
        ("source must be named", "knowledge.must_cite"),
        ("1", "task.kind"),
        ("data.labelled_samples", "data.labelled_samples"),
        ("Samples with an answer", "data.labelled_samples"),
    ],
)
def test_what_is_picked(book, english, word, meant):
    assert picked(word, review_of(KNOWN, book, english, left=2), english) == meant


def test_rows_after_the_tenth_and_facts_without_an_answer_have_numbers(book, english):
    facts = [fact for fact in book.vocabulary if fact.question]
    profile = Profile(unknown=tuple(fact.id for fact in facts[:14]))
    review = review_of(profile, book, english, left=0)
    assert picked("14", review, english) == facts[13].id
    assert picked("15", review, english, in_full=True) == facts[14].id
    with pytest.raises(ProfileError):
        picked("15", review, english)
    assert asks_for_more("f", english)


@pytest.mark.parametrize("word", ["0", "5", "task.knd"])
def test_what_is_no_line(book, english, word):
    with pytest.raises(ProfileError, match="none of the answers"):
        picked(word, review_of(KNOWN, book, english, left=0), english)


def test_a_fact_is_found_by_its_id_or_its_end(book):
    assert fact_named("task.kind", book).id == "task.kind"
    assert fact_named("labelled_samples", book).id == "data.labelled_samples"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("task.knid", "did you mean 'task.kind'?"),
        ("labeled_samples", "did you mean 'labelled_samples'?"),
        ("machine.cpu_cores", "measured or computed"),
        ("weather", "There is no fact 'weather'."),
    ],
)
def test_a_fact_that_cannot_be_edited_is_told(book, name, told):
    with pytest.raises(ProfileError) as caught:
        fact_named(name, book)
    assert told in caught.value.message
    assert caught.value.hint
