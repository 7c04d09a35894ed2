"""Packing is refused where the texts of a row see each other, whatever the architecture."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import PlanError
from tests.trainers.bench import bench_for, looked

pytestmark = [pytest.mark.ml, pytest.mark.filterwarnings("ignore")]

SMALL = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
}
FAMILIES: dict[str, tuple[bool, dict[str, Any]]] = {
    "gpt2": (True, {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 300}),
    "opt": (False, SMALL | {"ffn_dim": 64, "word_embed_proj_dim": 32}),
    "gpt_neox": (True, SMALL),
    "gemma2": (True, SMALL),
    "qwen3_moe": (
        True,
        SMALL | {"num_experts": 4, "moe_intermediate_size": 16, "num_experts_per_tok": 2},
    ),
    "bloom": (False, {"vocab_size": 300, "hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "mpt": (False, {"vocab_size": 300, "d_model": 32, "n_layers": 2, "n_heads": 4}),
    "mamba": (False, {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2}),
    "lfm2": (False, SMALL | {"layer_types": ["conv", "full_attention"]}),
}
"""Family -> whether it keeps packed texts apart on a CPU, and a small configuration."""
FIRST = ("gpt2", "opt")


def of_family(name: str, tokenizer_of: str, folder: Path) -> str:
    """A base with random weights, the tokenizer of another beside it."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    shutil.copytree(tokenizer_of, folder)
    (folder / "model.safetensors").unlink()
    torch.manual_seed(0)
    config = AutoConfig.for_model(name, **FAMILIES[name][1], bos_token_id=1, eos_token_id=2)
    model = AutoModelForCausalLM.from_config(config)
    for parameter in model.parameters():  # a state of fresh weights hardly carries anything on
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize(
    "family", [f if f in FIRST else pytest.param(f, marks=pytest.mark.slow) for f in FAMILIES]
)
def test_packing_is_refused_where_texts_see_each_other(
    tiny_llama: str, tmp_path: Path, family: str
):
    base = of_family(family, tiny_llama, tmp_path / "base")
    bench = bench_for(base, tmp_path, "full", packing=True)
    if FAMILIES[family][0]:
        assert looked(bench).rows < 24
        return
    # transformers itself says so of some (lfm2), and two forward passes show it of the others.
    with pytest.raises(PlanError, match=r"(texts of a packed row|given packed rows)") as told:
        looked(bench)
    assert "--no-packing" in told.value.hint
