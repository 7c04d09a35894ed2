"""Trained tokens and IA3 get rates and passes of their own, for few samples and for tiny models."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.catalog.query import reference
from advisor.contracts import MethodInfo
from advisor.rulebook.load import load_rulebook
from advisor.schema.profile import DataFacts, ModelFacts, Profile
from advisor.stages.decide import decide
from advisor.stages.estimate.plan.advised import suit_advice
from advisor.stages.estimate.plan.recipes import recipe_for

RULES = load_rulebook(Path("rules"))


def values(method: str, samples: int, billions: float) -> dict[str, object]:
    info = MethodInfo(id=method, label=method, recipe="lora")
    recipe = recipe_for(reference("stock").recipes, info, round(billions * 1e9))
    profile = Profile(
        data=DataFacts(labelled_samples=samples), model=ModelFacts(parameters_billion=billions)
    )
    found: dict[str, object] = {key: setting.value for key, setting in recipe.settings.items()}
    settings = decide(profile, RULES).settings
    suit_advice(found, {}, settings, recipe=recipe, info=info)
    return found


@pytest.mark.parametrize(
    ("method", "rate", "epochs"),
    [("prompt", 0.03, 50), ("prefix", 0.03, 50), ("p_tuning", 0.03, 50), ("ia3", 0.003, 100)],
)
def test_fifty_samples_are_seen_often_and_at_a_high_rate(method, rate, epochs):
    few, many = values(method, 50, 8.0), values(method, 5000, 8.0)
    assert (few["learning_rate"], few["epochs"]) == (rate, epochs)
    assert many["learning_rate"] == 0.001
    assert float(str(many["epochs"])) <= 3


@pytest.mark.parametrize(
    ("method", "rate", "epochs"),
    [("prompt", 0.3, 6), ("prefix", 0.3, 6), ("ia3", 0.03, 6), ("p_tuning", 0.004, 20)],
)
def test_tiny_models_have_rates_that_were_measured_on_one(method, rate, epochs):
    found = values(method, 50, 0.01)
    assert (found["learning_rate"], found["epochs"]) == (rate, epochs)
    assert (found["micro_batch_size"], found["gradient_accumulation_steps"]) == (8, 1)
