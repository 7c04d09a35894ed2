"""Settings of rules stand between the recipe and the user's own flags, and say where they come from."""

from __future__ import annotations

import pytest

from advisor.catalog import query
from advisor.schema.decide import Decision, Setting
from advisor.schema.estimate import EstimateRequest
from advisor.schema.plan import Plan
from advisor.schema.profile import ConstraintFacts, DataFacts, Profile
from advisor.stages.estimate.candidate import Inquiry
from advisor.stages.estimate.plan.advised import place_of, wishes_of
from advisor.stages.estimate.plan.planning import make_plan
from advisor.stages.estimate.stage import estimate
from trainers.methods.full import FullMethod
from trainers.methods.ia3 import Ia3Method
from trainers.methods.lora import LoraMethod
from trainers.methods.qlora import QloraMethod

REFERENCE = query.reference()
CARD = query.find_model("8b")
TINY = query.find_model("tiny")
H100 = query.find_gpu("h100")
METHODS = {"full": FullMethod(), "lora": LoraMethod(), "qlora": QloraMethod(), "ia3": Ia3Method()}


def setting(key: str, value: object, rule_id: str = "some-rule") -> Setting:
    return Setting.model_validate({"key": key, "value": value, "rule_id": rule_id})


def planned(method: str, *settings: Setting, model=CARD, **wishes) -> Plan:
    request = EstimateRequest(settings=settings, **wishes)
    return make_plan(request, model=model, gpu=H100, method=METHODS[method], reference=REFERENCE)


def test_a_rule_wins_over_the_recipe_and_says_so():
    plan = planned("lora", setting("rank", 64, "rank-for-large-data"))
    assert plan.rank == 64
    assert plan.reasons["rank"] == "rule rank-for-large-data"


def test_alpha_follows_an_advised_rank_unless_a_rule_sets_it_too():
    plan = planned("lora", setting("rank", 64))
    assert (plan.alpha, plan.reasons["alpha"]) == (128.0, "twice the rank")
    both = planned("lora", setting("rank", 64), setting("alpha", 32))
    assert (both.alpha, both.reasons["alpha"]) == (32.0, "rule some-rule")


def test_a_flag_wins_over_a_rule():
    plan = planned("lora", setting("rank", 64), setting("epochs", 2), rank=8)
    assert (plan.rank, plan.alpha, plan.epochs) == (8, 16.0, 2.0)
    assert plan.reasons["rank"] == "--rank"


@pytest.mark.parametrize(
    ("method", "rate"), [("lora", 3e-4), ("qlora", 3e-4), ("full", 3e-5), ("ia3", 0.001)]
)
def test_a_setting_for_one_family_is_for_that_family(method, rate):
    settings = (
        setting("lora.learning_rate", 3e-4),
        setting("learning_rate", 0.001),
        setting("full.learning_rate", 3e-5),
    )
    assert planned(method, *settings).learning_rate == rate


def test_a_method_without_a_rank_takes_none():
    plan = planned("full", setting("rank", 64), setting("dropout", 0.1))
    assert plan.rank is None
    assert plan.dropout == 0.0
    assert "rank" not in plan.reasons


def test_recipes_for_tiny_models_stay_as_they_are():
    plain = planned("lora", model=TINY)
    assert planned("lora", setting("rank", 64), setting("epochs", 1), model=TINY) == plain


def test_what_is_no_plan_field_is_left_alone():
    settings = (
        setting("train_on_shots", value=True),
        setting("preference_tuning.objective", "dpo"),
    )
    assert planned("lora", *settings) == planned("lora")


def test_the_estimate_tells_which_rules_set_what():
    request = EstimateRequest(methods=("lora",), settings=(setting("epochs", 2, "few-epochs"),))
    found = estimate(
        Inquiry(request, CARD, {}, REFERENCE), gpus=(H100,), methods={"lora": METHODS["lora"]}
    )
    told = [line for line in found.options[0].assumptions if line.startswith("Set for this data")]
    assert told == ["Set for this data and model: epochs 2 (rule few-epochs)."]


def decided(**changes: object) -> Decision:
    base = {"approaches": (), "recommended": "fine_tuning", "margin": 1.0, "close_call": False}
    return Decision.model_validate(base | {"next_step": "", "methods": ("lora",)} | changes)


def test_the_decision_and_the_limits_make_a_request():
    profile = Profile(
        data=DataFacts(labelled_samples=500, train_samples=400),
        constraints=ConstraintFacts(budget_usd=0, max_hours=8, queries_per_month=1000),
    )
    wishes = wishes_of(decided(settings=(setting("lora.rank", 8),)), profile)
    request = EstimateRequest(**wishes)
    assert request.methods == ("lora",)
    assert request.methods_in_line
    assert (request.examples, request.budget_usd, request.max_hours) == (400, 0, 8.0)
    assert request.calls_per_month == 1000
    assert request.settings[0].value == 8


def test_unknown_limits_and_methods_are_no_wishes():
    assert set(wishes_of(decided(methods=()), Profile())) == {"settings", "objective", "place"}


@pytest.mark.parametrize(
    ("recommended", "objective"),
    [
        ("fine_tuning", "sft"),
        ("preference_tuning", "kto"),
        ("continued_pretraining", "cpt"),
        (None, "sft"),
    ],
)
def test_the_objective_of_the_advised_approach(recommended, objective):
    settings = (setting("preference_tuning.objective", "kto"),)
    decision = decided(recommended=recommended, settings=settings)
    assert wishes_of(decision, Profile())["objective"] == objective


@pytest.mark.parametrize(
    ("limits", "place"),
    [
        ({}, "anywhere"),
        ({"must_stay_local": True}, "own"),
        ({"must_stay_local": True, "hosting": "rented_gpu"}, "own"),
        ({"hosting": "own_machine"}, "own"),
        ({"hosting": "own_machine", "must_stay_local": False}, "rented"),
        ({"hosting": "rented_gpu"}, "rented"),
        ({"hosting": "hosted_api"}, "anywhere"),
    ],
)
def test_where_the_data_may_go(limits, place):
    assert place_of(Profile(constraints=ConstraintFacts(**limits))) == place
