from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from advisor.catalog import query
from advisor.catalog.architectures import card_of, known_families, read_config
from advisor.catalog.load import catalog_root, files_in
from advisor.errors import UnsupportedArchitectureError
from advisor.schema.base import Provenance

GOLDEN = yaml.safe_load(
    (Path(__file__).parents[1] / "golden" / "parameters.yaml").read_text(encoding="utf-8")
)
MODELS = {card.id: card for card in query.models()}


def card(config):
    return card_of(config, "x", Provenance(kind="computed"), where="config.json")


@pytest.mark.parametrize(("name", "parameters"), GOLDEN["catalog"].items())
def test_a_catalog_model_has_the_count_of_transformers(name, parameters):
    assert MODELS[name].parameters == parameters


@pytest.mark.parametrize("entry", GOLDEN["configurations"], ids=lambda entry: entry["name"])
def test_a_configuration_has_the_count_of_transformers(entry):
    assert card(entry["config"]).parameters == entry["parameters"]


@pytest.mark.parametrize(("name", "entry"), GOLDEN["published"].items())
def test_a_model_without_a_class_has_the_published_count(name, entry):
    assert MODELS[name].parameters == entry["parameters"]


def test_enough_is_compared():
    assert len(GOLDEN["catalog"]) >= 150
    assert len(GOLDEN["published"]) >= 10


@pytest.mark.parametrize("name", MODELS)
def test_a_card_is_the_sum_of_its_parts(name):
    model = MODELS[name]
    layers = sum(group.count * group.parameters for group in model.groups)
    rest = model.parameters - model.embedding_parameters - model.head_parameters - layers
    assert sum(group.count for group in model.groups) == model.layers
    assert 0 <= rest < 0.08 * model.parameters
    assert not model.is_approximate
    assert model.tied_embeddings or model.head_parameters >= model.vocabulary_size
    assert (model.active_parameters is not None) == any(group.experts for group in model.groups)


@pytest.mark.parametrize("name", MODELS)
def test_attention_stands_first_and_each_part_ends_at_the_hidden_width(name):
    model = MODELS[name]
    for group in model.groups:
        parts = [linear.part for linear in group.linears]
        assert parts == sorted(parts, key=("attention", "router", "feed_forward").index)
        for part in ("attention", "feed_forward"):
            last = [linear for linear in group.linears if linear.part == part][-1]
            assert last.outputs == model.hidden_size
        routed = [linear.copies > 1 for linear in group.linears if linear.part == "feed_forward"]
        assert routed == sorted(routed, reverse=True)


@pytest.mark.parametrize(
    ("name", "active"),
    [
        ("mixtral-8x7b", 12.88e9),
        ("qwen3-30b-a3b", 3.3e9),
        ("gpt-oss-20b", 4.19e9),  # 3.6 are published, without the embeddings
        ("deepseek-v3", 37.5e9),
        ("llama-4-scout", 17.2e9),
    ],
)
def test_a_token_goes_through_some_experts_only(name, active):
    assert MODELS[name].active_parameters == pytest.approx(active, rel=0.03)


def test_layers_of_different_shape_are_apart():
    by_experts = [(group.count, group.experts) for group in MODELS["deepseek-v3"].groups]
    assert by_experts == [(3, 0), (58, 256)]
    by_window = [(group.count, group.window) for group in MODELS["gemma-3-27b"].groups]
    assert by_window == [(52, 1024), (10, None)]
    sides = [(group.count, group.cross_attention) for group in MODELS["flan-t5-xl"].groups]
    assert sides == [(24, False), (24, True)]


def test_experts_in_one_tensor_are_no_modules():
    (group,) = MODELS["mixtral-8x7b"].groups
    fused = {
        each.name: (each.copies, each.active_copies) for each in group.linears if not each.is_module
    }
    assert fused == {"gate": (1, 1), "gate_up_proj": (8, 2), "down_proj": (8, 2)}


def test_the_embedded_model_has_groups():
    model = query.find_model("tiny")
    assert model.family == "llama"
    assert model.groups[0].count == model.layers


def test_of_a_multi_modal_configuration_the_language_model_is_read():
    entry = next(e for e in GOLDEN["configurations"] if e["name"] == "gemma-3-4b-multi-modal")
    model = card(entry["config"])
    assert model.family == "gemma3_text"
    assert "multi-modal" in model.provenance.note


UNKNOWN = {
    "model_type": "newcomer",
    "architectures": ["NewcomerForCausalLM"],
    "hidden_size": 1024,
    "num_hidden_layers": 8,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "intermediate_size": 2816,
    "vocab_size": 32000,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
}


def test_an_unknown_architecture_is_read_by_common_keys_and_says_so():
    model = card(UNKNOWN)
    as_llama = card(UNKNOWN | {"model_type": "llama"})
    assert model.is_approximate
    assert "NewcomerForCausalLM" in model.provenance.note
    assert model.parameters == as_llama.parameters


