"""Only what can still change the advice is asked; back, why and don't know are understood."""

import pytest

from advisor.errors import ProfileError
from advisor.interview.dialogue import answer_of, converse, with_answer
from advisor.interview.next_question import next_question
from advisor.resources import rules_root
from advisor.rulebook.engine import rank
from advisor.rulebook.load import load_rulebook
from advisor.schema.profile import Profile

BOOK = load_rulebook(rules_root())
FACTS = {fact.id: fact for fact in BOOK.vocabulary}


class Script:
    """Answers by fact id, or one after the other; anything else is unknown."""

    def __init__(self, answers=None, *, words=()):
        self.answers = answers or {}
        self.words = list(words)
        self.asked = []
        self.told = []

    def ask(self, fact, *, number):
        assert number == len(self.asked) + 1 or self.words or "back" in self.answers.values()
        self.asked.append(fact.id)
        if self.words:
            return self.words.pop(0)
        return self.answers.get(fact.id, "")

    def tell(self, text):
        self.told.append(text)


def test_answers_become_facts_and_advice():
    script = Script(
        {
            "task.kind": "structured output",
            "data.labelled_samples": "1.5k",
            "output.house_format": "yes",
            "knowledge.in_documents": "no",
        }
    )
    profile = converse(script, Profile(), BOOK)
    assert profile.task.kind == "structured_output"
    assert profile.data.labelled_samples == 1500
    assert profile.knowledge.in_documents is False
    assert profile.provenance["data.labelled_samples"] == "asked"
    assert rank(profile, BOOK).recommended == "fine_tuning"
    assert len(script.asked) == len(set(script.asked))


def test_nothing_known_is_asked_and_nothing_measured():
    known = Profile.model_validate({"task": {"kind": "chat"}, "data": {"labelled_samples": 500}})
    script = Script()
    converse(script, known, BOOK)
    assert not {"task.kind", "data.labelled_samples"} & set(script.asked)
    assert not [fact for fact in script.asked if fact.startswith(("measured.", "machine."))]


def test_dont_know_is_not_no():
    script = Script(words=["don't know"] * 50)
    assert converse(script, Profile(), BOOK) == Profile()


def test_the_conversation_ends_when_nothing_can_change():
    met = {"target_met": True, "sufficient_builder": "zero_shot", "test_is_clean": True}
    profile = Profile.model_validate({"measured": met})
    assert next_question(profile, BOOK) is None
    script = Script()
    assert converse(script, profile, BOOK) == profile
    assert script.asked == []


def test_every_question_asked_can_still_change_the_advice():
    profile = Profile.model_validate({"task": {"kind": "extraction"}})
    fact = next_question(profile, BOOK)
    open_ones = {q.fact for q in rank(profile, BOOK).open_questions if q.could_change}
    assert fact.id in open_ones


def test_back_takes_the_last_answer_back():
    first = next_question(Profile(), BOOK)
    assert first.type in {"int", "choice", "bool"}
    word = {"int": "500", "choice": "1", "bool": "yes"}[first.type]
    script = Script(words=[word, "back", "stop"])
    assert converse(script, Profile(), BOOK) == Profile()
    assert script.asked[0] == script.asked[2]


def test_back_at_the_start_is_told():
    script = Script(words=["back", "stop"])
    converse(script, Profile(), BOOK)
    assert script.told == ["This is the first question."]


def test_why_tells_the_reason_and_asks_again():
    script = Script(words=["why", "stop"])
    converse(script, Profile(), BOOK)
    assert script.asked[0] == script.asked[1]
    assert FACTS[script.asked[0]].why in script.told[0]


def test_a_wrong_answer_is_told_and_asked_again():
    script = Script(words=["many", "-3", "stop"])
    known = Profile.model_validate({"task": {"kind": "chat"}, "knowledge": {"in_documents": False}})
    assert next_question(known, BOOK).id == "data.labelled_samples"
    converse(script, known, BOOK)
    assert "'many' is not a number" in script.told[0]
    assert "-3" in script.told[1]
    assert script.asked == ["data.labelled_samples"] * 3


@pytest.mark.parametrize(
    ("fact", "word", "value"),
    [
        ("output.house_format", "Y", True),
        ("output.house_format", "no", False),
        ("task.kind", "2", "classification"),
        ("task.kind", "question-answering", "question_answering"),
        ("task.kind", "sum", "summarisation"),
        ("data.labelled_samples", "10,000", 10_000),
        ("data.unlabelled_tokens", "2B", 2_000_000_000),
        ("knowledge.update_interval_days", "0.5", 0.5),
    ],
)
def test_words_become_values(fact, word, value):
    assert answer_of(word, FACTS[fact]) == value


@pytest.mark.parametrize(
    ("fact", "word", "told"),
    [
        ("output.house_format", "maybe", "neither yes nor no"),
        ("task.kind", "99", "none of the choices"),
        ("task.kind", "c", "none of the choices"),
        ("data.labelled_samples", "1.5", "not a whole number"),
        ("data.labelled_samples", "inf", "not a number"),
        ("data.labelled_samples", "nan", "not a number"),
    ],
)
def test_words_that_mean_nothing(fact, word, told):
    with pytest.raises(ProfileError, match=told):
        answer_of(word, FACTS[fact])


def test_a_value_out_of_range_is_told():
    with pytest.raises(ProfileError, match=r"task.target: 85"):
        with_answer(Profile(), FACTS["task.target"], 85.0)
