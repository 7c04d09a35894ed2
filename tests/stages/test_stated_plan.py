"""Plan values that the user fixed by name win over recipe, rules and objective, or are refused."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.catalog import query
from advisor.contracts import PluginInfo
from advisor.errors import PlanError
from advisor.schema.decide import Setting
from advisor.schema.estimate import EstimateRequest
from advisor.schema.plan import Plan
from advisor.stages.estimate.plan.planning import make_plan
from advisor.stages.estimate.plan.stated import SETTABLE, as_request, checked_value
from trainers.methods.full import FullMethod
from trainers.methods.ia3 import Ia3Method
from trainers.methods.lora import LoraMethod
from trainers.methods.qlora import QloraMethod

REFERENCE = query.reference()
CARD, TINY, H100 = query.find_model("8b"), query.find_model("tiny"), query.find_gpu("h100")
METHODS = {"full": FullMethod(), "lora": LoraMethod(), "qlora": QloraMethod(), "ia3": Ia3Method()}
CPT = PluginInfo(id="cpt", label="texts")
DPO = PluginInfo(id="dpo", label="DPO", options=("beta",), defaults={"learning_rate": 1e-6})


def planned(
    method: str = "lora", *, model: Any = CARD, objective: PluginInfo | None = None, **wishes: Any
) -> Plan:
    request = EstimateRequest(objective=objective.id if objective else "sft", **wishes)
    return make_plan(
        request,
        model=model,
        gpu=H100,
        method=METHODS[method],
        reference=REFERENCE,
        objective=objective,
    )


def test_a_fixed_value_wins_over_rule_and_recipe_and_says_who_fixed_it():
    plan = planned(
        plan_values={"rank": 8, "schedule": "cosine", "warmup_share": 0.1},
        told={"schedule": "--plan run.yaml"},
        settings=(Setting(key="rank", value=64, rule_id="some-rule"),),
    )
    assert (plan.rank, plan.alpha, plan.schedule, plan.warmup_share) == (8, 16.0, "cosine", 0.1)
    assert plan.reasons["rank"] == "--set"
    assert plan.reasons["schedule"] == "--plan run.yaml"


def test_an_unknown_field_is_answered_with_the_nearest():
    with pytest.raises(PlanError, match="did you mean 'learning_rate'"):
        planned(plan_values={"learning_rat": 1e-4})


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ("method", "--method"),
        ("model", "--model"),
        ("gpu", "--gpu"),
        ("method_options", "--option"),
    ],
)
def test_what_has_a_flag_of_its_own_is_sent_there(field, word):
    with pytest.raises(PlanError) as caught:
        planned(plan_values={field: "x"})
    assert word in caught.value.hint


@pytest.mark.parametrize(
    ("field", "value"), [("rank", 0), ("rank", "many"), ("warmup_share", 1.5), ("packing", 3)]
)
def test_a_value_out_of_range_is_refused(field, value):
    with pytest.raises(PlanError, match=field):
        planned(plan_values={field: value})


def test_text_of_a_yaml_file_is_read_as_the_number_it_means():
    assert checked_value("learning_rate", "2e-4") == 0.0002
    assert planned(plan_values={"learning_rate": "2e-4"}).learning_rate == 0.0002


@pytest.mark.parametrize(
    "values",
    [
        {"packing": True, "length_grouping": True},
        {"evaluations": 0, "early_stopping_patience": 3},
        {"general_share": 0.1},
    ],
)
def test_values_that_contradict_each_other_are_refused(values):
    with pytest.raises(PlanError):
        planned(plan_values=values)


def test_packing_of_pairs_is_refused_whoever_asks_for_it():
    with pytest.raises(PlanError, match="cannot be packed"):
        planned(objective=DPO, plan_values={"packing": True})


def test_no_looks_take_the_patience_of_a_rule_along():
    patient = Setting(key="early_stopping_patience", value=3, rule_id="some-rule")
    plan = planned(plan_values={"evaluations": 0}, settings=(patient,))
    assert plan.early_stopping_patience is None
    assert "looked at" in plan.reasons["early_stopping_patience"]


def test_an_open_value_can_be_taken_away():
    plan = planned(
        plan_values={"neftune_alpha": None},
        settings=(Setting(key="neftune_alpha", value=5.0, rule_id="some-rule"),),
    )
    assert plan.neftune_alpha is None


def test_a_method_without_rank_takes_none():
    plan = planned("ia3", plan_values={"rank": 8, "dropout": 0.1})
    assert plan.rank is None
    assert plan.dropout == 0.1
    assert planned("full", plan_values={"dropout": 0.1}).dropout == 0.0


def test_the_share_of_general_data_needs_general_data():
    rule = Setting(key="lora.general_share", value=0.05, rule_id="some-rule")
    assert planned(settings=(rule,)).general_share == 0.0
    mixed = planned(settings=(rule,), has_general_data=True)
    assert (mixed.general_share, mixed.reasons["general_share"]) == (0.05, "rule some-rule")


def test_devices_are_fixed_by_name_too():
    asked = as_request(EstimateRequest(plan_values={"gpus": 2, "strategy": "ddp", "seed": 7}))
    assert (asked.gpus, asked.strategy, asked.seed, asked.plan_values) == (2, "ddp", 7, {})


def test_checking_twice_changes_nothing():
    once = as_request(EstimateRequest(plan_values={"rank": 8, "schedule": "cosine"}))
    assert as_request(once) == once


def test_every_field_is_settable_or_sent_elsewhere():
    assert {"rank", "schedule", "evaluations", "stack"} <= set(SETTABLE)
    assert not {"model", "reasons", "method"} & set(SETTABLE)


@pytest.mark.parametrize("method", ["lora", "qlora", "ia3", "full"])
@pytest.mark.parametrize("objective", ["dpo", "kto", "orpo", "reward", "grpo"])
def test_an_objective_has_rates_of_its_own(method, objective):
    info = PluginInfo(id=objective, label=objective, defaults={"learning_rate": 1e-6})
    plan = planned(method, objective=info)
    plain = planned(method)
    assert plan.learning_rate < plain.learning_rate or objective == "reward"
    assert plan.reasons["learning_rate"] == (
        f"recipe {objective}-{'full' if method == 'full' else 'lora'}"
    )
    assert plan.method_options == {}  # this objective knows no beta


def test_an_adapter_prefers_at_ten_times_the_rate_of_all_weights():
    rates = [planned(m, objective=DPO).learning_rate for m in ("lora", "full")]
    assert rates[0] == pytest.approx(10 * rates[1])


def test_beta_is_told_where_the_objective_knows_it_and_can_be_overridden():
    plan = planned(objective=DPO)
    assert plan.method_options == {"beta": 0.1}
    assert plan.reasons["method_options.beta"] == "recipe dpo-lora"
    own = planned(objective=DPO, method_options={"beta": 0.3})
    assert own.method_options == {"beta": 0.3}


def test_small_models_prefer_at_rates_of_their_own():
    plan = planned(model=TINY, objective=DPO)
    assert plan.reasons["learning_rate"] == "recipe dpo-lora-tiny"
    assert plan.learning_rate > 1e-4


def test_text_is_packed_and_more_of_it_wants_more_rank():
    plan = planned(objective=CPT)
    assert (plan.packing, plan.rank, plan.epochs) == (True, 64, 1)
    much = Setting(key="cpt.lora.rank", value=256, rule_id="rank-for-much-text")
    assert planned(settings=(much,), objective=CPT).rank == 256
    assert planned(settings=(much,)).rank == 16
    assert planned("ia3", objective=CPT).rank is None
