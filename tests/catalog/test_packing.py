"""A packed checkpoint is seen as such, and stays packed under adapters."""

from __future__ import annotations

import pytest

from advisor import registry
from advisor.catalog import query
from advisor.catalog.architectures import card_of
from advisor.errors import PlanError
from advisor.schema.base import Provenance
from advisor.schema.estimate import EstimateRequest
from advisor.stages.estimate.candidate import Inquiry, make_candidate

CONFIG = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
}


def compressed(**weights):
    return {
        "quant_method": "compressed-tensors",
        "config_groups": {"group_0": {"weights": weights}},
    }


def card(stated):
    config = CONFIG | {"quantization_config": stated}
    return card_of(config, "packed", Provenance(kind="computed"), where="config.json")


def candidate(stated, method, **wishes):
    request = EstimateRequest(as_of="2026-11-25", **wishes)
    asked = Inquiry(request, card(stated), {}, query.reference())
    return make_candidate(asked, query.find_gpu("h100"), registry.method(method))


@pytest.mark.parametrize(
    ("stated", "known_as"),
    [
        ({"quant_method": "gptq", "bits": 4}, "gptq"),
        ({"quant_method": "gptq", "bits": 8}, "int8"),
        ({"quant_method": "gptq", "bits": 3}, None),
        ({"quant_method": "awq", "bits": 4}, "awq"),
        ({"quant_method": "awq", "w_bit": 4}, "awq"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
        ({"quant_method": "fbgemm_fp8"}, "fp8"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "nf4"),
        ({"load_in_8bit": True, "load_in_4bit": False}, "int8"),
        (compressed(num_bits=4, type="int"), "gptq"),
        (compressed(num_bits=8, type="float"), "fp8"),
        (compressed(num_bits=4, type="float"), None),
        ({"quant_method": "exl2", "bits": 4.65}, None),
        ({"quant_method": "aqlm"}, None),
    ],
)
def test_a_packing_is_known_by_its_configuration(stated, known_as):
    model = card(stated)
    assert model.packing
    assert model.quantised_as == known_as


def test_a_packing_in_the_text_part_counts_too():
    config = {"model_type": "mistral3", "text_config": CONFIG | {"model_type": "mistral"}}
    config["text_config"]["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    model = card_of(config, "x", Provenance(kind="computed"), where="config.json")
    assert model.quantised_as == "gptq"


def test_mxfp4_is_unpacked_for_training_and_says_so():
    model = card({"quant_method": "mxfp4"})
    assert not model.packing
    assert "mxfp4" in model.provenance.note


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_adapters_keep_the_packing(method):
    option = candidate({"quant_method": "gptq", "bits": 4}, method).option
    assert (option.plan.quantisation, option.plan.base_bits) == ("gptq", 4)
    assert "gptq" in option.plan.reasons["quantisation"]
    plain = candidate({"quant_method": "gptq", "bits": 4}, "lora", quantisation="none").option
    assert plain.plan.base_bits == 16
    assert option.memory.allocated_gib.likely < 0.6 * plain.memory.allocated_gib.likely


def test_packed_weights_cannot_all_be_trained():
    found = candidate({"quant_method": "fp8"}, "full")
    assert found.is_blocked
    assert "packed as fp8" in found.option.warnings[0]
    assert not candidate({"quant_method": "fp8"}, "full", quantisation="none").is_blocked


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_what_nothing_trains_on_is_told(method):
    with pytest.raises(PlanError, match="packed as exl2"):
        candidate({"quant_method": "exl2", "bits": 4.65}, method)
