"""Small models of several families: as transformers builds them, and as a card."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest

from advisor.catalog import query
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import Plan

SMALL = {"hidden_size": 96, "intermediate_size": 160, "num_hidden_layers": 3, "vocab_size": 200}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2}
CONFIGS: dict[str, dict[str, Any]] = {
    "llama": {**SMALL, **HEADS},
    "qwen2": {**SMALL, **HEADS},
    "gemma2": {**SMALL, **HEADS, "head_dim": 32},
    "phi3": {**SMALL, **HEADS, "pad_token_id": 0},
    "qwen3_moe": {
        **SMALL,
        **HEADS,
        "head_dim": 24,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 64,
    },
    "qwen2_moe": {
        **SMALL,
        **HEADS,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 64,
        "shared_expert_intermediate_size": 80,
    },
    "mixtral": {**SMALL, **HEADS, "num_local_experts": 4},
    "deepseek_v3": {
        **SMALL,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "q_lora_rank": 32,
        "kv_lora_rank": 24,
        "qk_rope_head_dim": 16,
        "qk_nope_head_dim": 16,
        "v_head_dim": 24,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 64,
        "n_shared_experts": 1,
        "n_group": 1,
        "topk_group": 1,
        "first_k_dense_replace": 1,
    },
    "gpt2": {"n_embd": 96, "n_inner": 160, "n_layer": 3, "n_head": 4, "vocab_size": 200},
    "opt": {
        "hidden_size": 96,
        "ffn_dim": 160,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "vocab_size": 200,
        "word_embed_proj_dim": 96,
        "max_position_embeddings": 128,
    },
}


@dataclass(frozen=True)
class Family:
    name: str
    card: ModelCard
    config: Any

    def build(self):
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_config(copy.deepcopy(self.config))


@pytest.fixture(scope="session", params=sorted(CONFIGS))
def family(request, tmp_path_factory) -> Family:
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.for_model(request.param, **CONFIGS[request.param])
    config.architectures = [
        transformers.AutoModelForCausalLM.from_config(config).__class__.__name__
    ]
    folder = tmp_path_factory.mktemp(request.param)
    config.save_pretrained(folder)
    return Family(request.param, query.find_model(str(folder)), config)


def make_plan(method: str, **wishes: Any) -> Plan:
    values: dict[str, Any] = {
        "model": "small",
        "method": method,
        "precision": "bfloat16",
        "base_bits": 16,
        "rank": 8,
        "sequence_length": 64,
        "micro_batch_size": 2,
        "learning_rate": 1e-4,
        "epochs": 1,
        "gpu": "h100",
        "gradient_checkpointing": False,
    }
    return Plan(**{**values, **wishes})


@pytest.fixture(scope="session")
def plan_of():
    return make_plan
