"""Chances and gains beside the scores."""

import math

import pytest

from advisor.rulebook.acceptance import expected_gain, probabilities, probability_acceptable
from advisor.rulebook.ordering import order
from advisor.schema.rule import Acceptance, GainBand, Rule

FIT = Acceptance(
    intercept=0.5,
    per_point_behind=-0.4,
    most_behind=6.0,
    offsets={"rag": 0.2},
    basis="made up",
    fitted="2026-11-26",
)
STRENGTHS = {"weak": 1.0, "moderate": 2.0, "strong": 4.0}
DOCUMENTS = {"fact": "knowledge.in_documents", "op": "is", "value": True}


def chance(logit):
    return round(1 / (1 + math.exp(-logit)), 4)


@pytest.mark.parametrize(
    ("approach", "score", "logit"),
    [
        ("few_shot", 3, 0.5),
        ("few_shot", 1, 0.5 - 0.8),
        ("rag", 1, 0.5 - 0.8 + 0.2),
        ("few_shot", 0, 0.5 - 1.2),
        ("few_shot", -3, 0.5 - 2.4),
        ("few_shot", -9, 0.5 - 2.4),
    ],
)
def test_the_formula(approach, score, logit):
    assert probability_acceptable(FIT, approach, score=score, best=3) == chance(logit)


@pytest.mark.parametrize(("slope", "expected"), [(1e6, 1.0), (-1e6, 0.0)])
def test_the_ends_do_not_overflow(slope, expected):
    steep = FIT.model_copy(update={"per_point_behind": slope})
    assert probability_acceptable(steep, "few_shot", score=0, best=1) == expected


def ordered(*actions):
    rule = Rule.model_validate(
        {
            "id": "a",
            "title": "A",
            "kind": "decision",
            "since": "2026-11-26",
            "when": DOCUMENTS,
            "then": actions,
            "why": "w",
            "evidence": "opinion",
        }
    )
    return order([rule], STRENGTHS)


def favour(approach, strength="strong"):
    return {"effect": "favour", "approach": approach, "strength": strength}


def test_forbidden_is_never_acceptable_and_no_measure_for_others():
    found = probabilities(
        FIT,
        ordered(
            favour("fine_tuning"),
            {"effect": "forbid", "approach": "fine_tuning"},
            favour("rag", "weak"),
        ),
    )
    assert found["fine_tuning"] == 0.0
    assert found["rag"] == chance(0.5 + 0.2)
    assert found["few_shot"] == chance(0.5 - 0.4)


def test_what_is_required_needs_no_chance():
    found = probabilities(
        FIT, ordered(favour("rag"), {"effect": "require", "approach": "prompting"})
    )
    assert "prompting" not in found
    assert found["rag"] == chance(0.5 + 0.2)


def test_without_a_fit_no_chance_is_told():
    assert probabilities(None, ordered(favour("rag"))) == {}


def band(approach="rag", when=DOCUMENTS, likely=12.0, comparisons=31, sources=9):
    return GainBand.model_validate(
        {
            "approach": approach,
            "when": when,
            "low": -3.0,
            "likely": likely,
            "high": 30.0,
            "comparisons": comparisons,
            "sources": sources,
        }
    )


def test_the_first_band_that_holds_counts():
    bands = [band("few_shot"), band(), band(when={"all": []}, likely=1, comparisons=1, sources=1)]
    known = expected_gain(bands, "rag", {"knowledge.in_documents": True})
    assert known.basis == "31 comparisons of 9 publications"
    assert (known.low, known.likely, known.high) == (-3, 12, 30)
    for facts in ({"knowledge.in_documents": False}, {}):
        usual = expected_gain(bands, "rag", facts)
        assert usual.likely == 1
        assert usual.basis == "1 comparison of 1 publication"


@pytest.mark.parametrize(
    ("score", "low", "likely", "high"),
    [(None, -3, 12, 30), (0.8, -3, 12, 20), (0.95, -3, 5, 5), (1.0, -3, 0, 0), (0.02, -2, 12, 30)],
)
def test_no_gain_beyond_what_there_is_room_for(score, low, likely, high):
    facts = {"knowledge.in_documents": True}
    if score is not None:
        facts["measured.prompted_score"] = score
    found = expected_gain([band()], "rag", facts)
    assert (found.low, found.likely, found.high) == (low, likely, high)


def test_no_gain_beyond_a_hundred_points():
    wild = band().model_copy(update={"low": -250.0, "high": 250.0})
    found = expected_gain([wild], "rag", {"knowledge.in_documents": True})
    assert (found.low, found.high) == (-100, 100)


def test_collecting_data_gains_nothing_by_itself():
    facts = {"knowledge.in_documents": True}
    assert expected_gain([band("collect_data")], "collect_data", facts) is None


def test_no_band_no_gain():
    assert expected_gain([band()], "rag", {}) is None
    assert expected_gain([band()], "prompting", {"knowledge.in_documents": True}) is None
