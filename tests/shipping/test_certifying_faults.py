"""Faults planted in exports, each caught and named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from advisor.shipping.certifying import EXACT, ROUNDED
from tests.fixtures.tiny_llama import edit_json, tiny_llama
from tests.fixtures.witnesses import (
    SECRET_WORD,
    adapter,
    ask,
    builder,
    causes,
    evaluated,
    kept,
    merged,
    merged_into,
    place,
    planted,
    settled,
)

__all__ = [
    "adapter",
    "ask",
    "builder",
    "evaluated",
    "kept",
    "merged",
    "place",
    "planted",
    "settled",
    "tiny_llama",
]

pytestmark = pytest.mark.ml


def test_an_adapter_put_on_its_base_otherwise_is_named(ask, adapter, tmp_path):
    folder = Path(shutil.copytree(adapter, tmp_path / "adapter"))
    assert ask(folder).verdict == "same"
    edit_json(folder / "adapter_config.json", lora_alpha=8.01)  # answers alike, and is another
    found = ask(folder)
    assert found.verdict == "different"
    assert "lora_alpha is 8.01 instead of 8 in adapter_config.json" in causes(found)


def test_another_chat_template_is_caught_and_shown(ask, planted):
    template = planted / "chat_template.jinja"
    template.write_text(template.read_text().replace("'<|end|>'", "'\\n<|end|>'"))
    found = ask(planted)
    assert found.verdict == "different"
    assert found.same_prompts is False
    told = causes(found)
    assert "The chat template differs: 8 of 8 prompts" in told
    assert r"'<|end|><|user|>Good morn'" in told
    assert r"'\n<|end|><|user|>Good mor'" in told


def test_a_template_that_differs_on_the_users_prompts_alone_shows_nothing_of_them(ask, planted):
    template = planted / "chat_template.jinja"
    spoilt = template.read_text().replace(
        "m['content']", f"m['content'].replace('{SECRET_WORD}', '')"
    )
    template.write_text(spoilt)
    found = ask(planted)
    assert found.same_prompts is False
    assert "a plain prompt is read alike, the first other one differs from character" in causes(
        found
    )


def test_a_special_token_that_became_plain_letters_is_caught(ask, planted):
    tokenizer = planted / "tokenizer.json"
    told = json.loads(tokenizer.read_text())
    told["added_tokens"] = [t for t in told["added_tokens"] if t["content"] != "<|assistant|>"]
    tokenizer.write_text(json.dumps(told))
    edit_json(planted / "tokenizer_config.json", extra_special_tokens=[])
    found = ask(planted)
    assert found.same_prompts is False
    assert "The tokenizer differs: the same text is read as other tokens" in causes(found)


def test_a_stop_token_missing_in_one_file_is_caught(ask, planted):
    edit_json(planted / "generation_config.json", eos_token_id=None)
    found = ask(planted)
    assert found.verdict == "different"
    assert found.same_ends is False
    assert "stop token 2 is missing in generation_config.json" in causes(found)


def test_a_stop_token_missing_in_the_tokenizer_is_caught(ask, planted):
    edit_json(planted / "tokenizer_config.json", eos_token="<pad>")
    told = causes(ask(planted))
    assert "The stop token '<pad>' is new" in told
    edit_json(planted / "tokenizer_config.json", eos_token=None)
    told = causes(ask(planted))
    assert "The stop token '<|end|>' is missing in tokenizer_config.json" in told


def test_a_stop_token_missing_everywhere_is_caught(ask, planted):
    edit_json(planted / "generation_config.json", eos_token_id=4)
    edit_json(planted / "config.json", eos_token_id=4)
    edit_json(planted / "tokenizer_config.json", eos_token="<|user|>")
    found = ask(planted)
    assert found.verdict == "different"
    assert found.same_ends is False
    assert "The stop token '<|end|>' is missing: the evaluated model ends" in causes(found)


def test_a_merge_into_packed_weights_is_caught(ask, tiny_llama, adapter, tmp_path):
    pytest.importorskip("bitsandbytes")
    packed = merged_into(tiny_llama, adapter, tmp_path / "packed", bits=4)
    found = ask(packed)
    assert found.verdict == "different"
    told = causes(found)
    assert "packed in 4 bits (bitsandbytes), although the export is said to be in float32" in told
    assert "packed" not in causes(ask(packed, claims="nf4", tolerance=ROUNDED))


def test_weights_rounded_brutally_are_caught_and_a_little_is_let_pass(ask, planted):
    import torch
    from safetensors.torch import load_file, save_file

    file = planted / "model.safetensors"
    whole = load_file(file)
    save_file({name: tensor.bfloat16() for name, tensor in whole.items()}, file, {"format": "pt"})
    edit_json(planted / "config.json", dtype="bfloat16")
    mild = ask(planted, tolerance=EXACT._replace(least_equal=0.0))
    assert mild.verdict in {"same", "within_tolerance"}
    strict = ask(planted, tolerance=EXACT._replace(least_equal=1.01))
    assert "weights are in bfloat16, and the model was evaluated in float32" in causes(strict)
    rough = {name: torch.round(tensor * 20) / 20 for name, tensor in whole.items()}
    save_file(rough, file, {"format": "pt"})
    found = ask(planted, tolerance=ROUNDED)
    assert found.verdict == "different"
    assert "letter by letter" in causes(found)


def test_another_vocabulary_is_named_where_answers_differ(ask, tiny_llama, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny_llama)
    model.resize_token_embeddings(300, mean_resizing=False)
    model.save_pretrained(tmp_path / "wider")
    AutoTokenizer.from_pretrained(tiny_llama).save_pretrained(tmp_path / "wider")
    assert "Its vocabulary holds 300 tokens, that of the evaluated model" in causes(
        ask(tmp_path / "wider")
    )
