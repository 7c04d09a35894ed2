"""Names and values of facts: no dotted id, and a unit wherever there is one."""

from __future__ import annotations

import pytest

from advisor.render.fact_words import fact_name, fact_value, flip_condition
from advisor.resources import rules_root
from advisor.rulebook.load import load_rulebook
from advisor.schema.decide import Flip

VOCABULARY = load_rulebook(rules_root()).vocabulary


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        ("data.labelled_samples", "labelled samples"),
        ("knowledge.update_interval_days", "update interval"),
        ("constraints.budget_usd", "budget"),
        ("constraints.max_hours", "time limit"),
        ("constraints.days_available", "days available"),
        ("model.is_instruct", "model follows instructions"),
    ],
)
def test_names(fact: str, name: str) -> None:
    assert fact_name(fact) == name
    assert fact_name(fact, in_full=True) == f"{name} ({fact})"


@pytest.mark.parametrize("fact", VOCABULARY, ids=lambda fact: fact.id)
def test_every_fact_has_a_name_of_plain_words(fact) -> None:
    name = fact_name(fact.id)
    assert name
    assert not set(name) & set("._")


def test_names_are_told_apart() -> None:
    names = [fact_name(fact.id) for fact in VOCABULARY]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("fact", "value", "told"),
    [
        ("knowledge.update_interval_days", 31, "31 days"),
        ("constraints.budget_usd", 50.0, "$50"),
        ("task.target", 0.85, "85 %"),
        ("measured.prompted_score", 0.655, "65.5 %"),
        ("model.parameters_billion", 8.0, "8 billion"),
        ("task.kind", "question_answering", "question answering"),
        ("knowledge.must_cite", True, "yes"),
        ("data.labelled_samples", 5000, "5,000"),
    ],
)
def test_values(fact: str, value, told: str) -> None:
    assert fact_value(fact, value) == told


@pytest.mark.parametrize(
    ("fact", "before", "after", "told"),
    [
        ("knowledge.update_interval_days", 30.0, 31.0, "update interval were 31 days or more rather than 30"),
        ("knowledge.update_interval_days", 31.0, 30.0, "update interval were 30 days or less rather than 31"),
        ("data.labelled_samples", 800, 49, "labelled samples were 49 or fewer rather than 800"),
        ("knowledge.must_cite", True, False, "must cite were no rather than yes"),
        ("knowledge.must_cite", None, False, "must cite were no (now unknown)"),
        ("task.target", None, 0.9, "target score were 90 % (now unknown)"),
    ],
)  # fmt: skip
def test_thresholds(fact: str, before, after, told: str) -> None:
    flip = Flip(fact=fact, from_value=before, to_value=after, then="rag")
    assert flip_condition(flip) == told
