"""Facts that can hardly all be true are told; what is unknown contradicts nothing."""

import pytest

from advisor.rulebook.contradictions import contradictions


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"data.labelled_samples": 100, "data.train_samples": 101}, "train split"),
        ({"data.labelled_samples": 10, "data.classes": 11}, "11 labels"),
        ({"knowledge.in_documents": False, "knowledge.documents": 3}, "3 are given"),
        ({"knowledge.in_documents": False, "knowledge.must_cite": True}, "nothing to name"),
        (
            {"knowledge.update_interval_days": 3650.0, "knowledge.must_be_current": True},
            "practically never",
        ),
    ],
)
def test_a_contradiction_is_told_and_half_of_it_is_none(facts, words):
    (told,) = contradictions(facts)
    assert words in told
    for fact in facts:
        assert contradictions({k: v for k, v in facts.items() if k != fact}) == ()


@pytest.mark.parametrize(
    "facts",
    [
        {"data.labelled_samples": 100, "data.train_samples": 100, "data.classes": 100},
        {"data.labelled_samples": 0, "data.classes": 5},
        {"knowledge.in_documents": True, "knowledge.documents": 3, "knowledge.must_cite": True},
        {"knowledge.in_documents": False, "knowledge.documents": 0},
        {"knowledge.update_interval_days": 365.0, "knowledge.must_be_current": True},
        {"knowledge.update_interval_days": 36500.0, "knowledge.must_be_current": False},
    ],
)
def test_what_goes_together_is_not_told(facts):
    assert contradictions(facts) == ()
