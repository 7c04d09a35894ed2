"""What stands on a base: adapters of PEFT, weights that a method kept, and bases that are not theirs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import ModelFolderError, UnsupportedArchitectureError
from tests.fixtures.tiny_llama import edit_json, make_tiny_llama
from tests.fixtures.training import prompt, training_plan

pytestmark = pytest.mark.ml
CASES = {
    "lora": {"rank": 4},
    "adapter": {"rank": None, "method_options": {"bottleneck": 8}},
}


def disturb(model) -> None:
    import torch

    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.2 * torch.randn_like(parameter))


def leave(base: Path, folder: Path, method: str) -> Path:
    """What training with the method would have left: weights, and the facts of the base."""
    from transformers import AutoModelForCausalLM

    from advisor.builtin.backends.quiet import quiet
    from advisor.contracts import Keeping
    from advisor.contracts.base_facts import BASE_FACTS, weights_digest

    plan = training_plan(str(base), method, dropout=0.0, **CASES[method])
    model = AutoModelForCausalLM.from_pretrained(base)
    plugin = registry.method(method)
    assert isinstance(plugin, Keeping)
    with quiet():  # the libraries warn of each other's old names
        trained = plugin.apply(model, plan).model
    disturb(trained)
    folder.mkdir()
    plugin.keep(trained, folder)
    facts = {"model": str(base), "base_digest": weights_digest(base), "method": method}
    (folder / BASE_FACTS).write_text(json.dumps(facts | {"precision": "float32"}))
    return folder


@pytest.fixture
def base(tiny_llama: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_llama, tmp_path / "base"))


def answer(folder: Path) -> str:
    with registry.backend("transformers").open(str(folder), {"device": "cpu"}) as session:
        return session.generate([prompt("What is 3 plus two?")], max_new_tokens=8)[0].text


@pytest.mark.parametrize("method", sorted(CASES))
def test_what_a_method_left_answers_otherwise_than_its_base(
    base: Path, tmp_path: Path, method: str
):
    folder = leave(base, tmp_path / "left", method)
    assert not (folder / "config.json").exists()
    assert answer(folder) != answer(base)


@pytest.mark.parametrize("method", sorted(CASES))
def test_a_base_of_other_weights_is_told(base: Path, tmp_path: Path, method: str):
    from safetensors.torch import load_file, save_file

    folder = leave(base, tmp_path / "left", method)
    weights = load_file(base / "model.safetensors")
    weights["model.norm.weight"] += 1
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelFolderError, match="trained on another base"):
        answer(folder)


@pytest.mark.parametrize("method", sorted(CASES))
def test_a_base_of_another_shape_is_told_without_any_digest(
    tmp_path: Path, base: Path, method: str
):
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = leave(base, tmp_path / "left", method)
    edit_json(folder / "base.json", base_digest="")
    config = LlamaConfig.from_pretrained(base, hidden_size=32, intermediate_size=64)
    LlamaForCausalLM(config).save_pretrained(base)
    with pytest.raises(ModelFolderError, match="trained on another base"):
        answer(folder)


def test_a_tokenizer_written_anew_is_no_other_base(base: Path, tmp_path: Path):
    folder = leave(base, tmp_path / "left", "adapter")
    before = answer(folder)
    edit_json(base / "tokenizer_config.json", model_max_length=128)
    (base / "README.md").write_text("new")
    assert answer(folder) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "full"}, "kept by the method 'full'"),
        ({"model": "/gone/base"}, "'/gone/base' is not there"),
    ],
)
def test_facts_that_lead_nowhere_are_told(base: Path, tmp_path: Path, changes: dict, words: str):
    folder = leave(base, tmp_path / "left", "adapter")
    edit_json(folder / "base.json", **changes)
    with pytest.raises(ModelFolderError, match=words):
        answer(folder)


def test_kept_weights_that_are_broken_are_told(base: Path, tmp_path: Path):
    folder = leave(base, tmp_path / "left", "adapter")
    (folder / "bottleneck.safetensors").write_bytes(b"half")
    with pytest.raises(ModelFolderError, match="cannot be read"):
        answer(folder)
    (folder / "bottleneck.safetensors").unlink()
    with pytest.raises(ModelFolderError, match="no weights"):
        answer(folder)


def test_a_reward_model_writes_no_answers(tmp_path: Path):
    from transformers import LlamaConfig, LlamaForSequenceClassification

    folder = make_tiny_llama(tmp_path / "reward")
    config = LlamaConfig.from_pretrained(folder, num_labels=1)
    LlamaForSequenceClassification(config).save_pretrained(folder)
    with pytest.raises(UnsupportedArchitectureError, match="gives scores"):
        answer(folder)
