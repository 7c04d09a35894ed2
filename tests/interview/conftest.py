"""A rulebook of its own, so that these tests hold whatever the real rules say."""

from __future__ import annotations

import pytest

from advisor.interview.language import load_language
from advisor.interview.question import Wish
from advisor.resources import rules_root
from advisor.rulebook.load import load_facts
from advisor.schema.rule import Rule, Rulebook

RULES = (
    ("classes", {"fact": "task.kind", "op": "is", "value": "classification"}, "fine_tuning"),
    ("talk", {"fact": "task.kind", "op": "is", "value": "chat"}, "prompting"),
    ("looked-up", {"fact": "knowledge.in_documents", "op": "is", "value": True}, "rag"),
    ("voice", {"fact": "task.style_source", "op": "is", "value": "one_voice"}, "fine_tuning"),
    (
        "many",
        {
            "all": [
                {"fact": "data.labelled_samples", "op": "at_least", "value": 500},
                {"fact": "task.kind", "op": "is", "value": "classification"},
            ]
        },
        "small_model",
    ),
)


def made(name: str, when: dict[str, object], approach: str) -> Rule:
    strength = {"many": "strong", "talk": "weak"}.get(name, "moderate")
    return Rule.model_validate(
        {
            "id": name,
            "title": name,
            "kind": "decision",
            "since": "2026-01-01",
            "when": when,
            "then": [{"effect": "favour", "approach": approach, "strength": strength}],
            "why": "For the test.",
            "evidence": "opinion",
        }
    )


@pytest.fixture(scope="session")
def book() -> Rulebook:
    """Five rules over the real vocabulary: kind, documents, samples and style decide."""
    facts = load_facts(rules_root())
    return Rulebook(
        rules=tuple(made(*rule) for rule in RULES),
        facts=tuple(fact.id for fact in facts),
        strengths={"weak": 1, "moderate": 2, "strong": 4},
        sources=(),
        digest="",
        vocabulary=facts,
    )


@pytest.fixture(scope="session")
def turning_book(book):
    """The same rules over a vocabulary in which nothing is asked first or always."""
    facts = [fact.model_copy(update={"ask": ""}) for fact in book.vocabulary]
    return book.model_copy(update={"vocabulary": tuple(facts)})


@pytest.fixture(scope="session")
def facts(book):
    return {fact.id: fact for fact in book.vocabulary}


@pytest.fixture(scope="session")
def english():
    return load_language(rules_root(), "en")


class Script:
    """Answers by fact id, or one after the other; anything else is "don't know"."""

    def __init__(self, answers=None, *, words=(), reviews=()):
        self.answers = dict(answers or {})
        self.words = list(words)
        self.reviews = list(reviews)
        self.asked = []
        self.questions = []
        self.seen = []
        self.told = []

    def ask(self, question):
        self.asked.append(question.fact.id)
        self.questions.append(question)
        if self.words:
            return self.words.pop(0)
        return self.answers.get(question.fact.id, Wish.UNKNOWN)

    def review(self, review):
        self.seen.append(review)
        return self.reviews.pop(0) if self.reviews else Wish.STOP

    def tell(self, text):
        self.told.append(text)


@pytest.fixture
def script():
    return Script
