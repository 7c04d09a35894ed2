"""A plan's step followed without weights, and the probe's answer where there is no GPU."""

import json
from pathlib import Path

import pytest

from advisor.contracts import Tracer
from advisor.errors import TrainingError
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard
from tests.fixtures.training import training_plan
from trainers.engines.trl import TrlTrainer
from trainers.engines.trl.tracing import configuration_of, traced

CONFIG = {
    "model_type": "llama",
    "hidden_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 512,
    "vocab_size": 1000,
}
GIB = 2**30


def card(configuration: str = json.dumps(CONFIG), **changes) -> ModelCard:
    return ModelCard(
        id="small",
        hidden_size=256,
        layers=2,
        attention_heads=4,
        key_value_heads=2,
        head_dim=64,
        intermediate_size=512,
        vocabulary_size=1000,
        parameters=1,
        configuration=configuration,
        provenance=Provenance(kind="table", source="test"),
        **changes,
    )


def plan(method="full", **changes):
    return training_plan("small", method, dropout=0.0, sequence_length=64, **changes)


def test_the_trl_trainer_is_a_tracer():
    assert isinstance(TrlTrainer(), Tracer)


def test_the_configuration_comes_from_the_card_or_from_the_folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    assert configuration_of(card()) == CONFIG
    assert configuration_of(card("", local_path=str(tmp_path))) == CONFIG
    with pytest.raises(TrainingError, match="only its numbers"):
        configuration_of(card(""))
    (tmp_path / "config.json").write_text("{broken")
    with pytest.raises(TrainingError, match=r"config\.json cannot be read"):
        configuration_of(card("", local_path=str(tmp_path)))


@pytest.mark.ml
def test_full_tuning_ends_with_weights_gradients_and_two_states():
    found = TrlTrainer().trace(plan(optimizer="adamw_torch_fused"), card())
    states = 16 * found.trainable_parameters / GIB
    assert found.kind == "simulated"
    assert found.phases_gib["optimizer_step"] == pytest.approx(states, rel=0.01)
    assert found.allocated_gib == max(found.phases_gib.values()) >= states
    assert found.versions["torch"]


@pytest.mark.ml
def test_packed_weights_are_told_as_closed_form():
    found = TrlTrainer().trace(plan("qlora", precision="bfloat16"), card())
    assert found.closed_form == ("14 linear layers as packed 4-bit weights",)


@pytest.mark.ml
def test_what_cannot_be_followed_is_told_with_the_reason():
    with pytest.raises(TrainingError, match="one GPU kernel"):
        TrlTrainer().trace(plan(loss_head="fused_linear"), card())


@pytest.mark.ml
def test_a_trace_that_takes_too_long_is_given_up():
    with pytest.raises(TrainingError, match="more than 0 seconds"):
        traced(plan(), card(), seconds=0.1)


@pytest.mark.ml
def test_a_probe_without_a_gpu_says_so(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(TrainingError, match="no GPU"):
        TrlTrainer().probe(plan(), card())


@pytest.mark.gpu
def test_a_probe_agrees_with_the_trace(tmp_path: Path):
    wanted = plan(precision="bfloat16", base_bits=16)
    probed, followed = TrlTrainer().probe(wanted, card()), TrlTrainer().trace(wanted, card())
    assert probed.trainable_parameters == followed.trainable_parameters
    assert probed.allocated_gib == pytest.approx(followed.allocated_gib, rel=0.2)
    assert probed.reserved_gib >= probed.allocated_gib