def test_the_fallback_knows_a_plain_feed_forward_and_other_keys():
    model = card(
        {"model_type": "older", "n_embd": 512, "n_layer": 4, "n_head": 8, "vocab_size": 1000}
    )
    assert model.is_approximate
    assert not model.gated_mlp
    assert model.intermediate_size == 2048


def test_the_fallback_knows_experts():
    model = card(
        UNKNOWN | {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 512}
    )
    assert model.groups[0].experts == 8
    assert model.active_parameters < model.parameters


def test_the_fallback_is_near_for_families_that_are_known():
    errors, refused = [], set()
    for name, config in catalog_configs().items():
        if MODELS[name].kind == "decoder":
            try:
                read = card(config | {"model_type": "unheard-of", "architectures": None})
            except UnsupportedArchitectureError:
                refused.add(MODELS[name].family)
                continue
            errors.append(abs(read.parameters / MODELS[name].parameters - 1))
    errors.sort()
    assert len(errors) > 200
    assert refused == {"gemma4_text", "granitemoehybrid", "lfm2", "llama4_text"}
    assert errors[len(errors) // 2] < 0.001
    assert errors[int(0.9 * len(errors))] < 0.06


def test_the_fallback_knows_latent_attention_and_delta_nets():
    for name, word in (("deepseek-v2-lite", "latent attention"), ("qwen3.5-9b", "delta nets")):
        model = card(catalog_configs()[name] | {"model_type": "unheard-of"})
        assert model.parameters == MODELS[name].parameters
        assert model.is_approximate
        assert word in model.provenance.note


def catalog_configs():
    files = files_in(catalog_root() / "models")
    entries = [m for f in files for m in yaml.safe_load(f.read_text(encoding="utf-8"))["models"]]
    return {entry["id"]: entry["config"] for entry in entries}


def test_the_fallback_takes_odd_numbers_as_they_come():
    model = card(UNKNOWN | {"intermediate_size": [2048, 2816], "num_key_value_heads": "few"})
    assert model.intermediate_size == 2816
    assert model.key_value_heads == 16


@pytest.mark.parametrize("missing", ["hidden_size", "num_hidden_layers", "vocab_size"])
def test_without_the_main_numbers_nothing_is_guessed(missing):
    config = {key: value for key, value in UNKNOWN.items() if key != missing}
    with pytest.raises(UnsupportedArchitectureError, match="NewcomerForCausalLM"):
        card(config)


@pytest.mark.parametrize("family", ["mamba", "albert", "whisper"])
def test_what_is_built_otherwise_is_refused(family):
    with pytest.raises(UnsupportedArchitectureError, match="not supported"):
        card(UNKNOWN | {"model_type": family})


def test_a_missing_number_of_a_known_family_is_told(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}), encoding="utf-8")
    with pytest.raises(UnsupportedArchitectureError, match="'num_attention_heads'") as caught:
        read_config(tmp_path / "config.json", "x", None)
    assert str(tmp_path) in caught.value.where


@pytest.mark.parametrize(
    "change",
    [
        {"num_hidden_layers": 10**12},
        {"num_hidden_layers": 10**18, "model_type": "newcomer"},
        {"hidden_size": 10**12},
        {"vocab_size": 10**15},
        {"num_key_value_heads": 32},
        {"layer_types": 7, "model_type": "gemma3_text"},
        {"sliding_window": "wide", "model_type": "gemma3_text"},
    ],
)
def test_what_no_model_has_is_told(change):
    with pytest.raises(UnsupportedArchitectureError) as caught:
        card(UNKNOWN | {"model_type": "llama"} | change)
    assert caught.value.where == "config.json"


@pytest.mark.parametrize("named", [3, True, "LlamaForCausalLM", None, {}])
def test_architectures_may_be_anything(named):
    assert card(UNKNOWN | {"model_type": "llama", "architectures": named}).layers == 8


@pytest.mark.parametrize(
    "entry",
    [
        {"num_sparse_experts": 8},
        {"mamba_d_state": 16},
        {"conv_kernel_size": 4},
        {"H_cycles": 2},
        {"hidden_size_per_layer_input": 256},
        {"laurel_rank": 64},
        {"linear_attn_config": {"num_heads": 4}},
        {"is_hybrid": True},
        {"layer_types": ["full_attention", "linear_attention"] * 4},
        {"expert_layer_period": 2, "num_experts": 8},
    ],
)
def test_parts_that_nobody_reads_are_refused_not_guessed(entry):
    with pytest.raises(UnsupportedArchitectureError, match="parts nobody reads"):
        card(UNKNOWN | entry)


def test_names_and_fractions_signal_nothing():
    harmless = {"router_aux_loss_coef": 0.01, "moe_implementation": "eager", "use_mamba": False}
    assert card(UNKNOWN | harmless).parameters == card(UNKNOWN).parameters


def test_every_family_of_the_catalog_has_a_reader():
    assert {model.family for model in MODELS.values()} <= set(known_families())
    assert len(known_families()) >= 60
    assert len(set(known_families())) == len(known_families())
