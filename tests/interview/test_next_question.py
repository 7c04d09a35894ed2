"""Which question comes next: the basic ones, then decisive ones, each after the one it follows."""

from itertools import product

import pytest

from advisor.interview.next_question import next_question, open_facts
from advisor.interview.question import options_of
from advisor.interview.words import with_answer
from advisor.resources import rules_root
from advisor.rulebook.load import load_facts
from advisor.rulebook.ordering import advised
from advisor.schema.profile import Profile


def ids(found):
    return [fact.id for fact in found]


FIRST = ["task.kind", "data.labelled_samples", "knowledge.in_documents"]
ALWAYS = ["constraints.must_stay_local", "constraints.budget_usd", "task.target"]


def test_the_basics_come_first_and_what_later_stages_go_by_comes_last(book):
    asked = ids(open_facts(Profile(), book))
    assert asked[:3] == FIRST
    assert asked[-3:] == ALWAYS
    assert asked[3:-3] == ["task.needs_style", "task.style_source"]


def test_facts_that_no_rule_names_are_not_asked(turning_book):
    assert set(ids(open_facts(Profile(), turning_book))) == {
        *FIRST,
        "task.needs_style",
        "task.style_source",
    }


def test_what_decides_is_asked_where_it_decides_although_it_is_asked_always(book, monkeypatch):
    worth = {"task.needs_style": 1, "task.target": 3}
    monkeypatch.setattr("advisor.interview.next_question.decisive_facts", lambda *_: worth)
    assert ids(open_facts(Profile(), book))[3:] == [
        "task.target",
        "task.needs_style",
        *ALWAYS[:2],
    ]


def test_what_is_asked_always_is_not_asked_again(book):
    known = Profile.model_validate({"constraints": {"budget_usd": 5}, "unknown": ["task.target"]})
    assert ids(open_facts(known, book))[-1] == "constraints.must_stay_local"


def test_the_most_decisive_comes_first(turning_book, monkeypatch):
    """How decisive a fact is, the rulebook says; equally decisive ones come as they are listed."""
    worth = {"knowledge.in_documents": 1, "data.labelled_samples": 3, "task.kind": 1}
    book = turning_book
    monkeypatch.setattr("advisor.interview.next_question.decisive_facts", lambda *_: worth)
    assert next_question(Profile(), book).id == "data.labelled_samples"
    assert ids(open_facts(Profile(), book)) == [
        "data.labelled_samples",
        "task.kind",
        "knowledge.in_documents",
    ]


def test_a_question_waits_for_the_one_it_follows(book):
    order = ids(open_facts(Profile(), book))
    assert order.index("task.needs_style") < order.index("task.style_source")


def test_a_question_that_makes_no_sense_is_not_asked(book):
    no_style = Profile.model_validate({"task": {"needs_style": False}})
    assert "task.style_source" not in ids(open_facts(no_style, book))
    style = Profile.model_validate({"task": {"needs_style": True}})
    assert "task.style_source" in ids(open_facts(style, book))


def test_what_nobody_knows_or_is_skipped_is_not_asked(book):
    profile = Profile(unknown=("task.kind",))
    assert "task.kind" not in ids(open_facts(profile, book))
    assert "knowledge.in_documents" not in ids(
        open_facts(profile, book, skipped={"knowledge.in_documents"})
    )


def test_nothing_is_asked_once_nothing_can_change(turning_book):
    profile = Profile.model_validate(
        {
            "task": {"kind": "chat", "needs_style": False},
            "knowledge": {"in_documents": False},
        }
    )
    assert next_question(profile, turning_book) is None


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"task.kind": "chat"},
        {"task.kind": "chat", "knowledge.in_documents": True},
        {"task.kind": "classification", "task.style_source": "genre"},
        {"knowledge.in_documents": False, "data.labelled_samples": 20},
    ],
)
def test_a_question_is_open_exactly_if_some_answers_make_it_matter(
    turning_book, english, facts, known
):
    """Against every set of answers to what the rules name, one by one."""
    named = ("task.kind", "knowledge.in_documents", "data.labelled_samples", "task.style_source")
    free = [name for name in named if name not in known]
    answers = {name: [o.value for o in options_of(facts[name], english)] for name in free}
    advice = {
        values: advised({**known, **dict(zip(free, values, strict=True))}, turning_book)
        for values in product(*answers.values())
    }
    matters = {
        name
        for place, name in enumerate(free)
        if len({(v[:place], v[place + 1 :], then) for v, then in advice.items()})
        > len({(v[:place], v[place + 1 :]) for v in advice})
    }
    profile = Profile()
    for name, value in known.items():
        profile = with_answer(profile, facts[name], value, english)
    assert set(ids(open_facts(profile, turning_book))) - {"task.needs_style"} == matters


def test_what_is_followed_is_a_question_of_yes_and_no():
    facts = {fact.id: fact for fact in load_facts(rules_root())}
    for fact in facts.values():
        if fact.follows:
            assert facts[fact.follows].type == "bool", fact.id
            assert facts[fact.follows].question, fact.id
            assert not facts[fact.follows].follows, fact.id
