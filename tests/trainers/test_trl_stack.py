"""What one training left is the base of the next: merged unpacked, opened again, never mixed up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advisor import registry
from advisor.errors import ModelFolderError, PlanError
from advisor.schema.evaluation import Sample
from advisor.schema.train import TrainResult
from tests.fixtures.tiny_llama import edit_json
from tests.fixtures.training import RecordingTools, prompt, training_job, training_samples

pytestmark = [pytest.mark.ml, pytest.mark.filterwarnings("ignore")]


def train(model: str, folder: Path, method: str = "lora", **changes: Any) -> TrainResult:
    job = training_job(model, folder, method, dropout=0.0, epochs=1, **changes)
    return registry.trainer("trl").train(job, RecordingTools())


def pairs() -> tuple[Sample, ...]:
    return tuple(s.model_copy(update={"rejected": "No idea."}) for s in training_samples(8))


def answer(folder: str) -> str:
    with registry.backend("transformers").open(folder, {"device": "cpu"}) as session:
        return session.generate([prompt("What is 3 plus two?")], max_new_tokens=12)[0].text


@pytest.fixture(scope="module")
def first(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    return train(tiny_llama, tmp_path_factory.mktemp("first") / "out").served_by.model


def test_preferences_are_learned_on_top_of_answers(first: str, tmp_path: Path):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from trainers.engines.trl._model import open_base

    second = train(first, tmp_path / "out", objective="dpo", train_samples=pairs())
    folder = Path(second.served_by.model)
    assert "merged into its unpacked base" in second.notes[0]
    assert f'"{first}"' in (folder / "adapter_config.json").read_text()
    ids = torch.tensor([[5, 60, 70, 80]])
    job = training_job(first, tmp_path / "unused")
    merged = open_base(job.plan).eval()
    PeftModel.from_pretrained(merged, str(folder))
    by_hand = PeftModel.from_pretrained(
        PeftModel.from_pretrained(
            AutoModelForCausalLM.from_pretrained(_base_of(first)), first
        ).merge_and_unload(),
        str(folder),
    )
    assert torch.allclose(merged(ids).logits, by_hand(ids).logits, atol=1e-5)
    assert answer(str(folder)) != answer(_base_of(first))


def _base_of(folder: str) -> str:
    import json

    return str(json.loads((Path(folder) / "base.json").read_text())["model"])


def test_a_stack_may_be_packed_or_scored_afterwards(first: str, tmp_path: Path):
    from trainers.engines.trl._model import open_base

    packed = training_job(first, tmp_path, "qlora", base_bits=4, quantisation="nf4").plan
    model = open_base(packed)
    assert model.is_loaded_in_4bit
    assert model.config.name_or_path == first
    scored = open_base(training_job(first, tmp_path).plan, head="score")
    assert scored.score.out_features == 1


def test_an_adapter_whose_base_was_replaced_is_told(first: str, tiny_llama: str, tmp_path: Path):
    import shutil

    copied = Path(shutil.copytree(first, tmp_path / "copied"))
    edit_json(copied / "base.json", base_digest="0123456789abcdef")
    with pytest.raises(ModelFolderError, match="trained on another base"):
        train(str(copied), tmp_path / "out")


def test_what_cannot_be_merged_is_told(tiny_llama: str, tmp_path: Path):
    options = {"rank": None, "method_options": {"bottleneck": 4}}
    beside = train(tiny_llama, tmp_path / "first", "adapter", **options).served_by.model
    with pytest.raises(PlanError, match="cannot be merged"):
        train(beside, tmp_path / "second")
