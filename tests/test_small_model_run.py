from __future__ import annotations

from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import PlanError, UnknownPluginError
from advisor.schema.gate import GateVerdict
from advisor.schema.run import RunSettings
from advisor.small_model_run import (
    METHODS,
    advised,
    encoder_card,
    encoder_of,
    encoder_wishes,
    suited,
    tunes_encoder,
)
from tests.fixtures.tiny_encoder import make_tiny_encoder


def verdict(word: str, recommended: str) -> GateVerdict:
    return GateVerdict.model_construct(verdict=word, recommended=recommended)


def test_labels_take_the_trainer_that_learns_them():
    found = suited(RunSettings(objective="classification"))
    assert found.trainer == "small_model"
    assert tunes_encoder(found)


def test_the_trainer_takes_its_objective():
    assert suited(RunSettings(trainer="small_model")).objective == "classification"


def test_other_runs_stay_as_they_are():
    for settings in (RunSettings(), RunSettings(objective="dpo"), RunSettings(trainer="dry_run")):
        assert suited(settings) == settings
        assert not tunes_encoder(settings)


def test_trainer_and_objective_that_do_not_go_together_are_told():
    with pytest.raises(PlanError, match="learns labels; the objective is 'dpo'"):
        suited(RunSettings(trainer="small_model", objective="dpo"))
    with pytest.raises(UnknownPluginError):
        suited(RunSettings(trainer="smal_model"))


def test_the_gate_chooses_the_encoder_where_nobody_chose():
    found = advised(RunSettings(), verdict("train", "small_model"))
    assert (found.trainer, found.objective) == ("small_model", "classification")
    assert advised(RunSettings(), verdict("train", "fine_tuning")) is None
    assert advised(RunSettings(), verdict("stop", "small_model")) is None


@pytest.mark.parametrize(
    "own",
    [{"objective": "sft"}, {"methods": ("lora",)}, {"trainer": "dry_run"}, {"plan": {"rank": 4}}],
)
def test_what_the_user_chose_stands(own):
    assert advised(RunSettings(**own), verdict("train", "small_model")) is None


def test_the_trainer_says_that_it_takes_what_is_planned():
    pairs = registry.trainer("small_model").info.pairs
    assert {("classification", method) for method in METHODS} <= set(pairs)
    assert encoder_wishes()["methods"] == METHODS


def test_a_folder_that_is_none_is_told():
    with pytest.raises(PlanError, match="no folder '/no/such' with an encoder"):
        encoder_of(RunSettings(method_options={"encoder": "/no/such"}))


@pytest.mark.ml
def test_the_encoder_is_planned_for_by_its_own_sizes(tmp_path):
    tiny_encoder = str(make_tiny_encoder(tmp_path / "encoder"))
    settings = RunSettings(method_options={"encoder": tiny_encoder})
    card = encoder_card(settings)
    assert (card.id, card.kind, card.hidden_size) == ("encoder", "encoder", 32)
    assert encoder_of(settings) == Path(tiny_encoder).resolve()
    assert encoder_of(RunSettings(embedder=tiny_encoder)) == Path(tiny_encoder)
