"""Default rules name plugins that exist, agree with each other, and leave no gap."""

import pytest

from advisor import registry
from advisor.resources import rules_root
from advisor.rulebook.engine import rank
from advisor.rulebook.load import load_rulebook
from advisor.schema.profile import DataFacts, ModelFacts, Profile

BOOK = load_rulebook(rules_root())
DEFAULTS = [rule for rule in BOOK.rules if rule.kind == "default" and rule.status == "active"]
SAMPLES = (1, 50, 500, 501, 1000, 1001, 9999, 10000, 99999, 100000, 299999, 300000, 1000000)
BILLIONS = (0.05, 0.5, 1.5, 3.0, 3.05, 8.0, 13.0, 29.995, 30.0, 70.0)


def settings(samples, billions):
    profile = Profile(
        data=DataFacts(labelled_samples=samples), model=ModelFacts(parameters_billion=billions)
    )
    return {setting.key: setting.value for setting in rank(profile, BOOK).settings}


def test_every_method_is_a_plugin():
    named = {a.value for rule in DEFAULTS for a in rule.then if a.key == "method"}
    assert named <= set(registry.names("advisor.methods"))
    assert named >= {"full", "lora", "qlora", "dora", "prompt", "ia3"}


def test_no_two_rules_claim_one_place_for_a_key():
    places = [(a.key, rule.order) for rule in DEFAULTS for a in rule.then]
    kinds = [place for place in places if place[0] != "method"]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize("billions", BILLIONS)
@pytest.mark.parametrize("samples", SAMPLES)
def test_ordinary_plans_are_filled_without_a_gap(samples, billions):
    filled = settings(samples, billions)
    assert filled.keys() >= {
        "lora.rank",
        "lora.alpha",
        "lora.target_modules",
        "lora.learning_rate",
        "full.learning_rate",
        "epochs",
        "gradient_accumulation_steps",
    }
    assert 5 <= filled["lora.learning_rate"] / filled["full.learning_rate"] <= 20


@pytest.mark.parametrize("key", ["lora.rank", "gradient_accumulation_steps"])
def test_more_data_never_lowers(key):
    values = [settings(samples, 8.0)[key] for samples in SAMPLES]
    assert values == sorted(values)
    assert len(set(values)) > 1


def test_more_data_never_raises_the_epochs():
    values = [settings(samples, 8.0)["epochs"] for samples in SAMPLES]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("key", ["lora.learning_rate", "full.learning_rate"])
def test_a_larger_model_never_learns_faster(key):
    rates = [settings(5000, billions)[key] for billions in BILLIONS]
    assert rates == sorted(rates, reverse=True)


def test_models_below_fifty_million_keep_their_recipe():
    filled = settings(300, 0.01)
    assert not {"lora.learning_rate", "full.learning_rate", "epochs"} & filled.keys()
    assert "gradient_accumulation_steps" not in filled
