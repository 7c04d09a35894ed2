"""Writes the trained network as a standard LlamaForCausalLM folder."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from examples.pretrain_tiny.network import Shape, TinyLlama
from examples.pretrain_tiny.tokenizer import BOS, END, PAD


def llama_config(shape: Shape) -> LlamaConfig:
    """Describe the network in transformers' terms."""
    return LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        intermediate_size=shape.hidden,
        max_position_embeddings=shape.positions,
        tie_word_embeddings=True,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
        bos_token_id=BOS,
        eos_token_id=END,
        pad_token_id=PAD,
    )


def llama_state(model: TinyLlama) -> dict[str, Tensor]:
    """Rename and split the weights."""
    state = {
        "model.embed_tokens.weight": model.embedding,
        "model.norm.weight": model.norm,
        "lm_head.weight": model.embedding,
    }
    for index, layer in enumerate(model.layers):
        prefix = f"model.layers.{index}."
        query, key, value = layer.qkv.chunk(3)
        gate, up = layer.gate_up.chunk(2)
        names = {
            "self_attn.q_proj": query,
            "self_attn.k_proj": key,
            "self_attn.v_proj": value,
            "self_attn.o_proj": layer.out,
            "mlp.gate_proj": gate,
            "mlp.up_proj": up,
            "mlp.down_proj": layer.down,
            "input_layernorm": layer.norm_attention,
            "post_attention_layernorm": layer.norm_feed,
        }
        state |= {f"{prefix}{name}.weight": tensor for name, tensor in names.items()}
    return {name: tensor.detach().clone() for name, tensor in state.items()}


def to_llama(model: TinyLlama, dtype: torch.dtype = torch.float32) -> LlamaForCausalLM:
    """Build the transformers model with the trained weights."""
    llama = LlamaForCausalLM(llama_config(model.shape))
    llama.load_state_dict(llama_state(model), strict=True)
    llama.generation_config.eos_token_id = END
    llama.generation_config.pad_token_id = PAD
    llama.generation_config.do_sample = False
    return llama.to(dtype).eval()


def export(model: TinyLlama, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Save weights (float16), configuration, tokenizer and chat template."""
    folder.mkdir(parents=True, exist_ok=True)
    to_llama(model, torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
