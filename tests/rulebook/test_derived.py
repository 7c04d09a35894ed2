"""Facts that follow from others: computed, recomputed, and traced back."""

import pytest

from advisor.resources import rules_root
from advisor.rulebook.derived import (
    DERIVED,
    bases_of,
    computed,
    fed_by,
    values_behind,
    with_derived,
)
from advisor.rulebook.load import load_facts

SAMPLES, CLASSES = "data.labelled_samples", "data.classes"
EACH = "data.samples_per_class"
CHANGES, RETRAINS = "knowledge.update_interval_days", "constraints.retrain_interval_days"
OUTPACES = "knowledge.outpaces_retraining"
FRONTIER, STAYS = "model.frontier_available", "constraints.must_stay_local"
USABLE = "model.frontier_usable"
SCORE, TARGET = "measured.prompted_score", "task.target"
REACHES = "measured.prompt_reaches_target"


@pytest.mark.parametrize(
    ("facts", "each"),
    [
        ({SAMPLES: 500, CLASSES: 10}, 50),
        ({SAMPLES: 0, CLASSES: 10}, 0),
        ({SAMPLES: 500}, None),
        ({CLASSES: 10}, None),
        ({SAMPLES: 500, CLASSES: 0}, None),
        ({}, None),
    ],
)
def test_samples_per_class(facts, each):
    assert with_derived(facts).get(EACH) == each
    assert computed(EACH, facts) == each


@pytest.mark.parametrize(
    ("facts", "outpaces"),
    [
        ({CHANGES: 7, RETRAINS: 30}, True),
        ({CHANGES: 30, RETRAINS: 30}, False),
        ({CHANGES: 31, RETRAINS: 30}, False),
        ({CHANGES: 7}, None),
        ({RETRAINS: 7}, None),
    ],
)
def test_outpaces_retraining(facts, outpaces):
    assert with_derived(facts).get(OUTPACES) is outpaces


@pytest.mark.parametrize(
    ("facts", "usable"),
    [
        ({FRONTIER: True}, True),
        ({FRONTIER: False}, False),
        ({FRONTIER: True, STAYS: False}, True),
        ({FRONTIER: True, STAYS: True}, False),
        ({STAYS: True}, False),
        ({STAYS: False}, None),
        ({}, None),
    ],
)
def test_data_that_must_stay_rules_a_frontier_model_out(facts, usable):
    assert with_derived(facts).get(USABLE) is usable


@pytest.mark.parametrize(
    ("facts", "reaches"),
    [
        ({SCORE: 0.86, TARGET: 0.85}, True),
        ({SCORE: 0.85, TARGET: 0.85}, True),
        ({SCORE: 0.84, TARGET: 0.85}, False),
        ({SCORE: 0.84}, None),
        ({TARGET: 0.85}, None),
    ],
)
def test_prompt_reaches_target(facts, reaches):
    assert with_derived(facts).get(REACHES) is reaches


@pytest.mark.parametrize(("fact", "other"), [(SCORE, TARGET), (TARGET, SCORE)])
def test_values_behind_reaching_give_both_answers(fact, other):
    wanted = True
    values = values_behind(REACHES, fact, wanted, {other: 0.8})
    assert {with_derived({fact: value, other: 0.8})[REACHES] for value in values} == {True, False}


def test_what_somebody_states_of_a_derived_fact_does_not_count():
    assert with_derived({EACH: 5}) == {}
    assert with_derived({EACH: 5, SAMPLES: 100, CLASSES: 10})[EACH] == 10


def test_the_vocabulary_names_the_same_bases():
    said = {f.id: f.derived_from for f in load_facts(rules_root()) if f.derived_from}
    assert said == {name: derivation.of for name, derivation in DERIVED.items()}


def test_to_and_fro():
    assert fed_by(SAMPLES) == (EACH,)
    assert fed_by("task.kind") == ()
    assert bases_of(EACH) == (SAMPLES, CLASSES)
    assert bases_of(SAMPLES) == (SAMPLES,)


@pytest.mark.parametrize("each", [0.5, 7, 50, 33.3])
@pytest.mark.parametrize(
    ("fact", "facts"), [(SAMPLES, {CLASSES: 7, SAMPLES: 60}), (CLASSES, {SAMPLES: 611, CLASSES: 3})]
)
def test_values_behind_lie_on_both_sides(fact, facts, each):
    tried = values_behind(EACH, fact, each, facts)
    reached = [with_derived({**facts, fact: value})[EACH] for value in tried]
    assert any(value >= each for value in reached)
    assert any(value < each for value in reached)
    assert all(value >= (1 if fact == CLASSES else 0) for value in tried)
    assert all(float(value).is_integer() for value in tried)


@pytest.mark.parametrize(("fact", "other"), [(CHANGES, RETRAINS), (RETRAINS, CHANGES)])
@pytest.mark.parametrize("days", [30.0, 0.5])
def test_values_behind_outpacing_give_both_answers(fact, other, days):
    tried = values_behind(OUTPACES, fact, True, {other: days})  # noqa: FBT003 - the fact's value
    assert {with_derived({other: days, fact: value})[OUTPACES] for value in tried} == {True, False}
    assert all(value > 0 for value in tried)


def test_nothing_lies_behind_what_is_unknown():
    assert values_behind(EACH, SAMPLES, 50, {}) == []
    assert values_behind(EACH, CLASSES, 50, {}) == []
    assert values_behind(OUTPACES, CHANGES, True, {}) == []  # noqa: FBT003 - the fact's value
