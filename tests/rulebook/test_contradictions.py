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
        (
            {"constraints.must_stay_local": True, "constraints.hosting": "rented_gpu"},
            "on a rented GPU",
        ),
        ({"task.needs_style": False, "task.style_source": "documents"}, "no style of their own"),
        ({"task.kind": "classification", "data.classes": 1}, "nothing to tell apart"),
        (
            {"measured.closed_book_score": 0.81, "measured.prompted_score": 0.5},
            "said to be 81 %, with a good prompt only 50 %",
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
        {"constraints.must_stay_local": False, "constraints.hosting": "rented_gpu"},
        {"task.needs_style": True, "task.style_source": "documents"},
        {"task.kind": "classification", "data.classes": 2},
        {"task.kind": "extraction", "data.classes": 1},
        {"measured.closed_book_score": 0.8, "measured.prompted_score": 0.6},
        {"task.target": 0.01},
        {"knowledge.update_interval_days": 365.0, "knowledge.must_be_current": True},
        {"knowledge.update_interval_days": 36500.0, "knowledge.must_be_current": False},
    ],
)
def test_what_goes_together_is_not_told(facts):
    assert contradictions(facts) == ()


def test_a_target_that_every_system_reaches_is_told():
    (told,) = contradictions({"task.target": 0.0})
    assert "The target is 0" in told
