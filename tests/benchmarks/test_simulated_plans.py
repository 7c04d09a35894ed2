"""The formulas against steps of real libraries, traced without weights and stored."""

import pytest

from benchmarks.simulate.measure import head_of, stored
from benchmarks.simulate.plans import cases
from benchmarks.simulate.score import scored, summary


@pytest.fixture(scope="module")
def found():
    return scored(stored())


def of(found, kind):
    return [one for one in found if one.kind == kind]


def test_every_stored_trace_belongs_to_a_plan_and_every_plan_has_one():
    known = {row["id"]: row for row in stored()}
    for case in cases():
        assert head_of(case).items() <= known[case.id].items()
    assert not [row for row in known.values() if "error" in row]


def test_there_are_enough_plans_over_enough_architectures(found):
    plans = of(found, "random")
    families = {one.case.shape for one in plans}
    assert len(plans) == 200
    assert len(families) >= 12
    assert {one.case.layers for one in plans} == {2, 3, 4}
    assert len(of(found, "full depth")) == 10


def test_random_plans_are_within_three_percent_and_eight_at_the_ninetieth(found):
    errors = summary(of(found, "random"))
    assert errors["median"] <= 0.03
    assert errors["p90"] <= 0.08


def test_plans_traced_after_the_formulas_were_made_are_too(found):
    errors = summary(of(found, "check"))
    assert errors["median"] <= 0.03
    assert errors["p90"] <= 0.08


def test_models_of_full_depth_are_too(found):
    errors = summary(of(found, "full depth"))
    assert errors["median"] <= 0.03
    assert errors["p90"] <= 0.08


def test_quantised_plans_are_close_their_weights_being_a_closed_form_on_both_sides(found):
    errors = summary(of(found, "quantised"))
    assert errors["median"] <= 0.03
    assert errors["p90"] <= 0.08


def test_trained_parameters_are_those_of_the_libraries(found):
    known = ("full", "lora", "dora", "vera", "ia3", "loha", "lokr", "prompt", "qlora")
    off = [
        (one.case.id, one.traced_trainable, one.computed_trainable)
        for one in found
        if one.case.plan.method in known and one.traced_trainable != one.computed_trainable
    ]
    assert off == []
